#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TAP: every header compiles alone; the public one as C11 and as C++ too. CPPFLAGS may hold what
# pkg-config says.
cd "${SRC:-.}" || exit 1
: "${CC:=gcc}" "${CXX:=g++}"
n=0 bad=0
flags="-Iinclude -Isrc ${CPPFLAGS:-} -Wall -Wextra -Werror -fsyntax-only"

check() { # NAME COMMAND...
	name=$1
	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		bad=1
		echo "not ok $n - $name"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}

for header in src/*/*.h; do
	# shellcheck disable=SC2086 # flags are words
	check "$header compiles alone" $CC -std=gnu11 -D_GNU_SOURCE $flags -x c "$header"
done
# shellcheck disable=SC2086
check "stacksnap.h is C11" $CC -std=c11 -pedantic $flags -x c include/stacksnap.h
# shellcheck disable=SC2086
check "stacksnap.h is C++" $CXX -std=c++11 -pedantic $flags -x c++ include/stacksnap.h
echo "1..$n"
exit $bad
