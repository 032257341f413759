#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files of the target that are cut short under our eyes, and files made to mislead or to overwork
# whoever reads them: the dump comes out all the same, soon, and without what cannot be known.
. "$(dirname "$0")/lib.sh"

# ---- cut short ----

mkdir "$TMP/cut"
for ((at = 1; ; at++)); do
	cp "$TARGETS/cutshort" "$TMP/cut/"
	cp "$TARGETS/cutlibrary.so" "$TMP/cut/"
	TARGETS=$TMP/cut target_start cutshort
	rm -f "$TMP/asked"
	OUT=$(CUT_FILE="$TMP/cut/cutlibrary.so" CUT_AT=$at LD_PRELOAD="$TARGETS/cutshim.so" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
		timeout 60 "$STACKSNAP" "$TARGET_PID" 2>"$TMP/err")
	STATUS=$?
	if [ -s "$TMP/cut/cutlibrary.so" ]; then
		target_stop
		break
	fi
	t_cmp "cut at mapping $at: no crash" "$STATUS < 64"
	t_like "cut at mapping $at: the innermost frame is there" "$OUT" '^(__libc_)?pause\('
	t_like "cut at mapping $at: it is said" "$(cat "$TMP/err")" 'was cut short while it was read'
	target_is_well
	target_stop
	rm "$TMP/cut/cutlibrary.so"
done
t_cmp "the file is mapped at least twice" "$at > 2"

# ---- names ----

# A terminal's escape sequence, a line's end, quotes, markup, and a byte of no UTF-8.
odd=$'od\e[31m\nd"\'<b>\\\xff'
mkdir "$TMP/odd"
cp "$TARGETS/names" "$TMP/odd/$odd"
strip -g "$TMP/odd/$odd"
objcopy --redefine-sym "run=$odd" "$TMP/odd/$odd"
TARGETS=$TMP/odd target_start "$odd"

# control_bytes FILE: how many, but for the ends of lines and tabs.
control_bytes() {
	LC_ALL=C tr -d '\n\t -~\200-\377' <"$1" | wc -c
}

# check_file NAME: what it shows is text, in which the odd function still has its name.
check_file() {
	t_is "odd names: $1: no control bytes" "$(control_bytes "$TMP/odd.$1")" 0
	t_ok "odd names: $1: is UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$TMP/odd.$1"
	t_like "odd names: $1: the function is there" "$(cat "$TMP/odd.$1")" \
		'od\\+x1b\[31m\\+x0ad(\\)?"'"'"'(<|\\u003c|&lt;)b(>|\\u003e|&gt;)'
}

for format in text count folded json speedscope html; do
	snap -f "$format" -o "$TMP/odd.$format" "$TARGET_PID"
	check_file "$format"
done
for format in json speedscope; do
	t_ok "odd names: $format: is JSON" "$PYTHON" -m json.tool "$TMP/odd.$format" /dev/null
done
t_unlike "odd names: html: no markup of theirs" "$(cat "$TMP/odd.html")" '<b>'
snap -f pprof -o "$TMP/odd.pb.gz" "$TARGET_PID"
"$STACKSNAP" report --traces "$TMP/odd.pb.gz" >"$TMP/odd.report" 2>&1
check_file report
"$STACKSNAP" doctor "$TARGET_PID" >"$TMP/odd.doctor" 2>&1
t_is "odd names: doctor: no control bytes" "$(control_bytes "$TMP/odd.doctor")" 0
snap -v --wall -d 0.2 "$TARGET_PID"
printf '%s%s' "$OUT" "$ERR" >"$TMP/odd.wall"
t_is "odd names: capture: no control bytes" "$(control_bytes "$TMP/odd.wall")" 0
target_is_well

t_done
