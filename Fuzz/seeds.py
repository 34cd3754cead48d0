#!/usr/bin/env python3
"""Writes the first inputs of a fuzzer, made of pydicom's small files.

    seeds.py DataSet|Part10|JSON FOLDER
"""

import glob
import os
import sys
import warnings

import pydicom

LONGEST = 2400
# As in DataSetExerciser.transferSyntaxes; any other is taken for encapsulated.
TRANSFER_SYNTAXES = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
ENCAPSULATED = 4


def seed(target, data):
    """What a file gives; None when it gives nothing."""
    if target == "Part10":
        return data
    found = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), force=True)
    if target == "JSON":
        return found.to_json().encode()
    uid = found.file_meta.get("TransferSyntaxUID", None) if hasattr(found, "file_meta") else None
    if uid is None:
        return None
    start = 144 + found.file_meta.get("FileMetaInformationGroupLength", 0)
    index = TRANSFER_SYNTAXES.index(uid) if uid in TRANSFER_SYNTAXES else ENCAPSULATED
    return bytes([index]) + data[start:]


def main():
    target, folder = sys.argv[1:]
    warnings.simplefilter("ignore")
    data = os.path.join(os.path.dirname(pydicom.__file__), "data")
    for path in sorted(glob.glob(data + "/*_files/**/*", recursive=True)):
        if not os.path.isfile(path) or os.path.getsize(path) > LONGEST:
            continue
        with open(path, "rb") as file:
            content = file.read()
        try:
            content = seed(target, content)
        except Exception:  # noqa: BLE001 - what pydicom cannot read is no seed
            continue
        if content is None or len(content) > 4 * LONGEST:
            continue
        name = os.path.relpath(path, data).replace("/", "-")
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
