#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""truth.py STACKSNAP PID LOG WAITS SNAPSHOTS: owners of locks beside what their holders say.

LOG is the file of tests/targets/truth.c, PID its process. Takes snapshots until WAITS waits came
with an owner, and at least SNAPSHOTS of them, or ten times as many as should do. An owner is right
if it held the lock at some moment of the snapshot at which the waiter waited for it. Prints a
markdown table; the last line is a summary in words. Status 1 if an owner is wrong, a wait was seen
that was none, there were fewer than WAITS, or a deadlock was reported, for there is none.
"""

import bisect
import json
import struct
import subprocess
import sys
import time
from collections import Counter, defaultdict

# of tests/targets/truth.c: struct log, struct hold
LOCKS_MAX, THREADS_MAX, HOLDS = 16, 64, 1 << 16
HEAD, LOCK = struct.Struct("<qq"), struct.Struct("<Q24s")
HOLD = struct.Struct("<qqqqii")
LOCK_BYTES = 56  # of a pthread_rwlock_t, the largest
NEVER = 1 << 62
LEAST = 10  # waits with an owner in a snapshot that may be expected; far fewer are too few


class Hold:
    """One turn of a thread with a lock: when it waited, and when it held the lock."""

    def __init__(self, tid, want, got, free, freed, shared):
        self.tid, self.shared, self.held = tid, bool(shared), bool(got)
        self.want, self.got = want, got or NEVER
        self.free, self.freed = free or NEVER, freed or NEVER
        self.since = want  # it cannot have had the lock earlier

    def waits(self, window):
        """The part of the window in which it waited, or nothing."""
        begin, end = max(self.want, window[0]), min(self.got, window[1])
        return (begin, end) if begin <= end else None

    def may_hold(self, span):
        return self.held and self.since <= span[1] and self.freed >= span[0]

    def surely_holds(self, span):
        return self.got <= span[1] and self.free >= span[0]

    def holds_throughout(self, span):
        return self.got <= span[0] and self.free >= span[1]


class Lock:
    def __init__(self, address, name):
        self.address, self.name = address, name
        self.turns, self.starts, self.longest = [], [], 0

    def finish(self):
        """Bring the turns into order; the lock is held from when its last holder let go of it."""
        previous = 0
        for turn in sorted(self.turns, key=lambda turn: turn.got):
            turn.since = max(turn.want, previous)
            if turn.held and not turn.shared:
                previous = turn.free
        self.turns.sort(key=lambda turn: turn.want)
        self.starts = [turn.want for turn in self.turns]
        self.longest = max((t.freed - t.want for t in self.turns if t.freed < NEVER), default=0)

    def around(self, window):
        """All turns of which some part may lie in the window."""
        open_ones = [turn for turn in self.turns[-THREADS_MAX * 2 :] if turn.freed == NEVER]
        first = bisect.bisect_left(self.starts, window[0] - self.longest)
        last = bisect.bisect_right(self.starts, window[1])
        return self.turns[first:last] + [t for t in open_ones if t.want < window[0] - self.longest]


def read_locks(path):
    with open(path, "rb") as file:
        data = file.read()
    nlocks, nthreads = HEAD.unpack_from(data)
    locks = []
    for i in range(nlocks):
        address, name = LOCK.unpack_from(data, HEAD.size + i * LOCK.size)
        locks.append(Lock(address, name.split(b"\0")[0].decode()))
    first = HEAD.size + LOCKS_MAX * LOCK.size
    for i in range(nthreads):
        at = first + i * (8 + HOLDS * HOLD.size)
        (tid,) = struct.unpack_from("<q", data, at)
        for want, got, free, freed, lock, shared in HOLD.iter_unpack(
            data[at + 8 : at + 8 + HOLDS * HOLD.size]
        ):
            if want:
                locks[lock].turns.append(Hold(tid, want, got, free, freed, shared))
    for lock in locks:
        lock.finish()
    return locks


def clock_offset():
    """CLOCK_REALTIME less CLOCK_MONOTONIC, by the quickest of some readings."""
    readings = []
    for _ in range(10):
        before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, real - (before + after) // 2))
    return min(readings)[1]


class Run:
    """All snapshots: the waits that might be for a lock, each with its snapshot's interval."""

    def __init__(self, command):
        self.command = command
        self.waits = []  # window, thread, wait
        self.snapshots = self.owners = self.deadlocks = 0
        self.took = []

    def look(self):
        text = subprocess.run(self.command, stdout=subprocess.PIPE, check=False).stdout
        document = json.loads(text)
        process = document["processes"][0]
        begin = process["time_ns"] - clock_offset()
        window = (begin, begin + process["took_ns"])
        self.snapshots += 1
        self.took.append(process["took_ns"])
        found = document.get("deadlocks") or process.get("deadlocks")
        self.deadlocks += bool(found)
        for thread in process["threads"]:
            wait = thread["wait"]
            if wait and wait["object"] and wait["kind"] != "join":
                self.waits.append((window, thread["tid"], wait))
                self.owners += bool(wait["owner"])

    def take(self, waits, snapshots):
        most = 10 * max(snapshots, waits // LEAST)
        while self.snapshots < most and (self.owners < waits or self.snapshots < snapshots):
            self.look()


def judge(turns, window, tid, owner):
    """What is to be said of one wait for one lock; and how many threads held it meanwhile."""
    spans = [turn.waits(window) for turn in turns if turn.tid == tid]
    spans = [span for span in spans if span]
    writers = [t for t in turns if t.held and not t.shared]
    holders = {t.tid for t in writers for s in spans if t.surely_holds(s)}
    if not spans:
        return "no wait", holders
    if not owner:
        readers = any(t.shared and t.may_hold(s) for t in turns for s in spans)
        return "readers" if readers else "none", holders
    own = [turn for turn in writers if turn.tid == owner]
    if any(turn.holds_throughout(span) for turn in own for span in spans):
        return "throughout", holders
    if owner in holders:
        return "at some moment", holders
    if any(turn.may_hold(span) for turn in own for span in spans):
        return "at its edge", holders
    return "wrong", holders


RIGHT = ("throughout", "at some moment", "at its edge")


def handed_over(wait):
    """What stacksnap says of a lock that has been given up and not been taken yet."""
    return "hand" in str(wait.get("holder") or "")


def complain(lock, window, wait, tid, verdict, turns):
    print(f"# {verdict}: thread {tid} for {lock.name}, owner {wait['owner']}: "
          f"looked at {window[0]}..{window[1]}", file=sys.stderr)
    for t in turns:
        print(f"#   {t.tid} wants {t.want} has {t.got}..{t.free} gone {t.freed}", file=sys.stderr)


def judge_all(run, locks):
    """Counts of verdicts by lock, and for each lock the chances of a guess."""
    counts, guesses = defaultdict(Counter), defaultdict(list)
    threads = len({turn.tid for lock in locks for turn in lock.turns})
    for window, tid, wait in run.waits:
        word = int(wait["object"], 16)
        lock = next((k for k in locks if k.address <= word < k.address + LOCK_BYTES), None)
        if not lock:
            continue
        turns = lock.around(window)
        verdict, holders = judge(turns, window, tid, wait["owner"])
        if verdict == "none" and handed_over(wait):
            verdict = "handoff"
        counts[lock.name][verdict] += 1
        if verdict in RIGHT + ("wrong",):
            guesses[lock.name].append(len(holders - {tid}) / (threads - 1))
        if verdict in ("wrong", "no wait"):
            complain(lock, window, wait, tid, verdict, turns)
    return counts, guesses


COLUMNS = ("waits", "with owner", "share", "throughout", "at some moment", "at its edge",
           "handed over", "readers hold it", "not known", "wrong", "a guess")


def row(name, count, guesses):
    total, right = sum(count.values()), sum(count[k] for k in RIGHT)
    claims = right + count["wrong"]
    knowable = total - count["readers"] - count["handoff"]
    share = f"{100 * claims / knowable:.1f} %" if knowable else ""
    guess = f"{100 * sum(guesses) / len(guesses):.0f} %" if guesses else ""
    wrong = count["wrong"] + count["no wait"]
    cells = [total, claims, share, *(count[k] for k in RIGHT), count["handoff"],
             count["readers"], count["none"], f"**{wrong}**" if wrong else 0, guess]
    print(f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |")
    return claims, wrong


def main(stacksnap, pid, log, waits, snapshots):
    run = Run([stacksnap, "-q", "-j", "-p", pid])
    run.take(int(waits), int(snapshots))
    locks = read_locks(log)
    counts, guesses = judge_all(run, locks)
    print("| lock | " + " | ".join(COLUMNS) + " |")
    print("|---|" + "--:|" * len(COLUMNS))
    for lock in locks:
        row(lock.name, counts[lock.name], guesses[lock.name])
    everything = sum(counts.values(), Counter())
    claims, wrong = row("all", everything, sum(guesses.values(), []))
    took = sorted(run.took)[len(run.took) // 2] / 1e6
    print()
    print(f"{run.snapshots} snapshots of {took:.1f} ms in the middle: {claims} owners, "
          f"{wrong} wrong, {run.deadlocks} deadlocks.")
    return 1 if wrong or run.deadlocks or claims < int(waits) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
