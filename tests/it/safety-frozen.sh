#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A target in a frozen cgroup, of either version: it is read where it stands, nothing waits for it,
# and once thawed it runs as before; also if it is frozen and thawed all the while.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

# In a frozen group of version 1 threads are in state D: tT are wrong, D is not.
frozen_looks() {
	local kind=$1 stop
	for stop in auto all never; do
		snap --stop=$stop "$TARGET_PID"
		t_ok "$kind, $stop: nothing waits for the thaw" cgroup_frozen
		t_ok "$kind, $stop: whole or partial" [ "$STATUS" -le 1 ]
		t_like "$kind, $stop: said" "$ERR" 'threads are stopped .* or frozen: .stacksnap doctor'
		t_like "$kind, $stop: shown" "$(thread_block "$OUT" pong)" '\[frozen\]'
		t_stack "$kind, $stop: stacks" "$(thread_block "$OUT" pong)" pong start_thread
	done
	ticks=$(cpu_ticks "$TARGET_PID")
	capture_start --stop=all -d 1
	capture_end "$kind"
	t_cmp "$kind: it never ran" "$(cpu_ticks "$TARGET_PID") - $ticks <= 1"
	t_ok "$kind: it is frozen still" cgroup_frozen
	t_is "$kind: untraced" "$(process_complaint "$TARGET_PID" t)" ""
}

freeze_and_thaw() {
	local end=$((SECONDS + SAFETY_SECONDS))
	while [ "$SECONDS" -lt "$end" ]; do
		cgroup_freeze "$TARGET_PID"
		random_pause 30
		cgroup_thaw
		random_pause 30
	done
}

for kind in v2 v1; do
	if ! cgroup_new $kind; then
		t_skip "$kind" "no cgroup can be made"
		continue
	fi
	target_start counter
	cgroup_freeze "$TARGET_PID"
	frozen_looks $kind
	cgroup_thaw
	target_is_well "$TARGET_PID" "$kind: thawed, it runs"
	for stop in auto all; do
		capture_start --stop=$stop -d "$SAFETY_SECONDS"
		freeze_and_thaw
		capture_end "$kind, frozen and thawed all the while, $stop"
	done
	target_ask USR1
	t_like "$kind: its books balance" "$REPLY" '^progress [1-9][0-9]* .* broken 0 failed 0$'
	target_is_well
	target_stop
done
t_done
