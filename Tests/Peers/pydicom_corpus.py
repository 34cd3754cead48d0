#!/usr/bin/env python3
"""Copies the DICOM files that come with pydicom and pydicom-data into a folder.

    pydicom_corpus.py FOLDER [--native]

They land in FOLDER/test_files, FOLDER/charset_files and FOLDER/data_store; gzipped ones are decompressed, what is no DICOM
is left out. With --native only those without compressed pixel data. Prints how many there are.
"""

import argparse
import gzip
import io
import os
import sys
import warnings

import data_store
import pydicom

TYPICAL = (0x00080016, 0x00080018, 0x00080060, 0x00100010, 0x0020000D)


def sources():
    data = os.path.join(os.path.dirname(pydicom.__file__), "data")
    return {
        "test_files": os.path.join(data, "test_files"),
        "charset_files": os.path.join(data, "charset_files"),
        "data_store": os.path.join(os.path.dirname(data_store.__file__), "data"),
    }


def content(path):
    with open(path, "rb") as file:
        data = file.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def dataset(data):
    """What pydicom reads, by force where it must; None where that is no DICOM."""
    replacing = pydicom.config.replace_un_with_known_vr
    try:
        for options in ({}, {"replace_un": True}, {"force": True}):
            # One file can be read only where UN is replaced by what the dictionary says.
            pydicom.config.replace_un_with_known_vr = replacing or options.pop("replace_un", False)
            try:
                found = pydicom.dcmread(io.BytesIO(data), **options)
            except Exception:  # noqa: BLE001 - whatever it is, this way it cannot be read
                continue
            if "force" not in options or any(tag in found for tag in TYPICAL):
                return found
        return None
    finally:
        pydicom.config.replace_un_with_known_vr = replacing


def is_compressed(found):
    if 0x7FE00010 not in found:
        return False
    element = found.get_item(0x7FE00010)
    return getattr(element, "length", None) == 0xFFFFFFFF or getattr(element, "is_undefined_length", False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--native", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    count = 0
    for name, source in sources().items():
        for parent, _, files in os.walk(source):
            for file in sorted(files):
                path = os.path.join(parent, file)
                data = content(path)
                found = dataset(data)
                if found is None or (arguments.native and (is_compressed(found) or not found)):
                    continue
                target = os.path.join(arguments.folder, name, os.path.relpath(path, source))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as output:
                    output.write(data)
                count += 1
    print(f"{count} files")


if __name__ == "__main__":
    sys.exit(main())
