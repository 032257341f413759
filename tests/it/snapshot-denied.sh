#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that may not be looked at: the message says why and what to do, the status is 2.
. "$(dirname "$0")/lib.sh"

NOBODY=65534
AS_NOBODY=(setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups --inh-caps=-all --bounding-set=-all)

# denied NAME REGEX...: the last snap failed, its message matches each.
denied() {
	local name=$1 regex
	shift
	t_is "$name: exit status" "$STATUS" 2
	t_is "$name: nothing on stdout" "$OUT" ""
	for regex; do
		t_like "$name: says $regex" "$ERR" "$regex"
	done
}

# ---- no such process, zombie, kernel thread ----

program_start true
gone=$TARGET_PID
is_reaped() {
	[ ! -e "/proc/$gone" ]
}
wait_until 20 is_reaped
snap "$gone"
denied "no such process" "$gone" '[Nn]o (such )?process'

sh -c 'sleep 0.2 & echo $!; exec sleep 1000' >"$TMP/zombie" &
holder=$!
STARTED+=("$holder")
zombie_is_there() {
	[ -s "$TMP/zombie" ] && thread_is "$(cat "$TMP/zombie")" Z
}
if wait_until 20 zombie_is_there; then
	snap "$(cat "$TMP/zombie")"
	denied "zombie" zombie parent
else
	t_skip "zombie" "none was made"
fi
process_stop "$holder"

if [ -e /proc/2 ] && [ -z "$(cat /proc/2/cmdline | tr -d '\0')" ]; then
	snap 2
	denied "kernel thread" 'kernel thread' '/proc/.*/stack'
else
	t_skip "kernel thread" "process 2 is none here"
fi

# ---- another user, not dumpable ----

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	t_skip "another user" "needs root and setpriv"
	t_skip "not dumpable" "needs root and setpriv"
	t_done
fi

# Where nobody can read them, whatever the build directory's modes are.
chmod 711 "$TMP"
mkdir -m 755 "$TMP/bin"
cp "$STACKSNAP" "$TMP/bin/stacksnap"
cp "$TARGETS/undumpable" "$TARGETS/waits" "$TMP/bin/"
TARGETS=$TMP/bin

snap_as_nobody() {
	OUT=$(timeout 60 "${AS_NOBODY[@]}" "$TMP/bin/stacksnap" "$@" 2>"$TMP/snap.err" </dev/null)
	STATUS=$?
	ERR=$(cat "$TMP/snap.err")
}

target_start waits
snap_as_nobody "$TARGET_PID"
denied "another user" "$TARGET_PID" 'user' '(run|as).*root'
target_is_well
target_stop

TARGET_PREFIX=("${AS_NOBODY[@]}")
target_start undumpable
snap_as_nobody "$TARGET_PID"
denied "not dumpable" dumpable 'root|CAP_SYS_PTRACE'
snap "$TARGET_PID"
t_is "not dumpable: root may" "$STATUS" 0
target_is_well
target_stop

target_start waits
snap_as_nobody "$TARGET_PID"
t_is "its own user may" "$STATUS" 0
t_stack "its own user sees it" "$(thread_block "$OUT" w-mutex)" in_mutex outer
target_is_well
target_stop
t_done
