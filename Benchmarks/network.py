"""Receiving and sending, side by side: omnitool, DCMTK, pynetdicom and Orthanc. Called by network.sh.

    network.py BIN_FOLDER [--runs 5] [--medium tmpfs|disk] [--ct 500] [--mr 2000] [--senders threads|processes]
               [--only discard,store,power,send,tls,large]

The load is sent by load.py, whose PDUs are encoded before the clock starts, and over TLS by omnitool store. Its parallel
associations are threads of one process: they leave more of the cores to the receiver than processes. What is kept is
compared with what was sent. pynetdicom and Orthanc get a tenth of the load; Orthanc discards by a filter in Lua.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

import common
import load
from common import peer

PARTS = ["discard", "store", "power", "send", "tls", "large"]
SLOW = ("pynetdicom", "orthanc")
TITLE = "ARCHIVE"


class Bench:
    def __init__(self, options):
        self.options = options
        self.binary = os.path.join(options.bin, "omnitool")
        self.media = common.Media(list(dict.fromkeys([options.medium, "tmpfs"])))
        self.loads = {}

    def prepare(self):
        for name, count, size in (("CT", self.options.ct, 512), ("MR", self.options.mr, 128)):
            folder = self.media.fresh(self.options.medium)
            subprocess.run([self.binary, "phantom", folder, "--modality", name, "--slices", str(count), "--rows", str(size),
                            "--columns", str(size)], check=True, stdout=subprocess.DEVNULL)
            self.loads[name] = (folder, load.instances_below(folder))

    # Servers: each a function of (output folder, log) that starts one.

    def omnitool(self, *options):
        def start(output, log):
            kept = [] if "--discard" in options else ["--output", output]
            return common.Server([self.binary, "receive", "0", TITLE, "--address", "127.0.0.1", *kept, *options], log)
        return start

    def storescp(self, *options):
        def start(output, log):
            port = peer.free_port()
            command = ["/usr/bin/storescp", "-ll", "fatal", "-aet", TITLE, "--max-pdu", "131072", "+xa", *options,
                       "-od", output, str(port)]
            return common.Server(command, log, port=port, ae_title=TITLE)
        return start

    def pynetdicom(self, keeps):
        script = os.path.join(common.ROOT, "Tests", "Peers", "pynetdicom_scp.py")

        def start(output, log):
            kept = ["--output", output] if keeps else []
            return common.Server([common.PYTHON, script, "--ae-title", TITLE, *kept], log)
        return start

    def orthanc(self, keeps):
        script = os.path.join(common.ROOT, "Tests", "Peers", "orthanc.py")

        def start(output, log):
            return common.Server([common.PYTHON, script, *([] if keeps else ["--discard"])], log, TMPDIR=output)
        return start

    # One measurement: seconds, CPU seconds and the peak of memory of the server.

    def run(self, start, instances, associations, checks, send=None):
        folder = self.media.fresh(self.options.medium)
        output, log = os.path.join(folder, "stored"), os.path.join(folder, "log")
        os.mkdir(output)
        server = start(output, log)
        try:
            before = server.cpu_seconds()
            if send:
                begin = time.perf_counter()
                send(server.port)
                seconds = time.perf_counter() - begin
            else:
                result = load.send(server.port, TITLE, instances, associations, senders=self.options.senders)
                seconds = result.seconds
                if result.failures:
                    raise SystemExit(f"{result.failures} instances were not answered with Success")
            cpu, peak = server.cpu_seconds() - before, peak_memory(server.process.pid)
        finally:
            server.stop()
        if checks:
            check_stored(output, instances)
        self.media.done_with(self.options.medium, folder)
        return seconds, cpu, peak

    def compare(self, title, receivers, name, associations, reference, checks=()):
        _, instances = self.loads[name]
        found = {key: [] for key in receivers}
        for run in range(self.options.runs):
            keys = list(receivers)
            keys = keys[run % len(keys):] + keys[:run % len(keys)]  # nobody is always first
            for key in keys:
                share = instances[:max(1, len(instances) // 10)] if key in SLOW else instances
                seconds, cpu, peak = self.run(receivers[key], share, associations, key in checks)
                found[key].append((seconds / len(share), cpu / len(share), peak))
        report(f"{title}: {len(instances)} {name}, {associations} association{'s' * (associations > 1)}", found, reference,
               sum(len(instance.data) for instance in instances) / 2**20 / len(instances))

    # The parts.

    def discard(self):
        for name in self.loads:
            for associations in (1, 2, 8):
                fork = ["--fork"] if associations > 1 else []
                receivers = {"omnitool --discard": self.omnitool("--discard"),
                             "storescp --ignore": self.storescp("--ignore", *fork)}
                if associations == 1:
                    receivers |= {"pynetdicom": self.pynetdicom(False), "orthanc": self.orthanc(False)}
                self.compare("Discarding", receivers, name, associations, "storescp --ignore")

    def store(self):
        for name in self.loads:
            for associations in (1, 2, 8):
                fork = ["--fork"] if associations > 1 else []
                receivers = {"omnitool --output": self.omnitool(), "storescp +B": self.storescp("+B", *fork)}
                if associations == 1:
                    receivers |= {"pynetdicom": self.pynetdicom(True), "orthanc": self.orthanc(True)}
                self.compare(f"Storing on {self.options.medium}", receivers, name, associations, "storescp +B",
                             ["omnitool --output", "storescp +B"])

    def power(self):
        if self.options.medium != "disk":
            print("\npower: left out, it says something on a disk only (--medium disk)")
            return
        for name in self.loads:
            receivers = {f"durability {level}": self.omnitool("--durability", level) for level in ("process", "power")}
            self.compare("Durability", receivers, name, 8, "durability process", list(receivers))

    def send(self):
        for name, (folder, instances) in self.loads.items():
            environment = dict(os.environ, TCP_NODELAY="1")

            def dcmtk(port, folder=folder):
                subprocess.run(["/usr/bin/storescu", "-ll", "fatal", "--max-pdu", "131072", "--max-send-pdu", "131072", "+sd",
                                "-aec", TITLE, "127.0.0.1", str(port), folder], check=True, env=environment)

            senders = {"omnitool store": self.sender(folder), "storescu +sd": dcmtk,
                       "omnitool store --associations 2": self.sender(folder, "--associations", "2")}
            found = {key: [] for key in senders}
            for _ in range(self.options.runs):
                for key, sender in senders.items():
                    result = self.run(self.storescp("--ignore", "--fork"), instances, 1, False, sender)
                    found[key].append((result[0] / len(instances), result[1] / len(instances), result[2]))
            report(f"Sending to storescp --ignore: {len(instances)} {name}, the whole program", found, "storescu +sd",
                   sum(len(instance.data) for instance in instances) / 2**20 / len(instances))

    def sender(self, folder, *options):
        def send(port):
            subprocess.run([self.binary, "store", "127.0.0.1", str(port), "LOAD", TITLE, folder, *options], check=True,
                           stdout=subprocess.DEVNULL)
        return send

    def tls(self):
        folder = self.media.fresh("tmpfs")
        script = os.path.join(common.ROOT, "Tests", "Peers", "certificates.py")
        subprocess.run([common.PYTHON, script, folder], check=True)
        server = ["--tls", "--tls-certificate", f"{folder}/server.crt", "--tls-key", f"{folder}/server.key",
                  "--tls-client-certificate", "ignored"]
        for name, (source, instances) in self.loads.items():
            found = {"plain": [], "TLS": []}
            for _ in range(self.options.runs):
                for key, options, more in (("plain", [], []), ("TLS", server, ["--tls", "--tls-ca", f"{folder}/ca.crt"])):
                    result = self.run(self.omnitool("--discard", *options), instances, 1, False, self.sender(source, *more))
                    found[key].append((result[0] / len(instances), result[1] / len(instances), result[2]))
            report(f"TLS, omnitool store to omnitool receive --discard: {len(instances)} {name}", found, "plain",
                   sum(len(instance.data) for instance in instances) / 2**20 / len(instances))

    def large(self):
        """An instance of 1.5 GiB, sparse on the medium: how much memory both sides take."""
        folder = self.media.fresh(self.options.medium)
        path, output = os.path.join(folder, "large.dcm"), os.path.join(folder, "stored")
        os.mkdir(output)
        subprocess.run([self.binary, "phantom", folder + "/one", "--slices", "1"], check=True, stdout=subprocess.DEVNULL)
        make_large(os.path.join(folder, "one"), path)
        server = self.omnitool()(output, os.path.join(folder, "log"))
        try:
            begin = time.perf_counter()
            sender = subprocess.Popen([self.binary, "store", "127.0.0.1", str(server.port), "LOAD", TITLE, path],
                                      stdout=subprocess.DEVNULL)
            sent = 0
            while sender.poll() is None:
                sent = peak_memory(sender.pid) or sent
                time.sleep(0.02)
            seconds, received = time.perf_counter() - begin, peak_memory(server.process.pid)
        finally:
            server.stop()
        if sender.returncode != 0:
            raise SystemExit("the large instance was not stored")
        size = os.path.getsize(path) / 2**20
        print(f"\nAn instance of {size:.0f} MiB, omnitool store to omnitool receive --output: {seconds:.1f} s "
              f"({size / seconds:.0f} MiB/s); memory at its peak: sender {sent:.0f} MiB, receiver {received:.0f} MiB")
        shutil.rmtree(folder)


def make_large(folder, path, length=1536 << 20):
    """The phantom's only image with so many bytes of zeros as pixel data; a hole in the file."""
    (name,) = os.listdir(folder)
    with open(os.path.join(folder, name), "rb") as file:
        content = file.read()
    header = content[:content.index(b"\xe0\x7f\x10\x00OW\0\0") + 8]
    with open(path, "wb") as file:
        file.write(header + length.to_bytes(4, "little"))
        file.truncate(len(header) + 4 + length)


