# SPDX-License-Identifier: GPL-2.0-or-later
"""Request bodies (RFC 9112 6, 7; RFC 9110 10.1.1): read and dropped, up to a limit."""
import pytest

import content
from client import request

LIMIT = 1 << 20
SMUGGLED = request("/bytes.bin")


def chunked(*chunks, trailer=b""):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


BODIES = {
    "9112-6.2-length": (["Content-Length: %d" % len(SMUGGLED)], SMUGGLED),
    "9112-6.2-length-large": (["Content-Length: 300000"], b"x" * 300000),
    "9112-6.2-length-limit": (["Content-Length: %d" % LIMIT], b"x" * LIMIT),
    "9112-7.1-chunked": (["Transfer-Encoding: chunked"], chunked(b"hello", SMUGGLED)),
    "9112-7.1-chunked-case": (["Transfer-Encoding: ChunKed"], chunked(SMUGGLED)),
    "9112-7.1-chunked-empty": (["Transfer-Encoding: chunked"], chunked()),
    "9112-7.1-chunked-large": (["Transfer-Encoding: chunked"], chunked(*[b"x" * 1000] * 300)),
    "9112-7.1-chunked-small": (["Transfer-Encoding: chunked"], chunked(*[b"x"] * 1000)),
    "9112-7.1-chunk-size-case": (["Transfer-Encoding: chunked"], b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
    "9112-7.1-chunk-size-zeros": (["Transfer-Encoding: chunked"], b"000a\r\n0123456789\r\n000\r\n\r\n"),
    "9112-7.1.1-extension": (["Transfer-Encoding: chunked"], b"1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n"),
    "9112-7.1.2-trailer": (["Transfer-Encoding: chunked"], chunked(b"x", trailer=b"X-Sum: 1\r\nY: z\r\n")),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", BODIES)
def test_body_is_dropped(conn, name, method):
    """RFC 9110 9.3.1: content of GET has no meaning; the next request starts after it."""
    fields, body = BODIES[name]
    conn.send(request("/text.txt", *fields, method=method) + body + request("/empty.txt"))
    response = conn.response(method)
    assert response.status == 200
    if method == "GET":
        assert response.body == content.TEXT
    following = conn.response()
    assert following.status == 200 and following.body == b""


@pytest.mark.parametrize("name", ["9112-6.2-length", "9112-7.1-chunked", "9112-7.1.1-extension", "9112-7.1.2-trailer"])
def test_body_octet_by_octet(conn, name):
    """RFC 9112 7: TCP segment boundaries in a body have no meaning."""
    fields, body = BODIES[name]
    for octet in request("/text.txt", *fields) + body:
        conn.send(bytes([octet]))
    assert conn.response().body == content.TEXT
    assert conn.get("/bytes.bin").body == content.BYTES


BROKEN = {
    "9112-7.1-size-no-hex": b"xyz\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-empty": b"\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-minus": b"-1\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-2^64": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-huge": b"f" * 40 + b"\r\nabc\r\n0\r\n\r\n",
    "9112-7.1-size-bare-LF": b"3\nabc\r\n0\r\n\r\n",
    "9112-7.1-data-longer": b"3\r\nabcd\r\n0\r\n\r\n",
    "9112-7.1-data-without-CRLF": b"3\r\nabc0\r\n\r\n",
    "9112-7.1-data-bare-LF": b"3\r\nabc\n0\r\n\r\n",
    "9112-7.1.1-extension-endless": b"1;" + b"a" * 6000 + b"\r\nx\r\n0\r\n\r\n",
    "9112-7.1.2-trailer-no-field": b"0\r\nnonsense\r\n\r\n",
    "9112-7.1.2-trailer-endless": b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_chunks(server, name):
    """RFC 9112 7.1, 11.2: malformed framing is refused, and no bytes after it are a request."""
    with server.connect() as conn:
        conn.send(request("/text.txt", "Transfer-Encoding: chunked") + BROKEN[name] + SMUGGLED)
        response = conn.response()
        assert response.status in (400, 413, 431)
        assert "close" in response.tokens("Connection")
        conn.assert_closed()


def test_length_over_limit(server):
    """RFC 9110 15.5.14: a body longer than the limit is 413 at once, and the connection closes."""
    with server.connect() as conn:
        conn.send(request("/text.txt", "Content-Length: %d" % (LIMIT + 1)))
        assert conn.response().status == 413
        conn.send_eof()
        conn.assert_closed()


def test_chunks_over_limit(server):
    """RFC 9110 15.5.14: like test_length_over_limit, but for a chunked body."""
    with server.connect() as conn:
        conn.send(request("/text.txt", "Transfer-Encoding: chunked"))
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        try:
            for _ in range(LIMIT // 0x8000 + 1):
                conn.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert conn.response().status == 413


def test_limit_is_an_option(start_once):
    """RFC 9110 15.5.14: the limit is settable."""
    server = start_once("--max-body", "10")
    with server.connect() as conn:
        conn.send(request("/text.txt", "Content-Length: 10") + b"x" * 10)
        assert conn.response().status == 200
        conn.send(request("/text.txt", "Content-Length: 11") + b"x" * 11)
        assert conn.response().status == 413


def test_expect_continue(conn):
    """RFC 9110 10.1.1: 100 if the body is needed, then the response."""
    conn.send(request("/text.txt", "Content-Length: 5", "Expect: 100-continue"))
    response = conn.response(interim=True)
    assert response.status == 100
    conn.send(b"hello")
    assert conn.response().body == content.TEXT
    assert conn.get("/bytes.bin").body == content.BYTES


def test_expect_continue_is_case_insensitive(conn):
    """RFC 9110 10.1.1: 100-continue is compared without case."""
    conn.send(request("/text.txt", "Content-Length: 5", "Expect: 100-Continue") + b"hello")
    assert conn.response().body == content.TEXT
    assert conn.get("/bytes.bin").body == content.BYTES


def test_expect_continue_without_body(conn):
    """RFC 9110 10.1.1: no 100 without a body."""
    conn.send(request("/text.txt", "Expect: 100-continue"))
    assert conn.response(interim=True).status == 200
    assert conn.get("/bytes.bin").body == content.BYTES


def test_expect_continue_in_1_0(conn):
    """RFC 9110 10.1.1: HTTP/1.0 clients do not understand 100."""
    conn.send(request("/text.txt", "Content-Length: 5", "Expect: 100-continue", version="1.0") + b"hello")
    assert conn.response(interim=True).status == 200


def test_expect_continue_too_large(server):
    """RFC 9110 10.1.1: a refused body gets no 100."""
    with server.connect() as conn:
        conn.send(request("/text.txt", "Content-Length: %d" % (LIMIT + 1), "Expect: 100-continue"))
        assert conn.response(interim=True).status == 413


def test_unknown_expectation(server):
    """RFC 9110 15.5.18: an expectation that cannot be met is 417."""
    with server.connect() as conn:
        conn.send(request("/text.txt", "Expect: tea"))
        assert conn.response().status == 417
