#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CPU profiles by the kernel's timer: a program of known shares has a place for its time, is not stopped,
# and the times are the counters'. Bounds are wide: how often a busy machine lets the program run decides
# how many samples there are. tests/bench/cpu-places.sh has the narrow ones.
. "$(dirname "$0")/lib.sh"

FUNCTIONS="half_of_it three_tenths three_twentieths a_twentieth"

# figure EXPRESSION: a number of the JSON form, with c, its coverage, and total, of its threads.
figure() {
	"$PYTHON" - "$TMP/cpu.json" "$1" <<-'EOF'
		import json, sys
		p = json.load(open(sys.argv[1]))["profiles"][0]
		c = p["coverage"]
		total = sum(t["on_cpu_ns"] for t in p["threads"])
		print(int(eval(sys.argv[2])))
	EOF
}

# share FUNCTION: percent of the profile, from the table.
share() {
	"$PYTHON" -c '
import sys
sys.path.insert(0, sys.argv[1])
from pprofile import Profile
p = Profile(sys.argv[2])
print(round(100 * p.cum(sys.argv[3]) / max(p.total(), 1)))' "$SRC/tests/bench" "$TMP/cpu.pb.gz" "$1"
}

capture() {
	snap --cpu -r 499 -d "$1" -o "$TMP/cpu.pb.gz" "$TARGET_PID"
	t_is "$2: exit status" "$STATUS" 0
	t_cmp "$2: what has no place is at most 5 %" "$(share '[on-cpu, unseen]') <= 5"
	t_unlike "$2: nothing is said of it" "$ERR" 'has no place'
	t_cmp "$2: half of it has from 35 to 65 %" "$(share half_of_it) >= 35 && $(share half_of_it) <= 65"
	t_cmp "$2: three tenths have from 18 to 42 %" \
		"$(share three_tenths) >= 18 && $(share three_tenths) <= 42"
	for name in $FUNCTIONS; do
		t_cmp "$2: $name is found" "$(share "$name") > 0"
	done
}

target_start shares bursts
snap --cpu -r 499 -d 2 -f json -o "$TMP/cpu.json" "$TARGET_PID"
if [ "$(figure 'c["timer_sampled"]')" = 0 ]; then
	target_stop
	t_skip_all "the kernel's timer may not be used here"
fi
t_is "no time is lost" "$(figure 'c["on_cpu_ns"] - total')" 0
t_cmp "samples are counted" "$(figure 'c["timer_sampled"]') > 20"
t_cmp "what runs is not stopped" "$(figure 'c["stops"] * 50 <= c["timer_sampled"]')"
snap --cpu -d 1 -f text -o - "$TARGET_PID"
t_like "the coverage block counts samples" "$OUT" "[0-9]+ samples by the kernel's timer"
t_like "the coverage block tells what has no place" "$OUT" 'on CPU: .*, of it without a place: '
capture 4 bursts
target_is_well
target_stop

TARGET_PREFIX=(taskset -c 0)
SNAP_BY="taskset -c 0"
target_start shares spin
capture 4 "a spinner on our own CPU"
target_is_well
target_stop
TARGET_PREFIX=()
SNAP_BY=

# Segments wait for samples, but those of a thread follow each other without gap or overlap.
target_start shares bursts 4
snap --wall -d 2 -o "$TMP/wall.speedscope.json" "$TARGET_PID"
t_is "a time line: exit status" "$STATUS" 0
t_is "a time line is whole" "$(json "$TMP/wall.speedscope.json" \
	"[p['name'] for p in d['profiles'] if abs(sum(p['weights']) - p['endValue']) > 1000]")" "[]"
target_is_well
target_stop

# Left to looks, a profile says what it lacks.
target_start shares bursts
snap --cpu --timer=no -d 2 -o "$TMP/cpu.pb.gz" "$TARGET_PID"
if [ "$(share '[on-cpu, unseen]')" -gt 10 ]; then
	t_like "without the timer it is said" "$ERR" 'of its time on CPU has no place.*no look met it'
else
	t_skip "without the timer it is said" "looks met the program"
fi
target_is_well
target_stop
t_done
