#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What one look at a running thread takes from it: the longest gap that a spinner on a CPU of its own
# sees in windows of 1.5 ms, untouched, with a stop, and with a sample by each timer, in turn, as a
# markdown table. Exit status 1 if the median of a sample by bpf is more than half of a stop's, or its
# p99 more than 1.3 times. Where to start a clock on another CPU takes as long as here (an interrupt of
# 20 us in a virtual machine), that is the most of it. Environment: LOOK_GAP, the program
# (tests/unit/look-gap of a build); ROUNDS (1000).
set -u
LOOK_GAP=${LOOK_GAP:-$(dirname "$STACKSNAP")/tests/unit/look-gap}
out=$("$LOOK_GAP" "${ROUNDS:-1000}")
case $out in
*none:*) echo "not measured: ${out#*none: }"; exit 0 ;;
esac
awk '
{ windows[$1] = $3; median[$1] = $5; p99[$1] = $7 }
END {
	print "| one look in 1.5 ms | windows | longest gap, median us | p99 us | median : stop |"
	print "|---|--:|--:|--:|--:|"
	n = split("untouched stop bpf perf", ways, " ")
	for (i = 1; i <= n; i++)
		printf "| %s | %d | %.1f | %.1f | %.2f |\n", ways[i], windows[ways[i]], median[ways[i]],
			p99[ways[i]], median[ways[i]] / median["stop"]
	exit !(median["bpf"] <= 0.5 * median["stop"] && p99["bpf"] <= 1.3 * p99["stop"])
}' <<<"$out"
