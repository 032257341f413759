#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where names come from: debug information in each of its forms, debug files in each of their
# places, and files that are not what they were.
. "$(dirname "$0")/lib.sh"

mkdir "$TMP/bin"

# start_here NAME: a program in $TMP/bin.
start_here() {
	TARGETS=$TMP/bin target_start "$1"
}

chain() {
	thread_block "$OUT" chain
}

# has_chain NAME: the inlined calls of inline.cc are there, with their lines.
has_chain() {
	t_stack "$1: names" "$(chain)" app::block_here "app::(anonymous namespace)::step" \
		"app::(anonymous namespace)::parse" app::Server::handle app::Server::run
	t_like "$1: lines" "$(chain)" '/inline\.cc:52$'
}

# has_no_debug NAME: what only debug information tells is not there.
has_no_debug() {
	t_unlike "$1" "$(chain)" 'inline\.cc|::parse'
}

bytes_of_id() { # FILE: its build id, as "ab/cdef..."
	readelf -n "$1" | sed -n 's/.*Build ID: \(..\)\(.*\)/\1\/\2/p'
}

# ---- forms of debug information ----

for form in dwarf4 clang clang4 lto split static-pie; do
	target_have "inline-$form" || { t_skip "$form" "no compiler for it" && continue; }
	target_start "inline-$form"
	snap "$TARGET_PID"
	has_chain "$form"
	target_is_well
	target_stop
done

# packed with zstd, which this build and this objcopy may not know
if [[ $(ldd "$STACKSNAP") != *libzstd* ]]; then
	t_skip "packed with zstd" "stacksnap is built without libzstd"
elif ! objcopy --compress-debug-sections=zstd "$TARGETS/inline" "$TMP/bin/zstd" 2>"$TMP/objcopy"; then
	t_skip "packed with zstd" "objcopy does not know it"
else
	t_like "packed with zstd: by objcopy" "$(readelf -t "$TMP/bin/zstd")" COMPRESSED
	start_here zstd
	snap "$TARGET_PID"
	has_chain "packed with zstd"
	target_is_well
	target_stop
fi

target_start clones
snap --json "$TARGET_PID"
printf '%s' "$OUT" >"$TMP/clones.json"
for clone in isra constprop cold; do
	t_like "$clone: the clean name, and the linker's" "$(json "$TMP/clones.json" \
		"[(f['function'], f['system_name']) for t in p['threads'] if t['name'] == '$clone'
		for f in t['stack']['frames'] if f['function'] == 'by_$clone']")" \
		"^\[\('by_$clone', 'by_$clone(\.(isra|constprop|part|cold)(\.[0-9]+)?)*'\)\]\$"
done
t_like "some are clones" "$(cat "$TMP/clones.json")" '"by_[a-z]+\.(isra|constprop|cold)'
target_is_well
target_stop

target_start templates
snap "$TARGET_PID"
t_is "long names: exit status" "$STATUS" 0
t_stack "long names: cut" "$(thread_block "$OUT" templates)" written_out linked main
snap --json "$TARGET_PID"
t_cmp "long names: bounded" "$(printf '%s\n' "$OUT" | grep '"function"' | wc -L) < 6000"
target_is_well
target_stop

# a .dwo file that is none: opening it would wait for ever
mkdir "$TMP/split"
(cd "$TMP/split" && g++ -std=c++17 -O2 -g -gsplit-dwarf -pthread -ffile-prefix-map="$TMP=/build" \
	-o ../bin/split "$SRC/tests/targets/inline.cc")
dwo=$(cd "$TMP" && find split bin -name '*.dwo')
mv "$TMP/$dwo" "$TMP/split.dwo"
mkfifo "$TMP/bin/${dwo##*/}" "$TMP/split/${dwo##*/}"
start_here split
snap "$TARGET_PID"
t_is "a FIFO in the place of a .dwo file: exit status" "$STATUS" 0
t_like "names of the symbol table" "$(chain)" '^app::block_here\('
target_is_well
target_stop
rm "$TMP/bin/${dwo##*/}" "$TMP/split/${dwo##*/}"

# ---- --debug-dir ----

