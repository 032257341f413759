#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Are the stacks of programs that people run the ones that gdb finds? Prints a markdown table of
# the blocked threads compared, and the first difference of each program. A thread may move between
# the two looks: up to three looks, the one with the fewest differences counts.
# Usage: programs.sh [NAME...], environment as for tests/it, STACKSNAP_ARGS for more options.
. "$(dirname "$0")/../it/lib.sh"
. "$(dirname "$0")/programs.lib.sh"

HERE=$SRC/tests/bench
ALL=(redis python java nginx postgres rust go waits)

differing_in() {
	sed -n '1s/.*differing \([0-9]*\) .*/\1/p' "$1"
}

# One look by each; what compare.py says, in $TMP/compare.
look() {
	"$STACKSNAP" ${STACKSNAP_ARGS-} -f json -o "$TMP/$1.json" "$TARGET_PID" 2>"$TMP/$1.err"
	"$PYTHON" "$HERE/compare.py" "$TARGET_PID" "$TMP/$1.json" >"$TMP/compare" 2>&1
}

best_look() {
	local round best=
	for round in 1 2 3; do
		look "$1"
		[[ $(head -n 1 "$TMP/compare") = compared* ]] || continue
		if [ -z "$best" ] || [ "$(differing_in "$TMP/compare")" -lt "$best" ]; then
			best=$(differing_in "$TMP/compare")
			cp "$TMP/compare" "$TMP/$1.best"
		fi
		[ "$best" != 0 ] || break
	done
	[ -n "$best" ]
}

row() {
	local name=$1 first
	read -r _ compared _ equal _ short _ differing _ moved _ names <"$TMP/$name.best"
	echo "| $name | $(json "$TMP/$name.json" "len(p['threads'])") | $compared | $equal | $short |" \
		"$differing | $moved | $names |"
	first=$(sed -n 2p "$TMP/$name.best")
	[ -z "$first" ] || DIFFERENCES+="- $name: $first
"
}

DIFFERENCES=
echo "| program | threads | compared | equal | short | differing | moved | same names |"
echo "|---|--:|--:|--:|--:|--:|--:|--:|"
[ $# -gt 0 ] || set -- "${ALL[@]}"
for name; do
	if ! "start_$name"; then
		echo "| $name | not here | | | | | | |"
	elif best_look "$name"; then
		row "$name"
	else
		echo "| $name | failed: $(head -n 1 "$TMP/compare" | tr '|' ' ') | | | | | | |"
	fi
	target_stop
done
[ -z "$DIFFERENCES" ] || printf '\nFirst differences:\n\n%s' "$DIFFERENCES"
[ -z "$DIFFERENCES" ]
