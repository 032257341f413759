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

t_done
