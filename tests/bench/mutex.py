#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mutex.py PROFILE.pb.gz LOG: a mutex profile beside what the waiters measured themselves.

LOG is the file of tests/targets/hotlock.c: what its threads waited for one mutex, and when its
holder slept in hold_it with it. Prints a markdown table; status 1 if a row is out of its bounds.
"""

import sys
import time

from accuracy import overlap, percent, read_log, seconds
from pprofile import Profile

WAITS = ("wait_a", "wait_b", "wait_own")
TOTAL, HOLDER = 0.02, 0.05  # of the time that was waited, as measured
TYPES = [("contentions", "count"), ("delay", "nanoseconds")]
PSEUDO = ("[handoff]", "[unknown holder]")


class Truth:
    """What was waited in the window, altogether and while hold_it ran, and how many waits."""

    def __init__(self, threads, window):
        entries = [entry for thread in threads.values() for entry in thread.waits]
        holds = sorted(e for e in entries if e[2] == "hold_it" and overlap(e[0], e[1], window))
        waits = [e for e in entries if e[2] in WAITS and overlap(e[0], e[1], window)]
        self.waits = len(waits)
        self.total = sum(overlap(begin, end, window) for begin, end, _ in waits)
        self.held = 0
        for begin, end, _ in waits:
            span = (max(begin, window[0]), min(end, window[1]))
            self.held += sum(overlap(h[0], h[1], span) for h in holds)


def row(what, measured, found, bound=None):
    good = bound is None or abs(found - measured) <= bound * measured
    print(f"| {what} | {seconds(measured)} | {seconds(found)} "
          f"| {percent(found - measured, measured)} | {f'{100 * bound:.0f} %' if bound else 'none'} "
          f"| {'' if good else '**out**'} |")
    return good


def main(profile_path, log_path):
    profile = Profile(profile_path)
    begin = profile.time_ns - (time.time_ns() - time.monotonic_ns())
    truth = Truth(read_log(log_path), (begin, begin + profile.duration_ns))
    good = profile.types == TYPES and truth.total > 0
    print("| time waited | measured s | profile s | deviation | bound | |")
    print("|---|--:|--:|--:|---|---|")
    good &= row("altogether", truth.total, profile.total(), TOTAL)
    good &= row("charged to hold_it", truth.total, profile.cum("hold_it"), HOLDER)
    row("while hold_it ran", truth.held, profile.cum("hold_it"))
    row("charged to owner_path", truth.total, profile.cum("owner_path"))
    for name in PSEUDO:
        row(f"charged to {name}", 0, profile.cum(name))
    print()
    print(f"{truth.waits} calls for the lock; {profile.total(0)} contentions; types "
          f"{', '.join('/'.join(t) for t in profile.types)}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
