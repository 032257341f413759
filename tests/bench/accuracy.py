#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""accuracy.py CAPTURE.json LOG [PERF.txt]: a capture beside what the target measured of itself.

LOG is the file of tests/targets/waitlog.h, PERF.txt what perf script says of sched_switch and
sched_wakeup in the same time (CLOCK_MONOTONIC). Prints two markdown tables, of functions and of
threads, and ends with 1 if a row is out of its bounds.

The truth is perf's. Where it saw nothing, or lost events of a thread, it is the target's own
measure, less the time that it then queued for a CPU.
"""

import bisect
import json
import math
import re
import struct
import sys
import time
from collections import defaultdict

# of tests/targets/waitlog.h: struct thread_log, struct wait
HEAD = struct.Struct("<q24s")
WAIT = struct.Struct("<qqq16s")
WAITS = 1 << 16

SHORT_WAITS = "[short waits]"
LONG, ONE_PLACE, TOTAL = 0.03, 0.10, 0.01  # bounds: of true time; of true time; of wall time
LOST = 0.001  # of a thread's switches; with more, perf is no witness of it
NEVER = 1 << 62
# Of a wait on average: long if longer than that many periods, short if that many fit into one. In
# between it has no bound beside other places, for only some of it is seen.
PERIODS = 3


class Thread:
    """What is true of one thread: its waits, and what perf saw of it."""

    def __init__(self, name, waits):
        self.name = name
        self.waits = sorted(waits)
        self.begins = [wait[0] for wait in self.waits]
        # by perf: [begin, end) of each state
        self.spans = {"blocked": [], "running": [], "stopped": []}
        self.state = (None, 0)
        self.switches = self.lost = 0  # switches out that no switch in came before
        self.seen_by_perf = False

    def function_at(self, ns):
        i = bisect.bisect_right(self.begins, ns) - 1
        if i < 0 or ns > self.waits[i][1]:
            return None
        return self.waits[i][2]


def overlap(begin, end, window):
    return max(0, min(end, window[1]) - max(begin, window[0]))


def text_of(raw):
    return raw.split(b"\0")[0].decode()


def read_log(path):
    with open(path, "rb") as file:
        data = file.read()
    size = HEAD.size + WAITS * WAIT.size
    threads = {}
    for at in range(0, len(data) - size + 1, size):
        tid, name = HEAD.unpack_from(data, at)
        if not tid:
            continue
        waits = []
        for i in range(WAITS):
            begin, end, queued, function = WAIT.unpack_from(data, at + HEAD.size + i * WAIT.size)
            if begin:
                waits.append((begin, end - queued if end else NEVER, text_of(function)))
        threads[tid] = Thread(text_of(name), waits)
    return threads


SWITCH = re.compile(
    r" (\d+)\.(\d{9}): +sched:sched_switch: .*prev_pid=(\d+) prev_prio=-?\d+ "
    r"prev_state=(\S+) ==> .*next_pid=(\d+)"
)
WAKEUP = re.compile(r" (\d+)\.(\d{9}): +sched:sched_wakeup(?:_new)?: .* pid=(\d+) ")


STATES = {"R": "queued", "t": "stopped", "T": "stopped"}  # all others: blocked


def change(thread, now, what):
    before, since = thread.state
    if what == "woken":
        if before not in ("blocked", "stopped"):
            return
    elif (what == "running") == (before == "running"):
        thread.lost += 1
    if before in thread.spans:
        thread.spans[before].append((since, now))
    thread.switches += what == "running"
    thread.state = (what, now)


def perf_events(path):
    """(thread, ns, what) for each event; a switch is two of them."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = SWITCH.search(line)
            if match:
                now = int(match[1]) * 10**9 + int(match[2])
                yield int(match[3]), now, STATES.get(match[4][0], "blocked")
                yield int(match[5]), now, "running"
                continue
            match = WAKEUP.search(line)
            if match:
                yield int(match[3]), int(match[1]) * 10**9 + int(match[2]), "woken"


def read_perf(path, threads):
    """Until a thread's first event its state is not known."""
    for tid, now, what in perf_events(path):
        if tid in threads:
            change(threads[tid], now, what)
    for thread in threads.values():
        what, since = thread.state
        if what in thread.spans:
            thread.spans[what].append((since, NEVER))
        thread.seen_by_perf = thread.lost <= 1 + thread.switches * LOST


class Capture:
    """The account of the capture: by thread and function, and by thread."""

    def __init__(self, path, functions):
        with open(path, encoding="utf-8") as file:
            self.profile = json.load(file)["profiles"][0]
        self.threads = {thread["tid"]: thread for thread in self.profile["threads"]}
        self.ticks = max(1, self.profile["coverage"]["ticks_done"])
        begin = self.profile["time_ns"] - (time.time_ns() - time.monotonic_ns())
        self.window = (begin, begin + self.profile["duration_ns"])
        self.seen = defaultdict(int)
        self.short = defaultdict(int)
        self.sums = defaultdict(int)
        for account in self.profile["accounts"]:
            self.add(account, functions)

    def add(self, account, functions):
        tid = account["tid"]
        names = [frame["function"] for frame in account["stack"]["frames"]]
        self.sums[tid] += account["ns"]
        if account["state"] != "blocked":
            return
        function = next((name for name in names if name in functions), None)
        where = self.short if names and names[0] == SHORT_WAITS else self.seen
        where[tid, function] += account["ns"]


