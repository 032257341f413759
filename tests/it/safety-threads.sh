#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Captures at 99 Hz of programs whose threads and processes come and go: 10,000 threads a second,
# exec, fork, vfork, posix_spawn, a main thread that has ended.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

# ---- threads ----

target_start churn 10000
for stop in auto all; do
	capture_start --stop=$stop -d "$SAFETY_SECONDS"
	capture_end "10,000 threads a second, $stop"
	t_is "10,000 threads a second, $stop: the lasting ones were seen all the while" "$(capture_get \
		"sum(t['name'] == 'stay' and t['wall_ns'] > 0.8 * p['duration_ns'] for t in p['threads'])")" 4
done
started() {
	target_ask USR1 && echo "${REPLY#started }"
}
# rate COMMAND...: how many begin in a second while it runs; sets AFTER.
rate() {
	local before since=${EPOCHREALTIME/./} us
	before=$(started)
	"$@"
	AFTER=$(started) us=$((${EPOCHREALTIME/./} - since))
	RATE=$(((AFTER - before) * 1000 / (us / 1000)))
}
captured() {
	capture_start --stop=auto -d "$SAFETY_SECONDS"
	capture_end "10,000 threads a second, counted"
}
# At least a tenth of what it is when nobody looks, on this machine as busy as it is now.
rate sleep "$SAFETY_SECONDS"
free=$RATE
rate captured
t_cmp "10,000 threads a second: $RATE while captured, $free when not" "$RATE * 10 > $free"
goes_on() {
	[ "$(started)" -gt "$AFTER" ]
}
t_ok "10,000 threads a second: more and more" wait_until 20 goes_on
target_is_well
target_stop

# ---- exec ----

exec_read() {
	tr '\0' ' ' <"/proc/$TARGET_PID/cmdline" | cut -d' ' -f3
}
# In the middle of exec it is empty.
exec_is_readable() {
	count=$(exec_read)
	[ -n "$count" ]
}
exec_count() {
	wait_until 20 exec_is_readable
	echo "${count:-0}"
}
exec_went_on() {
	[ "$(exec_count)" -gt "$before" ]
}
# As capture_end. While a thread that is not the main one calls exec, the main one is a zombie until the
# others have died: a capture that begins just then may find nobody to look at.
exec_capture_end() {
	wait "$CAPTURE"
	CAPTURE_STATUS=$?
	if [ "$2" = other ] && [ "$CAPTURE_STATUS" = 2 ]; then
		t_like "$1: refused, with a reason" "$(cat "$TMP/capture.err")" \
			'has ended|No such process|calls exec faster|refused to show it|an early end'
	else
		capture_end "$1"
	fi
}

# execs NAME BUSY WHO RATE: with so many busy threads and a caller of exec of that kind. A capture that
# ties itself and the target into a knot is killed, and the target counts no further.
execs() {
	local name=$1 stop
	target_start execer 15 0 "$2" "$3"
	CAPTURE_TIMEOUT=$((SAFETY_SECONDS + 60))
	for stop in auto all; do
		before=$(exec_count)
		capture_start --stop=$stop -r "$4" -d "$SAFETY_SECONDS"
		t_ok "$name, $stop: it goes on meanwhile" wait_until 20 exec_went_on
		exec_capture_end "$name, $stop" "$3"
		before=$(exec_count)
		t_ok "$name, $stop: it goes on" wait_until 20 exec_went_on
	done
	target_is_well "$TARGET_PID" "$name: its books balance"
	target_stop
	CAPTURE_TIMEOUT=120
}
execs exec 0 main 99
execs "exec, 20 busy threads" 20 main 500
execs "exec by another thread" 0 other 500
execs "exec by another thread, 20 busy ones" 20 other 500

# ---- children ----

target_start forker
for stop in auto all; do
	capture_start --stop=$stop -d "$SAFETY_SECONDS"
	capture_end "fork, $stop"
	capture_start --stop=$stop -s -d "$SAFETY_SECONDS"
	capture_end "fork, $stop, with its children"
done
target_ask USR1
t_like "fork: each child ended as it should" "$REPLY" '^forked [1-9][0-9]* wrong 0 failed 0$'
target_is_well
target_stop

# ---- state D, a dead leader ----

target_start vforker
for stop in auto all; do
	capture_start --stop=$stop -d 1
	capture_end "vfork, $stop"
	t_is "vfork, $stop: the parent is in its call" \
		"$(cat "/proc/$TARGET_PID/task/"*/stat | grep -c '(parent) D')" 1
done
target_is_well
target_stop
target_start zombieleader
for stop in auto all; do
	capture_start --stop=$stop -d 1
	capture_end "a dead leader, $stop"
done
target_is_well
target_stop
t_done
