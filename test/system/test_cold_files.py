# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are not in the page cache, on a disk that hangs: their connections wait, and everything else continues."""
import email.utils
import json
import os
import re
import signal
import socket
import struct

import pytest

import client
import hang as calls
from hang import hang  # noqa: F401
from hosted import source

SIZE = (3 << 20) + 12345
BODY = os.urandom(SIZE)
LATER = (2 << 20) - 7  # in the second piece that is read at once
READERS = 32  # threads that read files of one device in


@pytest.fixture
def root(root):
    with open(os.path.join(root, "large"), "wb") as file:
        file.write(BODY)
    return root


@pytest.fixture(params=["uring", "epoll"])
def engine(request):
    return request.param


@pytest.fixture
def serve(tux, root, place, hang, engine):  # noqa: F811
    """serve(*options): a server with one thread and a status at /status."""
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('route "=/status" { status on }\n')
    return lambda *options, **more: tux(root, "--config", path, "--threads", "1", "--engine", engine, *options, env=hang.env, **more)


def status(server, part):
    return json.loads(server.get("/status?format=json").body)[part]


def connections(server):
    """Returns the number of connections that wait for the server, and of all, without the one that asks."""
    found = status(server, "connections")
    return found["waiting"], found["open"] - 1


def is_cached(server):
    """True if the next requests for the file find one open file. Its bytes were not sent."""
    assert server.get("/large", method="HEAD").status == 200
    return status(server, "cache")["files"] == 1


def ask(server, target="/large"):
    conn = server.connect(timeout=60)
    conn.send(client.request(target))
    return conn


@pytest.mark.parametrize("large_body", ["sendfile", "copy"])
@pytest.mark.parametrize("first", [0, LATER], ids=["begin", "later"])
def test_cold_file_delays_no_other(serve, root, hang, first, large_body):  # noqa: F811
    """The begin of a body, or a later part, is read from a hanging disk: other files are served, then the body arrives whole."""
    server = serve("--large-body", large_body)
    hang.on(calls.READ, os.path.join(root, "large"), first)
    with ask(server) as conn:
        client.wait_until(lambda: hang.hung > 0, "a read hangs")
        assert conn.head().status == 200
        parts = [conn.take(min(first, 1 << 20))]
        for _ in range(3):
            assert server.get("/file").body == b"data"
        hang.off()
        parts.append(conn.take(SIZE - len(parts[0])))
        assert b"".join(parts) == BODY
        assert conn.get("/large").body == BODY


def test_range_of_cold_file_delays_no_other(serve, root, hang):  # noqa: F811
    """RFC 9110 14.6: each range of a multipart body is read in, whatever their order."""
    server = serve()
    hang.on(calls.READ, os.path.join(root, "large"), 1000)
    with server.connect(timeout=60) as conn:
        conn.send("GET /large HTTP/1.1\r\nHost: x\r\nRange: bytes=2000000-2000999,0-99,500-1999999\r\n\r\n")
        client.wait_until(lambda: hang.hung > 0, "a read hangs")
        assert server.get("/file").body == b"data"
        hang.off()
        response = conn.response()
        assert response.status == 206
        for part in (BODY[2000000:2001000], BODY[:100], BODY[500:2000000]):
            assert b"\r\n\r\n" + part + b"\r\n--" in response.body


def test_only_bytes_to_send_are_read(serve, root, hang):  # noqa: F811
    """HEAD, 304 and a range that is in memory read nothing of a file that is opened for them."""
    large = os.path.join(root, "large")
    for name in ("head", "unmodified", "range"):
        os.symlink(large, os.path.join(root, name))  # only a thread that may block opens it
    server = serve()
    hang.on(calls.READ, large, 1000)
    with server.connect(timeout=30) as conn:
        assert conn.get("/head", method="HEAD").status == 200
        assert conn.get("/unmodified", "If-Modified-Since: " + email.utils.formatdate(os.stat(large).st_mtime, usegmt=True)).status == 304
        assert conn.get("/range", "Range: bytes=0-99").body == BODY[:100]
    assert hang.hung == 0


def test_window_is_read_once_for_all_clients(serve, root, hang):  # noqa: F811
    """20 clients of a cold file wait for one read of its begin."""
    server = serve()
    client.wait_until(lambda: is_cached(server), "the file is open")
    hang.on(calls.READ, os.path.join(root, "large"))
    conns = [ask(server) for _ in range(20)]
    client.wait_until(lambda: connections(server)[0] >= len(conns) and hang.hung > 0, "all of them wait")
    assert hang.hung == 1
    hang.off()
    for conn in conns:
        assert conn.response().body == BODY
        conn.close()


