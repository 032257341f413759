#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# replay.sh DIR [SECONDS]: build every fuzzer into DIR with AddressSanitizer and UBSan, and run its
# corpus through it; with SECONDS, then fuzz each that long with libFuzzer. Needs clang for the
# latter only, and a configured build with sanitizers in build/asan. The files of make-costly.py are
# read without sanitizers, by the library in build/gcc; what that takes is measured.
set -eu
cd "$(dirname "$0")/../.."
dir=$1 seconds=${2:-0}
lib=build/asan
mkdir -p "$dir"
san="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
libs="$(pkg-config --libs libdw libelf libunwind-generic zlib liblzma libprotobuf-c) -liberty"
# what configure may have found besides
libs="$libs $(sed -n 's/^\(DEFLATE\|ZSTD\)_LIBS = //p' build/gcc/Makefile | tr '\n' ' ')"

for source in tests/fuzz/fuzz-*.c; do
	name=$(basename "$source" .c)
	extra=
	[ "$name" = fuzz-cmdline ] && extra="src/cli/opts.c src/cli/opttable.c src/cli/parse.c src/cli/help.c"
	flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Isrc -Iinclude -I$lib/src $san"
	# shellcheck disable=SC2086 # lists of words
	gcc $flags -o "$dir/$name" "$source" tests/fuzz/replay.c $extra $lib/libstacksnap.a $libs
	"$dir/$name" tests/fuzz/corpus/"${name#fuzz-}"/*
	[ "$seconds" = 0 ] && continue
	len=4096
	case $name in fuzz-index | fuzz-ehframe) len=20000 extra=tests/fuzz/mutate-elf.c ;; esac
	mkdir -p "$dir/$name.found"
	# shellcheck disable=SC2086
	clang $flags -fsanitize=fuzzer -o "$dir/$name-libfuzzer" "$source" $extra \
		$lib/libstacksnap.a $libs
	FUZZ_UNWINDER=cfi "$dir/$name-libfuzzer" -max_total_time="$seconds" -max_len="$len" \
		-timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$dir/$name.found/" "$dir/$name.found" \
		tests/fuzz/corpus/"${name#fuzz-}"
done

# What they may take leaves room for a slow processor. The limits only end what got out of hand, and
# are so far away that what is measured is not memory that could not be had.
"${PYTHON:-python3}" tests/fuzz/make-costly.py "$dir/costly" 3000
for name in index perfmap; do
	# shellcheck disable=SC2086
	gcc -std=gnu11 -D_GNU_SOURCE -Isrc -Iinclude -Ibuild/gcc/src -o "$dir/costly-$name" \
		"tests/fuzz/fuzz-$name.c" tests/fuzz/replay.c build/gcc/libstacksnap.a $libs
done
costly() { # FUZZER FILE
	FUZZ_DIRECTORY=$dir/costly REPLAY_MB=300 REPLAY_SECONDS=8 \
		prlimit --as=8000000000 --cpu=30 "$1" "$2" || {
		echo "$2 costs too much"
		exit 1
	}
}
for file in "$dir"/costly/costly-*; do
	costly "$dir/costly-index" "$file"
done
costly "$dir/costly-perfmap" "$dir/costly/perf-map"
