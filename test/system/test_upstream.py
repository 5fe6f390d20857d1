# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests that are forwarded to upstream servers: the forwarded request, the response, and failures."""
import json
import os
import socket
import time

import pytest

import client
from tools import free_port
from upstreams import Origin, response


@pytest.fixture
def origin(request):
    """origin(answer): a recording server; stopped after the test."""
    made = []

    def make(answer=None, path=None):
        made.append(Origin(answer, path))
        return made[-1]
    yield make
    for one in made:
        one.close()
        assert not one.broken, "TUX sent what is no request: %r" % one.broken


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(servers, more): TUX with one upstream for /app/ and a file."""
    def start(servers, more="", top="", **options):
        with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
            file.write("a file")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('%s\nupstream app { server = [%s]; %s }\nroute "/app/" { upstream app }\n' % (
                top, ", ".join('"%s"' % (one.name if hasattr(one, "name") else one) for one in servers), more))
        return tux(place, "--config", path, "--engine", request.param, **options)
    return start


def test_forwarded_request(origin, proxy):
    """RFC 9110 7.6.1: hop-by-hop fields and those that Connection names are not forwarded; all others are, with the client's
    address."""
    server = origin()
    tux = proxy([server])
    got = tux.get("/app/x?y=%20z", "Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "TE: gzip",
                  "Proxy-Connection: close", "X-Other: two words", "Cookie: a=b", "Cookie: c=d", "X_Under: 1", host="example.org")
    assert got.status == 200 and got.body == b"hello"
    request, = server.requests
    assert request.line == "GET /app/x?y=%20z HTTP/1.1" and request.field("Host") == "example.org"
    assert request.field("X-Other") == "two words" and request.all("Cookie") == ["a=b", "c=d"]
    for name in ("X-Mine", "Keep-Alive", "TE", "Proxy-Connection", "X_Under", "Transfer-Encoding", "Content-Length"):
        assert request.field(name) is None, name
    assert request.field("X-Forwarded-For") == "127.0.0.1" and request.field("X-Forwarded-Proto") == "http"
    assert request.field("X-Forwarded-Host") == "example.org" and "for=127.0.0.1" in request.field("Forwarded")


def test_forwarded_fields_from_client_are_replaced(origin, proxy):
    server = origin()
    tux = proxy([server])
    tux.get("/app/", "X-Forwarded-For: 8.8.8.8", "Forwarded: for=8.8.8.8", "X-Forwarded-Proto: https")
    assert server.requests[0].field("X-Forwarded-For") == "127.0.0.1" and "8.8.8.8" not in server.requests[0].field("Forwarded")
    assert server.requests[0].field("X-Forwarded-Proto") == "http"


def test_connections_are_kept(origin, proxy):
    server = origin()
    tux = proxy([server], top="threads 1")
    for _ in range(20):
        assert tux.get("/app/").body == b"hello"
    assert server.connections <= 2 and len({request.connection for request in server.requests}) <= 2  # one for the fixture's start


def test_without_keep_alive_each_has_its_own(origin, proxy):
    server = origin()
    tux = proxy([server], "keep-alive 0")
    for _ in range(3):
        assert tux.get("/app/").status == 200
    assert server.connections == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods(origin, proxy, method):
    server = origin()
    tux = proxy([server])
    assert tux.get("/app/", method=method).status == 200
    assert server.requests[0].method == method


@pytest.mark.parametrize("size", [0, 1, 100, 70000, 900000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_reach_the_server(origin, proxy, size, chunked):
    body = os.urandom(size)
    server = origin(lambda request: response(request.body))
    tux = proxy([server])
    with tux.connect() as conn:
        if chunked:
            conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            at = 0
            while at < size:
                part = body[at:at + 1 + at % 7000]
                conn.send(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
                at += len(part)
            conn.send("0\r\nTrailer-Field: x\r\n\r\n")
        else:
            conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            conn.send(body)
        got = conn.response()
        assert got.status == 200 and got.body == body
        assert conn.get("/").body == b"a file"  # the connection continues
    assert server.requests[0].body == body


def test_expect_continue(origin, proxy):
    server = origin(lambda request: response(request.body))
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert conn.head().status == 100
        conn.send("abc")
        assert conn.response().body == b"abc"
    assert server.requests[0].field("Expect") is None


def test_a_body_beyond_the_limit(origin, proxy):
    server = origin()
    server.is_left_early = True
    tux = proxy([server], top="max-body 1000")
    with tux.connect() as conn:
        conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        assert conn.response().status == 413
    with tux.connect() as conn:
        conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + "a" * 1024 + "\r\n")
        assert conn.response().status == 413
    assert server.requests == []


BODY = os.urandom(200000)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
    b"%x\r\n%s\r\n" % (len(BODY[i:i + 7001]), BODY[i:i + 7001]) for i in range(0, len(BODY), 7001)) + b"0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("answer", [response(BODY), CHUNKED, "close", response(b""), "empty chunks"], ids=["length", "chunked", "close", "empty", "empty-chunked"])
def test_responses_are_complete(origin, proxy, answer, version):
    def close(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    body = b"" if answer in (response(b""), "empty chunks") else BODY
    if answer == "empty chunks":
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    server = origin(lambda request: close if answer == "close" else answer)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/%s\r\nHost: x\r\n\r\n" % version)
        got = conn.response()
        assert got.status == 200 and got.body == body
        if version == "1.1":
            assert conn.get("/").body == b"a file"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_without_a_body(origin, proxy, status):
    server = origin(lambda request: ("HTTP/1.1 %s\r\nETag: \"x\"\r\n\r\n" % status).encode())
    tux = proxy([server])
    with tux.connect() as conn:
        for _ in range(3):
            assert conn.get("/app/").status == int(status[:3])
    assert server.connections == 1


def test_head(origin, proxy):
    server = origin(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
    tux = proxy([server])
    with tux.connect() as conn:
        for _ in range(3):
            got = conn.get("/app/", method="HEAD")
            assert got.status == 200 and got.field("Content-Length") == "12345" and got.body == b""
    assert server.connections == 1


def test_response_fields(origin, proxy):
    server = origin(lambda request: response(b"x", "201 Made Up", "X-A: 1", "Set-Cookie: a=1", "Set-Cookie: b=2", "Connection: X-Hop", "X-Hop: 1",
                                             "Keep-Alive: timeout=5", "Server: origin", "Date: Tue, 24 Nov 2026 10:00:00 GMT"))
    tux = proxy([server])
    got = tux.get("/app/")
    assert (got.status, got.reason) == (201, "Made Up") and got.all("Set-Cookie") == ["a=1", "b=2"] and got.field("X-A") == "1"
    assert got.field("Server") == "origin" and got.field("Date") == "Tue, 24 Nov 2026 10:00:00 GMT"
    assert got.field("X-Hop") is None and got.field("Keep-Alive") is None


def test_interim_responses(origin, proxy):
    """RFC 9110 15.2: a proxy forwards them, but not to HTTP/1.0."""
    server = origin(lambda request: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response())
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        early = conn.head()
        assert early.status == 103 and early.field("Link") == "</a>"
        assert conn.response().body == b"hello"
        conn.send("GET /app/ HTTP/1.0\r\n\r\n")
        assert conn.response().status == 200


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
    b"HTTP/1.1 99 Low\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n"])
def test_garbage_is_a_bad_gateway(origin, proxy, answer):
    server = origin(lambda request: lambda sock: (sock.sendall(answer), time.sleep(0.2)))
    tux = proxy([server])
    with tux.connect() as conn:
        assert conn.get("/app/").status == 502
        assert conn.get("/").body == b"a file"


def test_truncated_response_is_visible_to_the_client(origin, proxy):
    for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                   b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX"):
        server = origin(lambda request, answer=answer: lambda sock: sock.sendall(answer))
        tux = proxy([server])
        with tux.connect() as conn, pytest.raises(client.Closed):
            conn.get("/app/")


def test_refused_connection_is_502(origin, proxy):
    tux = proxy(["127.0.0.1:%d" % free_port()])
    with tux.connect() as conn:
        assert conn.get("/app/").status == 502
        assert conn.get("/").body == b"a file"


def test_a_silent_server(origin, proxy):
    server = origin(lambda request: lambda sock: time.sleep(30))
    tux = proxy([server], "read-timeout 0.3")
    assert tux.get("/app/").status == 504


def test_another_server_answers(origin, proxy):
    """One server refuses connections, one closes them: a GET goes to the next."""
    good = origin()
    bad = origin(lambda request: None)
    tux = proxy(["127.0.0.1:%d" % free_port(), bad, good], "max-fails 0")
    for _ in range(6):
        assert tux.get("/app/").status == 200
    assert len(bad.requests) >= 1 and len(good.requests) == 6


def test_post_is_not_repeated(origin, proxy):
    """RFC 9110 9.2.2: a POST that reached a server is not repeated to another."""
    good = origin()
    bad = origin(lambda request: None)
    tux = proxy([bad, good], "max-fails 0", top="threads 1")
    statuses = sorted(tux.get("/app/", method="POST").status for _ in range(6))
    assert statuses == [200, 200, 200, 502, 502, 502] and len(bad.requests) == 3 and len(good.requests) == 3


def test_failing_server_is_avoided_and_retried(origin, proxy):
    bad = origin(lambda request: None)
    good = origin()
    tux = proxy([bad, good], "max-fails 2; fail-timeout 3", top="threads 1")
    for _ in range(10):
        assert tux.get("/app/").status == 200
    assert len(bad.requests) == 2
    bad.answer = lambda request: response(b"back")
    client.wait_until(lambda: tux.get("/app/").body == b"back", "it is tried again")
    assert {tux.get("/app/").body for _ in range(4)} == {b"back", b"hello"}


def test_failures_count_within_fail_timeout_not_in_a_row(origin, proxy):
    """A server that fails every other request is avoided too."""
    count = 0

    def flaky(request):
        nonlocal count
        count += 1
        return response() if count % 2 else None
    bad = origin(flaky)
    good = origin(lambda request: response(b"good"))
    tux = proxy([bad, good], "max-fails 3; fail-timeout 600; keep-alive 0", top="threads 1")
    for _ in range(40):
        assert tux.get("/app/").status == 200
    assert len(bad.requests) == 6


@pytest.mark.parametrize("method,field", [("PUT", "Content-Length: 0"), ("PUT", "X-A: b"), ("DELETE", "X-A: b"), ("DELETE", "Content-Length: 0"), ("GET", "X-A: b")])
def test_idempotent_request_is_repeated_on_a_dead_kept_connection(origin, proxy, method, field):
    """RFC 9110 9.2.2: the server closes the connection after the second request arrived."""
    def answer(request):
        first = request.connection == 1 and len(server.requests) > 1
        return None if first else response()
    server = origin(answer)
    tux = proxy([server], top="threads 1")
    assert tux.get("/app/first").status == 200
    with tux.connect() as conn:
        assert conn.get("/app/second", field, method=method).status == 200
    assert [(request.method, request.connection) for request in server.requests] == [("GET", 1), (method, 1), (method, 2)]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_request_with_an_empty_chunked_body_is_not_repeated(origin, proxy, method):
    """The last chunk was sent to the first server. A second server would get only the head, and read the next request as its body.
    """
    first, second = origin(lambda request: None), origin()
    tux = proxy([first, second], top="threads 1")
    with tux.connect() as conn:
        for number in range(2):  # either server may be first
            conn.send("%s /app/%d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (method, number))
            conn.response(method)
    asked = [{request.target for request in server.requests} for server in (first, second)]
    assert asked[0] and not asked[0] & asked[1] and not first.broken and not second.broken


def test_kept_connection_closed_by_server(origin, proxy):
    server = origin()
    tux = proxy([server], top="threads 1")
    for _ in range(5):
        assert tux.get("/app/", method="POST").status == 200
        for sock in list(server.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        time.sleep(0.05)


@pytest.mark.parametrize("balance", ["round-robin", "least-connections"])
def test_all_servers_get_their_share(origin, proxy, balance):
    servers = [origin(), origin(), origin()]
    tux = proxy(servers, "balance " + balance, top="threads 1")
    for _ in range(30):
        assert tux.get("/app/").status == 200
    assert [len(server.requests) for server in servers] == [10, 10, 10]


def test_unix_socket(origin, proxy, place):
    server = origin(path=os.path.join(place, "app.sock"))
    tux = proxy([server])
    assert tux.get("/app/").body == b"hello"


def test_a_tunnel(origin, proxy):
    """RFC 9110 7.8: after 101 both sides use another protocol."""
    def echo(sock):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst")
        while True:
            data = sock.recv(65536)
            if not data:
                return
            sock.sendall(data.upper())
    server = origin(lambda request: echo)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: more/1, Echo\r\n\r\n")
        got = conn.head()
        assert got.status == 101 and got.field("Upgrade") == "echo"
        assert conn.take(5) == b"first"
        for size in (1, 10, 100000):
            conn.send(b"a" * size)
            assert conn.take(size) == b"A" * size
    request, = server.requests
    assert request.field("Upgrade") == "more/1, Echo" and request.field("Connection").lower() == "upgrade"


@pytest.mark.parametrize("upgrade", ["other", "echo, other", "echo/2"])
def test_unrequested_upgrade_is_502(origin, proxy, upgrade):
    """RFC 9110 7.8: a server must not switch to a protocol that the client did not request."""
    server = origin(lambda request: lambda sock: sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\n\r\n"
                                                              % upgrade.encode()))
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo, more/1\r\n\r\n")
        assert conn.response().status == 502


def test_events_come_at_once(origin, proxy):
    """Output that a server sends in small parts is not delayed."""
    def events(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(3):
            sock.sendall(b"9\r\ndata: %d\n\n\r\n" % i)
            time.sleep(0.5)
        sock.sendall(b"0\r\n\r\n")
    server = origin(lambda request: events)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        times = []
        for i in range(3):
            assert conn.take(14) == b"9\r\ndata: %d\n\n\r\n" % i
            times.append(time.monotonic())
        assert times[2] - times[0] > 0.4


def test_pipelined_after_files(origin, proxy):
    server = origin(lambda request: response(request.target.encode()))
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("".join("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target for target in ("/", "/app/1", "/", "/app/2", "/app/3", "/")))
        assert [conn.response().body for _ in range(6)] == [b"a file", b"/app/1", b"a file", b"/app/2", b"/app/3", b"a file"]


def test_a_slow_client_holds_the_server_back(origin, proxy):
    """A response of 200 MB to a client that does not read needs no memory in TUX."""
    size = 200 << 20
    sent = []

    def much(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        block = b"x" * 65536
        for _ in range(size // len(block)):
            sock.sendall(block)
            sent.append(len(block))
    server = origin(lambda request: much)
    tux = proxy([server])
    before = tux.memory()
    with tux.connect(receive_buffer=65536) as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        time.sleep(1)
        assert sum(sent) < 50 << 20 and tux.memory() - before < 8 << 20
        got = 0
        while got < size:
            data = conn.sock.recv(1 << 20) if not conn.buffer else conn.take(len(conn.buffer))
            assert data
            got += len(data)
    assert got == size


def test_a_slow_server_holds_the_client_back(origin, proxy):
    size = 100 << 20
    listener = socket.create_server(("127.0.0.1", 0))
    tux = proxy(["127.0.0.1:%d" % listener.getsockname()[1]], top="max-body 1G")
    before = tux.memory()
    with tux.connect() as conn:
        conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        conn.sock.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < size:
                sent += conn.sock.send(b"x" * 65536)
        assert sent < 50 << 20 and tux.memory() - before < 8 << 20
    listener.close()


def test_client_disconnect_ends_the_request(origin, proxy):
    gone = []

    def wait(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                sock.sendall(b"4\r\nmore\r\n")
                time.sleep(0.05)
        except OSError:
            gone.append(True)
    server = origin(lambda request: wait)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
    client.wait_until(lambda: gone, "the server's connection has ended")


def test_disconnect_with_a_request_after_the_first(origin, proxy):
    """A request that was sent after it does not keep the one whose client has left."""
    gone = []

    def wait(sock):
        if sock.recv(1) == b"":
            gone.append(True)
    server = origin(lambda request: wait)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\nGET /app/2 HTTP/1.1\r\nHost: x\r\n\r\n")
        client.wait_until(lambda: server.requests, "the server has the request")
    client.wait_until(lambda: gone, "the server's connection has ended")
    assert len(server.requests) == 1


def test_response_before_the_body(origin, proxy):
    """The server refuses without reading: its response arrives. Then the connection closes, because the rest is still the body."""
    listener = socket.create_server(("127.0.0.1", 0))
    tux = proxy(["127.0.0.1:%d" % listener.getsockname()[1]], top="max-body 1G")
    with tux.connect() as conn:
        conn.send("POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n" + "x" * 1000)
        sock, _ = listener.accept()
        sock.recv(1000)
        sock.sendall(response(b"no", "403 Forbidden", "Connection: close"))
        assert conn.response().body == b"no"
        sock.close()
    listener.close()


def test_proxy_protocol(origin, proxy):
    listener = socket.create_server(("127.0.0.1", 0))
    tux = proxy(["127.0.0.1:%d" % listener.getsockname()[1]], "proxy-protocol on")
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        sock, _ = listener.accept()
        data = b""
        while b"\r\n\r\n" not in data[28:]:
            data += sock.recv(4096)
        port = conn.sock.getsockname()[1]
        assert data[:16] == b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" and data[16:24] == b"\x7f\0\0\1\x7f\0\0\1"
        assert data[24:28] == port.to_bytes(2, "big") + tux.port.to_bytes(2, "big")
        assert data[28:].startswith(b"GET /app/ HTTP/1.1\r\n")
        sock.sendall(response())
        assert conn.response().body == b"hello"
        sock.close()
    listener.close()


def test_log_of_forwarded_requests(origin, proxy, place):
    server = origin(lambda request: response(b"x" * 1000))
    log = os.path.join(place, "log")
    os.mkdir(log)
    os.chmod(log, 0o777)
    tux = proxy([server], log=os.path.join(log, "access.log"))
    tux.get("/app/one")
    client.wait_until(lambda: "/app/one" in open(os.path.join(log, "access.log"), encoding="utf-8").read(), "it is logged")
    line = [line for line in open(os.path.join(log, "access.log"), encoding="utf-8") if "/app/one" in line][0]
    assert ' 200 1' in line


@pytest.mark.parametrize("text,words", [
    ("upstream a { }", 'upstream "a" has no server'), ('route "/" { upstream b }', 'upstream "b" has no server'),
    ('upstream a { server "nonsense" }', '"nonsense" is no server'), ('upstream a { server "127.0.0.1:0" }', "is no server"),
    ('upstream a { server "127.0.0.1:80"; balance random }', "balance"), ('upstream a { server "127.0.0.1:80"; retry 5 }', 'unknown key "retry"'),
    ('upstream a { server "unix:" }', "is no Unix socket"), ('upstream a { server "127.0.0.1:80"; proxy-protocol 5 }', "on or off"),
    ('upstream a { server "127.0.0.1:80"; read-timeout soon }', "read-timeout")])
def test_configuration_errors(request, place, text, words):
    import subprocess
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    found = subprocess.run([os.path.abspath(request.config.getoption("tux")), "check", path], capture_output=True, text=True, timeout=20, check=False)
    assert found.returncode == 1 and found.stderr.startswith(path + ":1: ") and words in found.stderr, found.stderr


def test_status_counts_servers(origin, proxy):
    """The status shows the requests and failures of each server."""
    server, nobody = origin(), "127.0.0.1:%d" % free_port()
    tux = proxy([server, nobody], top='route "=/status" { status on }')
    for _ in range(10):
        assert tux.get("/app/x").status == 200

    def counted():
        servers = json.loads(tux.get("/status?format=json").body)["upstreams"]
        return servers if servers[0]["active"] == 0 and servers[0]["latency"]["count"] == 10 else None
    alive, dead = client.wait_until(counted, "all have ended")
    assert (alive["upstream"], alive["server"], dead["server"]) == ("app", server.name, nobody)
    assert alive["requests"] == 10 and alive["errors"] == 0
    assert 1 <= alive["connections"] <= 10
    assert alive["sent_bytes"] > 10 * 50 and alive["received_bytes"] > 10 * 20
    assert dead["requests"] >= 1 and dead["errors"] == dead["retried"] == dead["requests"] and dead["latency"]["count"] == 0
