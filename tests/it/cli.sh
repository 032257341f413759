#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cli.sh: options, messages, exit statuses and the choice of the format, against a plain sleep.
# Environment: STACKSNAP (the program), SRC (the top of the source tree).
. "$(dirname "$0")/lib.sh"

: "${STACKSNAP:=./stacksnap}"
SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
DIR=$(mktemp -d)

# Wait until the child has become sleep and sleeps: bash forks first and calls exec later.
start_sleep() {
	sleep 1000 &
	PID=$!
	until [ "$(cat /proc/$PID/comm)" = sleep ] && grep -q '^State:.S' /proc/$PID/status; do :; done
}

end() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

start_sleep
ONE=$PID
start_sleep
TWO=$PID
# A pid that was alive and is gone; it is not given again so soon.
start_sleep
GONE=$PID
end "$GONE"

stderr_of() { "$@" 2>&1 >/dev/null; }
stdout_of() { "$@" 2>/dev/null; }
lines() { wc -l | tr -d ' '; }

# ---- about itself ----

t_status "--help exits 0" 0 "$STACKSNAP" --help
t_status "-V exits 0" 0 "$STACKSNAP" -V
t_like "--version names the version" "$(stdout_of "$STACKSNAP" --version)" '^stacksnap [0-9]+\.[0-9]+'
t_ok "--help fits a screen" test "$("$STACKSNAP" --help | lines)" -le 64
t_is "--help says nothing on stderr" "$(stderr_of "$STACKSNAP" --help)" ""
t_is "nothing of later versions is in --help" \
	"$("$STACKSNAP" --help | grep -cE -- '--(trace|threadcreate)')" 0
"$STACKSNAP" --help >/dev/full 2>/dev/null
t_is "--help into a full disk exits 2" "$?" 2

# ---- mistakes: status 64, a line that says what, a line that says what to do ----

usage_error() { # NAME REGEX ARGUMENT...
	local name=$1 regex=$2 text status
	shift 2
	text=$("$STACKSNAP" "$@" 2>&1 >/dev/null)
	status=$?
	t_is "$name: status" "$status" 64
	t_like "$name: message" "$text" "$regex"
}

usage_error "no argument" '^usage: '
usage_error "no process" '^stacksnap: no process given' -q
usage_error "unknown option" 'unknown option -x' -x "$ONE"
usage_error "ambiguous option" 'ambiguous option --t' --t "$ONE"
usage_error "value missing" '--tid needs a value' "$ONE" --tid
usage_error "value not wanted" '--go takes no value' --go=1 "$ONE"
usage_error "not a pid" "'12x' is not a list" 12x
usage_error "negative" 'is not a number' -n -1 "$ONE"
usage_error "two formats" 'different formats' --debug=1 -j "$ONE"
usage_error "unknown suffix" 'no format has this suffix' -o "$DIR/x.log" "$ONE"
usage_error "unknown format" 'is not one of text' -f svg "$ONE"
usage_error "unknown unwinder" '--unwinder' --unwinder=guess "$ONE"
usage_error "bad regular expression" '--focus' --focus '(' "$ONE"
usage_error "later option" '--trace: not in this version' --trace "$ONE"
usage_error "two modes" '--block and --cpu are two modes' --block --cpu "$ONE"
usage_error "duration of a snapshot" '--duration is for a capture' -d 3 "$ONE"
usage_error "no duration" "'3x' is no duration" --block -d 3x "$ONE"
usage_error "no time at all" "'0' is no duration" --block -d 0 "$ONE"
usage_error "rate" '--rate' --block -r 5000 "$ONE"
usage_error "process and command" 'not both' --block "$ONE" -- true
usage_error "later command" 'top: not in this version' top
usage_error "launching without a mode" '-- COMMAND needs a mode' -- sleep 1
usage_error "--go with JSON" 'text format only' --go -j "$ONE"
t_like "a hint is the second line" "$(stderr_of "$STACKSNAP" -x | sed -n 2p)" '^  try: '
t_is "control characters never reach the terminal" \
	"$(stderr_of "$STACKSNAP" $'\033[31m1' | tr -d '[:print:]\n')" ""
(exec "$BASH" -c 'echo $$ >"$1"; exec "$2" $$ >/dev/null 2>&1' - "$DIR/own" "$STACKSNAP")
t_is "its own pid" "$?" 64
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	script -qec "'$STACKSNAP' --debug=0 $ONE" /dev/null >"$DIR/tty" 2>&1 </dev/null
	t_is "pprof to a terminal: status" "$?" 64
	t_like "pprof to a terminal: message" "$(cat "$DIR/tty")" 'use -o'
else
	t_skip "pprof to a terminal: status" "no script(1) that works"
	t_skip "pprof to a terminal: message" "no script(1) that works"
fi

# ---- processes ----

t_status "one process" 0 "$STACKSNAP" "$ONE"
t_status "-p" 0 "$STACKSNAP" -p "$ONE"
t_like "a thread block" "$(stdout_of "$STACKSNAP" "$ONE")" "thread $ONE \"sleep\""
t_is "a pid given twice is looked at once" \
	"$(stdout_of "$STACKSNAP" "$ONE,$ONE" -p "$ONE" | grep -c '^thread ')" 1
