#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Locks that do not record who holds them: no owner is invented, whatever stands behind the word.
# glibc's and musl's mutexes beside them: what they record is found.
. "$(dirname "$0")/lib.sh"

# owners PREFIX: "NAME OWNER" of each thread of that name, as they are in $TMP/snap.json
owners() {
	json "$TMP/snap.json" "'\\n'.join(f'{t[\"name\"]} {t[\"wait\"] and t[\"wait\"][\"owner\"]}'
		for t in p['threads'] if t['name'].startswith('$1'))"
}

look() {
	snap -j -o "$TMP/snap.json" "$1"
	t_is "$2: exit status" "$STATUS" 0
}

# none_of NAME PREFIX THREADS: so many threads, and none with an owner
none_of() {
	local found
	found=$(owners "$2")
	t_is "$1: all threads" "$(wc -l <<<"$found")" "$3"
	t_unlike "$1: no owner is invented" "$found" ' [0-9]+$'
}

# foreign TARGET PREFIX THREADS
foreign() {
	if ! target_have "$1"; then
		t_skip "$1" "not built: no compiler for it"
		return
	fi
	target_start "$1"
	look "$TARGET_PID" "$1"
	none_of "$1" "$2" "$3"
	target_is_well
	target_stop
}

mutexes() {
	target_start "$1"
	look "$TARGET_PID" "$1"
	owners m- >"$TMP/owners"
	for mutex in normal recursive errorcheck robust; do
		t_is "$1, $mutex: the owner" "$(grep "^m-$mutex " "$TMP/owners")" "m-$mutex $TARGET_PID"
	done
	target_is_well
	target_stop
}

# The program's tids are small numbers there, as are the data of its locks.
foreign_inside() {
	local outer inside
	mkfifo "$TMP/ns.out"
	exec {TARGET_FD}<>"$TMP/ns.out"
	unshare --pid --fork --mount-proc --kill-child "$TARGETS/$1" >"$TMP/ns.out" 2>"$TMP/ns.err" &
	outer=$!
	STARTED+=("$outer")
	if ! target_await ready; then
		t_fail "$1 in a pid namespace: started" "$(cat "$TMP/ns.err")"
		return
	fi
	inside=$(cat "/proc/$outer/task/$outer/children")
	inside=${inside% }
	look "$inside" "$1 in a pid namespace"
	none_of "$1 in a pid namespace" "$2" "$3"
	target_is_well "$inside"
	process_stop "$inside"
}

foreign foreign-rs f- 9
foreign foreign-cc f- 8
foreign handmade h- 6
foreign handmade-s h- 6
if unshare --pid --mount --fork true 2>/dev/null; then
	foreign_inside handmade h- 6
else
	t_skip "handmade in a pid namespace" "cannot make namespaces here"
fi

mutexes mutexes
mutexes mutexes-s

# Without unwind information, as musl is, only the word can tell; but a normal one never does.
if target_have mutexes-musl; then
	target_start mutexes-musl
	look "$TARGET_PID" musl
	owners m- >"$TMP/owners"
	t_is "musl, normal: no owner" "$(grep '^m-normal ' "$TMP/owners")" "m-normal None"
	for mutex in recursive errorcheck robust; do
		t_like "musl, $mutex: its owner or none" "$(grep "^m-$mutex " "$TMP/owners")" \
			" ($TARGET_PID|None)\$"
	done
	target_is_well
	target_stop
else
	t_skip "musl" "not built: no compiler for it"
fi
t_done
