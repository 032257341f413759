#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# symbolize.sh: captures without names, and the names that are found for them later. The processes
# wait, so that a look with names and one without see the same stacks; what symbolize adds must be
# what the look with names has.
# shellcheck disable=SC2016 # fill evaluates what it is given
. "$(dirname "$0")/lib.sh"

pprof_have || t_skip_all "no go"
export PPROF_TMPDIR=$TMP HOME=$TMP TZ=UTC

raw() { # FILE: locations and mappings, with their functions and lines
	"$PPROF" -symbolize=none -raw "$1" 2>/dev/null | sed -n '/^Locations/,$p'
}

names() { # FILE: how many lines have a function
	raw "$1" | grep -c ' s='
}

# symbolize NAME STATUS ARGUMENT...: $TMP/raw.pb.gz becomes $TMP/named.pb.gz
symbolize() {
	local name=$1 status=$2
	shift 2
	rm -f "$TMP/named.pb.gz"
	snap symbolize -v "$TMP/raw.pb.gz" -o "$TMP/named.pb.gz" "$@"
	t_is "$name: status" "$STATUS" "$status"
}

# t_same NAME FILE FILE: the same locations and mappings, and some of them have names
t_same() {
	if [ "$(names "$3")" -gt 20 ]; then
		t_is "$1" "$(raw "$2")" "$(raw "$3")"
	else
		t_fail "$1" "there is nothing to compare with in $3"
	fi
}

# as_online NAME: what symbolize made is what a look with names has
as_online() {
	t_same "$1: functions, lines and inlined calls" "$TMP/named.pb.gz" "$TMP/online.pb.gz"
}

look() { # with and without names
	"$STACKSNAP" -q -o "$TMP/online.pb.gz" "$TARGET_PID"
	"$STACKSNAP" -q --no-symbols -o "$TMP/raw.pb.gz" "$TARGET_PID"
}

# ---- without names, in every format ----

target_start inline
snap --no-symbols "$TARGET_PID"
t_is "text: status" "$STATUS" 0
t_like "text: file and offset" "$OUT" '^inline\+0x[0-9a-f]+\(\.\.\.\)$'
t_unlike "text: no function" "$OUT" 'futex_wait|parse|std::'
t_like "text: said" "$OUT" '^# frames: ([0-9]+), \1 without a name'
look
t_is "pprof: no function" "$(names "$TMP/raw.pb.gz")" 0
t_cmp "pprof: with names there are some" "$(names "$TMP/online.pb.gz") > 20"
t_unlike "pprof: mappings claim none" "$(raw "$TMP/raw.pb.gz")" '\[FN\]|\[LN\]'
id=$(readelf -n "$TARGETS/inline" | sed -n 's/.*Build ID: //p')
t_like "pprof: build id" "$(raw "$TMP/raw.pb.gz")" "/inline $id"
snap --no-symbols -j "$TARGET_PID"
t_like "json: build id and offset" "$OUT" "\"build_id\":\"$id\",\"module_offset\":\"0x"
t_unlike "json: no function" "$OUT" '"function":"'
snap --no-symbols -f folded "$TARGET_PID"
t_like "folded" "$OUT" ';inline\+0x[0-9a-f]+;'
snap --no-symbols --debug=1 "$TARGET_PID"
t_like "count" "$OUT" '^#.*inline\+0x'

# ---- on the same host ----

for target in inline hello waits; do
	if [ "$target" != inline ]; then
		target_start "$target"
		look
	fi
	symbolize "$target" 0
	as_online "$target"
	target_is_well
	target_stop
done
t_is "mode of the output" "$(stat -c %a "$TMP/named.pb.gz")" 600
"$STACKSNAP" symbolize - -o - <"$TMP/raw.pb.gz" >"$TMP/piped.pb.gz"
t_same "standard input and output" "$TMP/piped.pb.gz" "$TMP/named.pb.gz"
"$STACKSNAP" symbolize "$TMP/named.pb.gz" -o "$TMP/again.pb.gz"
t_same "once more: nothing changes" "$TMP/again.pb.gz" "$TMP/named.pb.gz"
t_like "report reads it" "$("$STACKSNAP" report --cum "$TMP/named.pb.gz")" ' start_thread$'

