#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The memory that a long capture of many threads takes: a markdown table. Environment as for tests/it;
# THREADS (5000), SECONDS_LONG (600).
. "$(dirname "$0")/../it/lib.sh"

threads=${THREADS:-5000} seconds=${SECONDS_LONG:-600}
target_start many "$threads"
/usr/bin/time -f %M -o "$TMP/peak" "$STACKSNAP" --wall -q -d "$seconds" -o "$TMP/wall.json" "$TARGET_PID"
echo "| threads | seconds | looks | peak MiB | bound |"
echo "|--:|--:|--:|--:|--:|"
echo "| $threads | $seconds | $(json "$TMP/wall.json" 'd["profiles"][0]["coverage"]["ticks_done"]') |" \
	"$(($(tail -n 1 "$TMP/peak") / 1024)) | 250 |"
target_stop
