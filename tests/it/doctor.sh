#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# stacksnap doctor says the same as what a snapshot then meets: as root, as another user, under
# filters, in namespaces, beside a tracer, in the freezer. It leaves every process as it was.
. "$(dirname "$0")/lib.sh"

NOBODY=65534
AS_NOBODY=(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups --inh-caps=-all --bounding-set=-all)
BY=() # command that runs stacksnap

doctor() {
	OUT=$("${BY[@]}" "$STACKSNAP" doctor "$@" 2>"$TMP/snap.err" </dev/null)
	STATUS=$?
	ERR=$(cat "$TMP/snap.err")
}

# agrees NAME ARGS...: the verdict is the status of a snapshot made in the same way.
agrees() {
	local name=$1 want
	shift
	timeout 60 "${BY[@]}" "$STACKSNAP" "$@" "$TARGET_PID" >/dev/null 2>&1 </dev/null
	want=$?
	t_is "$name: the verdict is what a snapshot meets" "$STATUS" "$want"
}

# says NAME VERDICT FINDING TEXT
says() {
	t_like "$1: $2 $3" "$OUT" "^$2 +$3: .*$4"
}

# ---- root, own processes ----

doctor
t_is "own processes: complete" "$STATUS" 0
t_unlike "own processes: nothing that is needed is missing" "$OUT" '^(no|limited) .*[^)]$'
t_like "own processes: the trial is told" "$OUT" '^ok +ptrace: a child of stacksnap.s own was stopped'
t_is "own processes: nothing on stderr" "$ERR" ""

target_start waits
state_of() {
	cat "/proc/$TARGET_PID/task/"*/schedstat | awk '{ n += $3 } END { print n }'
}
before=$(state_of)
doctor -p "$TARGET_PID"
t_is "a process: complete" "$STATUS" 0
t_is "a process: none of its threads ran for that" "$(state_of)" "$before"
says "a process" ok process "waits"
says "a process" ok "debug file" "/waits: found"
agrees "a process"
doctor "$TARGET_PID"
t_is "without -p too" "$STATUS" 0
doctor --json -p "$TARGET_PID"
printf '%s' "$OUT" >"$TMP/doctor.json"
t_is "JSON: the verdict" "$(json "$TMP/doctor.json" "d['verdict']")" ok
t_is "JSON: every finding is whole" "$(json "$TMP/doctor.json" "all(set(f) ==
	{'name', 'verdict', 'optional', 'text', 'fix'} for f in d['findings'])")" True

# ---- filters ----

for call in ptrace process_vm_readv bpf; do
	BY=("$TARGETS/deny" "$call")
	doctor "$TARGET_PID"
	case $call in
	ptrace) want=1 verdict=limited stop=--stop=all ;;
	process_vm_readv) want=2 verdict=no stop=--stop=auto ;;
	bpf) want=0 verdict=no stop=--stop=auto ;;
	esac
	t_is "$call denied: status" "$STATUS" "$want"
	says "$call denied" $verdict $call seccomp
	t_like "$call denied: the command" "$OUT" '^ +try: .*(seccomp=unconfined|systemd-run)'
	[ $call = ptrace ] || agrees "$call denied" $stop
done
BY=()
target_is_well
target_stop

# ---- no such thing ----

doctor 1000000000
t_is "no process: status" "$STATUS" 2
t_like "no process: says so" "$ERR" '1000000000'
t_status "usage: no number" 64 "$STACKSNAP" doctor x
t_status "usage: two processes" 64 "$STACKSNAP" doctor 1 2
t_status "usage: unknown option" 64 "$STACKSNAP" doctor --nothing
t_status "usage: a value not wanted" 64 "$STACKSNAP" doctor --json=1
t_status "usage: a value that is missing" 64 "$STACKSNAP" doctor -p
t_status "help" 0 "$STACKSNAP" doctor --help
t_status "closed stdout" 2 sh -c "'$STACKSNAP' doctor >&-"
t_status "full stdout" 2 sh -c "'$STACKSNAP' doctor >/dev/full"

