#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stacks whose outer frames are not in memory: dropped, of a file, or served late by userfaultfd or
# FUSE. A look brings no page in and waits for none, in whatever way it stops; it says what is missing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

ENDS='stack ends here: the rest of the stack is not in memory'

# The target has had no fault because of us, and has as many pages as before.
pages_are_as_before() {
	target_ask USR1
	t_is "$1: no page was asked for, none came in" "$REPLY" "$before"
}

look() {
	snap --stop="$2" "$TARGET_PID"
	t_is "$1, $2: partial" "$STATUS" 1
	t_like "$1, $2: the inner frames" "$(thread_block "$OUT" waits)" '^absent_middle'
	t_unlike "$1, $2: not the outer ones" "$(thread_block "$OUT" waits)" '^absent_outer'
	t_like "$1, $2: said of the stack" "$(thread_block "$OUT" waits)" "$ENDS"
	# it may have been on no CPU, or have no stack where the timer is denied
	if thread_block "$OUT" spins | grep -q '^absent_inner'; then
		t_like "$1, $2: said of the running thread" "$(thread_block "$OUT" spins)" "$ENDS"
	fi
	t_like "$1, $2: said of all" "$ERR" 'partial: .*the rest of the stack is not in memory'
	pages_are_as_before "$1, $2"
	target_is_well "$TARGET_PID" "$1, $2: the target is well"
}

record() {
	capture_start --stop="$2" -d "$SAFETY_SECONDS"
	capture_end "$1, capture, $2"
	pages_are_as_before "$1, capture, $2"
	target_is_well "$TARGET_PID" "$1, capture, $2: the target is well"
}

try() {
	local stop
	mkdir "$TMP/$1"
	if ! "$TARGETS/absent" "$1" "$TMP/$1" try 2>"$TMP/try.err"; then
		t_diag "$(cat "$TMP/try.err")"
		t_skip "$1" "$1 is not permitted"
		return
	fi
	target_start absent "$1" "$TMP/$1"
	target_ask USR1
	before=$REPLY
	t_like "$1: the target's own count" "$before" '^faults 0 present [1-9]'
	for stop in auto never all; do
		look "$1" $stop
	done
	for stop in auto all; do
		record "$1" $stop
	done
	target_stop
}

try dropped
try file
try userfault
try fuse
t_done