t_ok "a stripped program" strip -o "$TMP/bin/inline" "$TARGETS/inline"
mkdir -p "$TMP/dbg/.build-id"
id=$(bytes_of_id "$TARGETS/inline")
mkdir "$TMP/dbg/.build-id/${id%/*}"
start_here inline
snap "$TARGET_PID"
has_no_debug "nothing without the debug file"
objcopy --only-keep-debug "$TARGETS/inline" "$TMP/dbg/.build-id/$id.debug"
snap --debug-dir="$TMP/dbg" "$TARGET_PID"
has_chain "--debug-dir by build id"
snap --debug-dir "$TMP,$TMP/dbg" "$TARGET_PID"
has_chain "the second of --debug-dir"
snap --debug-dir "$TMP" --debug-dir "$TMP/dbg" --wall -d 2 -o "$TMP/wall.folded" "$TARGET_PID"
t_like "a capture" "$(cat "$TMP/wall.folded")" '::handle.*::parse'
t_status "a directory that is not there" 64 "$STACKSNAP" --debug-dir="$TMP/nowhere" "$TARGET_PID"
t_status "a file" 64 "$STACKSNAP" --debug-dir="$TMP/wall.folded" "$TARGET_PID"
t_status "an empty name" 64 "$STACKSNAP" --debug-dir="$TMP,," "$TARGET_PID"
objcopy --only-keep-debug --compress-debug-sections=zlib "$TARGETS/inline" \
	"$TMP/dbg/.build-id/$id.debug"
t_like "packed in a debug file: by objcopy" "$(readelf -t "$TMP/dbg/.build-id/$id.debug" 2>&1)" \
	ZLIB
snap --debug-dir="$TMP/dbg" "$TARGET_PID"
has_chain "packed in a debug file"
objcopy --only-keep-debug "$TARGETS/clones" "$TMP/dbg/.build-id/$id.debug"
snap --debug-dir="$TMP/dbg" "$TARGET_PID"
has_no_debug "a file with another build id is not used"
target_is_well
target_stop

# by the link, with a build id and without one: then the checksum decides
mkdir "$TMP/links" "$TMP/other"
for style in sha1 none; do
	g++ -std=c++17 -O2 -g -pthread "-Wl,--build-id=$style" -o "$TMP/full" \
		"$SRC/tests/targets/inline.cc"
	objcopy --only-keep-debug "$TMP/full" "$TMP/links/inline.dbg"
	rm -f "$TMP/bin/inline"
	(cd "$TMP/links" && strip -o "$TMP/bin/inline" "$TMP/full" &&
		objcopy --add-gnu-debuglink=inline.dbg "$TMP/bin/inline")
	(cat "$TMP/links/inline.dbg" && echo) >"$TMP/other/inline.dbg"
	start_here inline
	snap --debug-dir="$TMP/links" "$TARGET_PID"
	has_chain "--debug-dir by link, build id $style"
	[ $style = none ] || { target_stop && continue; }
	snap --debug-dir="$TMP/other" "$TARGET_PID"
	has_no_debug "another checksum"
	mkdir "$TMP/bin/.debug"
	cp "$TMP/links/inline.dbg" "$TMP/bin/.debug/"
	snap "$TARGET_PID"
	has_chain ".debug beside the program"
	rm -r "$TMP/bin/.debug"
	target_is_well
	target_stop
done

# ---- fewer symbols, and none ----

cat >"$TMP/few.c" <<'C'
#include <stdio.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline, noclone))
void told(void);
NOINLINE void told(void) { for (;;) { pause(); __asm__ volatile("" ::: "memory"); } }
static NOINLINE void untold(void) { told(); __asm__ volatile("" ::: "memory"); }
int main(void) { puts("ready"); fflush(stdout); untold(); __asm__ volatile("" ::: "memory"); }
C
gcc -O2 -rdynamic -o "$TMP/bin/exports" "$TMP/few.c"
gcc -O2 -static -o "$TMP/bin/none" "$TMP/few.c"
strip "$TMP/bin/exports" "$TMP/bin/none"
start_here exports
snap "$TARGET_PID"
t_is "dynamic symbols only: exit status" "$STATUS" 0
t_like "dynamic symbols only: what is exported has its name" "$OUT" '^told\('
t_like "dynamic symbols only: so does main" "$OUT" '^main\('
t_unlike "dynamic symbols only: no other name" "$OUT" '^untold\('
t_like "dynamic symbols only: an offset stands for it" "$OUT" '^exports\+0x[0-9a-f]+\(\.\.\.\)$'
target_is_well
target_stop
start_here none
snap "$TARGET_PID"
t_is "no symbols: exit status" "$STATUS" 0
names=$(block_functions "$(thread_block "$OUT" none)" | tr ' ' '\n')
t_cmp "no symbols: offsets" "$(grep -c '^none+0x[0-9a-f]*$' <<<"$names") > 3"
t_is "no symbols: nothing else" "$(grep -v '^none+0x[0-9a-f]*$' <<<"$names")" ""
target_is_well
target_stop

