#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# go tool pprof on every kind of profile that stacksnap writes: tables, raw samples, labels,
# differences, and its web pages. What it shows is held against the target and against `report` and
# `diff`.
. "$(dirname "$0")/lib.sh"

pprof_have || t_skip_all "no go"
export PPROF_TMPDIR=$TMP HOME=$TMP TZ=UTC
D=$TMP

# pprof FILE-OR-ARGUMENT...: what it says of our files must be nothing but the answer.
pprof() {
	"$PPROF" "$@" 2>>"$TMP/pprof.err"
}

# The table's row of one function: flat cum, in the unit of the table.
row() {
	awk -v name="$2" '{ sub(/ \((partial-)?inline\)$/, "") } on && $NF == name { print $1, $4 }
		/flat%/ { on = 1 }' <<<"$1"
}

# kind_is_read KIND TYPE FUNCTION SAMPLE-TYPES: $D/KIND.pb.gz of the target.
kind_is_read() {
	local kind=$1 type=$2 function=$3 types=$4 top raw tid missing=
	top=$(pprof -top -unit=ns "$D/$kind.pb.gz")
	t_like "$kind: -top: type" "$top" "^Type: $type\$"
	t_like "$kind: -top: the coverage block" "$top" '^threads: [0-9]+ seen'
	t_like "$kind: -top: $function" "$(row "$top" "$function")" '[1-9]'
	raw=$(pprof -raw "$D/$kind.pb.gz")
	t_like "$kind: -raw: sample types" "$raw" "^$types\$"
	t_is "$kind: -raw: the values add up to what report says" \
		"$(awk '/^Locations/ { exit } /^[ 0-9]+: [0-9 ]+$/ { sub(/:.*/, ""); sum += $NF }
			END { printf "%.0f", sum }' <<<"$raw")" \
		"$("$STACKSNAP" report --unit ns "$D/$kind.pb.gz" |
			sed -n 's/.* of \([0-9]*\)\(ns\)\? total$/\1/p')"
	t_like "$kind: -raw: functions and lines are in the file" "$raw" " $function .*\.c:[0-9]+"
	for tid in $(cd "/proc/$TARGET_PID/task" && echo *); do
		grep -qF "tid:[$tid]" <<<"$raw" || missing="$missing $tid"
	done
	t_is "$kind: -raw: every thread has its label" "$missing" ""
}

