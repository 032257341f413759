#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What being looked at costs a process, beside other tools that look, interleaved, as markdown tables:
# the pauses of a thread that spins (p99 of the longest gap in each 10 ms; the longest of all), how much
# it gets done, and the CPU that looking takes. Environment as for tests/it; ROUNDS (5), SIZES.
. "$(dirname "$0")/../it/lib.sh"

ROUNDS=${ROUNDS:-5}
SIZES=${SIZES:-10 100 1000 5000}
PAIRS=${PAIRS:-10}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
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

# look WAY: does it, and adds what the spinner saw to $TMP/WAY.{gap,p99,rate}.
look() {
	local way=$1 start
	target_ask USR1 >/dev/null
	start=${EPOCHREALTIME/./}
	"$way" >/dev/null 2>&1
	local us=$((${EPOCHREALTIME/./} - start))
	target_ask USR1 || return 1
	# gap_ns N spins N p99_ns N
	read -r _ gap _ spins _ p99 <<<"$REPLY"
	echo "$((gap / 1000))" >>"$TMP/$way.gap"
	echo "$((p99 / 1000))" >>"$TMP/$way.p99"
	awk -v s="$spins" -v us="$us" 'BEGIN { print s / us }' >>"$TMP/$way.rate"
}

# ---- pauses ----

pauses() {
	local threads=$1 way round ways=(untouched capture one_shot one_shot_all floor eustack)
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
		printf '| %s | %s | %.0f | %.0f |\n' "$threads" "$way" "$(median <"$TMP/$way.p99")" \
			"$(median <"$TMP/$way.gap")"
	done
	target_stop
}

echo "| threads | looked at by | p99 of gaps, us | longest gap, us |"
echo "|--:|---|--:|--:|"
for threads in $SIZES; do
	pauses "$threads"
done

# ---- throughput ----

echo
echo "| of what the spinner does untouched | median ratio | least |"
echo "|---|--:|--:|"
target_start many 1000 16 --spin
ways=(capture)
! command -v perf >/dev/null || ways+=(perf_record)
for way in "${ways[@]}"; do
	rm -f "$TMP"/*.rate "$TMP/ratios"
	for ((pair = 0; pair < PAIRS; pair++)); do
		look untouched
		look "$way"
		paste <(tail -n 1 "$TMP/$way.rate") <(tail -n 1 "$TMP/untouched.rate") |
			awk '{ print $1 / $2 }' >>"$TMP/ratios"
	done
	printf '| %s, 1000 threads | %.3f | %.3f |\n' "$way" "$(median <"$TMP/ratios")" \
		"$(sort -n "$TMP/ratios" | head -n 1)"
done
target_stop

# ---- own CPU ----

echo
echo "| threads | capture | observer | CPU of a capture at 99 Hz, share of one | looks done | missed |"
echo "|--:|---|---|--:|--:|--:|"
own_cpu() {
	local threads=$1 mode=$2 observer=$3
	/usr/bin/time -f '%U %S %e' -o "$TMP/time" "$STACKSNAP" "$mode" -d 5 -q --observer="$observer" \
		--overhead 1000 -o "$TMP/x.json" "$TARGET_PID"
	awk -v t="$threads" -v m="$mode" -v o="$observer" \
		-v done="$(json "$TMP/x.json" 'd["profiles"][0]["coverage"]["ticks_done"]')" \
		-v missed="$(json "$TMP/x.json" 'd["profiles"][0]["coverage"]["ticks_missed"]')" \
		'{ printf "| %s | %s | %s | %.0f %% | %s | %s |\n", t, m, o, 100 * ($1 + $2) / $3, done, missed }' \
		"$TMP/time"
}

for threads in ${SIZES#10 }; do
	target_start many "$threads" 16
	for mode in --block --wall; do
		for observer in proc bpf; do
			own_cpu "$threads" "$mode" "$observer"
		done
	done
	target_stop
done

# ---- unwinding ----

echo
echo "| unwinder, warm | frames a second | ratio to libdwfl |"
echo "|---|--:|--:|"
target_start many 200 40
"$TARGETS/../unit/unwind-speed" "$TARGET_PID" 1000 >"$TMP/speed"
awk '{ rate[$1] = $NF; order[NR] = $1 }
	END { for (i = 1; i <= NR; i++)
		printf "| %s | %.2f M | %.1f |\n", order[i], rate[order[i]] / 1e6, rate[order[i]] / rate["libdwfl"] }' \
	"$TMP/speed"
target_stop
