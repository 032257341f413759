# SPDX-License-Identifier: GPL-2.0-or-later
"""Run inside gdb (gdb -batch -p PID -x gdbstacks.py): prints every thread's physical frames as JSON.

Inlined frames and tail-call frames are left out: the first are no frames of the machine, the second
gdb derives from call sites, not from the stack. A frame is [pc, function name or null].
"""
import json

import gdb

MAX_FRAMES = 2000


def frames():
    found = []
    frame = gdb.newest_frame()
    while frame is not None and len(found) < MAX_FRAMES:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            found.append([frame.pc(), frame.name()])
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


def stacks():
    by_tid = {}
    for thread in gdb.selected_inferior().threads():
        try:
            thread.switch()
            by_tid[thread.ptid[1]] = frames()
        except gdb.error:
            by_tid[thread.ptid[1]] = []
    return by_tid


gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace limit unlimited")
print("STACKS " + json.dumps(stacks()))
