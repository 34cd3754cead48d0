#!/usr/bin/env python3
"""The DICOM JSON model (PS3.18 Annex F) of files by pydicom, and its comparison with ours.

    pydicom_json.py write FOLDER REFERENCES [--jobs N]
        For each DICOM file below FOLDER, `a/b.dcm`, one file `a__b.dcm.json` in REFERENCES:
        file      the path below FOLDER
        mode      how pydicom read it: normal, force (only with force=True) or fail
        error, warnings, un_replaced (only readable so), stopped_before_pixels (only readable so), transfer_syntax
        meta, dataset   the JSON model, with these rules where the standard leaves a choice or pydicom another:
                  - DS and IS are the text of the file, as strings
                  - numbers that are not finite are "NaN", "Infinity", "-Infinity"
                  - group lengths are there
                  - encapsulated pixel data are the items from the offset table on, without sequence delimitation
                  - a value that pydicom does not convert to what its VR says: {"vr", "error"}
        UN stays UN; a VR that pydicom leaves open stands as it does, such as "US or SS".
        What is not DICOM is left out.

    pydicom_json.py compare REFERENCES FOLDER OMNITOOL [--exceptions FILE] [--jobs N]
        Compares each reference with what `OMNITOOL show --json` prints of the file in FOLDER, and prints a line for each
        difference: file, path of the element, what differs. Text and binary values are compared exactly, DS and IS by their
        text, FL and FD bit by bit. Values with an error are only counted. A file that pydicom reads only by force has to be
        read with a warning. In FILE stand the files that differ on purpose, a path and its reason in each line, separated by
        a tab: one that agrees is a difference.

Exit status of compare: 0 no difference, 1 differences.
"""

import argparse
import base64
import concurrent.futures
import functools
import io
import json
import logging
import math
import os
import struct
import subprocess
import sys
import warnings

TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
INTEGERS = {"SL", "SS", "SV", "UL", "US", "UV"}
REALS = {"FL", "FD"}
BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
# The units of the VRs that pydicom leaves in the byte order of the file.
UNITS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
# What a data set has that was read by force and is one.
TYPICAL = (0x00080016, 0x00080018, 0x00080060, 0x00100010, 0x0020000D, 0x00000100)


# Writing


def number(value):
    """A float as JSON has it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def single(vr, value):
    """One value of the JSON model. Raises TypeError where it is not of the VR's type."""
    if value is None or (isinstance(value, str) and value == ""):
        return None
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.components)
        return {name: group for name, group in groups if group} or None
    if vr in ("DS", "IS"):
        return getattr(value, "original_string", None) or str(value)
    if vr == "AT" and isinstance(value, int):
        return f"{value:08X}"
    if vr in INTEGERS and isinstance(value, int):
        return int(value)
    if vr in REALS and isinstance(value, float):
        return number(value)
    if vr in TEXT and isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no {vr}")


def little_endian(vr, value):
    """PS3.18 F.2.7 wants little endian; pydicom gives the bytes of a big endian file as they are."""
    unit = UNITS.get(vr, 1)
    whole = len(value) // unit * unit
    swapped = b"".join(value[index : index + unit][::-1] for index in range(0, whole, unit)) if unit > 2 else None
    if unit == 2:
        pairs = bytearray(value[:whole])
        pairs[0::2], pairs[1::2] = pairs[1::2], pairs[0::2]
        swapped = bytes(pairs)
    return value if unit == 1 else swapped + value[whole:]


def element_model(dataset, tag, is_little_endian):
    """The JSON model of one element."""
    from pydicom.multival import MultiValue

    vr = dataset.get_item(tag).VR
    try:
        element = dataset[tag]
        vr, value = element.VR, element.value
        if vr == "SQ":
            items = [dataset_model(item, is_little_endian) for item in value or ()]
            return {"vr": vr, "Value": items} if items else {"vr": vr}
        if vr in BINARY or isinstance(value, bytes):
            if vr not in BINARY and " or " not in vr:
                raise TypeError(f"bytes are no {vr}")
            value = bytes(value or b"")
            if not is_little_endian and not element.is_undefined_length:
                value = little_endian(vr, value)
            return {"vr": vr, "InlineBinary": base64.b64encode(value).decode()} if value else {"vr": vr}
        if value is None or element.is_empty:
            return {"vr": vr}
        values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
        return {"vr": vr, "Value": [single(vr, value) for value in values]}
    except Exception as error:  # whatever it is: pydicom has no value then
        return {"vr": vr, "error": f"{type(error).__name__}: {error}"[:200]}


