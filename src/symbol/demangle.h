/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demangle.h: C++, Rust (legacy and v0) and D names through libiberty, without parameters and with
 * template arguments. Rust hashes (::h0123456789abcdef) are dropped; compiler clones (.isra.0,
 * .part.1, .cold, .constprop.0, .lto_priv.2, .llvm.123) show the clean name of the function they
 * were cut from.
 */
#ifndef SS_SYMBOL_DEMANGLE_H
#define SS_SYMBOL_DEMANGLE_H

/*
 * A malloc'd readable name, never NULL unless memory is out; a name that is not mangled comes back
 * as it is (less clone suffixes). Bounded: names longer than 16 KiB are not demangled, and the result
 * is cut as by demangle_cut.
 */
char *demangle(const char *name);

/*
 * Cut a name of more than 4 KiB, in place, where its outermost template arguments begin:
 * "ns::f<...>"; if there are none, anywhere: "abc...". Returns it.
 */
char *demangle_cut(char *name);

#endif
