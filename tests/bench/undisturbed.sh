#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What being looked at costs a process, beside other tools that look, interleaved, as markdown tables:
# the pauses of a thread that spins (p99 of the longest gap in each 10 ms; the longest of all), how much
# it gets done, the CPU that looking takes, also where all threads switch all the time, and the speed of
# unwinding. Exit status 1 if something is out of its bounds. Environment as for tests/it; ROUNDS (5),
# SIZES, PAIRS (10).
. "$(dirname "$0")/../it/lib.sh"

ROUNDS=${ROUNDS:-5}
SIZES=${SIZES:-10 100 1000 5000}
PAIRS=${PAIRS:-10}
LOOK_US=2000000
OUT_OF_BOUNDS=0

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# judge CONDITION: a comparison, which may have fractions. Sets VERDICT, the last cell of a row.
judge() {
	VERDICT=
	awk "BEGIN { exit !($1) }" && return 0
	VERDICT=' **out**'
	OUT_OF_BOUNDS=1
}

# ---- ways to look ----

one_shot() { "$STACKSNAP" -q -o "$TMP/x.txt" "$TARGET_PID"; }
one_shot_all() { "$STACKSNAP" --stop=all -q -o "$TMP/x.txt" "$TARGET_PID"; }
capture() { "$STACKSNAP" --wall -d 2 -q -o "$TMP/x.pb.gz" "$TARGET_PID"; }
untouched() { sleep 2; }
floor() { "$TARGETS/floor" "$TARGET_PID"; }
eustack() { eu-stack -p "$TARGET_PID"; }
gdb_bt() { gdb -batch -ex 'thread apply all bt' -p "$TARGET_PID"; }
perf_record() { perf record -q -F 99 -g -o "$TMP/perf.data" -p "$TARGET_PID" -- sleep 2; }

# look WAY: for as long as a capture lasts, again and again, so that all ways have as many windows; adds
# what the spinner saw to $TMP/WAY.{gap,p99,rate}.
look() {
	local way=$1 start us=0
	target_ask USR1 >/dev/null
	start=${EPOCHREALTIME/./}
	while [ "$us" -lt $((LOOK_US * 9 / 10)) ]; do
		"$way" >/dev/null 2>&1
		us=$((${EPOCHREALTIME/./} - start))
	done
	target_ask USR1 || return 1
	# gap_ns N spins N p99_ns N windows N
	read -r _ gap _ spins _ p99 _ <<<"$REPLY"
	echo "$((gap / 1000))" >>"$TMP/$way.gap"
	echo "$((p99 / 1000))" >>"$TMP/$way.p99"
	awk -v s="$spins" -v us="$us" 'BEGIN { print s / us }' >>"$TMP/$way.rate"
}

# ---- pauses ----

# pause_bound WAY: what its median has to stay below: sets COLUMN, p99 or gap, and BOUND in us; fails if
# there is none. 50 us are the noise of two processors.
pause_bound() {
	local quiet peer
	case $1 in
	capture | one_shot)
		COLUMN=p99
		quiet=$(sort -n "$TMP/untouched.p99" | awk 'END { print $1 * 1.3 + 50 }')
		peer=$(median <"$TMP/eustack.gap")
		BOUND=$(awk "BEGIN { print ($quiet < $peer ? $quiet : $peer) }")
		;;
	one_shot_all)
		COLUMN=gap
		BOUND=$(median <"$TMP/floor.gap" | awk '{ print $1 * 1.3 + 50 }')
		;;
	*) return 1 ;;
	esac
}

