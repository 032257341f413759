/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.h: the values of options, parsed strictly: no sign, no blank, no trailing text, no silent
 * overflow. Pure functions over foreign text, fuzzed.
 *
 * All return 0, or -EINVAL with *err filled with kind ARGUMENT. `what` names the value in the
 * message.
 */
#ifndef SS_CLI_PARSE_H
#define SS_CLI_PARSE_H

#include <stacksnap.h>

enum {
	ID_LIST_MAX = 4096,
};

/* Process or thread ids in the order given, each one once. */
struct id_list {
	pid_t ids[ID_LIST_MAX];
	size_t n;
};

int parse_fail(struct ss_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int parse_number(const char *text, const char *what, unsigned min, unsigned max, unsigned *ret,
		 struct ss_error *err);

/* "100ms", "2.5s", "1m", "300us", "40ns"; a bare number is seconds. More than 0, at most 1000 h. */
int parse_duration(const char *text, const char *what, uint64_t *ret_ns, struct ss_error *err);

/* "12" or "12,34": added to *list. */
int parse_ids(const char *text, const char *what, struct id_list *list, struct ss_error *err);

/* The index of text in a NULL-terminated list of names. */
int parse_choice(const char *text, const char *what, const char *const *names, unsigned *ret,
		 struct ss_error *err);

#endif
