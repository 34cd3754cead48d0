#!/usr/bin/env python3
"""Judges by pydicom, and by DCMTK with --dcmtk, whether files that we have written hold what the originals hold.

    roundtrip.py ORIGINALS WRITTEN [--dcmtk]

Compares each file of ORIGINALS with the one of the same name in WRITTEN, element by element at all depths: the tags, the
VRs where both encodings state them, and the bytes of the values, brought to little endian by the VR and without the byte
that makes a length even. With --dcmtk every written file is also printed by dcmdump and converted by dcmconv, which must
not complain, and what dcmconv made is compared too.

Left out: group lengths, which writers may drop (PS3.5 7.2). UN is compared as bytes, and not where one side is big endian:
nobody knows its byte order. A VR may become UN where a 16-bit length cannot say the length (PS3.5 6.2.2), and private VRs
through implicit VR. Exit status 1 when something differs.
"""

import argparse
import concurrent.futures
import functools
import os
import subprocess
import sys
import tempfile
import warnings

import pydicom
from pydicom.dataelem import RawDataElement

import pydicom_corpus

UNITS = {"AT": 2, "OW": 2, "SS": 2, "US": 2, "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
         "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}


def read(path):
    pydicom.config.replace_un_with_known_vr = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open(path, "rb") as file:
            return pydicom_corpus.dataset(file.read())


def little(value, vr, is_little):
    """The bytes in little endian, without padding."""
    unit = 1 if is_little else UNITS.get(vr, 1)
    if unit > 1:
        whole = len(value) // unit * unit
        value = b"".join(value[i:i + unit][::-1] for i in range(0, whole, unit)) + value[whole:]
    return value[:-1] if value and value[-1:] in (b" ", b"\0") else value


def parts(dataset, tag):
    """VR as it stands (None: implicit), bytes or items, and whether they are little endian."""
    raw = dataset.get_item(tag)
    is_sequence = raw.VR == "SQ"
    if isinstance(raw, RawDataElement) and not is_sequence and (raw.VR is None or raw.VR == "UN"):
        try:
            is_sequence = dataset[tag].VR == "SQ"
        except Exception:  # noqa: BLE001 - a value that pydicom does not convert is no sequence
            is_sequence = False
    if is_sequence:
        return "SQ", list(dataset[tag].value or ()), True
    value = raw.value
    if not isinstance(value, (bytes, bytearray, type(None))):
        # pydicom has converted it already: the character set, the transfer syntax, what decides about VRs.
        values = value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]
        if raw.VR in UNITS:
            value = b"".join(int(number).to_bytes(UNITS[raw.VR], "little", signed=number < 0) for number in values)
        else:
            value = "\\".join(map(str, values)).encode("latin1")
    is_little = raw.is_little_endian if isinstance(raw, RawDataElement) else True
    return (None if getattr(raw, "is_implicit_VR", False) else raw.VR), bytes(value or b""), is_little


def choices(tag):
    """The VRs that PS3.6 lists for a tag: implicit VR does not say which of them it is."""
    return pydicom.datadict.dictionary_VR(tag).split(" or ") if pydicom.datadict.dictionary_has_tag(tag) else ["UN"]