t_is "two processes" "$(stdout_of "$STACKSNAP" "$ONE" "$TWO" | grep -c '^=== ')" 2
t_status "no such process" 2 "$STACKSNAP" "$GONE"
t_like "no such process: message" "$(stderr_of "$STACKSNAP" "$GONE")" "$GONE"
t_like "no such process: hint" "$(stderr_of "$STACKSNAP" "$GONE")" '  try: '
t_status "one of two fails" 1 "$STACKSNAP" "$GONE" "$ONE"
t_like "one of two fails: the other is shown" "$(stdout_of "$STACKSNAP" "$GONE" "$ONE")" \
	"thread $ONE "
t_like "one of two fails: it is said" "$(stderr_of "$STACKSNAP" -q "$GONE" "$ONE")" "$GONE"
t_status "no thread wanted" 2 "$STACKSNAP" --thread nosuchname "$ONE"
t_status "the thread wanted" 0 "$STACKSNAP" --tid "$ONE" "$ONE"

# ---- messages ----

t_is "silent on success" "$(stderr_of "$STACKSNAP" "$ONE")" ""
t_like "-v says what was done" "$(stderr_of "$STACKSNAP" -v "$ONE")" "^stacksnap: $ONE: 1 thread"
t_is "no colour into a pipe" "$(stdout_of "$STACKSNAP" "$ONE" | tr -dc '\033')" ""

# ---- output ----

out() { # NAME FILE REGEX-OF-THE-FIRST-LINE ARGUMENT...
	local name=$1 file=$DIR/$2 regex=$3
	shift 3
	"$STACKSNAP" "$@" -o "$file" "$ONE"
	t_is "$name: status" "$?" 0
	t_is "$name: mode" "$(stat -c %a "$file")" 600
	t_like "$name: content" "$(head -n 1 "$file" | tr -d '\0')" "$regex"
}

out ".txt is text" a.txt '^(thread|#)'
out ".json is JSON" a.json '^\{'
out "no suffix is text" plain '^(thread|#)'
out "-f wins over the suffix" b.json '^thread profile: total 1' -f count
out "--debug wins over the suffix" b.txt '^thread profile: total 1' --debug=1
"$STACKSNAP" -o "$DIR/a.pb.gz" "$ONE"
t_is ".pb.gz is gzip" "$(od -An -tx1 -N2 "$DIR/a.pb.gz" | tr -d ' ')" 1f8b
t_is "--debug=0 into a pipe" "$(stdout_of "$STACKSNAP" --debug=0 "$ONE" | od -An -tx1 -N2 | tr -d ' ')" \
	1f8b
t_like "folded" "$(stdout_of "$STACKSNAP" -f folded "$ONE")" ' 1$'
t_status "an output that cannot be made" 2 "$STACKSNAP" -o "$DIR/none/x.txt" "$ONE"
echo old >"$DIR/keep.txt"
t_status "nothing captured" 2 "$STACKSNAP" -o "$DIR/keep.txt" "$GONE"
t_is "nothing captured: the old file is kept" "$(cat "$DIR/keep.txt")" old
"$STACKSNAP" "$ONE" >/dev/full 2>"$DIR/err"
t_is "full disk: status" "$?" 2
t_like "full disk: message" "$(cat "$DIR/err")" '^stacksnap: '
"$STACKSNAP" "$ONE" >&- 2>"$DIR/err"
t_is "closed stdout: status" "$?" 2
t_like "closed stdout: message" "$(cat "$DIR/err")" '^stacksnap: '
# The reader leaves before a byte is written: the FIFO's only reader is closed first.
mkfifo "$DIR/fifo"
exec 8<>"$DIR/fifo"
exec 9>"$DIR/fifo"
exec 8<&-
"$STACKSNAP" "$ONE" >&9 2>"$DIR/err"
t_is "reader gone: status" "$?" 2
t_is "reader gone: silent" "$(cat "$DIR/err")" ""
exec 9>&-

# ---- what is made from the option table ----

"$STACKSNAP" --help=options >"$DIR/table"
t_is "the table has four columns" "$(awk -F'\t' 'NF != 4' "$DIR/table")" ""
missing=
while IFS=$'\t' read -r name letter _; do
	grep -q -- "^\.It .*Fl -${name//-/\\\\*-}\\b" "$SRC/src/man/stacksnap.1" || missing+=" --$name"
	[ "$letter" = - ] || grep -q -- "^\.It Fl $letter\\b" "$SRC/src/man/stacksnap.1" ||
		missing+=" -$letter"
done <"$DIR/table"
t_is "the man page has every option" "$missing" ""

sh "$SRC/src/completion/gen.sh" "$STACKSNAP" >"$DIR/completion"
complete_words() {
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stacksnap
		echo "${COMPREPLY[*]}"' "$DIR/completion" "$@"
}
t_is "completion of a name" "$(complete_words stacksnap --verb)" "--verbose"
t_is "completion of a value" "$(complete_words stacksnap --stop = a)" "auto all"
t_is "completion of a format" "$(complete_words stacksnap -f co)" "count"
t_like "completion of a pid" "$(complete_words stacksnap "$ONE")" "(^| )$ONE( |\$)"

# ---- the targets are as they were ----

for pid in "$ONE" "$TWO"; do
	t_is "target $pid sleeps" "$(awk '/^State:/ { print $2 }' /proc/$pid/status)" S
	t_is "target $pid has no tracer" "$(awk '/^TracerPid:/ { print $2 }' /proc/$pid/status)" 0
	end "$pid"
done
rm -rf "$DIR"
t_done
