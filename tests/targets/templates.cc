// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * templates.cc: functions with names that are too long. The main thread rests in rest, called by
 * the Doubled one, whose name is short as the linker has it and a quarter of a megabyte written out,
 * called by the Listed one, whose name has more than 1024 bytes as the linker has it.
 */
#include "target.h"

template <class A, class B> struct Pair {
};

template <int N> struct Doubled {
	typedef Pair<typename Doubled<N - 1>::type,
		     Pair<typename Doubled<N - 1>::type, Pair<int[N], char>>>
		type;
};

template <> struct Doubled<0> {
	typedef int type;
};

template <int... N> struct Listed {
};

static NOINLINE void rest()
{
	target_ready();
	target_rest();
}

template <class T> NOINLINE void written_out(T *)
{
	rest();
	KEEP_FRAME();
}

template <class T> NOINLINE void linked(T *)
{
	written_out(static_cast<Doubled<12>::type *>(nullptr));
	KEEP_FRAME();
}

#define TEN(n)     n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9
#define HUNDRED(n) TEN(n##0), TEN(n##1), TEN(n##2), TEN(n##3), TEN(n##4), TEN(n##5)

int main()
{
	target_begin();
	linked(static_cast<Listed<HUNDRED(1), HUNDRED(2), HUNDRED(3), HUNDRED(4)> *>(nullptr));
}
