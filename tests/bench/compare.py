#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compare.py PID SNAPSHOT.json: is every blocked thread's stack what gdb finds?

Compared are the pcs of the physical frames, from the leaf to the thread's root. gdb goes on guessing
where there is no CFI; both lists are cut at the first pc that lies in no executable file mapping. A
thread whose leaf pc differs has moved between the two looks and is not compared. A stack that
stacksnap itself marks as not complete is "short" if it is right as far as it goes and gdb goes on.

Prints "compared N equal N short N differing N moved N names N/N", then each thread that differs or
is short.
Exit status: 0 none differs, 1 some do, 2 nothing compared.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def gdb_stacks(pid):
    command = ["gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off",
               "-p", str(pid), "-x", os.path.join(HERE, "gdbstacks.py")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("STACKS "):
            return {int(tid): stack for tid, stack in json.loads(line[7:]).items()}
    raise SystemExit("gdb gave no stacks: " + done.stderr[-500:])


def executable_ranges(pid):
    ranges = []
    with open("/proc/%d/maps" % pid, encoding="utf-8", errors="replace") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if "x" in fields[1] and len(fields) > 5:
                ranges.append(tuple(int(part, 16) for part in fields[0].split("-")))
    return ranges


def cut_outside(stack, ranges):
    """Up to the first pc outside; a return address may be one past the end of a function."""
    kept = []
    for pc, name in stack:
        if not any(start <= pc <= end for start, end in ranges):
            break
        kept.append((pc, name))
    return kept


def our_stack(thread):
    return [(int(frame["pc"], 16), frame["function"]) for frame in thread["stack"]["frames"]
            if not frame["inlined"]]


def short_name(name):
    """Without parameters, template arguments, clone suffixes and the aliases' underscores."""
    if name is None:
        return None
    name = re.sub(r"@.*|\.(isra|part|constprop|cold|lto_priv|llvm)\b.*| \[clone.*", "", name)
    before = None
    while before != name:
        before = name
        name = re.sub(r"<[^<>]*>|\([^()]*\)( const)?$", "", name)
    return re.sub(r"^(__libc|__GI|_)*_*|::$|::h[0-9a-f]{16}$", "", name)


def compare(pid, document):
    theirs = gdb_stacks(pid)
    ranges = executable_ranges(pid)
    result = {"compared": 0, "equal": 0, "short": 0, "names": 0, "named": 0, "differing": [], "differing_short": [], "moved": 0,
              "threads": len(document["threads"])}
    for thread in document["threads"]:
        if thread["state"] not in ("blocked", "stopped") or not thread["stack"]:
            continue
        ours = cut_outside(our_stack(thread), ranges)
        reference = cut_outside(theirs.get(thread["tid"], []), ranges)
        compare_thread(thread, ours, reference, result)
    return result


def pcs(stack):
    return [pc for pc, _ in stack]


def compare_thread(thread, ours, reference, result):
    if not ours or not reference or ours[0][0] != reference[0][0]:
        result["moved"] += 1
        return
    end = thread["stack"]["end"]
    result["compared"] += 1
    if end != "complete" and len(ours) < len(reference) and \
            pcs(ours) == pcs(reference[:len(ours)]):
        result["short"] += 1
        result["differing_short"].append((thread, ours, reference))
        return
    if pcs(ours) != pcs(reference):
        result["differing"].append((thread, ours, reference))
        return
    result["equal"] += 1
    for (_, our_name), (_, their_name) in zip(ours, reference):
        result["named"] += 1
        result["names"] += short_name(our_name) == short_name(their_name)


def show(stack):
    return " ".join("%#x:%s" % (pc, name) for pc, name in stack)


def first_difference(thread, ours, reference):
    at = next((i for i, (a, b) in enumerate(zip(ours, reference)) if a[0] != b[0]),
              min(len(ours), len(reference)))
    return "thread %d \"%s\" (%s): frame %d is %s, gdb says %s" % (
        thread["tid"], thread["name"], thread["stack"]["end"], at,
        show(ours[at:at + 2]) or "absent", show(reference[at:at + 2]) or "absent")


def main():
    pid = int(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        document = json.load(file)["processes"][0]
    result = compare(pid, document)
    print("compared %d equal %d short %d differing %d moved %d names %d/%d" % (
        result["compared"], result["equal"], result["short"], len(result["differing"]), result["moved"],
        result["names"], result["named"]))
    for difference in result["differing"] + result["differing_short"]:
        print(first_difference(*difference))
    if not result["compared"]:
        return 2
    return 1 if result["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
