# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections (RFC 9112 9): persistence, pipelining, closing, segmentation."""
import time

import pytest

import content
from client import DEFAULTS, Closed, request


def test_http_1_1_persists(conn):
    """RFC 9112 9.3: an HTTP/1.1 connection persists."""
    for _ in range(20):
        assert conn.get("/text.txt").body == content.TEXT


@pytest.mark.parametrize("fields", [["Connection: close"], ["Connection: Close"], ["Connection: x, close"],
                                    ["Connection: x", "Connection: close"], ["Connection: keep-alive, close"]])
def test_close(conn, fields):
    """RFC 9112 9.6: after close the server announces close and closes."""
    response = conn.get("/text.txt", *fields)
    assert response.body == content.TEXT
    assert "close" in response.tokens("Connection")
    conn.assert_closed()


def test_request_after_close_gets_no_response(conn):
    """RFC 9112 9.6: requests after one with close are not processed."""
    conn.send(request("/text.txt", "Connection: close") + request("/bytes.bin"))
    assert conn.response().body == content.TEXT
    conn.assert_closed()


def test_http_1_0_closes(conn):
    """RFC 9112 9.3: an HTTP/1.0 connection closes after the response."""
    response = conn.get("/text.txt", version="1.0")
    assert response.body == content.TEXT
    conn.assert_closed()


def test_http_1_0_keep_alive(conn):
    """RFC 9112 9.3, C.2.2: HTTP/1.0 with keep-alive persists, and the response announces it."""
    for _ in range(3):
        response = conn.get("/text.txt", "Connection: Keep-Alive", version="1.0")
        assert response.body == content.TEXT
        assert "keep-alive" in response.tokens("Connection")
    conn.get("/text.txt", version="1.0")
    conn.assert_closed()


def test_http_1_0_without_host(conn):
    """RFC 9112 3.2: HTTP/1.0 needs no Host."""
    assert conn.get("/text.txt", version="1.0", host=None).body == content.TEXT


def test_later_minor_version(conn):
    """RFC 9110 2.5: a higher minor version is treated as 1.1."""
    assert conn.get("/text.txt", version="1.9").body == content.TEXT
    assert conn.get("/text.txt").body == content.TEXT


@pytest.mark.parametrize("target, data", [("/text.txt", content.TEXT), ("/big.bin", content.BIG)],
                         ids=["small", "large"])
def test_half_closed_client_gets_its_response(conn, target, data):
    """RFC 9112 9.6: a client that has shut down its sending side still gets the response."""
    conn.send(request(target))
    conn.send_eof()
    assert conn.response().body == data
    conn.assert_closed()


def test_pipelining_in_order(conn):
    """RFC 9112 9.3.2: pipelined requests are answered in order."""
    targets = [("/text.txt", content.TEXT), ("/bytes.bin", content.BYTES), ("/empty.txt", b""),
               ("/big.bin", content.BIG), ("/sub/", content.SUB_PAGE)] * 4
    conn.send(b"".join(request(target) for target, _ in targets))
    for target, data in targets:
        response = conn.response()
        assert response.status == 200 and response.body == data, target


def test_pipelining_mixed(conn):
    """RFC 9112 9.3.2: errors, conditions and HEAD keep their position in a pipeline."""
    conn.send(request("/missing") + request("/text.txt", "If-None-Match: *") + request("/text.txt", method="HEAD") +
              request("/sub") + request("/text.txt", "Range: bytes=0-2") + request("/text.txt"))
    assert conn.response().status == 404
    assert conn.response().status == 304
    assert conn.response("HEAD").status == 200
    assert conn.response().status == 301
    assert conn.response().body == content.TEXT[:3]
    assert conn.response().body == content.TEXT


