# SPDX-License-Identifier: GPL-2.0-or-later
"""Events of a connection wait while another thread of the kernel owns its socket. No request and no time limit gets lost by that."""
import contextlib
import pathlib
import socket
import subprocess
import time

import pytest

import abi
from conftest import answer, ask, wait_until_received

PARAMETERS = pathlib.Path("/sys/module/owner/parameters")
REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD_TIMEOUT_MS = 1500


@pytest.fixture
def owner():
    """test/vm/owner."""
    subprocess.run(["insmod", "/owner.ko"], check=True)
    yield lambda name, value: (PARAMETERS / name).write_text(str(value))
    subprocess.run(["rmmod", "owner"], check=True)


@contextlib.contextmanager
def adopted(root, owner, **setup):
    """An instance, and the client of a connection that it adopted. The owner has the socket."""
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
        made.hello()
        made.setup(str(root), **setup)
        made.lend()
        with socket.create_connection(listener.getsockname(), timeout=30) as client:
            taken, _ = listener.accept()
            owner("socket", taken.fileno())
            made.adopt(taken)
            assert ask(client, "/a.txt") == (200, b"hello\n")
            yield made, client


def test_request_for_owned_socket_is_answered(root, owner):
    with adopted(root, owner) as (_, client):
        owner("own", 1)
        client.sendall(REQUEST)
        assert answer(client) == (200, b"hello\n")


def test_head_timeout_after_event_of_owned_socket(root, owner):
    """RFC 9112 9.5: the event moves the timer. The time limit of the head that began before stays."""
    with adopted(root, owner, head_timeout_ms=HEAD_TIMEOUT_MS) as (made, client):
        client.sendall(REQUEST[:5])
        wait_until_received(client)
        owner("own", 1)
        client.sendall(REQUEST[5:10])
        until = time.monotonic() + 30
        while True:
            try:
                (fd, reason), = made.take()
                break
            except BlockingIOError:
                assert time.monotonic() < until, "the head has no time limit"
                time.sleep(0.01)
        with socket.socket(fileno=fd) as taken:
            assert reason == abi.TIMEOUT
            assert taken.recv(100) == REQUEST[:10]
