#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the target's system calls return while it is captured at 99 Hz: with --stop=auto no EINTR, and
# every timeout as in a second process that nobody looks at; with --stop=all what is broken off is
# counted.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

LOOPS=$([ -n "${FULL-}" ] && echo 60 || echo 3)
LASTS=$([ -n "${FULL-}" ] && echo 60 || echo 5)

# ---- calls without a timeout, or with a long one ----

target_start eintr
for stop in auto never; do
	capture_start --stop=$stop -d "$LASTS"
	capture_end "no timeout, $stop"
	target_ask USR1
	t_is "no timeout, $stop: no call returned in $LASTS s" "$REPLY" end
	[ "$REPLY" = end ] || target_await end
	t_is "no timeout, $stop: none is said to have" "$(capture_get "c['eintr_caused']")" 0
	[ $stop = auto ] && LASTS=$(((LASTS + 4) / 5))
done
capture_start --stop=all -d 1
capture_end "no timeout, all"
kill -s USR1 "$TARGET_PID"
returned=0
while target_read && [ "$REPLY" != end ]; do
	t_like "no timeout, all: ${REPLY%% *} did nothing but EINTR" "$REPLY" 'early 0$'
	# shellcheck disable=SC2086 # words
	set -- $REPLY
	returned=$((returned + $3))
done
t_cmp "no timeout, all: $returned EINTR, all counted" "$returned <= $(capture_get "c['eintr_caused']")"
target_is_well
target_stop

# ---- event loops, on their way into such a call all the time ----

# loops NAME SPINNERS
loops() {
	target_start evloop 4 "$2"
	capture_start -d "$LOOPS"
	capture_end "event loops, $1"
	target_ask USR1
	t_like "event loops, $1: no EINTR" "$REPLY" '^rounds [1-9][0-9]* eintr 0 failed 0$'
	target_is_well
	target_stop
}

loops "free CPUs" 0
loops "few CPUs" 4
CAPTURE_BY=("$TARGETS/deny" bpf)
loops "few CPUs, without bpf" 4
CAPTURE_BY=()

# ---- timeouts of 200 ms ----

# answer: the lines of a target of the kind, up to end.
answer() {
	kill -s USR1 "$TARGET_PID"
	while target_read && [ "$REPLY" != end ]; do
		echo "$REPLY"
	done
}

target_start timeouts
untouched_pid=$TARGET_PID untouched_fd=$TARGET_FD
target_start timeouts
captured_pid=$TARGET_PID captured_fd=$TARGET_FD

both() {
	TARGET_PID=$untouched_pid TARGET_FD=$untouched_fd
	answer >"$TMP/untouched"
	TARGET_PID=$captured_pid TARGET_FD=$captured_fd
	answer >"$TMP/captured"
}

# Of the lines "NAME rounds N eintr N early N median_us N": what is wrong. A call that is
# broken off and begun anew takes some 100 ms more; 5 ms is the noise of a busy machine.
judge() {
	awk '
		NR == FNR { median[$1] = $9; next }
		{ seen++ }
		$3 < 5 { print $1 " returned " $3 " times only" }
		$5 > 0 { print $1 ": " $5 " of " $3 " EINTR" }
		$7 > 0 { print $1 ": " $7 " of " $3 " early" }
		$9 > median[$1] + 5000 { print $1 ": " $9 " us late in the median, untouched " median[$1] }
		END { if (seen < 12) print "only " seen " calls" }' "$TMP/untouched" "$TMP/captured"
}

worst() {
	awk '$9 > worst { worst = $9 } END { print worst }' "$1"
}

for stop in auto never; do
	both # counts anew
	capture_start --stop=$stop -d 3
	capture_end "timeouts, $stop"
	both
	t_is "timeouts, $stop: as untouched" "$(judge)" ""
	t_diag "beyond the timeout, largest median: $(worst "$TMP/captured") us," \
		"untouched $(worst "$TMP/untouched") us"
done

both
capture_start --stop=all -d 2
capture_end "timeouts, all"
both
returned=$(awk '{ n += $5 } END { print n + 0 }' "$TMP/captured")
t_cmp "timeouts, all: $returned EINTR, all counted" "$returned <= $(capture_get "c['eintr_caused']")"
target_is_well
target_stop
TARGET_PID=$untouched_pid TARGET_FD=$untouched_fd
target_stop
t_done
