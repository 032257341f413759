#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stacks that are hard to walk: both unwinders must give the same, and gdb must agree.
. "$(dirname "$0")/lib.sh"

COMPARE=$SRC/tests/bench/compare.py

# agree NAME MIN [ARGS]: compare.py's verdict on the running target; MIN whole stacks at least (a
# thread in epoll_wait is not stopped only to have a register, its stack may be short).
agree() {
	local name=$1 min=$2 result
	shift 2
	rm -f "$TMP/snap.json"
	snap -f json -o "$TMP/snap.json" "$@" "$TARGET_PID"
	if [ "$STATUS" -gt 1 ]; then
		t_fail "$name" "exit status $STATUS: $ERR"
		return
	fi
	if ! command -v gdb >/dev/null; then
		t_skip "$name" "no gdb"
		return
	fi
	result=$("$PYTHON" "$COMPARE" "$TARGET_PID" "$TMP/snap.json" 2>&1)
	if [[ $result =~ " equal "([0-9]+)" short "[0-9]+" differing 0 " ]] &&
		((BASH_REMATCH[1] >= min)); then
		t_pass "$name"
	else
		t_fail "$name" "$result"
	fi
}

# both NAME MIN [MIN_LIBUNWIND]: each unwinder against gdb. libunwind reads no .debug_frame of another
# process: where there is nothing else its stacks are short, but never wrong.
both() {
	agree "$1: cfi and gdb agree" "$2"
	agree "$1: libunwind and gdb agree" "${3:-$2}" --unwinder=libunwind
	agree "$1: cfi and gdb agree when all threads are stopped" "$2" --stop=all
}

block_of() {
	thread_block "$OUT" "$1"
}

# ---- deep ----

target_start deep
snap -n 30000 "$TARGET_PID"
t_is "deep: exit status" "$STATUS" 0
t_is "deep: every frame is there" "$(block_of deep-wait | grep -c '^recurse(')" 20001
t_stack "deep: both ends" "$(block_of deep-wait)" bottom recurse run_blocked
snap -n 10 "$TARGET_PID"
t_is "deep: -n 10 gives 10 frames" "$(block_of deep-wait | grep -c '(\.\.\.)$')" 10
target_is_well
target_stop

# ---- frames that need a register ----

for target in alloca many-fp many-O0 many many-gz; do
	if ! target_have $target; then
		t_skip $target "not built"
		continue
	fi
	if [ $target = alloca ]; then target_start alloca; else target_start $target 8 20; fi
	both $target 7 $([ $target = many-gz ] && echo 0)
	target_is_well
	target_stop
done

target_start alloca
snap "$TARGET_PID"
t_is "alloca: exit status" "$STATUS" 0
t_is "alloca: complete in all threads" "$(printf '%s\n' "$OUT" | grep -c '^two_sized_frames(')" 6
snap --observer=proc --stop=never "$TARGET_PID"
t_unlike "alloca: never invents a frame" "$OUT" '^(0x|alloca\+0x)'
t_like "alloca: never says where it ends" "$OUT" '^# stack ends here: needs a register'
target_is_well
target_stop

# ---- signals ----

target_start sigframe
both sigframe 4
snap "$TARGET_PID"
t_stack "on-stack" "$(block_of on-stack)" in_handler handle_usr1 interrupted before_signal run
t_stack "alt-stack" "$(block_of alt-stack)" in_handler handle_usr2 interrupted before_signal run_alt
t_stack "nested" "$(block_of nested)" in_handler handle_second handle_first interrupted \
	before_signal run
target_is_well
target_stop

# ---- C++ ----

target_start inline
both inline 3
snap "$TARGET_PID"
t_stack "inlined calls have frames" "$(block_of chain)" app::block_here \
	"app::(anonymous namespace)::step" "app::(anonymous namespace)::parse" \
	app::Server::handle app::Server::run
inlined=$(block_of chain | grep -A1 'namespace)::parse')
t_unlike "an inlined frame has no offset" "$inlined" '\+0x'
target_is_well
target_stop

# ---- Rust ----

if target_have hello; then
	target_start hello
	both hello 8
	snap "$TARGET_PID"
	t_stack "Rust names" "$(block_of r-condvar)" hello::waits::in_condvar hello::generic_frame
	t_like "Rust mutex" "$OUT" '"r-mutex" \[mutex'
	target_is_well
	target_stop
else
	t_skip "Rust" "no rustc"
fi

# ---- Go: its CFI is in a compressed .debug_frame ----

if target_have goprog; then
	target_start goprog
	both goprog 3 0
	snap "$TARGET_PID"
	t_is "Go: exit status" "$STATUS" 0
	t_like "Go: names" "$OUT" '^main\.inRead\('
	t_like "Go: pipe read" "$OUT" '\[pipe read'
	t_like "Go: the scheduler" "$OUT" '^runtime\.mcall\('
	t_unlike "Go: nothing above the top of its stack" \
		"$(grep -A2 '^runtime\.mcall(' <<<"$OUT")" '^runtime\.newproc|^0x'
	target_is_well
	target_stop
else
	t_skip "Go" "no go"
fi

# ---- stacks that end oddly ----

target_start wild
snap "$TARGET_PID"
t_stack "context: up to the context's first function" "$(block_of context)" in_context
t_stack "wild: the real frames" "$(block_of wild-stack)" wild_leaf wild_entry
t_like "wild: says that it ends" "$(block_of wild-stack)" '^# stack ends here'
t_stack "cycle: the real frames" "$(block_of cycle)" cycle_leaf
t_cmp "cycle: is not followed" "$(block_of cycle | wc -l) < 20"
target_is_well
target_stop

target_start mmapjit
snap "$TARGET_PID"
t_is "code of no file is not partial" "$STATUS" 0
t_stack "jit: the frames above it" "$(block_of jit)" after_jit
t_like "jit: its pc" "$(block_of jit)" '^0x[0-9a-f]+'
t_like "jit: why it ends there" "$(block_of jit)" '^# stack ends here: code without unwind'
target_is_well
target_stop

# ---- on CPU ----

for target in plt vdso; do
	target_start $target
	for round in 1 2 3; do
		snap "$TARGET_PID"
		t_is "$target $round: exit status" "$STATUS" 0
		t_like "$target $round: reaches the thread's start" \
			"$(block_functions "$(block_of $target-spin)")" '(^| )run start_thread '
	done
	target_is_well
	target_stop
done
t_done
