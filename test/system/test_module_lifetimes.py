# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests that end while a module has them, or waits. modules/lifetimes.c does what the path says."""
import os

import pytest

import client
from hosted import source


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux, build):
    """serve(more of the module block): TUX with the module at /m/. server.unblock() lets /m/block return."""
    def start(more="", **options):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        with open(os.path.join(place, "root/file.txt"), "w", encoding="utf-8") as file:
            file.write("a file")
        fifo, path = os.path.join(place, "fifo"), os.path.join(place, "tux.conf")
        os.mkfifo(fifo)
        os.chmod(fifo, 0o666)
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
                module lifetimes { file "%s"; config { fifo "%s" }; %s }
                route "/m/" { module lifetimes }
                route "=/status" { status on }
            """ % (build(source("lifetimes")), fifo, more))
        server = tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1", **options)

        def unblock():
            with open(fifo, "wb") as file:
                file.write(b"x")
        server.unblock = unblock
        return server
    return start


def get(conn, target, *fields):
    conn.send("\r\n".join(["GET %s HTTP/1.1" % target, "Host: a", *fields, "", ""]))


def counts(server):
    return server.get("/m/counts").body


@pytest.mark.parametrize("released", [True, False])
def test_a_piece_from_before_the_client_left(serve, released):
    """The server learns of it after the client has left. The module has the request for longer than its timeout."""
    server = serve("timeout 0.3")
    with server.connect() as conn, server.connect() as other, server.connect() as third:
        get(conn, "/m/keep-stream")
        assert conn.head().status == 200 and conn.take(11) == b"6\r\nbegun\n\r\n"
        get(other, "/m/block")
        client.wait_until(lambda: "blocked" in server.output, "the module has the server's thread")
        get(third, "/m/more")
        conn.close()
        server.unblock()
        assert other.response().body == b"unblocked\n"
        assert third.response().body in (b"5\n", b"-116\n")
        client.wait_until(lambda: b"gone 1 " in counts(server), "the module is told")
        if released:
            assert server.get("/m/release").body == b"-116\n"
        assert server.get("/m/keep").status == 504, "its limit ends after the one that the first request must not have"
    assert b"gone 2 " in counts(server)


def test_a_reply_in_gone(serve):
    """Nobody gets it, and what it lends is dropped."""
    server = serve()
    with server.connect() as conn:
        get(conn, "/m/reply-in-gone")
    client.wait_until(lambda: b"gone 1 dropped 0 " in counts(server), "the module is told")
    assert server.get("/file.txt").body == b"a file"
    with server.connect() as conn:
        conn.send("POST /m/reply-in-gone HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    client.wait_until(lambda: b"gone 2 " in counts(server), "the module is told")


def test_the_request_in_gone(serve):
    """The texts are still those of this request, not of others that came into the same memory."""
    server = serve()
    with server.connect() as conn:
        get(conn, "/m/read-in-gone?of-the-first", "X-Of: the-first")
        for _ in range(600):
            with server.connect() as other:
                assert other.get("/file.txt?of-another-one-", "X-Of: another--", "X-Of: another").body == b"a file"
    assert client.wait_until(lambda: counts(server).startswith(b"gone 1 ") and counts(server), "the module is told").endswith(
        b" seen of-the-first the-first\n")


def test_a_time_limit_before_the_body(serve):
    """RFC 9112 9.6: the rest of the body is not the next request."""
    server = serve("timeout 0.2")
    with server.connect() as conn:
        hidden = b"GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n"
        conn.send("POST /m/keep HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(hidden))
        found = conn.response("POST")
        assert found.status == 504 and found.field("Connection") == "close"
        conn.send(hidden)
        assert conn.rest() == b""
    assert server.get("/m/release").body == b"-116\n"


@pytest.mark.parametrize("word", ["file", "no-word"])
def test_a_reply_before_the_body(serve, word):
    """Of the module, or of a file in its place: what follows is still the body."""
    server = serve()
    with server.connect() as conn:
        hidden = b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
        conn.send("POST /m/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (word, len(hidden)))
        found = conn.response()
        assert found.status == 200 and found.field("Connection") == "close"
        conn.send(hidden)
        assert conn.rest() == b""


def test_the_memory_in_gone(serve):
    """It is there as long as gone() runs, although a thread gives the request back meanwhile."""
    server = serve()
    with server.connect() as conn:
        get(conn, "/m/return-in-gone")
        counts(server)
    assert client.wait_until(lambda: counts(server).startswith(b"gone 1 ") and counts(server), "the module is told").endswith(b" seen memory\n")


def test_a_slow_client_of_a_full_stream(serve):
    """A write that takes nothing waits for the client: the module's timeout does not run."""
    server = serve("timeout 0.3")
    with server.connect(receive_buffer=65536) as conn:
        get(conn, "/m/pieces")
        for _ in range(3):
            assert server.get("/m/keep").status == 504, "a time limit has passed"
            assert server.get("/m/release").body == b"-116\n"
        assert len(conn.response().body) == 100 * 65536
