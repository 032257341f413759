#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make-costly.py DIR [N]: small ELF files that would make a trusting reader of their debug
# information work for minutes, or take gigabytes. Each is well formed in itself and shows one way;
# its size grows with N, the cost of reading it with the square.
import os
import struct
import sys
import zlib

TEXT = 0x401000  # a page of code
TAG_CU, TAG_FUNCTION, TAG_VARIABLE, TAG_NAMESPACE = 0x11, 0x2E, 0x34, 0x39
SIBLING, NAME, STMT_LIST, LOW_PC, HIGH_PC, LANGUAGE, EXTERNAL, RANGES = (
    0x01, 0x03, 0x10, 0x11, 0x12, 0x13, 0x3F, 0x55)
ADDR, DATA4, STRING, DATA1, REF4, OFFSET, PRESENT = 0x01, 0x06, 0x08, 0x0B, 0x13, 0x17, 0x19
COMPRESSED = 0x800


def uleb(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def abbrev(code, tag, children, *attributes):
    pairs = b"".join(uleb(name) + uleb(form) for name, form in attributes)
    return uleb(code) + uleb(tag) + bytes([children]) + pairs + b"\0\0"


def unit(dies):
    body = struct.pack("<HIB", 4, 0, 8) + dies
    return struct.pack("<I", len(body)) + body


def elf(*sections):
    """An executable with a page of nops and the sections (name, flags, bytes)."""
    listed = [(b".text", 6, b"\x90" * 4096)] + [(n.encode(), f, b) for n, f, b in sections]
    names, body, headers = b"\0", bytes(4096), bytes(64)
    for name, flags, data in listed + [(b".shstrtab", 0, None)]:
        at, kind = len(names), 3 if data is None else 1
        names += name + b"\0"
        data = names if data is None else data
        headers += struct.pack("<IIQQQQIIQQ", at, kind, flags, TEXT if flags == 6 else 0,
                               len(body), len(data), 0, 0, 1, 0)
        body += data + bytes(-len(data) % 8)
    count = len(headers) // 64
    start = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, TEXT, 64, len(body), 0,
                        64, 56, 1, 64, count, count - 1)
    start += struct.pack("<IIQQQQQQ", 1, 5, 4096, TEXT, TEXT, 4096, 4096, 4096)
    return start + body[len(start):] + headers


CU = abbrev(1, TAG_CU, 1, (LOW_PC, ADDR), (HIGH_PC, DATA4), (LANGUAGE, DATA1))
CU_DIE = b"\1" + struct.pack("<QIB", TEXT, 4096, 4)  # C++
FUNCTION = abbrev(2, TAG_FUNCTION, 0, (LOW_PC, ADDR), (HIGH_PC, DATA4), (NAME, STRING))
FUNCTION_DIE = b"\2" + struct.pack("<QI", TEXT, 4096) + b"f\0"
BY_RANGES = abbrev(2, TAG_FUNCTION, 0, (RANGES, OFFSET))
NAMESPACE = abbrev(3, TAG_NAMESPACE, 1)


def debug(abbrevs, info, *more):
    return elf((".debug_abbrev", 0, abbrevs + b"\0"), (".debug_info", 0, info), *more)


def nested_scopes(n):
    down, up = b"\3" * (n * 200), bytes(n * 200)
    return debug(CU + FUNCTION + NAMESPACE, unit(CU_DIE + down + up + FUNCTION_DIE + b"\0"))


def shared_abbreviations(n):
    table = b"".join(abbrev(i, TAG_VARIABLE, 0) for i in range(10, 10 + n * 10))
    return debug(table + abbrev(1, TAG_CU, 0), unit(b"\1") * (n * 5))


def attributes_without_bytes(n, attributes):
    many = abbrev(4, TAG_NAMESPACE, 0, *[(EXTERNAL, PRESENT)] * attributes)
    return debug(CU + many, unit(CU_DIE + b"\4" * (n * 50) + b"\0"))


def shared_ranges(n, first):
    pairs = [(first + i % 4000, first + i % 4000 + 1) for i in range(n * 2)]
    ranges = b"".join(struct.pack("<QQ", *pair) for pair in pairs) + bytes(16)
    functions = (b"\2" + bytes(4)) * (n * 10)
    return debug(CU + BY_RANGES, unit(CU_DIE + functions + b"\0"), (".debug_ranges", 0, ranges))


def sibling_before(n):
    back = abbrev(2, TAG_NAMESPACE, 1, (SIBLING, REF4))
    dies = (b"\2" + struct.pack("<I", 11 + len(CU_DIE))) * n
    return debug(CU + back, unit(CU_DIE + dies + bytes(n + 1)))


def unpacks(n):
    packed = struct.pack("<IIQQ", 1, 0, n << 20, 1) + zlib.compress(bytes(n << 20), 9)
    names = ("info", "abbrev", "str", "line", "ranges")
    return elf(*[(".debug_" + name, COMPRESSED, packed) for name in names])


def long_directory(n):
    header = bytes([1, 1, 1, 0xFB, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1])
    header += b"d" * (n * 30) + b"\0\0" + b"f\0\1\0\0" * (n * 6) + b"\0"
    program = b"\0\x09\2" + struct.pack("<Q", TEXT) + b"\1\2\x10\1\0\1\1"
    body = struct.pack("<HI", 4, len(header)) + header + program
    cu = abbrev(1, TAG_CU, 1, (LOW_PC, ADDR), (HIGH_PC, DATA4), (STMT_LIST, OFFSET),
                (LANGUAGE, DATA1))
    die = b"\1" + struct.pack("<QIIB", TEXT, 4096, 0, 4)
    return debug(cu + FUNCTION, unit(die + FUNCTION_DIE + b"\0"),
                 (".debug_line", 0, struct.pack("<I", len(body)) + body))


def main():
    directory, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    files = {
        "nested-scopes": nested_scopes(n),
        "shared-abbreviations": shared_abbreviations(n),
        "attributes-few": attributes_without_bytes(n * 10, 200),
        "attributes-many": attributes_without_bytes(n, n * 20),
        "ranges-of-code": shared_ranges(n, 16),
        "ranges-of-none": shared_ranges(n, TEXT),
        "sibling-before": sibling_before(n),
        "unpacks": unpacks(n),
        "long-directory": long_directory(n),
    }
    os.makedirs(directory, exist_ok=True)
    for name, data in files.items():
        with open(os.path.join(directory, "costly-" + name), "wb") as file:
            file.write(data)


main()
