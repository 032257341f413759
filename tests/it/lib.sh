# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib.sh: what every integration test shares: TAP output, targets, and the check that a target came
# to no harm. Sourced by bash scripts. Everything lives under a private directory $TMP that is
# removed at the end, together with every process started here. Nothing waits by sleeping for a
# fixed time: a target says "ready", everything else is a condition asked again with a bound.
#
# From the environment: STACKSNAP, the binary; TARGETS, the directory of the built targets; SRC, the
# source tree; SNAP_ARGS, arguments for every run of the binary by snap; SNAP_BY, a command that runs it.

set -u
set -o pipefail
export LC_ALL=C

SRC=${SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
STACKSNAP=${STACKSNAP:-$SRC/stacksnap}
TARGETS=${TARGETS:-$(dirname "$STACKSNAP")/tests/targets}
case $STACKSNAP in
*/*) STACKSNAP=$(cd "$(dirname "$STACKSNAP")" && pwd)/$(basename "$STACKSNAP") ;;
esac
PYTHON=${PYTHON:-$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/stacksnap-test.XXXXXX")
export XDG_CACHE_HOME=$TMP/cache

T_COUNT=0
T_FAILED=0
TARGET_PID=
TARGET_FD=
TARGET_OUT=
TARGET_SERIAL=0
TARGET_PREFIX=() # command that runs the target, such as: setpriv --reuid=65534 ...
STARTED=()
CGROUPS=()

# ---- TAP ----

t_pass() {
	echo "ok $((++T_COUNT)) - $1"
}

# t_fail NAME [TEXT]: TEXT says what was found.
t_fail() {
	echo "not ok $((++T_COUNT)) - $1"
	T_FAILED=$((T_FAILED + 1))
	[ -z "${2-}" ] || printf '%s\n' "$2" | head -n 60 | sed 's/^/#   /'
}

t_diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# t_ok NAME COMMAND...: the command exits 0.
t_ok() {
	local name=$1
	shift
	if "$@" >"$TMP/t_ok.out" 2>&1; then
		t_pass "$name"
	else
		t_fail "$name" "exit status $? of: $*
$(head -c 4000 "$TMP/t_ok.out")"
	fi
}

# t_not NAME COMMAND...: the command fails.
t_not() {
	local name=$1
	shift
	if "$@" >"$TMP/t_ok.out" 2>&1; then
		t_fail "$name" "succeeded: $*
$(head -c 4000 "$TMP/t_ok.out")"
	else
		t_pass "$name"
	fi
}

t_is() {
	if [ "$2" = "$3" ]; then
		t_pass "$1"
	else
		t_fail "$1" "got:  $2
want: $3"
	fi
}

t_like() {
	if grep -Eq -e "$3" <<<"$2"; then
		t_pass "$1"
	else
		t_fail "$1" "no match for: $3
in: $2"
	fi
}

t_unlike() {
	if grep -Eq -e "$3" <<<"$2"; then
		t_fail "$1" "match for: $3
in: $(printf '%s\n' "$2" | grep -E -e "$3" | head -n 5)"
	else
		t_pass "$1"
	fi
}

# t_status NAME WANT COMMAND...: the command exits with that status.
t_status() {
	local name=$1 want=$2 got
	shift 2
	"$@" >"$TMP/t_status.out" 2>&1
	got=$?
	if [ "$got" = "$want" ]; then
		t_pass "$name"
	else
		t_fail "$name" "exit status $got, want $want, of: $*
$(head -c 2000 "$TMP/t_status.out")"
	fi
}

# t_cmp NAME OPERATION: an arithmetic comparison, such as "3 < 4".
t_cmp() {
	if [ "$2" ] && (($2)); then
		t_pass "$1"
	else
		t_fail "$1" "not so: $2"
	fi
}

t_skip() {
	echo "ok $((++T_COUNT)) - $1 # SKIP $2"
}

# The whole script cannot run.
t_skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

t_done() {
	echo "1..$T_COUNT"
	[ "$T_FAILED" = 0 ]
	exit
}

# ---- waiting ----

# wait_until SECONDS COMMAND...: until the command succeeds; fails after that time.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# tries N COMMAND...: until it succeeds, at most N times: what a busy machine spoils once it leaves another
# time, and what is wrong is so every time.
tries() {
	local n=$1
	shift
	until "$@"; do
		((--n > 0)) || return 1
	done
}

process_is_gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# thread_is PID LETTERS: the process's main thread is in one of these states.
thread_is() {
	grep -q "^State:[[:space:]]*[$2]" "/proc/$1/status" 2>/dev/null
}

# ---- targets ----

target_have() {
	[ -x "$TARGETS/$1" ]
}

# program_start COMMAND...: any program in the background; sets TARGET_PID.
program_start() {
	"$@" >"$TMP/program.out" 2>"$TMP/program.err" </dev/null &
	TARGET_PID=$!
	disown "$TARGET_PID" # or bash reports how it ended
	STARTED+=("$TARGET_PID")
}

# target_start NAME [ARGS]: a built target; returns when it is ready. Sets TARGET_PID, TARGET_FD
# (where its further lines come from: target_read) and TARGET_OUT.
target_start() {
	local name=$1
	shift
	if ! target_have "$name"; then
		echo "Bail out! no target $TARGETS/$name"
		exit 1
	fi
	TARGET_OUT=$TMP/target.$((++TARGET_SERIAL))
	mkfifo "$TARGET_OUT"
	exec {TARGET_FD}<>"$TARGET_OUT"
	"${TARGET_PREFIX[@]}" "$TARGETS/$name" "$@" >"$TARGET_OUT" 2>"$TMP/target.err" \
		</dev/null {TARGET_FD}<&- &
	TARGET_PID=$!
	disown "$TARGET_PID"
	STARTED+=("$TARGET_PID")
	if ! target_await ready; then
		echo "Bail out! target $name is not ready: $(head -c 300 "$TMP/target.err")"
		exit 1
	fi
}

# The target's next line, into REPLY.
target_read() {
	IFS= read -r -t "${1:-20}" -u "$TARGET_FD" REPLY
}

# Lines up to the one given; those before it are in AWAITED.
target_await() {
	AWAITED=
	while target_read; do
		[ "$REPLY" != "$1" ] || return 0
		AWAITED+=$REPLY$'\n'
	done
	return 1
}

# target_ask SIGNAL: send it a signal and read the line that it answers with, into REPLY.
target_ask() {
	kill -s "$1" "$TARGET_PID" && target_read
}

# process_stop PID: SIGTERM first, for those that have something to remove; then SIGKILL.
process_stop() {
	kill -s TERM "$1" 2>/dev/null
	kill -s CONT "$1" 2>/dev/null
	wait_until 2 process_is_gone "$1" || kill -s KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null || wait_until 20 process_is_gone "$1"
	return 0
}

target_stop() {
	local pid kept=()
	process_stop "$TARGET_PID"
	for pid in ${STARTED[@]+"${STARTED[@]}"}; do
		[ "$pid" = "$TARGET_PID" ] || kept+=("$pid")
	done
	STARTED=(${kept[@]+"${kept[@]}"})
	[ -z "$TARGET_FD" ] || exec {TARGET_FD}<&-
	TARGET_FD=
}

# adopt PID: its descendants are ended with the script, too.
adopt() {
	local pid
	for pid in $(pgrep -P "$1"); do
		STARTED+=("$pid")
		adopt "$pid"
	done
}

# What is wrong with a process that nobody should be looking at any more; nothing if it is well.
# States in $2 (default tT) are wrong.
process_complaint() {
	cat "/proc/$1/task/"*/status 2>/dev/null | awk -v wrong="[${2-tT}]" '
		/^Name:/ { sub(/^Name:[ \t]*/, ""); name = $0 }
		/^State:/ { live += $2 != "Z"; if ($2 ~ wrong) bad[name " is in state " $2]++ }
		/^TracerPid:/ && $2 != 0 { bad[name " is traced by " $2]++ }
		END {
			if (!live)
				print "it is gone"
			for (complaint in bad)
				print complaint " (" bad[complaint] " threads)"
		}'
}