pauses() {
	local threads=$1 way round cell ways=(untouched capture one_shot one_shot_all floor eustack)
	# gdb takes minutes for thousands of threads
	[ "$threads" -gt 1000 ] || ways+=(gdb_bt)
	rm -f "$TMP"/*.gap "$TMP"/*.p99 "$TMP"/*.rate
	target_start many "$threads" 16 --spin
	for ((round = 0; round < ROUNDS; round++)); do
		for way in "${ways[@]}"; do
			look "$way"
		done
	done
	for way in "${ways[@]}"; do
		cell=
		if pause_bound "$way"; then
			judge "$(median <"$TMP/$way.$COLUMN") <= $BOUND"
			cell=$(printf '%s %.0f%s' "${COLUMN/gap/longest}" "$BOUND" "$VERDICT")
		fi
		printf '| %s | %s | %.0f | %.0f | %s |\n' "$threads" "$way" "$(median <"$TMP/$way.p99")" \
			"$(median <"$TMP/$way.gap")" "$cell"
	done
	target_stop
}

echo "| threads | looked at by | p99 of gaps, us | longest gap, us | bound |"
echo "|--:|---|--:|--:|--:|"
for threads in $SIZES; do
	pauses "$threads"
done

# ---- throughput ----

echo
echo "| of what the spinner does untouched | median ratio | least | bound |"
echo "|---|--:|--:|--:|"
target_start many 1000 16 --spin
ways=(capture)
! command -v perf >/dev/null || ways=(perf_record capture)
floor_ratio=0.95
for way in "${ways[@]}"; do
	rm -f "$TMP"/*.rate "$TMP/ratios"
	for ((pair = 0; pair < PAIRS; pair++)); do
		look untouched
		look "$way"
		paste <(tail -n 1 "$TMP/$way.rate") <(tail -n 1 "$TMP/untouched.rate") |
			awk '{ print $1 / $2 }' >>"$TMP/ratios"
	done
	ratio=$(median <"$TMP/ratios")
	cell=
	if [ "$way" = capture ]; then
		judge "$ratio >= $floor_ratio"
		cell="$floor_ratio$VERDICT"
	else
		# no worse than perf, but for the noise of such ratios
		floor_ratio=$(awk "BEGIN { r = $ratio - 0.01; print (r > 0.95 ? r : 0.95) }")
	fi
	printf '| %s, 1000 threads | %.3f | %.3f | %s |\n' "$way" "$ratio" \
		"$(sort -n "$TMP/ratios" | head -n 1)" "$cell"
done
target_stop

# ---- own CPU ----

# captured ARGS...: five seconds; sets PERCENT of a CPU, ASKED and TAKEN, the looks.
captured() {
	/usr/bin/time -f '%U %S %e' -o "$TMP/time" "$STACKSNAP" -d 5 -q -f json -o "$TMP/x.json" "$@" \
		"$TARGET_PID"
	PERCENT=$(tail -n 1 "$TMP/time" | awk '{ printf "%.1f", 100 * ($1 + $2) / $3 }')
	ASKED=$(json "$TMP/x.json" 'd["profiles"][0]["coverage"]["ticks_planned"]')
	TAKEN=$(json "$TMP/x.json" 'd["profiles"][0]["coverage"]["ticks_done"]')
}

# The share at a thousand threads has a bound; from there it may grow as the threads do.
declare -A AT_1000
own_cpu() {
	local threads=$1 spin=$2 mode=$3 observer=$4 bound=
	captured "$mode" --observer="$observer" --overhead 1000
	case $threads:$observer in
	1000:bpf) bound=15 ;;
	1000:proc) bound=25 ;;
	5000:*)
		[ -z "${AT_1000[$spin$mode$observer]-}" ] ||
			bound=$(awk "BEGIN { print ${AT_1000[$spin$mode$observer]} * 5 + 5 }")
		;;
	esac
	[ "$threads" != 1000 ] || AT_1000[$spin$mode$observer]=$PERCENT
	judge "$PERCENT <= ${bound:-1e9}"
	printf '| %s%s | %s | %s | %s %% | %s | %s | %s |\n' "$threads" "${spin:+ and a spinner}" \
		"$mode" "$observer" "$PERCENT" "$ASKED" "$TAKEN" "$bound$VERDICT"
}

echo
echo "| threads | capture | observer | CPU of a capture at 99 Hz, share of one | looks asked | done | bound |"
echo "|--:|---|---|--:|--:|--:|--:|"
for threads in ${SIZES#10 }; do
	for spin in "" --spin; do
		target_start many "$threads" 16 ${spin:+"$spin"}
		for mode in --block --wall; do
			for observer in proc bpf; do
				own_cpu "$threads" "$spin" "$mode" "$observer"
			done
		done
		target_stop
	done
done

# ---- all threads switch all the time ----

# The rate falls to what --overhead (50 by default) allows; the times of each thread stay the kernel's.
switching() {
	local observer=$1 stop=$2 switches after n wrong worst share unequal
	target_ask USR1
	read -r _ switches _ <<<"$REPLY"
	captured --wall --observer="$observer" --stop="$stop"
	target_ask USR1
	read -r _ after _ <<<"$REPLY"
	# threads N wrong N worst_us N share N unequal N
	read -r _ n _ wrong _ worst _ share _ unequal < <("$PYTHON" "$SRC/tests/it/sums.py" "$TMP/x.json" \
		"$TMP/notes")
	judge "$PERCENT <= 65 && $wrong == 0 && $unequal == 0 && $share > 0.95 && $share < 1.05"
	printf '| %s | %s | %d | %s %% | %s | %s | %s | %s | %s |\n' "$observer" "$stop" \
		$(((after - switches) / n / 5)) "$PERCENT" "$ASKED" "$TAKEN" "$worst" "$share" \
		"65 %, 8000 us$VERDICT"
}

echo
echo "| 200 threads in pairs, observer | stop | switches a thread and second | CPU | looks asked | done | worst thread off by, us | sum, share of the target's | bound |"
echo "|---|---|--:|--:|--:|--:|--:|--:|--:|"
target_start pairs 200 "$TMP/notes"
for observer in proc bpf; do
	for stop in auto all; do
		switching "$observer" "$stop"
	done
done
target_stop

# ---- unwinding ----

echo
echo "| unwinder, warm | frames a second | ratio to libdwfl | bound |"
echo "|---|--:|--:|--:|"
target_start many 200 40
"$(dirname "$STACKSNAP")/tests/unit/unwind-speed" "$TARGET_PID" 1000 >"$TMP/speed"
libdwfl=$(awk '$1 == "libdwfl" { print $NF }' "$TMP/speed")
judge "${libdwfl:-0} > 0"
while read -r name rest; do
	rate=${rest##* } cell=
	if [ "$name" = cfi ]; then
		judge "$rate >= 20e6"
		cell="20 M$VERDICT"
	fi
	awk -v n="$name" -v r="$rate" -v l="$libdwfl" -v c="$cell" \
		'BEGIN { printf "| %s | %.2f M | %.1f | %s |\n", n, r / 1e6, r / l, c }'
done <"$TMP/speed"
target_stop
exit $OUT_OF_BOUNDS
