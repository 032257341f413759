#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Captures over time beside what the target measured of itself and, where it can be had, beside
# perf's sched_switch: markdown tables, one pair for each rate. Exit status 1 if a row is out of its
# bounds. Usage: accuracy.sh [HZ...], environment as for tests/it; SECONDS_EACH (10), SPINNERS (0)
# and CPU: the one that the target is to run on.
. "$(dirname "$0")/../it/lib.sh"

SECONDS_EACH=${SECONDS_EACH:-10}
SPINNERS=${SPINNERS:-0}
BENCH=$(cd "$(dirname "$0")" && pwd)
BAD=0

# tracefs in a mount namespace of its own, as it may not be mounted here.
with_tracefs() {
	unshare -m "$BASH" -c 'mount -t tracefs none /sys/kernel/tracing && exec "$@"' - "$@"
}

have_perf() {
	command -v perf >/dev/null &&
		with_tracefs perf record -q -o "$TMP/probe.data" -a -e sched:sched_switch true \
			>/dev/null 2>&1
}

# perf_start: sees the switches of the target's threads, whose ids follow each other.
perf_start() {
	local tids first last
	tids=$(cd "/proc/$TARGET_PID/task" && printf '%s\n' * | sort -n)
	first=$(head -n 1 <<<"$tids") last=$(tail -n 1 <<<"$tids")
	with_tracefs perf record -q -k CLOCK_MONOTONIC -m 2048 -o "$TMP/perf.data" -a \
		-e sched:sched_switch --filter \
		"(prev_pid>=$first&&prev_pid<=$last)||(next_pid>=$first&&next_pid<=$last)" \
		-e sched:sched_wakeup --filter "pid>=$first&&pid<=$last" \
		sleep $((SECONDS_EACH + 2)) >"$TMP/perf.log" 2>&1 &
	PERF_PID=$!
	disown "$PERF_PID"
	STARTED+=("$PERF_PID")
	# until each thread has had an event its state is not known
	wait_until 10 test -s "$TMP/perf.data"
	sleep 1
}

perf_stop() {
	wait_until 30 process_is_gone "$PERF_PID"
	with_tracefs perf script --ns -i "$TMP/perf.data" >"$TMP/perf.txt" 2>/dev/null
}

measure() {
	local rate=$1 witness=()
	# shellcheck disable=SC2034 # lib.sh uses it
	[ -z "${CPU-}" ] || TARGET_PREFIX=(taskset -c "$CPU")
	target_start accuracy "$TMP/log" "$SPINNERS"
	[ -z "$PERF" ] || perf_start
	"$STACKSNAP" -q -p "$TARGET_PID" --wall -d "$SECONDS_EACH" -r "$rate" -o "$TMP/capture.json"
	cp "$TMP/log" "$TMP/log.end"
	[ -z "$PERF" ] || { perf_stop && witness=("$TMP/perf.txt"); }
	echo
	echo "$rate Hz, $SECONDS_EACH s, $SPINNERS spinning${CPU:+, on one CPU}${NO_PERF-}:"
	echo
	"$PYTHON" "$BENCH/accuracy.py" "$TMP/capture.json" "$TMP/log.end" \
		${witness[@]+"${witness[@]}"} || BAD=1
	target_stop
}

PERF=$(have_perf && echo yes)
[ "$PERF" ] || NO_PERF=", perf: not here"
[ $# -gt 0 ] || set -- 99 20
for rate; do
	measure "$rate"
done
exit "$BAD"
