# SPDX-License-Identifier: GPL-2.0-or-later
"""Ambiguous or malformed requests are refused, never guessed (RFC 9112 2, 3, 5, 6, 11)."""
import time

import pytest

import content
from client import request


def head(*lines):
    return ("\r\n".join(("GET /text.txt HTTP/1.1", "Host: a") + lines) + "\r\n\r\n").encode("latin-1")


def line(text):
    return (text + "\r\nHost: a\r\n\r\n").encode("latin-1")


REFUSED = {
    # lines
    "9112-2.2-bare-LF": (b"GET /text.txt HTTP/1.1\nHost: a\n\n", {400}),
    "9112-2.2-bare-LF-in-head": (b"GET /text.txt HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", {400}),
    "9112-2.2-bare-LF-at-end": (b"GET /text.txt HTTP/1.1\r\nHost: a\r\n\n", {400}),
    "9112-2.2-bare-CR-in-value": (head("X: a\rb"), {400}),
    "9112-2.2-bare-CR-in-line": (line("GET /te\rxt.txt HTTP/1.1"), {400}),
    "9112-2.2-CR-CR-LF": (b"GET /text.txt HTTP/1.1\r\r\nHost: a\r\n\r\n", {400}),
    "9112-2.2-space-before-first-field": (b"GET /text.txt HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n", {400}),
    # fields
    "9112-5.2-obs-fold": (head("X: a", " b"), {400}),
    "9112-5.2-obs-fold-tab": (head("X: a", "\tb"), {400}),
    "9112-5.1-space-before-colon": (head("X : a"), {400}),
    "9112-5.1-tab-before-colon": (head("X\t: a"), {400}),
    "9110-5.1-empty-name": (head(": a"), {400}),
    "9112-5-no-colon": (head("Xyz"), {400}),
    "9110-5.1-name-no-token": (head("X(y): a"), {400}),
    "9110-5.1-name-with-space": (head("X y: a"), {400}),
    "9110-5.1-name-with-high-octet": (head("X\xff: a"), {400}),
    "9110-5.1-name-with-NUL": (head("X\0: a"), {400}),
    "9110-5.5-NUL-in-value": (head("X: a\0b"), {400}),
    "9110-5.5-control-in-value": (head("X: a\x01b"), {400}),
    "9110-5.5-DEL-in-value": (head("X: a\x7fb"), {400}),
    "9110-5.5-escape-in-value": (head("X: \x1b[0m"), {400}),
    # framing
    "9112-6.3-two-lengths": (head("Content-Length: 3", "Content-Length: 4") + b"abcd", {400}),
    "9112-6.3-length-list": (head("Content-Length: 3, 4") + b"abcd", {400}),
    "9110-8.6-length-plus": (head("Content-Length: +3") + b"abc", {400}),
    "9110-8.6-length-minus": (head("Content-Length: -3"), {400}),
    "9110-8.6-length-letters": (head("Content-Length: 3x"), {400}),
    "9110-8.6-length-hex": (head("Content-Length: 0x3"), {400}),
    "9110-8.6-length-empty": (head("Content-Length:"), {400}),
    "9110-8.6-length-fraction": (head("Content-Length: 3.0"), {400}),
    "9110-8.6-length-space": (head("Content-Length: 1 2"), {400}),
    "9110-8.6-length-2^64": (head("Content-Length: 18446744073709551616"), {400, 413}),
    "9110-8.6-length-huge": (head("Content-Length: " + "9" * 60), {400, 413}),
    "9112-6.1-length-and-chunked": (head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
    "9112-6.1-chunked-and-length": (head("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n", {400}),
    "9112-6.3-chunked-not-last": (head("Transfer-Encoding: chunked, gzip"), {400}),
    "9112-6.1-chunked-twice": (head("Transfer-Encoding: chunked, chunked"), {400}),
    "9112-6.1-chunked-twice-lines": (head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), {400}),
    "9112-6.1-unknown-coding": (head("Transfer-Encoding: rot13, chunked"), {501}),
    "9112-6.1-unknown-coding-alone": (head("Transfer-Encoding: rot13"), {501}),
    "9112-6.1-identity": (head("Transfer-Encoding: identity"), {400, 501}),
    "9112-6.1-gzip-chunked": (head("Transfer-Encoding: gzip, chunked"), {501}),
    "9112-6.1-xchunked": (head("Transfer-Encoding: xchunked"), {501}),
    "9112-6.1-chunked-VT": (head("Transfer-Encoding: \x0bchunked"), {400}),
    "9112-6.1-chunked-parameter": (head("Transfer-Encoding: chunked;a=b"), {400, 501}),
    "9112-6.1-coding-in-1.0": (b"GET /text.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    # Host
    "9112-3.2-no-host": (b"GET /text.txt HTTP/1.1\r\n\r\n", {400}),
    "9112-3.2-two-hosts": (b"GET /text.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "9112-3.2-same-host-twice": (b"GET /text.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}),
    "9112-3.2-host-space": (b"GET /text.txt HTTP/1.1\r\nHost: a b\r\n\r\n", {400}),
    "9112-3.2-host-slash": (b"GET /text.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    "9112-3.2-host-userinfo": (b"GET /text.txt HTTP/1.1\r\nHost: u@a\r\n\r\n", {400}),
    "9112-3.2-host-port-letters": (b"GET /text.txt HTTP/1.1\r\nHost: a:b\r\n\r\n", {400}),
    "9112-3.2-host-port-large": (b"GET /text.txt HTTP/1.1\r\nHost: a:65536\r\n\r\n", {400}),
    "9112-3.2-host-open-bracket": (b"GET /text.txt HTTP/1.1\r\nHost: [::1\r\n\r\n", {400}),
    "9112-3.2-host-bad-ipv6": (b"GET /text.txt HTTP/1.1\r\nHost: [1:2]\r\n\r\n", {400}),
    "9112-3.2-host-high-octet": (b"GET /text.txt HTTP/1.1\r\nHost: \xff\r\n\r\n", {400}),
    "9112-3.2.2-bad-host-beside-absolute": (b"GET http://a/text.txt HTTP/1.1\r\nHost: b c\r\n\r\n", {400}),
    "9112-3.2.2-no-host-beside-absolute": (b"GET http://a/text.txt HTTP/1.1\r\n\r\n", {400}),
    # targets
    "3986-2.1-NUL-escaped": (line("GET /te%00xt.txt HTTP/1.1"), {400}),
    "3986-2.1-escape-cut": (line("GET /text.txt% HTTP/1.1"), {400}),
    "3986-2.1-escape-one-digit": (line("GET /text.txt%4 HTTP/1.1"), {400}),
    "3986-2.1-escape-no-digits": (line("GET /%zz HTTP/1.1"), {400}),
    "9112-3.2-NUL": (line("GET /te\0xt.txt HTTP/1.1"), {400}),
    "9112-3.2-control": (line("GET /te\x01xt.txt HTTP/1.1"), {400}),
    "9112-3.2-DEL": (line("GET /te\x7fxt.txt HTTP/1.1"), {400}),
    "9112-3.2-tab": (line("GET /te\txt.txt HTTP/1.1"), {400}),
    "9112-3.2-space": (line("GET /te xt.txt HTTP/1.1"), {400}),
    "9112-3.2-relative": (line("GET text.txt HTTP/1.1"), {400}),
    "9112-3.2-no-path": (line("GET ?a HTTP/1.1"), {400}),
    "9112-3.2.4-asterisk-with-GET": (line("GET * HTTP/1.1"), {400}),
    "9112-3.2.3-authority-with-GET": (line("GET a:80 HTTP/1.1"), {400}),
    "9112-3.2.2-absolute-without-host": (line("GET http:///text.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root": (line("GET /.. HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-file": (line("GET /../outside/secret.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-later": (line("GET /sub/../../outside/secret.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-escaped": (line("GET /%2e%2e/outside/secret.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-half-escaped": (line("GET /.%2E/outside/secret.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-slash-escaped": (line("GET /..%2foutside%2fsecret.txt HTTP/1.1"), {400}),
    "3986-5.2.4-above-root-slashes": (line("GET //../outside/secret.txt HTTP/1.1"), {400}),
    "9110-15.5.15-target-long": (line("GET /" + "a" * 9000 + " HTTP/1.1"), {414}),
    "9110-15.5.15-query-long": (line("GET /text.txt?" + "a" * 9000 + " HTTP/1.1"), {414}),
    "9110-15.5.15-target-without-end": (b"GET /" + b"a" * 30000, {414}),
    # sizes
    "6585-5-field-long": (head("X: " + "a" * 20000), {431}),
    "6585-5-field-without-end": (b"GET /text.txt HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000, {431}),
    "6585-5-fields-long": (head(*["X: " + "a" * 1000] * 20), {431}),
    "6585-5-fields-many": (head(*["X: a"] * 200), {431}),
    # request line
    "9112-2.3-no-version": (b"GET /text.txt\r\nHost: a\r\n\r\n", {400}),
    "9112-2.3-version-lower-case": (line("GET /text.txt http/1.1"), {400}),
    "9112-2.3-version-no-dot": (line("GET /text.txt HTTP/11"), {400}),
    "9112-2.3-version-two-digits": (line("GET /text.txt HTTP/1.10"), {400}),
    "9112-2.3-version-behind": (line("GET /text.txt HTTP/1.1x"), {400}),
    "9112-2.3-version-space-behind": (line("GET /text.txt HTTP/1.1 "), {400}),
    "9112-2.3-version-other": (line("GET /text.txt HTTQ/1.1"), {400}),
    "9110-15.6.6-version-2": (line("GET /text.txt HTTP/2.0"), {505}),
    "9110-15.6.6-version-0.9": (line("GET /text.txt HTTP/0.9"), {505}),
    "9113-3.4-preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "9112-3-no-method": (line(" /text.txt HTTP/1.1"), {400}),
    "9112-3-method-no-token": (line("G@T /text.txt HTTP/1.1"), {400}),
    "9112-3-method-with-NUL": (line("GE\0T /text.txt HTTP/1.1"), {400}),
    "9112-3-two-spaces": (line("GET  /text.txt HTTP/1.1"), {400}),
    "9112-3-two-spaces-before-version": (line("GET /text.txt  HTTP/1.1"), {400}),
    "9112-3-tab": (line("GET\t/text.txt HTTP/1.1"), {400}),
    "TLS-hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, {400}),
    "noise": (bytes(range(128, 256)) + b"\r\n\r\n", {400}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(server, name):
    """RFC 9112: refused with the status, Connection: close and a close; bytes after it get no response."""
    data, statuses = REFUSED[name]
    with server.connect() as conn:
        conn.send(data + request("/bytes.bin") if data.endswith(b"\n") else data)
        response = conn.response()
        assert response.status in statuses, response
        assert "close" in response.tokens("Connection")
        conn.assert_closed()


@pytest.mark.parametrize("name", ["9112-2.2-bare-CR-in-value", "9112-5.2-obs-fold", "9112-6.1-length-and-chunked",
                                  "3986-2.1-NUL-escaped", "9112-3.2-no-host"])
def test_refused_in_a_pipeline(server, name):
    """RFC 9112 9.3.2: requests before a refused one are answered first."""
    with server.connect() as conn:
        conn.send(request("/text.txt") * 3 + REFUSED[name][0] + request("/bytes.bin"))
        for _ in range(3):
            assert conn.response().body == content.TEXT
        assert conn.response().status in REFUSED[name][1]
        conn.assert_closed()


@pytest.mark.parametrize("name", ["9112-2.2-bare-CR-in-value", "9112-5.1-space-before-colon", "9112-6.3-two-lengths",
                                  "9110-15.6.6-version-2"])
def test_refused_octet_by_octet(server, name):
    """RFC 9112 2: an error is found for any segmentation of the request."""
    data, statuses = REFUSED[name]
    with server.connect() as conn:
        for octet in data:
            try:
                conn.send(bytes([octet]))
            except (BrokenPipeError, ConnectionResetError):
                break
        assert conn.response().status in statuses


@pytest.mark.parametrize("at", range(44, 54))
def test_refused_before_the_head_is_complete(server, at):
    """RFC 9112 2.2: a malformed head is refused before it is complete, for any segmentation."""
    data = b"GET /text.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=99\r\n\r="
    with server.connect() as conn:
        conn.send(data[:at])
        time.sleep(0.05)  # one piece each
        conn.send(data[at:])
        conn.send_eof()
        assert conn.response().status == 400
        conn.assert_closed()


ACCEPTED = {
    "9110-5.5-obs-text": head("X: \xe4\xf6\xfc"),
    "9110-5.5-empty-value": head("X:"),
    "9110-5.5-tab-in-value": head("X: a\tb"),
    "9112-5.1-no-space-behind-colon": head("X:a"),
    "9112-5.1-spaces-around-value": head("X: \t a \t "),
    "9110-5.6.2-all-token-characters": head("!#$%&'*+-.^_`|~09azAZ: x"),
    "9110-5.1-names-any-case": b"GET /text.txt HTTP/1.1\r\nhOsT: a\r\n\r\n",
    "9112-3.2-host-empty": b"GET /text.txt HTTP/1.1\r\nHost:\r\n\r\n",
    "9112-3.2-host-port": b"GET /text.txt HTTP/1.1\r\nHost: a.example:8080\r\n\r\n",
    "9112-3.2-host-ipv6": b"GET /text.txt HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
    "9112-3.2.2-absolute": b"GET http://other.example:80/text.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    "9112-3.2.2-absolute-scheme-case": b"GET HTTP://a/text.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    "9110-4.2.2-query": line("GET /text.txt?a=b&c=%20/../ HTTP/1.1"),
    "3986-2.3-unreserved-escaped": line("GET /%74ext%2etxt HTTP/1.1"),
    "3986-5.2.4-dot-segments": line("GET /./sub/../sub/./../text.txt HTTP/1.1"),
    "3986-5.2.4-dot-segments-escaped": line("GET /sub/%2e%2E/text.txt HTTP/1.1"),
    "merged-slashes": line("GET //text.txt HTTP/1.1"),
    "merged-slashes-within": line("GET /sub//..///text.txt HTTP/1.1"),
    "escaped-slash": line("GET /sub%2F../text.txt HTTP/1.1"),
    "9112-2.3-version-1.0": b"GET /text.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "large-head": head(*["X: " + "a" * 1000] * 7),
    "fifty-fields": head(*["X: a"] * 50),
    "9110-8.6-length-0": head("Content-Length: 0"),
    "9110-8.6-length-leading-zeros": head("Content-Length: 0000"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(conn, name):
    """RFC 9112: unusual but valid requests are answered, and so is the next request."""
    conn.send(ACCEPTED[name])
    response = conn.response()
    assert response.status == 200 and response.body == content.TEXT
    assert conn.get("/bytes.bin").body == content.BYTES


def test_target_just_short_enough(conn):
    """RFC 9110 15.5.15: a target of 8,000 octets, as RFC 9112 3 recommends, is not too long."""
    assert conn.get("/text.txt?" + "a" * 7990).body == content.TEXT
    assert conn.get("/text.txt").body == content.TEXT