# ---- on another host: the program is not where it was ----

APP=$TMP/app/prog
mkdir "$TMP/app" "$TMP/kept"
cp "$TARGETS/inline" "$APP"
cp "$TARGETS/inline" "$TMP/kept/prog"
TARGETS=$TMP/app target_start prog
look
look_pid=$TARGET_PID
"$STACKSNAP" -q --no-symbols --block -d 1 -o "$TMP/block.pb.gz" "$TARGET_PID"
rm "$APP"

fill() { # COMMAND: in an empty directory $TMP/dir
	rm -rf "$TMP/dir"
	mkdir "$TMP/dir"
	(cd "$TMP/dir" && eval "$1") || t_fail "fill: $1"
}

symbolize "nothing there" 1
t_like "nothing there: said" "$ERR" "prog: no file with build id $id: [0-9]+ addresses keep no name"
t_like "nothing there: counts" "$ERR" '[0-9]+ of [0-9]+ addresses named; 1 of [0-9]+ files not found'
kept=$(raw "$TMP/named.pb.gz" | grep '^ *[0-9]*: 0x[0-9a-f]* M=1 *$')
t_is "nothing there: its addresses are kept" "$kept" \
	"$(raw "$TMP/raw.pb.gz" | grep '^ *[0-9]*: 0x[0-9a-f]* M=1 *$')"
t_cmp "nothing there: there are some" "$(grep -c 0x <<<"$kept") > 3"
t_like "nothing there: the libraries have names" "$(raw "$TMP/named.pb.gz")" ' M=[2-9] .* s='

fill 'mkdir -p "deep/er" && cp "$TMP/kept/prog" deep/er/any-name'
symbolize "a file anywhere" 0 --debug-dir "$TMP/dir"
as_online "a file anywhere"

fill 'mkdir -p ".build-id/${id:0:2}" && cp "$TMP/kept/prog" ".build-id/${id:0:2}/${id:2}"'
symbolize "by build id" 0 --debug-dir "/usr/lib/debug,$TMP/dir"
as_online "by build id"

fill 'mkdir -p ".build-id/${id:0:2}" &&
	objcopy --only-keep-debug "$TMP/kept/prog" ".build-id/${id:0:2}/${id:2}.debug"'
symbolize "the debug file alone" 0 --debug-dir "$TMP/dir"
as_online "the debug file alone"

fill 'strip "$TMP/kept/prog" -o prog'
symbolize "a stripped file" 0 --debug-dir "$TMP/dir"
t_unlike "a stripped file: no line of the program" "$(raw "$TMP/named.pb.gz")" 'inline\.cc'
t_like "a stripped file: lines of libraries" "$(raw "$TMP/named.pb.gz")" ' M=[2-9] .* s='

fill 'strip "$TMP/kept/prog" -o prog && mkdir x && objcopy --only-keep-debug "$TMP/kept/prog" x/y'
symbolize "a stripped file and its debug file" 0 --debug-dir "$TMP/dir"
as_online "a stripped file and its debug file"

fill 'mkdir -p "./$TMP/app" && cp "$TMP/kept/prog" "./$APP"'
symbolize "sysroot" 0 --sysroot "$TMP/dir"
as_online "sysroot"

fill 'mkdir -p "./$TMP/app" "usr/lib/debug/.build-id/${id:0:2}" &&
	strip "$TMP/kept/prog" -o "./$APP" &&
	objcopy --only-keep-debug "$TMP/kept/prog" "usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"'
symbolize "sysroot with debug files" 0 --sysroot "$TMP/dir"
as_online "sysroot with debug files"

fill 'mkdir -p "usr/lib/debug/.build-id/${id:0:2}" &&
	objcopy --only-keep-debug "$TMP/kept/prog" "usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"'
