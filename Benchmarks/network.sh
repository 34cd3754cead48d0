#!/usr/bin/env bash
# How fast images are received and sent: omnitool beside DCMTK, pynetdicom and Orthanc, in one run, alternated.
#
#   Benchmarks/network.sh [--runs 5] [--medium tmpfs|disk] [--ct 500] [--mr 2000] [--only PART,…]
#
# Parts: discard, store, power, send, tls, large.
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup
swift build -c release --scratch-path .build-bench --product omnitool
bin=$(swift build -c release --scratch-path .build-bench --show-bin-path)
exec .venv/bin/python Benchmarks/network.py "$bin" "$@"
