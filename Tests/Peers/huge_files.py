#!/usr/bin/env python3
"""Writes multi-frame files of 2 GiB and more, sparse, byte by byte without any DICOM library.

    huge_files.py FOLDER

native.dcm   1,024 frames of 1024 x 1024 x 16 bit
table.dcm    encapsulated, with a basic offset table
walk.dcm     encapsulated, without one: only the item headers lead to a frame
beyond.dcm   encapsulated, 4.3 GiB, with an extended offset table (PS3.3 C.7.6.3.1.8)
Frame n (counted from 0) begins with the two bytes of n and is zero elsewhere.
"""

import os
import struct
import sys

FRAMES, FRAME = 1024, 1024 * 1024 * 2
LARGE_FRAME = 4_500_002


def element(group, number, vr, value):
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    if vr in (b"OB", b"OW", b"OV"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def header(transfer_syntax, columns=1024):
    meta = element(0x0002, 0x0001, b"OB", b"\0\1")
    meta += element(0x0002, 0x0002, b"UI", b"1.2.840.10008.5.1.4.1.1.7.3")
    meta += element(0x0002, 0x0003, b"UI", b"2.25.1") + element(0x0002, 0x0010, b"UI", transfer_syntax)
    text = b"\0" * 128 + b"DICM" + element(0x0002, 0x0000, b"UL", struct.pack("<I", len(meta))) + meta
    text += element(0x0008, 0x0016, b"UI", b"1.2.840.10008.5.1.4.1.1.7.3")
    text += element(0x0008, 0x0018, b"UI", b"2.25.1") + element(0x0010, 0x0020, b"LO", b"HUGE")
    for number, value in ((0x0002, 1), (0x0010, 1024), (0x0011, columns), (0x0100, 16), (0x0101, 16), (0x0102, 15),
                          (0x0103, 0)):
        if number == 0x0010:
            text += element(0x0028, 0x0008, b"IS", str(FRAMES).encode())
        text += element(0x0028, number, b"US", struct.pack("<H", value))
    return text


def marked(file, position, number):
    """A frame at this position; what is not written is zero."""
    file.seek(position)
    file.write(struct.pack("<H", number))


def native(path):
    with open(path, "wb") as file:
        file.write(header(b"1.2.840.10008.1.2.1"))
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, FRAMES * FRAME))
        start = file.tell()
        for number in range(FRAMES):
            marked(file, start + number * FRAME, number)
        file.truncate(start + FRAMES * FRAME)


def encapsulated(path, size, basic=False, extended=False):
    with open(path, "wb") as file:
        file.write(header(b"1.2.840.10008.1.2.4.90"))
        offsets = [number * (size + 8) for number in range(FRAMES)]
        if extended:
            file.write(element(0x7FE0, 0x0001, b"OV", struct.pack(f"<{FRAMES}Q", *offsets)))
            file.write(element(0x7FE0, 0x0002, b"OV", struct.pack(f"<{FRAMES}Q", *[size] * FRAMES)))
        table = struct.pack(f"<{FRAMES}I", *offsets) if basic else b""
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF))
        file.write(struct.pack("<HHI", 0xFFFE, 0xE000, len(table)) + table)
        start = file.tell()
        for number, offset in enumerate(offsets):
            file.seek(start + offset)
            file.write(struct.pack("<HHI", 0xFFFE, 0xE000, size))
            marked(file, start + offset + 8, number)
        file.seek(start + FRAMES * (size + 8))
        file.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def main():
    folder = sys.argv[1]
    native(os.path.join(folder, "native.dcm"))
    encapsulated(os.path.join(folder, "table.dcm"), FRAME, basic=True)
    encapsulated(os.path.join(folder, "walk.dcm"), FRAME)
    encapsulated(os.path.join(folder, "beyond.dcm"), LARGE_FRAME, extended=True)


if __name__ == "__main__":
    main()
