"""Receiving, side by side: omnitool receive, DCMTK's storescp +B and pynetdicom. Called by receive.sh.

    receive.py BIN_FOLDER [--runs 5] [--media tmpfs,disk] [--ct 500] [--mr 2000]
"""

import argparse
import os
import subprocess
import sys

import common
import load


def omnitool(binary, durability):
    def start(output, log):
        command = [binary, "receive", "0", "ARCHIVE", "--output", output, "--address", "127.0.0.1",
                   "--durability", durability]
        return common.Server(command, log)
    return start


def check_stored(folder, digests):
    """Every instance that was sent is there once, with the data set bytes that were sent."""
    stored = load.instances_below(folder)
    if len(stored) != len(digests) or {i.uid for i in stored} != set(digests):
        raise SystemExit(f"{len(stored)} files were stored instead of {len(digests)}")
    wrong = sum(instance.digest() != digests[instance.uid] for instance in stored)
    if wrong:
        raise SystemExit(f"{wrong} of {len(stored)} stored data sets differ from what was sent")


def measure(start, media, medium, instances, digests):
    folder = media.fresh(medium)
    output, log = os.path.join(folder, "stored"), os.path.join(folder, "log")
    os.mkdir(output)
    server = start(output, log)
    try:
        before = server.cpu_seconds()
        result = load.send(server.port, "ARCHIVE", instances)
        cpu = server.cpu_seconds() - before
    finally:
        server.stop()
    if result.failures:
        raise SystemExit(f"{result.failures} instances were not answered with Success")
    check_stored(output, digests)
    media.done_with(medium, folder)
    return result, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--media", default="tmpfs,disk")
    parser.add_argument("--ct", type=int, default=500)
    parser.add_argument("--mr", type=int, default=2000)
    options = parser.parse_args()
    common.end_on_signals()
    binary = os.path.join(options.bin, "omnitool")
    receivers = {
        ("omnitool", "process"): omnitool(binary, "process"),
        ("omnitool", "power"): omnitool(binary, "power"),
        ("storescp +B", "none"): common.storescp,
        ("pynetdicom", "none"): common.pynetdicom,
    }
    loads = {
        "CT": (options.ct, 512, ["--modality", "CT"]),
        "MR": (options.mr, 128, ["--modality", "MR"]),
    }
    media = common.Media(options.media.split(","))
    try:
        print(f"Receiving over one association on loopback; {common.machine()}; medians of {options.runs} alternated "
              "runs, stored bytes compared after each.")
        print("Durability: none = no promise by the receiver, process = survives its end (page cache), power = synced.")
        for name, (count, size, arguments) in loads.items():
            source = media.fresh(options.media.split(",")[0])
            subprocess.run([binary, "phantom", source, *arguments, "--slices", str(count), "--rows", str(size),
                            "--columns", str(size)], check=True, stdout=subprocess.DEVNULL)
            instances = load.instances_below(source)
            digests = {instance.uid: instance.digest() for instance in instances}
            for medium in media.folders:
                compare(name, size, medium, media, receivers, instances, digests, options.runs)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        media.remove()


def compare(name, size, medium, media, receivers, instances, digests, runs):
    found = {key: [] for key in receivers}
    for run in range(runs):
        keys = list(receivers)
        keys = keys[run % len(keys):] + keys[:run % len(keys)]  # nobody is always first
        for key in keys:
            found[key].append(measure(receivers[key], media, medium, instances, digests))
    mebibytes = sum(len(instance.data) for instance in instances) / 2**20
    print(f"\n{len(instances)} {name} images of {size} x {size}, {mebibytes:.0f} MiB, on {medium}")
    reference = common.median([result.seconds for result, _ in found["storescp +B", "none"]])
    rows = []
    for (receiver, durability), results in found.items():
        seconds = common.median([result.seconds for result, _ in results])
        rows.append([
            receiver, durability, f"{seconds:.3f}", f"{min(result.seconds for result, _ in results):.3f}",
            f"{mebibytes / seconds:.0f}", f"{len(instances) / seconds:.0f}",
            f"{common.median([result.median_milliseconds for result, _ in results]):.2f}",
            f"{common.median([cpu for _, cpu in results]):.2f}", f"{reference / seconds:.2f}",
        ])
    common.table(["receiver", "durability", "s", "best s", "MiB/s", "images/s", "ms/image", "CPU s",
                  "speed / storescp"], rows)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
