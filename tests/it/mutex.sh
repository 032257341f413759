#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mutex profile charges the holder with what the waiters waited: within the bounds of
# tests/bench/mutex.py, by the waiters' own measure.
. "$(dirname "$0")/lib.sh"

TRIES=3 # a busy machine may keep a capture from looking often enough

capture_agrees() {
	snap -q -p "$TARGET_PID" --mutex -d 4 -o "$TMP/mutex.pb.gz"
	[ "$STATUS" = 0 ] && "$PYTHON" "$SRC/tests/bench/mutex.py" "$TMP/mutex.pb.gz" "$TMP/log"
}

one_capture_agrees() {
	for ((i = 0; i < TRIES; i++)); do
		capture_agrees && return
	done
	return 1
}

target_start hotlock "$TMP/log"
t_ok "the holder is charged with what was waited" one_capture_agrees
t_is "exit status" "$STATUS" 0
t_diag "$(cat "$TMP/t_ok.out")"
if pprof_have; then
	top=$("$PPROF" -symbolize=none -top -cum "$TMP/mutex.pb.gz" 2>&1)
	t_like "go tool pprof names the holder" "$top" ' owner_path$'
else
	t_skip "go tool pprof names the holder" "no go"
fi
target_is_well
target_stop
t_done
