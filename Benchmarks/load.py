"""A C-STORE sender whose every PDU is encoded before the clock starts, so that the receiver is what is timed.

    python3 Benchmarks/load.py PORT CALLED_AE FOLDER [--associations N] [--calling AE] [--senders processes|threads]

Sends all Part 10 files below FOLDER to 127.0.0.1 over N parallel associations, waits for each C-STORE-RSP before the next
request, as the protocol asks, and prints a line of JSON. The associations are processes, which send as fast as the machine
can, or threads of one process, whose Python runs on one core at a time and leaves more to the receiver. Needs only the
Python standard library.
"""

import argparse
import dataclasses
import hashlib
import json
import multiprocessing
import os
import queue
import socket
import struct
import sys
import threading
import time

LONG_FORM = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"OD", b"OF", b"OL", b"OV", b"UC", b"UR", b"SV", b"UV"}


@dataclasses.dataclass
class Instance:
    """A Part 10 file taken apart: what its meta group says, and the data set's bytes (PS3.10 7.1)."""

    sop_class: str
    uid: str
    syntax: str
    data: bytes

    @classmethod
    def read(cls, path):
        with open(path, "rb") as file:
            content = file.read()
        if content[128:132] != b"DICM":
            raise ValueError(f"{path} is no DICOM file")
        position, meta = 132, {}
        while content[position:position + 2] == b"\x02\x00":
            element = struct.unpack_from("<H", content, position + 2)[0]
            if content[position + 4:position + 6] in LONG_FORM:
                start, length = position + 12, struct.unpack_from("<I", content, position + 8)[0]
            else:
                start, length = position + 8, struct.unpack_from("<H", content, position + 6)[0]
            meta[element] = content[start:start + length]
            position = start + length

        def text(element):
            return meta[element].rstrip(b"\0 ").decode("ascii")

        return cls(text(0x0002), text(0x0003), text(0x0010), content[position:])

    def digest(self):
        return hashlib.sha256(self.data).hexdigest()


def instances_below(folder):
    paths = (os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return [Instance.read(path) for path in sorted(paths)]


def uid_bytes(uid):
    encoded = uid.encode("ascii")
    return encoded + b"\0" * (len(encoded) % 2)


def store_request(instance, message_id):
    """The command set of a C-STORE-RQ (PS3.7 9.3.1.1), implicit VR little endian."""
    values = {
        0x0002: uid_bytes(instance.sop_class), 0x0100: struct.pack("<H", 0x0001), 0x0110: struct.pack("<H", message_id),
        0x0700: struct.pack("<H", 0), 0x0800: struct.pack("<H", 0x0102), 0x1000: uid_bytes(instance.uid),
    }
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in values.items())
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def p_data(context, is_command, payload, maximum):
    """P-DATA-TF PDUs of one PDV each, none longer than `maximum` (PS3.8 9.3.5)."""
    room = maximum - 6
    pieces = [payload[at:at + room] for at in range(0, len(payload), room)] or [b""]
    for number, piece in enumerate(pieces, 1):
        control = (1 if is_command else 0) | (2 if number == len(pieces) else 0)
        yield struct.pack(">BxIIBB", 0x04, len(piece) + 6, len(piece) + 2, context, control) + piece


def sub_item(kind, body):
    return struct.pack(">BxH", kind, len(body)) + body


class Association:
    """The requestor's side of one association."""

    def __init__(self, port, called, calling, contexts):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        offers = b"".join(
            sub_item(0x20, struct.pack(">Bxxx", number) + sub_item(0x30, sop_class.encode())
                     + sub_item(0x40, syntax.encode()))
            for (sop_class, syntax), number in contexts.items())
        user = sub_item(0x50, sub_item(0x51, struct.pack(">I", 16384)) + sub_item(0x52, b"2.25.20260101"))
        body = (struct.pack(">Hxx", 1) + called.encode().ljust(16) + calling.encode().ljust(16) + bytes(32)
                + sub_item(0x10, b"1.2.840.10008.3.1.1.1") + offers + user)
        self.socket.sendall(struct.pack(">BxI", 0x01, len(body)) + body)
        kind, answer = self.read()
        if kind != 0x02:
            raise ConnectionError(f"the association was not accepted: PDU type {kind}")
        self.maximum = 16384
        self.understand(answer[68:])
        self.maximum = min(self.maximum or 131072, 1 << 20)

    def understand(self, items):
        while items:
            kind, length = struct.unpack_from(">BxH", items)
            body, items = items[4:4 + length], items[4 + length:]
            if kind == 0x21 and body[2] != 0:
                raise ConnectionError(f"presentation context {body[0]} was refused")
            if kind == 0x50:
                self.understand(body)
            if kind == 0x51:
                self.maximum = struct.unpack(">I", body)[0]

    def read_exactly(self, count):
        received = bytearray()
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            if not piece:
                raise ConnectionError("the receiver closed the connection")
            received += piece
        return bytes(received)

    def read(self):
        kind, length = struct.unpack(">BxI", self.read_exactly(6))
        return kind, self.read_exactly(length)

    def response_status(self):
        """The Status of the C-STORE-RSP that comes next; its command set may lie in several PDVs."""
        command, is_last = b"", False
        while not is_last:
            kind, body = self.read()
            if kind != 0x04:
                raise ConnectionError(f"PDU type {kind} instead of a response")
            while body:
                length, _, control = struct.unpack_from(">IBB", body)
                command, is_last = command + body[6:4 + length], is_last or control & 3 == 3
                body = body[4 + length:]
        while command:
            element, length = struct.unpack_from("<xxHI", command)
            if element == 0x0900:
                return struct.unpack_from("<H", command, 8)[0]
            command = command[8 + length:]
        raise ConnectionError("a response without a status")

    def release(self):
        self.socket.sendall(struct.pack(">BxII", 0x05, 4, 0))
        self.read()
        self.socket.close()


