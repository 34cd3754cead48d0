"""What both benchmarks share: servers with the CPU time they took, folders on both media, tables."""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Peers"))
import peer  # noqa: E402

PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
READY = re.compile(r"(?:READY port=|listening on 127\.0\.0\.1:)(\d+)")


class Server:
    """A process that prints its port when it is ready; storescp, which does not, is asked by C-ECHO."""

    def __init__(self, command, log, port=None, ae_title=None, **environment):
        self.log = log
        environment = {**(peer.loopback_environment() if port else os.environ), **environment}
        with open(log, "wb") as output:
            self.process = peer.start(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                                      env=environment)
        self.port = port or self.printed_port()
        if port:
            self.wait(lambda: peer.answers_echo(port, ae_title))

    def wait(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with open(self.log, errors="replace") as log:
                    raise SystemExit(f"{self.process.args[0]} did not start:\n{log.read()[-2000:]}")
            time.sleep(0.02)
        return value

    def printed_port(self):
        def look():
            with open(self.log, errors="replace") as log:
                found = READY.search(log.read())
            return int(found.group(1)) if found else None
        return self.wait(look)

    def cpu_seconds(self):
        """User and system time so far, of it and its ended children (proc_pid_stat(5))."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.stdin.close()
        peer.stop(self.process, seconds=30)


def storescp(output, log, ae_title="ARCHIVE"):
    """DCMTK's storescp at its best: no delayed acknowledgements, large PDUs, bytes written as received."""
    port = peer.free_port()
    command = ["/usr/bin/storescp", "-ll", "fatal", "-aet", ae_title, "--max-pdu", "131072", "+B", "+xa",
               "-od", output, str(port)]
    return Server(command, log, port=port, ae_title=ae_title)


def pynetdicom(output, log, ae_title="ARCHIVE"):
    script = os.path.join(ROOT, "Tests", "Peers", "pynetdicom_scp.py")
    return Server([PYTHON, script, "--output", output, "--ae-title", ae_title], log)


class Media:
    """A working folder on tmpfs and one on disk; both are removed at the end.

    Each run gets a fresh folder. On disk what a run left is kept until the end: ext4 is slow for files that are made
    where many were just removed, which would be charged to the next run. On tmpfs it is memory, and freed at once.
    """

    def __init__(self, names):
        places = {"tmpfs": "/dev/shm", "disk": os.environ.get("TMPDIR", "/var/tmp")}
        self.folders = {name: tempfile.mkdtemp(prefix="dicomnode-bench-", dir=places[name]) for name in names}
        self.number = 0

    def fresh(self, name):
        self.number += 1
        folder = os.path.join(self.folders[name], str(self.number))
        os.mkdir(folder)
        os.sync()  # what earlier runs left in the page cache is not written during this one
        return folder

    def done_with(self, name, folder):
        if name == "tmpfs":
            shutil.rmtree(folder)

    def remove(self):
        for folder in self.folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores ({model}), Linux {os.uname().release}"


def median(values):
    return statistics.median(values)


def table(header, rows):
    """Columns aligned: text to the left, numbers to the right."""
    cells = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


def end_on_signals():
    """SIGTERM ends the run the way Ctrl-C does, so that servers are stopped and folders removed."""
    def end(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)
