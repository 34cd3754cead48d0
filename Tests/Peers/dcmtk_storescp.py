#!/usr/bin/env python3
"""DCMTK's storescp as a peer: a storage SCP that writes what it receives into a folder.

    dcmtk_storescp.py --output FOLDER [--ae-title AE] [--bit-preserving] [--ignore] [--uncompressed]
                      [--port N] [--tls FOLDER [--certificate NAME]]

Prints `READY port=N` when a C-ECHO succeeds; ends when standard input closes or on SIGTERM. With --bit-preserving the
data set bytes stay as received (+B); otherwise storescp parses and writes them itself, as a real archive does.
"""

import argparse
import os

import peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, help="folder for the files; made when missing")
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--bit-preserving", action="store_true")
    parser.add_argument("--ignore", action="store_true", help="receive, but store nothing")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, up to three tries")
    parser.add_argument("--uncompressed", action="store_true", help="accept uncompressed transfer syntaxes only")
    parser.add_argument("--tls", help="the folder of certificates.py; clients have to show a certificate")
    parser.add_argument("--certificate", default="server")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    ended = peer.until_told_to_end()

    def command(port):
        command = ["/usr/bin/storescp", "-ll", "fatal", "-aet", options.ae_title, "--max-pdu", "131072",
                   "-od", options.output, "-uf", "+x=" if options.uncompressed else "+xa"]
        command += ["+B"] if options.bit_preserving else []
        command += ["--ignore"] if options.ignore else []
        command += [*peer.dcmtk_tls(options.tls, options.certificate), "--require-peer-cert"] if options.tls else []
        return [*command, str(port)]

    peer.serve_dcmtk(command, options.ae_title, ended, options.port, options.tls)


main()