def check_stored(folder, instances):
    """Every instance that was sent is there once, with the data set bytes that were sent."""
    wanted = {instance.uid: instance.digest() for instance in instances}
    stored = load.instances_below(folder)
    if len(stored) != len(wanted) or {instance.uid: instance.digest() for instance in stored} != wanted:
        raise SystemExit(f"what was stored differs from what was sent ({len(stored)} of {len(wanted)} files)")


def peak_memory(pid):
    """VmHWM in MiB; 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def report(title, found, reference, mebibytes):
    print(f"\n{title}")
    base = common.median([seconds for seconds, _, _ in found[reference]])
    rows = []
    for key, results in found.items():
        seconds = common.median([seconds for seconds, _, _ in results])
        rows.append([
            key, f"{mebibytes / seconds:.0f}", f"{1 / seconds:.0f}", f"{1 / min(results)[0]:.0f}",
            f"{1e6 * common.median([cpu for _, cpu, _ in results]):.0f}", f"{max(peak for _, _, peak in results):.0f}",
            f"{base / seconds:.2f}"])
    common.table(["", "MiB/s", "images/s", "best", "CPU µs/image", "peak MiB", f"speed / {reference}"], rows)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--medium", choices=["tmpfs", "disk"], default="tmpfs")
    parser.add_argument("--ct", type=int, default=500)
    parser.add_argument("--mr", type=int, default=2000)
    parser.add_argument("--senders", choices=["threads", "processes"], default="threads")
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    common.end_on_signals()
    bench = Bench(options)
    try:
        print(f"On loopback; {common.machine()}; medians of {options.runs} alternated runs, {options.medium}; "
              f"senders: {options.senders}.")
        bench.prepare()
        for part in options.only.split(","):
            getattr(bench, part)()
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        bench.media.remove()


if __name__ == "__main__":
    main()
