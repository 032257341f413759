#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of stacksnap at any instant harms nobody: after each kill the target runs, unstopped and
# untraced, and at the end its own books balance. KILLS (100) sets the number of rounds.
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-100}
SIGNALS_A_ROUND=3

progress() {
	target_ask USR1 && set -- $REPLY && echo "$2"
}

# How long a whole snapshot takes, in microseconds: the kills are spread over that time.
took_us() {
	local start=${EPOCHREALTIME/./}
	"$STACKSNAP" --stop=all -o /dev/null -f text "$TARGET_PID" 2>/dev/null
	echo $((${EPOCHREALTIME/./} - start))
}

kill_in_the_middle() {
	local stop=$1 delay_us=$2 pid i
	"$STACKSNAP" --stop="$stop" -o "$TMP/killed.txt" "$TARGET_PID" >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < SIGNALS_A_ROUND; i++)); do
		kill -s RTMIN "$TARGET_PID"
	done
	# The moment is meant to be random: this sleep waits for nothing.
	sleep "$((delay_us / 1000000)).$(printf %06d $((delay_us % 1000000)))"
	kill -s KILL "$pid" 2>/dev/null && killed=$((killed + 1))
	wait "$pid" 2>/dev/null
}

target_start counter
took_us >/dev/null
span=$(($(took_us) + 2000))
killed=0
unwell=
for ((round = 1; round <= KILLS; round++)); do
	kill_in_the_middle "$([ $((round % 2)) = 0 ] && echo all || echo auto)" \
		$(((RANDOM * 32768 + RANDOM) % span))
	if ! wait_until 2 process_is_well "$TARGET_PID"; then
		unwell+="round $round: $(process_complaint "$TARGET_PID"); "
		break
	fi
	if [ $((round % 20)) = 0 ]; then
		before=$(progress)
		went_on() {
			[ "$(progress)" -gt "$before" ]
		}
		wait_until 5 went_on || unwell+="round $round: no progress; "
	fi
done
t_diag "$KILLS rounds over ${span} us, $killed kills"
t_is "after each kill the target runs, untraced" "$unwell" ""
t_cmp "most kills met it alive" "$killed * 2 >= $KILLS"

all_signals_came() {
	target_ask USR1 && [[ $REPLY = *" signals $((KILLS * SIGNALS_A_ROUND)) "* ]]
}
wait_until 5 all_signals_came
t_like "no signal was lost" "$REPLY" " signals $((KILLS * SIGNALS_A_ROUND)) "
t_like "no number was lost, no call failed" "$REPLY" ' broken 0 failed 0$'

snap --stop=all "$TARGET_PID"
t_is "a later snapshot works" "$STATUS" 0
target_is_well
target_stop

# ---- the same where calls are blocked, with SIGTERM and SIGINT too ----

target_start waits
before=$(ls "/proc/$TARGET_PID/task" | wc -l)
for signal in KILL TERM INT KILL TERM INT; do
	"$STACKSNAP" --stop=auto -o "$TMP/killed.txt" "$TARGET_PID" >/dev/null 2>&1 &
	pid=$!
	sleep 0.00$((RANDOM % 9))
	kill -s $signal "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	wait_until 2 process_is_well "$TARGET_PID" || break
done
t_is "no thread's call was disturbed" "$(ls "/proc/$TARGET_PID/task" | wc -l)" "$before"
target_is_well
target_stop
t_done
