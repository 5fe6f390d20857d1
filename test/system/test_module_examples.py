# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/modules: each is complete, short, and does what it is for."""
import os
import re
import signal
import struct
import threading

import pytest

import client
import tls
from hosted import TOP
from upstreams import Origin, response

FOLDER = os.path.join(TOP, "examples/modules")
EXAMPLES = sorted(name[:-2] for name in os.listdir(FOLDER) if name.endswith(".c"))


@pytest.fixture
def serve(tux, place, build):
    """serve(name, config, top, more options; more of the module block): TUX with an example at /NAME and beneath it."""
    def start(name, config="", top="", *options, more="", **popen):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('module %s { file "%s"; config { %s }; %s }\nroute "/%s" { module %s }\nthreads 2\n%s\n' %
                       (name, build(os.path.join(FOLDER, name + ".c")), config, more, name, name, top))
        return tux(os.path.join(place, "root"), "--config", path, *options, **popen)
    return start


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_has_a_test(name):
    with open(os.path.join(FOLDER, name + ".c"), encoding="ascii") as file:
        assert len(file.readlines()) < 80
    assert "test_" + name in globals()


def test_hello(serve):
    assert serve("hello").get("/hello").body == b"hello\n"


def test_form(serve):
    server = serve("form")
    assert b'<form method="post">' in server.get("/form").body

    def post(body):
        with server.connect() as conn:
            conn.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
            found = conn.response("POST")
            return found.status, found.body
    assert post("a=b&name=A+%26+%3Cb%3E&name=c")[1].endswith(b"<p>Hello, A &#38; &#60;b&#62;.</p>\n")
    assert post("named=x&x")[1].endswith(b"<p>Hello, stranger.</p>\n")
    assert post("name=%C3%A9%4")[1].endswith(b"<p>Hello, \xc3\xa9%4.</p>\n")
    assert post("name=" + "x" * 5000) == (413, b"")
    assert server.get("/form", method="PUT").status == 405


def test_counter(serve, place):
    os.mkdir(place + "/state")
    os.chmod(place + "/state", 0o777)
    server = serve("counter", 'file = "%s/state/counter"' % place, 'cache-control "max-age=60"')
    found = [server.get("/counter") for _ in range(3)]
    assert [one.body for one in found] == [b"1\n", b"2\n", b"3\n"] and found[0].all("Cache-Control") == ["no-store"]
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: "is in force" in server.output, "another process serves")
    assert int(server.get("/counter").body) == 4


def test_picture(serve):
    found = serve("picture").get("/picture")
    assert (found.status, found.field("Content-Type"), found.body[:2], len(found.body)) == (200, "image/bmp", b"BM", 54 + 256 * 256 * 3)
    assert found.body[54:60] == bytes([0, 0, 0, 1, 0, 1])


def test_authorise(serve, place):
    server = serve("authorise", 'token = "s3cret"; folder = "/private"', 'route "/private/" { hidden on }')
    os.makedirs(place + "/root/private/authorise")
    with open(place + "/root/private/authorise/a b.txt", "w", encoding="ascii") as file:
        file.write("the document")
    assert server.get("/private/authorise/a%20b.txt").status == 404
    for field in ((), ("Authorization: Bearer s3cre",), ("Authorization: Bearer s3cret2",), ("Authorization: Basic s3cret",)):
        found = server.get("/authorise/a%20b.txt", *field)
        assert (found.status, found.field("WWW-Authenticate")) == (401, "Bearer")
    found = server.get("/authorise/a%20b.txt", "Authorization: Bearer s3cret", "Range: bytes=4-6")
    assert (found.status, found.body, found.field("Cache-Control")) == (206, b"doc", "private")
    assert server.get("/authorise/../../x", "Authorization: Bearer s3cret").status == 400