process_is_well() {
	[ -z "$(process_complaint "$@")" ]
}

# target_is_well [PID [NAME [STATES]]]: alive, no thread in state t or T (or in one of STATES),
# no tracer. A tracer that just died is let go of by the kernel within moments.
target_is_well() {
	local pid=${1:-$TARGET_PID} name=${2:-the target is well} states=${3-tT}
	if wait_until 20 process_is_well "$pid" "$states"; then
		t_pass "$name"
	else
		t_fail "$name" "$(process_complaint "$pid" "$states")"
	fi
}

# ---- the freezer ----

# cgroup_new [v1|v2]: an empty group that can be frozen, removed at the end; fails if none can be
# made. Sets CGROUP and CGROUP_FILE.
cgroup_new() {
	local kind=${1-} dir
	for dir in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/freezer; do
		CGROUP=$dir/stacksnap-test.$$.$RANDOM
		CGROUP_FILE=cgroup.freeze
		[ "${dir##*/}" != freezer ] || CGROUP_FILE=freezer.state
		case $kind:$CGROUP_FILE in v1:cgroup*|v2:freezer*) continue ;; esac
		mkdir "$CGROUP" 2>/dev/null || continue
		CGROUPS+=("$CGROUP")
		[ ! -w "$CGROUP/$CGROUP_FILE" ] || return 0
	done
	return 1
}