# labels_are_read KIND THREAD FUNCTION OTHER: the thread runs in the function, not in the other one.
labels_are_read() {
	local kind=$1 thread=$2 function=$3 other=$4 focus tid
	focus=$(pprof -top -unit=ns -tagfocus="thread=^$thread\$" "$D/$kind.pb.gz")
	t_like "$kind: -tagfocus=thread: $function" "$(row "$focus" "$function")" '[1-9]'
	t_is "$kind: -tagfocus=thread: not $other" "$(row "$focus" "$other")" ""
	tid=$(cd "/proc/$TARGET_PID/task" && grep -lx "$thread" ./*/comm | cut -d/ -f2)
	t_is "$kind: -tagfocus=tid is the same" \
		"$(pprof -top -unit=ns -tagfocus="tid=$tid:$tid" "$D/$kind.pb.gz" | sed '1,/flat%/d')" \
		"$(sed '1,/flat%/d' <<<"$focus")"
	t_is "$kind: -tagroot=thread: the thread is above its outermost function" \
		"$(row "$(pprof -top -unit=ns -tagroot=thread "$D/$kind.pb.gz")" "$thread")" \
		"$(row "$focus" clone3)"
}

# difference_is_read NAME BASE NEW: -base shows of each function what diff says without labels.
difference_is_read() {
	local ours theirs
	ours=$("$STACKSNAP" diff -n 0 --unit ns "$2" "$3" |
		awk 'on { print $1, $4, $NF } /flat%/ { on = 1 }' | sort)
	theirs=$(pprof -top -nodefraction=0 -unit=ns -base "$2" "$3" | sed 's/ (\(partial-\)\?inline)$//' |
		awk 'on && ($1 != "0" || $4 != "0") { print $1, $4, $NF } /flat%/ { on = 1 }' | sort)
	t_is "$1: -base has the values of diff" "$theirs" "$ours"
	t_like "$1: more time in contended_line" "$theirs" '^0 [1-9][0-9]{8,}ns contended_line$'
}

free_port() {
	local port
	while port=$((20000 + RANDOM % 20000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		:
	done
	echo "$port"
}

# pages_are_served KIND FUNCTION
pages_are_served() {
	local kind=$1 function=$2 url
	url=http://127.0.0.1:$(free_port)/ui
	program_start "$PPROF" -no_browser -http="${url:7:-3}" "$D/$kind.pb.gz"
	if ! wait_until 20 curl -sfo "$TMP/page" "$url/top"; then
		t_fail "$kind: -http" "$(head -c 1000 "$TMP/program.err")"
		return
	fi
	t_like "$kind: -http: top" "$(grep -F "\"$function" "$TMP/page")" "\"Name\":\"$function"
	t_ok "$kind: -http: the flame graph is served" curl -sfo "$TMP/page" "$url/flamegraph"
	t_like "$kind: -http: flame graph" "$(grep -oF "\"$function" "$TMP/page")" "$function"
	process_stop "$TARGET_PID"
}

# ---- every kind ----

target_start waits spin
for d in 1 2 4 8; do # until a look met it on its CPU
	t_status "cpu: written" 0 "$STACKSNAP" --cpu -d $d -q -o "$D/cpu.pb.gz" --thread w-spin "$TARGET_PID"
	TOP=$(pprof -top "$D/cpu.pb.gz")
	[ -z "$(row "$TOP" in_spin)" ] || break
done
t_like "cpu: -top: type" "$TOP" '^Type: cpu$'
t_like "cpu: -top: the function that spins" "$(row "$TOP" in_spin)" '[1-9]'
t_like "cpu: -raw" "$(pprof -raw "$D/cpu.pb.gz")" '^samples/count cpu/nanoseconds$'
t_like "cpu: -tagroot=thread" "$(row "$(pprof -top -tagroot=thread "$D/cpu.pb.gz")" w-spin)" '^0 .*[1-9]'
target_is_well
target_stop

target_start contend
t_status "threads: written" 0 "$STACKSNAP" -q -o "$D/threads.pb.gz" "$TARGET_PID"
t_status "block: written" 0 "$STACKSNAP" --block -d 0.5 -q -o "$D/block.pb.gz" "$TARGET_PID"
t_status "wall: written" 0 "$STACKSNAP" --wall -d 0.5 -q -o "$D/wall.pb.gz" "$TARGET_PID"
kind_is_read threads thread start_thread 'thread/count'
kind_is_read block delay contended_line 'contentions/count delay/nanoseconds'
kind_is_read wall wall contended_line \
	'samples/count oncpu/nanoseconds runnable/nanoseconds blocked/nanoseconds wall/nanoseconds'
for kind in threads block wall; do
	labels_are_read $kind producer produce contended_line
done
t_like "wall: -sample_index" "$(pprof -top -sample_index=blocked "$D/wall.pb.gz")" '^Type: blocked$'
t_like "block: -contentions" "$(pprof -top -contentions "$D/block.pb.gz")" '^Type: contentions$'
t_like "block: -mean_delay" "$(row "$(pprof -top -mean_delay "$D/block.pb.gz")" produce)" 'ms$'

# ---- differences ----

t_status "block: later, and longer" 0 "$STACKSNAP" --block -d 1.5 -q -o "$D/later.pb.gz" "$TARGET_PID"
difference_is_read "one process" "$D/block.pb.gz" "$D/later.pb.gz"
target_is_well
target_stop
target_start contend # other addresses, other tids
t_status "block: another process" 0 "$STACKSNAP" --block -d 1.5 -q -o "$D/other.pb.gz" "$TARGET_PID"
difference_is_read "two processes" "$D/block.pb.gz" "$D/other.pb.gz"
target_is_well
target_stop

# ---- pages ----

if command -v curl >/dev/null; then
	pages_are_served threads contended_line
	pages_are_served block contended_line
	pages_are_served cpu in_spin
	pages_are_served wall contended_line
else
	t_skip "pages" "no curl"
fi
t_is "nothing to complain about" "$(grep -v 'Interpreted .* as range, not regexp' "$TMP/pprof.err")" ""
t_done
