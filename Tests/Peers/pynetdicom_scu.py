#!/usr/bin/env python3
"""pynetdicom as a sender: stores folders over one or more associations and records what was acknowledged.

    pynetdicom_scu.py PORT CALLED_AE FOLDER… [--associations N] [--seed S] [--record FILE.jsonl] [--skip-recorded]
                      [--abort-after K] [--hold-open] [--calling AE] [--max-pdu N] [--timeout SECONDS]

Every Part 10 file below the folders is sent, DICOMDIRs and other files are not. The folders are interleaved; --seed
shuffles them all instead. The data set bytes of a file are sent as they are. --record appends a line for each answer
that is Success, {"uid", "sha256" (of the data set bytes sent), "path"}, at once and before the next is sent, so that what
it holds was acknowledged whatever happens to either side; --skip-recorded sends only what it does not hold yet.
--abort-after K aborts each association after its K-th answer; --hold-open prints `HOLDING` when all is sent and releases
only when standard input closes.

Prints `answers: {"0000": 28, …}` at the end. Exit status: 0 all Success; 1 another status for some (they are printed);
2 rejected or a context refused; 3 the peer died or aborted (what was acknowledged is in the record); 64 usage.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import sys
import threading

from pydicom import dcmread
from pydicom.uid import MediaStorageDirectoryStorage
from pynetdicom import AE, _config

# The bytes of a file are sent as they are, without decoding, so that both ends can compare them.
_config.STORE_SEND_CHUNKED_DATASET = True


class Instance:
    """A Part 10 file and where its data set starts."""

    def __init__(self, path):
        meta = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        self.path = path
        self.sop_class = meta.file_meta.MediaStorageSOPClassUID
        self.uid = meta.file_meta.MediaStorageSOPInstanceUID
        self.syntax = meta.file_meta.TransferSyntaxUID
        # preamble, prefix, (0002,0000) of 12 bytes, and what that says follows
        self.offset = 132 + 12 + meta.file_meta.FileMetaInformationGroupLength

    def digest(self):
        """SHA-256 of the data set bytes."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return hashlib.file_digest(file, "sha256").hexdigest()


def instances_below(folder):
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                if file.read(132)[128:] != b"DICM":
                    continue
            instance = Instance(path)
            if instance.sop_class != MediaStorageDirectoryStorage:
                found.append(instance)
    return found


def interleaved(lists):
    longest = max(map(len, lists), default=0)
    return [items[i] for i in range(longest) for items in lists if i < len(items)]


class Sender(threading.Thread):
    """One association."""

    def __init__(self, options, instances, record, lock):
        super().__init__()
        self.options, self.instances, self.record, self.lock = options, instances, record, lock
        self.answers = collections.Counter()
        self.failure = 0

    def fail(self, status, message):
        self.failure = status
        print(message, file=sys.stderr, flush=True)

    def run(self):
        entity = AE(ae_title=self.options.calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self.options.timeout
        entity.connection_timeout = self.options.timeout
        for sop_class, syntax in sorted({(i.sop_class, i.syntax) for i in self.instances}):
            entity.add_requested_context(sop_class, syntax)
        association = entity.associate("127.0.0.1", self.options.port, ae_title=self.options.called,
                                       max_pdu=self.options.max_pdu)
        if association.is_rejected:
            answer = association.acceptor.primitive
            return self.fail(2, f"rejected {answer.result} {answer.result_source} {answer.diagnostic}")
        if not association.is_established:
            refused = association.rejected_contexts
            return self.fail(2 if refused else 3, "context refused" if refused else "not connected")
        try:
            self.send_all(association)
        except (RuntimeError, OSError) as error:
            self.fail(3, f"association lost: {error}")
        if association.is_established:
            self.end(association)

    def send_all(self, association):
        for number, instance in enumerate(self.instances, 1):
            digest = instance.digest()
            try:
                response = association.send_c_store(instance.path, msg_id=number % 65536)
            except ValueError as error:  # no accepted context
                self.answers["context refused"] += 1
                self.fail(2, f"{error}")
                continue
            if "Status" not in response:
                return self.fail(3, f"association lost after {sum(self.answers.values())} answers")
            status = response.Status
            self.answers[f"{status:04X}"] += 1
            if status == 0:
                self.keep({"uid": instance.uid, "sha256": digest, "path": instance.path})
            else:
                self.failure = self.failure or 1
                print(f"{status:04X} {instance.path}", file=sys.stderr, flush=True)
            if number == self.options.abort_after:
                return association.abort()

    def keep(self, fact):
        if self.record is None:
            return
        with self.lock:
            self.record.write(json.dumps(fact) + "\n")
            self.record.flush()
            os.fsync(self.record.fileno())

    def end(self, association):
        if self.options.hold_open:
            print("HOLDING", flush=True)
            self.options.told_to_end.wait()
        association.release()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("called")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--record")
    parser.add_argument("--skip-recorded", action="store_true")
    parser.add_argument("--abort-after", type=int)
    parser.add_argument("--hold-open", action="store_true")
    parser.add_argument("--calling", default="PYNETDICOM")
    parser.add_argument("--max-pdu", type=int, default=16384)
    parser.add_argument("--timeout", type=float, default=30)
    options = parser.parse_args()

    instances = interleaved([instances_below(folder) for folder in options.folders])
    if options.seed is not None:
        random.Random(options.seed).shuffle(instances)
    if options.skip_recorded and options.record and os.path.exists(options.record):
        with open(options.record) as file:
            recorded = {json.loads(line)["uid"] for line in file if line.endswith("\n")}
        instances = [instance for instance in instances if instance.uid not in recorded]
    record = open(options.record, "a") if options.record else None

    options.told_to_end = threading.Event()
    if options.hold_open:
        def watch():
            while os.read(0, 4096):
                pass
            options.told_to_end.set()
        threading.Thread(target=watch, daemon=True).start()

    lock = threading.Lock()
    shares = [instances[i::options.associations] for i in range(options.associations)]
    senders = [Sender(options, share, record, lock) for share in shares if share]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    answers = sum((sender.answers for sender in senders), collections.Counter())
    print("answers:", json.dumps(dict(sorted(answers.items()))), flush=True)
    return max((sender.failure for sender in senders), default=0)


if __name__ == "__main__":
    sys.exit(main())