cgroup_thawed() {
	case $CGROUP_FILE in
	cgroup.freeze) grep -q '^frozen 0' "$CGROUP/cgroup.events" ;;
	*) grep -q THAWED "$CGROUP/$CGROUP_FILE" ;;
	esac
}

cgroup_frozen() {
	case $CGROUP_FILE in
	cgroup.freeze) grep -q '^frozen 1' "$CGROUP/cgroup.events" ;;
	*) grep -q FROZEN "$CGROUP/$CGROUP_FILE" ;;
	esac
}

# cgroup_freeze PID: move it there and wait until it is frozen.
cgroup_freeze() {
	echo "$1" >"$CGROUP/cgroup.procs" || return 1
	case $CGROUP_FILE in
	cgroup.freeze) echo 1 >"$CGROUP/$CGROUP_FILE" ;;
	*) echo FROZEN >"$CGROUP/$CGROUP_FILE" ;;
	esac
	wait_until 20 cgroup_frozen
}

cgroup_thaw() {
	case $CGROUP_FILE in
	cgroup.freeze) echo 0 >"$CGROUP/$CGROUP_FILE" ;;
	*) echo THAWED >"$CGROUP/$CGROUP_FILE" ;;
	esac
	wait_until 20 cgroup_thawed
}

# ---- stacksnap ----

# snap ARGS...: run it, by $SNAP_BY and with $SNAP_ARGS in front if the caller has some; sets OUT, ERR, STATUS.
snap() {
	# shellcheck disable=SC2086 # a list of words
	OUT=$(timeout 120 ${SNAP_BY-} "$STACKSNAP" ${SNAP_ARGS-} "$@" 2>"$TMP/snap.err" </dev/null)
	STATUS=$?
	ERR=$(cat "$TMP/snap.err")
}

# UNTIMED: for SNAP_BY. Without the kernel's timer, which it denies, threads that run are stopped.
# shellcheck disable=SC2034 # used by the scripts
UNTIMED="$TARGETS/deny perf_event_open"

# snap_until NAME EXPRESSION ARGS...: JSON snapshots into $TMP/snap.json until one of them is as the
# expression of json says, at most 50.
snap_until() {
	local name=$1
	shift
	if tries 50 snap_shows "$@"; then
		t_pass "$name"
	else
		t_fail "$name" "$ERR $(json "$TMP/snap.json" "p['coverage']")"
	fi
}

snap_shows() {
	snap -f json -o "$TMP/snap.json" "${@:2}"
	[ "$(json "$TMP/snap.json" "bool($1)")" = True ]
}

# capture_has_begun CAPTURE PID: that process of ours has looked at that one, and sleeps until its next look.
capture_has_begun() {
	grep -q nanosleep "/proc/$1/wchan" 2>/dev/null &&
		find "/proc/$1/fd" -lname "*/$2/task" 2>/dev/null | grep -q .
}

# capture_looks CAPTURE: how often it has slept until a next look.
capture_looks() {
	awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$1/status"
}

# capture_await_looks CAPTURE N: so many more.
capture_await_looks() {
	local n=$(($(capture_looks "$1") + $2))
	capture_has_looked() {
		[ "$(capture_looks "$1")" -ge "$n" ]
	}
	wait_until 60 capture_has_looked "$1"
}

