#!/usr/bin/env python3
"""Misbehaves towards a DICOM server on 127.0.0.1, and checks that it serves well-behaved peers meanwhile and after.

    faults.py die PORT TITLE             peers that close or reset the connection in every state, five times each
    faults.py half PORT TITLE            half a PDU in every state, then silence: the server has to end each connection
    faults.py deaf PORT TITLE            a peer that asks for matches again and again and reads none
    faults.py connections PORT TITLE N   opens and closes so many connections
    faults.py parallel PORT TITLE N      so many associations at once, each stores an instance and echoes
    faults.py hold PORT TITLE N          opens so many connections, prints HELD, and keeps them until standard input closes

Needs only the Python standard library. Exit status 0 when the server did as it should; the last line says what was done.
"""
import contextlib
import select
import socket
import struct
import sys

CT, ECHO, FIND = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
TIMEOUT = 30


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def associate_request(title):
    contexts = b"".join(
        item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract.encode()) + item(0x40, syntax.encode()))
        for number, abstract, syntax in ((1, CT, EXPLICIT), (3, ECHO, IMPLICIT), (5, FIND, IMPLICIT)))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
    return pdu(1, struct.pack(">HH16s16s32x", 1, 0, title.ljust(16).encode(), b"FAULTS".ljust(16))
               + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + user)


def element(group, number, value):
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(value)) + value


def command(field, uid, message=1, instance=None, has_data=False):
    body = element(0, 0x0002, uid.encode()) + element(0, 0x0100, struct.pack("<H", field))
    body += element(0, 0x0110, struct.pack("<H", message)) + element(0, 0x0700, struct.pack("<H", 0))
    body += element(0, 0x0800, struct.pack("<H", 1 if has_data else 0x0101))
    body += element(0, 0x1000, instance.encode()) if instance else b""
    return element(0, 0, struct.pack("<I", len(body))) + body


def data(context, control, payload):
    return pdu(4, struct.pack(">IBB", len(payload) + 2, context, control) + payload)


def explicit(group, number, vr, value):
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def instance(uid):
    return (explicit(8, 0x16, b"UI", CT.encode()) + explicit(8, 0x18, b"UI", uid.encode())
            + explicit(0x10, 0x20, b"LO", b"FAULTS") + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 40000) + bytes(40000))


def store(uid):
    request = data(1, 3, command(1, CT, 1, uid, has_data=True))
    bytes_ = instance(uid)
    return request + b"".join(
        data(1, 2 if offset + 16000 >= len(bytes_) else 0, bytes_[offset:offset + 16000])
        for offset in range(0, len(bytes_), 16000))


def query():
    keys = element(8, 0x52, b"IMAGE ") + element(0x20, 0x0D, b"") + element(0x20, 0x0E, b"") + element(8, 0x18, b"")
    return data(5, 3, command(0x20, FIND, has_data=True)) + data(5, 2, keys)


class Peer:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, bytes_):
        self.socket.sendall(bytes_)

    def receive(self):
        """The next PDU; None at the end of the connection."""
        header = self.exactly(6)
        return header and (header[0], self.exactly(struct.unpack(">I", header[2:])[0]))

    def exactly(self, count):
        bytes_ = b""
        while len(bytes_) < count:
            more = self.socket.recv(count - len(bytes_))
            if not more:
                return None
            bytes_ += more
        return bytes_

    def associate(self, title):
        self.send(associate_request(title))
        answer = self.receive()
        if not answer or answer[0] != 2:
            raise SystemExit(f"the association was not accepted: {answer}")

    def status(self):
        kind, body = self.receive()
        found = body.find(struct.pack("<HHI", 0, 0x0900, 2))
        return struct.unpack("<H", body[found + 8:found + 10])[0] if kind == 4 and found > 0 else None

    def release(self):
        self.send(pdu(5, bytes(4)))
        return self.receive()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def echo(port, title):
    with Peer(port) as peer:
        peer.associate(title)
        peer.send(data(3, 3, command(0x30, ECHO)))
        assert peer.status() == 0, "C-ECHO failed"
        assert peer.release()[0] == 6, "no A-RELEASE-RP"


