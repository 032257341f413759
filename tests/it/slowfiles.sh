#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files of a file system that does not answer: what needs no file is shown all the same, soon, and what
# is missing is named. Once the file system answers, everything is there. The file system is a FUSE
# one (tests/targets/slowfs.c), which holds requests until it is told to release them.
. "$(dirname "$0")/lib.sh"

mkdir "$TMP/mnt" "$TMP/source" "$TMP/bin"

# fs_start: mount slowfs on $TMP/mnt; FS_PID, FS_FD.
fs_start() {
	mkfifo "$TMP/fs.out"
	exec {FS_FD}<>"$TMP/fs.out"
	"$TARGETS/slowfs" "$TMP/mnt" "$TMP/source" >"$TMP/fs.out" 2>"$TMP/fs.err" </dev/null \
		{FS_FD}<&- &
	FS_PID=$!
	disown "$FS_PID"
	STARTED+=("$FS_PID")
	IFS= read -r -t 10 -u "$FS_FD" REPLY && [ "$REPLY" = ready ]
}

fs_ask() {
	kill -s "$1" "$FS_PID" && IFS= read -r -t 20 -u "$FS_FD" REPLY
}

fs_hold() {
	fs_ask USR1
}

fs_release() {
	fs_ask USR2
}

finish() {
	umount -l "$TMP/root-tmp" 2>/dev/null
	cleanup
	umount -l "$TMP/mnt" 2>/dev/null
}
trap finish EXIT

[ "$(id -u)" = 0 ] && [ -w /dev/fuse ] && fs_start ||
	t_skip_all "a FUSE file system cannot be mounted here"

# What a look at $TARGET_PID says while files are held; $2... are its options.
held_look() {
	local name=$1
	shift
	fs_hold
	SNAP_BY="timeout 30" snap "$@" "$TARGET_PID"
	t_is "$name: exit status" "$STATUS" 1
	fs_release
	t_like "$name: it had not been answered" "$REPLY" '^released [0-9]+$'
}

waits_in_library() {
	"$STACKSNAP" "$TARGET_PID" 2>/dev/null | grep -q '^cut_inner('
}

# ---- a library ----

cp "$TARGETS/cutlibrary.so" "$TMP/source/"
cp "$TARGETS/cutshort" "$TMP/bin/"
ln -s "$TMP/mnt/cutlibrary.so" "$TMP/bin/cutlibrary.so"
program_start "$TMP/bin/cutshort"
wait_until 30 waits_in_library
snap "$TARGET_PID"
t_is "a library, answered: exit status" "$STATUS" 0
t_like "a library, answered: names" "$OUT" '^cut_inner\(\.\.\.\)$'
t_is "a library, answered: nothing said" "$ERR" ""

held_look "a library"
t_like "a library: said" "$ERR" \
	"^stacksnap: $TARGET_PID: 1 file could not be read in time: $TMP/mnt/cutlibrary.so\$"
t_like "a library: in the coverage block" "$OUT" '1 files not read in time: .*/mnt/cutlibrary.so'
t_like "a library: state and wait" "$OUT" '^thread [0-9]+ "cutshort" \[signal wait'
t_like "a library: other files have names" "$OUT" '^__libc_pause\(\.\.\.\)$'
t_like "a library: module and offset" "$OUT" '^cutlibrary\.so\+0x[0-9a-f]+\(\.\.\.\)$'
held_look "without names" --no-symbols
t_like "without names: addresses" "$OUT" '^cutlibrary\.so\+0x[0-9a-f]+\(\.\.\.\)$'
held_look "a shorter time" --file-timeout=200ms --json
printf '%s' "$OUT" >"$TMP/held.json"
t_is "json" "$(json "$TMP/held.json" "p['coverage']['files_late']")" 1
held_look "no time for all" --files-timeout=1ms

snap "$TARGET_PID"
t_is "answered again: exit status" "$STATUS" 0
t_like "answered again: names" "$OUT" '^cut_inner\(\.\.\.\)$'

# ---- callers ----

fs_hold
(
	trap '' CHLD
	exec timeout 30 "$STACKSNAP" "$TARGET_PID" >"$TMP/chld.out" 2>"$TMP/chld.err"
)
t_is "SIGCHLD ignored: exit status" $? 1
# a reader of the output does not wait for a helper that is left behind
t_like "through a pipe" "$(timeout 30 "$STACKSNAP" "$TARGET_PID" 2>/dev/null | tail -n 1)" '^# read in'
fs_release

# ---- captures ----

