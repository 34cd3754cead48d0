#!/usr/bin/env python3
"""Judges a result series by its input, voxel by voxel, with pydicom and SimpleITK.

    compare_series.py INPUT_FOLDER OUTPUT_FOLDER [--offset 1] [--expect N] [--pictures FOLDER]

For each output slice the input slice at the same position is found. The value after rescale (stored value where there
is no rescale) must be the input's plus the offset in every voxel, exactly. Both folders must hold one series each of the
same number of slices (N with --expect); the output's SOP Instance UIDs must be unique, the series UID one, and none of
them the input's; origin, spacing, direction and size as SimpleITK reads them must be equal within 1e-6. Files that are no
images, DICOMDIRs and localizers are left out. --pictures writes before.png and after.png of the middle slice.

Exit status: 0 and a last line `OK …`, or 1 and each difference on standard error.
"""

import argparse
import os
import sys

import numpy
import pydicom
import SimpleITK

import show_slice


def images_below(folder):
    """{path: data set} of the image instances, localizers left out."""
    found = {}
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(parent, name)
            try:
                dataset = pydicom.dcmread(path)
            except (pydicom.errors.InvalidDicomError, IsADirectoryError):
                continue
            if "PixelData" in dataset and "LOCALIZER" not in dataset.get("ImageType", []):
                found[path] = dataset
    return found


def position(dataset):
    return tuple(float(x) for x in dataset.ImagePositionPatient)


def nearest(images, place):
    """The path of the image at a position, within 1e-3 mm, or nothing."""
    path = min(images, key=lambda path: numpy.linalg.norm(numpy.subtract(position(images[path]), place)), default=None)
    return path if path and numpy.allclose(position(images[path]), place, rtol=0, atol=1e-3) else None


def values(dataset):
    """Values after rescale; exact as long as slope and intercept are, which doubles show."""
    stored = dataset.pixel_array.astype(numpy.float64)
    return stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))


def ordered_paths(images):
    """Paths by the projection of the position on the slice normal."""
    first = next(iter(images.values()))
    row, column = numpy.split(numpy.array(first.ImageOrientationPatient, dtype=float), 2)
    normal = numpy.cross(row, column)
    return sorted(images, key=lambda path: float(numpy.dot(normal, position(images[path]))))


def itk_geometry(images):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(ordered_paths(images))
    image = reader.Execute()
    return {"size": image.GetSize(), "origin": image.GetOrigin(), "spacing": image.GetSpacing(),
            "direction": image.GetDirection()}


def differences(inputs, outputs, offset, expect):
    """Yields a sentence for each thing that is not as it must be."""
    count = len(inputs) if expect is None else expect
    for name, images in (("input", inputs), ("output", outputs)):
        if len(images) != count:
            yield f"{name}: {len(images)} images instead of {count}"
        series = {dataset.SeriesInstanceUID for dataset in images.values()}
        if len(series) != 1:
            yield f"{name}: {len(series)} series instead of one"
    if not inputs or not outputs:
        return
    uids = [dataset.SOPInstanceUID for dataset in outputs.values()]
    if len(set(uids)) != len(uids):
        yield "output: SOP Instance UIDs are not unique"
    if set(uids) & {dataset.SOPInstanceUID for dataset in inputs.values()}:
        yield "output: holds SOP Instance UIDs of the input"
    if {d.SeriesInstanceUID for d in outputs.values()} & {d.SeriesInstanceUID for d in inputs.values()}:
        yield "output: has the input's Series Instance UID"
    for attribute in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        before = {str(dataset.get(attribute)) for dataset in inputs.values()}
        if {str(dataset.get(attribute)) for dataset in outputs.values()} != before:
            yield f"output: {attribute} is not the input's"

    unmatched = dict(inputs)
    for path, after in outputs.items():
        before = unmatched.pop(nearest(unmatched, position(after)), None)
        if before is None:
            yield f"{path}: no input slice (any more) at {position(after)}"
            continue
        a, b = values(before), values(after)
        if a.shape != b.shape:
            yield f"{path}: {b.shape} instead of {a.shape}"
        elif not numpy.array_equal(b, a + offset):
            wrong = numpy.argwhere(b != a + offset)
            row, column = wrong[0]
            yield (f"{path}: {len(wrong)} voxels of {a.size} differ, the first at row {row} column {column}: "
                   f"{a[row, column]} became {b[row, column]}")
    for before in unmatched.values():
        yield f"no output slice at {position(before)}"

    before, after = itk_geometry(inputs), itk_geometry(outputs)
    for name in before:
        if not numpy.allclose(before[name], after[name], rtol=0, atol=1e-6):
            yield f"SimpleITK: {name} {after[name]} instead of {before[name]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--offset", type=float, default=0)
    parser.add_argument("--expect", type=int)
    parser.add_argument("--pictures")
    options = parser.parse_args()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    inputs, outputs = images_below(options.input), images_below(options.output)
    found = list(differences(inputs, outputs, options.offset, options.expect))
    if options.pictures and inputs and outputs:
        show_slice.pictures(inputs, outputs, options.pictures)
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        print(f"DIFFERENT: {len(found)} differences")
        return 1
    one = next(iter(outputs.values()))
    print(f"OK: {len(outputs)} slices of {one.Rows} x {one.Columns}, each voxel is the input's plus {options.offset:g}, "
          "geometry equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
