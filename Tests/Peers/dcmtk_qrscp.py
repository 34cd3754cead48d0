#!/usr/bin/env python3
"""DCMTK's dcmqrscp as a peer: a query/retrieve archive on 127.0.0.1, whose files are removed at its end.

    dcmtk_qrscp.py [--ae-title AE] [--destination AE@PORT]…

Prints `READY port=N` when a C-ECHO succeeds; ends when standard input closes or on SIGTERM. Files come into it by C-STORE;
--destination makes an application entity on 127.0.0.1 known for C-MOVE. It keeps and sends uncompressed files only.
"""

import argparse
import os
import shutil
import tempfile

import peer

CONFIGURATION = """\
NetworkTCPPort = {port}
MaxPDUSize = 131072
MaxAssociations = 16
HostTable BEGIN
{hosts}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{title} {folder}/storage RW (200, 1024mb) ANY
AETable END
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--destination", action="append", default=[], metavar="AE@PORT")
    options = parser.parse_args()
    ended = peer.until_told_to_end()
    folder = tempfile.mkdtemp(prefix="qrscp-")
    os.mkdir(f"{folder}/storage")
    hosts = "\n".join(
        f"peer{number} = ({title}, 127.0.0.1, {port})"
        for number, (title, _, port) in enumerate(text.rpartition("@") for text in options.destination))

    def command(port):
        with open(f"{folder}/dcmqrscp.cfg", "w") as file:
            file.write(CONFIGURATION.format(port=port, hosts=hosts, title=options.ae_title, folder=folder))
        return ["/usr/bin/dcmqrscp", "-ll", "fatal", "-c", f"{folder}/dcmqrscp.cfg", *([str(port)] if port else [])]

    try:
        peer.serve_dcmtk(command, options.ae_title, ended)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
