#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Owners of locks beside what the holders themselves logged: a markdown table by kind of lock. Exit
# status as truth.py's: 1 if one owner is wrong. Usage: truth.sh, environment as for tests/it; WAITS
# (10000) with an owner, SNAPSHOTS (1000) at least, THREADS (24) that take locks, HOLD_US (1000).
. "$(dirname "$0")/../it/lib.sh"

target_start truth "$TMP/log" "${THREADS:-24}" "${HOLD_US:-1000}"
"$PYTHON" "$(dirname "$0")/truth.py" "$STACKSNAP" "$TARGET_PID" "$TMP/log" "${WAITS:-10000}" \
	"${SNAPSHOTS:-1000}"
status=$?
target_stop
exit $status