def ranged(server, target, first, last):
    conn = server.connect(timeout=60)
    conn.send("GET %s HTTP/1.1\r\nHost: x\r\nRange: bytes=%d-%d\r\n\r\n" % (target, first, last))
    return conn


def test_files_in_memory_wait_for_no_reader(serve, root, hang):  # noqa: F811
    """As many reads of one file hang as there are readers, and more wait: large files that are in memory are sent all the same."""
    warm = ["warm%d" % i for i in range(16)]
    for name in warm:
        with open(os.path.join(root, name), "wb") as file:
            file.write(BODY[:200000])
    with open(os.path.join(root, "cold"), "wb") as file:
        file.truncate((READERS + 4) << 21)
    server = serve()
    hang.on(calls.READ, os.path.join(root, "cold"))
    conns = [ranged(server, "/cold", i << 21, (i << 21) + 1000) for i in range(READERS + 4)]
    client.wait_until(lambda: hang.hung == READERS and connections(server)[0] == len(conns), "all readers are busy")
    with server.connect(timeout=60) as conn:
        for name in warm:
            assert conn.get("/" + name).body == BODY[:200000]
    assert hang.hung == READERS
    hang.off()
    for conn in conns:
        assert conn.response().body == bytes(1001)
        conn.close()


def test_bytes_in_memory_wait_for_no_larger_read(serve, root, hang):  # noqa: F811
    """One client waits for a read that hangs at its end. Another one needs only bytes of it that are in memory: it gets them."""
    server = serve()
    hang.on(calls.READ, os.path.join(root, "large"), 100000)
    with ask(server) as conn:
        client.wait_until(lambda: hang.hung > 0, "the read hangs")
        with ranged(server, "/large", 1000, 1999) as other:
            assert other.response().body == BODY[1000:2000]
        hang.off()
        assert conn.response().body == BODY


def test_client_disconnect_while_file_is_read(serve, root, hang):  # noqa: F811
    """Its connection closes at once. Another client of the same read gets its response."""
    server = serve()
    hang.on(calls.READ, os.path.join(root, "large"))
    gone, other = ask(server), ask(server)
    client.wait_until(lambda: connections(server)[0] >= 2, "both wait")
    gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    gone.close()
    client.wait_until(lambda: connections(server) == (1, 1), "one connection is left")
    hang.off()
    assert other.response().body == BODY
    other.close()


@pytest.mark.parametrize("log", ["off", "/dev/null"], ids=["unlogged", "logged"])
def test_read_has_a_time_limit(serve, root, hang, log):  # noqa: F811
    """A read hangs, and its clients have gone: after --send-timeout their slots are free. Each response counts as cut short."""
    server = serve("--send-timeout", "0.5", "--max-connections", "4", log=log)
    hang.on(calls.READ, os.path.join(root, "large"))
    conns = [ask(server) for _ in range(4)]
    client.wait_until(lambda: hang.hung > 0, "the read hangs")
    for conn in conns:
        conn.sock.shutdown(socket.SHUT_WR)  # it may still want its response
    assert server.get("/file").body == b"data"  # as soon as a slot is free
    client.wait_until(lambda: connections(server) == (0, 0), "all of them are closed")
    for conn in conns:
        with pytest.raises((client.Closed, ConnectionResetError)):
            conn.take(SIZE)
    assert status(server, "errors") == len(conns)
    said = [line for line in server.output.splitlines() if "cut short" in line]
    assert len(said) == len(conns)
    for line in said:
        assert re.fullmatch(r"tux: request [0-9a-f]{16}: response cut short: reading the file timed out; client 127\.0\.0\.1:\d+, file large", line)
    hang.off()
    assert server.get("/large").body == BODY


def test_drain_waits_for_a_read(serve, root, hang):  # noqa: F811
    """SIGTERM while the file is read: the client gets its whole response, then the server ends."""
    server = serve("--drain-timeout", "60")
    hang.on(calls.READ, os.path.join(root, "large"))
    with ask(server) as conn, server.connect() as idle:
        client.wait_until(lambda: hang.hung > 0, "the read hangs")
        server.signal(signal.SIGTERM)
        idle.assert_closed()
        hang.off()
        assert conn.response().body == BODY
    assert server.wait() == 0


def test_stop_during_a_read(serve, root, hang):  # noqa: F811
    """After --drain-timeout the connection closes. The server ends as soon as the disk responds."""
    server = serve("--drain-timeout", "0.1")
    hang.on(calls.READ, os.path.join(root, "large"))
    with ask(server) as conn:
        client.wait_until(lambda: hang.hung > 0, "the read hangs")
        assert conn.head().status == 200
        server.signal(signal.SIGTERM)
        with pytest.raises((client.Closed, ConnectionResetError)):
            conn.take(SIZE)
        hang.off()
    assert server.wait() == 0


