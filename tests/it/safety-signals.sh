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

all_stopped() {
	! grep -L '^State:[[:space:]]*T' "/proc/$TARGET_PID/task/"*/status | grep -q .
}

# ---- queued signals ----

# In a process group that is orphaned the kernel ignores all stops but SIGSTOP (setpgid(2)): as a job
# the target has a group of its own, whose parent, this shell, is in its session.
set -m
target_start counter
set +m
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
wait_until 20 all_came
t_like "queued signals: each came once" "$REPLY" " signals $total broken 0 failed 0\$"
target_is_well

# ---- stops ----

for signal in STOP TSTP TTIN TTOU; do
	kill -s $signal "$TARGET_PID"
	t_ok "SIG$signal stops it" wait_until 20 all_stopped
	kill -s CONT "$TARGET_PID"
	target_is_well "$TARGET_PID" "SIG$signal: SIGCONT continues it"
done
for stop in auto all; do
	storm 2000 STOP CONT TSTP CONT TTIN CONT TTOU CONT
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
t_ok "stops: it goes on" wait_until 20 went_on
t_like "stops: its books balance" "$REPLY" 'broken 0 failed 0$'

# ---- stopped means stopped ----

for way in "auto STOP" "all STOP" "never STOP" "auto TSTP" "all TTIN" "all TTOU"; do
	read -r stop signal <<<"$way"
	kill -s "$signal" "$TARGET_PID"
	wait_until 20 all_stopped
	ticks=$(cpu_ticks "$TARGET_PID")
	capture_start --stop="$stop" -d 0.5
	capture_end "stopped by SIG$signal, $stop"
	t_cmp "stopped by SIG$signal, $stop: it never ran" "$(cpu_ticks "$TARGET_PID") - $ticks <= 1"
	t_ok "stopped by SIG$signal, $stop: it is stopped still" all_stopped
	t_is "stopped by SIG$signal, $stop: untraced" "$(process_complaint "$TARGET_PID" t)" ""
	kill -s CONT "$TARGET_PID"
	target_is_well "$TARGET_PID" "stopped by SIG$signal, $stop: SIGCONT continues it"
done
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
