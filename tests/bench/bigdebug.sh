#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first dump of a process with hundreds of megabytes of debug information, beside eu-stack and gdb:
# wall time and memory peak, as a markdown table. Exit status 1 if it takes more than half of eu-stack's
# time, more than a tenth of gdb's, or more memory than eu-stack with lines (java: eu-stack with lines
# only, since without them it reads no debug information). Usage: bigdebug.sh,
# environment as for tests/it; ROUNDS (5), BIGDEBUG_DIR, where the program is or will be built (1.5 GB
# while that lasts); BIGDEBUG_JAVA=1: Debian's OpenJDK with its debug files, installed for it, too.
. "$(dirname "$0")/../it/lib.sh"
. "$(dirname "$0")/programs.lib.sh"

BENCH=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${ROUNDS:-5}
DIR=${BIGDEBUG_DIR:-$TMP/big}
OUT_OF_BOUNDS=0
unset DEBUGINFOD_URLS

# DIR/plain/big; DIR/compressed/big; DIR/stripped/big with its debug file in DIR/debug
build() {
	local id
	mkdir -p "$DIR/plain" "$DIR/compressed" "$DIR/stripped" "$DIR/work"
	"$PYTHON" "$BENCH/bigdebug.py" "$DIR/work" || return
	mv "$DIR/work/big" "$DIR/plain"
	rm -r "$DIR/work"
	id=$(readelf -n "$DIR/plain/big" | sed -n 's/.*Build ID: \(..\)\(.*\)/\1\/\2/p')
	mkdir -p "$DIR/debug/.build-id/${id%/*}"
	objcopy --compress-debug-sections=zlib "$DIR/plain/big" "$DIR/compressed/big" &&
		objcopy --only-keep-debug "$DIR/plain/big" "$DIR/debug/.build-id/$id.debug" &&
		strip -o "$DIR/stripped/big" "$DIR/plain/big"
}

# look FILE COMMAND...: adds a line to FILE, milliseconds and the peak in MB.
look() {
	local file=$1 start=${EPOCHREALTIME/./} end
	shift
	/usr/bin/time -q -f %M -o "$TMP/peak" "$@" >"$TMP/looked" 2>"$TMP/looked.err"
	end=${EPOCHREALTIME/./}
	echo "$(((end - start) / 1000)) $((($(tail -n 1 "$TMP/peak") + 512) / 1024))" >>"$file"
}

# median FILE COLUMN
median() {
	cut -d ' ' -f "$2" "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# bound NAME WHAT OURS FACTOR THEIRS: a complaint unless OURS * FACTOR <= THEIRS.
bound() {
	(($3 * $4 > $5)) || return 0
	echo "$1: $2: $3 * $4 is more than $5" >&2
	OUT_OF_BOUNDS=1
}

# row NAME [DIRECTORY]: with separate debug files below that directory, too.
row() {
	local name=$1 f=$TMP/row round line i ours=() eu=() gdb=()
	if [ -n "${2-}" ]; then
		ours=(--debug-dir="$2")
		eu=(--debuginfo-path="$2:/usr/lib/debug")
		gdb=(-iex "set debug-file-directory $2:/usr/lib/debug")
	fi
	rm -f "$f".*
	look "$f.warm" eu-stack "${eu[@]}" -i -s -p "$TARGET_PID"
	for ((round = 0; round < ROUNDS; round++)); do
		look "$f.0" "$STACKSNAP" --symbol-cache=no "${ours[@]}" "$TARGET_PID"
		look "$f.again" "$STACKSNAP" "${ours[@]}" "$TARGET_PID"
		look "$f.1" eu-stack "${eu[@]}" -p "$TARGET_PID"
		look "$f.2" eu-stack "${eu[@]}" -i -s -p "$TARGET_PID"
	done
	look "$f.3" gdb -nx -batch "${gdb[@]}" -ex 'thread apply all bt' -p "$TARGET_PID"
	line="| $name | $(median "$f.again" 1) |"
	for ((i = 0; i < 4; i++)); do
		line+=" $(median "$f.$i" 1) | $(median "$f.$i" 2) |"
	done
	echo "$line"
	bound "$name" "ms, eu-stack -i -s -p" "$(median "$f.0" 1)" 2 "$(median "$f.2" 1)"
	bound "$name" "MB, eu-stack -i -s -p" "$(median "$f.0" 2)" 1 "$(median "$f.2" 2)"
}

# big VARIANT NAME [DIRECTORY]
big() {
	local variant=$1
	shift
	program_start "$DIR/$variant/big"
	wait_until 30 grep -q ready "$TMP/program.out"
	row "$@"
	bound "$1" "ms, eu-stack -p" "$(median "$TMP/row.0" 1)" 2 "$(median "$TMP/row.1" 1)"
	bound "$1" "ms, gdb" "$(median "$TMP/row.0" 1)" 10 "$(median "$TMP/row.3" 1)"
	target_stop
}

java_package() {
	apt-get install -y openjdk-17-jdk-headless openjdk-17-dbg >"$TMP/apt" 2>&1 ||
		{ tail -n 3 "$TMP/apt" >&2; return 1; }
	PATH=/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)/bin:$PATH
}

[ -x "$DIR/stripped/big" ] || build || exit
echo "| median of $ROUNDS, ms and peak MB | again | stacksnap | | eu-stack -p | | eu-stack -i -s -p | | gdb (once) | |"
echo "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
big plain "C++, 50 threads, 327 MB of DWARF"
big compressed "the same, compressed"
big stripped "the same, in a separate file" "$DIR/debug"
if [ -n "${BIGDEBUG_JAVA-}" ] && java_package && start_java; then
	row "java, openjdk-17-dbg"
	target_stop
fi
exit $OUT_OF_BOUNDS
