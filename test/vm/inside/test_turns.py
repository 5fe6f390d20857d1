# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection has a turn in softirq: a client that pipelines without end does not keep the others waiting."""
import contextlib
import fcntl
import os
import signal
import socket
import threading
import time

import abi
from conftest import ask, wait_until_received

MANY = 1000
SOME = 20  # more than two turns
LINGER = 2  # seconds
HANDOVER = 2  # of enum tux_handler
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


def send_on(client, made=None):
    """Sends until the server closes. A helper thread comes only after the connection's timer has run."""
    without_helper = time.monotonic() + LINGER + 0.3
    until = time.monotonic() + 20
    try:
        while True:
            client.sendall(b"x")
            time.sleep(0.01)
            if made and time.monotonic() > without_helper:
                made.lend()
                made = None
            assert time.monotonic() < until, "the connection still has its slot"
    except (BrokenPipeError, ConnectionResetError):
        assert made is None


def test_client_that_sends_on_to_lingering_connection_is_closed(root):
    """RFC 9112 9.6: the server discards input for a while, and closes though the client has used up turns and goes on."""
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
        made.hello()
        made.setup(str(root))
        made.listen(listener)
        helper = Helper(made)
        with socket.create_connection(listener.getsockname(), timeout=30) as client:
            client.sendall(REQUEST * SOME + REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"x" * 100)
            data = b""
            while more := client.recv(1 << 16):
                data += more
            assert data.count(b"HTTP/1.1 200 OK\r\n") == SOME + 1
            helper.kill()
            send_on(client, made)


def test_client_that_does_not_read_before_hand_over_is_closed(root):
    """The send timeout ends a connection that waits for its hand-over, though the client has used up turns and sends on."""
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as backend:
        made.hello()
        text = b"/app/"
        made.setup(str(root), port=backend.getsockname()[1], send_timeout_ms=500, routes=abi.route(0, len(text), handler=HANDOVER),
                   text=text)
        made.listen(listener)
        helper = Helper(made)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.connect(listener.getsockname())
            before = made.requests()
            client.sendall(REQUEST * SOME + REQUEST.replace(b"/a.txt", b"/app/x"))
            until = time.monotonic() + 20
            while made.requests() < before + SOME:
                assert time.monotonic() < until
                time.sleep(0.005)
            helper.kill()
            send_on(client, made)


def test_busy_helper_thread_closes_files(root):
    """The kernel closes a file when the thread returns to user space: the only helper thread does, though it never runs out of work."""
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as own:
        made.hello()
        made.setup(str(root))
        made.listen(listener)
        stop = threading.Event()

        def feed(sock):
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    sock.sendall(REQUEST * MANY)

        def drain(sock):
            with contextlib.suppress(OSError):
                while sock.recv(1 << 20):
                    pass

        made.lend()
        busy = [socket.create_connection(listener.getsockname(), timeout=30) for _ in range(3)]
        threads = [threading.Thread(target=work, args=(sock,), daemon=True) for sock in busy for work in (feed, drain)]
        before = made.requests()
        for thread in threads:
            thread.start()
        try:
            with socket.create_connection(own.getsockname(), timeout=20) as client:
                taken, _ = own.accept()
                made.adopt(taken)
                assert ask(client, "/a.txt") == (200, b"hello\n")
                until = time.monotonic() + 20
                while made.requests() - before < MANY:
                    assert time.monotonic() < until
                    time.sleep(0.005)
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""
        finally:
            stop.set()
            for sock in busy:
                sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(20)
            for sock in busy:
                sock.close()