fs_hold
timeout 30 "$STACKSNAP" --wall -d 1 -o "$TMP/wall.json" "$TARGET_PID" 2>"$TMP/wall.err"
t_is "a capture: exit status" $? 1
t_like "a capture: said" "$(cat "$TMP/wall.err")" 'could not be read in time'
"$STACKSNAP" --wall -d 60 --file-timeout=50s --files-timeout=50s -o "$TMP/int.json" "$TARGET_PID" \
	2>"$TMP/int.err" &
capture=$!
helper_waits() {
	[ -n "$(cat "/proc/$capture/task/"*/children 2>/dev/null)" ]
}
wait_until 20 helper_waits
kill -INT "$capture"
wait_until 20 process_is_gone "$capture" || kill -KILL "$capture"
wait "$capture"
t_is "SIGINT while a file is awaited: exit status" $? 0
t_is "SIGINT while a file is awaited: a whole profile" \
	"$("$PYTHON" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["profiles"]))' \
		"$TMP/int.json" 2>&1)" 1
fs_release

# ---- a debug directory, and the program itself ----

objcopy --only-keep-debug "$TARGETS/cutshort" "$TMP/source/cutshort.debug"
cp "$TARGETS/cutshort" "$TMP/bin/stripped"
strip -g -R .gnu_debuglink "$TMP/bin/stripped"
objcopy --add-gnu-debuglink="$TMP/source/cutshort.debug" "$TMP/bin/stripped"
target_stop
rm "$TMP/bin/cutlibrary.so"
cp "$TARGETS/cutlibrary.so" "$TMP/bin/"
program_start "$TMP/bin/stripped"
wait_until 30 waits_in_library
snap --debug-dir="$TMP/mnt" "$TARGET_PID"
t_is "a debug directory, answered: exit status" "$STATUS" 0
t_like "a debug directory, answered: lines" "$OUT" 'cutshort\.c:[0-9]+'
held_look "a debug directory" --debug-dir="$TMP/mnt"
t_like "a debug directory: named" "$ERR" "could not be read in time: $TMP/mnt"
t_like "a debug directory: names of the symbol table" "$OUT" '^main\(\.\.\.\)$'
target_stop

cp "$TARGETS/cutshort" "$TARGETS/cutlibrary.so" "$TMP/source/"
program_start "$TMP/mnt/cutshort"
wait_until 30 waits_in_library
held_look "the program"
t_like "the program: both files" "$ERR" "2 files could not be read in time: $TMP/mnt/"
t_like "the program: state and wait" "$OUT" '^thread [0-9]+ "cutshort" \[signal wait'
snap "$TARGET_PID"
t_is "the program, answered: exit status" "$STATUS" 0
t_like "the program, answered: names" "$OUT" '^main\(\.\.\.\)$'
target_is_well
target_stop

# ---- a perf map ----

cat >"$TMP/inside.sh" <<'SH'
mount --bind "$1/mnt" /tmp && exec "$2"
SH
if unshare --mount true 2>/dev/null; then
	mkfifo "$TMP/jit.out"
	# shellcheck disable=SC2034 # target_await reads it
	exec {TARGET_FD}<>"$TMP/jit.out"
	cp "$TARGETS/mmapjit" /var/tmp/mmapjit.$$
	unshare --mount sh "$TMP/inside.sh" "$TMP" /var/tmp/mmapjit.$$ >"$TMP/jit.out" 2>"$TMP/jit.err" &
	TARGET_PID=$!
	disown "$TARGET_PID"
	STARTED+=("$TARGET_PID")
	target_await ready || t_fail "no target" "$(cat "$TMP/jit.err")"
	rm -f /var/tmp/mmapjit.$$
	page=$(sed -n 's/^\([0-9a-f]*\)-.* r-xp 00000000 00:00 0 *$/\1/p' "/proc/$TARGET_PID/maps" |
		head -n 1)
	printf '%s 1000 compiled\n' "$page" >"$TMP/source/perf-$TARGET_PID.map"
	snap "$TARGET_PID"
	t_like "a perf map, answered: names" "$STATUS $OUT" '^compiled\(\.\.\.\)$'
	held_look "a perf map"
	t_like "a perf map: named" "$ERR" "1 file could not be read in time: /tmp/perf-$TARGET_PID.map"
	target_is_well
	target_stop
else
	t_skip "a perf map" "cannot make namespaces here"
fi

# ---- the cache of names ----

target_start spin
fs_hold
XDG_CACHE_HOME=$TMP/mnt SNAP_BY="timeout 30" snap "$TARGET_PID"
t_is "a cache that does not answer: exit status" "$STATUS" 0
fs_release
target_is_well
t_done
