#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The flame graph page in a real browser: Chromium, driven by puppeteer-core. SHOTS names a directory
# for screenshots.
. "$(dirname "$0")/lib.sh"

MAKE_SAMPLE=${MAKE_SAMPLE:-$(dirname "$STACKSNAP")/tests/unit/make-sample}
[ -x "$MAKE_SAMPLE" ] || t_skip_all "no make-sample"
browser_need

t_ok "a page is made" sh -c '"$1" html wall >"$2"' - "$MAKE_SAMPLE" "$TMP/page.html"
t_is "one script is run, one holds data" "$(grep -c '<script' "$TMP/page.html")" 2
t_unlike "nothing is loaded from elsewhere" "$(cat "$TMP/page.html")" '(src|href) *= *"?https?:'

# shellcheck disable=SC2086 # no argument if SHOTS is not set
browser_run html.mjs "$TMP/page.html" ${SHOTS-}
t_done