class Judge:
    """Compares two data sets; `through_dcmconv` is the file between them where DCMTK has written the second one."""

    def __init__(self, files, through_dcmconv=None):
        self.crosses_endianness = files[0].original_encoding[1] != files[1].original_encoding[1]
        self.drops_spaces = through_dcmconv is not None  # DCMTK normalizes the padding of each value
        # Private VRs get lost where one of the files is in implicit VR.
        self.through_implicit = any(side.original_encoding[0] for side in (*files, *([through_dcmconv] if through_dcmconv else [])))
        self.was_implicit = through_dcmconv is not None and through_dcmconv.original_encoding[0]
        self.problems = []

    def datasets(self, original, written, path=""):
        theirs, ours = ({tag for tag in side.keys() if not (tag.element == 0 and tag.group > 6)}
                        for side in (original, written))
        for tag in sorted(theirs ^ ours):
            self.problems.append(f"{path}{tag} {'is missing' if tag in theirs else 'is new'}")
        for tag in sorted(theirs & ours):
            self.elements(parts(original, tag), parts(written, tag), f"{path}{tag}", tag)

    def elements(self, original, written, path, tag):
        vr, value, is_little = original
        our_vr, our_value, our_is_little = written
        is_long = isinstance(value, bytes) and len(value) > 65534
        may_be_chosen = self.was_implicit and our_vr in choices(tag) and vr in choices(tag)
        may_be_un = our_vr == "UN" and (is_long or tag.is_private and self.through_implicit)
        if vr is not None and our_vr is not None and vr != our_vr and not (may_be_un or may_be_chosen):
            self.problems.append(f"{path} has VR {our_vr} instead of {vr}")
        elif isinstance(value, list) or isinstance(our_value, list):
            self.sequences(value, our_value, path)
        elif self.crosses_endianness and "UN" in (vr or our_vr, our_vr):
            pass
        else:
            known = vr if vr not in (None, "UN") else our_vr
            if known is None:
                known = choices(tag)[-1]
            if self.drops_spaces and known not in UNITS and known not in ("OB", "UN"):
                value, our_value = (b"\\".join(part.strip(b" \0") for part in side.split(b"\\"))
                                    for side in (value, our_value))
            if little(value, known, is_little) != little(our_value, known, our_is_little):
                self.problems.append(f"{path} {known} has another value ({len(value)} and {len(our_value)} bytes)")

    def sequences(self, value, our_value, path):
        if not (isinstance(value, list) and isinstance(our_value, list)) or len(value) != len(our_value):
            self.problems.append(f"{path} has other items")
            return
        for index, (item, our_item) in enumerate(zip(value, our_value)):
            self.datasets(item, our_item, f"{path}[{index}].")


def compare(original, written, through_dcmconv=None):
    theirs, ours = read(original), read(written)
    if not theirs:
        return []  # pydicom finds nothing in it to compare with
    if ours is None:
        return ["pydicom does not read it"]
    between = read(through_dcmconv) if through_dcmconv else None
    judge = Judge((theirs, ours), between)
    judge.datasets(theirs, ours)
    meta, our_meta = ({}, {}) if between else (theirs.file_meta, ours.file_meta)
    for tag in (tag for tag in meta.keys() if tag not in (0x00020000, 0x00020010)):
        if tag not in our_meta or meta[tag].value != our_meta[tag].value:
            judge.problems.append(f"{tag} differs in the meta group")
    return judge.problems


def dcmtk(original, written):
    """What DCMTK says of a written file."""
    dump = subprocess.run(["/usr/bin/dcmdump", "-q", "+L", written], capture_output=True)
    problems = [f"dcmdump: {line}" for line in dump.stderr.decode(errors="replace").splitlines()]
    if dump.returncode != 0 and not problems:
        problems.append(f"dcmdump: status {dump.returncode}")
    with tempfile.TemporaryDirectory() as folder:
        converted = os.path.join(folder, "converted")
        run = subprocess.run(["/usr/bin/dcmconv", "-q", "+te", written, converted], capture_output=True)
        if run.returncode != 0:
            return problems + [f"dcmconv: {run.stderr.decode(errors='replace').strip()}"]
        return problems + [f"through dcmconv: {line}" for line in compare(original, converted, through_dcmconv=written)]


def judge(arguments, name):
    original, written = os.path.join(arguments.originals, name), os.path.join(arguments.written, name)
    if not os.path.exists(written):
        return [f"{name}: was not written"]
    problems = compare(original, written)
    if arguments.dcmtk:
        problems += dcmtk(original, written)
    return [f"{name}: {problem}" for problem in problems]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals")
    parser.add_argument("written")
    parser.add_argument("--dcmtk", action="store_true")
    arguments = parser.parse_args()
    names = [os.path.relpath(os.path.join(parent, file), arguments.originals)
             for parent, _, files in os.walk(arguments.originals) for file in files]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        results = list(pool.map(functools.partial(judge, arguments), sorted(names), chunksize=4))
    for line in (line for lines in results for line in lines):
        print(line)
    print(f"{len(names)} files, {sum(1 for lines in results if lines)} with problems")
    return 1 if not names or any(results) else 0


if __name__ == "__main__":
    sys.exit(main())