# ---- the vdso, which is code of no file ----

target_start vdso
looks=
shows_vdso() {
	snap --thread vdso-spin "$TARGET_PID"
	looks+=$OUT$'\n'
	grep -Eq '^__(vdso|kernel)_clock_gettime\(' <<<"$OUT"
}
t_ok "the vdso: a name" wait_until 60 shows_vdso
t_unlike "the vdso: no frame without one" "$looks" '^\[vdso\]\+0x'
target_is_well
target_stop

# ---- MiniDebugInfo ----

# mini FILE: FILE as .gnu_debugdata of the stripped program
mini() {
	xz -k -c "$1" >"$TMP/mini.xz"
	rm -f "$TMP/bin/inline"
	strip -o "$TMP/bin/inline" "$TARGETS/inline"
	objcopy --add-section .gnu_debugdata="$TMP/mini.xz" "$TMP/bin/inline"
}
objcopy --only-keep-debug "$TARGETS/inline" "$TMP/mini"
strip --strip-debug "$TMP/mini"
mini "$TMP/mini"
start_here inline
snap "$TARGET_PID"
t_stack "MiniDebugInfo: names" "$(chain)" app::block_here app::Server::run
t_unlike "MiniDebugInfo: no lines" "$(chain)" 'inline\.cc'
target_is_well
target_stop

