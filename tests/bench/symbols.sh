#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Our functions, lines and inline chains beside those of addr2line (binutils) and eu-addr2line, over
# files of several compilers, and how fast lookups are beside libdwfl's: markdown tables. Exit status 1
# if they differ too often. Usage: symbols.sh, environment as for tests/it; COUNT (5000) addresses of
# each file, SYMNAME, the program that asks the library.
. "$(dirname "$0")/../it/lib.sh"

BENCH=$(cd "$(dirname "$0")" && pwd)
SYMNAME=${SYMNAME:-$(dirname "$STACKSNAP")/tests/unit/symname}
unset DEBUGINFOD_URLS # eu-addr2line would wait for them
FILES=()

add() { # NAME FILE
	if [ -r "${2-}" ]; then
		FILES+=("$1=$2")
	else
		echo "Not here: $1."
		echo
	fi
}

# Much of the standard library, as templates.
cat >"$TMP/templates.cc" <<'CC'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

int main(int argc, char **argv)
{
	std::map<std::string, std::vector<int>> found;
	std::regex regex(argc > 1 ? argv[1] : "a(b|c)*[x-z]+");
	std::stringstream text;

	for (std::string line; std::getline(std::cin, line);) {
		std::smatch match;

		if (std::regex_search(line, match, regex))
			found[match.str()].push_back((int)line.size());
	}
	for (auto &[key, list] : found) {
		std::sort(list.begin(), list.end());
		text << key << list.size();
	}
	std::thread([&] { std::cout << text.str(); }).join();
}
CC

libc=$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')
id=$(readelf -n "$libc" | sed -n 's/.*Build ID: \(..\)\(.*\)/\1\/\2/p')
[ -e "/usr/lib/debug/.build-id/$id.debug" ] || libc=
add "libc (libc6-dbg)" "$libc"
g++ -std=c++17 -O2 -g -pthread -o "$TMP/gcc" "$TMP/templates.cc"
add "C++, gcc" "$TMP/gcc"
# no .debug_aranges
clang++ -std=c++17 -O2 -g -gdwarf-5 -pthread -o "$TMP/clang" "$TMP/templates.cc"
add "C++, clang" "$TMP/clang"
clang++ -std=c++17 -O2 -g -gdwarf-4 -pthread -o "$TMP/clang4" "$TMP/templates.cc"
add "C++, clang, DWARF 4" "$TMP/clang4"
add "Rust" "$TARGETS/hello"
postgres=$(ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
add "postgres, symbols only" "$postgres"
"$PYTHON" "$BENCH/symbols.py" "$SYMNAME" "${COUNT:-5000}" "${FILES[@]}"