def states(title):
    """What a peer has sent when it fails, by the state of the association that the server is in then."""
    request, whole = associate_request(title), store("1.2.3.4.999")
    part = whole.index(bytes(1000))
    return {
        "Sta2, nothing": (b"", False), "Sta2, a byte": (request[:1], False), "Sta2, half a request": (request[:90], False),
        "Sta3, before the answer": (request, False), "Sta6, nothing": (b"", True),
        "Sta6, half a command": (whole[:40], True),
        "Sta6, a command": (data(1, 3, command(1, CT, 1, "1.2.3.4.999", has_data=True)), True),
        "Sta6, half a data set": (whole[:part + 500], True), "Sta6, before the response": (whole, True),
        "Sta6, half a release": (pdu(5, bytes(4))[:7], True), "Sta8, before A-RELEASE-RP": (pdu(5, bytes(4)), True),
        "Sta13, after A-ABORT": (pdu(7, bytes(4)), True), "Sta13, after nonsense": (b"\x09\0\0\0\0\x04nope", True),
    }


def die(port, title):
    for bytes_, associated in states(title).values():
        for number in range(5):
            for ends in (lambda peer: peer.socket.close(), Peer.reset, lambda peer: peer.socket.shutdown(socket.SHUT_WR)):
                with Peer(port) as peer:
                    if associated:
                        peer.associate(title)
                    peer.send(bytes_)
                    with contextlib.suppress(OSError):
                        ends(peer)
        echo(port, title)
    print(f"{len(states(title)) * 15} peers died")


def half(port, title):
    cut = {name: case for name, case in states(title).items() if "half" in name or "byte" in name or "command" in name}
    for name, (bytes_, associated) in cut.items():
        with Peer(port) as peer:
            if associated:
                peer.associate(title)
            peer.send(bytes_)
            while peer.receive():  # A-ABORT where there is an association; then the end, or the timeout fails this
                pass
        echo(port, title)
    print(f"{len(cut)} silent peers were ended")


def deaf(port, title):
    with Peer(port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate(title)
        peer.socket.settimeout(2)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 << 20:
                peer.send(query())
                sent += len(query())
        print(f"held back after {sent} bytes", flush=True)
        echo(port, title)
        # The server gives up, which shows without a byte being read.
        waiting = select.poll()
        waiting.register(peer.socket, 0)  # POLLERR and POLLHUP
        assert waiting.poll(1000 * TIMEOUT), "the server still waits"
    echo(port, title)
    print("the deaf peer was ended")


def connections(port, title, count):
    for number in range(count):
        with Peer(port) as peer:
            if number % 4 == 1:
                peer.send(associate_request(title)[:50])
            elif number % 4 == 2:
                peer.send(b"GET / HTTP/1.1\r\n\r\n")
            elif number % 100 == 3:
                peer.reset()
    echo(port, title)
    print(f"{count} connections")


def parallel(port, title, count):
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(port)) for _ in range(count)]
        for peer in peers:
            peer.associate(title)
        for number, peer in enumerate(peers):
            peer.send(store(f"1.2.3.5.{number + 1}"))
        for peer in peers:
            assert peer.status() == 0, "C-STORE failed"
        for peer in peers:
            peer.send(data(3, 3, command(0x30, ECHO, 2)))
            assert peer.status() == 0, "C-ECHO failed"
        for peer in peers:
            assert peer.release()[0] == 6, "no A-RELEASE-RP"
    print(f"{count} associations")


def hold(port, title, count):
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(port)) for _ in range(count)]
        print(f"HELD {len(peers)}", flush=True)
        sys.stdin.read()


ACTIONS = {"die": die, "half": half, "deaf": deaf, "connections": connections, "parallel": parallel, "hold": hold}

if __name__ == "__main__":
    _, action, port, title, *numbers = sys.argv
    ACTIONS[action](int(port), title, *map(int, numbers))
