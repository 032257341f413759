#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that runs out in stacksnap at any moment: it ends with a documented status, nothing half
# written is left, and the target runs on. elfutils 0.188 does not survive that: it asserts, or uses
# the memory that it did not get (lib/dynamicsizehash_concurrent.c). There stacksnap dies; while it
# names functions nobody is stopped, and the target runs on then too.
[ -w /dev/shm ] && export TMPDIR=/dev/shm # a hundred files, each of them synced
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/safety.bash"

MOMENTS=$([ -n "${FULL-}" ] && echo 500 || echo 10)

if grep -q __asan_init "$STACKSNAP"; then
	t_skip "memory that runs out" "allocations belong to AddressSanitizer"
	t_done
fi

# starved PLAN ARGS...: run with that plan; sets STATUS.
starved() {
	local plan=$1
	shift
	FAULT_ALLOC=$plan LD_PRELOAD=$TARGETS/fault.so timeout 60 "$STACKSNAP" "$@" \
		>"$TMP/starved.out" 2>"$TMP/starved.err" </dev/null
	STATUS=$?
}

# count ARGS...: how many allocations that takes.
count() {
	FAULT_COUNT=$TMP/count LD_PRELOAD=$TARGETS/fault.so "$STACKSNAP" "$@" >/dev/null 2>&1
	cut -d' ' -f1 "$TMP/count"
}

# try NAME ARGS...: all of the first twenty moments, then MOMENTS more, spread over the rest; every
# third time memory stays out.
try() {
	local name=$1 total n step i=0 plan bad=
	shift
	total=$(count "$@")
	step=$((total / MOMENTS + 1))
	for ((n = 1; n <= total; n += n < 20 ? 1 : 1 + RANDOM % (2 * step))); do
		rm -f "$TMP/dir/"*
		plan=$n
		[ $((++i % 3)) != 0 ] || plan+=+
		starved $plan "$@"
		case $STATUS in
		0 | 1 | 64) ;;
		134 | 139) [ -n "${FAULT_LIBDW-}" ] || bad+="$plan: it died; " ;;
		2) [ -s "$TMP/starved.err" ] || bad+="$plan: silent; " ;;
		*) bad+="$plan: status $STATUS: $(head -c 200 "$TMP/starved.err"); " ;;
		esac
		[ -z "$(find "$TMP/dir" -name '.*' -type f)" ] || bad+="$plan: left $(ls -A "$TMP/dir"); "
		if ! wait_until 5 process_is_well "$TARGET_PID"; then
			bad+="$plan: $(process_complaint "$TARGET_PID"); "
			break
		fi
	done
	t_is "$name: $i moments among $total allocations" "$bad" ""
}

mkdir "$TMP/dir"
target_start counter
try "text" --stop=all -o "$TMP/dir/a.txt" "$TARGET_PID"
try "pprof" -o "$TMP/dir/a.pb.gz" "$TARGET_PID"
try "libunwind" --stop=all --unwinder=libunwind -f json -o "$TMP/dir/a.json" "$TARGET_PID"
try "capture" --wall -d 100ms -r 99 -o "$TMP/dir/a.html" "$TARGET_PID"
try "doctor" doctor "$TARGET_PID"
export FAULT_LIBDW=1
try "elfutils too" --stop=all -o "$TMP/dir/a.txt" "$TARGET_PID"
try "elfutils too, capture" --wall -d 100ms -r 99 -o "$TMP/dir/a.html" "$TARGET_PID"
unset FAULT_LIBDW
target_ask USR1
t_like "the target's books balance" "$REPLY" '^progress [1-9][0-9]* .* broken 0 failed 0$'
target_is_well
target_stop
t_done
