#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Captures over time: the contended line is at the top, the parts of each thread's time add up, all
# formats, Ctrl-C, a target that ends, several processes, and -- COMMAND.
. "$(dirname "$0")/lib.sh"

ONE=$TMP/one

# The accounts of a JSON capture: `expression` over p, the first process.
capture_json() {
	python3 -c "
import json, sys
p = json.load(open(sys.argv[1]))['profiles'][0]
print($2)" "$1"
}

# ---- the seed program: one contended mutex, one full pipe ----

target_start contend
t_status "block: exit status" 0 "$STACKSNAP" --block -d 1 -r 50 -q -o "$ONE.pb.gz" "$TARGET_PID"
TOP=$("$STACKSNAP" report --cum --focus contended_line "$ONE.pb.gz")
t_like "report: the contended line" "$TOP" 'contended_line'
t_like "report: waits for the lock" "$TOP" 'pthread_mutex_lock'
TOP=$("$STACKSNAP" report --cum "$ONE.pb.gz")
t_like "report: the blocked producer" "$TOP" 'produce'
if pprof_have; then
	TOP=$("$PPROF" -top -cum "$ONE.pb.gz" 2>&1)
	t_like "go tool pprof: the contended line" "$TOP" 'contended_line'
	t_like "go tool pprof: its type" "$TOP" '^Type: delay'
	t_like "go tool pprof: by thread" "$("$PPROF" -top -cum -tagroot=thread "$ONE.pb.gz" 2>&1)" \
		' producer$'
else
	t_skip "go tool pprof" "no go"
fi

all_of_it() {
	"$STACKSNAP" --wall -d 1 -q -o "$ONE.json" "$TARGET_PID"
	STATUS=$?
	[ "$(capture_json "$ONE.json" "all(0.9e9 < t['wall_ns'] < 1.15e9 for t in p['threads'])")" = True ]
}
t_ok "all of it is what was asked for" tries 5 all_of_it
t_is "wall: exit status" "$STATUS" 0
t_is "every thread's time adds up" "$(capture_json "$ONE.json" "sum(
	abs(t['wall_ns'] - t['on_cpu_ns'] - t['runnable_ns'] - t['blocked_ns'] - t['stopped_ns']) > 1000
	for t in p['threads'])")" 0
# of four that want the mutex one is awake at a time, and where CPUs are short it waits for one
t_is "four workers wait for the mutex" "$(capture_json "$ONE.json" "sum(t['name'] == 'worker' and
	t['blocked_ns'] > 0.5 * t['wall_ns'] and t['blocked_ns'] + t['runnable_ns'] > 0.8 * t['wall_ns']
	for t in p['threads'])")" 4
for suffix in txt folded html speedscope.json; do
	t_status "$suffix: exit status" 0 "$STACKSNAP" --wall -d 0.3 -q -o "$ONE.$suffix" "$TARGET_PID"
	t_ok "$suffix: not empty" test -s "$ONE.$suffix"
done
t_is "a capture is as private as a snapshot" "$(stat -c %a "$ONE.html")" 600
t_like "summary" "$("$STACKSNAP" --block -d 0.5 -q --summary "$TARGET_PID")" 'producer'
"$STACKSNAP" --block "$TARGET_PID" >/dev/null 2>"$TMP/default.err" &
STARTED+=($!)
t_ok "the default duration is said" wait_until 20 grep -q 'capturing for 10 s' "$TMP/default.err"
kill -INT $!
wait $!

# ---- thresholds ----

# over NAME STATUS REGEX ARGUMENT...: what a capture of the target says and exits with.
over() {
	local name=$1 status=$2 regex=$3
	shift 3
	snap -d 0.5 -o "$ONE.over.pb.gz" "$@" "$TARGET_PID"
	t_is "$name: status" "$STATUS" "$status"
	t_like "$name: message" "$ERR" "$regex"
}

over "fail-over" 4 '^stacksnap: --fail-over contended_line=100ms: cum of contended_line is [0-9.]+m?s$' \
	--block --fail-over contended_line=100ms
t_status "fail-over: the file is checked in the same words" 4 \
	"$STACKSNAP" report --fail-over contended_line=100ms "$ONE.over.pb.gz"
t_is "fail-over: with the same numbers" "$(tail -n 1 "$TMP/t_status.out")" \
	"$(printf '%s\n' "$ERR" | grep 'cum of contended_line')"
over "fail-over: not exceeded" 0 '^$' --block -q --fail-over contended_line=1h
over "fail-over: the second of two" 4 'contended_line=0: cum' \
	--wall --fail-over contended_line=1h --fail-over contended_line=0
over "fail-over: nothing matches" 0 '--fail-over nobody=0: no function matches' \
	--block --fail-over nobody=0
