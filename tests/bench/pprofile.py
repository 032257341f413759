# SPDX-License-Identifier: GPL-2.0-or-later
"""pprofile.py: a pprof file as the format's own description has it, and nothing of ours."""

import gzip


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """Field number and value of each field of a message: a number, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def numbers(value):
    """A repeated number, packed or not."""
    if isinstance(value, int):
        return [value]
    result, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        result.append(number)
    return result


def one(data, number):
    return next((value for n, value in fields(data) if n == number), 0)


class Profile:
    """types: of sample values; samples: (values, function names, innermost first)."""

    def __init__(self, path):
        with gzip.open(path) as file:
            message = list(fields(file.read()))
        strings = [value.decode() for n, value in message if n == 6]
        functions = {one(f, 1): strings[one(f, 2)] for n, f in message if n == 5}
        locations = {}
        for n, location in message:
            if n == 4:
                lines = [line for m, line in fields(location) if m == 4]
                locations[one(location, 1)] = [functions[one(line, 1)] for line in lines]
        self.types = [(strings[one(t, 1)], strings[one(t, 2)]) for n, t in message if n == 1]
        self.time_ns = next((v for n, v in message if n == 9), 0)
        self.duration_ns = next((v for n, v in message if n == 10), 0)
        self.samples = []
        for n, sample in message:
            if n == 2:
                ids = [i for m, v in fields(sample) if m == 1 for i in numbers(v)]
                values = [i for m, v in fields(sample) if m == 2 for i in numbers(v)]
                self.samples.append((values, [f for i in ids for f in locations[i]]))

    def cum(self, function, value=-1):
        return sum(values[value] for values, stack in self.samples if function in stack)

    def total(self, value=-1):
        return sum(values[value] for values, _ in self.samples)
