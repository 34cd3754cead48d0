"""Reading and writing data sets, side by side: this project, pydicom and DCMTK. Called by datasets.sh.

    datasets.py BIN_FOLDER [--runs 5] [--ct 500] [--mr 2000]

The files are on tmpfs, so that no disk is timed. Each side reads the same ten values of the same files, in one thread of
one process; their check sums have to agree.
"""

import argparse
import json
import os
import shutil
import subprocess
import time
import warnings

import numpy
import pydicom

import common

TEXTS = ("SOPClassUID", "SOPInstanceUID", "Modality", "PatientName", "PatientID", "StudyInstanceUID",
         "SeriesInstanceUID")


def below(folder):
    return sorted(os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)


def pydicom_headers(paths, rounds):
    start = time.perf_counter()
    for _ in range(rounds):
        check = 0
        for path in paths:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            for name in TEXTS:
                check += len(str(dataset.get(name, "")))
            check += int(dataset.get("InstanceNumber") or 0)
            check += int(dataset.get("Rows") or 0)
            spacing = dataset.get("PixelSpacing")
            check += round(float(spacing[0]) * 1000) if spacing else 0
    return {"files": len(paths) * rounds, "seconds": time.perf_counter() - start, "check": check}


def pydicom_parse(paths, rounds):
    start, size = time.perf_counter(), 0
    for _ in range(rounds):
        check = 0
        for path in paths:
            for element in pydicom.dcmread(path):
                if element.tag == 0x7FE00010 and not element.is_undefined_length:
                    size += len(element.value)
                    check += int(numpy.frombuffer(element.value, numpy.uint8).sum(dtype=numpy.uint64))
    return {"files": len(paths) * rounds, "bytes": size, "seconds": time.perf_counter() - start, "check": check}


def pydicom_write(paths, output):
    datasets = [pydicom.dcmread(path) for path in paths]
    start = time.perf_counter()
    for number, dataset in enumerate(datasets):
        dataset.SeriesDescription = "written"
        dataset.save_as(os.path.join(output, f"{number}.dcm"))
    return {"files": len(paths), "seconds": time.perf_counter() - start, "check": 0}


def ours(binary, *arguments):
    return json.loads(subprocess.run([binary, *map(str, arguments)], check=True, capture_output=True).stdout)


def rate(results):
    return [result["files"] / result["seconds"] for result in results]


class Comparison:
    def __init__(self):
        self.rows = []

    def run(self, title, runs, sides, unit="files/s", scale=lambda r: r["files"] / r["seconds"]):
        """Alternates the sides; every run has to give the same check sum."""
        results = {name: [] for name in sides}
        for _ in range(runs):
            for name, side in sides.items():
                results[name].append(side())
        checks = {result["check"] for side in results.values() for result in side}
        if len(checks) != 1:
            raise SystemExit(f"{title}: the sides read different values: {checks}")
        first = common.median(list(map(scale, results["DICOMNode"])))
        for name, side in results.items():
            figures = list(map(scale, side))
            middle = common.median(figures)
            self.rows.append((title, name, f"{middle:,.0f}", f"{max(figures):,.0f}", unit, f"{first / middle:.1f}"))


def copy_test_set(folder, dcmtk):
    """pydicom's own test files, those in which pydicom and DCMTK read the same ten values."""
    os.mkdir(folder)
    for number, path in enumerate(below(os.path.join(os.path.dirname(pydicom.__file__), "data", "test_files"))):
        target, listing = os.path.join(folder, f"{number}.dcm"), folder + ".one"
        shutil.copyfile(path, target)
        with open(listing, "w") as file:
            file.write(target + "\n")
        try:
            usable = pydicom_headers([target], 1)["check"] == ours(dcmtk, listing, 1)["check"]
        except Exception:  # noqa: BLE001 - whatever it is, one of them does not read it
            usable = False
        if not usable:
            os.remove(target)


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ct", type=int, default=500)
    parser.add_argument("--mr", type=int, default=2000)
    options = parser.parse_args()
    common.end_on_signals()
    tool, bench = (os.path.join(options.bin, name) for name in ("omnitool", "DataSetBenchmark"))
    dcmtk = os.path.join(options.bin, "datasets_dcmtk")
    media = common.Media(["tmpfs"])
    comparison = Comparison()
    try:
        root = media.fresh("tmpfs")
        for name, arguments in (("CT", ["--slices", options.ct, "--rows", 512, "--columns", 512]),
                                ("MR", ["--modality", "MR", "--slices", options.mr, "--rows", 128, "--columns", 128])):
            subprocess.run([tool, "phantom", os.path.join(root, name), *map(str, arguments)], check=True,
                           stdout=subprocess.DEVNULL)
        copy_test_set(os.path.join(root, "pydicom"), dcmtk)
        for name, rounds in (("CT", 4), ("MR", 2), ("pydicom", 10)):
            folder = os.path.join(root, name)
            paths = below(folder)
            listing = os.path.join(root, name + ".txt")
            with open(listing, "w") as file:
                file.write("\n".join(paths) + "\n")
            comparison.run(f"{name}: headers, ten values", options.runs, {
                "DICOMNode": lambda: ours(bench, "headers", folder, 10 * rounds),
                "DCMTK": lambda: ours(dcmtk, listing, rounds),
                "pydicom": lambda: pydicom_headers(paths, 1),
            })
        comparison.run("CT: whole file, pixels summed", options.runs, {
            "DICOMNode": lambda: ours(bench, "parse", os.path.join(root, "CT"), 2),
            "pydicom": lambda: pydicom_parse(below(os.path.join(root, "CT")), 1),
        }, "MB/s", lambda r: r["bytes"] / r["seconds"] / 1e6)
        for name in ("CT", "MR"):
            def written(side):
                output = media.fresh("tmpfs")
                try:
                    return side(output)
                finally:
                    media.done_with("tmpfs", output)
            folder = os.path.join(root, name)
            comparison.run(f"{name}: writing", options.runs, {
                "DICOMNode": lambda: written(lambda output: ours(bench, "write", folder, output)),
                "pydicom": lambda: written(lambda output: pydicom_write(below(folder), output)),
            })
    finally:
        media.remove()
    print(f"{common.machine()}; medians of {options.runs} runs, one thread, files on tmpfs")
    common.table(("what", "side", "median", "best", "unit", "DICOMNode is × faster"), comparison.rows)


main()