# 1.5 GB of nothing in 220 KB
head -c 1500000000 /dev/zero | xz -1 >"$TMP/bomb.xz"
strip -o "$TMP/bin/inline" "$TARGETS/inline"
objcopy --add-section .gnu_debugdata="$TMP/bomb.xz" "$TMP/bin/inline"
start_here inline
OUT=$(ulimit -v 800000 && "$STACKSNAP" "$TARGET_PID" 2>&1)
[[ $STACKSNAP == */asan/* ]] || t_like "what unpacks to too much is not unpacked" "$OUT" '"chain" '
target_is_well
target_stop

# ---- dwz ----

if command -v dwz >/dev/null; then
	cp "$TARGETS/inline" "$TMP/bin/inline.1"
	cp "$TARGETS/atomics" "$TMP/bin/other"
	mkdir "$TMP/common"
	(cd "$TMP/bin" && dwz -m "$TMP/common/shared.debug" -r inline.1 other) >"$TMP/dwz.out" 2>&1
	t_like "dwz shares something" "$(readelf -S "$TMP/bin/inline.1")" gnu_debugaltlink
	start_here inline.1
	snap "$TARGET_PID"
	has_chain "dwz: relative to the file"
	mv "$TMP/common" "$TMP/elsewhere"
	snap "$TARGET_PID"
	t_is "dwz: exit status without the shared file" "$STATUS" 0
	t_like "dwz: what is not shared is there without it" "$(chain)" 'inline\.cc:[0-9]+'
	id=$(bytes_of_id "$TMP/elsewhere/shared.debug")
	mkdir -p "$TMP/dbg/.build-id/${id%/*}"
	mv "$TMP/elsewhere/shared.debug" "$TMP/dbg/.build-id/$id.debug"
	snap --debug-dir="$TMP/dbg" "$TARGET_PID"
	has_chain "dwz: --debug-dir by build id"
	target_is_well
	target_stop
else
	t_skip "dwz" "no dwz"
fi

# ---- files that are not what they were ----

cp "$TARGETS/inline" "$TMP/bin/moving"
start_here moving
rm "$TMP/bin/moving"
snap "$TARGET_PID"
has_chain "deleted"
cp "$TARGETS/clones" "$TMP/bin/moving"
snap "$TARGET_PID"
has_chain "replaced"
t_unlike "replaced: nothing of the new file" "$OUT" 'by_isra|wait_here'
target_is_well
target_stop

# a library that was replaced by one with other names at the same places
cat >"$TMP/lib.c" <<'C'
#include <unistd.h>
void enter(void (*f)(void));
static __attribute__((noinline)) void NAME(void (*f)(void)) { for (;;) { f(); VARIANT; pause(); } }
void enter(void (*f)(void)) { NAME(f); __asm__ volatile("" ::: "memory"); }
C
cat >"$TMP/user.c" <<'C'
#include <stdio.h>
void enter(void (*f)(void));
static void ready(void) { puts("ready"); fflush(stdout); }
int main(void) { enter(ready); }
C
library() {
	gcc -O2 -shared -fPIC "-DNAME=$1" "-DVARIANT=__asm__(\"$3\")" -o "$2" "$TMP/lib.c"
}
library old_name "$TMP/bin/lib.so" "nop"
library new_name "$TMP/new.so" ".byte 0x66,0x90"
gcc -O2 -o "$TMP/bin/user" "$TMP/user.c" "$TMP/bin/lib.so"
chmod -R a+rX "$TMP"
for who in root nobody; do
	cp "$TMP/bin/lib.so" "$TMP/lib.kept"
	if [ $who = nobody ]; then
		[ "$(id -u)" = 0 ] || break
		TARGET_PREFIX=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	start_here user
	snap "$TARGET_PID"
	t_like "$who: the library's name" "$OUT" '^old_name\('
	cp "$TMP/new.so" "$TMP/bin/lib.new" && mv "$TMP/bin/lib.new" "$TMP/bin/lib.so"
	OUT=$("${TARGET_PREFIX[@]}" timeout 60 "$STACKSNAP" "$TARGET_PID" 2>&1)
	t_unlike "$who: never the new file's" "$OUT" new_name
	if [ $who = root ] && [ "$(id -u)" = 0 ]; then
		t_like "$who: the old one's through map_files" "$OUT" '^old_name\('
	else
		t_like "$who: no name" "$OUT" '^lib\.so\+0x'
	fi
	target_is_well
	target_stop
	TARGET_PREFIX=()
	mv "$TMP/lib.kept" "$TMP/bin/lib.so"
done

# ---- another root ----

# start_in_root NAME: $root/bin/NAME in a mount namespace, with $root for its root.
start_in_root() {
	rm -f "$TMP/chroot.out"
	mkfifo "$TMP/chroot.out"
	# shellcheck disable=SC2034 # target_await reads it
	exec {TARGET_FD}<>"$TMP/chroot.out"
	# shellcheck disable=SC2016 # for the inner shell to expand
	unshare --mount sh -c 'mount -t proc none "$1/proc" && exec chroot "$1" "/bin/$2"' \
		sh "$root" "$1" >"$TMP/chroot.out" 2>"$TMP/chroot.err" </dev/null &
	TARGET_PID=$!
	disown "$TARGET_PID"
	STARTED+=("$TARGET_PID")
	target_await ready || t_fail "chroot" "$(cat "$TMP/chroot.err")"
}

if unshare --mount true 2>/dev/null; then
	root=$TMP/root
	mkdir -p "$root/bin" "$root/proc" "$root/usr/lib/debug/.build-id"
	id=$(bytes_of_id "$TARGETS/inline")
	mkdir -p "$root/usr/lib/debug/.build-id/${id%/*}"
	strip -o "$root/bin/inline" "$TARGETS/inline"
	objcopy --only-keep-debug "$TARGETS/inline" "$root/usr/lib/debug/.build-id/$id.debug"
	ldd "$TARGETS/inline" | grep -o '/[^ ]*' | while read -r file; do
		mkdir -p "$root${file%/*}" && cp -L "$file" "$root$file"
	done
	start_in_root inline
	snap "$TARGET_PID"
	t_is "chroot: exit status" "$STATUS $ERR" "0 "
	has_chain "chroot: the debug file of its root"
	t_stack "chroot: the libraries of its root" "$(chain)" start_thread
	target_is_well
	target_stop
	# where the compiler ran, and beside the program
	mkdir -p "$root/build/split" "$root/build/bin"
	cp "$TMP/bin/split" "$root/bin/split"
	for place in build/bin bin; do
		cp "$TMP/split.dwo" "$root/$place/${dwo##*/}"
		start_in_root split
		snap "$TARGET_PID"
		has_chain "chroot: the .dwo file in /$place"
		target_is_well
		target_stop
		rm "$root/$place/${dwo##*/}"
	done
else
	t_skip "chroot" "cannot make namespaces here"
fi
t_done
