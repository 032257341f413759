#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The two observers: which one is used, that they say the same, and that bpf spares the stops.
. "$(dirname "$0")/lib.sh"

COMPARE=$(dirname "${MAKE_SAMPLE:-$(dirname "$STACKSNAP")/tests/unit/make-sample}")/compare-observers
NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# ---- one that is always there ----

target_start many 8
snap -v --observer=proc "$TARGET_PID"
t_is "proc: status" "$STATUS" 0
t_like "proc: the coverage block says so" "$OUT" '^# read in .*, observer=proc, unwinder='
t_like "proc: so does -v" "$ERR" "^stacksnap: $TARGET_PID: observer proc$"
snap --observer=eyes "$TARGET_PID"
t_is "an unknown one is a usage error" "$STATUS" 64
snap --version
t_like "--version lists them" "$OUT" '^observers: bpf .*proc'

# ---- where bpf is not permitted ----

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	TARGET_PREFIX=("${NOBODY[@]}")
	target_stop
	chmod 755 "$TMP" # the target's output is a FIFO in there
	target_start many 4
	TARGET_PREFIX=()
	cp "$STACKSNAP" "$TMP/stacksnap"
	OUT=$(cd / && "${NOBODY[@]}" "$TMP/stacksnap" -v "$TARGET_PID" 2>"$TMP/err")
	t_is "denied: the default is proc, without an error" "$?" 0
	t_like "denied: the coverage block says so" "$OUT" ', observer=proc,'
	t_like "denied: -v says why" "$(cat "$TMP/err")" \
		'observer proc \(observer bpf: .* is not permitted\)$'
	(cd / && "${NOBODY[@]}" "$TMP/stacksnap" --observer=bpf "$TARGET_PID") >"$TMP/out" 2>"$TMP/err"
	t_is "denied: asked for, it is an error" "$?" 2
	t_like "denied: with the cause" "$(cat "$TMP/err")" '^stacksnap: observer bpf: .*not permitted'
	t_like "denied: and the fix" "$(cat "$TMP/err")" 'CAP_BPF'
	(cd / && "${NOBODY[@]}" "$TMP/stacksnap" --timer=bpf "$TARGET_PID") >"$TMP/out" 2>"$TMP/err"
	t_is "denied: a timer that is asked for, too" "$?" 2
	t_like "denied: the timer's cause" "$(cat "$TMP/err")" '^stacksnap: timer bpf: .*not permitted'
	target_is_well
else
	t_skip "bpf denied" "not root"
fi
target_stop

# ---- where it is ----

target_start many 4
snap --observer=bpf "$TARGET_PID"
if [ "$STATUS" != 0 ] && grep -q 'observer bpf: ' <<<"$ERR"; then
	t_skip "the bpf observer" "bpf is not permitted"
	target_stop
	t_done
fi
t_like "bpf: the coverage block says so" "$OUT" '^# read in .*, observer=bpf, unwinder='
snap "$TARGET_PID"
t_like "bpf: the default where permitted" "$OUT" ', observer=bpf,'
if unshare -p -f true 2>/dev/null; then
	# shellcheck disable=SC2016 # for the inner shell
	unshare -p -f --mount-proc sh -c 'sleep 60 & "$0" --observer=bpf $!; kill $!' "$STACKSNAP" \
		>"$TMP/out" 2>"$TMP/err"
	t_like "bpf: not in another pid namespace" "$(cat "$TMP/err")" 'initial pid namespace'
fi
target_is_well
target_stop

# ---- the same of every wait ----

if [ -x "$COMPARE" ]; then
	target_start waits
	t_ok "every wait: both see the same" "$COMPARE" "$TARGET_PID"
	t_diag "$(cat "$TMP/t_ok.out")"
	target_is_well
	target_stop
else
	t_skip "every wait" "no compare-observers"
fi

# stacks ARGS...: all stacks of all threads.
stacks() {
	snap -f folded "$@" "$TARGET_PID"
	printf '%s\n' "$OUT" | sort
}
for target in many many-fp many-O0; do
	target_have $target || continue
	target_start $target 8
	t_is "$target: equal stacks" "$(stacks --observer=bpf)" \
		"$(stacks --observer=proc --stop=all)"
	target_is_well
	target_stop
done

# ---- no stop for a blocked thread ----

# no_stops NAME: complete stacks, and nobody was stopped.
no_stops() {
	snap -f json -o "$TMP/snap.json" --observer=bpf "$TARGET_PID"
	t_is "$1: status" "$STATUS" 0
	t_is "$1: no stop" "$(json "$TMP/snap.json" "p['coverage']['stops']")" 0
	t_is "$1: nothing cut short" "$(json "$TMP/snap.json" \
		"p['coverage']['threads_seen'] - p['coverage']['stack_end']['complete']")" 0
	t_is "$1: nothing inferred" "$(json "$TMP/snap.json" "p['coverage']['frames_inferred']")" 0
	target_is_well
	target_stop
}
target_start many-fp 100 && no_stops many-fp
target_start many-O0 20 && no_stops many-O0
target_start alloca && no_stops alloca
if target_have hello; then
	target_start hello && no_stops "Rust"
else
	t_skip "Rust" "not built"
fi
target_start alloca
snap --observer=bpf --stop=never "$TARGET_PID"
t_unlike "alloca: complete with --stop=never too" "$OUT" '^# stack ends here'
t_is "alloca: status" "$STATUS" 0
target_is_well
target_stop

# ---- over time ----

target_start contend
for observer in bpf proc; do
	snap --wall -d 1 --observer=$observer -f json -o "$TMP/wall.json" "$TARGET_PID"
	t_is "capture: $observer: status" "$STATUS" 0
	t_is "capture: $observer: says so" "$(json "$TMP/wall.json" "d['profiles'][0]['observer']")" "$observer"
done
target_is_well
target_stop

target_start family
snap --wall -s -d 1 --observer=bpf "$TARGET_PID"
adopt "$TARGET_PID"
t_is "capture with children: status" "$STATUS" 0
t_like "capture with children: they have it too" "$OUT" ', observer=bpf,'
t_unlike "capture with children: all of them" "$OUT" ', observer=proc,'
target_is_well
target_stop
t_done
