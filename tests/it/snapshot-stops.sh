#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The three ways of stopping: who is stopped, what the coverage says, what the target notices.
. "$(dirname "$0")/lib.sh"

coverage() {
	json "$TMP/snap.json" "p['coverage']['$1']"
}

spinner_of() {
	json "$TMP/snap.json" "[(t['state'], t['stopped']) for t in p['threads'] if t['name'] == '$1']"
}

# ---- blocked threads and one that spins ----

target_start many 8 12 --spin
threads=$(ls "/proc/$TARGET_PID/task" | wc -l)

snap -f json -o "$TMP/snap.json" "$TARGET_PID"
t_is "auto: exit status" "$STATUS" 0
t_is "auto: all threads seen" "$(coverage threads_seen)" "$threads"
t_is "auto: all have a stack" "$(coverage threads_sampled)" "$threads"
t_is "auto: no EINTR caused" "$(coverage eintr_caused)" 0

# The spinner may be met as it waits for a CPU, where it can be read: until it is met on one.
SNAP_BY=$UNTIMED
snap_until "auto, no timer: the spinner was stopped and runs" \
	"any(t['name'] == 'spinner' and t['stopped'] and t['state'] in ('on-cpu', 'runnable')
		for t in p['threads'])" "$TARGET_PID"
t_is "auto, no timer: exit status" "$STATUS" 0
t_is "auto, no timer: all have a stack" "$(coverage threads_sampled)" "$threads"
t_cmp "auto, no timer: only what runs is stopped (all of this program's frames need no register)" \
	"$(coverage stops) >= 1 && $(coverage stops) <= 3"
t_cmp "auto, no timer: the pause is known" "$(coverage pause_ns) > 0"
t_cmp "auto, no timer: total >= longest" "$(coverage total_stop_ns) >= $(coverage longest_stop_ns)"
t_is "auto, no timer: no EINTR caused" "$(coverage eintr_caused)" 0
SNAP_BY=

# one that waits for a CPU is late
snap_until "all: of one instant" "p['coverage']['inconsistent'] < $threads / 2" \
	--stop=all "$TARGET_PID"
t_is "all: exit status" "$STATUS" 0
t_is "all: every thread stopped once" "$(coverage stops)" "$threads"
t_is "all: all have a stack" "$(coverage threads_sampled)" "$threads"
t_is "all: all stacks complete" "$(json "$TMP/snap.json" "p['coverage']['stack_end']['complete']")" \
	"$threads"

# A thread that runs, may not be stopped and cannot be sampled has no stack: that is partial, 1.
SNAP_BY=$UNTIMED
snap_until "never: one without a stack" "p['coverage']['no_stack']['running'] == 1" \
	--stop=never "$TARGET_PID"
t_is "never: partial, as the spinner has no stack" "$STATUS" 1
t_is "never: no stop" "$(coverage stops)" 0
t_is "never: no pause" "$(coverage pause_ns)" 0
t_is "never: it is running or runnable" "$(spinner_of spinner)" "[('running or runnable', False)]"

says_why() {
	snap --stop=never "$TARGET_PID"
	thread_block "$OUT" spinner | grep -q '^# no stack: running'
}
t_ok "never: the text says why" wait_until 20 says_why
SNAP_BY=
target_is_well
target_stop

# ---- never means no ptrace ----

if command -v strace >/dev/null; then
	target_start waits
	# LeakSanitizer cannot work in a traced process
	t_ok "strace can follow stacksnap" env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=ptrace -o "$TMP/trace" \
		"$STACKSNAP" --stop=never "$TARGET_PID"
	t_is "never: no ptrace call" "$(grep -c 'ptrace(' "$TMP/trace")" 0
	target_is_well
	target_stop
else
	t_skip "never: no ptrace call" "no strace"
fi

# ---- what the target's calls return ----

target_start eintr
for stop in never auto; do
	snap --stop=$stop "$TARGET_PID"
	target_ask USR1
	t_is "$stop: no call returned" "$REPLY" end
	[ "$REPLY" = end ] || target_await end
done
snap -f json -o "$TMP/snap.json" --stop=all "$TARGET_PID"
kill -s USR1 "$TARGET_PID"
returned=
while target_read && [ "$REPLY" != end ]; do
	returned+="$REPLY
"
done
t_unlike "all: calls without a timeout are restarted" "$returned" \
	'^(epoll_wait|epoll_pwait|semop|sigwaitinfo|io_getevents) '
t_unlike "all: transparent calls stay so" "$returned" \
	'^(poll|ppoll|select|pselect|nanosleep|clock_nanosleep|futex|futex_timed|msgrcv|read_(pipe|eventfd|timerfd|signalfd|inotify|pty)|write_pipe|recv|accept|wait4|waitid|pause|sigsuspend|flock|setlkw|open_fifo) '
t_unlike "all: nothing returned early" "$returned" 'early [1-9]'
caused=$(printf '%s' "$returned" | grep -c eintr)
t_cmp "all: what did return is counted" "$(coverage eintr_caused) >= $caused"
t_cmp "all: some were avoided" "$(coverage eintr_avoided) >= 4"
target_is_well
target_stop
t_done
