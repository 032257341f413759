#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make-costly.py DIR [N]: small ELF files that would make a trusting reader of their debug
# information work for minutes, or take gigabytes. Each is well formed in itself and shows one way;
# its size grows with N, the cost of reading it with the square, or it is packed, or mostly a hole.
# DIR/costly-* are to be read, the others are what they refer to, or text (perf-map). All are programs
# that wait for a signal.
import lzma
import os
import struct
import sys
import zlib

TEXT = 0x401000  # a page of code
TAG_CU, TAG_FUNCTION, TAG_VARIABLE, TAG_NAMESPACE = 0x11, 0x2E, 0x34, 0x39
SIBLING, NAME, STMT_LIST, LOW_PC, HIGH_PC, LANGUAGE, EXTERNAL, RANGES = (
    0x01, 0x03, 0x10, 0x11, 0x12, 0x13, 0x3F, 0x55)
ORIGIN, DWO_NAME, DWO_ID = 0x31, 0x2130, 0x2131
ADDR, DATA4, DATA8, STRING, DATA1, REF_ADDR, REF4, OFFSET, PRESENT, REF_ALT = (
    0x01, 0x06, 0x07, 0x08, 0x0B, 0x10, 0x13, 0x17, 0x19, 0x1F20)
BUILD_ID = bytes(range(20))
WAIT = bytes([0xB8, 34, 0, 0, 0, 0x0F, 0x05, 0xEB, 0xF7])  # pause(), again and again
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


KINDS = {b".symtab": 2, b".strtab": 3, b".shstrtab": 3, b".note.gnu.build-id": 7}


def elf(*sections):
    """An executable with a page of code and the sections (name, flags, bytes)."""
    listed = [(b".text", 6, WAIT.ljust(4096, b"\x90"))]
    listed += [(n.encode(), f, b) for n, f, b in sections]
    names, body, headers = b"\0", bytes(4096), bytes(64)
    for name, flags, data in listed + [(b".shstrtab", 0, None)]:
        at, kind = len(names), KINDS.get(name, 1)
        names += name + b"\0"
        data = names if data is None else data
        headers += struct.pack("<IIQQQQIIQQ", at, kind, flags, TEXT if flags == 6 else 0,
                               len(body), len(data), 3 if kind == 2 else 0, 0, 8, 24 * (kind == 2))
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


def packed(data, size=None):
    """`data`, said to become `size` bytes, and to become them."""
    return struct.pack("<IIQQ", 1, 0, size or len(data), 1) + zlib.compress(data, 9)


def unpacks(n):
    data = packed(bytes(n << 18))
    names = ("info", "abbrev", "str", "line", "ranges")
    return elf(*[(".debug_" + name, COMPRESSED, data) for name in names])


def with_line_table(header, rows):
    program = b"\0\x09\2" + struct.pack("<Q", TEXT) + rows + b"\2\x10\1\0\1\1"
    body = struct.pack("<HI", 4, len(header)) + header + program
    cu = abbrev(1, TAG_CU, 1, (LOW_PC, ADDR), (HIGH_PC, DATA4), (STMT_LIST, OFFSET),
                (LANGUAGE, DATA1))
    die = b"\1" + struct.pack("<QIIB", TEXT, 4096, 0, 4)
    return debug(cu + FUNCTION, unit(die + FUNCTION_DIE + b"\0"),
                 (".debug_line", COMPRESSED, packed(struct.pack("<I", len(body)) + body)))


LINE_HEADER = bytes([1, 1, 1, 0xFB, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1])


def long_directory(n):
    names = b"d" * (n * 30) + b"\0\0" + b"f\0\1\0\0" * (n * 6) + b"\0"
    return with_line_table(LINE_HEADER + names, b"\1")


def rows(n):
    return with_line_table(LINE_HEADER + b"\0f\0\0\0\0\0", b"\x0d" * n)


def units(n):
    return elf((".debug_abbrev", 0, abbrev(1, TAG_CU, 0) + b"\0"),
               (".debug_info", COMPRESSED, packed(unit(b"\1") * n)))


def long_table(n, *others):
    return b"".join(abbrev(i, TAG_VARIABLE, 0) for i in range(10, 10 + n)) + b"".join(others)


def origins(n):
    """Each function is said more of in another unit, and all units have one table."""
    one = unit(b"\1\2\0")
    function = abbrev(3, TAG_FUNCTION, 0, (LOW_PC, ADDR), (HIGH_PC, DATA4), (ORIGIN, REF_ADDR))
    table = abbrev(1, TAG_CU, 1) + long_table(n * 100, FUNCTION) + b"\0"
    info = one * 50 + unit(CU_DIE + b"".join(
        b"\3" + struct.pack("<QII", TEXT + i * 80, 80, len(one) * i + 12) for i in range(50))
        + b"\0")
    # the abbreviations of the last unit stand behind the table
    at = len(one) * 50 + 6
    info = info[:at] + struct.pack("<I", len(table)) + info[at + 4:]
    return elf((".debug_abbrev", COMPRESSED, packed(table + CU + function + b"\0")),
               (".debug_info", 0, info))


