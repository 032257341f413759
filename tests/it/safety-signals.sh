#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signals during captures: storms of stops, of queued signals, and a program that raises SIGTRAP at
# itself. None is lost, none comes twice, and a process that somebody stopped stays stopped.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

# storm MICROSECONDS SIGNAL...: upon the target, for SAFETY_SECONDS; sets STORM.
storm() {
	local us=$1
	shift
	"$TARGETS/storm" "$TARGET_PID" "$us" "$SAFETY_SECONDS" "$@" >"$TMP/storm" &
	STORM=$!
}

sent() {
	awk '{ print $2 }' "$TMP/storm"
}

# ---- queued signals ----

target_start counter
total=0
for stop in auto all; do
	storm 300 RTMIN
	capture_start --stop=$stop -d "$SAFETY_SECONDS"
	wait "$STORM"
	capture_end "queued signals, $stop"
	total=$((total + $(sent)))
done
storm 500 RTMIN
snapshots_while "$STORM"
total=$((total + $(sent)))
t_is "queued signals: $SNAPSHOTS snapshots, none dies of it" "$SNAPSHOTS_BAD" ""
all_came() {
	target_ask USR1 && [[ $REPLY = *" signals $total "* ]]
}
wait_until 5 all_came
t_like "queued signals: each came once" "$REPLY" " signals $total broken 0 failed 0\$"
target_is_well

# ---- stops ----

for stop in auto all; do
	storm 2000 STOP CONT TSTP CONT TTIN CONT
	capture_start --stop=$stop -d "$SAFETY_SECONDS"
	wait "$STORM"
	capture_end "stops and continuations, $stop"
	target_is_well "$TARGET_PID" "stops and continuations, $stop: it runs"
done
storm 1000 STOP CONT TSTP CONT
snapshots_while "$STORM"
t_is "stops: $SNAPSHOTS snapshots, none dies of it" "$SNAPSHOTS_BAD" ""
target_ask USR1
before=$(set -- $REPLY && echo "$2")
went_on() {
	target_ask USR1 && [ "$(set -- $REPLY && echo "$2")" -gt "$before" ]
}
t_ok "stops: it goes on" wait_until 5 went_on
t_like "stops: its books balance" "$REPLY" 'broken 0 failed 0$'

# ---- stopped means stopped ----

all_stopped() {
	! grep -L '^State:[[:space:]]*T' "/proc/$TARGET_PID/task/"*/status | grep -q .
}
kill -s STOP "$TARGET_PID"
wait_until 5 all_stopped
ticks=$(cpu_ticks "$TARGET_PID")
for stop in auto all never; do
	capture_start --stop=$stop -d 0.5
	capture_end "a stopped process, $stop"
done
t_cmp "a stopped process: it never ran" "$(cpu_ticks "$TARGET_PID") - $ticks <= 1"
t_ok "a stopped process: it is stopped still" all_stopped
t_is "a stopped process: untraced" "$(process_complaint "$TARGET_PID" t)" ""
kill -s CONT "$TARGET_PID"
target_is_well
target_stop

# ---- SIGTRAP of its own ----

target_start raised
for stop in auto all; do
	capture_start --stop=$stop -d "$SAFETY_SECONDS"
	capture_end "SIGTRAP of its own, $stop"
done
target_ask USR1
t_like "SIGTRAP of its own: none lost, none doubled" "$REPLY" '^raised [1-9][0-9]* lost 0$'
target_is_well
target_stop
t_done
