#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a C++ program with as much debug information as a large service has:
bigdebug.py DIR [UNITS]. Compiles it, too: the result is DIR/big.

Every unit includes one header of 400 classes in 20 namespaces, with their methods, templates and
enumerations, as units of large projects do, and has 600 functions of its own. Half of them inline
methods of the classes. 50 threads go down through the units to different depths and stay there.

What the compiler made of a few units is the model of all others, which differ in the unit's name:
an assembler is ten times as fast as a compiler.
"""
import concurrent.futures
import os
import pathlib
import random
import subprocess
import sys

SPACES, CLASSES, METHODS = 20, 20, 20
FUNCTIONS, THREADS, MODELS = 600, 50, 8

WORDS = """account balance batch bucket cache channel cluster cursor digest document entry event
field filter handler index journal ledger message metric node order packet policy queue record
region replica request response route schema session shard snapshot stream table ticket tracker
value window worker""".split()


def space(s):
    return f"{WORDS[s]}s"


def class_name(s, c):
    return f"{WORDS[c]}_{WORDS[s]}"


def unit_name(n):
    return f"unit{n:04}"


def header(units):
    yield """#pragma once
template <typename T> struct box { T *at = nullptr; unsigned n = 0; T *get() const { return at; }
	void set(T *value) { at = value; n++; } };
template <typename K, typename V> struct pair_of { K key; V value; V &of() { return value; } };
"""
    for s in range(SPACES):
        yield f"namespace {space(s)} {{ namespace detail {{"
        for c in range(CLASSES):
            yield f"class {WORDS[c]}_{WORDS[-s]};"
        yield "}"
        for c in range(CLASSES):
            yield from one_class(s, c)
        yield "}"
    yield "struct everything {"
    for s in range(SPACES):
        for c in range(CLASSES):
            yield f"\t{space(s)}::{class_name(s, c)} *at_{s}_{c};"
    yield f"}};\nextern int (*const ways[{units}])(int left, unsigned seed);\nint arrive();"


def one_class(s, c):
    name = class_name(s, c)
    hidden = f"detail::{WORDS[c]}_{WORDS[-s]}"
    yield f"class {name} {{ public:"
    yield f"\tenum class state_of_{name} {{ idle, {', '.join(WORDS[c:c + 8])} }};"
    for m in range(METHODS):
        one, other = WORDS[(c + m) % 40], WORDS[(s + 3 * m) % 40]
        yield f"\tint find_{one}_{other}(const {hidden} &{one}, box<{hidden}> *in, unsigned limit);"
    yield f"\tint of_{WORDS[c]}() const {{ return first * 31 + second; }}"
    yield f"\tint add(int n) {{ second += n; return twice(of_{WORDS[c]}()); }}"
    yield "\tstatic int twice(int n) { return n > 7 ? n * 2 : n + 1; }"
    yield f"\tint at;\nprivate:\n\tint first = {c}, second = {s};\n\tbox<{hidden}> owner;"
    yield f"\tstate_of_{name} state;\n\tpair_of<unsigned, {hidden} *> next_of_{name};"
    yield "};"


def unit(name, units, random):
    yield f'#include "big.h"\nnamespace {name} {{ namespace {{ volatile int sink; }}'
    for f in range(FUNCTIONS):
        yield from function(f, random)
    yield "int all(everything &all) { return all.at_0_0->at; }"
    yield "static inline int on(int left, unsigned seed)"
    yield f"{{\n\treturn ways[seed % {units}](left - 1, seed / 3 * 5 + 7) + 1;\n}}"
    yield "int down(int left, unsigned seed)\n{"
    yield "\tint n = left > 0 ? on(left, seed) : arrive();\n\tsink = n;\n\treturn n + 1;\n}\n}"


def function(f, random):
    s, c = random.randrange(SPACES), random.randrange(CLASSES)
    name = f"{space(s)}::{class_name(s, c)}"
    if f % 2:
        yield f"int {WORDS[f % 40]}_{f}(const {name} *self) {{ return self->at + {f}; }}"
        return
    yield f"int {WORDS[f % 40]}_{f}({name} *self, box<{name}> &in)"
    yield "{\n\tin.set(self);\n\tint n = in.get()->add(3);\n\tsink = n;\n\treturn n;\n}"


def main_unit(units):
    yield "#include <atomic>\n#include <cstdio>\n#include <thread>\n#include <unistd.h>"
    yield '#include "big.h"'
    for n in range(units):
        yield f"namespace {unit_name(n)} {{ int down(int left, unsigned seed); }}"
    yield f"int (*const ways[{units}])(int left, unsigned seed) = {{"
    yield ",\n".join(f"\t{unit_name(n)}::down" for n in range(units))
    yield "};\nstatic std::atomic<int> there;\nint arrive()\n{"
    yield f"\tif (++there == {THREADS}) {{\n\t\tputs(\"ready\");\n\t\tfflush(stdout);\n\t}}"
    yield "\tfor (;;)\n\t\tpause();\n}"
    yield f"int main()\n{{\n\tstd::thread threads[{THREADS}];\n\tfor (int i = 0; i < {THREADS}; i++)"
    yield f"\t\tthreads[i] = std::thread(ways[i * 7 % {units}], 3 + i % 20, i * 97u);"
    yield "\tfor (auto &t : threads)\n\t\tt.join();\n}"


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")


def run(dir, *command):
    subprocess.run(command, cwd=dir, check=True)


def compile_unit(dir, name):
    run(dir, "g++", "-std=c++17", "-O1", "-g", "-S", f"{name}.cc")


def assemble_unit(dir, model, name):
    text = (dir / f"{model}.s").read_bytes().replace(model.encode(), name.encode())
    subprocess.run(["as", "-o", f"{name}.o"], cwd=dir, check=True, input=text)


def main():
    dir, units = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400
    names = [unit_name(n) for n in range(units)]
    models = names[:MODELS]
    write(dir / "big.h", header(units))
    write(dir / "main.cc", main_unit(units))
    for n, name in enumerate(models):
        write(dir / f"{name}.cc", unit(name, units, random.Random(n)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: compile_unit(dir, name), models))
        list(pool.map(lambda n: assemble_unit(dir, models[n % MODELS], names[n]), range(units)))
    objects = [f"{name}.o" for name in names]
    run(dir, "g++", "-std=c++17", "-O1", "-g", "-pthread", "-o", "big", "main.cc", *objects)


main()
