# SPDX-License-Identifier: GPL-2.0-or-later
"""Urgent data (MSG_OOB): TCP gives a reader in the kernel what is before it, never the rest, so the connection goes to the program."""
import socket
import time

import pytest

import abi
from conftest import answer, ask

REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"


def taken_from(instance):
    """The one connection that is handed up, and why."""
    until = time.monotonic() + 20
    while True:
        try:
            (fd, reason), = instance.take()
            return socket.socket(fileno=fd), reason
        except BlockingIOError:
            assert time.monotonic() < until, "not handed up"
            time.sleep(0.01)


@pytest.mark.parametrize("at", [0, 5, len(REQUEST) // 2, len(REQUEST) - 1])
def test_request_with_urgent_byte_is_handed_up_once(instance, at):
    """One request gets at most one response: a reader that does not get past a byte must not see it as new."""
    instance.lend()
    with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if at > 0:
            client.sendall(REQUEST[:at])
        client.send(REQUEST[at:at + 1], socket.MSG_OOB)
        client.sendall(REQUEST[at + 1:])
        taken, reason = taken_from(instance)
        with taken:
            assert reason == abi.REFUSED
            assert instance.requests() == 0
            client.shutdown(socket.SHUT_WR)
            taken.settimeout(20)
            data = b""
            while more := taken.recv(1000):
                data += more
            assert data == REQUEST[:at] + REQUEST[at + 1:]
            taken.sendall(b"the program's")
        assert client.recv(1000) == b"the program's"


def test_rest_of_head_after_urgent_byte_is_no_request(instance):
    with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
        client.send(b"POST /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n!", socket.MSG_OOB)
        client.sendall(REQUEST)
        taken, _ = taken_from(instance)
        taken.close()
        assert instance.requests() == 0


def test_connection_with_urgent_bytes_is_served(tux):
    """recv() leaves urgent bytes out: the program continues, and gives the connection back."""
    with tux.connect() as sock:
        for _ in range(5):
            assert ask(sock, "/a.txt") == (200, b"hello\n")
            sock.send(b"!", socket.MSG_OOB)
        sock.send(b"G", socket.MSG_OOB)
        sock.sendall(REQUEST[1:])
        assert answer(sock)[0] in (400, 405, 501)  # ET is no method
