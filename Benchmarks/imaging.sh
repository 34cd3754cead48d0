#!/usr/bin/env bash
# Images to volumes, operations on volumes and codecs: this project beside pydicom with NumPy, SciPy, SimpleITK and GDCM in
# one run, alternated.
#
#   Benchmarks/imaging.sh [--runs 5] [--slices 500] [--only series,resample,…]
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup
swift build -c release --scratch-path .build-bench --product omnitool
swift build -c release --scratch-path .build-bench --product ImagingBenchmark
bin=$(swift build -c release --scratch-path .build-bench --show-bin-path)
exec .venv/bin/python Benchmarks/imaging.py "$bin" "$@"