over "fail-over: what --ignore leaves out does not count" 0 'no function matches' \
	--block --ignore contended_line --fail-over contended_line=0
over "fail-over: what -n cuts off counts" 4 'cum of contended_line' \
	--block -n 1 --fail-over contended_line=0
over "fail-over: no regular expression" 64 "^stacksnap: --fail-over: '\(':" --block --fail-over '(=1'
t_status "fail-over: a snapshot has no times" 64 "$STACKSNAP" --fail-over contended_line=1 "$TARGET_PID"
t_status "fail-over: one of two processes is gone" 4 \
	"$STACKSNAP" --block -d 0.3 -q -o "$ONE.over.txt" --fail-over contended_line=0 "$TARGET_PID,4194303"
target_is_well
target_stop

# ---- ends ----

target_start contend
"$STACKSNAP" --block -d 60 -q -o "$ONE.int.pb.gz" "$TARGET_PID" &
pid=$!
STARTED+=("$pid")
wait_until 20 capture_has_begun "$pid" "$TARGET_PID"
kill -INT "$pid"
wait "$pid"
t_is "Ctrl-C is no failure" $? 0
t_ok "Ctrl-C: what was captured is written" test -s "$ONE.int.pb.gz"
if command -v strace >/dev/null; then
	# while the process is opened, long before the first look
	t_status "Ctrl-C at the very beginning is no failure" 0 env ASAN_OPTIONS=detect_leaks=0 \
		strace -f -o /dev/null -e inject=pidfd_open:signal=INT:when=1 \
		"$STACKSNAP" --block -d 60 -q -o "$ONE.early.txt" "$TARGET_PID"
	t_like "Ctrl-C at the very beginning: one look is written" "$(cat "$ONE.early.txt")" \
		contended_line
else
	t_skip "Ctrl-C at the very beginning" "no strace"
fi
target_is_well
target_stop

target_start contend 1
t_status "the target ends: exit status" 0 "$STACKSNAP" --block -d 60 -q -o "$ONE.end.pb.gz" "$TARGET_PID"
t_ok "the target ends: written" test -s "$ONE.end.pb.gz"
target_stop
target_start contend 1
t_like "the target ends: said" "$("$STACKSNAP" --block -d 60 -o "$ONE.end.pb.gz" "$TARGET_PID" 2>&1)" \
	": $TARGET_PID: it ended [0-9.]+ s after the capture began"
target_stop

# ---- launched ----

t_status "its exit status is passed on" 7 "$STACKSNAP" --wall -q -o "$ONE.cmd.json" -- \
	"$TARGETS/contend" 1
t_is "from the beginning to the end" "$(capture_json "$ONE.cmd.json" "any(
	0.5e9 < t['wall_ns'] < 30e9 for t in p['threads'])")" True
t_status "the command's status goes before a threshold" 7 "$STACKSNAP" --wall -q -o "$ONE.cmd.json" \
	--fail-over contended_line=0 -- "$TARGETS/contend" 1
t_like "but the threshold is said" "$(cat "$TMP/t_status.out")" '--fail-over contended_line=0: cum of'
t_status "killed by a signal: 128 + n" 137 "$STACKSNAP" --cpu -q -o /dev/null -- \
	sh -c 'sleep 0.3; kill -KILL $$'

# as_started DISPOSITION COMMAND...: with these signals ignored (IGN), or not (DFL).
as_started() {
	"$PYTHON" -c '
import os, signal, sys
for name in os.environ["SIGNALS"].split():
    signal.signal(getattr(signal, name), getattr(signal, "SIG_" + sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])' "$@"
}
export SIGNALS="SIGBUS SIGCHLD SIGPIPE SIGXFSZ"
# AddressSanitizer takes this one before main
[[ $STACKSNAP != */asan/* ]] || SIGNALS=${SIGNALS#SIGBUS }
for how in IGN DFL; do
	t_status "SIG_$how: its exit status is passed on" 7 as_started $how "$STACKSNAP" --wall -q \
		-o /dev/null -- sh -c 'sleep 0.3; exit 7'
	t_is "SIG_$how: the command has the signals as they were" \
		"$(as_started $how "$STACKSNAP" --wall -q -o /dev/null -- \
			grep SigIgn /proc/self/status 2>/dev/null)" \
		"$(as_started $how /bin/grep SigIgn /proc/self/status)"
done
t_status "too short to be looked at: its own status" 0 "$STACKSNAP" --cpu -q -- true
t_like "too short to be looked at, or seen" "$(cat "$TMP/t_status.out")" '^$|it ended before it could be looked at'
t_status "not found" 127 "$STACKSNAP" --cpu -q -- ./no-such-program
t_status "not executable" 126 "$STACKSNAP" --cpu -q -- /etc/passwd
t_done