@dataclasses.dataclass
class Result:
    count: int
    mebibytes: float
    seconds: float  # from the first request to the last acknowledgement
    last_acknowledgement: float  # as time.time()
    median_milliseconds: float
    slowest_milliseconds: float
    failures: int


def parallel(senders, count):
    """What starts one of `count` senders, a barrier for them and a queue for what they found."""
    if senders == "threads":
        return threading.Thread, threading.Barrier(count), queue.SimpleQueue()
    context = multiprocessing.get_context("fork")
    return context.Process, context.Barrier(count), context.SimpleQueue()


def send(port, called, instances, associations=1, calling="LOAD", senders="processes"):
    """Sends the instances, the associations taking turns, and says how long it took."""
    contexts = {}
    for instance in instances:
        contexts.setdefault((instance.sop_class, instance.syntax), 2 * len(contexts) + 1)
    shares = [instances[i::associations] for i in range(associations)]
    # They begin when all are ready.
    start, barrier, outcomes = parallel(senders, associations)
    processes = [start(target=put_outcome, args=(port, called, calling, contexts, share, barrier, outcomes))
                 for share in shares]
    for process in processes:
        process.start()
    found = [outcomes.get() for _ in processes]
    for process in processes:
        process.join()
    for outcome in found:
        if isinstance(outcome, Exception):
            raise outcome
    latencies = sorted(latency for outcome in found for latency in outcome["latencies"])
    return Result(
        count=len(latencies), mebibytes=sum(len(i.data) for i in instances) / 2**20,
        seconds=max(outcome["end"] for outcome in found) - min(outcome["begin"] for outcome in found),
        last_acknowledgement=max(outcome["last"] for outcome in found),
        median_milliseconds=1e3 * latencies[len(latencies) // 2], slowest_milliseconds=1e3 * latencies[-1],
        failures=sum(outcome["failures"] for outcome in found))


def put_outcome(port, called, calling, contexts, share, barrier, outcomes):
    """What a sender does: its outcome, or the error that ended it, goes to the queue."""
    try:
        outcomes.put(send_over_one(port, called, calling, contexts, share, barrier))
    except (OSError, threading.BrokenBarrierError) as error:
        barrier.abort()
        outcomes.put(ConnectionError(f"{type(error).__name__}: {error}"))


def send_over_one(port, called, calling, contexts, share, barrier):
    association = Association(port, called, calling, contexts)
    messages = []
    for number, instance in enumerate(share):
        context = contexts[(instance.sop_class, instance.syntax)]
        command = store_request(instance, number % 65535 + 1)
        messages.append(b"".join([*p_data(context, True, command, association.maximum),
                                  *p_data(context, False, instance.data, association.maximum)]))
    latencies, failures = [], 0
    barrier.wait(60)
    begin = time.perf_counter()
    for message in messages:
        sent = time.perf_counter()
        association.socket.sendall(message)
        failures += association.response_status() != 0
        latencies.append(time.perf_counter() - sent)
    end, last = time.perf_counter(), time.time()
    association.release()
    return {"begin": begin, "end": end, "last": last, "latencies": latencies, "failures": failures}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("called")
    parser.add_argument("folder")
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--calling", default="LOAD")
    parser.add_argument("--senders", choices=["processes", "threads"], default="processes")
    options = parser.parse_args()
    result = send(options.port, options.called, instances_below(options.folder), options.associations, options.calling,
                  options.senders)
    print(json.dumps(dataclasses.asdict(result)))
    sys.exit(1 if result.failures else 0)


if __name__ == "__main__":
    main()
