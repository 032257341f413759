#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the output goes: whole files or none, private, and an error when it could not be delivered.
. "$(dirname "$0")/lib.sh"

target_start many 5
dir=$TMP/out
mkdir "$dir"

mode_of() {
	stat -c %a "$1"
}

leftovers() {
	find "$dir" -type f ! -name 'snap*' ! -name 'real*' | wc -l
}

for suffix in txt pb.gz folded json; do
	(umask 000 && "$STACKSNAP" -o "$dir/snap.$suffix" "$TARGET_PID")
	t_is "$suffix: 0600 whatever the umask" "$(mode_of "$dir/snap.$suffix")" 600
	t_ok "$suffix: not empty" [ -s "$dir/snap.$suffix" ]
done
t_is "pb.gz: is gzip" "$(od -An -tx1 -N2 "$dir/snap.pb.gz" | tr -d ' ')" 1f8b
t_is "nothing else was left" "$(leftovers)" 0

# ---- an existing file ----

echo precious >"$dir/snap.old.txt"
chmod 644 "$dir/snap.old.txt"
inode=$(stat -c %i "$dir/snap.old.txt")
snap -o "$dir/snap.old.txt" 999999999
t_ok "failure: nonzero status" [ "$STATUS" != 0 ]
t_is "failure: the old file is kept" "$(cat "$dir/snap.old.txt")" precious
snap -o "$dir/snap.old.txt" "$TARGET_PID"
t_is "success: status" "$STATUS" 0
t_ok "success: replaced by another file" [ "$(stat -c %i "$dir/snap.old.txt")" != "$inode" ]
t_is "success: private" "$(mode_of "$dir/snap.old.txt")" 600

# ---- links, pipes, devices ----

echo old >"$dir/real.txt"
ln -s real.txt "$dir/link.txt"
snap -o "$dir/link.txt" "$TARGET_PID"
t_is "symbolic link: status" "$STATUS" 0
t_ok "symbolic link: it stays a link" [ -L "$dir/link.txt" ]
t_like "symbolic link: what it points to is written" "$(cat "$dir/real.txt")" '^thread '

mkfifo "$dir/fifo"
cat "$dir/fifo" >"$TMP/from-fifo" &
reader=$!
snap -f text -o "$dir/fifo" "$TARGET_PID"
wait "$reader"
t_is "FIFO: status" "$STATUS" 0
t_like "FIFO: written through" "$(cat "$TMP/from-fifo")" '^thread '
t_ok "FIFO: it stays one" [ -p "$dir/fifo" ]

snap -f text -o /dev/null "$TARGET_PID"
t_is "/dev/null: status" "$STATUS" 0
t_ok "/dev/null: it stays a device" [ -c /dev/null ]

# ---- what cannot be written ----

snap -o "$dir/no/such/dir/snap.txt" "$TARGET_PID"
t_is "no directory: status" "$STATUS" 2
t_like "no directory: the path is named" "$ERR" 'no/such/dir'
snap -f text -o /dev/full "$TARGET_PID"
t_is "/dev/full: status" "$STATUS" 2
t_like "/dev/full: the cause is named" "$ERR" '[Nn]o space'

full_stdout() {
	"$STACKSNAP" "$TARGET_PID" >/dev/full
}
t_status "stdout is full" 2 full_stdout
closed_stdout() {
	"$STACKSNAP" "$TARGET_PID" >&-
}
t_status "stdout is closed" 2 closed_stdout
broken_pipe() {
	"$STACKSNAP" "$TARGET_PID" | true
	[ "${PIPESTATUS[0]}" -lt 128 ]
}
t_ok "a reader that goes away does not kill it" broken_pipe

if unshare --mount true 2>/dev/null; then
	cat >"$TMP/full.sh" <<'SH'
mkdir -p "$1/small" && mount -t tmpfs -o size=8k none "$1/small" || exit 77
echo precious >"$1/small/snap.txt"
"$2" -o "$1/small/snap.txt" "$3"
echo "status $?"
cat "$1/small/snap.txt"
ls -A "$1/small" | wc -l
SH
	target_start many 200 60
	full=$(unshare --mount bash "$TMP/full.sh" "$TMP" "$STACKSNAP" "$TARGET_PID" 2>"$TMP/full.err")
	t_is "full disk: status 2, the old file kept, nothing left behind" "$full" "status 2
precious
1"
	t_like "full disk: the cause is named" "$(cat "$TMP/full.err")" '[Nn]o space'
	target_is_well
	target_stop
	TARGET_PID=${STARTED[0]}
else
	t_skip "full disk" "cannot mount here"
fi

t_is "nothing was left beside the files" "$(leftovers)" 0
target_is_well
t_done