# ---- a tracer, the freezer ----

if command -v strace >/dev/null; then
	target_start counter # it has a spinner, too
	strace -f -o /dev/null -p "$TARGET_PID" 2>"$TMP/strace.err" &
	tracer=$!
	STARTED+=("$tracer")
	wait_until 20 grep -q attached "$TMP/strace.err"
	doctor "$TARGET_PID"
	t_is "traced: complete, as nothing has to be stopped" "$STATUS" 0
	says "traced" limited tracer "process $tracer \(strace\)"
	agrees "traced"
	process_stop "$tracer"
	target_is_well
	target_stop
else
	t_skip "traced" "no strace"
fi

if cgroup_new; then
	target_start counter
	cgroup_freeze "$TARGET_PID"
	doctor "$TARGET_PID"
	says "frozen" limited cgroup frozen
	fix=$(printf '%s\n' "$OUT" | sed -n 's/^ *try: \(echo .*\)/\1/p')
	if [ "$(id -u)" = 0 ]; then
		t_ok "frozen: the command thaws it" sh -c "${fix/sudo /}"
		t_ok "frozen: it did" cgroup_thawed
	fi
	cgroup_thaw
	target_is_well
	target_stop
else
	t_skip "frozen" "no cgroup can be made"
fi

# ---- a pid namespace ----

if unshare --pid --fork --mount-proc true 2>/dev/null; then
	BY=(unshare --pid --fork --mount-proc)
	doctor
	t_is "a pid namespace with its /proc: complete" "$STATUS" 0
	BY=(unshare --pid --fork)
	doctor
	t_is "a pid namespace without its /proc: nothing" "$STATUS" 2
	says "a pid namespace" no /proc "another pid namespace"
	target_start waits
	doctor "$TARGET_PID"
	t_is "... a process: nothing" "$STATUS" 2
	agrees "... a process"
	t_like "... a snapshot says so too" "$("${BY[@]}" "$STACKSNAP" 2 2>&1)" 'another pid namespace'
	BY=()
	target_stop
else
	t_skip "a pid namespace" "cannot make namespaces here"
fi

# ---- programs with less ----

if target_have waits-musl; then
	target_start waits-musl
	doctor "$TARGET_PID"
	t_is "musl: complete all the same" "$STATUS" 0
	target_stop
fi
target_start mmapjit
doctor "$TARGET_PID"
says "code of its own" limited unwind "mappings? of code that comes from no file"
target_stop
target_start handmade-s
doctor "$TARGET_PID"
says "stripped" limited "debug file" "handmade-s: none"
target_is_well
target_stop

# ---- other users ----

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	t_skip "another user" "needs root and setpriv"
	t_done
fi
chmod 711 "$TMP"
mkdir -m 755 "$TMP/bin"
cp "$STACKSNAP" "$TMP/bin/stacksnap"
cp "$TARGETS/undumpable" "$TARGETS/waits" "$TMP/bin/"
STACKSNAP=$TMP/bin/stacksnap
TARGETS=$TMP/bin
BY=("${AS_NOBODY[@]}")

target_start waits
doctor "$TARGET_PID"
t_is "root's process: nothing" "$STATUS" 2
says "root's process" no process "runs as uid 0 .*as uid $NOBODY"
says "root's process" limited CAP_SYS_PTRACE missing
agrees "root's process"
target_is_well
target_stop

TARGET_PREFIX=("${AS_NOBODY[@]}")
target_start undumpable
doctor "$TARGET_PID"
t_is "undumpable: nothing" "$STATUS" 2
says "undumpable" no process 'not dumpable'
BY=()
doctor "$TARGET_PID"
t_is "undumpable: root may" "$STATUS" 0
target_is_well
target_stop

target_start waits
BY=("${AS_NOBODY[@]}")
doctor "$TARGET_PID"
t_is "its own user's process: complete" "$STATUS" 0
says "its own user's" no bpf 'CAP_BPF and CAP_PERFMON'
agrees "its own user's process"
target_is_well
target_stop
t_done
