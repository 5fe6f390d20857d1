# SPDX-License-Identifier: GPL-2.0-or-later
"""Many connections at once."""
import os
import resource
import selectors
import socket

import pytest

import client

IDLE = 10000
SLOW = 2000
PER_IDLE = 1024  # bytes of the server's memory for an idle connection, without the kernel's


def connect_many(address, count):
    """Opens count connections from several addresses of this machine, because the ports of one may run out."""
    socks = []
    for i in range(count):
        sock = socket.socket()
        sock.bind(("127.0.0.%d" % (2 + i % 8), 0))
        sock.settimeout(client.TIMEOUT)
        sock.connect(address)
        socks.append(sock)
    return socks


def answer_all(socks, request, length):
    """Sends request on all and reads length octets of response from each."""
    for start in range(0, len(socks), 500):
        part = socks[start:start + 500]
        for sock in part:
            sock.sendall(request)
        for sock in part:
            got = 0
            while got < length:
                data = sock.recv(length - got)
                assert data, "closed after %d octets" % got
                got += len(data)


def need_files(count):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < count:
        pytest.skip("needs %d open files" % count)


@pytest.fixture
def root(place):
    root = os.path.join(place, "root")
    os.mkdir(root)
    with open(os.path.join(root, "file"), "wb") as file:
        file.write(b"x" * 1000)
    return root


def test_idle_connections(tux, root):
    """10,000 connections that are idle after a request persist, still respond, and cost under 1 KiB each."""
    need_files(IDLE + 200)
    server = tux(root, "--max-connections", str(IDLE + 100), "--idle-timeout", "300")
    data = client.request("/file")
    with server.connect() as conn:
        conn.send(data)
        conn.response()
        length = len(conn.get("/file").body)
        assert length == 1000
        conn.send(data)
        head = b""
        while b"\r\n\r\n" not in head:
            head += conn.take(1)
        length = len(head) + 1000
    for sock in connect_many(server.address, 64):  # one-time allocations do not count
        with sock:
            answer_all([sock], data, length)
    before = server.memory()
    socks = connect_many(server.address, IDLE)
    try:
        answer_all(socks, data, length)
        after = server.memory()
        each = (after - before) / IDLE
        print("%d idle connections: %d bytes each" % (IDLE, each))
        assert server.get("/file").body == b"x" * 1000
        answer_all(socks[::100], data, length)
        selector = selectors.DefaultSelector()
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        assert not selector.select(0), "idle connections were closed"
        selector.close()
        assert each < PER_IDLE
    finally:
        for sock in socks:
            sock.close()


def test_slow_heads(tux, root):
    """2,000 connections that send a head octet by octet disturb no other client."""
    need_files(SLOW + 200)
    server = tux(root, "--head-timeout", "300")
    socks = connect_many(server.address, SLOW)
    head = b"GET /file HTTP/1.1\r\nHost: a\r\n"
    try:
        with server.connect() as conn:
            for octet in head:
                for sock in socks:
                    sock.sendall(bytes([octet]))
                assert conn.get("/file").body == b"x" * 1000
                assert server.get("/file").body == b"x" * 1000
        for sock in socks:
            sock.sendall(b"\r\n")
        for sock in socks:
            assert sock.recv(12) == b"HTTP/1.1 200"
    finally:
        for sock in socks:
            sock.close()


def test_open_files_run_out(tux, root):
    """EMFILE pauses accepting. When connections close, the waiting ones are served."""
    limit = 64

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    # setpriv: without CAP_SYS_RESOURCE the limit cannot be raised again
    drop = ["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"] if os.geteuid() == 0 else []
    server = tux(root, "--threads", "1", preexec_fn=few, wrapper=drop)
    socks = []
    try:
        for _ in range(2 * limit):
            socks.append(server.connect())
        for conn in socks:
            conn.send(client.request("/file"))
        for conn in socks:
            assert conn.response().body == b"x" * 1000
            conn.close()
        assert server.get("/file").body == b"x" * 1000
    finally:
        for conn in socks:
            conn.close()
