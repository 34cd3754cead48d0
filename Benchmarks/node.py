"""The whole cycle, side by side: PlusOne, the same by hand in Python, and DCMTK forwarding only. Called by node.sh.

    node.py BIN_FOLDER [--runs 5] [--media tmpfs,disk] [--slices 500] [--durability power,process]

The time is that from the sender's last acknowledgement until the last result was written by the archive (DCMTK's
storescp +B). DCMTK's part is no processing at all: its storescp receives, and its storescu sends the same files on.
"""

import argparse
import os
import subprocess
import sys
import threading
import time

import common
import load

JUDGE = os.path.join(common.ROOT, "Tests", "Peers", "compare_series.py")
DEADLINE = 300  # seconds for one run


class PlusOne:
    """The node, with its state directory on the medium that is measured."""

    def __init__(self, binary, durability):
        self.binary, self.durability, self.title, self.offset = binary, durability, "PLUSONE", 1

    def start(self, folder, archive_port):
        command = [self.binary, "serve", "--address", "127.0.0.1", "--port", "0", "--ae-title", self.title,
                   "--state-directory", os.path.join(folder, "state"), "--durability", self.durability,
                   "--destination", f"ARCHIVE@127.0.0.1:{archive_port}"]
        return common.Server(command, os.path.join(folder, "log"))

    def sent(self, folder, archive_port):
        """The node goes on by itself."""


class Python:
    title, offset = "NODE", 1

    def start(self, folder, archive_port):
        script = os.path.join(common.ROOT, "Benchmarks", "python_node.py")
        command = [common.PYTHON, script, str(archive_port), "--output", os.path.join(folder, "in")]
        return common.Server(command, os.path.join(folder, "log"))

    def sent(self, folder, archive_port):
        """It goes on by itself."""


class Forwarding:
    title, offset = "FORWARD", 0

    def start(self, folder, archive_port):
        os.mkdir(os.path.join(folder, "in"))
        return common.storescp(os.path.join(folder, "in"), os.path.join(folder, "log"), self.title)

    def sent(self, folder, archive_port):
        command = ["/usr/bin/storescu", "--scan-directories", "-aec", "ARCHIVE", "127.0.0.1", str(archive_port),
                   os.path.join(folder, "in")]
        subprocess.run(command, env={**os.environ, "TCP_NODELAY": "1"}, check=True, timeout=DEADLINE)


def last_arrival(folder, count):
    """When the last of `count` files was last written to, as time.time(); waits until it is there and stays."""
    deadline, latest = time.monotonic() + DEADLINE, None
    while time.monotonic() < deadline:
        entries = list(os.scandir(folder)) if len(os.listdir(folder)) >= count else []
        if entries:
            now = max(entry.stat().st_mtime for entry in entries)
            if now == latest:
                return now
            latest = now
        time.sleep(0.1)
    raise SystemExit(f"only {len(os.listdir(folder))} of {count} results arrived within {DEADLINE} s")


def measure(node, media, medium, source, instances):
    folder = media.fresh(medium)
    result_folder = os.path.join(folder, "result")
    os.mkdir(result_folder)
    archive = common.storescp(result_folder, os.path.join(folder, "archive.log"))
    try:
        server = node.start(folder, archive.port)
        try:
            sent = load.send(server.port, node.title, instances)
            if sent.failures:
                raise SystemExit(f"{sent.failures} instances were not answered with Success")
            forward = threading.Thread(target=node.sent, args=(folder, archive.port))
            forward.start()
            arrived = last_arrival(result_folder, len(instances))
            forward.join()
        finally:
            server.stop()
    finally:
        archive.stop()
    if node.offset:
        judge(source, result_folder, node.offset, len(instances))
    else:
        same = {i.uid: i.digest() for i in instances} == {i.uid: i.digest() for i in load.instances_below(result_folder)}
        if not same:
            raise SystemExit("the forwarded images differ from what was sent")
    media.done_with(medium, folder)
    return sent.seconds, arrived - sent.last_acknowledgement


def judge(source, result, offset, count):
    command = [common.PYTHON, JUDGE, source, result, "--offset", str(offset), "--expect", str(count)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    if run.returncode:
        raise SystemExit(f"the result is wrong:\n{run.stdout}{run.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--media", default="tmpfs,disk")
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--durability", default="power,process")
    options = parser.parse_args()
    common.end_on_signals()
    binary = os.path.join(options.bin, "PlusOne")
    nodes = {("PlusOne", level): PlusOne(binary, level) for level in options.durability.split(",")}
    nodes["forwarding, DCMTK", "none"] = Forwarding()
    nodes["pynetdicom + pydicom", "none"] = Python()
    media = common.Media(options.media.split(","))
    try:
        source = media.fresh(options.media.split(",")[0])
        subprocess.run([os.path.join(options.bin, "omnitool"), "phantom", source, "--slices", str(options.slices),
                        "--rows", "512", "--columns", "512"], check=True, stdout=subprocess.DEVNULL)
        instances = load.instances_below(source)
        print(f"Receive, add one, deliver {len(instances)} slices of 512 x 512; {common.machine()}; medians of "
              f"{options.runs} alternated runs; each result compared voxel by voxel.")
        print("Durability of what was received: none, process = survives the node's end, power = synced.")
        for medium in media.folders:
            compare(medium, media, nodes, source, instances, options.runs)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        media.remove()


def compare(medium, media, nodes, source, instances, runs):
    found = {key: [] for key in nodes}
    for run in range(runs):
        keys = list(nodes)
        for key in keys[run % len(keys):] + keys[:run % len(keys)]:
            found[key].append(measure(nodes[key], media, medium, source, instances))
    print(f"\nOn {medium}")
    rows = [[name, durability, f"{common.median([received for received, _ in results]):.2f}",
             f"{common.median([cycle for _, cycle in results]):.2f}", f"{min(cycle for _, cycle in results):.2f}"]
            for (name, durability), results in found.items()]
    common.table(["node", "durability", "receiving s", "last ack to last output s", "best s"], rows)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
