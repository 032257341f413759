#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that change in the middle of a capture: exec, by the main thread and by another one, and
# threads that come to be selected.
. "$(dirname "$0")/lib.sh"

ONE=$TMP/one.json

# profile EXPRESSION: over p, the process of the latest capture, and by, its threads by name.
profile() {
	"$PYTHON" -c "
import json, sys
p = json.load(open(sys.argv[1]))['profiles'][0]
by = {}
for t in p['threads']:
    by.setdefault(t['name'], []).append(t)
print($1)" "$ONE" 2>&1
}

# ---- exec ----

for kind in exec thread-exec; do
	t_status "$kind: exit status" 0 "$STACKSNAP" --wall -q -o "$ONE" -- "$TARGETS/changes" $kind
	t_is "$kind: what was computed before it" \
		"$(profile 'by["changes"][0]["on_cpu_ns"] > 0.25e9')" True
	t_is "$kind: is not done again after it" "$(profile 'by["sleep"][0]["on_cpu_ns"] < 0.1e9')" True
done
"$STACKSNAP" --wall -q -o "$ONE" -- "$TARGETS/changes" exec
t_is "exec: no time is lost over it" "$(profile 'abs(p["duration_ns"] - sum(
	t["wall_ns"] for t in p["threads"])) < 0.1e9')" True

# ---- names ----

target_start changes rename
"$STACKSNAP" --wall -q -d 1.5 --thread '^worker$' -o "$ONE" "$TARGET_PID"
t_is "rename: both are seen" "$(profile 'len(by["worker"])')" 2
t_is "rename: what it did before does not count" \
	"$(profile 'max(t["on_cpu_ns"] for t in by["worker"]) < 0.1e9')" True
target_is_well
target_stop
t_done
