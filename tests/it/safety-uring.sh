#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Workers of io_uring live in the process, and a stop would make their operation fail: they are never
# stopped, whatever the mode, have no stack, and are named for what they are.
. "$(dirname "$0")/lib.sh"

# uring_start [poll]: the target with its standard input at descriptor GO.
uring_start() {
	mkfifo "$TMP/go.$1"
	exec {GO}<>"$TMP/go.$1"
	TARGET_PREFIX=(sh -c "exec \"\$@\" <\"$TMP/go.$1\"" --)
	target_start iouring "$1"
}

worker_tids() {
	grep -lE '^iou-' /proc/"$TARGET_PID"/task/*/comm 2>/dev/null | cut -d/ -f5
}

if [ "$("$TARGETS/iouring" none </dev/null | head -n 1)" = none ]; then
	t_skip_all "io_uring is not permitted"
fi

for kind in wait poll; do
	uring_start $kind
	workers=$(worker_tids | wc -l)
	t_cmp "$kind: the process has workers" "$workers > 0"
	for args in --stop=auto --stop=all --stop=never --observer=proc "--observer=proc --stop=all" \
		--timer=no; do
		# shellcheck disable=SC2086 # a list of words
		snap $args "$TARGET_PID"
		t_is "$kind, $args: complete" "$STATUS" 0
		t_is "$kind, $args: each worker is named" \
			"$(grep -cE '"iou-[a-z]+-[0-9]+" \[(io_uring worker|on-cpu|running|runnable)' \
				<<<"$OUT")" "$workers"
		t_like "$kind, $args: counted" "$OUT" "# threads: .* $workers a worker of the kernel"
	done
	snap --wall -d 0.5 -f folded "$TARGET_PID"
	t_is "$kind: a capture is complete" "$STATUS" 0
	t_like "$kind: their time has a name" "$OUT" '\[io_uring_worker\]'
	t_is "$kind: the workers are there still" "$(worker_tids | wc -l)" "$workers"
	echo >&"$GO"
	for n in 1 2; do
		target_read
		t_is "$kind: read $n ends as without us" "$REPLY" "read ended with 1"
	done
	exec {GO}>&-
done
t_done
