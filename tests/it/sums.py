#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time on CPU as a capture tells it, beside the target's own notes of its counters. Usage: sums.py
CAPTURE NOTES: a JSON capture, and a file of lines "TIME_NS TID ON_CPU_NS" that begins before it and ends
after it. Prints "threads N wrong N worst_us N share N unequal N": the threads of the notes, those whose
time differs by more than two scheduler ticks of 4 ms from what the notes leave possible, the largest
difference, the sum of all as a share of that, and the threads whose parts do not add up to their wall
time; or "the clock was set", where the notes show that CLOCK_REALTIME, in which they are held beside each
other, was not even. Between two notes a counter rises evenly, but on a busy machine they are far apart:
then all that is known is that it has some value between theirs."""
import bisect
import json
import os
import sys

TWO_TICKS_NS = 8e6
UNEVEN_NS = 2e9  # between notes that are taken every 20 ms
CLOSE_NS = 5e7
PARTS = ("on_cpu_ns", "runnable_ns", "blocked_ns", "stopped_ns")


def counter_at(notes, time_ns):
    """The least and the most that it can have been. A note's time is that of its end."""
    i = min(max(bisect.bisect_left(notes, (time_ns, 0)), 1), len(notes) - 1)
    (t0, on0), (t1, on1) = notes[i - 1], notes[i]
    if t1 - t0 > CLOSE_NS:
        return on0, notes[min(i + 1, len(notes) - 1)][1]
    even = on0 + (on1 - on0) * (time_ns - t0) / (t1 - t0)
    return even, even


def possible(of):
    """The least and the most time on CPU between begin and end."""
    first, last = counter_at(of, begin), counter_at(of, end)
    return max(last[0] - first[1], 0), last[1] - first[0]


def nearest(value, least, most):
    return min(max(value, least), most)


profile = json.load(open(sys.argv[1]))["profiles"][0]
begin, end = profile["time_ns"], profile["time_ns"] + profile["duration_ns"]
notes = {}
with open(sys.argv[2]) as file:
    for time_ns, tid, on_cpu_ns in (map(int, line.split()) for line in file):
        notes.setdefault(tid, []).append((time_ns, on_cpu_ns))
times = next(iter(notes.values()))
if any(not 0 < b - a < UNEVEN_NS for (a, _), (b, _) in zip(times, times[1:])):
    sys.exit("the clock was set")
threads = {t["tid"]: t for t in profile["threads"]}
itself = {tid: possible(of) for tid, of in notes.items()}
told = {tid: threads[tid]["on_cpu_ns"] if tid in threads else 0 for tid in notes}
differences = [abs(told[tid] - nearest(told[tid], *itself[tid])) for tid in notes]
total = sum(told.values())
# what runs at either end has a counter that is up to two ticks old: little, but where others have the CPUs
late = TWO_TICKS_NS * os.cpu_count()
least, most = (sum(each) for each in zip(*itself.values()))
share = total / max(nearest(total, least - late, most + late), 1)
unequal = sum(abs(t["wall_ns"] - sum(t[part] for part in PARTS)) > 1000 for t in threads.values())
print("threads", len(notes), "wrong", sum(d > TWO_TICKS_NS for d in differences),
      "worst_us", int(max(differences) / 1000),
      "share", f"{share:.3f}", "unequal", unequal)
