#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whose lock a thread waits for, and who holds it: every kind of the C library's, with and without
# names, owners that are no thread of the process, and locks that record no owner.
. "$(dirname "$0")/lib.sh"

# t_wait NAME WANT: the line below the header of thread w-NAME, all of it.
t_wait() {
	local line
	line=$(thread_block "$OUT" "w-$1" | sed -n 's/^# //p' | head -n 1)
	t_like "$WHAT: w-$1" "$line" "^waits for $2\$"
}

A='0x[0-9a-f]+'
NOT_HERE=', which is not in this process \(copied by fork\?\)'

# The mutexes that glibc's memory shows, with names or without.
check_mutexes() {
	local by="held by thread $HOLDER \"holder\""
	t_wait normal "mutex $A $by \(glibc pthread_mutex, normal\)"
	t_wait timed "mutex $A $by \(glibc pthread_mutex, normal\)"
	t_wait recursive "mutex $A $by \(glibc pthread_mutex, recursive\)"
	t_wait errorcheck "mutex $A $by \(glibc pthread_mutex, error-checking\)"
	t_wait adaptive "mutex $A $by \(glibc pthread_mutex, adaptive\)"
	t_wait robust "mutex $A $by \(glibc pthread_mutex, normal, robust\)"
	t_wait inherit "mutex $A $by \(glibc pthread_mutex, normal, priority inheritance\)"
	t_wait inheritrobust \
		"mutex $A $by \(glibc pthread_mutex, normal, robust, priority inheritance\)"
	t_wait file "mutex $A $by \(stdio FILE lock\)"
	t_wait join "thread $HOLDER \"holder\" to end"
	t_wait cond "condition variable $A, with mutex $A \(glibc pthread_cond\)"
	t_wait condtimed "condition variable $A, with mutex $A \(glibc pthread_cond\)"
	t_wait condrobust "condition variable $A, with mutex $A \(glibc pthread_cond\)"
}

check_named() {
	local by="held by thread $HOLDER \"holder\""
	t_wait handover "mutex $A, being handed over \(glibc pthread_mutex, normal\)"
	t_wait rdlock "rwlock $A $by \(glibc pthread_rwlock\)"
	t_wait wrlock "rwlock $A $by \(glibc pthread_rwlock\)"
	t_wait readers "rwlock $A held by 3 readers \(glibc pthread_rwlock\)"
	t_wait writers "rwlock $A held by 3 readers \(glibc pthread_rwlock\)"
	t_wait sem "semaphore $A \(glibc semaphore\)"
	t_wait barrier "barrier $A \(glibc pthread_barrier\)"
}

# tid_of NAME [PID]
tid_of() {
	grep -lx "$1" "/proc/${2:-$TARGET_PID}/task/"*/comm | head -n 1 | cut -d/ -f5
}

# look TARGET [ARG [OPTION...]]: start it and take a snapshot; sets WHAT and HOLDER.
look() {
	WHAT="$1${2:+ $2}${3:+ $3}"
	target_start "$1" ${2:+"$2"}
	HOLDER=$(tid_of holder)
	snap "${@:3}" "$TARGET_PID"
}

leave() {
	target_is_well
	target_stop
}

for stop in auto all never; do
	look locks "" --stop=$stop
	check_mutexes
	check_named
	t_unlike "$WHAT: every owner was settled" "$OUT" 'unsettled'
	leave
done

look locks-stripped
check_mutexes
check_named
leave

look locks-static-stripped
check_mutexes
for name in rdlock wrlock readers sem barrier handover; do
	t_wait $name "futex $A"
done
leave

# musl has no unwind information: memory tells, where it records an owner at all.
if target_have locks-musl; then
	look locks-musl
	by="held by thread $HOLDER \"holder\""
	t_wait recursive "mutex $A $by \(musl pthread_mutex, recursive\)"
	t_wait errorcheck "mutex $A $by \(musl pthread_mutex, error-checking\)"
	t_wait robust "mutex $A $by \(musl pthread_mutex, normal, robust\)"
	t_wait inherit "mutex $A $by \(.*priority inheritance\)"
	t_unlike "$WHAT: a normal one has no owner" "$(thread_block "$OUT" w-normal)" 'held'
	t_unlike "$WHAT: EBUSY is no owner" "$OUT" 'held by thread 16([^0-9]|$)'
	leave
else
	t_skip "locks-musl" "not built: no compiler for it"
fi

# ---- owners that are no thread of the process ----

look locks exited
t_wait exited "mutex $A held by thread [0-9]+, which has exited \(glibc pthread_mutex, normal\)"
t_unlike "$WHAT: nobody else is blamed" "$OUT" 'held by thread [0-9]+ "'
leave

look locks leader
t_wait exited \
	"mutex $A held by thread $TARGET_PID, which has exited \(glibc pthread_mutex, normal\)"
target_is_well "$TARGET_PID" "$WHAT: it is well"
target_stop

look locks fork
child=$(cat "/proc/$TARGET_PID/task/"*/children)
child=${child% }
snap "$child"
t_wait forked "mutex $A held by thread $HOLDER$NOT_HERE \(glibc pthread_mutex, normal\)"
target_is_well "$child" "$WHAT: the child is well"
leave

look locks shared
child=$(cat "/proc/$TARGET_PID/task/"*/children)
child=${child% }
by="held by thread $TARGET_PID of process $TARGET_PID"
snap "$child"
t_wait shared "mutex $A $by \(glibc pthread_mutex, normal, shared\)"
t_wait sharedrobust "mutex $A $by \(glibc pthread_mutex, normal, robust, shared\)"
snap -o "$TMP/shared.json" "$child"
json_wait() {
	json "$TMP/shared.json" \
		"[[t['wait'][k] for k in '$2'.split()] for t in p['threads'] if t['name'] == 'w-$1']"
}
t_is "$WHAT: JSON" "$(json_wait shared 'holder owner owner_pid lock_type')" \
	"[['thread', $TARGET_PID, $TARGET_PID, 'glibc pthread_mutex, normal, shared']]"
target_is_well "$child" "$WHAT: the child is well"
leave

# ---- locks that record no owner ----

for target in atomics atomics-stripped; do
	look $target
	for name in atomic latch semaphore; do
		t_wait $name "futex $A( \(C\+\+20 atomic wait\))?"
	done
	t_wait guard "once $A \(C\+\+ initialization guard\)"
	t_unlike "$WHAT: no owner is invented" "$OUT" 'held by'
	leave
done

look hello
t_like "Rust: Mutex" "$OUT" "^# waits for mutex $A \(Rust Mutex\)\$"
t_like "Rust: RwLock" "$OUT" "^# waits for rwlock $A \(Rust RwLock\)\$"
t_like "Rust: Condvar" "$OUT" "^# waits for condition variable $A \(Rust Condvar\)\$"
t_like "Rust: park" "$OUT" "^# waits for futex $A \(Rust park\)\$"
t_unlike "Rust: no owner is invented" "$OUT" 'held by'
leave
t_done
