# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits: which of them end, and which must not end before they are over."""
import os

import pytest

import client
from test_upstream import origin, proxy  # noqa: F401

NAMES = 40000
ORDERS = ["?sort=%s&order=%s" % (key, order) for key in ("name", "size", "time") for order in ("asc", "desc")]
ESTABLISHED, LISTENING = "01", "0A"
KEEP_ALIVE = "02"  # the timer of a connection with nothing under way


@pytest.fixture
def crowd(place):
    """A root with a directory of many names, which takes a while to list."""
    root = os.path.join(place, "root")
    crowd = os.path.join(root, "crowd")
    os.makedirs(crowd)
    for i in range(NAMES):
        os.close(os.open(os.path.join(crowd, "name-%06d" % i), os.O_CREAT | os.O_WRONLY, 0o644))
    return root


def test_idle_timeout_does_not_run_while_a_listing_is_made(tux, crowd):
    """--idle-timeout is for silence between requests: a client that waits for its response is not idle."""
    server = tux(crowd, "--browse", "--idle-timeout", "0.1")
    conns = [server.connect(timeout=60) for _ in ORDERS]
    for conn, order in zip(conns, ORDERS):
        conn.send(client.request("/crowd/" + order))
    for conn in conns:
        response = conn.response()
        assert response.status == 200 and response.body.count(b"name-") >= NAMES
        conn.close()


def tcp_sockets():
    """Of this network namespace over IPv4: (local port, remote port, state, timer)."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return [(int(row[1].rsplit(":", 1)[1], 16), int(row[2].rsplit(":", 1)[1], 16), row[3], row[5].split(":")[0]) for row in rows]


def test_keep_alive_on_clients_and_upstreams(origin, proxy):  # noqa: F811
    """RFC 9293 3.8.4: silent connections of both sides are probed, so that a vanished peer holds nothing for ever."""
    server = origin()
    tux = proxy([server], more="unused-timeout 600")
    with tux.connect() as conn:
        assert conn.get("/app/").status == 200
        port = conn.sock.getsockname()[1]

        def timers():
            found = tcp_sockets()
            client_side = [timer for local, remote, state, timer in found if (local, remote, state) == (tux.port, port, ESTABLISHED)]
            upstream_side = [timer for local, remote, state, timer in found if remote == server.port and state == ESTABLISHED]
            return client_side + upstream_side
        client.wait_until(lambda: len(timers()) >= 2 and set(timers()) == {KEEP_ALIVE}, "both sides have the timer")


def test_silent_tunnel_ends(origin, proxy):  # noqa: F811
    """Behind 101: without a byte in either direction for --tunnel-timeout both connections are closed."""
    ended = []

    def echo(sock):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        while True:
            data = sock.recv(65536)
            if not data:
                break
            sock.sendall(data)
        ended.append(True)
    server = origin(lambda request: echo)
    tux = proxy([server], top="tunnel-timeout 0.5")
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        assert conn.head().status == 101
        conn.send(b"a")
        assert conn.take(1) == b"a"
        conn.assert_closed()
        client.wait_until(lambda: ended, "the upstream server's connection is closed, too")
