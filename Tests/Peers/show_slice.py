#!/usr/bin/env python3
"""Pictures of a series' middle slice before and after, in one window, so that they can be compared by eye.

    show_slice.py INPUT_FOLDER OUTPUT_FOLDER PICTURE_FOLDER

Writes before.png, after.png and difference.png (black where both are equal, white at the largest difference) and prints
their paths. Pixels that are not square are drawn as they lie in the patient.
"""

import argparse
import os
import sys

import numpy
from PIL import Image

import compare_series


def draw(values, low, high, spacing, path):
    """Gray between low (black) and high (white)."""
    scaled = numpy.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
    picture = Image.fromarray(scaled.round().astype(numpy.uint8))
    finest = min(spacing)
    height, width = (round(n * step / finest) for n, step in zip(values.shape, spacing))
    enlarge = max(1, 512 // max(height, width))
    picture.resize((width * enlarge, height * enlarge), Image.Resampling.NEAREST).save(path)
    print(path)


def pictures(inputs, outputs, folder):
    os.makedirs(folder, exist_ok=True)
    paths = compare_series.ordered_paths(inputs)
    middle = inputs[paths[len(paths) // 2]]
    result = outputs.get(compare_series.nearest(outputs, compare_series.position(middle)))
    spacing = [float(x) for x in middle.PixelSpacing]
    before = compare_series.values(middle)
    low, high = float(before.min()), float(before.max())
    draw(before, low, high, spacing, os.path.join(folder, "before.png"))
    if result is not None:
        after = compare_series.values(result)
        draw(after, low, high, spacing, os.path.join(folder, "after.png"))
        if after.shape == before.shape:
            change = numpy.abs(after - before)
            draw(change, 0, float(change.max()), spacing, os.path.join(folder, "difference.png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("pictures")
    options = parser.parse_args()
    inputs, outputs = compare_series.images_below(options.input), compare_series.images_below(options.output)
    if not inputs:
        sys.exit(f"show_slice: no images below {options.input}")
    pictures(inputs, outputs, options.pictures)


if __name__ == "__main__":
    main()
