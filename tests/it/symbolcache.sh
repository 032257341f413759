#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that are kept for the next time: the same as those found anew, whatever became of the file
# that they are kept in, of its directory and of the debug files.
. "$(dirname "$0")/lib.sh"

libc=$(ldd "$TARGETS/many" | awk '/libc\.so/ { print $3 }')
id=$(readelf -n "$libc" | sed -n 's/.*Build ID: //p')
debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
if [ ! -e "$debug" ]; then
	t_skip "names kept" "no debug file of $libc"
	t_done
fi

# What does not change from one snapshot to the next.
stacks() {
	sed 's/ \[.*//; /^#/d' <<<"$OUT"
}

# look NAME [ARGS]: a snapshot that is as the first one.
look() {
	local name=$1
	shift
	snap "$@" "$TARGET_PID"
	t_is "$name: exit status" "$STATUS" 0
	t_is "$name: nothing to say" "$ERR" ""
	t_is "$name: the same stacks" "$(stacks)" "$WANT"
}

# Change a name in the file, and its checksum (the word at 16 is that of all behind it).
forge() {
	"$PYTHON" - "$1" <<'PY'
import struct, sys, zlib
path = sys.argv[1]
bytes_ = bytearray(open(path, "rb").read().replace(b"clock_nanosleep.c", b"clock_nanosleeP.c"))
struct.pack_into("<I", bytes_, 16, zlib.crc32(bytes_[20:]))
open(path, "wb").write(bytes_)
PY
}

target_start many 8
export XDG_CACHE_HOME=$TMP/cache
file=$TMP/cache/stacksnap/$id
snap --symbol-cache=no "$TARGET_PID"
WANT=$(stacks)
t_like "lines of the C library" "$WANT" '/clock_nanosleep\.c:[0-9]'
t_ok "--symbol-cache=no keeps nothing" test ! -e "$TMP/cache"

look "found"
t_ok "found: kept" test -e "$file"
t_is "found: for us alone" "$(stat -c '%a' "$TMP/cache" "$TMP/cache/stacksnap" "$file" | tr '\n' ' ')" \
	"700 700 600 "
inode=$(stat -c %i "$file")
look "kept"
t_is "kept: not written again" "$(stat -c %i "$file")" "$inode"
forge "$file"
snap "$TARGET_PID"
t_like "what is kept is used" "$OUT" 'clock_nanosleeP\.c'
snap --wall -d 0.5 -f folded "$TARGET_PID"
t_like "in captures, too" "$OUT" 'clock_nanosleep'

# ---- damage ----

look "not asked for" --symbol-cache=no
truncate -s 500 "$file"
look "cut off"
look "cut off, then kept again"
head -c 3000 /dev/urandom >"$file"
look "noise"
: >"$file"
look "empty"
rm "$file" && mkdir "$file"
look "a directory"
rmdir "$file" && mkfifo "$file"
look "a FIFO"
rm "$file" && chmod 770 "$TMP/cache/stacksnap"
look "others could write"
t_ok "others could write: nothing is kept" test ! -e "$file"
chmod 700 "$TMP/cache/stacksnap"

if [[ $STACKSNAP == */asan/* ]]; then
	t_skip "memory is limited" "allocations belong to AddressSanitizer"
else
	(
		ulimit -v 4000000
		exec "$STACKSNAP" -q -o "$TMP/limited.txt" "$TARGET_PID"
	)
	t_is "memory is limited" "$?" 0
	t_ok "memory is limited: what may lack something is not kept" test ! -e "$file"
fi

# ---- other debug files ----

look "found again"
mkdir -p "$TMP/debug/.build-id/${id:0:2}"
cp "$debug" "$TMP/debug/.build-id/${id:0:2}/${id:2}.debug"
forge "$file"
look "another debug file" --debug-dir="$TMP/debug"
look "another debug file, kept" --debug-dir="$TMP/debug"

# ---- another file with the same build id, size and time, perhaps another user's ----

mkdir "$TMP/lib"
cp -p "$libc" "$TMP/lib/"
rm -f "$file"
original=$TARGET_PID
TARGET_PREFIX=(env LD_LIBRARY_PATH="$TMP/lib")
target_start many 8
TARGET_PREFIX=()
snap "$TARGET_PID"
t_ok "a copy: kept" test -e "$file"
forge "$file"
snap "$TARGET_PID"
t_like "a copy: used for itself" "$OUT" 'clock_nanosleeP\.c'
target_is_well
target_stop
TARGET_PID=$original
look "a copy: not used for the original"

# ---- places ----

XDG_CACHE_HOME=/dev/full look "no directory"
XDG_CACHE_HOME=/nowhere/at/all look "a place that is not there"
mkdir "$TMP/home"
XDG_CACHE_HOME=relative HOME=$TMP/home look "a new home"
t_ok "a new home: kept" test -e "$TMP/home/.cache/stacksnap/$id"
(
	unset XDG_CACHE_HOME HOME
	exec "$STACKSNAP" -q -o "$TMP/homeless.txt" "$TARGET_PID"
)
t_is "homeless" "$?" 0
mkdir "$TMP/small"
if mount -t tmpfs -o size=4k none "$TMP/small" 2>/dev/null; then
	head -c 4096 /dev/zero >"$TMP/small/all" 2>/dev/null
	XDG_CACHE_HOME=$TMP/small look "full"
	t_is "full: nothing is left" "$(find "$TMP/small" -type f)" "$TMP/small/all"
	umount "$TMP/small"
else
	t_skip "full" "no tmpfs here"
fi

# ---- several at once ----

rm -rf "$TMP/cache"
pids=()
for i in 1 2 3 4; do
	"$STACKSNAP" -q -o "$TMP/at-once.$i.txt" "$TARGET_PID" 2>"$TMP/at-once.err.$i" &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
	wait "$pid" || failed=$((failed + 1))
done
t_is "at once: all well" "$failed $(cat "$TMP"/at-once.err.*)" "0 "
t_ok "at once: kept" test -e "$TMP/cache/stacksnap/$id"
# on a slow machine other files are worth keeping, too
t_is "at once: nothing half written" \
	"$(find "$TMP/cache/stacksnap" -type f -printf '%f\n' | grep -vxE '[0-9a-f]{16,}')" ""
look "after that"
target_is_well
target_stop
t_done
