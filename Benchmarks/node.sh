#!/usr/bin/env bash
# The whole cycle of a node: from the sender's last acknowledgement until the last result is in the archive; PlusOne
# beside the same in Python and DCMTK's mere forwarding, in one run, alternated.
#
#   Benchmarks/node.sh [--runs 5] [--media tmpfs,disk] [--slices 500] [--durability power,process]
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup
swift build -c release --scratch-path .build-bench --product omnitool
swift build -c release --scratch-path .build-bench --product PlusOne
bin=$(swift build -c release --scratch-path .build-bench --show-bin-path)
exec .venv/bin/python Benchmarks/node.py "$bin" "$@"
