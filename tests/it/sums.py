#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time on CPU as a capture tells it, beside the target's own counters. Usage: sums.py CAPTURE BEFORE
AFTER: a JSON capture, and two files of lines "TID ON_CPU_NS RUNNABLE_NS" that were written just before
and just after it. Prints "threads N wrong N worst_us N share N unequal N": the threads whose times
differ by more than two scheduler ticks of 4 ms, the largest difference, the sum over all threads as a
share of what the target counted, and the threads whose parts do not add up to their wall time."""
import json
import sys

TWO_TICKS_NS = 8e6
PARTS = ("on_cpu_ns", "runnable_ns", "blocked_ns", "stopped_ns")


def counters(path):
    with open(path) as file:
        return {int(tid): int(ns) for tid, ns, _ in map(str.split, file)}


before, after = counters(sys.argv[2]), counters(sys.argv[3])
itself = {tid: after[tid] - before[tid] for tid in after if tid in before}
threads = {t["tid"]: t for t in json.load(open(sys.argv[1]))["profiles"][0]["threads"]}
told = {tid: threads[tid]["on_cpu_ns"] if tid in threads else 0 for tid in itself}
differences = [abs(told[tid] - itself[tid]) for tid in itself]
unequal = sum(abs(t["wall_ns"] - sum(t[part] for part in PARTS)) > 1000 for t in threads.values())
print("threads", len(itself), "wrong", sum(d > TWO_TICKS_NS for d in differences),
      "worst_us", int(max(differences) / 1000),
      "share", round(sum(told.values()) / sum(itself.values()), 3), "unequal", unequal)
