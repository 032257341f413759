#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cpu-places.py NAME PROFILE.pb.gz PERF-SCRIPT|-: where a CPU profile of tests/targets/shares.c has its
time, beside the shares that the program is made of and those of perf.

PERF-SCRIPT is the output of perf script -F ip,sym; -: there is no perf here. Prints rows of a markdown
table; status 1 if a function with more than 5 % is further than 3 percentage points from perf (without
perf: from the program's own shares), or if more than 5 % of the time has no place. Where samples are too
few to tell 3 points (a busy machine), the bound is four standard errors.
"""

import math
import sys

from pprofile import Profile

SHARES = {"half_of_it": 50, "three_tenths": 30, "three_twentieths": 15, "a_twentieth": 5}
UNSEEN = "[on-cpu, unseen]"
LEAST, BOUND = 5, 3  # percent, percentage points


def percent(part, whole):
    return 100 * part / whole if whole else 0


def perf_stacks(path):
    """The sets of functions of its samples: a line each frame, an empty line after each sample."""
    stack = []
    with open(path) as file:
        for line in file:
            words = line.split()
            if len(words) > 1:
                stack.append(words[1])
            elif stack:
                yield set(stack)
                stack = []
    if stack:
        yield set(stack)


def perf_shares(path):
    stacks = [stack for stack in perf_stacks(path) if stack & set(SHARES)]
    return {name: percent(sum(name in stack for stack in stacks), len(stacks)) for name in SHARES}, len(stacks)


def bound(share, ours, perfs):
    """Each of our samples has a weight of its own, which doubles the variance."""
    variance = (2 / max(ours, 1) + (1 / perfs if perfs else 0)) * share * (100 - share)
    return max(BOUND, 4 * math.sqrt(variance))


def row(what, function, own, perf, ours, limit, is_good):
    cells = [what, function] + ["" if v is None else f"{v:.1f}" for v in (own, perf, ours, limit)]
    print(f"| {' | '.join(cells)} | {'' if is_good else '**out**'} |")
    return is_good


def main(what, profile_path, perf_path):
    profile = Profile(profile_path)
    known = sum(profile.cum(name) for name in SHARES)
    perf, nperf = ({}, 0) if perf_path == "-" else perf_shares(perf_path)
    good = known > 0
    for name, own in SHARES.items():
        ours = percent(profile.cum(name), known)
        beside = perf.get(name, own)
        limit = bound(own, profile.total(0), nperf)
        good &= row(what, name, own, perf.get(name), ours, limit,
                    max(beside, ours) <= LEAST or abs(ours - beside) <= limit)
    unseen = percent(profile.cum(UNSEEN), profile.total())
    good &= row(what, UNSEEN, None, None, unseen, LEAST, unseen <= LEAST)
    print(f"{what}: {nperf} samples by perf, {profile.total(0)} in the profile, "
          f"{profile.total() / 1e9:.2f} s on CPU", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
