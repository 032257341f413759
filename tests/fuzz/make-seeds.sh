#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make-seeds.sh DIR: the small ELF files that the fuzzers of names and of unwind tables start from,
# one for each form that compilers and tools give debug information. What DIR holds is replaced.
# Those in the corpus were made with Debian 12's gcc 12, clang 14, rustc 1.63 and dwz 0.15.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"

cat >a.c <<'C'
#define INLINE static inline __attribute__((always_inline))
extern int other(int x);
volatile int sink;
INLINE int leaf(int x) { sink = x; return sink; }
INLINE int mid(int x) { { int y = leaf(x); return y + leaf(y + 1); } }
__attribute__((noinline)) int outer(int x) { return mid(x) + 2; }
__attribute__((noinline, cold)) void rare(void) { sink = 1; }
int framed(int n) { char room[n]; room[n - 1] = 1; return outer(room[n / 2]); }
void _start(void) { if (framed(sink) + other(sink)) rare(); for (;;); }
C
cat >b.c <<'C'
extern volatile int sink;
int other(int x) { switch (x) { case 1: return sink; case 9: sink = 2; } return x * 3; }
C
cat >a.cc <<'C'
volatile int sink;
namespace ns { struct box { template <class T> __attribute__((noinline)) T get(T x) {
	return [&] { sink = x; return sink; }(); } }; namespace { int hidden() { return sink; } } }
extern "C" void _start() { sink = ns::box().get<int>(ns::hidden()); for (;;); }
C
cat >a.rs <<'C'
#![no_std]
#![no_main]
mod deep { pub enum E { A(u32), B }
impl E { #[inline(never)] pub fn get(&self) -> u32 { match self { E::A(x) => inner(*x), E::B => 2 } } }
#[inline(always)] fn inner(x: u32) -> u32 { unsafe { core::ptr::read_volatile(&x) } } }
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[no_mangle] pub extern "C" fn _start(x: u32) -> ! {
	let e = if x > 1 { deep::E::A(x) } else { deep::E::B };
	loop { unsafe { core::ptr::read_volatile(&e.get()) }; } }
C
cat >s.S <<'C'
	.globl _start
_start:	nop
	nop
	jmp _start
C

# Without room between segments, and without what has nothing to do with names.
small="-fdebug-prefix-map=$work=. -nostdlib -fno-stack-protector -O2 -Wl,-z,noseparate-code -Wl,--build-id=sha1 -Wl,-z,norelro"
link() {
	name=$1 compiler=$2
	shift 2
	# shellcheck disable=SC2086 # a list of words
	"$compiler" $small -static -o "$out/$name" "$@"
}

rm -f "$out"/*
link gcc-dwarf5 gcc -g a.c b.c
link gcc-dwarf4 gcc -gdwarf-4 a.c b.c
link gcc-types gcc -gdwarf-4 -fdebug-types-section -g3 b.c a.c
link gcc-dwarf64 gcc -g -gdwarf64 a.c b.c
link clang-dwarf5 clang -g a.c b.c
link clang-dwarf3 clang -gdwarf-3 a.c b.c
link clang-lines clang -gline-tables-only a.c b.c
link compressed gcc -gz=zlib -g a.c b.c
link compressed-gnu gcc -gz=zlib-gnu -g a.c b.c
link cplusplus g++ -g -fno-exceptions a.cc
link cplusplus-clang clang++ -g -fno-exceptions a.cc
link assembler gcc -g s.S
link debug-frame gcc -g -fno-asynchronous-unwind-tables a.c b.c
gcc -fdebug-prefix-map="$work"=. -O2 -g -gsplit-dwarf -c a.c b.c
link split gcc a.o b.o
for dwo in *.dwo; do
	cp "$dwo" "$out/split-${dwo%.dwo}"
done
link lto gcc -g -flto a.c b.c
rustc --remap-path-prefix "$work"=. -g -O -C panic=abort -C relocation-model=static -C linker=gcc -C link-arg=-nostdlib \
	-C link-arg=-static -C link-arg=-nostartfiles -C link-arg=-Wl,-z,noseparate-code \
	-o "$out/rust" a.rs 2>/dev/null
# shellcheck disable=SC2086
gcc $small -g -shared -fpic -Wl,-z,now -Wl,--hash-style=gnu -o "$out/shared-plt" b.c a.c
# shellcheck disable=SC2086
gcc $small -g -c -o "$out/relocatable" a.c
cp "$out/gcc-dwarf5" dwz-1
cp "$out/gcc-dwarf4" dwz-2
dwz -m dwz-common dwz-1 dwz-2
cp dwz-1 "$out/dwz"
cp "$out/gcc-dwarf5" whole
objcopy --only-keep-debug whole whole.debug
objcopy --strip-all --add-gnu-debuglink=whole.debug whole "$out/debuglink"
cp whole.debug "$out/only-debug"
objcopy --strip-debug whole mini
xz -k --check=crc32 mini
objcopy --strip-all --add-section .gnu_debugdata=mini.xz whole "$out/minidebug"
ls -l "$out" >&2
