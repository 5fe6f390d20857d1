# SPDX-License-Identifier: GPL-2.0-or-later
"""Request smuggling (RFC 9112 11.2): requests that two servers might parse differently, and responses likewise. The origin after
TUX parses strictly, and must see exactly the requests that TUX answers from it."""
import os
import signal
import time

import pytest

import client
from tools import descendants
from upstreams import Strict, response

REFUSED = "refused"  # TUX answers 4xx or 5xx itself and closes the connection; the origin gets no whole request
CLOSES = "closes"    # no other request is read after these

H = "Host: x\r\n"
HIDDEN = "GET /app/hidden-NNNN HTTP/1.1\r\nHost: x\r\n\r\n"
HELLO = "5\r\nhello\r\n0\r\n\r\n"
BY_CODING = "0\r\n\r\n" + HIDDEN


LOCAL = "the address of TUX"  # forwarded host of a request without one


def post(*fields, body="", method="POST", version="1.1", host=H):
    return "%s /app/NNNN HTTP/%s\r\n%s%s\r\n%s" % (method, version, host, "".join(field + "\r\n" for field in fields), body)


def seen(body="", method="POST", target="/app/NNNN", host="x"):
    return (method, target, host, body)


def both_framings():
    """RFC 9112 6.3: both fields, in any order and spelling, are a smuggling attempt."""
    codings = ["chunked", "Chunked", "CHUNKED", "\tchunked", "chunked \t", "xchunked", "chunkedx", "chunked;q=1", "chunked, chunked", "chunked,", ",chunked",
               "identity", "identity, chunked", "chunked, identity", "gzip", "gzip, chunked", "\"chunked\"", "'chunked'", "\x0bchunked", "chunked\x0c",
               "chunked\0", "chun\0ked", "", "chunk ed", "chunked\xa0", "\x85chunked", "trailers", "cow", "chunked chunked", "[chunked]"]
    for coding in codings:
        fields = ["Transfer-Encoding: " + coding, "Content-Length: %d" % len(BY_CODING)]
        yield post(*fields, body=BY_CODING), REFUSED
        yield post(*reversed(fields), body=BY_CODING), REFUSED
    yield post("Content-Length: 5", "X: y", "Transfer-Encoding: chunked", "Content-Length: 5", body=BY_CODING), REFUSED
    yield post("Transfer-Encoding: chunked", "Content-Length: 0", body=BY_CODING), REFUSED
    yield post("Transfer-Encoding: identity", "Content-Length: 0", body=HIDDEN), REFUSED
    yield post("Connection: Transfer-Encoding", "Transfer-Encoding: chunked", "Content-Length: 5", body=BY_CODING), REFUSED
    yield post("Connection: Content-Length", "Transfer-Encoding: chunked", "Content-Length: 5", body=BY_CODING), REFUSED


def codings():
    """RFC 9112 6.1, 7: only chunked is supported, once."""
    for coding in ("chunked", "Chunked", "CHUNKED", "cHuNkEd", "  chunked", "\tchunked", "chunked\t ", "chunked,", ",chunked", ", ,chunked , ,"):
        yield post("Transfer-Encoding: " + coding, body=HELLO), [seen("hello")]
    for coding in ("", ",", "identity", "chunked, chunked", "chunked,chunked", "identity, chunked", "chunked, identity", "gzip, chunked", "chunked, gzip",
                   "chunked;q=1", "chunked;", "xchunked", "chunkedx", "chunke", "chunk", "\"chunked\"", "chunked\0", "\0chunked", "\x0bchunked",
                   "chunked\x0b", "chunked\x7f", "chunked\xa0", "\xefchunked", "chunked\r", "chunked chunked", "c hunked", "chunked/1", "chunked=1"):
        yield post("Transfer-Encoding: " + coding, body=BY_CODING), REFUSED
    yield post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=BY_CODING), REFUSED
    yield post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=BY_CODING), REFUSED
    yield post("Transfer-Encoding: identity", "Transfer-Encoding: chunked", body=BY_CODING), REFUSED
    yield post("Transfer-Encoding:", "Transfer-Encoding: chunked", body=HELLO), [seen("hello")]
    yield post("Transfer-Encoding: chunked", "Transfer-Encoding: x", body=BY_CODING), REFUSED


