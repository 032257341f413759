#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mutex profile beside what the waiters measured themselves: a markdown table. Exit status 1 if it
# is out of its bounds. Usage: mutex.sh, environment as for tests/it; SECONDS_EACH (10).
. "$(dirname "$0")/../it/lib.sh"

if ! "$STACKSNAP" --help | grep -q -- --mutex; then
	echo "Mutex profiles are not in this version."
	exit 0
fi
target_start hotlock "$TMP/log"
"$STACKSNAP" -q -p "$TARGET_PID" --mutex -d "${SECONDS_EACH:-10}" -o "$TMP/mutex.pb.gz" &&
	"$PYTHON" "$(dirname "$0")/mutex.py" "$TMP/mutex.pb.gz" "$TMP/log"
status=$?
target_stop
exit $status
