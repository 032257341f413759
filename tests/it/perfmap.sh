#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of JIT code from /tmp/perf-PID.map: where it is found, what is believed, and how it grows.
. "$(dirname "$0")/lib.sh"

# Where the only executable memory without a file begins: without leading zeros, as maps has it.
jit_page() {
	sed -n 's/^\([0-9a-f]*\)-.* r-xp 00000000 00:00 0 *$/\1/p' "/proc/$1/maps" | head -n 1
}

jit_block() {
	thread_block "$OUT" jit
}

# write_map NAME...: each for all of the page, in this order
write_map() {
	local name
	for name; do
		printf '%s 1000 %s\n' "$page" "$name"
	done >"$map"
}

target_start mmapjit
page=$(jit_page "$TARGET_PID")
map=/tmp/perf-$TARGET_PID.map
at_exit() {
	rm -f "$map" "$map.real"
	cleanup
}
trap at_exit EXIT
snap "$TARGET_PID"
t_like "no file: an address" "$(jit_block)" '^0x[0-9a-f]+\('

write_map 'LazyCompile:*work /app/b.js:3:7'
snap "$TARGET_PID"
t_is "exit status" "$STATUS" 0
t_like "named" "$(jit_block)" '^LazyCompile:\*work /app/b.js:3:7\(\.\.\.\)$'
t_like "counted as named" "$OUT" '^# frames: [0-9]+, 0 without a name'
snap --json "$TARGET_PID"
printf '%s' "$OUT" >"$TMP/jit.json"
t_is "json" "$(json "$TMP/jit.json" "[(f['function'], f['module']) for t in p['threads']
	if t['name'] == 'jit' for f in t['stack']['frames']][-1]")" \
	"('LazyCompile:*work /app/b.js:3:7', None)"
snap --debug=0 -o "$TMP/jit.pb.gz" "$TARGET_PID"
if pprof_have; then
	t_like "pprof" "$(HOME=$TMP "$PPROF" -symbolize=none -traces "$TMP/jit.pb.gz" 2>&1)" \
		'LazyCompile:\*work /app/b.js:3:7'
fi
write_map old newer $'colour\e[31m\x01'
snap "$TARGET_PID"
t_like "the last line wins, escaped" "$(jit_block)" '^colour\\x1b\[31m\\x01\(\.\.\.\)$'
write_map "$(head -c 100000 /dev/zero | tr '\0' x)"
snap "$TARGET_PID"
t_cmp "a long name is cut" "$(jit_block | wc -L) < 5000"

# ---- it grows while a capture runs ----

target_stop
target_start mmapjit awake
page=$(jit_page "$TARGET_PID")
rm -f "$map"
map=/tmp/perf-$TARGET_PID.map
write_map early
"$STACKSNAP" --block --observer=proc -d 60 -r 50 -o "$TMP/grow.folded" "$TARGET_PID" 2>/dev/null &
capture=$!
STARTED+=("$capture")
wait_until 20 capture_has_begun "$capture" "$TARGET_PID"
printf '%s 1000 late\n' "$page" >>"$map"
capture_await_looks "$capture" 50
kill -s INT "$capture"
wait "$capture"
t_like "a capture reads it again" "$(cat "$TMP/grow.folded")" '(^|;)late;after_jit'
target_is_well

# ---- what is not believed ----

mv "$map" "$map.real"
ln -s "$map.real" "$map"
snap "$TARGET_PID"
t_like "a link" "$(jit_block)" '^0x[0-9a-f]+\('
rm -f "$map" "$map.real"
mkfifo "$map"
snap "$TARGET_PID"
t_like "a FIFO" "$(jit_block)" '^0x[0-9a-f]+\('
rm -f "$map"
write_map stale
touch -d '2001-01-01' "$map"
snap "$TARGET_PID"
t_like "one that an earlier process left" "$(jit_block)" '^0x[0-9a-f]+\('
if [ "$(id -u)" = 0 ]; then
	rm -f "$map"
	write_map theirs
	chown 65534 "$map"
	snap "$TARGET_PID"
	t_like "another user's" "$(jit_block)" '^0x[0-9a-f]+\('
fi
printf 'no\n\xff\xfe\n1 2\n%s' "$page" >"$map"
snap "$TARGET_PID"
t_like "nothing but nonsense" "$STATUS $(jit_block)" '^0x[0-9a-f]+\('
rm -f "$map"
target_is_well
target_stop

# ---- in a pid and mount namespace of its own ----

if ! unshare --pid --mount --fork true 2>/dev/null; then
	t_skip "in namespaces" "cannot make namespaces here"
	t_done
fi
mkdir "$TMP/root"
cat >"$TMP/inside.sh" <<'SH'
mount -t tmpfs none "$1" && mkdir "$1/bin" "$1/proc" "$1/tmp" && cp "$2" "$1/bin/mmapjit" &&
	mount -t proc none "$1/proc" && exec chroot "$1" /bin/mmapjit
SH
mkfifo "$TMP/ns.out"
# shellcheck disable=SC2034 # target_await reads it
exec {TARGET_FD}<>"$TMP/ns.out"
unshare --pid --mount --fork --kill-child sh "$TMP/inside.sh" "$TMP/root" \
	"$TARGETS/mmapjit-static" >"$TMP/ns.out" 2>"$TMP/ns.err" &
outer=$!
STARTED+=("$outer")
target_await ready || t_fail "nothing inside" "$(cat "$TMP/ns.err")"
inside=$(cat "/proc/$outer/task/$outer/children")
inside=${inside% }
page=$(jit_page "$inside")
map=/tmp/perf-$inside.map
write_map outside
snap "$inside"
t_unlike "not the file outside" "$(jit_block)" outside
printf '%s 1000 inside\n' "$page" >"/proc/$inside/root/tmp/perf-1.map"
snap "$inside"
t_like "the file inside, by its own number" "$(jit_block)" '^inside\('
target_is_well "$inside"
process_stop "$outer"
t_done
