#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""symbols.py SYMNAME COUNT NAME=FILE...: our functions and lines beside those of addr2line.

For each FILE, COUNT of its instruction addresses, spread at random over its executable sections, are
looked up by symname (ours), by addr2line of binutils, by llvm-addr2line if it is there, and by
eu-addr2line for a minute: in a large C++ unit that takes a quarter of a second for an address. Two
answers are equal if all levels of the inline chain have the same function, file and line. Addresses
that no symbol covers (nm -S) count apart: the right answer to them is none. Prints markdown tables;
status 1 if less than 99.5 % of a file's answers are equal to those of one of the others, or something
was named that has no name.
"""

import bisect
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter

LEAST = 0.995
EU_SECONDS = 60
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t", re.M)
CLONE = re.compile(r"(\.(isra|part|constprop|clone|lto_priv|llvm|__uniq|localalias|cold)(\.\d+)*)+$"
                   r"| \[clone .*\]$")


def run(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                          errors="surrogateescape").stdout


def sample(path, count):
    disassembly = run(["objdump", "-d", "--no-show-raw-insn", path])
    addresses = [int(a, 16) for a in INSTRUCTION.findall(disassembly)]
    return random.Random(path).sample(addresses, min(count, len(addresses)))


def debug_file(path):
    build_id = re.search(r"Build ID: (..)(\w+)", run(["readelf", "-n", path]))
    name = build_id and f"/usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug"
    return name if name and os.path.exists(name) else path


class Symbols:
    """What the symbol tables have, by nm."""

    def __init__(self, path):
        self.aliases, spans = {}, []
        for command in (["nm", "-S", "--defined-only", debug_file(path)],
                        ["nm", "-D", "-S", "--defined-only", path]):
            for line in run(command).splitlines():
                words = line.split()
                if len(words) == 4 and words[2] in "tTwWiVvu":
                    spans.append((int(words[0], 16), int(words[0], 16) + int(words[1], 16)))
                    self.aliases.setdefault(words[3].split("@")[0], set()).add(words[0])
        self.starts, self.ends, end = [], [], 0
        for start, stop in sorted(spans):
            end = max(end, stop)
            self.starts.append(start)
            self.ends.append(end)

    def cover(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        return i >= 0 and address < self.ends[i]

    def are_one(self, a, b):
        return bool(self.aliases.get(a, set()) & self.aliases.get(b, set()))


# ---- what the three say ----

def parse(text):
    """{address: [(function, file, line)...]}; a function or file that is not known is ''."""
    answers, chain, function = {}, None, None
    for line in text.splitlines():
        if line.startswith("0x") and re.fullmatch(r"0x[0-9a-f]+", line):
            chain = answers.setdefault(int(line, 16), [])
            function = None
        elif function is None:
            # eu-addr2line repeats the chain in the first line of it
            function = re.sub(r" inlined at .*", "", line)
        else:
            place = re.sub(r" \(discriminator \d+\)$", "", line)
            place = re.fullmatch(r"(.*?)((?::(?:\d+|\?))*)", place)
            number = place[2].split(":")[1] if place[2] else "0"
            chain.append(("" if function == "??" else function,
                          "" if place[1] == "??" else os.path.normpath(place[1]),
                          int(number) if number.isdigit() else 0))
            function = None
    return answers


def demangled(names):
    """The names as they are to be compared: demangled, without parameters and clone suffixes."""
    names = sorted(names)
    plain = [CLONE.sub("", name.split("@@")[0]) for name in names]
    lines = run(["c++filt", "-p", "-i"], "\n".join(plain) + "\n").splitlines()
    return {name: CLONE.sub("", line) for name, line in zip(names, lines)}


def ask(command, addresses):
    return parse(run(command, "".join(f"{a:x}\n" for a in addresses)))


def ask_elfutils(path, addresses):
    answers, end = {}, time.monotonic() + EU_SECONDS
    for i in range(0, len(addresses), 50):
        if time.monotonic() > end:
            break
        answers.update(ask(["eu-addr2line", "-a", "-i", "-f", "-e", path], addresses[i:i + 50]))
    return answers


def normalize(answers, names):
    return {a: [(names[f], p, n) for f, p, n in chain] for a, chain in answers.items()}


# ---- how they differ ----

def last_part(name):
    """Without namespaces and classes: all that DW_AT_name has."""
    depth = 0
    for i in range(len(name) - 1, 0, -1):
        depth += (name[i] in ">)") - (name[i] in "<(")
        if depth == 0 and name[i - 1:i + 1] == "::":
            return name[i + 1:]
    return name


def same_function(a, b, symbols):
    if symbols.are_one(a, b):
        return True
    a, b = (name.removeprefix("__GI_") for name in (a, b))
    return a == b or last_part(a) == b or a == last_part(b)


def same_file(a, b):
    """binutils writes a relative directory twice, and alone writes that of the compilation."""
    return a == b or os.path.basename(a) == os.path.basename(b)


def difference(ours, theirs, symbols):
    """'' if the two chains are equal, else what kind of a difference it is."""
    if not ours[0][0]:
        return "not named by us"  # even if the other does not know it either
    if not theirs[0][0]:
        return "function known to us only"
    if len(ours) != len(theirs):
        return "inline chain"
    for (f, p, n), (g, q, m) in zip(ours, theirs):
        if not same_function(f, g, symbols):
            return "function"
        if n != m:
            return "line" if n and m else "line known to one only"
        if n and not same_file(p, q):
            return "file"
    return ""


class Result:
    def __init__(self):
        self.covered = self.alone = self.outside = 0
        self.asked, self.equal, self.kinds, self.wrong = Counter(), Counter(), Counter(), []

    def add_outside(self, address, ours):
        self.outside += 1
        if ours[0][0] and not ours[0][0].endswith("@plt"):
            self.wrong.append((address, ours))

    def add(self, address, ours, others, symbols):
        found = {who: difference(ours, chain, symbols) for who, chain in others.items() if chain}
        self.covered += 1
        self.asked.update(list(found))
        self.equal.update(who for who, kind in found.items() if not kind)
        self.kinds.update((who, kind) for who, kind in found.items() if kind)
        self.alone += all(found.values())
        if os.environ.get("SHOW") in found.values():
            print(f"{address:x} {found}", ours, *others.items(), sep="\n  ", file=sys.stderr)

    def is_good(self):
        return not self.wrong and any(self.equal[who] >= LEAST * max(self.asked[who], 1)
                                      for who in self.asked)


def compare(symname, path, addresses):
    ours = ask([symname, path], addresses)
    others = {"binutils": ask(["addr2line", "-a", "-i", "-f", "-e", path], addresses),
              "elfutils": ask_elfutils(path, addresses)}
    if shutil.which("llvm-addr2line"):
        others["llvm"] = ask(["llvm-addr2line", "-a", "-i", "-f", "-e", path], addresses)
    names = demangled({level[0] for answers in [ours, *others.values()]
                       for chain in answers.values() for level in chain})
    ours = normalize(ours, names)
    others = {who: normalize(answers, names) for who, answers in others.items()}
    symbols, result = Symbols(path), Result()
    for a in addresses:
        if symbols.cover(a):
            result.add(a, ours[a], {w: answers.get(a) for w, answers in others.items()}, symbols)
        else:
            result.add_outside(a, ours[a])
    return result


# ---- the table ----

def share(part, whole):
    return f"{100 * part / whole:.2f} %" if whole else "-"


def speed(symname, path, addresses):
    text = run([symname, path, "300"], "".join(f"{a:x}\n" for a in addresses))
    return {line.split()[0]: float(line.split()[-1]) for line in text.splitlines()}


def print_agreement(results):
    print("| file | addresses | as binutils | as elfutils | of | as llvm | as none "
          "| in no function | named | |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    for name, r in results:
        print(f"| {name} | {r.covered} | {share(r.equal['binutils'], r.asked['binutils'])} "
              f"| {share(r.equal['elfutils'], r.asked['elfutils'])} | {r.asked['elfutils']} "
              f"| {share(r.equal['llvm'], r.asked['llvm'])} | {r.alone} | {r.outside} | {len(r.wrong)} "
              f"| {'' if r.is_good() else '**out**'} |")


def print_kinds(results):
    kinds = sum((r.kinds for _, r in results), Counter())
    print("\n| from | difference |" + "".join(f" {name} |" for name, _ in results))
    print("|---|---|" + "--:|" * len(results))
    for who, kind in sorted(kinds):
        print(f"| {who} | {kind} |" + "".join(f" {r.kinds[who, kind]} |" for _, r in results))


def print_speeds(speeds):
    print("\n| million lookups a second | symbol | dwfl_module_addrinfo | ratio "
          "| location, seen before | inline chain with lines | dwfl_module_getsrc |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, s in speeds:
        print(f"| {name} | {s['symbol'] / 1e6:.1f} | {s['libdwfl_addrinfo'] / 1e6:.3f} "
              f"| {s['symbol'] / s['libdwfl_addrinfo']:.0f} | {s['location'] / 1e6:.0f} "
              f"| {s['chain'] / 1e6:.2f} | {s['libdwfl_getsrc'] / 1e6:.1f} |")


def main():
    symname, count = sys.argv[1], int(sys.argv[2])
    results, speeds = [], []
    for name, path in (arg.split("=", 1) for arg in sys.argv[3:]):
        addresses = sample(path, count)
        results.append((name, compare(symname, path, addresses)))
        speeds.append((name, speed(symname, path, addresses)))
    print_agreement(results)
    print_kinds(results)
    print_speeds(speeds)
    return not all(r.is_good() for _, r in results)


sys.exit(main())
