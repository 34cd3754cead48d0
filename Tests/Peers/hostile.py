#!/usr/bin/env python3
"""Opens connections that are no DICOM, one after the other: hostile.py PORT COUNT

In turn garbage, an HTTP request, a PDU that says it is 4 GiB long, half an A-ASSOCIATE-RQ, and nothing at all. Whatever
the server answers is read, at most for a second. Prints how many connections were made. For 127.0.0.1 only.
"""
import socket
import struct
import sys

MESSAGES = [
    bytes(range(256)) * 4,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    struct.pack(">BBI", 1, 0, 0xFFFFFFFF) + b"x" * 1000,
    struct.pack(">BBI", 1, 0, 200) + b"\0" * 60,
    b"",
]

port, count = int(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.settimeout(1)
        try:
            connection.sendall(MESSAGES[number % len(MESSAGES)])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except OSError:
            pass  # reset or silent: both are an answer to this
print(count)
