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
	rm -f "$TMP/dir/"*
	FAULT_ALLOC=$plan LD_PRELOAD=$TARGETS/fault.so timeout 60 "$STACKSNAP" "$@" \
		>"$TMP/starved.out" 2>"$TMP/starved.err" </dev/null
	STATUS=$?
}

# count ARGS...: how many allocations that takes, the second time: names are kept then.
count() {
	"$STACKSNAP" "$@" >/dev/null 2>&1
	FAULT_COUNT=$TMP/count LD_PRELOAD=$TARGETS/fault.so "$STACKSNAP" "$@" >/dev/null 2>&1
	cut -d' ' -f1 "$TMP/count"
}

# complaint FILE: what is wrong with the output of a run whose status is 0.
complaint() {
	case $1 in
	*.txt) tail -n 1 "$1" | grep -q '^# read in ' || echo "no coverage block at its end" ;;
	*.json) "$PYTHON" -c 'import json, sys
p = json.load(open(sys.argv[1]))
assert (p.get("processes") or p["profiles"])[0]["coverage"]' "$1" 2>&1 | tail -n 1 ;;
	*.pb.gz) gzip -t "$1" 2>&1 && [ "$(gzip -dc "$1" | wc -c)" -gt 500 ] || echo "no profile" ;;
	*.html) grep -q '</html>' "$1" || echo "cut short" ;;
	*) [ -s "$1" ] || echo "empty" ;;
	esac
}

# written ARGS...: the file that those arguments name, or what goes to standard output.
written() {
	local path=$TMP/starved.out
	while [ $# -gt 1 ]; do
		[ "$1" != -o ] || path=$2
		shift
	done
	echo "$path"
}

# try NAME ARGS...: all of the first twenty moments, then MOMENTS more, spread over the rest; every
# third time memory stays out.
try() {
	local name=$1 total n step i=0 plan bad= wrong
	shift
	total=$(count "$@")
	step=$((total / MOMENTS + 1))
	for ((n = 1; n <= total; n += n < 20 ? 1 : 1 + RANDOM % (2 * step))); do
		plan=$n
		[ $((++i % 3)) != 0 ] || plan+=+
		starved $plan "$@"
		[ "$STATUS" = 0 ] || [ "$n" -le 20 ] || late=$((late + 1))
		case $STATUS in
		0)
			wrong=$(complaint "$(written "$@")")
			[ -z "$wrong" ] || bad+="$plan: $wrong; "
			;;
		1 | 64) ;;
		134 | 139) [ -n "${FAULT_LIBDW-}" ] || bad+="$plan: it died; " ;;
		2) [ -s "$TMP/starved.err" ] || bad+="$plan: silent; " ;;
		*) bad+="$plan: status $STATUS: $(head -c 200 "$TMP/starved.err"); " ;;
		esac
		[ -z "$(find "$TMP/dir" -name '.*' -type f)" ] || bad+="$plan: left $(ls -A "$TMP/dir"); "
		if ! wait_until 20 process_is_well "$TARGET_PID"; then
			bad+="$plan: $(process_complaint "$TARGET_PID"); "
			break
		fi
	done
	t_is "$name: $i moments among $total allocations" "$bad" ""
}

late=0 # moments after the first twenty that changed the result
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
t_cmp "$late late moments struck" "$late > 5"

# The kernel's own no, to room for addresses: from none to enough.
bad= enough=0
for mb in 8 12 16 20 24 32 48 64 96 128 256; do
	for args in --stop=all "--wall -d 100ms"; do
		rm -f "$TMP/dir/"*
		# shellcheck disable=SC2086 # words
		timeout 60 prlimit --as=$((mb << 20)) "$STACKSNAP" $args -q -o "$TMP/dir/a.json" \
			"$TARGET_PID" >/dev/null 2>"$TMP/starved.err" </dev/null
		STATUS=$?
		case $STATUS in
		0)
			wrong=$(complaint "$TMP/dir/a.json")
			[ -z "$wrong" ] || bad+="$mb MB, $args: $wrong; "
			enough=1
			;;
		1) ;;
		2 | 127) [ -s "$TMP/starved.err" ] || bad+="$mb MB, $args: silent; " ;;
		*) bad+="$mb MB, $args: status $STATUS: $(head -c 200 "$TMP/starved.err"); " ;;
		esac
		wait_until 20 process_is_well "$TARGET_PID" ||
			bad+="$mb MB, $args: $(process_complaint "$TARGET_PID"); "
	done
done
t_is "address space of 8 MB and more" "$bad" ""
t_is "address space of 256 MB is enough" "$enough" 1
target_ask USR1
t_like "the target's books balance" "$REPLY" '^progress [1-9][0-9]* .* broken 0 failed 0$'
target_is_well
target_stop
t_done
