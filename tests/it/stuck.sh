#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --stuck: only the threads that do not run while it watches, those first that have waited longest;
# watching moves nobody, whatever the code is like.
. "$(dirname "$0")/lib.sh"

ONE=$TMP/one

target_start contend
snap --stuck -d 0.5 -q "$TARGET_PID"
t_is "exit status" "$STATUS" 0
t_is "of seven threads one does not move" "$(printf '%s\n' "$OUT" | grep -c '^thread ')" 1
t_like "it is the one that pauses" "$OUT" '^thread [0-9]+ "contend" \[signal wait, '
t_like "the others are accounted for" "$OUT" '; 6 left out as they moved$'
"$STACKSNAP" --stuck -d 0.5 -q -o "$ONE.json" "$TARGET_PID"
t_is "JSON: the same thread" "$(json "$ONE.json" '[t["name"] for t in p["threads"]]')" "['contend']"
t_is "JSON: the others are counted" "$(json "$ONE.json" 'p["coverage"]["threads_moved"]')" 6
for format in folded count; do
	snap --stuck -d 0.3 -q -f "$format" "$TARGET_PID"
	t_unlike "$format: no thread that moves" "$OUT" 'contended_line|produce|consume'
	t_like "$format: the one that does not" "$OUT" 'pause'
done
snap --stuck "$TARGET_PID"
t_like "the default time is said" "$ERR" 'watching for 2 s'
target_is_well
target_stop

target_start waits
snap --stuck -d 0.3 -q "$TARGET_PID"
t_ok "oldest first" awk '
	/^thread / && match($0, /[0-9.]+ (m?s|min)/) {
		split(substr($0, RSTART, RLENGTH), part, " ")
		ms = part[1] * (part[2] == "ms" ? 1 : 1000)
		if (n++ && ms > last)
			exit 1
		last = ms
	}
	END { exit n < 20 }' <<<"$OUT"
target_stop

# code with frame pointers needs stops for its stacks: those come after the watching
target_start many-fp 20
snap --stuck -d 0.3 -q "$TARGET_PID"
t_is "nobody moves because of us" "$(printf '%s\n' "$OUT" | grep -c 'left out as they moved')" 0
target_is_well
target_stop

target_start counter
snap --stuck -d 0.3 -q "$TARGET_PID"
t_unlike "a spinner moves" "$OUT" '\[on-cpu|\[runnable'
target_stop

t_status "with a capture: usage error" 64 "$STACKSNAP" --stuck --block $$
t_status "launched: usage error" 64 "$STACKSNAP" --stuck -- sleep 1
t_status "a rate: usage error" 64 "$STACKSNAP" --stuck -r 5 $$
t_done