def test_variant(serve, place):
    server = serve("variant", 'a = "/a.txt"; b = "/b%20c.txt"', 'cache-control "max-age=60"\nroute "=/a.txt" { hidden on }\nroute "=/b c.txt" { hidden on }')
    for name in ("a", "b c"):
        with open("%s/root/%s.txt" % (place, name), "w", encoding="ascii") as file:
            file.write("file " + name)
    assert server.get("/a.txt").status == 404
    for cookies in ("variant=b", "x=1; variant=b; y=2", "variant=b;variant=a"):
        found = server.get("/variant", "Cookie: " + cookies)
        assert (found.status, found.body, found.all("Vary"), found.all("Cache-Control")) == (200, b"file b c", ["Cookie"], ["max-age=60"]), cookies
    for cookies in ("x=1", "variant=a", "variant=bc", "variant=", "xvariant=b", "x=variant=b", "variant=b; " + "x" * 320):
        assert server.get("/variant", "Cookie: " + cookies).body == b"file a", cookies
    assert server.get("/variant", "Range: bytes=5-").body == b"a"


def test_clock(serve):
    server = serve("clock", "interval-ms = 5", 'cache-control "max-age=60"')
    with server.connect() as conn:
        conn.send("GET /clock HTTP/1.1\r\nHost: a\r\n\r\n")
        found = conn.head()
        assert (found.status, found.field("Content-Type"), found.all("Cache-Control")) == (200, "text/event-stream", ["no-store"])
        text = b""
        while text.count(b"\n\n") < 3:
            text += conn.take(1)
        assert re.search(rb"data: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n\n", text)


def test_fetch(serve):
    origin = Origin(lambda request: response(b"1 < 2 & 3") if request.target == "/text" else response(b"", "404 Not Found"))
    upstream = 'upstream app { server "%s" }' % origin.name
    found = serve("fetch", 'upstream = app; target = "/text"', upstream).get("/fetch")
    assert (found.status, found.body) == (200, b"<!doctype html><title>Text</title><pre>1 &#60; 2 &#38; 3</pre>\n")
    assert origin.requests[0].field("Accept") == "text/plain"
    assert serve("fetch", 'upstream = app; target = "/none"', upstream).get("/fetch").status == 502


KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455 1.3
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, masked=True, bits=0):
    """A frame of a client, RFC 6455 5.2."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    mask = b"\x01\xa2\x37\xff" if masked else b""
    head = bytes([(0x80 if fin else 0) | bits | opcode]) + bytes([length[0] | (0x80 if masked else 0)]) + length[1:] + mask
    return head + (bytes(octet ^ mask[i & 3] for i, octet in enumerate(payload)) if masked else payload)


class WebSocket:
    """The client's side of a connection after its handshake."""

    def __init__(self, server):
        self.conn = server.connect()
        self.conn.send(client.request("/websocket", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + KEY))
        found = self.conn.head()
        assert (found.status, found.field("Upgrade"), found.field("Sec-WebSocket-Accept")) == (101, "websocket", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.conn.close()

    def frame(self):
        """Returns FIN, the opcode and the payload of the next frame, which is not masked (RFC 6455 5.1)."""
        first, size = self.conn.take(2)
        if size == 126:
            size, = struct.unpack(">H", self.conn.take(2))
        assert size < 65536 and first & 0x70 == 0
        return first & 0x80 != 0, first & 15, self.conn.take(size)

    def message(self):
        """Returns the opcode and the payload of the next message, or of a control frame before it."""
        fin, opcode, payload = self.frame()
        while not fin:
            fin, following, more = self.frame()
            assert following == 0
            payload += more
        return opcode, payload

    def is_closed(self, reason):
        assert self.message() == (CLOSE, struct.pack(">H", reason) if reason else b"")
        return self.conn.rest() == b""


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_websocket(serve, engine):
    server = serve("websocket", "", "", "--engine", engine)
    for fields in ([], ["Connection: Upgrade", "Upgrade: websocket"], ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short"],
                   ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: " + KEY]):
        found = server.get("/websocket", *fields)
        assert (found.status, found.field("Sec-WebSocket-Version"), found.field("Sec-WebSocket-Accept")) == (400, "13", None)
    euro = "\u20ac \U0001f427".encode()
    with WebSocket(server) as socket:
        for opcode, payload in ((TEXT, b""), (TEXT, euro), (BINARY, b"\xff\0"), (BINARY, os.urandom(125)), (TEXT, b"x" * 126), (BINARY, os.urandom(65535)),
                                (TEXT, euro * 30000)):
            sender = threading.Thread(target=socket.conn.send, args=(frame(opcode, payload),))
            sender.start()
            assert socket.message() == (opcode, payload)
            sender.join()
        socket.conn.send(frame(PING, b"p" * 125) + frame(PONG, b"unasked"))
        assert socket.message() == (PONG, b"p" * 125)
        # RFC 6455 5.4: control frames may stand between fragments, and a character may be divided
        socket.conn.send(frame(TEXT, euro[:1], fin=False))
        assert socket.frame() == (False, TEXT, euro[:1])
        socket.conn.send(frame(PING) + frame(0, euro[1:], fin=False) + frame(0))
        assert socket.frame() == (True, PONG, b"")
        assert (socket.frame(), socket.frame()) == ((False, 0, euro[1:]), (True, 0, b""))
        for octet in [frame(BINARY, b"slow")[i:i + 1] for i in range(10)]:
            socket.conn.send(octet)
        assert socket.message()[0] == BINARY
        socket.conn.send(frame(CLOSE, struct.pack(">H", 1000) + b"done"))
        assert socket.is_closed(1000)


@pytest.mark.parametrize("sent, reason", [
    (frame(TEXT, b"x", masked=False), 1002), (frame(3), 1002), (frame(0, b"x"), 1002), (frame(TEXT, fin=False) + frame(TEXT), 1002),
    (frame(PING, b"x" * 126), 1002), (frame(PING, fin=False), 1002), (frame(TEXT, b"x", bits=0x40), 1002), (frame(CLOSE, b"x"), 1002),
    (frame(CLOSE, struct.pack(">H", 1005)), 1002), (b"\x82\xfe\0\x05\0\0\0\0", 1002), (b"\x82\xff" + b"\xff" * 12, 1002), (frame(TEXT, b"\xff"), 1007),
    (frame(TEXT, b"\xed\xa0\x80"), 1007), (frame(TEXT, b"\xc3"), 1007), (frame(CLOSE, struct.pack(">H", 1000) + b"\xc3"), 1007), (frame(CLOSE), 0),
    (frame(CLOSE, struct.pack(">H", 3999) + b"bye"), 3999)])
def test_websocket_that_breaks_the_protocol(serve, sent, reason):
    """RFC 6455 5.1, 5.2, 5.4, 5.5, 7.4, 8.1: the connection is closed for this reason, after what was whole."""
    with WebSocket(serve("websocket")) as socket:
        socket.conn.send(sent)
        while socket.conn.sock.recv(1, client.socket.MSG_PEEK)[0] & 15 != CLOSE:
            socket.frame()
        assert socket.is_closed(reason)


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("host", ["", "threads 2", "isolate on; memory 0"], ids=["inline", "pool", "isolated"])
def test_websocket_over_tls(serve, place, engine, host):
    """RFC 6455 3: wss, in every place of a module."""
    pair = tls.make(place, "test", "test")
    server = serve("websocket", "", pair.block, "--engine", engine, more=host, tls=tls.trusting(pair))
    for _ in range(2):
        with WebSocket(server) as socket:
            for opcode, payload in ((TEXT, b""), (TEXT, "\u20ac".encode()), (BINARY, os.urandom(16385)), (BINARY, os.urandom(50000))):
                socket.conn.send(frame(opcode, payload))
                assert socket.message() == (opcode, payload)
            socket.conn.send(frame(CLOSE, struct.pack(">H", 1000)))
            assert socket.is_closed(1000) and not socket.conn.sock.truncated


def test_websocket_at_a_reload(serve):
    """The client is told that the server goes away (RFC 6455 7.4.1)."""
    server = serve("websocket")
    with WebSocket(server) as socket:
        server.signal(signal.SIGHUP)
        assert socket.is_closed(1001)
