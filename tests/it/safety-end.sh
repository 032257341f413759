#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A target that is killed at one exact step of stacksnap's work, and at random instants: the end is
# said, or what was seen till then is written; nothing hangs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

MOMENTS=$([ -n "${FULL-}" ] && echo 300 || echo 30)

count() {
	FAULT_COUNT=$TMP/count LD_PRELOAD=$TARGETS/fault.so "$STACKSNAP" "$@" >/dev/null 2>&1
	cut -d' ' -f2 "$TMP/count"
}

# ended N NAME: what the last run may have come to.
check_end() {
	[ "$STATUS" -le 2 ] || bad+="$1: status $STATUS: $(head -c 200 "$TMP/end.err"); "
	[ "$STATUS" != 2 ] || [ -s "$TMP/end.err" ] || bad+="$1: silent; "
	wait_until 20 process_is_gone "$TARGET_PID" || bad+="$1: the target is there; "
}

# try NAME ARGS...: the target is killed before the Nth step.
try() {
	local name=$1 total step n i=0 bad=
	shift
	target_start many 12
	total=$(count "$@" "$TARGET_PID")
	target_stop
	step=$((total / MOMENTS + 1))
	for ((n = 1 + RANDOM % step; n <= total; n += 1 + RANDOM % (2 * step), i++)); do
		target_start many 12
		FAULT_STEP=$n FAULT_KILL=$TARGET_PID LD_PRELOAD=$TARGETS/fault.so timeout 60 \
			"$STACKSNAP" "$@" "$TARGET_PID" >/dev/null 2>"$TMP/end.err" </dev/null
		STATUS=$?
		process_is_gone "$TARGET_PID" || kill -s KILL "$TARGET_PID" # fewer steps this time
		check_end "$n"
		target_stop
	done
	t_is "$name: $i of $total steps" "$bad" ""
}

if grep -q __asan_init "$STACKSNAP"; then
	t_skip "at exact steps" "AddressSanitizer wants to be loaded first"
else
	try "stop=all" --stop=all
	try "stop=auto" --stop=auto
	try "capture" --wall -d 200ms -r 99 --stop=all
fi

# ---- at random instants of a capture ----

bad=
for ((i = 0; i < 5; i++)); do
	target_start counter
	timeout 60 "$STACKSNAP" --wall -d 600 -f json -o "$TMP/capture.json" "$TARGET_PID" \
		2>"$TMP/end.err" </dev/null &
	CAPTURE=$!
	random_pause 400
	kill -s KILL "$TARGET_PID"
	wait "$CAPTURE"
	STATUS=$?
	check_end "$i"
	target_stop
done
t_is "a capture ends when its target does" "$bad" ""
t_done