symbolize "sysroot with the debug file alone" 0 --sysroot "$TMP/dir"
as_online "sysroot with the debug file alone"

# ours, for which another directory stands, with links to all that is in it
if [ -d /usr/lib/debug ] && unshare --mount true 2>/dev/null; then
	mkdir "$TMP/dir/ours"
	# shellcheck disable=SC2016 # for the inner shell to expand
	(cd "$TMP/dir" && unshare --mount sh -c 'mount --bind /usr/lib/debug ours &&
		cp -as "$PWD/ours/." usr/lib/debug && mount --bind usr/lib/debug /usr/lib/debug &&
		exec "$@"' sh "$STACKSNAP" symbolize -q "$TMP/raw.pb.gz" -o "$TMP/named.pb.gz")
	t_is "our debug file alone: status" "$?" 0
	as_online "our debug file alone"
else
	t_skip "our debug file alone" "cannot make namespaces here"
fi

# ---- another build, at the very same path ----

g++ -std=c++17 -O1 -g -pthread -o "$APP" "$SRC/tests/targets/inline.cc"
fill 'cp "$APP" prog'
symbolize "another build" 1 --debug-dir "$TMP/dir"
t_like "another build: said" "$ERR" "no file with build id $id"
rm "$APP"

# ---- captures, several processes ----

mv "$TMP/raw.pb.gz" "$TMP/one.pb.gz"
cp "$TMP/block.pb.gz" "$TMP/raw.pb.gz"
symbolize "a capture" 0 --debug-dir "$TMP/kept"
t_like "a capture: functions" "$("$STACKSNAP" report --cum "$TMP/named.pb.gz")" 'std::thread'
target_is_well "$look_pid"
target_stop
target_start waits-lite
"$STACKSNAP" -q --no-symbols -o "$TMP/two.pb.gz" "$TARGET_PID"
"$STACKSNAP" merge "$TMP/one.pb.gz" "$TMP/two.pb.gz" -o "$TMP/raw.pb.gz"
symbolize "two processes in one file" 0 --debug-dir "$TMP/kept"
t_like "two processes in one file: the first" "$(raw "$TMP/named.pb.gz")" 'inline\.cc'
t_like "two processes in one file: the second" "$(raw "$TMP/named.pb.gz")" 'waits-lite\.c'
target_is_well
target_stop

# ---- what a futex was for ----

waits() { # FILE: every thread with its wait
	"$PPROF" -symbolize=none -raw "$1" 2>/dev/null | grep -oE '(thread|wait):\[[^]]*\]' |
		paste -d ' ' - - | sort
}

target_start locks
look
symbolize "waits" 0
t_like "waits: without names a futex" "$(waits "$TMP/raw.pb.gz")" 'w-rdlock\] wait:\[futex'
t_like "waits: online not" "$(waits "$TMP/online.pb.gz")" 'w-rdlock\] wait:\[rwlock read'
t_is "waits: as online" "$(waits "$TMP/named.pb.gz")" "$(waits "$TMP/online.pb.gz")"
target_is_well
target_stop

# ---- mistakes ----

t_status "no -o" 64 "$STACKSNAP" symbolize "$TMP/raw.pb.gz"
t_status "no file" 2 "$STACKSNAP" symbolize "$TMP/none.pb.gz" -o "$TMP/x.pb.gz"
snap symbolize "$TMP/raw.pb.gz" -o "$TMP/x.pb.gz" --sysroot "$TMP/none"
t_is "no such sysroot" "$STATUS" 64
t_like "no such sysroot: said" "$ERR" '--sysroot: .*No such file'
t_status "no such directory" 64 "$STACKSNAP" symbolize "$TMP/raw.pb.gz" -o "$TMP/x.pb.gz" \
	--debug-dir "$TMP/none"
snap --no-symbols --focus x $$
t_is "--focus without names" "$STATUS" 64
t_done
