#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Static programs, of glibc and of musl: waits, names, and stacks that end where musl has no CFI.
. "$(dirname "$0")/lib.sh"

check() {
	local name
	snap "$TARGET_PID"
	t_ok "$1: whole or partial" [ "$STATUS" -le 1 ]
	for name in mutex cond sleep piperead poll; do
		t_like "$1: w-$name is blocked in something" "$(thread_block "$OUT" w-$name)" \
			"\"w-$name\" \[[a-zA-Z ]+(,.*)?\]:\$"
		t_unlike "$1: w-$name has no invented name" "$(thread_block "$OUT" w-$name)" \
			'^(__nptl_death_event|sem_unlink|__xmknodat)\('
	done
	t_like "$1: sleep" "$(thread_block "$OUT" w-sleep)" '\[sleep'
	t_like "$1: pipe read" "$(thread_block "$OUT" w-piperead)" '\[pipe read'
	t_like "$1: poll" "$(thread_block "$OUT" w-poll)" '\[IO wait'
	t_unlike "$1: musl's EBUSY mark is no owner" "$OUT" 'held by thread 16([^0-9]|$)'
}

for target in waits-static waits-musl; do
	if ! target_have $target; then
		t_skip "$target" "not built: no compiler for it"
		continue
	fi
	target_start $target
	check $target
	target_is_well
	target_stop
done

if target_have waits-static; then
	target_start waits-static
	snap "$TARGET_PID"
	for name in mutex cond sleep piperead poll; do
		t_stack "static glibc: in_$name" "$(thread_block "$OUT" w-$name)" in_$name outer run
	done
	t_like "static glibc: mutex" "$(thread_block "$OUT" w-mutex)" '\[mutex'
	t_like "static glibc: cond" "$(thread_block "$OUT" w-cond)" '\[cond wait'
	target_is_well
	target_stop
fi
t_done
