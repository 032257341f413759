#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mutex profile charges the holder with what the waiters waited: within the bounds of
# tests/bench/mutex.py, by the waiters' own measure.
. "$(dirname "$0")/lib.sh"

# A busy machine may keep a capture from looking often enough: a longer one has more looks.
LASTS=2
capture_agrees() {
	LASTS=$((LASTS + 2))
	snap -q -p "$TARGET_PID" --mutex -d $LASTS -o "$TMP/mutex.pb.gz"
	[ "$STATUS" = 0 ] && "$PYTHON" "$SRC/tests/bench/mutex.py" "$TMP/mutex.pb.gz" "$TMP/log"
}

target_start hotlock "$TMP/log"
t_ok "the holder is charged with what was waited" tries 5 capture_agrees
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
