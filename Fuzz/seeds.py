#!/usr/bin/env python3
"""Writes the first inputs of a fuzzer, made of pydicom's small files, or PDUs made by pynetdicom.

    seeds.py DataSet|Part10|JSON|PDU FOLDER
"""

import glob
import os
import sys
import warnings

import pydicom

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Peers"))
import pynetdicom_pdus  # noqa: E402

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


def pdus():
    """A PDU of each type with what can stand in it, and a stream of them, as pynetdicom encodes them."""
    sop_class, other = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
    syntaxes = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]
    associate = {
        "called": "ARCHIVE", "calling": "PLUSONE", "applicationContext": "1.2.840.10008.3.1.1.1",
        "maximumLength": 16384, "implementationClassUID": "1.2.3.4", "implementationVersionName": "SEED",
        "asynchronousOperations": [1, 2], "roles": [{"uid": sop_class, "isSCU": True, "isSCP": True}],
        "extended": [{"uid": sop_class, "information": "0102"}],
        "commonExtended": [{"uid": sop_class, "serviceClass": "1.2.840.10008.4.2", "related": [other]}],
    }
    request = associate | {
        "type": 1, "contexts": [{"id": 1, "abstractSyntax": sop_class, "transferSyntaxes": syntaxes}],
        "identity": {"type": 2, "isResponseRequested": True, "primary": "75", "secondary": "70"},
    }
    accept = associate | {
        "type": 2, "contexts": [{"id": 1, "result": 0, "transferSyntaxes": syntaxes[:1]}], "identityResponse": "6f6b",
    }
    echo = (
        "00000000040000003800000000000200120000" + "00" + b"1.2.840.10008.1.1\0".hex() + "00000001020000003000"
        "00001001020000000100" "00000008020000000101"
    )
    values = [
        {"contextID": 1, "control": 3, "bytes": echo}, {"contextID": 1, "control": 0, "bytes": "0102"},
        {"contextID": 1, "control": 2, "bytes": ""},
    ]
    fields = {
        "request": request, "accept": accept, "reject": {"type": 3, "result": 1, "source": 1, "reason": 7},
        "echo": {"type": 4, "values": values[:1]}, "values": {"type": 4, "values": values},
        "release": {"type": 5}, "released": {"type": 6}, "abort": {"type": 7, "source": 2, "reason": 6},
    }
    made = {name: pynetdicom_pdus.make(value) for name, value in fields.items()}
    made["stream"] = made["request"] + made["echo"] + made["release"]
    return made


def main():
    target, folder = sys.argv[1:]
    warnings.simplefilter("ignore")
    if target == "PDU":
        for name, content in pdus().items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        return
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
