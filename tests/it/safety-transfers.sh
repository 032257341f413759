#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the target's transfers return while snapshots are taken of it, one after the other, and while
# it is captured: a stop cuts a blocking write or receive short, without an error. With --stop=auto as
# root and as an ordinary user: none. Where neither BPF nor perf is permitted, running threads are
# stopped: at most one in 10,000 looks cuts a call short, and that is said; a thread that makes no such
# call has a stack all the same. With --stop=all every call that is cut short is said to be.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

MODES="pipe writev send tcpsend waitall tcpwaitall recvmmsg sendfile"
SNAPSHOTS=$([ -n "${FULL-}" ] && echo 1000 || echo 8)
LASTS=$([ -n "${FULL-}" ] && echo 60 || echo 0.5)
[ -z "${SHORT-}" ] || SNAPSHOTS=4
NOBODY=65534
UNDER= # the name of the condition

# said TEXT: the sum of the numbers behind that text in all snapshots.
said() {
	sed -n "s/^# .*$1 \([0-9][0-9]*\).*/\1/p" "$TMP/snapshots" | awk '{ n += $1 } END { print n + 0 }'
}

# threads NAME TEXT: in how many of the snapshots the block of this thread has the text.
threads() {
	awk -v name="\"$1\"" -v text="$2" '
		/^thread [0-9]+ / { on = index($0, name " [") > 0 }
		/^(# threads:|===|$)/ { on = 0 }
		on && index($0, text) { n++; on = 0 }
		END { print n + 0 }' "$TMP/snapshots"
}

# snapshots ARGS...
snapshots() {
	: >"$TMP/snapshots"
	for ((i = 0; i < SNAPSHOTS; i++)); do
		snap --no-color "$@" "$TARGET_PID"
		[ "$STATUS" -le 1 ] || t_fail "$UNDER: a snapshot" "$STATUS: $ERR"
		printf '%s\n' "$OUT" >>"$TMP/snapshots"
	done
}

# judge NAME LOOKS REPORTED: the target's own books, in REPLY.
judge() {
	local short
	short=$(sed -n 's/.* short \([0-9]*\) .*/\1/p' <<<"$REPLY")
	t_like "$1: it moved, with no error: $REPLY" "$REPLY" '^transfers [1-9][0-9]* .* errors 0$'
	if [ "$UNDER" = denied ]; then
		t_cmp "$1: $short short in $2 looks" "${short:-1} <= 1 + $2 / 10000"
		t_cmp "$1: $3 are said to be" "${short:-1} <= ${3:-0}"
	else
		t_is "$1: none is short in $2 looks" "$short" 0
	fi
}

transfers() {
	local mode=$1
	target_start transfers "$mode"
	snapshots
	target_ask USR1
	judge "$UNDER, $mode, snapshots" "$SNAPSHOTS" "$(said 'calls ended early:')"
	for thread in spin worker; do
		# where CPUs are short it may have been woken from such a call and not have run since
		t_cmp "$UNDER, $mode: $thread is in no call" \
			"4 * $(threads $thread 'in a call that a stop would cut short') <= $SNAPSHOTS"
	done
	t_cmp "$UNDER, $mode: spin has a stack: $(threads spin 'spin(')" \
		"2 * $(threads spin 'spin(') > $SNAPSHOTS"
	t_diag "stops: $(said 'stops:'), mover left alone:" \
		"$(threads mover 'in a call that a stop would cut short') of $SNAPSHOTS"
	target_ask USR1 # counts anew
	capture_start -d "$LASTS"
	capture_end "$UNDER, $mode"
	target_ask USR1
	judge "$UNDER, $mode, a capture" "$(capture_get "c['ticks_done']")" \
		"$(capture_get "c['calls_cut_short']")"
	target_is_well
	target_stop
}

UNDER=root
for mode in $MODES; do
	transfers "$mode"
done

# recvmmsg leaves its error, the kernel's own 512, to the call after it: only what is short is asked.
UNDER=all
for mode in $MODES; do
	target_start transfers "$mode"
	snapshots --stop=all
	target_ask USR1
	short=$(sed -n 's/.* short \([0-9]*\) .*/\1/p' <<<"$REPLY")
	t_cmp "all, $mode: $short short, $(said 'calls ended early:') are said to be" \
		"${short:-1} <= $(said 'calls ended early:')"
	target_is_well
	target_stop
done

UNDER=denied
snap_by=${SNAP_BY-}
SNAP_BY="$TARGETS/deny bpf,perf_event_open"
for mode in $MODES; do
	transfers "$mode"
done
SNAP_BY=$snap_by

UNDER=nobody
if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	t_skip "nobody" "needs root and setpriv"
	t_done
fi
chmod 711 "$TMP"
mkdir -m 755 "$TMP/bin"
cp "$STACKSNAP" "$TMP/bin/stacksnap"
cp "$TARGETS/transfers" "$TMP/bin/"
STACKSNAP=$TMP/bin/stacksnap
TARGETS=$TMP/bin
TARGET_PREFIX=(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups --inh-caps=-all)
SNAP_BY="${TARGET_PREFIX[*]} --bounding-set=-all"
for mode in $MODES; do
	transfers "$mode"
done
t_done
