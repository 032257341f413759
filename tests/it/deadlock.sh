#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Threads and processes that wait for each other are found, with and without symbols; what only
# looks like it, or ends by itself, is not called a deadlock.
. "$(dirname "$0")/lib.sh"

# The pids of the target and, if it has one, of its peer, with a comma.
pids() {
	local children child
	read -ra children < <(cat "/proc/$TARGET_PID/task/"*/children; echo)
	printf %s "$TARGET_PID"
	for child in ${children[@]+"${children[@]}"}; do
		[ "$(cat "/proc/$child/comm")" != peer ] || printf ,%s "$child"
	done
}

# tids PIDS: all their threads but those that only rest, in order, on one line
tids() {
	local pid task
	for pid in ${1//,/ }; do
		for task in "/proc/$pid/task/"*; do
			[ "$(cut -d ' ' -f 1 "$task/syscall")" = "$PAUSE" ] || echo "${task##*/}"
		done
	done | sort -n | tr '\n' ' '
}

# The section about deadlocks, up to the coverage block.
section() {
	printf '%s\n' "$1" | awk '/^Found [0-9]+ deadlock/ { on = 1 } /^# threads:/ { on = 0 } on'
}

# members FILE: how many deadlocks, and the threads in them
members() {
	"$PYTHON" - "$1" <<'PY'
import json, sys

document = json.load(open(sys.argv[1]))
found = document["deadlocks"]
tids = {thread["tid"] for deadlock in found for thread in deadlock["threads"]}
print(f"{len(found)}:", *sorted(tids), end=" ")
PY
}

# deadlocked TARGET FORM [ARG]: exactly one deadlock, of all its threads that do not only rest
deadlocked() {
	local name="${*//"$TMP/"/}" all text found
	target_start "$@"
	all=$(pids)
	snap -p "$all"
	t_is "$name: exit status" "$STATUS" 0
	text=$(section "$OUT")
	t_like "$name: said" "$text" '^Found 1 deadlock:$'
	t_is "$name: said behind the threads" "$(section "$OUT" | grep -c '^thread .*\]:$')" 0
	for tid in $(tids "$all"); do
		t_like "$name: with thread $tid" "$text" "(^|[^0-9])$tid([^0-9]|\$)"
	done
	snap -p "$all" --fail-on-deadlock
	t_is "$name: --fail-on-deadlock: exit status" "$STATUS" 3
	snap -p "$all" -j -o "$TMP/snap.json"
	found=$(members "$TMP/snap.json")
	t_is "$name: JSON" "$found" "1: $(tids "$all")"
	target_is_well
	target_stop
}

# healthy TARGET FORM [ARG]: no deadlock is found; sets OUT
healthy() {
	target_start "$@"
	snap -p "$TARGET_PID" -j -o "$TMP/snap.json"
	t_is "$*: JSON" "$(members "$TMP/snap.json")" "0: "
	snap -p "$TARGET_PID" --fail-on-deadlock
	t_is "$*: exit status" "$STATUS" 0
	t_unlike "$*: nothing is said" "$OUT" '^Found [0-9]+ deadlock'
	target_is_well
	target_stop
}

# the number of pause(2) here, as /proc shows it; the main threads rest there
target_start deadlock self
PAUSE=$(cut -d ' ' -f 1 "/proc/$TARGET_PID/syscall")
target_stop

for target in deadlock deadlock-s; do
	for n in 2 3 10; do
		deadlocked $target cycle $n
	done
	deadlocked $target self
	deadlocked $target join
	deadlocked $target rwlock
	deadlocked $target mixed
done
mkdir "$TMP/files"
deadlocked deadlock pipes
deadlocked deadlock flock "$TMP/files"
deadlocked deadlock ofd "$TMP/files"

# It is its own and only writer: for ever, and whether that is a cycle of one is a matter of words.
target_start deadlock pipe-self
snap -p "$TARGET_PID"
t_like "pipe-self: said" "$OUT" '^Found 1 deadlock:$|waits for ever'
target_is_well
target_stop

# What waits for ever does so while it is stopped, too.
target_start deadlock cycle 3
kill -STOP "$TARGET_PID"
wait_until 20 thread_is "$TARGET_PID" T
snap --fail-on-deadlock "$TARGET_PID"
t_is "stopped: status" "$STATUS" 3
t_like "stopped: found" "$OUT" '^Found 1 deadlock:$'
t_like "stopped: said" "$ERR" 'threads are stopped by a signal'
snap --chains "$TARGET_PID"
t_like "stopped: chains" "$OUT" 'Found 1 deadlock|waits? for thread'
kill -CONT "$TARGET_PID"
target_is_well
target_stop

healthy deadlock exited
t_like "exited: the wait has no end" "$OUT" 'waits for ever'
healthy deadlock timed 3
t_unlike "timed: the waits have an end" "$OUT" 'waits for ever'
healthy deadlock chain
t_unlike "chain: the waits have an end" "$OUT" 'waits for ever'
healthy contend

# A chain leads on into another process, though that one is not stuck.
leads_to_sleep() {
	snap -p "$TARGET_PID,$1"
	grep -q "^# chain of 1 ends at thread $TARGET_PID \"sleep\" \[sleep" <<<"$OUT"
}
program_start bash -c 'exec sleep 600 > >(exec cat)'
reader() {
	READER=$(cat "/proc/$TARGET_PID/task/$TARGET_PID/children")
	READER=${READER% }
	[ -n "$READER" ] && [ "$(cat "/proc/$TARGET_PID/comm" "/proc/$READER/comm")" = "sleep
cat" ]
}
t_ok "a reader and its writer run" wait_until 20 reader
t_ok "the chain of the reader ends at the writer" wait_until 20 leads_to_sleep "$READER"
target_is_well
target_stop
t_done