# The block of one thread in a debug=2 dump: thread_block TEXT NAME.
thread_block() {
	printf '%s\n' "$1" | awk -v name="\"$2\"" '
		/^thread [0-9]+ / { on = index($0, name " [") > 0 }
		/^(# threads:|===|$)/ { on = 0 }
		on'
}

# block_names BLOCK: its function names, innermost first, a line each; block_functions: on one line.
block_names() {
	printf '%s\n' "$1" | sed -n 's/^\([^#\t].*\)(\.\.\.)$/\1/p'
}

block_functions() {
	block_names "$1" | tr '\n' ' '
}

# t_stack NAME BLOCK FUNCTION...: these functions appear in this order, innermost first.
t_stack() {
	local name=$1 block=$2 names at=0 function
	shift 2
	mapfile -t names < <(block_names "$block")
	for function in "$@"; do
		while [ "$at" -lt ${#names[@]} ] && [ "${names[at]}" != "$function" ]; do
			((++at))
		done
		if [ "$at" -eq ${#names[@]} ]; then
			t_fail "$name" "no $function (or out of order) in: ${names[*]}
$block"
			return
		fi
		((++at))
	done
	t_pass "$name"
}

# json FILE EXPRESSION: a Python expression over d, the document, and p, its first process.
json() {
	"$PYTHON" -c '
import json, sys
d = json.load(open(sys.argv[1]))
p = d["processes"][0] if isinstance(d, dict) and d.get("processes") else None
print(eval(sys.argv[2]))' "$1" "$2" 2>&1
}

# ---- pprof ----

# pprof_have: the program behind `go tool pprof`, in PPROF. Since Go 1.25 that command compiles it, for 25 s
# of CPU time, into a cache below HOME: ask for it before HOME is another one. contrib/check does it once.
pprof_have() {
	PPROF=${PPROF-$(go tool -n pprof 2>/dev/null)}
	[ -x "$PPROF" ]
}

# ---- browsers ----

# browser_need: Chromium (CHROMIUM), node, and the packages that the scripts beside this one use, which
# npm installs once into the build directory (NPM); without them the whole script is skipped.
browser_need() {
	local packages="puppeteer-core@24.43.1 speedscope@1.25.0"
	CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
	export NPM=${NPM:-$(dirname "$STACKSNAP")/tests/npm}
	[ -n "$CHROMIUM" ] || t_skip_all "no chromium"
	command -v node >/dev/null || t_skip_all "no node"
	[ "$(cat "$NPM/installed" 2>/dev/null)" != "$packages" ] || return 0
	mkdir -p "$NPM"
	echo '{ "private": true }' >"$NPM/package.json" # or npm may choose a directory above
	# shellcheck disable=SC2086 # a list of words
	(cd "$NPM" && HOME=$TMP timeout 300 npm install --no-audit --no-fund --ignore-scripts \
		--cache "$TMP/npm-cache" $packages) >"$TMP/npm.log" 2>&1 ||
		t_skip_all "npm cannot install $packages"
	echo "$packages" >"$NPM/installed"
}

# browser_run SCRIPT ARGUMENT...: a script that uses browser.mjs; its results become ours.
browser_run() {
	local status verdict detail
	HOME=$TMP timeout 120 node "$SRC/tests/it/$1" "$CHROMIUM" "$TMP/chromium" "${@:2}" \
		>"$TMP/browser.out" 2>"$TMP/browser.err" </dev/null
	status=$?
	while IFS=$'\t' read -r verdict detail; do
		case $verdict in
		"ok "*) t_pass "${verdict#ok }" ;;
		"not ok "*) t_fail "${verdict#not ok }" "$detail" ;;
		esac
	done <"$TMP/browser.out"
	t_is "the browser test ended well" "$status" 0
	[ "$status" = 0 ] || t_diag "$(tail -n 5 "$TMP/browser.err")"
}

# ---- the end ----

cleanup() {
	local pid
	trap '' INT TERM
	for CGROUP in ${CGROUPS[@]+"${CGROUPS[@]}"}; do
		[ ! -e "$CGROUP/freezer.state" ] || echo THAWED >"$CGROUP/freezer.state"
		[ ! -e "$CGROUP/cgroup.freeze" ] || echo 0 >"$CGROUP/cgroup.freeze"
	done
	for pid in ${STARTED[@]+"${STARTED[@]}"}; do
		process_stop "$pid"
	done
	for CGROUP in ${CGROUPS[@]+"${CGROUPS[@]}"}; do
		wait_until 20 rmdir "$CGROUP" 2>/dev/null
	done
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
