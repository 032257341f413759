#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A debugger or strace that comes while stacksnap is at work, and the other way round: either wins,
# and in the end nobody holds the target.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

ROUNDS=$([ -n "${FULL-}" ] && echo 40 || echo 3)
[ -z "${SHORT-}" ] || ROUNDS=2 # one of each way of stopping

# contest NAME: the function NAME_run attaches to the target, and ends by itself.
contest() {
	local name=$1 mode round bad=
	for ((round = 1; round <= ROUNDS; round++)); do
		mode=$([ $((round % 2)) = 0 ] && echo all || echo auto)
		"${name}_run" &
		STARTED+=($!)
		tracer=$!
		random_pause 300
		snapshots_while "$tracer"
		wait "$tracer"
		bad+=$SNAPSHOTS_BAD
		if ! wait_until 20 process_is_well "$TARGET_PID"; then
			bad+="round $round: $(process_complaint "$TARGET_PID"); "
			break
		fi
		snap --stop="$mode" -o /dev/null -f text "$TARGET_PID"
		[ "$STATUS" -le 1 ] || bad+="round $round: then $STATUS: $ERR; "
	done
	t_is "$name during snapshots: $ROUNDS rounds" "$bad" ""

	capture_start -d $((SAFETY_SECONDS + 1))
	while capture_runs; do
		"${name}_run"
	done
	# a capture that begins while somebody else holds the target is refused as a whole
	if ! grep -q 'is already traced by process' "$TMP/capture.err"; then
		capture_end "$name during a capture"
	else
		t_pass "$name before a capture: who holds it is said"
	fi
	target_ask USR1
	t_like "$name: the target's books balance" "$REPLY" 'broken 0 failed 0$'
	target_is_well
}

# gdb's own end is no matter: it may be refused, or find that a thread is gone.
gdb_run() {
	timeout 30 gdb -nx -batch -p "$TARGET_PID" -ex detach </dev/null >/dev/null 2>&1
}

strace_run() {
	timeout -s INT 0.3 strace -f -o /dev/null -p "$TARGET_PID" </dev/null >/dev/null 2>&1
}

target_start counter
for tool in gdb strace; do
	if command -v $tool >/dev/null; then
		contest $tool
	else
		t_skip "$tool" "no $tool"
	fi
done
target_stop
t_done
