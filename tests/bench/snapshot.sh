#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long a one-shot snapshot takes, and how much memory, beside eu-stack -p (which gives no lines and
# no inlined calls; with -i -s it does), and how long --stop=all holds a process beside the least that
# the kernel needs (floor). Interleaved rounds, medians, a markdown table.
# Usage: snapshot.sh, environment as for tests/it; ROUNDS (7), THREADS (1000), FLOOR, the binary.
. "$(dirname "$0")/../it/lib.sh"
. "$(dirname "$0")/programs.lib.sh"

ROUNDS=${ROUNDS:-7}
THREADS=${THREADS:-1000}
FLOOR=${FLOOR:-$TARGETS/floor}
[ -x "$FLOOR" ] || FLOOR=$TARGETS/../bench/floor

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : int((v[NR / 2] + v[NR / 2 + 1]) / 2) }'
}

# elapsed FILE COMMAND...: its wall time in microseconds, added to the file; then, of another run, its
# memory peak in KiB, to FILE.kib.
elapsed() {
	local file=$1 start=${EPOCHREALTIME/./}
	shift
	"$@" >/dev/null 2>&1
	echo $((${EPOCHREALTIME/./} - start)) >>"$file"
	/usr/bin/time -q -f %M -o "$file.kib" -a "$@" >/dev/null 2>&1
}

pauses() {
	"$STACKSNAP" --stop=all -f json -o "$TMP/pause.json" "$TARGET_PID" 2>/dev/null
	json "$TMP/pause.json" "p['coverage']['pause_ns'] // 1000" >>"$1.pause"
	"$FLOOR" "$TARGET_PID" | awk '{ print int($6 / 1000) }' >>"$1.floor"
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'
}

row() {
	echo "| $1 | $2 | $3 | $(ratio "$2" "$3") |"
}

measure() {
	local name=$1 file=$TMP/$1 round
	for ((round = 0; round < ROUNDS; round++)); do
		elapsed "$file.snap" "$STACKSNAP" --symbol-cache=no "$TARGET_PID"
		elapsed "$file.again" "$STACKSNAP" "$TARGET_PID"
		elapsed "$file.eu" eu-stack -p "$TARGET_PID"
		elapsed "$file.eulines" eu-stack -i -s -p "$TARGET_PID"
		pauses "$file"
	done
	row "$name: wall us, stacksnap : eu-stack -p" "$(median <"$file.snap")" "$(median <"$file.eu")"
	row "$name: wall us, stacksnap : eu-stack -i -s -p" "$(median <"$file.snap")" \
		"$(median <"$file.eulines")"
	row "$name: wall us, stacksnap, names kept : eu-stack -p" "$(median <"$file.again")" \
		"$(median <"$file.eu")"
	row "$name: memory KiB, stacksnap : eu-stack -p" "$(median <"$file.snap.kib")" \
		"$(median <"$file.eu.kib")"
	row "$name: memory KiB, stacksnap : eu-stack -i -s -p" "$(median <"$file.snap.kib")" \
		"$(median <"$file.eulines.kib")"
	row "$name: pause us, --stop=all : floor" "$(median <"$file.pause")" "$(median <"$file.floor")"
}

measure_all() {
	if start_redis; then
		measure "redis-server$1"
		target_stop
	fi
	if start_java; then
		measure "java$1"
		target_stop
	fi
	target_start many "$THREADS" 16
	measure "$THREADS threads$1"
	target_is_well >/dev/null || echo "the target came to harm"
	target_stop
}

# In a mount namespace of its own, where /usr/lib/debug is empty as on most production hosts: with
# libc6-dbg installed, stacksnap unpacks libc's debug information to show lines and inlined calls,
# which eu-stack -p does not.
if [ "${1-}" = hidden ]; then
	mount -t tmpfs none /usr/lib/debug
	measure_all ", no debug files"
	exit
fi
echo "| median of $ROUNDS | stacksnap | other | ratio |"
echo "|---|--:|--:|--:|"
[ ! -d /usr/lib/debug ] || unshare -m "$BASH" "$0" hidden
measure_all ", libc6-dbg installed"