def dataset_model(dataset, is_little_endian):
    return {f"{int(tag):08X}": element_model(dataset, tag, is_little_endian) for tag in sorted(dataset.keys())}


def read(data, result):
    """The data set, read as normally as it can be; None when it cannot."""
    import pydicom

    ways = (
        ("normal", False, {}),
        ("normal", True, {}),
        ("normal", False, {"stop_before_pixels": True}),
        ("force", False, {"force": True}),
        ("force", False, {"force": True, "stop_before_pixels": True}),
    )
    for mode, replaces_un, options in ways:
        # It counts when values are converted too, which is later.
        pydicom.config.replace_un_with_known_vr = replaces_un
        try:
            dataset = pydicom.dcmread(io.BytesIO(data), **options)
        except Exception as error:
            result.setdefault("error", f"{type(error).__name__}: {error}"[:200])
            continue
        result["mode"] = mode
        if replaces_un:
            result["un_replaced"] = True
        if "stop_before_pixels" in options:
            result["stopped_before_pixels"] = True
        return dataset
    result["mode"] = "fail"
    return None


def reference(folder, name):
    """What pydicom makes of a file; None when it is no DICOM file."""
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    result = {"file": name}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = read(data, result)
        if dataset is None:
            return result if data[128:132] == b"DICM" else None
        if result["mode"] == "force" and not any(tag in dataset for tag in TYPICAL):
            return None
        meta = getattr(dataset, "file_meta", None) or {}
        result["transfer_syntax"] = str(meta.get("TransferSyntaxUID", "")) or None
        result["meta"] = dataset_model(meta, True)
        result["dataset"] = dataset_model(dataset, dataset.original_encoding[1])
    result["warnings"] = sorted({str(warning.message)[:200] for warning in caught})
    return result


def file_name(name):
    return name.replace(os.sep, "__") + ".json"


def write_one(folder, output, name):
    import pydicom

    pydicom.config.settings.reading_validation_mode = pydicom.config.WARN
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    result = reference(folder, name)
    if result is None:
        return False
    with open(os.path.join(output, file_name(name)), "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, allow_nan=False)
    return True


def files_below(folder):
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), folder)


def write(arguments):
    os.makedirs(arguments.references, exist_ok=True)
    names = sorted(files_below(arguments.folder))
    job = functools.partial(write_one, arguments.folder, arguments.references)
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        written = sum(pool.map(job, names))
    print(f"{written} references of {len(names)} files")
    return 0 if written else 1


# Comparison


class Number(str):
    """A number token of JSON, as opposed to a string."""


def load(text):
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=lambda name: f"bare {name}")


def bits(vr, value):
    """The binary number that a JSON value stands for."""
    return struct.pack("<f" if vr == "FL" else "<d", float(value))


def shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:100]}… ({len(text)} characters)"


def same(vr, theirs, ours):
    """Whether two values of the JSON model are the same."""
    if theirs is None or ours is None or vr == "PN":
        return theirs == ours
    if vr in ("DS", "IS"):
        return str(theirs) == str(ours)
    if vr in REALS:
        finite = isinstance(theirs, Number)
        if finite != isinstance(ours, Number):
            return False
        return theirs == ours if not finite else bits(vr, theirs) == bits(vr, ours)
    return isinstance(theirs, Number) == isinstance(ours, Number) and theirs == ours


