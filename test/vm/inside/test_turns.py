# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection has a turn in softirq: a client that pipelines without end does not keep the others waiting."""
import fcntl
import os
import signal
import socket
import struct
import termios
import time

import abi
from conftest import ask

MANY = 1000
REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"


class Helper:
    """A process that is lent to an instance, and can be taken away again."""

    def __init__(self, instance):
        self.pid = os.fork()
        if self.pid == 0:
            while True:
                try:
                    fcntl.ioctl(instance.fd, abi.RUN)
                    os._exit(0)
                except InterruptedError:
                    pass

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def wait_until_received(sock):
    """All that was sent has passed the peer's softirq, which answers before it acknowledges the last of it."""
    until = time.monotonic() + 30
    while struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0] > 0:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_pipelined_requests_beyond_a_turn_wait_for_a_thread(root):
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
        made.hello()
        made.setup(str(root))
        made.listen(listener)
        helper = Helper(made)
        with socket.create_connection(listener.getsockname(), timeout=30) as client, \
                socket.create_connection(listener.getsockname(), timeout=30) as other:
            assert ask(client, "/a.txt") == (200, b"hello\n")
            assert ask(other, "/a.txt") == (200, b"hello\n")
            helper.kill()
            before = made.requests()
            client.sendall(REQUEST * MANY)
            wait_until_received(client)
            assert 1 <= made.requests() - before <= 16
            assert ask(other, "/a.txt") == (200, b"hello\n")
            made.lend()
            length, data = 0, b""
            while length == 0 or len(data) < MANY * length:
                more = client.recv(1 << 16)
                assert more
                data += more
                if length == 0 and b"hello\n" in data:
                    length = data.index(b"hello\n") + 6
            assert data.count(b"HTTP/1.1 200 OK\r\n") == data.count(b"\r\n\r\nhello\n") == MANY
            assert ask(client, "/a.txt") == (200, b"hello\n")
