#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debug files from a debuginfod server on the loopback: asked only if that is wished, not while
# nothing is wished, and not for ever.
. "$(dirname "$0")/lib.sh"

command -v debuginfod >/dev/null || t_skip_all "no debuginfod"
export HOME=$TMP/home
unset XDG_CACHE_HOME DEBUGINFOD_CACHE_PATH DEBUGINFOD_URLS DEBUGINFOD_PROGRESS DEBUGINFOD_VERBOSE
mkdir "$HOME" "$TMP/bin" "$TMP/files"
strip -o "$TMP/bin/inline" "$TARGETS/inline"
objcopy --only-keep-debug "$TARGETS/inline" "$TMP/files/inline.debug"
# and a program of which the server has both
g++ -std=c++17 -O1 -g -pthread -Wl,--build-id -o "$TMP/bin/app" "$SRC/tests/targets/inline.cc"
strip -o "$TMP/files/app" "$TMP/bin/app"
objcopy --only-keep-debug "$TMP/bin/app" "$TMP/files/app.debug"

# and one whose debug information refers to a file that only the server has
if command -v dwz >/dev/null; then
	mkdir "$TMP/common"
	cp "$TARGETS/inline" "$TMP/bin/shares"
	cp "$TARGETS/atomics" "$TMP/bin/other"
	(cd "$TMP/bin" && dwz -m "$TMP/common/shared.debug" -r shares other) >"$TMP/dwz.out" 2>&1
	mv "$TMP/common/shared.debug" "$TMP/files/"
fi

# start_server COMMAND...: run it with a port behind it until it listens on one; sets URL, SERVER.
start_server() {
	local port
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		: >"$TMP/server.out"
		"$@" "$port" >>"$TMP/server.out" 2>&1 &
		SERVER=$!
		STARTED+=("$SERVER")
		disown "$SERVER"
		URL=http://127.0.0.1:$port
		wait_until 20 is_up "$port" && return
	done
	t_skip_all "no server: $(tail -n 1 "$TMP/server.out")"
}

is_up() {
	! process_is_gone "$SERVER" || return 0
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

knows_it() {
	curl -sfo /dev/null "$URL/buildid/$1/debuginfo"
}

build_id() {
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

names_of() {
	thread_block "$1" chain | grep -c 'inline\.cc:52'
}

loads_client() {
	LD_DEBUG=files timeout 60 "$STACKSNAP" "$@" 2>&1 >/dev/null | grep -c 'file=libdebuginfod'
}

start_server debuginfod -d :memory: -F "$TMP/files" -p
id=$(build_id "$TARGETS/inline")
app_id=$(build_id "$TMP/bin/app")
for known in "$id" "$app_id"; do
	wait_until 30 knows_it "$known" || t_skip_all "the debuginfod server does not find its file"
done
TARGETS=$TMP/bin target_start inline

t_is "DEBUGINFOD_URLS unset: no name" "$(snap "$TARGET_PID" && names_of "$OUT")" 0
t_is "and the client is not loaded" "$(loads_client "$TARGET_PID")" 0
export DEBUGINFOD_URLS=
t_is "empty: the client is not loaded" "$(loads_client "$TARGET_PID")" 0
export DEBUGINFOD_URLS=$URL
t_is "--debuginfod=no: no name" "$(snap --debuginfod=no "$TARGET_PID" && names_of "$OUT")" 0
t_is "and the client is not loaded" "$(loads_client --debuginfod=no "$TARGET_PID")" 0
t_status "--debuginfod=maybe" 64 "$STACKSNAP" --debuginfod=maybe "$TARGET_PID"
snap "$TARGET_PID"
t_is "asked: exit status, and nothing said" "$STATUS $ERR" "0 "
t_is "asked: names" "$(names_of "$OUT")" 1
t_like "the server's own account" "$(cat "$TMP/server.out")" "GET /buildid/$id/debuginfo 200"
target_is_well

# ---- symbolize: what the look with names has ----

raw() { # FILE: locations and mappings, with their functions and lines
	PPROF_TMPDIR=$TMP "$PPROF" -symbolize=none -raw "$1" 2>/dev/null |
		sed -n '/^Locations/,$p'
}

look() { # with and without names
	"$STACKSNAP" -q -o "$TMP/online.pb.gz" "$TARGET_PID"
	"$STACKSNAP" -q --no-symbols -o "$TMP/raw.pb.gz" "$TARGET_PID"
}

# symbolize NAME STATUS ARGUMENT...: $TMP/raw.pb.gz becomes $TMP/named.pb.gz
symbolize() {
	rm -rf "$HOME/.cache" "$TMP/named.pb.gz"
	: >"$TMP/server.out"
	snap symbolize -q "$TMP/raw.pb.gz" -o "$TMP/named.pb.gz" "${@:3}"
	t_is "symbolize, $1: status" "$STATUS" "$2"
}

as_online() {
	t_is "symbolize, $1: as online" "$(raw "$TMP/named.pb.gz")" "$(raw "$TMP/online.pb.gz")"
}

if pprof_have; then
	look
	t_cmp "online: there are lines" "$(raw "$TMP/online.pb.gz" | grep -c 'inline\.cc') > 5"
	symbolize "stripped, --debuginfod=no" 0 --debuginfod=no
	t_unlike "symbolize, --debuginfod=no: no line" "$(raw "$TMP/named.pb.gz")" 'inline\.cc'
	t_is "symbolize, --debuginfod=no: nobody is asked" "$(grep -c GET "$TMP/server.out")" 0
	t_is "symbolize, --debuginfod=no: the client is not loaded" \
		"$(loads_client symbolize --debuginfod=no "$TMP/raw.pb.gz" -o "$TMP/x.pb.gz")" 0
	t_is "symbolize, no server named: the client is not loaded" \
		"$(DEBUGINFOD_URLS='' loads_client symbolize "$TMP/raw.pb.gz" -o "$TMP/x.pb.gz")" 0
	symbolize "stripped" 0
	as_online "stripped"
	symbolize "stripped, the debug file is here" 0 --debug-dir "$TMP/files"
	as_online "stripped, the debug file is here"
	t_unlike "symbolize: what is here is not asked for" "$(cat "$TMP/server.out")" "GET .*/$id/"
	mv "$TMP/bin/inline" "$TMP/kept"
	symbolize "absent, the server has the debug file alone" 0
	as_online "absent, the server has the debug file alone"
	mv "$TMP/kept" "$TMP/bin/inline"

	inline_pid=$TARGET_PID
	TARGETS=$TMP/bin target_start app
	look
	rm "$TMP/bin/app"
	symbolize "absent, --debuginfod=no" 1 --debuginfod=no
	symbolize "absent" 0
	as_online "absent"
	t_like "symbolize, absent: the program was asked for" "$(cat "$TMP/server.out")" \
		"GET /buildid/$app_id/executable 200"
	t_like "symbolize, absent: and its debug file" "$(cat "$TMP/server.out")" \
		"GET /buildid/$app_id/debuginfo 200"
	target_is_well
	target_stop
	if [ -e "$TMP/files/shared.debug" ]; then
		TARGETS=$TMP/bin target_start shares
		look
		symbolize "dwz" 0
		as_online "dwz"
		t_like "symbolize, dwz: the shared file was asked for" "$(cat "$TMP/server.out")" \
			"GET /buildid/$(build_id "$TMP/files/shared.debug")/debuginfo 200"
		target_stop
	else
		t_skip "symbolize, dwz" "no dwz"
	fi
	TARGET_PID=$inline_pid
else
	t_skip "symbolize" "no go"
fi

# ---- captures, and a server that has gone ----

rm -rf "$HOME/.cache"
snap --wall -d 2 -o "$TMP/wall.folded" "$TARGET_PID"
t_like "a capture asks before it begins" "$(cat "$TMP/wall.folded")" '::handle.*::parse'
process_stop "$SERVER"
snap "$TARGET_PID"
t_is "the cache answers without a server" "$(names_of "$OUT")" 1
rm -rf "$HOME/.cache"
snap "$TARGET_PID"
t_is "no server: the dump all the same" "$STATUS $(names_of "$OUT")" "0 0"
snap --block -d 300ms -o "$TMP/block.folded" "$TARGET_PID"
t_is "no server: a capture all the same" "$STATUS" 0
target_is_well

# What the child of a capture sees is what the user had.
# shellcheck disable=SC2016 # for the command to expand
snap --cpu -o "$TMP/cpu.folded" -- sh -c 'echo "$DEBUGINFOD_URLS"'
t_is "a command sees the variable" "$OUT" "$URL"

# ---- servers that take the question and are silent, or send no more than a part ----

cat >"$TMP/half.py" <<'PY'
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[2])))
s.listen(64)
held = []
while True:
    held.append(s.accept()[0])
    if not held[-1].recv(4096): # no question: is_up
        continue
    if sys.argv[1] == "half":
        held[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(1000000))
    print("asked", flush=True)