def true_waits(thread, window):
    """function -> [ns, waits] by the target's own clock."""
    waits = defaultdict(lambda: [0, 0])
    for begin, end, function in thread.waits:
        ns = overlap(begin, end, window)
        if ns:
            waits[function][0] += ns
            waits[function][1] += 1
    return waits


def time_in(spans, window):
    return sum(overlap(begin, end, window) for begin, end in spans)


def perf_waits(thread, window):
    waits = defaultdict(int)
    for begin, end in thread.spans["blocked"]:
        ns = overlap(begin, end, window)
        if ns:
            waits[thread.function_at(begin)] += ns
    return waits


def witness_of(thread, own, perf):
    """function -> ns that it was blocked, by the best witness there is."""
    return perf if thread.seen_by_perf else {function: ns for function, (ns, _) in own.items()}


def percent(part, whole):
    return f"{100 * part / whole:+.2f} %" if whole else ""


def seconds(ns):
    return f"{ns / 1e9:.4f}"


def bound_of(capture, nplaces, true, total, mean):
    """What a row may deviate by, in ns, and in words."""
    period = (capture.window[1] - capture.window[0]) / capture.ticks
    if mean > PERIODS * period:
        return LONG * true, f"{100 * LONG:.0f} %"
    if nplaces == 1:
        return ONE_PLACE * true, f"{100 * ONE_PLACE:.0f} %"
    if mean > period / PERIODS:
        return NEVER, "none"
    share = true / total
    sigma = math.sqrt(share * (1 - share) / capture.ticks) * total
    return 3 * sigma, f"3 sigma = {100 * 3 * sigma / true:.1f} %"


def function_row(capture, tid, thread, function, facts):
    own, perf, witness = facts
    own_ns, waits = own[function]
    true = witness.get(function, 0)
    seen, short = capture.seen[tid, function], capture.short[tid, function]
    bound, words = bound_of(capture, len(own), true, sum(witness.values()), own_ns / waits)
    # beside other places, a long wait must be seen as itself
    alone = len(own) == 1 or words != f"{100 * LONG:.0f} %"
    found = seen + short if alone else seen
    good = abs(found - true) <= bound
    print(f"| {thread.name} | {function} | {waits} | {seconds(own_ns)} "
          f"| {seconds(perf[function]) if thread.seen_by_perf else '-'} | {seconds(seen)} "
          f"| {seconds(short)} | {percent(found - true, true)} | {words} "
          f"| {'' if good else '**out**'} |")
    return good


def function_rows(capture, threads):
    bad = 0
    print("| thread | function | waits | itself s | perf s | seen s | short waits s "
          "| deviation | bound | |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|---|")
    for tid, thread in sorted(threads.items()):
        if tid not in capture.threads:
            continue
        own = true_waits(thread, capture.window)
        perf = perf_waits(thread, capture.window)
        witness = witness_of(thread, own, perf)
        for function in sorted(own):
            if witness.get(function):
                bad += not function_row(capture, tid, thread, function, (own, perf, witness))
    return bad


def thread_row(capture, tid, thread):
    account = capture.threads[tid]
    wall = account["wall_ns"]
    own = true_waits(thread, capture.window)
    true = sum(witness_of(thread, own, perf_waits(thread, capture.window)).values())
    off = account["blocked_ns"] - true
    parts = sum(account[k] for k in ("on_cpu_ns", "runnable_ns", "blocked_ns", "stopped_ns"))
    rows = capture.sums[tid] + account["stopped_ns"]
    good = abs(off) <= TOTAL * wall and parts == wall and rows == wall
    by_perf = {k: time_in(spans, capture.window) for k, spans in thread.spans.items()}
    text = {k: seconds(ns) if thread.seen_by_perf else "-" for k, ns in by_perf.items()}
    print(f"| {thread.name} | {seconds(wall)} | {seconds(account['blocked_ns'])} "
          f"| {seconds(sum(ns for ns, _ in own.values()))} | {text['blocked']} "
          f"| {percent(off, wall)} | {seconds(account['on_cpu_ns'])} | {text['running']} "
          f"| {seconds(account['runnable_ns'])} | {seconds(account['stopped_ns'])} "
          f"| {text['stopped']} | {parts - wall}, {rows - wall} | {'' if good else '**out**'} |")
    return good


def thread_rows(capture, threads):
    bad = 0
    print("| thread | wall s | blocked s | itself s | perf s | of wall | on CPU s | perf s "
          "| runnable s | stopped s | perf s | sums - wall ns | |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    for tid, thread in sorted(threads.items()):
        if tid in capture.threads:
            bad += not thread_row(capture, tid, thread)
        else:
            print(f"| {thread.name} | not captured |")
            bad += 1
    return bad


def main(capture_path, log_path, perf_path=None):
    threads = read_log(log_path)
    functions = {wait[2] for thread in threads.values() for wait in thread.waits}
    capture = Capture(capture_path, functions)
    if perf_path:
        read_perf(perf_path, threads)
    bad = function_rows(capture, threads)
    print()
    bad += thread_rows(capture, threads)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
