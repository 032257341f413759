#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh DIR: build the programs that the tests look at. Each shows one thing that a real process
# may do; its head comment says what.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")"
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -g -pthread"

# c NAME SOURCE FLAGS...
c() {
	out=$dir/$1 src=$2
	shift 2
	[ "$out" -nt "$src" ] && [ "$out" -nt target.h ] && [ "$out" -nt waitlog.h ] && return 0
	# shellcheck disable=SC2086 # flags are words
	gcc $flags "$@" -o "$out" "$src"
}

for src in *.c; do
	case $src in fault.c | cutshort.c | shares.c) continue ;; esac
	c "${src%.c}" "$src" -O2
done
c fault.so fault.c -O2 -shared -fPIC
c cutlibrary.so cutshort.c -O2 -DLIBRARY -shared -fPIC -Wl,-soname,cutlibrary.so
c cutshim.so cutshort.c -O2 -DSHIM -shared -fPIC
# shellcheck disable=SC2016 # $ORIGIN is for the dynamic linker
c cutshort cutshort.c -O2 -Wl,--no-as-needed "$dir/cutlibrary.so" '-Wl,-rpath,$ORIGIN'
c swapone.so swap.c -O2 -DPLUGIN=plugin_one -shared -fPIC
c swaptwo.so swap.c -O2 -DPLUGIN=plugin_two -shared -fPIC
c many-fp many.c -O2 -fno-omit-frame-pointer
c many-O0 many.c -O0
c shares shares.c -O2 -fno-omit-frame-pointer # perf walks by frame pointers
c many-static many.c -O2 -static
# all its CFI is in a .debug_frame, compressed
c many-gz many.c -O2 -gz=zlib -fno-asynchronous-unwind-tables -fno-unwind-tables
c waits-static waits-lite.c -O2 -static
c deep-O0 deep.c -O0
# their stacks need a register that a blocked thread gives only if stopped
c eintr-O0 eintr.c -O0 -fno-omit-frame-pointer
c timeouts-O0 timeouts.c -O0 -fno-omit-frame-pointer
# nothing says which functions wait
c handmade-s handmade.c -O2 -s
c mutexes-s mutexes.c -O2 -s
c deadlock-s deadlock.c -O2 -s
c locks-stripped locks.c -O2 -s
c locks-static-stripped locks.c -O2 -static -s
[ "$dir/locks-musl" -nt locks.c ] ||
	musl-gcc -std=gnu11 -D_GNU_SOURCE -g -O2 -static -o "$dir/locks-musl" locks.c
[ "$dir/atomics" -nt atomics.cc ] ||
	g++ -std=c++20 -g -O2 -pthread -o "$dir/atomics" atomics.cc
[ "$dir/atomics-stripped" -nt atomics.cc ] ||
	g++ -std=c++20 -O2 -pthread -s -o "$dir/atomics-stripped" atomics.cc
[ "$dir/inline" -nt inline.cc ] || g++ -std=c++17 -g -O2 -pthread -o "$dir/inline" inline.cc
# debug information in its other forms
cxx() {
	out=$dir/$1 compiler=$2
	shift 2
	[ "$out" -nt inline.cc ] || "$compiler" -std=c++17 -O2 -pthread "$@" -o "$out" inline.cc
}
cxx inline-dwarf4 g++ -gdwarf-4 -gz=zlib
cxx inline-clang clang++ -g # no .debug_aranges
cxx inline-clang4 clang++ -gdwarf-4
cxx inline-lto g++ -g -flto -ffat-lto-objects
cxx inline-split g++ -g -gsplit-dwarf
cxx inline-static-pie g++ -g -static-pie
[ "$dir/templates" -nt templates.cc ] || g++ -std=c++17 -D_GNU_SOURCE -g -O1 -o "$dir/templates" templates.cc
c mmapjit-static mmapjit.c -O2 -static
[ "$dir/hello" -nt hello.rs ] || rustc -g -O -o "$dir/hello" hello.rs
[ "$dir/foreign-rs" -nt foreign.rs ] || rustc -g -O -o "$dir/foreign-rs" foreign.rs
[ "$dir/foreign-cc" -nt foreign.cc ] ||
	g++ -std=gnu++20 -Wall -Wextra -g -O2 -pthread -o "$dir/foreign-cc" foreign.cc
[ "$dir/goprog" -nt goprog.go ] || GOFLAGS=-mod=mod CGO_ENABLED=0 go build -o "$dir/goprog" goprog.go
# musl has no unwind information of its own: what stacksnap then says is what the test is about
[ "$dir/waits-musl" -nt waits-lite.c ] ||
	musl-gcc -std=gnu11 -D_GNU_SOURCE -g -O2 -static -o "$dir/waits-musl" waits-lite.c
[ "$dir/mutexes-musl" -nt mutexes.c ] ||
	musl-gcc -std=gnu11 -D_GNU_SOURCE -g -O2 -static -o "$dir/mutexes-musl" mutexes.c
[ "$dir/floor" -nt ../bench/floor.c ] ||
	gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -o "$dir/floor" ../bench/floor.c