def names():
    """RFC 9112 5, 5.1, 5.2: no white space before a colon, no folding, no other line end; '_' is not '-'."""
    for name, value in (("Transfer-Encoding", "chunked"), ("Content-Length", "5"), ("Host", "y"), ("X-Other", "z")):
        for line in ("%s : %s", "%s\t: %s", " %s: %s", "\t%s: %s", "X: y\r\n %s: %s", "X: y\r\n\t%s: %s", "X: y\r%s: %s", "X: y\n%s: %s", "X: y\0\r\n%s: %s",
                     "%s\r: %s", "%s\n: %s", "%s\0: %s", "\0%s: %s", "%s\x0b: %s", "\xff%s: %s", "(%s): %s", "%s; %s", "%s %s", "%s:%s\r\n folded",
                     "%s: %s\n", "%s: \r\n %s", "%s: %s\0", "\"%s\": %s", "%s\xa0: %s", ":%s: %s", "\r%s: %s", "%s: %s\rX: y", "%s: %s\r\r"):
            yield post(line % (name, value), body=BY_CODING), REFUSED
    for name, value in (("Transfer_Encoding", "chunked"), ("Content_Length", "%d" % len(HIDDEN)), ("transfer_encoding", "x"), ("Host_", "y"), ("_Host", "y"),
                        ("Content-Length_", "5"), ("X_Forwarded_For", "1.2.3.4")):
        yield post(name + ": " + value) + HIDDEN, [seen(), seen("", "GET", "/app/hidden-NNNN")]
        yield post(name + ": " + value, "Content-Length: 5", body="hello"), [seen("hello")]
    yield post("tRANSFER-eNCODING:chunked", body=HELLO), [seen("hello")]
    yield post("cONTENT-lENGTH:\t5\t", body="hello"), [seen("hello")]
    yield post("Transfer-Encoding-: chunked", "Content-Length: 5", body="hello"), [seen("hello")]
    yield post("Transfer~Encoding: chunked", "Content-Length: 5", body="hello"), [seen("hello")]
    yield post("Content-Length: 5" + "\r\nX: y" * 98, body="hello"), [seen("hello")]
    yield post("Content-Length: 5" + "\r\nX: y" * 99, body="hello"), REFUSED


def lengths():
    """RFC 9110 8.6: a length is decimal, and occurs once."""
    for value, body in (("5", "hello"), ("05", "hello"), ("0000000000000000000005", "hello"), ("  5\t", "hello"), ("0", ""), ("00", "")):
        yield post("Content-Length: " + value, body=body), [seen(body)]
    for value in ("", "+5", "-5", "-0", "0x5", "5 5", "5,5", "5, 5", "5,", ",5", "5;5", "5.0", "5e0", "5_0", "0b101", "\xb5", "\xb2", "5\0", "\x0b5", "5\x0b",
                  "5\r", "abc", "5abc", "\"5\"", "99999999999999999999", "18446744073709551621", "9223372036854775808", "4294967301", "-1", "0,5",
                  "1" * 300):
        yield post("Content-Length: " + value, body=HIDDEN), REFUSED
    for pair in (("5", "5"), ("5", "6"), ("0", "5"), ("5", "0"), ("", "5"), ("5", "")):
        yield post(*("Content-Length: " + value for value in pair), body=HIDDEN), REFUSED
    yield post("Content-Length: 5", "X: y", "cONTENT-lENGTH: 5", body=HIDDEN), REFUSED


