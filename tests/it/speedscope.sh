#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# speedscope, its page out of the npm package, opens our files: a profile a thread, inlined functions,
# and nothing to complain about. SHOTS names a directory for screenshots.
. "$(dirname "$0")/lib.sh"

browser_need
target_start inline
t_status "capture" 0 "$STACKSNAP" --wall -d 1 -q -o "$TMP/wall.speedscope.json" "$TARGET_PID"
t_status "snapshot" 0 "$STACKSNAP" -q -o "$TMP/now.speedscope.json" "$TARGET_PID"
t_like "the coverage block is in the file" \
	"$(json "$TMP/wall.speedscope.json" "d['coverage']")" 'threads: 3 seen, 3 with a stack'
target_is_well

# shellcheck disable=SC2086 # no argument if SHOTS is not set
browser_run speedscope.mjs "$NPM/node_modules/speedscope/dist/release/index.html" \
	"$TMP/wall.speedscope.json" "$TMP/now.speedscope.json" "$TARGET_PID" ${SHOTS-}
target_stop
t_done
