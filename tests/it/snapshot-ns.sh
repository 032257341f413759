#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process in a pid and mount namespace of its own, with another root: its files are found and
# its pids are ours.
. "$(dirname "$0")/lib.sh"

if ! unshare --pid --mount --fork true 2>/dev/null; then
	t_skip_all "cannot make namespaces here"
fi
target_have waits-static || t_skip_all "no static target"

# The root exists only inside: a tmpfs that is mounted in the new mount namespace.
mkdir "$TMP/root"
cat >"$TMP/inside.sh" <<'SH'
mount -t tmpfs none "$1" && mkdir "$1/bin" "$1/proc" && cp "$2" "$1/bin/inside" &&
	mount -t proc none "$1/proc" && exec chroot "$1" /bin/inside
SH
mkfifo "$TMP/ns.out"
exec {TARGET_FD}<>"$TMP/ns.out"
unshare --pid --mount --fork --kill-child sh "$TMP/inside.sh" "$TMP/root" "$TARGETS/waits-static" \
	>"$TMP/ns.out" 2>"$TMP/ns.err" &
outer=$!
STARTED+=("$outer")
if ! target_await ready; then
	echo "Bail out! nothing inside: $(cat "$TMP/ns.err")"
	exit 1
fi
inside=$(cat "/proc/$outer/task/$outer/children")
inside=${inside% }

t_ok "its file is not visible outside" [ ! -e "$TMP/root/bin/inside" ]
for stop in auto all; do
	snap --stop=$stop "$inside"
	t_is "$stop: exit status" "$STATUS" 0
	t_stack "$stop: names from the file inside" "$(thread_block "$OUT" w-mutex)" in_mutex outer run
	t_like "$stop: tids are ours" "$(thread_block "$OUT" inside)" "^thread $inside "
done
t_like "the mutex's owner, 1 to itself, is ours too" "$(thread_block "$OUT" w-mutex)" \
	"^# waits for mutex 0x[0-9a-f]+ held by thread $inside \"inside\" \(glibc pthread_mutex, normal\)\$"
t_unlike "no holder with a pid of the inside" "$OUT" 'held by thread [0-9]{1,2}([^0-9]|$)'
target_is_well "$inside"

snap 1000000000
t_is "a pid that cannot be is no success" "$((STATUS == 2 || STATUS == 64))" 1
process_stop "$outer"
t_done
