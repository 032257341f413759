#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every kind of wait: the word in the thread's header, and the frames below it.
. "$(dirname "$0")/lib.sh"

kinds() {
	cat <<'LIST'
mutex mutex
rdlock rwlock read
wrlock rwlock write
cond cond wait
condtimed cond wait
sem semaphore
barrier barrier
join join
once once
sleep sleep
piperead pipe read
pipewrite pipe write
epoll IO wait
poll IO wait
select IO wait
tcprecv socket recv
tcpsend socket send
unixrecv socket recv
unixsend socket send
accept accept
connect connect
flock file lock
ofdlock file lock
child child wait
sigwait signal wait
pause signal wait
msgrcv message queue
mq message queue
eventfd IO wait
futex futex
LIST
}

check_wait() {
	local name=$1 words=$2 block
	block=$(thread_block "$OUT" "w-$name")
	t_like "w-$name: [$words]" "$block" "^thread [0-9]+ \"w-$name\" \[$words(, (>= )?[0-9].*)?\]:\$"
	t_stack "w-$name: its frames" "$block" "in_$name" middle outer waiter_run
}

check_all() {
	local name words
	while read -r name words; do
		check_wait "$name" "$words"
	done < <(kinds)
}

threads_of() {
	ls "/proc/$1/task" | wc -l
}

target_start waits
before=$(threads_of "$TARGET_PID")
snap "$TARGET_PID"
t_is "exit status" "$STATUS" 0
t_is "nothing on stderr" "$ERR" ""
check_all

mutex=$(thread_block "$OUT" w-mutex)
t_like "the mutex has an address" "$mutex" '^# waits for mutex 0x[0-9a-f]+'
t_like "its holder is the main thread" "$mutex" "held by thread $TARGET_PID \"waits\""
join=$(thread_block "$OUT" w-join)
joined=$(grep -l h-join /proc/"$TARGET_PID"/task/*/comm | sed 's,.*task/\(.*\)/comm,\1,')
t_like "join names the thread" "$join" "$joined"
t_like "a pipe is named" "$(thread_block "$OUT" w-piperead)" '^# .*fd [0-9]+ .*pipe:\[[0-9]+\]'
t_like "a socket is named" "$(thread_block "$OUT" w-accept)" '^# .*fd [0-9]+ .*tcp.*127\.0\.0\.1'
t_unlike "arguments are not printed" "$OUT" '^[a-z_]+\([^.]'

# One of its threads would end if its call had returned: there are as many as before.
t_is "no thread's call was disturbed" "$(threads_of "$TARGET_PID")" "$before"
target_is_well
target_stop
t_done