def binary_values(vr, data):
    """The values of bytes whose VR pydicom left open, by the VR that we chose."""
    form = {"US": "H", "SS": "h"}.get(vr)
    if form is None:
        return None
    return [Number(value) for value in struct.unpack(f"<{len(data) // 2}{form}", data[: len(data) // 2 * 2])]


class Comparison:
    def __init__(self):
        self.errors = 0  # values that pydicom did not convert
        self.lines = []

    def note(self, path, text):
        self.lines.append(f"{path}: {text}")

    def datasets(self, theirs, ours, path=""):
        for key in sorted(theirs.keys() | ours.keys()):
            if key not in ours:
                self.note(path + key, f"missing in ours, pydicom {shown(theirs[key])}")
            elif key not in theirs:
                self.note(path + key, f"only in ours {shown(ours[key])}")
            else:
                self.elements(theirs[key], ours[key], path + key)
        if list(ours) != sorted(ours):
            self.note(path or "data set", "the keys are not in ascending order")

    def elements(self, theirs, ours, path):
        if "error" in theirs:
            self.errors += 1
            return
        vr, our_vr = theirs["vr"], ours.get("vr")
        if " or " in vr and our_vr in vr.split(" or "):
            values = binary_values(our_vr, base64.b64decode(theirs.get("InlineBinary", "")))
            if values is not None:
                theirs = {"vr": our_vr, "Value": values} if values else {"vr": our_vr}
            vr = our_vr
        if vr != our_vr:
            self.note(path, f"VR {our_vr} {shown(ours)}, pydicom {vr} {shown(theirs)}")
        elif set(ours) - {"vr"} != set(theirs) - {"vr"}:
            self.note(path, f"{vr} {shown(ours)}, pydicom {shown(theirs)}")
        elif "InlineBinary" in ours:
            if ours["InlineBinary"] != theirs["InlineBinary"]:
                self.note(path, f"{vr} {shown(ours['InlineBinary'])}, pydicom {shown(theirs['InlineBinary'])}")
        elif "Value" in ours:
            self.values(vr, theirs["Value"], ours["Value"], path)

    def values(self, vr, theirs, ours, path):
        if len(theirs) != len(ours):
            self.note(path, f"{vr} {len(ours)} values {shown(ours)}, pydicom {len(theirs)} {shown(theirs)}")
            return
        for index, (their, our) in enumerate(zip(theirs, ours)):
            if vr == "SQ":
                self.datasets(their, our, f"{path}[{index}].")
            elif not same(vr, their, our):
                self.note(f"{path}[{index}]", f"{vr} {shown(our)}, pydicom {shown(their)}")


def our_text(arguments, name):
    """Our JSON of a file, or None, and what was said on standard error."""
    path = os.path.join(arguments.folder, name)
    run = subprocess.run([arguments.omnitool, "show", "--json", path], capture_output=True, timeout=120)
    said = run.stderr.decode(errors="replace").strip()
    return (run.stdout.decode() if run.returncode == 0 else None), said


def compare_one(arguments, name):
    """The lines to print for a reference, and the number of values that could not be compared."""
    with open(os.path.join(arguments.references, name), encoding="utf-8") as file:
        theirs = load(file.read())
    if theirs["mode"] == "fail":
        return [], 0
    text, said = our_text(arguments, theirs["file"])
    if text is None:
        return [f"{theirs['file']}: not read by ours ({said[-300:]}), pydicom {theirs['mode']}"], 0
    if theirs["mode"] == "force" and not said:
        return [f"{theirs['file']}: read without a warning, by pydicom only with force"], 0
    try:
        ours = load(text)
    except ValueError as error:
        return [f"{theirs['file']}: ours is no JSON: {error}"], 0
    if isinstance(ours, list) and len(ours) == 1:
        ours = ours[0]
    expected = theirs["dataset"]
    if any(key.startswith("0002") for key in ours):
        expected = theirs["meta"] | expected
    comparison = Comparison()
    comparison.datasets(expected, ours)
    return [f"{theirs['file']}: {line}" for line in comparison.lines], comparison.errors


def exceptions(path):
    if path is None:
        return {}
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]
    return dict(line.split("\t", 1) for line in lines)


def compare(arguments):
    names = sorted(name for name in os.listdir(arguments.references) if name.endswith(".json"))
    excepted = exceptions(arguments.exceptions)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(functools.partial(compare_one, arguments), names))
    different = {lines[0].partition(":")[0]: lines for lines, _ in results if lines}
    for name in sorted(different.keys() - excepted.keys()):
        print("\n".join(different[name][:20]))
    unneeded = sorted(excepted.keys() - different.keys())
    for name in unneeded:
        print(f"{name}: stands among the exceptions and agrees, or is not there")
    errors = sum(errors for _, errors in results)
    print(
        f"{len(names)} files, {len(different)} differ, {len(excepted)} of them on purpose, "
        f"{errors} values that pydicom does not convert"
    )
    return 1 if unneeded or different.keys() - excepted.keys() or not names else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("folder")
    writing.add_argument("references")
    writing.add_argument("--jobs", type=int, default=2)
    comparing = commands.add_parser("compare")
    comparing.add_argument("references")
    comparing.add_argument("folder")
    comparing.add_argument("omnitool")
    comparing.add_argument("--exceptions")
    comparing.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.command == "write":
        return write(arguments)
    return compare(arguments)


if __name__ == "__main__":
    sys.exit(main())
