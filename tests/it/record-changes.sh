#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that change in the middle of a capture: exec, by the main thread and by another one, the
# end of the main thread, a library in the place of another, and threads that come to be selected or
# of which there are none for a while.
. "$(dirname "$0")/lib.sh"

ONE=$TMP/one.json

# profile EXPRESSION: over p, the process of the latest capture, and by, its threads by name.
profile() {
	"$PYTHON" -c "
import json, sys
p = json.load(open(sys.argv[1]))['profiles'][0]
by = {}
for t in p['threads']:
    by.setdefault(t['name'], []).append(t)
print($1)" "$ONE" 2>&1
}

# capture ARGUMENT...: the target, into $ONE; sets ERR.
capture() {
	snap --wall -o "$ONE" "$@" "$TARGET_PID"
	check_capture
}

check_capture() {
	t_ok "$NAME: exit status" [ "$STATUS" -le 1 ]
	t_unlike "$NAME: the process has not ended" "$ERR" 'it ended'
}

# capture_change CONDITION ARGUMENT...: the same, from some looks before the change that SIGUSR1 makes until
# some looks after CONDITION; sets AFTER_NS, the time from there to the end.
capture_change() {
	local condition=$1 since capture
	shift
	"$STACKSNAP" --wall -d 100 -o "$ONE" "$@" "$TARGET_PID" 2>"$TMP/snap.err" &
	capture=$!
	STARTED+=("$capture")
	wait_until 20 capture_has_begun "$capture" "$TARGET_PID"
	capture_await_looks "$capture" 20
	kill -s USR1 "$TARGET_PID"
	t_ok "$NAME: it changes" wait_until 20 "$condition"
	since=${EPOCHREALTIME/./}
	capture_await_looks "$capture" 40
	AFTER_NS=$(((${EPOCHREALTIME/./} - since) * 1000))
	t_ok "$NAME: the capture goes on until it is told to end" kill -s INT "$capture"
	wait "$capture"
	STATUS=$? ERR=$(cat "$TMP/snap.err")
	check_capture
}

# What may be missing at the ends of a capture: looks that a busy machine did not get to are counted.
SLACK='(0.1e9 + p["coverage"]["ticks_missed"] * p["period_ns"])'

# ---- exec ----

is_sleep() {
	[ "$(cat "/proc/$TARGET_PID/comm")" = sleep ] && thread_is "$TARGET_PID" S
}
for NAME in exec thread-exec; do
	target_start changes $NAME
	capture_change is_sleep
	t_is "$NAME: what was computed before the capture does not count" \
		"$(profile 'sum(t["on_cpu_ns"] for t in p["threads"]) < 0.2e9')" True
	t_is "$NAME: it sleeps" "$(profile "any(
		t['blocked_ns'] > $AFTER_NS / 2 for t in by['sleep'])")" True
	[ $NAME = thread-exec ] || t_is "$NAME: no time is lost over it" \
		"$(profile 'sum(t["wall_ns"] for t in p["threads"]) > p["duration_ns"] - '"$SLACK")" True
	target_is_well
	target_stop
done

# ---- the main thread ends ----

NAME=leader
target_start changes leader
leader_has_ended() {
	thread_is "$TARGET_PID" Z
}
capture_change leader_has_ended
t_is "leader: the other thread is captured to the end" \
	"$(profile 'by["worker"][0]["wall_ns"] > p["duration_ns"] - '"$SLACK")" True
t_is "leader: with its stack" "$(profile 'sum(a["ns"] for a in p["accounts"]
	if any(f["function"] == "run_work" for f in a["stack"]["frames"])) > p["duration_ns"] / 2')" True
t_is "leader: the main thread has ended" \
	"$(profile "by['changes'][0]['wall_ns'] < p['duration_ns'] - $AFTER_NS / 2")" True
target_is_well
target_stop

# ---- one library takes the place of another ----

# Time under a function of the latest capture.
under() {
	profile "sum(a['ns'] for a in p['accounts']
		if any(f['function'] == '$1' for f in a['stack']['frames']))"
}

NAME=swap
target_start swap
has_swapped() {
	target_read 1 && [ "$REPLY" = ready ]
}
capture_change has_swapped
t_cmp "swap: time in the first one" "$(under plugin_one) > 0 &&
	$(under plugin_one) < $(profile 'p["duration_ns"]') - $AFTER_NS / 4"
t_cmp "swap: time in the one that took its place" "$(under plugin_two) > $AFTER_NS / 4"
target_is_well
target_stop

# ---- threads that come and go ----

NAME=churn
target_start churn 1000
capture -d 2
t_is "churn: many were seen" "$(profile 'len(p["threads"]) > 100')" True
t_is "churn: every thread's time adds up" "$(profile 'all(abs(t["wall_ns"] - sum(
	t[k + "_ns"] for k in ("on_cpu", "runnable", "blocked", "stopped"))) < 1000
	for t in p["threads"])')" True
t_is "churn: those that stay are there all the time" "$(profile 'sum(
	t["wall_ns"] > p["duration_ns"] - '"$SLACK"' for t in by["stay"])')" 4
target_is_well
target_stop

# ---- nobody is selected ----

NAME=gap
target_start changes gap
FIRST=$(cd "/proc/$TARGET_PID/task" && grep -lx worker ./*/comm)
is_another_one() {
	(cd "/proc/$TARGET_PID/task" && [ ! -e "$FIRST" ] && grep -qx worker ./*/comm)
}
capture_change is_another_one --thread '^worker$'
t_is "gap: the thread that came after it is seen" "$(profile 'len(by["worker"])')" 2
target_is_well
OTHER=$TARGET_PID
target_start spin 1
snap --wall -d 0.5 --thread '^worker$' -o "$ONE" "$TARGET_PID,$OTHER"
t_is "one of two has no such thread: exit status" "$STATUS" 1
t_like "one of two has no such thread: said" "$ERR" \
	"none of the 2 threads of process $TARGET_PID is selected"
t_is "one of two has no such thread: the other one is captured" \
	"$(profile 'p["pid"], len(by["worker"])')" "$OTHER 1"
snap --wall -d 0.5 --thread '^nobody$' -o "$ONE" "$TARGET_PID,$OTHER"
t_is "neither has such a thread: exit status" "$STATUS" 2
t_is "neither has such a thread: both are said" "$(grep -c 'is selected' <<<"$ERR")" 2
target_is_well
target_is_well "$OTHER"
target_stop

# ---- names ----

NAME=rename
target_start changes rename
has_renamed() {
	[ "$(cat "/proc/$TARGET_PID/task/"*/comm | grep -cx worker)" = 2 ]
}
capture_change has_renamed --thread '^worker$'
t_is "rename: both are seen" "$(profile 'len(by["worker"])')" 2
t_is "rename: what it did before does not count" \
	"$(profile 'max(t["on_cpu_ns"] for t in by["worker"]) < 0.1e9')" True
target_is_well
target_stop
t_done
