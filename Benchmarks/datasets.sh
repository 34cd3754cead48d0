#!/usr/bin/env bash
# How fast data sets are read and written: this project, pydicom and DCMTK in one run, alternated, one thread each.
#
#   Benchmarks/datasets.sh [--runs 5] [--ct 500] [--mr 2000]
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup benchmarks
swift build -c release --scratch-path .build-bench --product omnitool
swift build -c release --scratch-path .build-bench --product DataSetBenchmark
bin=$(swift build -c release --scratch-path .build-bench --show-bin-path)
g++ -std=c++17 -O2 -o "$bin/datasets_dcmtk" Benchmarks/datasets_dcmtk.cc -ldcmdata -loflog -lofstd
exec .venv/bin/python Benchmarks/datasets.py "$bin" "$@"