def build_id_note():
    return (".note.gnu.build-id", 2, struct.pack("<III", 4, 20, 3) + b"GNU\0" + BUILD_ID)


def refers_to_shared(path, at):
    function = abbrev(2, TAG_FUNCTION, 0, (LOW_PC, ADDR), (HIGH_PC, DATA4), (ORIGIN, REF_ALT))
    die = b"\2" + struct.pack("<QII", TEXT, 4096, at)
    return debug(CU + function, unit(CU_DIE + die + b"\0"),
                 (".gnu_debugaltlink", 0, path.encode() + b"\0" + BUILD_ID))


def shared(n):
    """What dwz(1) would have moved there; and where its last DIE is."""
    all_units = unit(b"\1") * (n * 5)
    file = elf((".debug_abbrev", 0, long_table(n * 10, abbrev(1, TAG_CU, 0)) + b"\0"),
               (".debug_info", 0, all_units), build_id_note())
    return file, len(all_units) - 1


def split(n):
    def one(i):
        return unit(b"\1" + struct.pack("<Q", i))
    table = long_table(n * 5, abbrev(1, TAG_CU, 0, (DWO_ID, DATA8))) + b"\0"
    return elf((".debug_abbrev.dwo", 0, table),
               (".debug_info.dwo", 0, b"".join(one(i) for i in range(n))))


def refers_to_split(path, n):
    skeleton = abbrev(1, TAG_CU, 0, (LOW_PC, ADDR), (HIGH_PC, DATA4), (DWO_NAME, STRING),
                      (DWO_ID, DATA8))

    def one(i):
        return unit(b"\1" + struct.pack("<QI", TEXT + i, 1) + path.encode() + b"\0" +
                    struct.pack("<Q", i))
    return debug(skeleton, b"".join(one(i) for i in range(n)))


def symbols(n):
    """So many for one place, in .gnu_debugdata."""
    symtab = bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, TEXT, 4096) * n
    file = elf((".symtab", 0, symtab), (".strtab", 0, b"\0" + b"a" * 70000 + b"\0"))
    return elf((".gnu_debugdata", 0, lzma.compress(file)))


def with_hole(file, size):
    """Its last section, but for the names, moved to the end and so much longer."""
    start, n = struct.unpack_from("<Q", file, 40)[0], struct.unpack_from("<H", file, 60)[0]
    header = start + (n - 2) * 64
    at, old = struct.unpack_from("<QQ", file, header + 24)
    moved = file[:header + 24] + struct.pack("<QQ", len(file), old + size) + file[header + 40:]
    return moved + file[at:at + old], size


def padded_bomb(n, size):
    return with_hole(debug(CU, unit(CU_DIE + b"\0"), build_id_note(),
                           (".debug_str", COMPRESSED, packed(bytes(n << 16), size))), size)


def hole(size):
    return with_hole(debug(CU, unit(CU_DIE + b"\0"), build_id_note(),
                           (".debug_line", COMPRESSED, packed(b"x")), (".debug_str", 0, b"x")), size)


def perf_map(n):
    return b"".join(b"%x 10 f\n" % (i << 4) for i in range(n))


def main():
    directory, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    beside = os.path.join(os.path.abspath(directory), "")
    shared_file, last = shared(n)
    files = {
        "costly-nested-scopes": nested_scopes(n),
        "costly-shared-abbreviations": shared_abbreviations(n),
        "costly-attributes-few": attributes_without_bytes(n * 10, 200),
        "costly-attributes-many": attributes_without_bytes(n, n * 20),
        "costly-ranges-of-code": shared_ranges(n, 16),
        "costly-ranges-of-none": shared_ranges(n, TEXT),
        "costly-sibling-before": sibling_before(n),
        "costly-unpacks": unpacks(n),
        "costly-long-directory": long_directory(n),
        "costly-rows": rows(n * 500),
        "costly-more-rows": rows(n * 5000),
        "costly-units": units(n * 300),
        "costly-origins": origins(n),
        "costly-symbols": symbols(n * 400),
        "costly-shared-file": refers_to_shared(beside + "shared", last),
        "shared": shared_file,
        "costly-split-file": refers_to_split(beside + "split.dwo", 200),
        "split.dwo": split(n),
        "costly-shared-bomb": refers_to_shared(beside + "bomb", 11),
        "bomb": padded_bomb(n, n << 20),
        "costly-shared-hole": refers_to_shared(beside + "hole", 11),
        "hole": hole(n << 20),
        "costly-link-to-hole": elf((".gnu_debuglink", 0, b"link\0\0\0\0" + b"none")),
        "link": hole(n << 18),
        "perf-map": perf_map(n * 700),
    }
    os.makedirs(directory, exist_ok=True)
    for name, data in files.items():
        data, size = data if isinstance(data, tuple) else (data, 0)
        with open(beside + name, "wb") as file:
            file.write(data)
            file.truncate(len(data) + size)
        os.chmod(beside + name, 0o755)


main()