def test_pipeline_of_many(conn):
    """RFC 9112 9.3.2: 20,000 bytes of requests in one write, and each is answered."""
    one = request("/text.txt")
    count = 20000 // len(one) + 1
    conn.send(one * count)
    for _ in range(count):
        assert conn.response().body == content.TEXT
    assert conn.get("/bytes.bin").body == content.BYTES


def test_pipeline_longer_than_any_buffer(conn):
    """RFC 9112 9.3.2: 3,000 requests while the client does not read."""
    conn.send(request("/bytes.bin") * 3000)
    for i in range(3000):
        response = conn.response()
        assert response.status == 200, (i, response.status, response.body)
        assert response.body == content.BYTES


def test_split_at_every_octet(server):
    """RFC 9112 2: TCP segment boundaries in a request have no meaning."""
    data = request("/text.txt", "Range: bytes=4-8") + request("/bytes.bin")
    with server.connect() as conn:
        for cut in range(1, len(data)):
            conn.send(data[:cut])
            if cut % 16 == 0:
                time.sleep(0.002)  # lets the first piece arrive alone, most of the time
            conn.send(data[cut:])
            assert conn.response().body == content.TEXT[4:9]
            assert conn.response().body == content.BYTES


def test_octet_by_octet(conn):
    """RFC 9112 2: a request may arrive in as many segments as it has octets."""
    for octet in request("/text.txt", "Accept: */*"):
        conn.send(bytes([octet]))
        time.sleep(0.001)
    assert conn.response().body == content.TEXT


@pytest.mark.parametrize("lines", [1, 2])
def test_empty_lines_before_a_request(conn, lines):
    """RFC 9112 2.2: empty lines before the request line are ignored."""
    conn.send(b"\r\n" * lines + request("/text.txt") + b"\r\n" * lines + request("/bytes.bin"))
    assert conn.response().body == content.TEXT
    assert conn.response().body == content.BYTES


def test_eof_in_the_head(server):
    """RFC 9112 8: a request that ends in its head does not succeed."""
    with server.connect() as conn:
        conn.send(b"GET /text.txt HTTP/1.1\r\nHost: te")
        conn.send_eof()
        assert content.TEXT not in conn.rest()


def test_eof_without_request(server):
    """RFC 9112 9.5: a connection without any bytes is closed without a response."""
    with server.connect() as conn:
        conn.send_eof()
        conn.assert_closed()


def test_reset_clients_do_no_harm(server):
    """RFC 9112 9.5: clients may disconnect at any time."""
    for part in (b"", b"GET", request("/big.bin"), request("/sparse.bin") * 3):
        for _ in range(10):
            conn = server.connect()
            conn.send(part)
            conn.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: reset
            conn.close()
    assert server.get("/text.txt").body == content.TEXT


