#!/usr/bin/env bash
# How fast images are received: omnitool receive beside DCMTK's storescp +B and pynetdicom, in one run, alternated.
#
#   Benchmarks/receive.sh [--runs 5] [--media tmpfs,disk] [--ct 500] [--mr 2000]
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup
swift build -c release --scratch-path .build-bench --product omnitool
bin=$(swift build -c release --scratch-path .build-bench --show-bin-path)
exec .venv/bin/python Benchmarks/receive.py "$bin" "$@"
