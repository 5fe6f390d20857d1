# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict raw HTTP/1.1 client: it checks every response against RFC 9112 while it reads."""
import re
import socket
import threading
import time

from tls import TlsSocket

TIMEOUT = 15  # seconds that a test waits for the server
DEFAULTS = {"tls": None}  # context of connections that do not name one; None: plain connections

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ([\t \x21-\x7e\x80-\xff]*)\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*\Z")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
                  r"\d\d:\d\d:\d\d GMT\Z")
STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"\Z')
ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"\Z')


class Closed(Exception):
    """The server closed the connection where a response was expected. got: the bytes received before."""

    def __init__(self, got=b""):
        super().__init__("connection closed after %r" % got[:200])
        self.got = got


class Response:
    def __init__(self, status, reason, fields):
        self.status = status
        self.reason = reason
        self.fields = fields  # [(lower-case name, value)]
        self.body = b""

    def field(self, name):
        values = self.all(name)
        assert len(values) <= 1, "%s stands %d times" % (name, len(values))
        return values[0] if values else None

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def tokens(self, name):
        return [token.strip().lower() for value in self.all(name) for token in value.split(",") if token.strip()]

    def __repr__(self):
        return "<%d %r %d bytes>" % (self.status, self.fields, len(self.body))


def check_head(response):
    """Checks what RFC 9110 and 9112 require of any response."""
    length = response.field("Content-Length")
    if response.status < 200 or response.status == 204:
        assert length is None, "RFC 9110 8.6: no Content-Length in 1xx and 204"
        assert response.field("Transfer-Encoding") is None, "RFC 9112 6.1: no Transfer-Encoding in 1xx and 204"
    assert not (length and response.all("Transfer-Encoding")), "RFC 9112 6.2: both framings"
    assert length is None or length.isdigit(), "RFC 9110 8.6: Content-Length is digits"
    if response.status >= 200:
        date = response.field("Date")
        assert date and DATE.match(date), "RFC 9110 6.6.1: Date %r" % date
    for name in ("Last-Modified",):
        assert response.field(name) is None or DATE.match(response.field(name)), "RFC 9110 8.8.2"
    assert response.field("ETag") is None or ENTITY_TAG.match(response.field("ETag")), "RFC 9110 8.8.3"
    if response.status == 405:
        assert {"get", "head"} <= set(response.tokens("Allow")), "RFC 9110 15.5.6: 405 has Allow"
    if response.status == 416:
        assert re.match(r"bytes \*/\d+\Z", response.field("Content-Range") or ""), "RFC 9110 15.5.17"


class Connection:
    """One connection. Reads exactly as much as each response's framing states, and keeps the rest for the next response."""

    def __init__(self, address, receive_buffer=None, timeout=TIMEOUT, tls=None, **options):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(address)
        self.below = self.sock  # of TLS
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls or DEFAULTS["tls"]:
            try:
                self.sock = TlsSocket(self.sock, tls or DEFAULTS["tls"], **options)
            except BaseException:
                self.sock.close()
                raise
        self.buffer = b""

    @classmethod
    def of(cls, sock):
        """Returns a connection over a connected socket."""
        conn = cls.__new__(cls)
        conn.sock = conn.below = sock
        conn.buffer = b""
        return conn

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def widen(self):
        """Ends the effect of receive_buffer: what is sent from now on arrives in large segments, which takes a tenth of the CPU."""
        self.below.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.below.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 1 << 22)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send_eof(self):
        self.sock.shutdown(socket.SHUT_WR)

    def _received(self, most):
        """Returns some bytes. Raises Closed after the last one."""
        try:
            data = self.sock.recv(most)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.buffer)
        return data

    def take(self, count):
        parts = [self.buffer[:count]]
        got = len(parts[0])
        self.buffer = self.buffer[count:]
        while got < count:
            try:
                data = self.sock.recv(min(1 << 20, count - got))
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed(b"".join(parts))
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def line(self):
        while b"\n" not in self.buffer:
            self.buffer += self._received(1 << 14)  # few, as line() and take() copy what is left of them
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), "RFC 9112 2.1: a line of the response ends in a bare LF: %r" % line
        assert b"\r" not in line[:-1], "RFC 9112 2.2: a bare CR in the response: %r" % line
        return line[:-1]

    def head(self):
        line = self.line()
        match = STATUS_LINE.match(line)
        assert match, "RFC 9112 4: status line %r" % line
        fields = []
        while True:
            line = self.line()
            if not line:
                break
            field = FIELD_LINE.match(line)
            assert field, "RFC 9112 5: field line %r" % line
            fields.append((field.group(1).decode().lower(), field.group(2).decode("latin-1")))
        response = Response(int(match.group(1)), match.group(2).decode("latin-1"), fields)
        check_head(response)
        return response

    def response(self, method="GET", interim=False):
        """Returns the next response; skips interim ones (1xx) unless they are requested."""
        response = self.head()
        while response.status < 200 and not interim:
            response = self.head()
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        if response.tokens("Transfer-Encoding"):
            response.body = self._chunks()
        elif response.field("Content-Length") is not None:
            response.body = self.take(int(response.field("Content-Length")))
        else:
            response.body = self.rest()
        return response

    def _chunks(self):
        parts = []
        while True:
            size = int(self.line().split(b";")[0], 16)
            if size == 0:
                break
            parts.append(self.take(size))
            assert self.take(2) == b"\r\n", "RFC 9112 7.1"
        while self.line():
            pass
        return b"".join(parts)

    def rest(self):
        """Returns all bytes until the server closes."""
        parts, self.buffer = [self.buffer], b""
        try:
            while True:
                parts.append(self._received(1 << 18))
        except Closed:
            return b"".join(parts)

    def assert_closed(self):
        rest = self.rest()
        assert rest == b"", "bytes behind the last response: %r" % rest[:200]

    def assert_silent(self, seconds=0.3):
        """Checks that nothing arrives for a while. A slow machine never makes it fail."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(1, socket.MSG_PEEK)
            raise AssertionError("unexpected %r" % data)
        except socket.timeout:
            pass
        finally:
            self.sock.settimeout(TIMEOUT)

    def get(self, target, *fields, method="GET", host="test", version="1.1"):
        """Sends one request on this connection, and returns its response."""
        self.send(request(target, *fields, method=method, host=host, version=version))
        return self.response(method)


def request(target="/", *fields, method="GET", host="test", version="1.1"):
    """Returns the bytes of a request; fields are whole lines such as 'Range: bytes=0-1'."""
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    if host is not None:
        lines.append("Host: " + host)
    lines.extend(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def wait_until(condition, what, seconds=TIMEOUT):
    """Polls: returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "not in %g s: %s" % (seconds, what)
        time.sleep(0.01)


class Load:
    """Clients that fetch /file while a block runs, over a new connection after each five requests."""

    def __init__(self, server, clients):
        self.server, self.bodies, self.failures, self.ended = server, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.fetch) for _ in range(clients)]

    def fetch(self):
        while not self.ended.is_set():
            try:
                with self.server.connect() as conn:
                    for _ in range(5):
                        got = conn.get("/file")
                        self.bodies.append(got.body)
                        if "close" in got.tokens("Connection"):
                            break
            except (OSError, Closed, AssertionError) as error:
                self.failures.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def check(self, body):
        """Fails unless all requests, and not just a few, had this response."""
        assert not self.failures and len(self.bodies) > 20 and set(self.bodies) == {body}, self.failures
