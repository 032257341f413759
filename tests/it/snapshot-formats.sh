#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each format is read by a reader that is not ours: go tool pprof, a strict goroutine dump parser,
# a JSON parser.
. "$(dirname "$0")/lib.sh"

THREADS=12
target_start many $((THREADS - 1)) 6

total_of_raw() {
	awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 }
		on && /^ +[0-9]+:/ { sum += $1 } END { print sum + 0 }'
}

# ---- pprof: debug=0 and debug=1 ----

snap -o "$TMP/snap.pb.gz" "$TARGET_PID"
t_is "pprof: status" "$STATUS" 0
snap --debug=1 "$TARGET_PID"
printf '%s\n' "$OUT" >"$TMP/snap.count"
t_like "debug=1: first line" "$(head -n 1 "$TMP/snap.count")" "^thread profile: total $THREADS\$"
t_like "debug=1: memory map" "$OUT" '^--- Memory map: ---$'

if pprof_have; then
	export PPROF_TMPDIR=$TMP HOME=$TMP
	for file in snap.pb.gz snap.count; do
		t_ok "go tool pprof -raw $file" "$PPROF" -symbolize=none -raw "$TMP/$file"
		t_is "$file: every thread is one" \
			"$("$PPROF" -symbolize=none -raw "$TMP/$file" 2>/dev/null | total_of_raw)" $THREADS
		t_ok "go tool pprof -top $file" "$PPROF" -top "$TMP/$file"
	done
	top=$("$PPROF" -symbolize=none -top -cum "$TMP/snap.pb.gz" 2>/dev/null)
	t_like "pprof: functions have names" "$top" ' many_wait$'
	t_like "pprof: as many as wait there" "$top" "$((THREADS - 1)) .* many_wait\$"
	raw=$("$PPROF" -symbolize=none -raw "$TMP/snap.pb.gz" 2>/dev/null)
	t_like "pprof: sample type" "$raw" '^thread/count'
	t_like "pprof: labels" "$raw" 'state:\[[a-z]'
	t_like "pprof: build id of the program" "$raw" "/many [0-9a-f]{40}"
	t_ok "pprof: a profile subtracts from itself" "$PPROF" -symbolize=none -top \
		-base "$TMP/snap.pb.gz" "$TMP/snap.pb.gz"
else
	t_skip "go tool pprof" "no go"
fi

# ---- debug=2 and --go ----

cat >"$TMP/goroutines.py" <<'PY'
"""Reads a goroutine dump as strictly as gostackparse does; prints how many goroutines it has."""
import re, sys

HEADER = re.compile(r"^goroutine (\d+) \[([^,]+)(?:, (\d+) minutes)?(, locked to thread)?\]:$")
FUNCTION = re.compile(r"^(created by )?[^\s()][^()]*(\([^()]*\)[^()]*)*\([^()]*\)$|^\S.*\([^()]*\)$")
FILE = re.compile(r"^\t.+:\d+( \+0x[0-9a-f]+)?$")

def balanced(line):
    depth = 0
    for c in line:
        depth += (c == "(") - (c == ")")
        if depth not in (0, 1):
            return False
    return depth == 0

count, want, problems = 0, "header", []
for number, line in enumerate(open(sys.argv[1], encoding="utf-8"), 1):
    line = line.rstrip("\n")
    if want == "header" and HEADER.match(line):
        count, want = count + 1, "first"
    elif want == "header" and line.startswith("goroutine"):
        problems.append((number, line))
    elif want in ("first", "function"):
        if want == "function" and line == "":
            want = "header"
        elif FUNCTION.match(line) and balanced(line):
            want = "file"
        else:
            problems.append((number, line))
            want = "header"
    elif want == "file":
        if not FILE.match(line):
            problems.append((number, line))
        want = "function"
for number, line in problems[:10]:
    print("line %d: %r" % (number, line))
print(count)
sys.exit(bool(problems))
PY

check_go() {
	snap --go "$TARGET_PID"
	printf '%s\n' "$OUT" >"$TMP/go.txt"
	t_ok "--go of $1: every line parses" "$PYTHON" "$TMP/goroutines.py" "$TMP/go.txt"
	t_is "--go of $1: every thread" "$("$PYTHON" "$TMP/goroutines.py" "$TMP/go.txt" | tail -n 1)" "$2"
}

check_go many $THREADS
snap "$TARGET_PID"
t_is "debug=2: every thread" "$(printf '%s\n' "$OUT" | grep -c '^thread [0-9]* "')" $THREADS
t_like "debug=2: coverage" "$OUT" "^# threads: $THREADS seen, $THREADS with a stack"

# ---- folded and JSON ----

snap -f folded "$TARGET_PID"
t_unlike "folded: stack, space, number" "$(printf '%s\n' "$OUT" | grep -Ev '^[^ ]+( [^ ]+)* [0-9]+$')" .
t_is "folded: every thread is one" \
	"$(printf '%s\n' "$OUT" | awk '{ sum += $NF } END { print sum }')" $THREADS
t_like "folded: root first" "$OUT" ';start_thread;.*;frame_even;.*;many_wait'
snap -j "$TARGET_PID"
printf '%s\n' "$OUT" >"$TMP/snap.json"
t_ok "JSON parses" "$PYTHON" -m json.tool "$TMP/snap.json" /dev/null
t_is "JSON: every thread" "$(json "$TMP/snap.json" "len(p['threads'])")" $THREADS
t_is "JSON: pid" "$(json "$TMP/snap.json" "p['pid']")" "$TARGET_PID"
first=$TARGET_PID
target_is_well

# ---- names that would break a parser; C++ ----

target_start names
check_go names 16
target_is_well
target_start inline
check_go inline 3
target_is_well
snap -j "$first" "$TARGET_PID"
printf '%s\n' "$OUT" >"$TMP/two.json"
t_is "JSON: two processes in one document" "$(json "$TMP/two.json" "len(d['processes'])")" 2
snap "$first,$TARGET_PID"
t_is "text: a line for each process" "$(printf '%s\n' "$OUT" | grep -cE '^=== [0-9]+ .* ===$')" 2
if pprof_have; then
	snap -o "$TMP/two.pb.gz" "$first" "$TARGET_PID"
	t_is "pprof: two processes in one file" \
		"$("$PPROF" -symbolize=none -raw "$TMP/two.pb.gz" 2>/dev/null | total_of_raw)" \
		$((THREADS + 3))
fi
t_done