@pytest.mark.parametrize("left", [0, 1 << 20])
def test_file_shrinks_while_it_is_read(serve, root, hang, left):  # noqa: F811
    """A body that becomes shorter than its Content-Length ends with its connection. The next response has the new length."""
    server = serve()
    path = os.path.join(root, "large")
    hang.on(calls.READ, path, LATER)
    with ask(server) as conn:
        client.wait_until(lambda: hang.hung > 0, "a read hangs")
        assert conn.head().status == 200
        os.truncate(path, left)
        hang.off()
        with pytest.raises((client.Closed, ConnectionResetError)):
            conn.take(SIZE)
    assert server.get("/large").body == BODY[:left]


@pytest.fixture
def modules(tux, root, place, hang, build, engine):  # noqa: F811
    """A server with one thread and modules/streams.c: in it at /m/, isolated at /iso/."""
    path = os.path.join(place, "tux.conf")
    module = build(source("streams"))
    with open(path, "w", encoding="ascii") as file:
        file.write("""
            module streams { file "%s" }
            module isolated { file "%s"; isolate on; memory 0; timeout 30 }
            route "/m/" { module streams }
            route "/iso/" { module isolated }
        """ % (module, module))
    server = tux(root, "--config", path, "--threads", "1", "--engine", engine, env=hang.env)
    client.wait_until(lambda: server.get("/iso/after?1,1").status == 200, "the process of the module is ready")
    return server


@pytest.mark.parametrize("at", ["/m", "/iso"])
def test_module_reads_the_begin_of_a_cold_file(modules, root, hang, at):  # noqa: F811
    """Its look-up waits for the bytes, and neither the thread of the server nor that of the module waits with it."""
    with open(os.path.join(root, "large"), "r+b") as file:
        file.write(b"0123456789abcdefghijkl")
    for _ in range(2):  # bytes are read for an isolated module in advance as soon as it has read some
        hang.on(calls.READ, os.path.join(root, "large"))
        before = hang.hung
        with ask(modules, at + "/file-read?0:/large") as conn:
            client.wait_until(lambda n=before: hang.hung > n, "a read hangs")
            assert modules.get("/file").body == b"data"
            assert modules.get(at + "/after?1,1").body == b"after\n"
            hang.off()
            assert conn.response().body == b"%d 16 23456789abcdefgh 0 -22 -22" % SIZE
        os.utime(os.path.join(root, "large"))  # another file for the cache


@pytest.mark.parametrize("ends", ["the disk", "the client"])
def test_isolated_module_reads_the_rest_of_a_cold_file(modules, root, hang, ends):  # noqa: F811
    """The thread of the module waits. That of the server does not."""
    hang.on(calls.READ, os.path.join(root, "large"), LATER)
    with ask(modules, "/iso/file-copy?0:/large") as conn:
        client.wait_until(lambda: hang.hung > 0, "a read hangs")
        assert modules.get("/file").body == b"data"
        assert modules.get("/m/after?1,1").body == b"after\n"
        if ends == "the client":
            conn.close()
            assert modules.get("/iso/after?1,1").body == b"after\n"
        hang.off()
        assert ends == "the client" or conn.response().body == BODY
    assert modules.get("/iso/file-copy?0:/large").body == BODY


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("lies", ["read=2090000,60000", "begin=5;end=", "begin=5;data=1;end=", "lookup=/file", "file=0,1"])
def test_isolated_module_that_does_not_wait_for_its_bytes(tux, root, place, hang, build, engine, lies):  # noqa: F811
    """A request that ends, or a process that is killed for nonsense, while its bytes are read from the disk."""
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('module hostile { file "%s"; isolate on; root "/" }\nroute "/h/" { module hostile }\n' % build(source("hostile")))
    server = tux(root, "--config", path, "--threads", "1", "--engine", engine, env=hang.env)
    client.wait_until(lambda: server.get("/h/pid-").status == 200, "the process of the module is ready")
    hang.on(calls.READ, os.path.join(root, "large"), LATER)
    with server.connect() as conn:
        conn.send(client.request("/h/lies?lookup=/large;wait;read=2090000,60000;" + lies))
        if "=5" in lies:
            assert conn.head().status == 200
        else:
            server.wait_until(lambda: "its process has written nonsense, and is killed" in server.output, "the process is killed")
            assert conn.response().status == 502
        assert server.get("/file").body == b"data"
        client.wait_until(lambda: hang.hung > 0, "the read hangs")
    hang.off()
    client.wait_until(lambda: hang.hung == 0, "the read ends")
    assert server.get("/file").body == b"data" and server.get("/large").body == BODY
    if "is killed" in server.output:
        client.wait_until(lambda: server.get("/h/pid-").status == 200, "another process responds")
