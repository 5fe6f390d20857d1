# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that read request bodies in pieces. modules/bodies.c does what the path says."""
import os
import threading

import pytest

import client
from hosted import ATS, pattern


@pytest.fixture
def serve(in_each_host):
    """serve(more of the file): TUX with the module in each host."""
    def start(top="", **options):
        server = in_each_host("bodies", top=top, **options)
        client.wait_until(lambda: is_told(server), "the server knows that the isolated module reads pieces")
        return server
    return start


def is_told(server):
    """Until then the server reads bodies whole, so it asks for them itself."""
    with server.connect() as conn:
        post(conn, "/iso/unread", 3, "Expect: 100-continue")
        return conn.response("POST", interim=True).status == 200


def summed(body):
    total = 0
    for octet in body:
        total = (total * 31 + octet) & 0xffffffff
    return total


def chunks(body, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size)) + b"0\r\n\r\n"


def post(conn, target, length, *fields):
    """Sends the head; length None: chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else "Content-Length: %d" % length
    conn.send("\r\n".join(["POST %s HTTP/1.1" % target, "Host: a", framing, *fields, "", ""]))


def sends_file(conn):
    return conn.get("/file.txt").body == b"a file"


def test_a_body_in_pieces(serve):
    """Whatever its framing and the size of its packets; the next request follows."""
    server = serve(top="max-body 1m")
    for at in ATS:
        for word in ("add", "thread"):
            with server.connect() as conn:
                for size in (0, 1, 70000, 300000):
                    body = pattern(size)
                    post(conn, "%s/%s" % (at, word), size)
                    conn.send(body)
                    assert conn.response("POST").body == b"0 %d %d %d\n" % (size, size, summed(body))
                    post(conn, "%s/%s" % (at, word), None)
                    conn.send(chunks(body, 7001) if size else b"0\r\n\r\n")
                    assert conn.response("POST").body == b"0 -1 %d %d\n" % (size, summed(body))
                assert sends_file(conn)
                assert conn.get("%s/%s" % (at, word)).body == b"0 0 0 0\n"
                assert conn.get(at + "/whole", method="POST").body == b"0 -22\n"


def test_the_module_is_called_before_the_body(serve):
    """It has each piece as soon as it arrives, and may respond meanwhile."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            post(conn, at + "/echo", None)
            assert conn.head().field("Transfer-Encoding") == "chunked"
            for piece in (b"first", b"second", b"third"):
                conn.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                assert conn.take(len(piece) + 5) == b"%x\r\n%s\r\n" % (len(piece), piece)
            conn.send(b"0\r\n\r\n")
            assert conn.take(5) == b"0\r\n\r\n"
            assert sends_file(conn)


def test_a_long_body_comes_back(serve):
    """Both directions at once, for a client that reads late: at most 64 KB of each wait in the server."""
    server = serve(top="max-body 10m")
    body = pattern(3000000)
    for at in ATS:
        with server.connect() as conn:
            sender = threading.Thread(target=lambda c=conn, a=at: (post(c, a + "/echo", len(body)), c.send(body)))
            sender.start()
            assert conn.response("POST").body == body
            sender.join()
            assert sends_file(conn)


def test_a_client_that_sends_faster_than_the_module_reads(serve):
    """It waits; nothing is lost."""
    server = serve(top="max-body 10m")
    body = pattern(2000000)
    for at in ATS:
        with server.connect() as conn:
            post(conn, at + "/hold", len(body))
            sender = threading.Thread(target=lambda c=conn: c.send(body))
            sender.start()
            client.wait_until(lambda a=at: server.get(a + "/release").body == b"released\n", "the module has held it")
            assert conn.response("POST").body == b"0 %d %d %d\n" % (len(body), len(body), summed(body))
            sender.join()
            assert sends_file(conn)


def test_expect_continue(serve):
    """RFC 9110 10.1.1: the client is asked when the module wants the body, and not before."""
    server = serve()
    for at in ATS:
        for word in ("add", "thread"):
            with server.connect() as conn:
                post(conn, "%s/%s" % (at, word), 3, "Expect: 100-continue")
                assert conn.response("POST", interim=True).status == 100
                conn.send("abc")
                assert conn.response("POST").body == b"0 3 3 %d\n" % summed(b"abc")
                assert sends_file(conn)
        with server.connect() as conn:
            post(conn, at + "/unread", 3, "Expect: 100-continue")
            found = conn.response("POST", interim=True)
            assert (found.status, found.body, found.field("Connection")) == (200, b"unread\n", "close")


def test_a_reply_before_the_end_of_the_body(serve):
    """RFC 9112 9.3: the connection closes after it, and the client gets the response whole."""
    server = serve(top="max-body 10m")
    for at in ATS:
        for word, status in (("unread", 200), ("early", 200), ("fail", 500), ("decline", 404)):
            with server.connect() as conn:
                post(conn, "%s/%s" % (at, word), 1000000)
                conn.send(pattern(10))
                found = conn.response("POST")
                assert found.status in (status, 405) and found.field("Connection") == "close", word
                conn.assert_closed()


def test_a_broken_body(serve):
    """The module is told, and may reply."""
    server = serve(top="max-body 100k")
    for at in ATS:
        for word in ("add", "thread"):
            with server.connect() as conn:
                post(conn, "%s/%s" % (at, word), None)
                conn.send("3\r\nabc\r\nxyz\r\n")
                found = conn.response("POST")
                assert found.body == b"-74 -1 3 %d\n" % summed(b"abc") and found.field("Connection") == "close"
            with server.connect() as conn:
                post(conn, "%s/%s" % (at, word), None)
                conn.send(b"20000\r\n" + pattern(0x1a000))
                found = conn.response("POST")
                assert found.body.startswith(b"-27 -1 ") and found.field("Connection") == "close"
            with server.connect() as conn:
                post(conn, "%s/%s" % (at, word), 200000)
                assert conn.response("POST").status == 413


def test_the_client_leaves_within_its_body(serve):
    server = serve(top="body-timeout 0.3")
    for at in ATS:
        with server.connect() as conn:
            post(conn, at + "/add", 100)
            conn.send("abc")
            server.get(at + "/counts")
        client.wait_until(lambda: server.get(at + "/counts").body == b"gone 1\n", "the module is told")
        with server.connect() as conn:  # it sends nothing more
            post(conn, at + "/add", 100)
            conn.send("abc")
            assert conn.response("POST").status == 408
        client.wait_until(lambda: server.get(at + "/counts").body == b"gone 2\n", "the module is told")
