#!/usr/bin/env python3
"""Writes cartridges as old releases of mhvtl kept them, from the layouts in docs/foreign-formats.md.

SF15X64, SF15X32    single files, format 2, of mhvtl 0.15-13 on machines of 64 and of 32 bits
SF16X64, SF16X32    the same of 0.16
DIR18X64            a directory, format 3, of 0.18-1, whose memory was not packed yet
"""

import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = open(os.path.join(HERE, "text"), "rb").read()
CAPACITY_MB = 50
# What is on each: a block, a block by zlib, filemarks.
CONTENT = [("block", TEXT[:1000]), ("mark", b""), ("zlib", TEXT[1000:4000]), ("mark", b""), ("mark", b""), ("block", TEXT[:99])]

# Length, density, kind, attributes of hosts, description; see crates/tape-formats/src/mhvtl/packed.rs.
EARLY_64 = (1144, 312, 336, 340, 850)
EARLY_32 = (1136, 308, 332, 336, 846)
ALIGNED_64 = (1024, 325, 326, 338, 850)
ALIGNED_32 = (1016, 321, 322, 334, 846)


def memory(shape, fmt, manufacturer_at, barcode, kind):
    length, density_at, kind_at, attributes_at, description_at = shape
    out = bytearray(length)

    def put(at, value):
        out[at:at + len(value)] = value

    put(0, struct.pack("<I", fmt))
    put(16, struct.pack(">Q", CAPACITY_MB << 20))
    put(32, struct.pack(">Q", 7))
    put(manufacturer_at, b"VERITAS " + f"{barcode}_1259712000".encode())
    out[density_at] = 0x44
    out[kind_at] = kind
    put(attributes_at, b"Capstan " + b"Generator".ljust(32))
    put(attributes_at + 48, b"a label")
    put(attributes_at + 221, barcode.encode().ljust(31))
    put(description_at, b"Ultrium 3/8T")
    return bytes(out)


def header(bits, early, kind, size, stored, flags, number, here, before, after):
    pad = b"" if early and bits == 32 else struct.pack("<I", flags)
    out = struct.pack("<III", kind, size, stored) + pad + struct.pack("<QQQQ", number, before, here, after)
    return out if early else out.ljust(512, b"\0")


def single_file(bits, early, shape, manufacturer_at, barcode, kind):
    length = len(header(bits, early, 0, 0, 0, 0, 0, 0, 0, 0))
    mam = memory(shape, 2, manufacturer_at, barcode, kind)
    at = length + len(mam)
    out = header(bits, early, 4 if early else 14, CAPACITY_MB, 0, 0, 0, 0, 0, at) + mam
    before = 0
    for number, (what, data) in enumerate(CONTENT):
        stored = zlib.compress(data) if what == "zlib" else data
        kinds = {"mark": 3, "block": 1 if early else 11, "zlib": 2 if early else 11}
        flags = 1 if what == "zlib" and not early else 0
        after = at + length + len(stored)
        out += header(bits, early, kinds[what], len(data), len(stored), flags, number, at, before, after) + stored
        before, at = at, after
    out += header(bits, early, 5, 0, 0, 0, len(CONTENT), at, before, at)
    with open(os.path.join(HERE, barcode), "wb") as file:
        file.write(out)


def directory(barcode):
    folder = os.path.join(HERE, barcode)
    os.makedirs(folder, exist_ok=True)
    index, data, marks = b"", b"", []
    for number, (what, block) in enumerate(CONTENT):
        stored = zlib.compress(block) if what == "zlib" else block
        kind, flags = (3, 0) if what == "mark" else (11, 1 if what == "zlib" else 0)
        entry = struct.pack("<QIIIII", len(data), kind, flags, number, len(block), len(stored))
        index += entry.ljust(512, b"\0")
        data += stored
        if what == "mark":
            marks.append(number)
    meta = memory(ALIGNED_64, 3, 256, barcode, 0)
    meta += struct.pack("<I", len(marks)).ljust(512, b"\0") + b"".join(struct.pack("<I", mark) for mark in marks)
    for name, content in (("indx", index), ("data", data), ("meta", meta)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


single_file(64, True, EARLY_64, 256, "SF15X64", 0)
single_file(32, True, EARLY_32, 252, "SF15X32", 1)
single_file(64, False, ALIGNED_64, 256, "SF16X64", 1)
single_file(32, False, ALIGNED_32, 252, "SF16X32", 0)
directory("DIR18X64")
