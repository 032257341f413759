#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The flame graph page in a real browser: Chromium, driven by puppeteer-core, which npm installs
# into the test's own directory (or PUPPETEER names a directory that has it). SHOTS names a
# directory for screenshots.
. "$(dirname "$0")/lib.sh"

MAKE_SAMPLE=${MAKE_SAMPLE:-$(dirname "$STACKSNAP")/tests/unit/make-sample}
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)}
HERE=$(cd "$(dirname "$0")" && pwd)

[ -x "$MAKE_SAMPLE" ] || t_skip_all "no make-sample"
[ -n "$CHROMIUM" ] || t_skip_all "no chromium"
command -v node >/dev/null || t_skip_all "no node"
if [ -z "${PUPPETEER-}" ]; then
	PUPPETEER=$TMP/npm
	mkdir "$PUPPETEER"
	(cd "$PUPPETEER" && timeout 300 npm install --no-audit --no-fund --cache "$TMP/npm-cache" \
		puppeteer-core) >"$TMP/npm.log" 2>&1 || t_skip_all "no puppeteer-core"
fi
export PUPPETEER

t_ok "a page is made" sh -c '"$1" html wall >"$2"' - "$MAKE_SAMPLE" "$TMP/page.html"
t_is "one script is run, one holds data" "$(grep -c '<script' "$TMP/page.html")" 2
t_unlike "nothing is loaded from elsewhere" "$(cat "$TMP/page.html")" '(src|href) *= *"?https?:'

# shellcheck disable=SC2086 # no argument if SHOTS is not set
HOME=$TMP timeout 120 node "$HERE/html.mjs" "$CHROMIUM" "$TMP/page.html" "$TMP/chromium" \
	${SHOTS-} >"$TMP/html.out" 2>"$TMP/html.err" </dev/null
status=$?
while IFS=$'\t' read -r verdict detail; do
	case $verdict in
	"ok "*) t_pass "${verdict#ok }" ;;
	"not ok "*) t_fail "${verdict#not ok }" "$detail" ;;
	esac
done <"$TMP/html.out"
t_is "the browser test ended well" "$status" 0
[ "$status" = 0 ] || t_diag "$(tail -n 5 "$TMP/html.err")"
t_done
