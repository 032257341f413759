#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -s: a snapshot of a process and its descendants; a capture that follows the children which are
# made meanwhile, their exec, and those that end at once; what ends such a capture.
. "$(dirname "$0")/lib.sh"

ONE=$TMP/one

profiles() {
	"$PYTHON" -c "
import json, sys
d = json.load(open(sys.argv[1]))['profiles']
by = {}
for p in d:
    by.setdefault(p['comm'], []).append(p)
print($2)" "$1" 2>&1
}

# ---- a snapshot ----

target_start family
FAMILY=$TARGET_PID
wait_until 20 eval 'pgrep -x grandchild >/dev/null'
adopt "$FAMILY"
snap -s "$FAMILY"
t_is "snapshot: exit status" "$STATUS" 0
t_is "snapshot: parent, children, grandchild" \
	"$(printf '%s\n' "$OUT" | grep -c '^=== ')" 4
t_like "snapshot: a child's own section" "$OUT" '^=== [0-9]+ grandchild ==='
t_is "snapshot: the stacks of the children" "$(printf '%s\n' "$OUT" | grep -c '^elder_rest')" 3
snap "$FAMILY"
t_unlike "without -s: only the process" "$OUT" '^=== |elder_rest'
snap -s $$
t_like "from a shell: its other children" "$OUT" '^=== [0-9]+ family ==='
t_unlike "from a shell: not stacksnap itself" "$OUT" '^=== [0-9]+ stacksnap ==='
snap -s --block -d 0.2 --tid 1 "$FAMILY"
t_is "-s and --tid: usage error" "$STATUS" 64

# ---- a capture ----

"$STACKSNAP" --wall -s -d 100 -q -o "$ONE.json" "$FAMILY" &
CAPTURE=$!
STARTED+=("$CAPTURE")
wait_until 20 capture_has_begun "$CAPTURE" "$FAMILY"
before=${EPOCHREALTIME/./}
capture_await_looks "$CAPTURE" 30
before=$((${EPOCHREALTIME/./} - before))
kill -USR1 "$FAMILY"
t_ok "a child is made" target_read
after=${EPOCHREALTIME/./}
YOUNGER=${REPLY#younger }
STARTED+=("$YOUNGER")
t_ok "it has computed" target_await rests
capture_await_looks "$CAPTURE" 30
after=$((${EPOCHREALTIME/./} - after))
kill -INT "$CAPTURE"
wait "$CAPTURE"
t_is "capture: exit status" "$?" 0
t_is "capture: one profile a process" "$(profiles "$ONE.json" 'len(d)')" 5
t_is "capture: the named process comes first" "$(profiles "$ONE.json" 'd[0]["pid"]')" "$FAMILY"
t_is "capture: children followed" \
	"$(profiles "$ONE.json" 'd[0]["coverage"]["children_followed"]')" 4
t_is "capture: the new child" "$(profiles "$ONE.json" 'by["younger"][0]["pid"]')" "$YOUNGER"
t_is "capture: what the new child did on CPU" "$(profiles "$ONE.json" \
	'5e6 < sum(t["on_cpu_ns"] for t in by["younger"][0]["threads"]) < 200e6')" True
t_is "capture: its time is what it lived" "$(profiles "$ONE.json" \
	"$after * 500 < by['younger'][0]['threads'][0]['wall_ns'] < d[0]['duration_ns'] - $before * 500")" True
# a look at all processes takes a while, and on a busy machine some are missed, which is counted
t_is "capture: an elder's time is all of it" "$(profiles "$ONE.json" \
	'abs(by["elder"][0]["threads"][0]["wall_ns"] - d[0]["duration_ns"]) < 0.1e9 +
	d[0]["coverage"]["ticks_missed"] * d[0]["period_ns"]')" True
"$STACKSNAP" --block -s -d 0.3 -q -o "$ONE.pb.gz" "$FAMILY"
t_like "pprof: pids as labels" "$("$STACKSNAP" report --traces "$ONE.pb.gz")" "pid: *$YOUNGER"
target_is_well "$FAMILY"
target_is_well "$YOUNGER" "the child is well"

# ---- what ends it ----

"$STACKSNAP" --block -s -q -d 100 -o "$ONE.end.json" "$FAMILY" &
CAPTURE=$!
STARTED+=("$CAPTURE")
wait_until 20 capture_has_begun "$CAPTURE" "$FAMILY"
kill -USR2 "$FAMILY"
wait_until 20 process_is_gone "$FAMILY"
after=${EPOCHREALTIME/./}
capture_await_looks "$CAPTURE" 40
after=$((${EPOCHREALTIME/./} - after))
kill -INT "$CAPTURE"
wait "$CAPTURE"
t_is "the parent ends: exit status" "$?" 0
t_is "the parent ends, the time goes on for its children" "$(profiles "$ONE.end.json" \
	"d[0]['duration_ns'] < by['elder'][0]['duration_ns'] - $after * 250")" True
target_is_well "$YOUNGER" "the orphan is well"
target_stop

# the time that the child has between its exec and its end is not always one in which we get a CPU
sees_exec() {
	"$STACKSNAP" --wall -s -q -o "$ONE.cmd.json" -- \
		sh -c 'sleep 0.3; for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done; exit 7'
	STATUS=$?
	[ "$(profiles "$ONE.cmd.json" '"sleep" in by')" = True ]
}
t_ok "command: a child that called exec" tries 5 sees_exec
t_is "command: its status" "$STATUS" 7
t_is "command: every child is accounted for" "$(profiles "$ONE.cmd.json" \
	'11 - sum(d[0]["coverage"]["children_" + k] for k in ("followed", "missed")) >= 0')" True
t_status "command: a child left behind does not hold it up" 0 timeout 20 "$STACKSNAP" --wall -s -q \
	-o "$ONE.left.json" -- sh -c 'sleep 60 >/dev/null 2>&1 & echo $! >"$0"; sleep 0.2' "$TMP/left.pid"
STARTED+=("$(cat "$TMP/left.pid")")

t_done
