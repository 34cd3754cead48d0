"""Compares `omnitool convert --stored FILE x.npy` with what pydicom's and DCMTK's decoders make of each file of a folder.

    stored_pixels.py FOLDER OMNITOOL --exceptions FILE.tsv

The same array is asked for, shape and type included: exactly, and within 1 of one decoder where the compression is lossy.
What none of them decodes may be decoded or refused. Prints `N files, M compared, P with problems`.
"""
import argparse
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pydicom import dcmread
from pydicom.pixels import get_decoder

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
LOSSY = {"1.2.840.10008.1.2.4." + n for n in ("50", "51", "81", "91", "203")}
DCMTK = {**{n: "dcmdjpeg +cn +px" for n in ("50", "51", "57", "70")}, **{n: "dcmdjpls +px" for n in ("80", "81")}}


def references(path):
    """The arrays of all decoders, and the transfer syntax."""
    try:
        dataset = dcmread(path, force=True)
        syntax = dataset.file_meta.TransferSyntaxUID
        decoder = get_decoder(syntax)
    except Exception:
        return [], None
    found = []
    for plugin in list(decoder.available_plugins) if syntax.is_encapsulated else [""]:
        try:
            found.append(decoder.as_array(dataset, raw=True, decoding_plugin=plugin)[0])
        except Exception:
            pass
    command = DCMTK.get(str(syntax).split(".4.")[-1])
    if command and shutil.which(command.split()[0]):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(command.split() + [path, folder + "/o"], capture_output=True)
            try:
                if done.returncode == 0:
                    decoded = dcmread(folder + "/o")
                    found.append(get_decoder(decoded.file_meta.TransferSyntaxUID).as_array(decoded, raw=True)[0])
            except Exception:
                pass
    if dataset.get("BitsStored", 0) and dataset.BitsStored < dataset.BitsAllocated:
        # A stored value has no bits beyond Bits Stored; pydicom leaves them in what was compressed.
        shift = dataset.BitsAllocated - dataset.BitsStored
        found += [(a << shift) >> shift for a in found if a.dtype.kind in "iu" and a.dtype.itemsize * 8 > shift]
    return found, str(syntax)


def judge(path, omnitool, folder):
    target = f"{folder}/{abs(hash(path))}.npy"
    done = subprocess.run([omnitool, "convert", "--stored", path, target], capture_output=True, text=True)
    ours = np.load(target) if done.returncode == 0 else None
    if ours is not None:
        os.remove(target)
    if done.returncode not in (0, 1):
        return "crashed", done.stderr[-300:]
    others, syntax = references(path)
    if not others:
        return ("alone" if ours is not None else "refused"), done.stderr[-200:]
    if ours is None:
        return "missing", done.stderr[-300:]
    for other in others:
        if other.shape == ours.shape and other.dtype.newbyteorder("=") == ours.dtype:
            if np.array_equal(other, ours, equal_nan=other.dtype.kind == "f"):
                return "exact", ""
            if syntax in LOSSY and np.abs(other.astype(float) - ours.astype(float)).max() <= 1:
                return "near", ""
    return "different", f"{ours.shape} {ours.dtype}, others {[(a.shape, str(a.dtype)) for a in others]}"


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("omnitool")
parser.add_argument("--exceptions", required=True)
arguments = parser.parse_args()
exceptions = {}
for line in open(arguments.exceptions):
    if line.strip() and not line.startswith("#"):
        name, verdict, reason = line.rstrip("\n").split("\t")
        exceptions[name] = verdict
paths = sorted(str(p) for p in pathlib.Path(arguments.folder).rglob("*") if p.is_file())
counts, problems = {}, 0
with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
    results = pool.map(lambda path: judge(path, arguments.omnitool, folder), paths)
    for path, (verdict, what) in zip(paths, results):
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict in ("exact", "near", "refused") or exceptions.get(os.path.basename(path)) == verdict:
            continue
        problems += 1
        print(f"{os.path.basename(path)}: {verdict}: {what}")
compared = counts.get("exact", 0) + counts.get("near", 0)
print(f"{len(paths)} files, {compared} compared, {problems} with problems; {counts}")
sys.exit(problems > 0 or compared < 140)
