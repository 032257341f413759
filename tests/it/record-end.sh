#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How a capture ends: by a signal, which leaves a whole file, and after the time that was asked for.
. "$(dirname "$0")/lib.sh"

# seconds FILE: what the capture says that it covers; nothing if the file is not whole.
seconds() {
	"$PYTHON" -c 'import json, sys
print(json.load(open(sys.argv[1]))["profiles"][0]["duration_ns"] / 1e9)' "$1" 2>/dev/null
}

target_start names # its threads rest: whatever the load, nothing of them is missing

# ---- signals ----

# Its descriptors on the target say that it looks.
looks() {
	readlink "/proc/$capture/fd/"* 2>/dev/null | grep -q "^/proc/$TARGET_PID"
}

# capture_start NAME [COMMAND...]: into NAME.json; COMMAND runs it.
capture_start() {
	local name=$1
	shift
	"$@" "$STACKSNAP" --wall -d 100 -o "$TMP/$name.json" "$TARGET_PID" 2>"$TMP/$name.err" &
	capture=$!
	wait_until 20 looks
}

for signal in INT TERM QUIT HUP; do
	capture_start "$signal"
	kill -s "$signal" "$capture"
	wait "$capture"
	t_is "$signal: exit status" $? 0
	t_like "$signal: a whole profile" "$(seconds "$TMP/$signal.json")" '^[0-9.]+(e-[0-9]+)?$'
done
# a session that is torn down sends it from two sides
capture_start twice
kill -s HUP "$capture"
kill -s HUP "$capture" 2>/dev/null
wait "$capture"
t_is "HUP twice: exit status" $? 0
t_like "HUP twice: a whole profile" "$(seconds "$TMP/twice.json")" '^[0-9]'
capture_start nohup env --ignore-signal=HUP
kill -s HUP "$capture"
t_not "nohup: it goes on" wait_until 1 process_is_gone "$capture"
kill -s INT "$capture"
wait "$capture"
t_is "nohup: exit status" $? 0

# ---- the time ----

# The time of the profile is what was asked for, but for how late the last look was: a control says how
# late a process wakes here.
late_us() {
	local began=${EPOCHREALTIME/./}
	sleep 1
	echo $((${EPOCHREALTIME/./} - began - 1000000))
}

worst=0 ratios=
for round in 1 2 3 4 5; do
	late=$(late_us)
	"$STACKSNAP" --wall -d 1 -o "$TMP/time.json" "$TARGET_PID" 2>/dev/null
	took_us=$("$PYTHON" -c "print(int(1e6 * $(seconds "$TMP/time.json")))")
	ratios+=" $took_us/$late"
	[ "$took_us" -ge 990000 ] && [ "$took_us" -le $((1100000 + 20 * late)) ] || worst=$((worst + 1))
done
t_diag "microseconds covered/late:$ratios"
t_cmp "-d 1 covers 1 s" "$worst <= 2"
target_is_well
t_done
