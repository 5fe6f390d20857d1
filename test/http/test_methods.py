# SPDX-License-Identifier: GPL-2.0-or-later
"""Methods (RFC 9110 9), and responses without a file."""
import email.utils
import time

import pytest

import content
from client import Connection, request


def test_get(server):
    """RFC 9110 9.3.1: GET sends the representation."""
    response = server.get("/text.txt")
    assert (response.status, response.reason, response.body) == (200, "OK", content.TEXT)
    assert response.field("Content-Length") == str(len(content.TEXT))


@pytest.mark.parametrize("target, status", [
    ("/", 200), ("/text.txt", 200), ("/empty.txt", 200), ("/big.bin", 200), ("/coded.txt", 200), ("/sub", 301),
    ("/missing", 404), ("/private.txt", 403), ("/huge.bin", 200)])
def test_head_equals_get(server, target, status):
    """RFC 9110 9.3.2: HEAD has the fields of GET, and no content."""
    with server.connect() as conn:
        head = conn.get(target, method="HEAD")
        assert head.status == status
        conn.send(request(target))
        get = conn.head()
        ignore = {"date"}
        assert [f for f in head.fields if f[0] not in ignore] == [f for f in get.fields if f[0] not in ignore]
        assert get.status == status


def test_head_has_no_body(conn):
    """RFC 9110 9.3.2: the head of a HEAD response is followed by the next response."""
    conn.send(request("/text.txt", method="HEAD") + request("/bytes.bin"))
    assert conn.response("HEAD").field("Content-Length") == str(len(content.TEXT))
    assert conn.response().body == content.BYTES


@pytest.mark.parametrize("fields, status", [
    (["If-None-Match: *"], 304), (["If-Match: \"no\""], 412)])
def test_head_is_conditional(conn, fields, status):
    """RFC 9110 13.1: conditions apply to HEAD as to GET."""
    assert conn.get("/text.txt", *fields, method="HEAD").status == status
    assert conn.get("/text.txt", *fields).status == status


@pytest.mark.parametrize("target", ["/", "/text.txt", "*", "/missing"])
def test_options(conn, target):
    """RFC 9110 9.3.7: OPTIONS lists the allowed methods, for a resource and for the server."""
    response = conn.get(target, method="OPTIONS")
    assert response.status == 204
    assert response.tokens("Allow") == ["get", "head", "options"]
    assert conn.get("/text.txt").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_known_methods_are_405(conn, method):
    """RFC 9110 15.5.6: a known but not allowed method is 405 with Allow."""
    response = conn.get("/text.txt", "Content-Length: 0", method=method)
    assert response.status == 405
    assert {"get", "head"} <= set(response.tokens("Allow"))


def test_connect_is_405(server):
    """RFC 9110 9.3.6: an origin server that is not a proxy refuses CONNECT."""
    with server.connect() as conn:
        conn.send(request("example.org:443", method="CONNECT"))
        assert conn.response().status == 405


@pytest.mark.parametrize("method", ["BREW", "get", "GETT", "GE", "PROPFIND", "M-SEARCH", "X" * 60])
def test_unknown_methods_are_501(server, method):
    """RFC 9110 9.1: methods are case-sensitive, and an unknown one is 501."""
    assert server.get("/text.txt", method=method).status == 501


@pytest.mark.parametrize("method", ["POST", "PUT", "BREW"])
def test_refused_method_with_body_keeps_framing(server, method):
    """RFC 9112 11.2: the body of a refused method is never parsed as a request."""
    body = request("/bytes.bin")
    with server.connect() as conn:
        conn.send(request("/text.txt", "Content-Length: %d" % len(body), method=method) + body + request("/empty.txt"))
        assert conn.response().status in (405, 501)
        conn.send_eof()
        data = conn.rest()
        assert content.BYTES not in data
        assert data == b"" or data.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("target, method, fields, status", [
    ("/missing", "GET", [], 404), ("/private.txt", "GET", [], 403), ("/text.txt", "POST", ["Content-Length: 0"], 405),
    ("/text.txt", "GET", ["If-Match: \"x\""], 412), ("/text.txt", "GET", ["Range: bytes=100000-"], 416),
    ("/text.txt", "BREW", [], 501), ("/%00", "GET", [], 400), ("/text.txt", "GET", ["Transfer-Encoding: x"], 501)])
def test_error_pages(server, target, method, fields, status):
    """RFC 9110 15.5: errors have an explanation, whose length is Content-Length."""
    with server.connect() as conn:
        conn.send(request(target, *fields, method=method))
        response = conn.response()
        assert response.status == status
        assert response.field("Content-Length") == str(len(response.body))
        assert response.body and response.field("Content-Type").startswith("text/")
        conn.send_eof()
        assert conn.rest() == b""


def test_error_page_does_not_echo(server):
    """An error page contains no part of the request, so a request cannot inject anything."""
    response = server.get("/<script>alert(1)</script>")
    assert b"<script>alert" not in response.body


def test_ipv6(server):
    """RFC 9110 4.2: served over IPv6."""
    if not server.ipv6:
        pytest.skip("the server has no IPv6 address")
    with Connection(server.ipv6) as conn:
        assert conn.get("/text.txt", host="[::1]:80").body == content.TEXT


def test_unix_socket(server):
    """Serves over a Unix socket, with keep-alive, small and large bodies."""
    if not server.unix:
        pytest.skip("the server has no Unix socket")
    with Connection(server.unix) as conn:
        assert conn.get("/text.txt").body == content.TEXT
        assert conn.get("/big.bin").body == content.BIG
        assert conn.get("/text.txt").body == content.TEXT


def test_date_is_now(server):
    """RFC 9110 6.6.1: Date is the time of the response."""
    before = int(time.time()) - 2  # it may be formatted once a second
    date = email.utils.parsedate_to_datetime(server.get("/text.txt").field("Date")).timestamp()
    assert before <= date <= time.time() + 1
