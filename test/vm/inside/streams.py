# SPDX-License-Identifier: GPL-2.0-or-later
"""
Programs of test_streams.py: each transfers bytes until its standard input ends and checks each of them. It prints "ready", then
"enough" when many have come, and at last their number, or the first byte that is wrong.

streams.py unrelated: two processes with connections of their own, which both send a pattern that tells each byte's place.
streams.py answers PORT TARGET: a client of the engine that pipelines requests.
"""
import os
import select
import socket
import sys

PERIOD = bytes(i % 251 for i in range(251 * 400))
PATTERN = PERIOD * 2
ENOUGH_UNRELATED = 60_000_000  # the corruption showed after 20 to 60 million
ENOUGH_RESPONSES = 200


def over():
    """True if the test has closed our standard input."""
    return bool(select.select([0], [], [], 0)[0])


def foreign(data, expected, before):
    place = next(i for i, byte in enumerate(data) if byte != expected[i])
    print(f"byte {before + place} is foreign: {data[place:place + 60]!r}", flush=True)
    os._exit(1)


class Progress:
    """Counts what was received, and says when it is enough."""

    def __init__(self, enough):
        self.received = 0
        self.enough = enough

    def add(self, count):
        if self.received < self.enough <= self.received + count:
            print("enough", flush=True)
        self.received += count


def send_pattern(address):
    with socket.create_connection(address) as sock:
        try:
            while True:
                sock.sendall(PERIOD)
        except OSError:
            os._exit(0)


def unrelated():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if child == 0:
            send_pattern(listener.getsockname())
        sock, _ = listener.accept()
    print("ready", flush=True)
    progress = Progress(ENOUGH_UNRELATED)
    while not over():
        data = sock.recv(251 * 200)
        at = progress.received % 251
        if data != PATTERN[at:at + len(data)]:
            foreign(data, PATTERN[at:], progress.received)
        progress.add(len(data))
    sock.close()
    os.waitpid(child, 0)
    return progress.received


def undated(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Date: ")) + end + body


def answers(port, target):
    batch = 8
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        def read(length):
            data = b""
            while len(data) < length:
                more = sock.recv(length - len(data))
                if not more:
                    sys.exit("the engine closed the connection")
                data += more
            return data

        sock.sendall(request)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += read(1)
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        first = undated(head + read(length))
        size = len(head) + length
        print("ready", flush=True)
        progress = Progress(ENOUGH_RESPONSES * size)
        while not over():
            sock.sendall(request * batch)
            data = read(size * batch)
            for at in range(0, len(data), size):
                one = undated(data[at:at + size])
                if one != first:
                    foreign(one, first.ljust(len(one)), progress.received)
                progress.add(size)
    return progress.received


print(unrelated() if sys.argv[1] == "unrelated" else answers(int(sys.argv[2]), sys.argv[3]))