PY
is_asked() {
	grep -q asked "$TMP/server.out"
}
start_server "$PYTHON" "$TMP/half.py" silent
export DEBUGINFOD_URLS=$URL
rm -rf "$HOME/.cache"
rm -f "$TMP/block.folded"
"$STACKSNAP" --block -d 60 -o "$TMP/block.folded" "$TARGET_PID" 2>"$TMP/err" &
STARTED+=($!)
t_ok "a capture asks a silent server" wait_until 30 is_asked
kill -s INT $!
wait $!
t_is "Ctrl-C ends the waiting of a capture: status" $? 0
t_ok "Ctrl-C ends the waiting of a capture: what it saw is written" [ -e "$TMP/block.folded" ]
if [ -n "${FULL-}" ]; then
	began=$SECONDS
	snap "$TARGET_PID"
	t_cmp "it is not waited for longer than half a minute" "$((SECONDS - began)) < 45"
	t_like "the dump all the same" "$OUT" '"chain"'
fi
process_stop "$SERVER"

# On a terminal; Ctrl-C ends it.
shows() {
	tr '\r' '\n' <"$TMP/tty" | grep -q "$1"
}
for kind in silent half; do
	start_server "$PYTHON" "$TMP/half.py" $kind
	export DEBUGINFOD_URLS=$URL
	rm -rf "$HOME/.cache"
	: >"$TMP/tty"
	script -qefc "echo \$\$; exec $STACKSNAP --block -d 60 -o $TMP/tty.folded $TARGET_PID" /dev/null \
		>"$TMP/tty" </dev/null &
	STARTED+=($!)
	if [ $kind = silent ]; then
		t_ok "a terminal shows what is asked for" \
			wait_until 30 shows 'debug file of inline: asking debuginfod'
	else
		t_ok "a terminal shows how much has come" \
			wait_until 30 shows 'debug file of inline: 1\.0 of 3\.0 MB'
	fi
	kill -s INT "$(head -n 1 "$TMP/tty" | tr -d '\r')"
	wait $!
	t_is "$kind, on a terminal: Ctrl-C" $? 0
	process_stop "$SERVER"
done
target_is_well
t_done