def chunks():
    """RFC 9112 7.1: sizes are hexadecimal, lines end in CR LF, extensions are not forwarded."""
    for body in ("5;ext\r\nhello\r\n0\r\n\r\n", "5;ext=1;b=\"c d\"\r\nhello\r\n0;x\r\n\r\n", "5 ;ext\r\nhello\r\n0\t;\r\n\r\n", "00000005\r\nhello\r\n0\r\n\r\n",
                 "0000000000000005\r\nhello\r\n0000\r\n\r\n", "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "5;" + "x" * 4000 + "\r\nhello\r\n0\r\n\r\n",
                 "5;\"\r\nhello\r\n0\r\n\r\n", "5;0\r\nhello\r\n0;5\r\n\r\n"):
        yield post("Transfer-Encoding: chunked", body=body), [seen("hello")]
    yield post("Transfer-Encoding: chunked", body="A\r\nhellohello\r\n00\r\n\r\n"), [seen("hellohello")]
    yield post("Transfer-Encoding: chunked", body="a\r\nhel\r\n0\r\n\r\n\r\n0\r\n\r\n"), [seen("hel\r\n0\r\n\r\n")]
    for size in ("", " 5", "\t5", "5 ", "5\t", "+5", "-5", "0x5", "0X5", "5,", "5 5", "5_0", "5h", "g", "5\0", "\x005", "5;a\0", "5;a\x0b", "5;\x7f", "5\x0b", "5\xa0",
                 "00000000000000005", "10000000000000005", "ffffffffffffffff", "fffffffffffffffb", "-", "0x", "5.", "5:", "5\r", "5;a\r", "5;" + "x" * 4200,
                 "1" * 5000, "\r\n5", "5\r\r"):
        yield post("Transfer-Encoding: chunked", body=size + "\r\nhello\r\n0\r\n\r\n"), REFUSED
    for body in ("5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n",
                 "5;a\nb\r\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\n\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
                 "5\r\nhello\r\n0\r\n\rX", "5\r\nhello\r\n0\n\n", "5\r\nhel\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "5\r\nhello\n\r0\r\n\r\n", "5\r\nhello\r\n0 \r\n\r\n"):
        yield post("Transfer-Encoding: chunked", body=body + HIDDEN), REFUSED


def trailers():
    """RFC 9110 6.5.1: a trailer field affects neither framing nor routing."""
    for line in ("X: y", "Content-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: identity", "Host: evil", "Connection: close",
                 "Authorization: x", "X:", "X_Y: z", "Expect: 100-continue", "Trailer: X"):
        yield post("Transfer-Encoding: chunked", "Trailer: X", body="5\r\nhello\r\n0\r\n%s\r\n\r\n" % line), [seen("hello")]
    for line in (" X: y", "X : y", "X\t: y", "X", "X: y\n", "X: y\nZ: 1", "X: y\rZ: 1", "X: \0", "\0: y", ": y", "X: y\r\n folded", "\nX: y", "GET / HTTP/1.1", "X: " + "y" * 9000,
                 "X: y\r\n" * 2000 + "X: y"):
        yield post("Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n%s\r\n\r\n%s" % (line, HIDDEN)), REFUSED


def request_lines():
    """RFC 9112 2.2, 3: a request line is one method, one target and one version; there is one host."""
    for line in ("GET  /app/NNNN HTTP/1.1", "GET /app/NNNN  HTTP/1.1", "GET\t/app/NNNN HTTP/1.1", "GET /app/NNNN\tHTTP/1.1", " GET /app/NNNN HTTP/1.1", "GET /app/NNNN HTTP/1.1 ",
                 "GET /app/NNNN HTTP/1.1 HTTP/1.1", "GET /app/NN NN HTTP/1.1", "GET /app/NNNN\0 HTTP/1.1", "GET /app/NNNN\x0b HTTP/1.1", "GET /app/NNNN HTTP/1.1\n",
                 "GET /app/NNNN HTTP/1.1\r", "GET /app/\rX: HTTP/1.1", "GET /app/\nX: HTTP/1.1", "GET /app/NNNN\x7f HTTP/1.1", "GET /app/NNNN#x HTTP/1.1",
                 "GET /app/NNNN http/1.1", "GET /app/NNNN HTTP/1.", "GET /app/NNNN HTTP/1.10", "GET /app/NNNN HTTP/11", "GET /app/NNNN HTTP/2.0", "GET /app/NNNN HTTP/0.9",
                 "GET /app/NNNN HTTP/+1.1", "GET /app/NNNN HTTP /1.1", "GET /app/NNNN", "G\0T /app/NNNN HTTP/1.1", "GE(T /app/NNNN HTTP/1.1", "GET: /app/NNNN HTTP/1.1",
                 "GET app/NNNN HTTP/1.1", "GET x:80 HTTP/1.1", "GET * HTTP/1.1", "GET ftp://x/app/NNNN HTTP/1.1", "GET http:///app/NNNN HTTP/1.1", "GET http:/app/NNNN HTTP/1.1",
                 "GET http://u@x/app/NNNN HTTP/1.1", "GET http://x:99999/app/NNNN HTTP/1.1", "GET http://x\\y/app/NNNN HTTP/1.1", "CONNECT /app/NNNN HTTP/1.1",
                 "GET http://x, y/app/NNNN HTTP/1.1", "PRI * HTTP/2.0"):
        yield line + "\r\n" + H + "\r\n", REFUSED
    for host in ("", "Host: x\r\nHost: x\r\n", "Host: x\r\nHost: y\r\n", "Host: x, y\r\n", "Host: x y\r\n", "Host: x:99999\r\n", "Host: x:y\r\n", "Host: x/y\r\n", "Host: u@x\r\n",
                 "Host: x\0\r\n", "Host: x\x0b\r\n", "Host: x#y\r\n", "Host: x?y\r\n", "Host: [x\r\n", "Host: x\\y\r\n", "Host: \"x\"\r\n", "host: x\r\nHOST: x\r\n",
                 "Host: x:80:80\r\n", "Host: x\r\n y\r\n"):
        yield post(method="GET", host=host), REFUSED
    yield "GET http://a/app/NNNN HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET", host="a")]
    yield "GET HTTP://a:81/app/NNNN?q HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET", "/app/NNNN?q", "a:81")]
    yield "GET https://a/app/NNNN HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET", host="a")]
    yield "GET http://a/app/NNNN HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [seen("", "GET", host="a")]
    yield "GET http://a/app/NNNN HTTP/1.1\r\n\r\n", REFUSED
    yield "GET http://a/app/NNNN HTTP/1.1\r\nHost: x\r\nHost: a\r\n\r\n", REFUSED
    yield "GET /app/NNNN HTTP/1.2\r\n" + H + "\r\n", [seen("", "GET")]
    yield "\r\n\r\nGET /app/NNNN HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET")]
    yield "get /app/NNNN HTTP/1.1\r\n" + H + "\r\n", [seen("", "get")]
    yield "GET /app/NNNN?a=http://y/%0d%0aX:%201 HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET", "/app/NNNN?a=http://y/%0d%0aX:%201")]
    yield "GET /app/NNNN%0d%0aHost:%20y HTTP/1.1\r\n" + H + "\r\n", [seen("", "GET", "/app/NNNN%0d%0aHost:%20y")]
    # Outside the route, even if an origin might interpret it otherwise.
    for target in ("/app/..%2fNNNN", "/app/%2e%2e/NNNN", "/app/../NNNN", "//x/../NNNN", "/x/app/NNNN", "/appNNNN", "http://x/NNNN/../app", "http://x?/app/NNNN"):
        yield "GET %s HTTP/1.1\r\n%s\r\n" % (target, H), [308 if target.endswith("/../app") else 404 if "?" not in target else 200]


