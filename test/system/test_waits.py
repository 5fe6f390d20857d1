# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits: which have a timeout, and which must not end early."""
import os

import pytest

import client
from test_upstream import origin, proxy  # noqa: F401

NAMES = 20000
ORDERS = ["?sort=%s&order=%s" % (key, order) for key in ("name", "size", "time") for order in ("asc", "desc")]
ESTABLISHED, LISTENING = "01", "0A"
KEEP_ALIVE = "02"  # the timer of an idle connection


@pytest.fixture
def crowd(place):
    """A root with a directory of many names, whose listing takes long."""
    root = os.path.join(place, "root")
    crowd = os.path.join(root, "crowd")
    os.makedirs(crowd)
    for i in range(NAMES):
        os.close(os.open(os.path.join(crowd, "name-%06d" % i), os.O_CREAT | os.O_WRONLY, 0o644))
    return root


def test_idle_timeout_does_not_run_while_a_listing_is_made(tux, crowd):
    """--idle-timeout applies between requests: a client that waits for its response is not idle."""
    server = tux(crowd, "--browse", "--idle-timeout", "0.1")
    conns = []
    for order in ORDERS:
        conns.append(server.connect(timeout=60))
        conns[-1].send(client.request("/crowd/" + order))  # at once: before it the timeout runs
    for conn in conns:
        response = conn.response()
        assert response.status == 200 and response.body.count(b"name-") >= NAMES
        conn.close()


def tcp_sockets():
    """Returns the IPv4 sockets of this network namespace: (local port, remote port, state, timer)."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return [(int(row[1].rsplit(":", 1)[1], 16), int(row[2].rsplit(":", 1)[1], 16), row[3], row[5].split(":")[0]) for row in rows]


def test_keep_alive_on_clients_and_upstreams(origin, proxy):  # noqa: F811
    """RFC 9293 3.8.4: silent connections on both sides are probed, so that a vanished peer does not hold resources forever."""
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
    """After 101: both connections close if no byte passes in either direction for --tunnel-timeout."""
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
    tux = proxy([server], top="tunnel-timeout 2")
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        assert conn.head().status == 101
        conn.send(b"a")
        assert conn.take(1) == b"a"
        conn.assert_closed()
        client.wait_until(lambda: ended, "the upstream server's connection is closed, too")


def count_of_listings(server):
    found = [line for line in server.get("/status").body.decode().splitlines() if line.startswith("tux_listings_total ")]
    return int(found[0].split()[1])


@pytest.fixture
def lister(tux, place):
    """lister(root, *options): a server with listings and a status."""
    path = os.path.join(place, "lister.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('browse on\nroute "=/status" { status on }\n')
    return lambda root, *options, **more: tux(root, "--config", path, *options, **more)


def names(response):
    assert response.status == 200
    return response.body.count(b'<tr><td><a href="name-')


def test_listing_is_made_once_and_kept_until_the_directory_changes(lister, crowd):
    """All waiting and later requests share one listing. A new, changed or removed name shows in the next response."""
    server = lister(crowd, "--threads", "2", "--recheck", "600")
    before = count_of_listings(server)  # the fixture has listed the root
    conns = [server.connect(timeout=60) for _ in range(12)]
    for conn in conns:
        conn.send(client.request("/crowd/"))
    bodies = {conn.response().body for conn in conns}
    assert len(bodies) == 1
    for _ in range(3):
        assert {conn.get("/crowd/").body for conn in conns} == bodies
    for conn in conns:
        conn.close()
    assert count_of_listings(server) == before + 1
    for turn, change in enumerate((lambda: open(os.path.join(crowd, "crowd", "name-new"), "wb").close(),
                                   lambda: os.truncate(os.path.join(crowd, "crowd", "name-new"), 77),
                                   lambda: os.unlink(os.path.join(crowd, "crowd", "name-new")))):
        change()
        response = server.get("/crowd/")
        assert names(response) == NAMES + (turn < 2) and (b"77 B" in response.body) == (turn == 1)
        assert count_of_listings(server) == before + turn + 2


def test_uncached_file_overtakes_listings(tux, place):
    """Loader threads remain for files while many large directories are listed: most listings appear after a missing file in the
    log."""
    root, log = os.path.join(place, "root"), os.path.join(place, "log")
    for i in range(12):
        os.makedirs(os.path.join(root, "%d" % i))
        for j in range(500):
            os.close(os.open(os.path.join(root, "%d" % i, "name-%06d" % j), os.O_CREAT | os.O_WRONLY, 0o644))
    server = tux(root, "--browse", "--threads", "1", log=log)
    targets = ["/%d/%s" % (i, order) for i in range(12) for order in ORDERS]
    conns = [server.connect(timeout=60) for _ in range(len(targets) + 1)]

    def overtakes(attempt):
        """True if the file overtakes. False, too, if this process requested it only after the listings were complete."""
        cold = "/never-looked-up-%d" % attempt
        for i in range(12):
            os.utime(os.path.join(root, "%d" % i))
        for conn, target in zip(conns, targets + [cold]):
            conn.send(client.request(target))
        assert [conn.response().status for conn in conns] == [200] * len(targets) + [404]

        def order():
            with open(log, encoding="ascii") as file:
                asked = [line.split('"')[1].split()[1] for line in file][-len(conns):]
            return asked if cold in asked and len(asked) == len(conns) else None
        asked = client.wait_until(lambda: order() and set(order()) == set(targets + [cold]) and order(), "all are logged")
        return asked.index(cold) < len(targets) // 2
    assert any(overtakes(attempt) for attempt in range(5))
