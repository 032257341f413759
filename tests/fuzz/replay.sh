#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# replay.sh DIR [SECONDS]: build every fuzzer into DIR with AddressSanitizer and UBSan, and run its
# corpus through it; with SECONDS, then fuzz each that long with libFuzzer. Needs clang for the
# latter only, and a configured build with sanitizers in build/asan.
set -eu
cd "$(dirname "$0")/../.."
dir=$1 seconds=${2:-0}
lib=build/asan
mkdir -p "$dir"
san="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
libs="$(pkg-config --libs libdw libelf libunwind-generic zlib liblzma libprotobuf-c) -liberty"

for source in tests/fuzz/fuzz-*.c; do
	name=$(basename "$source" .c)
	extra=
	[ "$name" = fuzz-cmdline ] && extra="src/cli/opts.c src/cli/opttable.c src/cli/parse.c src/cli/help.c"
	flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Isrc -Iinclude -I$lib/src $san"
	# shellcheck disable=SC2086 # lists of words
	gcc $flags -o "$dir/$name" "$source" tests/fuzz/replay.c $extra $lib/libstacksnap.a $libs
	"$dir/$name" tests/fuzz/corpus/"${name#fuzz-}"/*
	[ "$seconds" = 0 ] && continue
	mkdir -p "$dir/$name.found"
	# shellcheck disable=SC2086
	clang $flags -fsanitize=fuzzer -o "$dir/$name-libfuzzer" "$source" $extra \
		$lib/libstacksnap.a $libs
	"$dir/$name-libfuzzer" -max_total_time="$seconds" -max_len=4096 \
		-artifact_prefix="$dir/$name.found/" "$dir/$name.found" \
		tests/fuzz/corpus/"${name#fuzz-}"
done
