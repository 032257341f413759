#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many threads: all of them, in bounded memory. THREADS (5000) sets how many.
. "$(dirname "$0")/lib.sh"

THREADS=${THREADS:-5000}

# Memory of the last snapshot, in KiB: what time(1) would say, from the kernel's own count.
peak_kib() {
	"$PYTHON" - "$@" <<'PY'
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

target_start many "$THREADS" 20
for stop in auto all; do
	result=$(peak_kib "$STACKSNAP" --stop=$stop -f json -o "$TMP/big.json" "$TARGET_PID")
	t_is "$stop: exit status" "${result% *}" 0
	t_cmp "$stop: under 1 GiB" "${result#* } < 1048576"
	t_diag "$stop: ${result#* } KiB for $THREADS threads"
	t_is "$stop: all threads" "$(json "$TMP/big.json" "p['coverage']['threads_sampled']")" \
		$((THREADS + 1))
	t_is "$stop: all complete" "$(json "$TMP/big.json" "p['coverage']['stack_end']['complete']")" \
		$((THREADS + 1))
done

# With few descriptors allowed it must still see all.
snap_few() {
	(ulimit -n 256 && exec "$STACKSNAP" -f json -o "$TMP/few.json" "$TARGET_PID")
}
t_ok "256 descriptors are enough" snap_few
t_is "256 descriptors: all threads" "$(json "$TMP/few.json" "p['coverage']['threads_sampled']")" \
	$((THREADS + 1))
target_is_well
target_stop
t_done
