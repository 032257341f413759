#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# System calls that a seccomp filter denies, and users who may not look: stacksnap says who refuses
# and what to do, its status is right, and the target does not notice.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

NOBODY=65534

# denied CALLS ARGS...: as snap, under the filter.
denied() {
	local calls=$1
	shift
	# what looks for leaks at the end needs ptrace itself
	ASAN_OPTIONS=detect_leaks=0 timeout 60 "$TARGETS/deny" "$calls" "$STACKSNAP" "$@" \
		"$TARGET_PID" >/dev/null 2>"$TMP/snap.err" </dev/null
	STATUS=$?
	ERR=$(cat "$TMP/snap.err")
}

target_start counter
ran() {
	target_ask USR1 && t_like "$1: its books balance" "$REPLY" 'broken 0 failed 0$'
	target_is_well "$TARGET_PID" "$1: the target is well"
}

# ---- ptrace ----

for args in --stop=never --stop=auto; do
	denied ptrace $args
	t_is "ptrace, $args: complete, by the kernel's timer" "$STATUS" 0
done
# without the timer too, and without what reads a thread that waits for its CPU
without=ptrace,perf_event_open,bpf
denied $without --stop=never
t_is "$without, never: partial, as the spinner has no stack" "$STATUS" 1
denied $without --stop=auto
t_ok "$without, auto: partial or nothing" [ "$STATUS" = 1 -o "$STATUS" = 2 ]
t_like "$without, auto: who refuses, or where to ask" "$ERR" 'seccomp|stacksnap doctor'
for args in --stop=all "--wall -d 0.3 --stop=all"; do
	# shellcheck disable=SC2086 # words
	denied ptrace $args
	t_ok "ptrace, $args: partial or nothing" [ "$STATUS" = 1 -o "$STATUS" = 2 ]
	t_like "ptrace, $args: who refuses, or where to ask" "$ERR" 'seccomp|stacksnap doctor'
done

# Nothing captured: what an earlier run wrote stays, and nothing new appears.
mkdir "$TMP/kept"
echo old >"$TMP/kept/old.json"
for args in --stop=all "--wall -d 0.3 --stop=all"; do
	# shellcheck disable=SC2086 # words
	denied ptrace $args -o "$TMP/kept/old.json"
	t_is "ptrace, $args, a file: nothing" "$STATUS" 2
	t_like "ptrace, $args, a file: said" "$ERR" 'old\.json: not written, as nothing was captured$'
	t_is "ptrace, $args, a file: as it was" "$(cat "$TMP/kept/old.json")" old
	# shellcheck disable=SC2086 # words
	denied ptrace $args -q -o "$TMP/kept/new.txt"
	t_like "ptrace, $args, no file yet: said" "$ERR" 'new\.txt: not written'
done
t_is "ptrace, a file: nothing new" "$(ls -A "$TMP/kept")" old.json
OUT=$("$TARGETS/deny" ptrace "$STACKSNAP" -q --stop=all "$TARGET_PID" 2>/dev/null)
t_like "ptrace, standard output: which threads have no stack" "$OUT" '^# no stack: the kernel refused'
OUT=$("$TARGETS/deny" ptrace "$STACKSNAP" -q --stop=all -o /dev/fd/3 "$TARGET_PID" 3>&1 2>/dev/null |
	cat)
t_like "ptrace, a pipe: the same" "$OUT" '^# no stack: the kernel refused'
ran ptrace

# ---- memory ----

for args in --stop=never --stop=all --stop=auto "--wall -d 0.3"; do
	# shellcheck disable=SC2086 # words
	denied process_vm_readv $args
	t_is "process_vm_readv, $args: nothing" "$STATUS" 2
	t_like "process_vm_readv, $args: who refuses" "$ERR" 'seccomp filter is set on stacksnap'
	t_like "process_vm_readv, $args: what to do" "$ERR" '^  try: .*seccomp profile'
done
ran process_vm_readv

# ---- what it can do without ----

for calls in bpf pidfd_open; do
	for args in --stop=auto --stop=all "--wall -d 0.3"; do
		# shellcheck disable=SC2086 # words
		denied $calls $args
		t_is "$calls, $args: complete" "$STATUS" 0
	done
done
denied bpf -f json -o "$TMP/denied.json"
t_is "bpf: the other observer takes over" "$(json "$TMP/denied.json" 'p["observer"]')" proc
denied bpf --wall -d 0.3 -f json -o "$TMP/denied.json"
t_is "bpf, --wall: the other observer takes over" \
	"$(json "$TMP/denied.json" 'd["profiles"][0]["observer"]')" proc
denied bpf --observer=bpf
t_is "bpf, asked for: nothing" "$STATUS" 2
t_like "bpf, asked for: who refuses" "$ERR" 'seccomp|bpf'
ran "bpf and pidfd_open"
target_stop

# ---- users ----

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	t_skip "users" "needs root and setpriv"
	t_done
fi
chmod 711 "$TMP"
mkdir -m 755 "$TMP/bin"
mkdir -m 777 "$TMP/out"
cp "$STACKSNAP" "$TMP/bin/stacksnap"
cp "$TARGETS/counter" "$TMP/bin/"
TARGETS=$TMP/bin

# as UID ARGS...: as snap, as that user without capabilities.
as() {
	local uid=$1
	shift
	timeout 60 setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all \
		--bounding-set=-all "$TMP/bin/stacksnap" "$@" "$TARGET_PID" \
		>/dev/null 2>"$TMP/snap.err" </dev/null
	STATUS=$?
	ERR=$(cat "$TMP/snap.err")
}

TARGET_PREFIX=(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups --inh-caps=-all)
target_start counter
for args in --stop=all --stop=auto "--wall -d 0.5 -r 99 --stop=all"; do
	# shellcheck disable=SC2086 # words
	as $NOBODY $args
	t_is "the same user, $args" "$STATUS" 0
	# shellcheck disable=SC2086 # words
	as 1234 $args
	t_is "another user, $args: nothing" "$STATUS" 2
	t_like "another user, $args: who refuses" "$ERR" "runs as uid $NOBODY .*stacksnap as uid 1234"
	t_like "another user, $args: what to do" "$ERR" '^  try: run stacksnap as that user, or as root'
done
as $NOBODY -o "$TMP/out/a.txt"
t_is "the same user: the file is his" "$(stat -c '%u %a' "$TMP/out/a.txt")" "$NOBODY 600"
ran "users"
target_stop

# The other end of its pipe is ours, and not for that user to see.
exec {END}> >(exec "${TARGET_PREFIX[@]}" cat >/dev/null)
TARGET_PID=$!
STARTED+=("$TARGET_PID")
wait_until 20 grep -q pipe_read "/proc/$TARGET_PID/wchan"
as $NOBODY -o "$TMP/out/a.txt"
t_like "an end that may not be seen: said" "$(cat "$TMP/out/a.txt")" '; 1 other ends not found'
snap "$TARGET_PID"
t_unlike "an end that may be seen: nothing is said" "$OUT" 'not found'
t_like "an end that may be seen: whose" "$OUT" "^# other end: .*process $$ \"bash\""
exec {END}>&-
t_done