def test_lingering_close(server):
    """RFC 9112 9.6: the last response is not lost while the client still sends."""
    for _ in range(20):
        with server.connect() as conn:
            conn.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n")
            try:
                conn.send(b"x" * 200000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert conn.response().status == 400


def test_lingering_close_after_large_response(server):
    """RFC 9112 9.6: like test_lingering_close, but for a large response with close while more requests arrive."""
    with server.connect() as conn:
        conn.send(request("/big.bin", "Connection: close") + request("/big.bin") * 100)
        assert conn.response().body == content.BIG
        conn.assert_closed()


def others_are_served(server, requests):
    """Checks that new connections and later requests get responses. The connections are few: on an emulated CPU a handshake of TLS takes a second."""
    for _ in range(4):
        with server.connect() as conn:
            for _ in range(requests // 4):
                assert conn.get("/text.txt").body == content.TEXT


def test_slow_reader_costs_only_itself(server):
    """A client that does not read its response delays no other client, and eventually gets the whole response."""
    slow = [server.connect(receive_buffer=4096) for _ in range(8)]
    try:
        for conn in slow:
            conn.send(request("/sparse.bin"))
        others_are_served(server, 50)
        slow[0].widen()
        response = slow[0].response()
        assert len(response.body) == content.SPARSE_SIZE and response.body.endswith(b"\0end")
    finally:
        for conn in slow:
            conn.close()


def test_slow_writer_costs_only_itself(server):
    """Unfinished heads delay no other client."""
    slow = [server.connect() for _ in range(50)]
    try:
        for conn in slow:
            conn.send(b"GET /text.txt HTTP/1.1\r\nHo")
        others_are_served(server, 20)
        for conn in slow:
            conn.send(b"st: a\r\n\r\n")
        for conn in slow:
            assert conn.response().body == content.TEXT
    finally:
        for conn in slow:
            conn.close()


def test_head_timeout(start_once):
    """RFC 9110 15.5.9: a head that is not complete in time is 408, and the connection closes."""
    server = start_once("--head-timeout", "0.5", "--idle-timeout", "60")
    with server.connect() as conn:
        conn.send(b"GET /text.txt HTTP/1.1\r\nHo")
        response = conn.response()
        assert response.status == 408
        assert "close" in response.tokens("Connection")
        conn.assert_closed()


def test_head_timeout_is_of_the_whole_head(start_once):
    """RFC 9110 15.5.9: octets that trickle in do not extend the time of a head."""
    server = start_once("--head-timeout", "0.5", "--idle-timeout", "60")
    with server.connect() as conn:
        conn.send(b"GET /text.txt HTTP/1.1\r\n")
        conn.sock.settimeout(0.1)
        started = time.monotonic()
        got = b""
        while time.monotonic() - started < 20 and not got:
            try:
                conn.send(b"X: y\r\n" if time.monotonic() - started < 10 else b"\r\n")
                got = conn.sock.recv(4096)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert not got or got.startswith(b"HTTP/1.1 408 ")


def test_idle_timeout(start_once):
    """RFC 9112 9.5: an idle connection is closed without a response."""
    server = start_once("--idle-timeout", "0.5")
    with server.connect() as conn:
        assert conn.get("/text.txt").body == content.TEXT
        with server.connect() as never:  # not before the request: on an emulated CPU a handshake takes longer than the limit
            conn.assert_closed()
            never.assert_closed()


def test_body_timeout(start_once):
    """RFC 9110 15.5.9: a body that does not arrive is 408, and the connection closes."""
    server = start_once("--body-timeout", "0.5")
    with server.connect() as conn:
        conn.send(request("/text.txt", "Content-Length: 10") + b"abc")
        response = conn.response()
        assert response.status in (200, 408)
        conn.assert_closed()


def test_send_timeout(start_once):
    """A client that receives nothing for too long is disconnected: its response ends early."""
    server = start_once("--send-timeout", "0.5")
    with server.connect(receive_buffer=4096) as conn:
        conn.send(request("/sparse.bin"))
        time.sleep(2.5)  # the time without progress
        with pytest.raises(Closed):
            conn.response()


def test_max_connections(start_once):
    """At the limit accepting waits. It does not fail."""
    if DEFAULTS["tls"]:
        pytest.skip("a client over TLS waits for its handshake")
    server = start_once("--max-connections", "4", "--threads", "1")
    held = []
    try:
        for _ in range(4):
            held.append(server.connect())
            assert held[-1].get("/text.txt").body == content.TEXT
        with server.connect() as waiting:
            waiting.send(request("/bytes.bin"))
            waiting.assert_silent()
            assert held[0].get("/text.txt").body == content.TEXT
            held.pop().close()
            assert waiting.response().body == content.BYTES
    finally:
        for conn in held:
            conn.close()


def test_stops_at_once(start):
    """A server stops immediately if SIGTERM follows its start directly and all its clients have disconnected."""
    for _ in range(12):
        server = start(fill=lambda root, _: content.write(root, "text.txt", content.TEXT))
        for target in ("/missing", "/text.txt", "/missing"):
            server.get(target)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 8  # active requests would get 10 s
