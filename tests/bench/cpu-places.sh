#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does a CPU profile have time where the program spent it? A program of known shares, in short bursts,
# spinning on the one CPU that stacksnap has too, and with 200 threads on two CPUs, beside perf (if it is
# installed): a markdown table, in percent of the time in these functions. Exit status 1 if a row is out
# of its bounds. Usage: cpu-places.sh, environment as for tests/it; SECONDS_EACH (10), RATE (499), ONLY
# (a pattern of the programs' names).
. "$(dirname "$0")/../it/lib.sh"

HERE=$SRC/tests/bench
RATE=${RATE:-499}
SECONDS_EACH=${SECONDS_EACH:-10}
BAD=0

# What perf sees, in $TMP/perf.txt.
look_with_perf() {
	command -v perf >"$TMP/perf.log" || return 1
	"$@" perf record -q -e cpu-clock -F "$RATE" -g -o "$TMP/perf.data" -p "$TARGET_PID" -- \
		sleep "$SECONDS_EACH" >"$TMP/perf.log" 2>&1 &&
		perf script -i "$TMP/perf.data" -F ip,sym >"$TMP/perf.txt" 2>>"$TMP/perf.log"
}

# measure NAME "PREFIX" "TOOL" ARGS...: the target runs by the words of PREFIX, perf and stacksnap by those
# of TOOL.
measure() {
	local name=$1 prefix tool perf=-
	# shellcheck disable=SC2053 # a pattern
	[[ $name = ${ONLY:-*} ]] || return 0
	read -ra prefix <<<"$2"
	read -ra tool <<<"$3"
	TARGET_PREFIX=("${prefix[@]}")
	target_start shares "${@:4}"
	! look_with_perf "${tool[@]}" || perf=$TMP/perf.txt
	if ! "${tool[@]}" "$STACKSNAP" -q --cpu -r "$RATE" -d "$SECONDS_EACH" \
		-o "$TMP/cpu.pb.gz" "$TARGET_PID" ||
		! "$PYTHON" "$HERE/cpu-places.py" "$name" "$TMP/cpu.pb.gz" "$perf"; then
		BAD=1
	fi
	target_stop
}

echo "| program | function | its share | perf | stacksnap | bound | |"
echo "|---|---|--:|--:|--:|--:|---|"
measure "bursts" "" "" bursts
measure "bursts, one CPU" "taskset -c 0" "taskset -c 0" bursts
measure "spinner" "" "" spin
measure "spinner, one CPU" "taskset -c 0" "taskset -c 0" spin
# nice: or the tools would get a hundredth of a CPU, and need minutes to start
measure "200 threads" "nice -n 15" "" spin 200
measure "200 threads in bursts" "nice -n 15" "" bursts 200
measure "200 threads, one CPU" "nice -n 15 taskset -c 0" "taskset -c 0" spin 200
exit "$BAD"
