#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Owners of locks of every kind, in a program whose threads log what they hold: none is wrong, none
# of the program's waits is taken for a deadlock. tests/bench/truth.sh is the same at length.
. "$(dirname "$0")/lib.sh"

# known LOCK: how many waits for this lock came with an owner, by the table in $OUT
known() {
	printf '%s\n' "$OUT" | awk -F' *[|] *' -v lock="$1" '$2 == lock { print $4 }'
}

# check HOLD_US WAITS SNAPSHOTS
check() {
	local status
	target_start truth "$TMP/log" 24 "$1"
	OUT=$("$PYTHON" "$SRC/tests/bench/truth.py" "$STACKSNAP" "$TARGET_PID" "$TMP/log" "$2" "$3" \
		2>"$TMP/truth.err")
	status=$?
	t_diag "held for $1 us: $(tail -n 1 <<<"$OUT")"
	t_is "held for $1 us: no owner is wrong" "$status" 0
	[ "$status" = 0 ] || t_diag "$OUT
$(head -n 40 "$TMP/truth.err")"
	target_is_well "$TARGET_PID"
}

check 30000 300 80
for lock in normal recursive errorcheck adaptive timed robust shared inheriting \
	"robust inheriting" "rwlock, written"; do
	t_cmp "$lock: owners are known" "$(known "$lock") > 0"
done
target_stop
check 1000 30 10
target_stop
t_done
