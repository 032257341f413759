#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes whose threads come and go, that exec, vfork, end, are stopped, or have a tracer.
. "$(dirname "$0")/lib.sh"

# ---- threads that come and go ----

target_start churn 2000
for stop in auto all never; do
	for round in 1 2 3; do
		snap --stop=$stop "$TARGET_PID"
		t_ok "churn, $stop, $round: whole or partial" [ "$STATUS" -le 1 ]
		t_is "churn, $stop, $round: the lasting ones are there" \
			"$(printf '%s\n' "$OUT" | grep -c '^thread [0-9]* "stay" \[signal wait')" 4
	done
done
snap -f json -o "$TMP/churn.json" "$TARGET_PID"
t_is "churn: seen = sampled + reasons" "$(json "$TMP/churn.json" \
	"p['coverage']['threads_seen'] == p['coverage']['threads_sampled'] + sum(p['coverage']['no_stack'].values())")" True
target_ask USR1
before=${REPLY#started }
target_ask USR1
t_cmp "churn goes on" "${REPLY#started } >= $before"
target_is_well
target_stop

# ---- exec ----

target_start execer 15
bad=
for round in 1 2 3 4 5 6 7 8 9 10; do
	snap --stop=$([ $((round % 2)) = 0 ] && echo all || echo auto) "$TARGET_PID"
	[ "$STATUS" -le 2 ] || bad+=" $STATUS"
done
t_is "exec: never dies of it" "$bad" ""
count() {
	tr '\0' ' ' <"/proc/$TARGET_PID/cmdline" | cut -d' ' -f3
}
now=$(count)
moved() {
	[ "$(count)" -gt "$now" ]
}
t_ok "exec: the target goes on" wait_until 20 moved
target_is_well
target_stop

# ---- vfork ----

# glibc's vfork has its return address in a register only, and a thread in vfork cannot be stopped:
# the whole stack, or its leaf and the reason.
target_start vforker
for stop in auto never; do
	snap --stop=$stop "$TARGET_PID"
	block=$(thread_block "$OUT" parent)
	t_like "vfork, $stop: child wait" "$block" '\[child wait'
	t_like "vfork, $stop: the leaf" "$block" '^_*(libc_)?vfork\('
	t_like "vfork, $stop: the rest, or why not" "$block" \
		'^in_vfork\(|^# stack ends here: needs a register'
	t_ok "vfork, $stop: whole or partial" [ "$STATUS" -le 1 ]
done
snap --stop=all "$TARGET_PID"
t_is "vfork, all: does not wait for the child" \
	"$(cat "/proc/$TARGET_PID/task/"*/stat | grep -c '(parent) D')" 1
t_ok "vfork, all: whole or partial" [ "$STATUS" -le 1 ]
target_is_well
target_stop

# ---- a dead leader ----

target_start zombieleader
for stop in auto all never; do
	snap --stop=$stop "$TARGET_PID"
	t_ok "zombie leader, $stop: whole or partial" [ "$STATUS" -le 1 ]
	t_stack "zombie leader, $stop: the others have stacks" "$(thread_block "$OUT" alive)" \
		in_alive run_alive start_thread
done
target_is_well
target_stop

# ---- stopped by SIGSTOP ----

target_start waits
kill -s STOP "$TARGET_PID"
wait_until 20 thread_is "$TARGET_PID" T
for stop in auto all never; do
	snap --stop=$stop "$TARGET_PID"
	t_ok "SIGSTOP, $stop: whole or partial" [ "$STATUS" -le 1 ]
	t_like "SIGSTOP, $stop: says stopped" "$OUT" '"w-mutex" \[stopped'
	t_ok "SIGSTOP, $stop: stays stopped" thread_is "$TARGET_PID" T
	target_is_well "$TARGET_PID" "SIGSTOP, $stop: not traced" t
done
kill -s CONT "$TARGET_PID"
target_is_well "$TARGET_PID" "SIGCONT lets it go on"
target_stop

# ---- another tracer ----

if command -v strace >/dev/null; then
	target_start waits
	strace -f -o /dev/null -p "$TARGET_PID" 2>"$TMP/strace.err" &
	tracer=$!
	STARTED+=("$tracer")
	traced() {
		grep -q "^TracerPid:[[:space:]]*$tracer" "/proc/$TARGET_PID/status"
	}
	wait_until 20 traced
	wait_until 20 grep -q attached "$TMP/strace.err"
	snap --stop=all "$TARGET_PID"
	t_ok "tracer: nothing or part" [ "$STATUS" = 1 -o "$STATUS" = 2 ]
	t_like "tracer: its pid is named" "$ERR$OUT" "(^|[^0-9])$tracer([^0-9]|\$)"
	t_like "tracer: its name is named" "$ERR$OUT" strace
	t_like "tracer: the way out is named" "$ERR" "--stop=never"
	snap "$TARGET_PID"
	t_is "tracer: the default stops nothing, and works" "$STATUS" 0
	snap --stop=never "$TARGET_PID"
	t_is "tracer: --stop=never works" "$STATUS" 0
	t_stack "tracer: --stop=never shows the stack" "$(thread_block "$OUT" w-mutex)" in_mutex outer
	t_ok "tracer: it still traces" traced
	process_stop "$tracer"
	target_is_well
	target_stop
else
	t_skip "another tracer" "no strace"
fi

# ---- one that ends while it is looked at ----

bad=
for round in 1 2 3 4 5 6 7 8 9 10; do
	target_start many 40
	(kill -s KILL "$TARGET_PID") &
	killer=$!
	snap --stop=$([ $((round % 2)) = 0 ] && echo all || echo auto) "$TARGET_PID"
	[ "$STATUS" -le 2 ] || bad+=" $STATUS: $ERR"
	wait "$killer"
	target_stop
done
t_is "a target that ends: status 0, 1 or 2" "$bad" ""

# ---- signals that look like stops ----

target_start raised
for round in 1 2 3 4 5 6 7 8 9 10; do
	snap --stop=$([ $((round % 2)) = 0 ] && echo all || echo auto) "$TARGET_PID"
done
target_ask USR1
t_like "a program that raises SIGTRAP loses none" "$REPLY" '^raised [1-9][0-9]* lost 0$'
target_is_well
target_stop

# ---- names ----

target_start names
snap "$TARGET_PID"
t_is "names: exit status" "$STATUS" 0
t_is "names: one header line a thread" "$(printf '%s\n' "$OUT" | grep -c '^thread [0-9]* "')" 16
t_unlike "names: no control bytes" "$(printf '%s' "$OUT" | tr -d '\n\t' | tr '\001-\037\177' '@')" '@'
snap -j "$TARGET_PID"
printf '%s' "$OUT" >"$TMP/names.json"
t_is "names: JSON holds them all" "$(json "$TMP/names.json" "len(p['threads'])")" 16
t_is "names: JSON keeps a newline" "$(json "$TMP/names.json" \
	"any(t['name'] in ('new\nline', 'new\\\\x0aline') for t in p['threads'])")" True
target_is_well
target_stop
t_done
