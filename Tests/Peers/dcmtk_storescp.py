#!/usr/bin/env python3
"""DCMTK's storescp as a peer: a storage SCP that writes what it receives into a folder.

    dcmtk_storescp.py --output FOLDER [--ae-title AE] [--bit-preserving] [--ignore] [--port N]

Prints `READY port=N` when a C-ECHO succeeds; ends when standard input closes or on SIGTERM. With --bit-preserving the
data set bytes stay as received (+B); otherwise storescp parses and writes them itself, as a real archive does.
"""

import argparse
import os
import subprocess
import time

import peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, help="folder for the files; made when missing")
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--bit-preserving", action="store_true")
    parser.add_argument("--ignore", action="store_true", help="receive, but store nothing")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, up to three tries")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    ended = peer.until_told_to_end()

    for _ in range(1 if options.port else 3):
        port = options.port or peer.free_port()
        command = ["/usr/bin/storescp", "-ll", "fatal", "-aet", options.ae_title, "--max-pdu", "131072",
                   "-od", options.output, "-uf", "+xa"]
        command += ["+B"] if options.bit_preserving else []
        command += ["--ignore"] if options.ignore else []
        child = peer.start([*command, str(port)], env=peer.loopback_environment(), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while child.poll() is None and time.monotonic() < deadline and not ended.is_set():
            if peer.answers_echo(port, options.ae_title):
                peer.ready(port=port)
                while child.poll() is None and not ended.wait(0.2):
                    pass
                peer.stop(child)
                return
            time.sleep(0.05)
        peer.stop(child)
        if ended.is_set():
            return
    peer.fail("storescp did not start")


main()
