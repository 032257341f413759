#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the target's system calls return while it is captured at 99 Hz: with --stop=auto no EINTR, and
# every timeout as in a second process that nobody looks at; with --stop=all what is broken off is
# counted.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

LOOPS=$([ -n "${FULL-}" ] && echo 60 || echo 3)
LASTS=$([ -n "${FULL-}" ] && echo 60 || echo 5)
[ -z "${SHORT-}" ] || LOOPS=1 LASTS=2
# What kernels are built without, and what is denied in containers.
MAY_LACK='^((epoll_pwait2|futex_waitv|io_getevents|io_uring_enter|mq_[a-z]*|sem[a-z]*|msg[a-z]*) missing ENOSYS|io_uring_enter missing EPERM)$'

# calls_all NAME: after target_start: every call that the target knows waits in the kernel. Sets CALLS.
calls_all() {
	CALLS=$(sed -n 's/^calls //p' <<<"$AWAITED")
	t_is "$1: all of ${CALLS:-no} calls" "$(grep ' missing ' <<<"$AWAITED" | grep -Ev "$MAY_LACK")" ""
	t_diag "not on this kernel: $(sed -n 's/ missing / /p' <<<"$AWAITED" | tr '\n' ';')"
	CALLS=$((CALLS - $(grep -c ' missing ' <<<"$AWAITED")))
}

# ---- calls without a timeout, or with a long one ----

target_start eintr
calls_all "no timeout"
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

# Where frames are found by a register only a stop tells it: the calls that bear no stop get none.
target_start eintr-O0
calls_all "no timeout, frame pointers"
capture_start --observer=proc -d 3
capture_end "no timeout, frame pointers"
target_ask USR1
t_is "no timeout, frame pointers: no call returned" "$REPLY" end
[ "$REPLY" = end ] || target_await end
t_cmp "no timeout, frame pointers: some were stopped" "$(capture_get "c['stops']") > 0"
t_is "no timeout, frame pointers: none is said to have" "$(capture_get "c['eintr_caused']")" 0
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

snap_by=${SNAP_BY-}
loops "free CPUs" 0
loops "few CPUs" 4
SNAP_BY="$TARGETS/deny bpf"
[ -n "${SHORT-}" ] || loops "few CPUs, without bpf" 4
SNAP_BY=$snap_by

# ---- timeouts of 200 ms ----

# answer: the lines of a target of the kind, up to end.
answer() {
	kill -s USR1 "$TARGET_PID"
	while target_read && [ "$REPLY" != end ]; do
		echo "$REPLY"
	done
}

# twins NAME: two of that target.
twins() {
	target_start "$1"
	calls_all "timeouts, $1"
	untouched_pid=$TARGET_PID untouched_fd=$TARGET_FD
	target_start "$1"
	captured_pid=$TARGET_PID captured_fd=$TARGET_FD
}

twins_stop() {
	target_is_well
	target_stop
	TARGET_PID=$untouched_pid TARGET_FD=$untouched_fd
	target_stop
}

both() {
	TARGET_PID=$untouched_pid TARGET_FD=$untouched_fd
	answer >"$TMP/untouched"
	TARGET_PID=$captured_pid TARGET_FD=$captured_fd
	answer >"$TMP/captured"
}

# Of the lines "NAME rounds N eintr N early N late N median_us N": what is wrong. A call that is broken off
# and begun anew takes some 100 ms more. What the machine does to any of the untouched calls it may do to
# each of the others, and twice.
judge() {
	awk -v calls="$CALLS" '
		NR == FNR {
			if ($11 > median) median = $11
			if ($3 && $9 / $3 > share) share = $9 / $3
			next
		}
		{ seen++ }
		$3 < 5 { print $1 " returned " $3 " times only" }
		$5 > 0 { print $1 ": " $5 " of " $3 " EINTR" }
		$7 > 0 { print $1 ": " $7 " of " $3 " early" }
		$9 > (2 * share + 0.1) * $3 { print $1 ": " $9 " of " $3 " late, untouched " share }
		$11 > 2 * median + 5000 { print $1 ": " $11 " us late in the median, untouched " median }
		END { if (seen != calls) print seen + 0 " calls, not " calls }' "$TMP/untouched" "$TMP/captured"
}

worst() {
	awk '$11 > median { median = $11 } { late += $9; rounds += $3 } END {
		print median " us, " late " of " rounds " late" }' "$1"
}

# timeouts NAME SECONDS ARGS...: captured so, and as untouched. What a stop does it does every time: a third
# try is for machines that stand still just for one of the two.
timeouts() {
	local name=$1 seconds=$2 complaint i
	shift 2
	for i in 1 2 3; do
		both # counts anew
		capture_start "$@" -d "$seconds"
		capture_end "timeouts, $name"
		both
		complaint=$(judge)
		t_diag "worst median beyond the timeout: $(worst "$TMP/captured")," \
			"untouched $(worst "$TMP/untouched")"
		[ -n "$complaint" ] || break
		t_diag "$complaint"
	done
	t_is "timeouts, $name: as untouched" "$complaint" ""
}

twins timeouts
timeouts auto 5 --stop=auto
[ -n "${SHORT-}" ] || timeouts never 2 --stop=never
both
capture_start --stop=all -d 2
capture_end "timeouts, all"
both
returned=$(awk '{ n += $5 } END { print n + 0 }' "$TMP/captured")
t_cmp "timeouts, all: $returned EINTR, all counted" "$returned <= $(capture_get "c['eintr_caused']")"
twins_stop

twins timeouts-O0
timeouts "frame pointers" 5 --observer=proc
t_cmp "timeouts, frame pointers: some were stopped" "$(capture_get "c['stops']") > 0"
t_is "timeouts, frame pointers: none is said to have returned" "$(capture_get "c['eintr_caused']")" 0
twins_stop
t_done
