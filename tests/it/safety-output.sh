#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Captures whose output cannot be written: full disks, closed and broken outputs, a file size limit.
# That is said, status 2; an older file stays as it was, nothing half written is left.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

target_start counter

# refused NAME REGEX COMMAND...: status 2, a message that matches.
refused() {
	local name=$1 regex=$2
	shift 2
	ERR=$(timeout 60 "$@" 2>&1 >/dev/null </dev/null)
	t_is "$name: status" "$?" 2
	t_like "$name: says why" "$ERR" "$regex"
}

for format in text pprof folded json speedscope html; do
	refused "full device, $format" 'No space left' \
		sh -c '"$0" "$@" >/dev/full' "$STACKSNAP" --wall -d 400ms -f $format -q "$TARGET_PID"
done
refused "closed stdout" 'stdout|standard output|Bad file' \
	sh -c '"$0" "$@" >&-' "$STACKSNAP" --wall -d 50ms -q "$TARGET_PID"
target_is_well

# The reader goes away in the middle: no message, but no success either.
mkfifo "$TMP/pipe"
"$STACKSNAP" --wall -d 100ms -f json -q "$TARGET_PID" >"$TMP/pipe" 2>"$TMP/pipe.err" &
writer=$!
head -c 10 "$TMP/pipe" >/dev/null
wait "$writer"
t_ok "a reader that goes away" [ $? -le 2 ]
t_is "a reader that goes away: no words" "$(cat "$TMP/pipe.err")" ""

refused "file size limit" 'too large' bash -c 'ulimit -f 1; exec "$0" "$@"' "$STACKSNAP" --wall \
	-d 50ms -f json -o "$TMP/limited.json" -q "$TARGET_PID"
t_is "file size limit: nothing is left" "$(find "$TMP" -name '*limited*')" ""

if mkdir "$TMP/small" && mount -t tmpfs -o size=16k none "$TMP/small" 2>/dev/null; then
	echo old >"$TMP/small/a.json"
	for stop in auto all; do
		refused "full disk, $stop" 'No space left' "$STACKSNAP" --wall -d 100ms --stop=$stop \
			-o "$TMP/small/a.json" -q "$TARGET_PID"
		t_is "full disk, $stop: the old file stays" "$(cat "$TMP/small/a.json")" old
		t_is "full disk, $stop: nothing else is left" "$(ls -A "$TMP/small")" a.json
	done
	umount "$TMP/small"
else
	t_skip "full disk" "cannot mount a small one"
fi

# It goes during the capture.
mkdir "$TMP/gone"
"$STACKSNAP" --wall -d 60 -q -o "$TMP/gone/a.txt" "$TARGET_PID" 2>"$TMP/gone.err" &
writer=$!
STARTED+=("$writer")
wait_until 20 capture_has_begun "$writer" "$TARGET_PID"
rmdir "$TMP/gone"
kill -INT "$writer"
wait "$writer"
t_is "a directory that goes: status" "$?" 2
t_like "a directory that goes: says so" "$(cat "$TMP/gone.err")" 'a.txt.*No such file'

target_ask USR1
t_like "the target's books balance" "$REPLY" 'broken 0 failed 0$'
target_is_well
target_stop
t_done
