#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of stacksnap at any instant harms nobody: after each kill the target runs, unstopped and
# untraced, and at the end its own books balance; all the while it gets signals, and none is lost. KILLS
# (100, in short 30) sets the number of rounds.
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-$([ -n "${SHORT-}" ] && echo 30 || echo 100)}

progress() {
	target_ask USR1 && set -- $REPLY && echo "$2"
}

# storm_start MICROSECONDS: queued signals for the target until storm_end, which sets SENT.
storm_start() {
	"$TARGETS/storm" "$TARGET_PID" "$1" 100000 RTMIN >"$TMP/storm" &
	STORM=$!
	STARTED+=("$STORM")
}

storm_end() {
	kill -s TERM "$STORM"
	wait "$STORM"
	SENT=$(awk '{ print $2 }' "$TMP/storm")
}

all_signals_came() {
	target_ask USR1 && [[ $REPLY = *" signals $SENT "* ]]
}

# signals_came NAME
signals_came() {
	wait_until 20 all_signals_came
	t_like "$1: no signal was lost" "$REPLY" " signals $SENT "
	t_like "$1: no number was lost, no call failed" "$REPLY" ' broken 0 failed 0$'
}

# How long a whole snapshot takes, in microseconds: the kills are spread over that time. The shortest of
# some, for one that waited for a CPU may have taken seconds.
took_us() {
	local start us shortest=100000 i
	for ((i = 0; i < 5; i++)); do
		start=${EPOCHREALTIME/./}
		"$STACKSNAP" --stop=all -o /dev/null -f text "$TARGET_PID" 2>/dev/null
		us=$((${EPOCHREALTIME/./} - start))
		[ "$us" -ge "$shortest" ] || shortest=$us
	done
	echo "$shortest"
}

# The moment is meant to be random: this sleep waits for nothing.
sleep_us() {
	sleep "$(($1 / 1000000)).$(printf %06d $(($1 % 1000000)))"
}

# kill_in_the_middle DELAY_US ARGS...
kill_in_the_middle() {
	local delay_us=$1 pid
	shift
	"$STACKSNAP" "$@" -q -o "$TMP/killed.txt" "$TARGET_PID" >/dev/null 2>&1 &
	pid=$!
	sleep_us "$delay_us"
	kill -s KILL "$pid" 2>/dev/null && killed=$((killed + 1))
	wait "$pid" 2>/dev/null
}

target_start counter
span=$(($(took_us) + 2000))
ways=(--stop=auto --stop=all "--wall -r 500 --stop=all" "--wall -r 500 -s --stop=auto")
storm_start 1000
killed=0
unwell=
for ((round = 1; round <= KILLS; round++)); do
	# shellcheck disable=SC2086 # a list of words
	kill_in_the_middle $(((RANDOM * 32768 + RANDOM) % span)) ${ways[round % 4]}
	if ! wait_until 20 process_is_well "$TARGET_PID"; then
		unwell+="round $round: $(process_complaint "$TARGET_PID"); "
		break
	fi
	if [ $((round % 20)) = 0 ]; then
		before=$(progress)
		went_on() {
			[ "$(progress)" -gt "$before" ]
		}
		wait_until 20 went_on || unwell+="round $round: no progress; "
	fi
done
storm_end
t_diag "$KILLS rounds over ${span} us, $killed kills, $SENT signals"
t_is "after each kill the target runs, untraced" "$unwell" ""
t_cmp "most kills met it alive" "$killed * 2 >= $KILLS"
signals_came "after all kills"

snap --stop=all "$TARGET_PID"
t_is "a later snapshot works" "$STATUS" 0
target_is_well
target_stop

# ---- at the instant at which a signal is in our hands ----

if grep -q __asan_init "$STACKSNAP"; then
	t_skip "at a signal's delivery" "AddressSanitizer wants to be loaded first"
else
	target_start counter
	storm_start 60
	killed=0 end=$((SECONDS + 20))
	for ((round = 0; SECONDS < end && killed < 3; round++)); do
		FAULT_DETACH=1 LD_PRELOAD=$TARGETS/fault.so "$STACKSNAP" --stop=all -q -o /dev/null \
			-f text "$TARGET_PID" 2>/dev/null &
		wait $! 2>/dev/null
		[ $? != 137 ] || killed=$((killed + 1))
	done
	storm_end
	t_diag "at a signal's delivery: $killed kills in $round rounds"
	signals_came "at a signal's delivery"
	target_is_well
	target_stop
fi

# ---- with a command of ours ----

# The command, a shell, has a counter, which would die with its parent: the shell must not.
command_pids() {
	[ -s "$TMP/counter.pid" ] && read -r shell TARGET_PID <"$TMP/counter.pid"
}
bad=
for ((round = 1; round <= 6; round++)); do
	rm -f "$TMP/counter.pid"
	"$STACKSNAP" --wall -r 500 -s --stop="$([ $((round % 2)) = 0 ] && echo all || echo auto)" \
		-o "$TMP/killed.txt" -- sh -c '"$0" >"$2" & echo $$ $! >"$1"; wait' "$TARGETS/counter" \
		"$TMP/counter.pid" "$TMP/counter.out" >/dev/null 2>&1 &
	pid=$!
	wait_until 20 command_pids || break
	STARTED+=("$shell" "$TARGET_PID")
	wait_until 20 grep -q ready "$TMP/counter.out"
	sleep_us $((RANDOM * 3))
	kill -s KILL "$pid" || bad+="round $round: it had ended; "
	wait "$pid" 2>/dev/null
	for process in "$shell" "$TARGET_PID"; do
		wait_until 20 process_is_well "$process" ||
			bad+="round $round: $(process_complaint "$process"); "
	done
	kill -s USR1 "$TARGET_PID"
	wait_until 20 grep -q '^progress [1-9][0-9]* .* broken 0 failed 0$' "$TMP/counter.out" ||
		bad+="round $round: $(tail -n 1 "$TMP/counter.out"); "
	kill -s KILL "$shell" "$TARGET_PID"
done
t_cmp "a command: $((round - 1)) rounds" "$round == 7"
t_is "a command: it survives, and its child too" "$bad" ""

# ---- the same where calls are blocked, with SIGTERM and SIGINT too ----

target_start waits
before=$(ls "/proc/$TARGET_PID/task" | wc -l)
for signal in KILL TERM INT KILL TERM INT; do
	"$STACKSNAP" --stop=auto -o "$TMP/killed.txt" "$TARGET_PID" >/dev/null 2>&1 &
	pid=$!
	sleep 0.00$((RANDOM % 9))
	kill -s $signal "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	wait_until 20 process_is_well "$TARGET_PID" || break
done
t_is "no thread's call was disturbed" "$(ls "/proc/$TARGET_PID/task" | wc -l)" "$before"
target_is_well
target_stop
t_done