def old_versions():
    """RFC 9112 6.1: HTTP/1.0 has no Transfer-Encoding; its connections close unless kept alive."""
    for coding in ("chunked", "identity", "x"):
        yield post("Transfer-Encoding: " + coding, version="1.0", body=BY_CODING), REFUSED
        yield post("Transfer-Encoding: " + coding, "Connection: keep-alive", version="1.0", body=BY_CODING), REFUSED
    yield post("Content-Length: 5", "Connection: keep-alive", version="1.0", body="hello"), [seen("hello")]
    yield post("Content-Length: 5", version="1.0", body="hello") + HIDDEN, [seen("hello"), CLOSES]
    yield post(version="1.0") + HIDDEN, [seen(), CLOSES]
    yield post("Connection: close", "Content-Length: 5", body="hello") + HIDDEN, [seen("hello"), CLOSES]
    yield post("Connection: keep-alive, close", "Content-Length: 5", body="hello") + HIDDEN, [seen("hello"), CLOSES]
    yield post("Connection: keep-alive", "Connection: CLOSE", body="") + HIDDEN, [seen(), CLOSES]
    yield post("Connection: keep-alive", "Upgrade: websocket", "Connection: upgrade", version="1.0", host=""), [seen(host=LOCAL)]


def connection_options():
    """RFC 9110 7.6.1: fields that Connection names are not forwarded, but framing and Host are TUX's own."""
    for option in ("Content-Length", "content-length", "Host", "Transfer-Encoding", "Content-Length, Host, Connection", "X-Forwarded-For", "Forwarded", "keep-alive, Content-Length",
                   ",,,Host,,,", "\"Host\"", "Cookie, Authorization", "TE", "X Y", "Host;x"):
        yield post("Connection: " + option, "Content-Length: 5", body="hello"), [seen("hello")]
        yield post("Content-Length: %d" % len(HIDDEN), "Connection: " + option, body=HIDDEN), [seen(HIDDEN)]
        yield post("Connection: " + option, "Transfer-Encoding: chunked", body=HELLO), [seen("hello")]
    yield post("Connection: " + ", ".join("x%d" % i for i in range(32)), "Content-Length: 5", body="hello"), [seen("hello")]
    yield post("Connection: " + ", ".join("x%d" % i for i in range(33)), "Content-Length: 5", body=HIDDEN), REFUSED
    for field in ("TE: trailers", "TE: chunked", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Proxy: http://evil/", "Trailer: Content-Length", "Proxy-Authorization: x"):
        yield post(field, "Content-Length: 5", body="hello"), [seen("hello")]


def upgrades():
    """RFC 9110 7.8: an HTTP tunnel would carry requests past TUX. With a body, or for HTTP/1.0, there is no upgrade."""
    for protocol in ("h2c", "H2C", "h2c, websocket", "websocket, h2c", "websocket\r\nUpgrade: h2c", "HTTP/2.0", "http/1.1", "TLS/1.0", "TLS/1.2, HTTP/1.1", "h2", "h2c/1", ",h2c",
                     "h3", "HTTP"):
        yield post("Connection: Upgrade, HTTP2-Settings", "Upgrade: " + protocol, "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", method="GET") + HIDDEN, [
            seen("", "GET"), seen("", "GET", "/app/hidden-NNNN")]
    for protocol in ("h2c", "websocket"):
        yield post("Connection: Upgrade", "Upgrade: " + protocol, "Content-Length: %d" % len(HIDDEN), body=HIDDEN), [seen(HIDDEN)]
        yield post("Connection: Upgrade", "Upgrade: " + protocol, "Transfer-Encoding: chunked", body=HELLO), [seen("hello")]
        yield post("Upgrade: " + protocol, method="GET") + HIDDEN, [seen("", "GET"), seen("", "GET", "/app/hidden-NNNN")]
        yield post("Connection: Upgrade", "X: " + protocol, method="GET") + HIDDEN, [seen("", "GET"), seen("", "GET", "/app/hidden-NNNN")]
    # The origin does not switch: the bytes after the request are another request.
    yield post("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 1777", method="GET") + HIDDEN, [
        seen("", "GET"), seen("", "GET", "/app/hidden-NNNN")]


def expectations():
    """RFC 9110 10.1.1: TUX responds to them itself."""
    for value in ("100-continue", "100-Continue", "100-continue, 100-continue"):
        yield post("Expect: " + value, "Content-Length: 5", body="hello"), [seen("hello")]
        yield post("Expect: " + value, "Transfer-Encoding: chunked", body=HELLO), [seen("hello")]
        yield post("Expect: " + value) + HIDDEN, [seen(), seen("", "GET", "/app/hidden-NNNN")]
        yield post("Expect: " + value, "Content-Length: %d" % len(HIDDEN), body=HIDDEN, method="GET"), [seen(HIDDEN, "GET")]
    for value in ("x", "100-continue, x", "200-ok", "100-continue;x", "100-continu"):
        yield post("Expect: " + value, "Content-Length: %d" % len(HIDDEN), body=HIDDEN), REFUSED
    yield post("Expect: 100-continue", "Content-Length: 5, 5", body=HIDDEN), REFUSED
    yield post("Expect: x", "Content-Length: 5", "Connection: keep-alive", version="1.0", body="hello"), [seen("hello")]


def bodies():
    """The framing defines the body, not the method; a request inside it is not one."""
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND", "FOO"):
        yield post("Content-Length: %d" % len(HIDDEN), body=HIDDEN, method=method), [seen(HIDDEN, method)]
        yield post("Transfer-Encoding: chunked", body="%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN), method=method), [seen(HIDDEN, method)]
        yield post(method=method) + HIDDEN, [seen("", method), seen("", "GET", "/app/hidden-NNNN")]
    # To a file, whose handler accepts no body.
    yield "GET / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (H, len(HIDDEN), HIDDEN), [200]
    yield "GET / HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (H, len(HIDDEN), HIDDEN), [200]
    yield "POST / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (H, len(HIDDEN), HIDDEN), [405]
    yield "GET / HTTP/1.1\r\n%sContent-Length: 5\r\n\r\nhello%s" % (H, HIDDEN), [200, seen("", "GET", "/app/hidden-NNNN")]
    yield post("Content-Length: 5", body="hello") + "\r\n\r\n" + HIDDEN, [seen("hello"), seen("", "GET", "/app/hidden-NNNN")]
    yield "".join(post("Content-Length: 1", body="x") for _ in range(30)), [seen("x")] * 30
    yield post("Content-Length: 5", body="hello") + "GET / HTTP/1.1\r\n" + H + "\r\n" + post("Transfer-Encoding: chunked", body=HELLO), [seen("hello"), 200, seen("hello")]
    yield post("Content-Length: 5", body="hello") + "nonsense\r\n\r\n" + HIDDEN, [seen("hello"), REFUSED]


GROUPS = [both_framings, codings, names, lengths, chunks, trailers, request_lines, old_versions, connection_options, upgrades, expectations, bodies]


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(origin, more): TUX with an upstream for /app/, one thread, and a file."""
    def start(origin, more="keep-alive 4"):
        with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
            file.write("a file")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('threads 1\nupstream app { server = "%s"; %s }\nroute "/app/" { upstream app }\n' % (origin.name, more))
        return tux(place, "--config", path, "--engine", request.param)
    return start


@pytest.fixture
def origin():
    made = []

    def make(answer):
        made.append(Strict(answer))
        return made[-1]
    yield make
    for one in made:
        one.close()


def tell(request):
    """Responds with the requests that the origin saw."""
    return response(repr((request.method, request.target, request.field("Host"), request.body)).encode("latin-1"))


def converse(tux, data, expected, marker, pieces):
    """Sends the case and the marker; returns the error in the responses, or None."""
    methods = [one[0] if isinstance(one, tuple) else "GET" for one in expected if one not in (REFUSED, CLOSES)]
    with tux.connect() as conn:
        try:
            for piece in pieces(data + marker):
                conn.send(piece)
        except OSError:
            pass  # the server has refused it already
        for one, method in zip(expected, methods):
            try:
                got = conn.response(method)
            except (client.Closed, TimeoutError) as error:
                return "for %r: %r" % (one, error)
            if isinstance(one, int) and got.status != one:
                return "%d, not %d" % (got.status, one)
            if isinstance(one, tuple) and (got.status != 200 or (method != "HEAD" and got.body != repr(one).encode("latin-1"))):
                return "%r %r, not %r" % (got, got.body, one)
        if expected[-1] is REFUSED:
            try:
                got = conn.response()
            except (client.Closed, TimeoutError) as error:
                return "no refusal, %r" % error
            if not 400 <= got.status < 600 or got.status == 502:
                return "%r, no refusal" % got
        elif expected[-1] is not CLOSES and conn.response().body != repr(("GET", "/app/last", "x", b"")).encode("latin-1"):
            return "not the marker's answer"
        try:
            if expected[-1] in (REFUSED, CLOSES) and conn.rest():
                return "more than an answer"
        except TimeoutError:
            return "it stays open"
    return None


def number(expected, count, port):
    """Replaces NNNN by the case's number, and LOCAL by TUX's address."""
    def put(text):
        return text.replace("NNNN", "%04d" % count)
    return [(one[0], put(one[1]), "127.0.0.1:%d" % port if one[2] == LOCAL else one[2], put(one[3]).encode("latin-1")) if isinstance(one, tuple) else one for one in expected]


def whole(data):
    return [data]


def single(data):
    """Sends each octet in a separate packet, except for long inputs."""
    return [data[i:i + 1] for i in range(len(data))] if len(data) < 600 else [data[:150], data[150:len(data) - 90], data[len(data) - 90:]]


@pytest.mark.parametrize("pieces", [whole, single])
def test_no_request_is_smuggled(origin, proxy, pieces):
    server = origin(tell)
    tux = proxy(server)
    faults = []
    marker = client.request("/app/last", host="x")
    cases = [case for group in GROUPS for case in group()]
    for count, (text, expected) in enumerate(cases):
        expected = number([expected] if expected is REFUSED else expected, count, tux.port)
        data = text.replace("NNNN", "%04d" % count).encode("latin-1")
        before = len(server.requests)
        fault = converse(tux, data, expected, marker, pieces)
        time.sleep(0.002)
        found = [(one.method, one.target, one.field("Host"), one.body) for one in server.requests[before:]]
        meant = [one for one in expected if isinstance(one, tuple)] + ([] if expected[-1] in (REFUSED, CLOSES) else [("GET", "/app/last", "x", b"")])
        if fault or found != meant:
            faults.append("%r:\n\t%s\n\tthe origin saw %r" % (data[:300], fault, found))
    assert len(cases) > 400
    assert not faults, "%d of %d\n%s" % (len(faults), len(cases), "\n".join(faults))
    assert not server.broken, "the origin got what is no request: %r" % server.broken


POISON = response(b"POISON", "200 OK", "X-Poison: 1")


def head(*fields, status="200 OK", version="1.1"):
    return ("HTTP/%s %s\r\n%s\r\n" % (version, status, "".join(field + "\r\n" for field in fields))).encode("latin-1")


def later(first, rest=POISON):
    """The rest arrives after the client has received the response."""
    def answer(sock):
        sock.sendall(first)
        time.sleep(0.05)
        return rest
    return answer


HELLO_RESPONSE = response(b"hello")
CODED = HELLO.encode()
CHUNKED = head("Transfer-Encoding: chunked") + CODED
CHUNKED_HEAD = head("Transfer-Encoding: chunked")

# Each with the client's status; 0: its connection breaks; None: either.
HOSTILE = [
    # More than one response, at once or later.
    (HELLO_RESPONSE + POISON, 200), (HELLO_RESPONSE + POISON * 3, 200), (later(HELLO_RESPONSE), 200), (HELLO_RESPONSE + b"\r\n", 200), (HELLO_RESPONSE + b"x", 200),
    (later(HELLO_RESPONSE, b"\r\n\r\n"), 200), (later(HELLO_RESPONSE, head(status="100 Continue")), 200), (HELLO_RESPONSE + head(status="100 Continue") + POISON, 200),
    (CHUNKED + POISON, 200), (later(CHUNKED), 200), (CHUNKED[:-2] + b"X: y\r\n\r\n" + POISON, 200), (CHUNKED + b"0\r\n\r\n" + POISON, 200),
    (head("Content-Length: 0") + POISON, 200), (later(head("Content-Length: 0")), 200), (head("Content-Length: 5", version="1.0") + b"hello" + POISON, 200),
    (head("Content-Length: 5", "Connection: keep-alive", version="1.0") + b"hello" + POISON, 200), (head("Content-Length: 5", "Connection: close") + b"hello" + POISON, 200),
    # Bodies where there are none.
    (head(status="204 No Content") + POISON, 204), (later(head(status="204 No Content")), 204),
    (head("Content-Length: %d" % len(POISON), status="204 No Content") + POISON, 204), (head("Transfer-Encoding: chunked", status="204 No Content") + CODED + POISON, 204),
    (head(status="304 Not Modified") + POISON, 304), (head("Content-Length: %d" % len(POISON), status="304 Not Modified") + POISON, 304),
    (head(status="103 Early Hints") + HELLO_RESPONSE + POISON, 200), (head("Content-Length: 5", status="103 Early Hints") + HELLO_RESPONSE, 502),
    (head("Transfer-Encoding: chunked", status="100 Continue") + CHUNKED, 502), (head(status="101 Switching Protocols") + POISON, 502),
    (head("Connection: upgrade", "Upgrade: h2c", status="101 Switching Protocols") + POISON, 502),
    # Framing that can be read in two ways.
    (head("Content-Length: 5", "Content-Length: 6") + b"hello" + POISON, 502), (head("Content-Length: 5", "Content-Length: 5") + b"hello" + POISON, 502),
    (head("Content-Length: 5, 5") + b"hello" + POISON, 502), (head("Content-Length: +5") + b"hello" + POISON, 502), (head("Content-Length: -1") + POISON, 502),
    (head("Content-Length: 0x5") + b"hello" + POISON, 502), (head("Content-Length:") + POISON, 502), (head("Content-Length: 99999999999999999999") + POISON, 502),
    (head("Content-Length: 5", "Transfer-Encoding: chunked") + CODED + POISON, 502), (head("Transfer-Encoding: chunked", "Content-Length: 5") + CODED + POISON, 502),
    (head("Transfer-Encoding: gzip") + POISON, 502), (head("Transfer-Encoding: gzip, chunked") + CODED + POISON, 502), (head("Transfer-Encoding: identity") + POISON, 502),
    (head("Transfer-Encoding: chunked, chunked") + CODED + POISON, 502), (head("Transfer-Encoding: xchunked") + POISON, 502),
    (head("Transfer-Encoding: chunked", version="1.0") + CODED + POISON, 502), (head("Transfer-Encoding : chunked") + CODED + POISON, 502),
    (head("Content-Length : 5") + b"hello" + POISON, 502), (head("X: y\r\n Content-Length: 5") + b"hello" + POISON, 502),
    (head("X: y\rContent-Length: 5") + b"hello" + POISON, 502), (head("X: y\nContent-Length: 5") + b"hello" + POISON, 502),
    (head("X: \0", "Content-Length: 5") + b"hello" + POISON, 502), (head("Content-Length: 5\0") + b"hello" + POISON, 502), (head(" Content-Length: 5") + POISON, 502),
    (head("Content-Length: 5").replace(b"\r\n", b"\n") + b"hello" + POISON, 502), (head("Content_Length: 0", "Content-Length: 5") + b"hello" + POISON, 200),
    (head("Connection: Content-Length", "Content-Length: 5") + b"hello" + POISON, 200), (head("Connection: Transfer-Encoding", "Transfer-Encoding: chunked") + CODED + POISON, 200),
    (b"HTTP/1.1 200 OK\r\n\r\n", 200), (b"HTTP/1.1 200 OK\rX: y\r\n\r\n" + POISON, 502), (b"HTTP/1.1  200 OK\r\n\r\n" + POISON, 502),
    (b"HTTP/1.1 2000 OK\r\n\r\n" + POISON, 502), (b"\r\n" + POISON, 502), (b" " + POISON, 502), (b"ICY 200 OK\r\n\r\n", 502), (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 502),
    (b"\0" * 100, 502),
    # Truncated responses.
    (lambda sock: None, 502), (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: ", None), (CHUNKED_HEAD + b"5\r\nhelloX\r\n0\r\n\r\n" + POISON, 0),
    (CHUNKED_HEAD + b"5\nhello\r\n0\r\n\r\n" + POISON, 0), (CHUNKED_HEAD + b"5\r\nhello\r\n0\r\n X: y\r\n\r\n" + POISON, 0), (CHUNKED_HEAD + b"+5\r\nhello\r\n0\r\n\r\n" + POISON, 0),
    (CHUNKED_HEAD + b"5\r\nhello\r\n0\r\nX : y\r\n\r\n" + POISON, 0), (CHUNKED_HEAD + b"ffffffffffffffff\r\nhello" + POISON, 0), (CHUNKED_HEAD + POISON, 0),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_response_reaches_another_client(origin, proxy, method):
    """For any bytes that a server sends after its response, the next request gets its own response, on any connection."""
    def answer(request):
        if "/evil/" not in request.target:
            return tell(request)
        hostile = HOSTILE[int(request.target.rsplit("/", 1)[1])][0]
        if callable(hostile):
            return hostile
        # For responses until close, and truncated ones, the server closes.
        return (lambda sock: sock.sendall(hostile)) if hostile.endswith((b"X: ", b"OK\r\n\r\n")) else hostile
    server = origin(answer)
    tux = proxy(server, "keep-alive 4; max-fails 0")
    for count, (hostile, status) in enumerate(HOSTILE):
        with tux.connect() as conn, tux.connect() as other:
            conn.send(client.request("/app/evil/%d" % count, "Content-Length: 0", method=method, host="x"))
            order = [other, conn, other, conn]
            try:
                got = conn.response(method)
                assert status is None or got.status == status or (method == "HEAD" and status == 0), (count, got)
                assert b"POISON" not in got.body, (count, got.body)
            except client.Closed:
                assert status in (0, None), count
                order = [other, other]
            if callable(hostile):
                time.sleep(0.1)  # waits for the late bytes; before they arrive they are indistinguishable
            for number, one in enumerate(order):
                target = "/app/good/%d/%d" % (count, number)
                try:
                    got = one.get(target, host="x")
                except (client.Closed, OSError) as error:
                    assert one is conn and not getattr(error, "got", b""), (count, error)  # its last response was the previous one
                    break
                assert got.body == repr(("GET", target, "x", b"")).encode(), (count, got, got.body)
    assert not server.broken


def is_stopped(pid):
    """True if all of its threads are stopped. One of them stops the others after it runs itself."""
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, task), encoding="utf-8") as file:
            if file.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def unread(sock):
    """Returns the bytes that the other end of a local socket has not read; on a busy machine reading takes time."""
    ends = [":%04X" % sock.getpeername()[1], ":%04X" % sock.getsockname()[1]]
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if [field[-5:] for field in fields[1:3]] == ends:
                return int(fields[4].split(":")[1], 16)
    return 0


def test_bytes_before_the_request_are_not_its_response(origin, proxy):
    """A server sends bytes unasked on a kept connection. TUX learns of them together with a request that arrived before."""
    server = origin(tell)
    tux = proxy(server)
    for count in range(5):
        with tux.connect() as conn:
            assert conn.get("/", host="x").body == b"a file"
            assert tux.get("/app/first", host="x").status == 200
            processes = [tux.process.pid, *descendants(tux.process.pid)]
            for pid in processes:
                os.kill(pid, signal.SIGSTOP)
            client.wait_until(lambda: all(is_stopped(pid) for pid in processes), "it is stopped")
            conn.send(client.request("/app/%d" % count, host="x"))
            client.wait_until(lambda conn=conn: unread(conn.sock), "the request has come")
            server.sockets[-1].sendall(POISON)
            client.wait_until(lambda: unread(server.sockets[-1]) == len(POISON), "what the server says has come")
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
            assert conn.response().body == repr(("GET", "/app/%d" % count, "x", b"")).encode()
    assert not server.broken
