# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# safety.bash: what the safety-*.sh scripts share: a capture in the background while something is
# done to its target, and the target's own books afterwards. Sourced after lib.sh. FULL=1 makes
# everything last longer, SHORT=1 leaves out what another run does too.

# shellcheck disable=SC2034 # used by the scripts
SAFETY_SECONDS=$([ -n "${FULL-}" ] && echo 20 || echo 1)

CAPTURE_TIMEOUT=120 # seconds, after which a capture that hangs is killed

# capture_start ARGS...: a capture of TARGET_PID at 99 Hz, run by $SNAP_BY, into $TMP/capture.json.
# Sets CAPTURE.
capture_start() {
	# shellcheck disable=SC2086 # a list of words
	timeout -k 5 "$CAPTURE_TIMEOUT" ${SNAP_BY-} "$STACKSNAP" --wall -r 99 -q -f json "$@" "$TARGET_PID" \
		>"$TMP/capture.json" 2>"$TMP/capture.err" </dev/null &
	CAPTURE=$!
}

# capture_end NAME: it ends by itself, whole or partial, and what it wrote can be read.
capture_end() {
	wait "$CAPTURE"
	CAPTURE_STATUS=$?
	if [ "$CAPTURE_STATUS" -le 1 ] && [ "$(capture_get "'coverage' in p")" = True ]; then
		t_pass "$1: the capture is whole or partial"
	else
		t_fail "$1: the capture is whole or partial" "exit status $CAPTURE_STATUS
$(cat "$TMP/capture.err")"
	fi
}

# capture_get EXPRESSION: over p, the profile of the capture, and c, its coverage.
capture_get() {
	"$PYTHON" -c '
import json, sys
p = json.load(open(sys.argv[1]))["profiles"][0]
c = p["coverage"]
print(eval(sys.argv[2]))' "$TMP/capture.json" "$1" 2>&1
}

capture_runs() {
	kill -0 "$CAPTURE" 2>/dev/null
}

# snapshots_while PID: snapshots in all ways of stopping as long as that process of ours runs; sets
# SNAPSHOTS, and SNAPSHOTS_BAD to statuses that are none of 0, 1 and 2.
snapshots_while() {
	local modes=(auto all never) i=0
	SNAPSHOTS=0 SNAPSHOTS_BAD=
	while kill -0 "$1" 2>/dev/null; do
		snap --stop="${modes[i++ % 3]}" -o /dev/null -f text "$TARGET_PID"
		SNAPSHOTS=$((SNAPSHOTS + 1))
		[ "$STATUS" -le 2 ] || SNAPSHOTS_BAD+="$STATUS: $ERR; "
	done
}

# A pause of 0 to $1 - 1 ms: the moment is meant to be random.
random_pause() {
	sleep "0.$(printf %03d $((RANDOM % $1)))"
}

# cpu_ticks PID: clock ticks that it has spent on CPU.
cpu_ticks() {
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}
