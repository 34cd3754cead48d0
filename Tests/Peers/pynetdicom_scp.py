#!/usr/bin/env python3
"""pynetdicom as a peer: a storage and verification SCP that keeps the data set bytes as received.

    pynetdicom_scp.py [--output FOLDER] [--ae-title AE] [--port N] [--record FILE.jsonl] [--status HEX] [--fail-first N]

Prints `READY port=N`; ends when standard input closes or on SIGTERM. Without --output it stores nothing. --record gets
one line for each C-STORE: {"uid", "sha256" (of the data set bytes), "calling", "status"}. --status is the answer to every
C-STORE (0000 by default; storing only what is a success or a warning); --fail-first answers A700H to the first N.
"""

import argparse
import hashlib
import json
import os
import threading

from pydicom.filewriter import write_file_meta_info
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

import peer


class Storage:
    """Answers C-STORE requests; associations have a thread each."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.requests = 0
        self.record = open(options.record, "a") if options.record else None

    def handle(self, event):
        data = event.request.DataSet.getvalue()
        uid = str(event.request.AffectedSOPInstanceUID)
        with self.lock:
            self.requests += 1
            status = 0xA700 if self.requests <= self.options.fail_first else self.options.status
        kept = status == 0 or status >> 12 == 0xB
        if kept and self.options.output:
            self.write(event, uid, data)
        if self.record:
            fact = {"uid": uid, "sha256": hashlib.sha256(data).hexdigest(),
                    "calling": event.assoc.requestor.ae_title.strip(), "status": status}
            with self.lock:
                self.record.write(json.dumps(fact) + "\n")
                self.record.flush()
        return status

    def write(self, event, uid, data):
        """A Part 10 file under a temporary name first, so that a reader never sees half of one."""
        path = os.path.join(self.options.output, uid + ".dcm")
        temporary = f"{path}.{event.assoc.native_id}.part"
        with open(temporary, "wb") as file:
            file.write(b"\0" * 128 + b"DICM")
            write_file_meta_info(file, event.file_meta)
            file.write(data)
        os.rename(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output")
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record")
    parser.add_argument("--status", type=lambda text: int(text, 16), default=0)
    parser.add_argument("--fail-first", type=int, default=0)
    options = parser.parse_args()
    if options.output:
        os.makedirs(options.output, exist_ok=True)
    ended = peer.until_told_to_end()

    entity = AE(ae_title=options.ae_title)
    entity.require_called_aet = True
    entity.maximum_pdu_size = 131072
    entity.maximum_associations = 100
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax, AllTransferSyntaxes)
    entity.add_supported_context(Verification)
    storage = Storage(options)
    server = entity.start_server(("127.0.0.1", options.port), block=False,
                                 evt_handlers=[(evt.EVT_C_STORE, storage.handle)])
    peer.ready(port=server.socket.getsockname()[1])
    ended.wait()
    server.shutdown()


main()
