# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies long enough for zero-copy between clients and backends: every byte, in both directions, and aborted ones."""
import hashlib
import json
import os
import socket
import threading
import time

import pytest

import client
from test_cgi import cgi, script  # noqa: F401
from test_upstream import origin, proxy  # noqa: F401
from upstreams import response

SIZE = 8 << 20
BODY = os.urandom(SIZE)
DIGEST = hashlib.sha256(BODY).hexdigest()


def same(body):
    return len(body) == SIZE and hashlib.sha256(body).hexdigest() == DIGEST


def descriptors(tux):
    return len(os.listdir("/proc/%d/fd" % tux.pid))


def in_chunks(part):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(BODY[i:i + part]), BODY[i:i + part]) for i in range(0, SIZE, part)) + b"0\r\nX-Sum: 1\r\n\r\n"


def until_close(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("answer", [response(BODY), in_chunks(300001), in_chunks(5003), until_close],
                         ids=["length", "long-chunks", "short-chunks", "close"])
def test_responses(origin, proxy, answer, version):  # noqa: F811
    """RFC 9112 6: for each framing of the server's response."""
    server = origin(lambda request: answer)
    tux = proxy([server])
    for _ in range(2):
        with tux.connect() as conn:
            conn.send("GET /app/ HTTP/%s\r\nHost: x\r\n\r\n" % version)
            got = conn.response()
            assert got.status == 200 and same(got.body)
            if version == "1.1":
                assert conn.get("/").body == b"a file"


def test_requests(origin, proxy):  # noqa: F811
    server = origin(lambda request: response(b"yes" if same(request.body) else b"no"))
    tux = proxy([server], top="max-body 1G")
    with tux.connect() as conn:
        for _ in range(3):
            conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY)
            assert conn.response().body == b"yes"
            assert conn.get("/").body == b"a file"
    assert server.connections == 1


def test_both_directions_on_one_connection(origin, proxy):  # noqa: F811
    """Both connections are reused after such a body. With pipelining, its bytes and the next head arrive in one segment."""
    server = origin(lambda request: response(BODY if request.method == "GET" else request.body))
    tux = proxy([server], top="max-body 1G\nthreads 1")
    post = b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY
    with tux.connect() as conn:
        sender = threading.Thread(target=lambda: conn.send((post + b"GET /app/ HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n") * 3))
        sender.start()
        for _ in range(3):
            assert same(conn.response().body) and same(conn.response().body) and conn.response().body == b"a file"
        sender.join()
    assert server.connections <= 2 and len(server.requests) == 6


def test_head(origin, proxy):  # noqa: F811
    server = origin(lambda request: response(BODY) if request.method == "GET" else response(BODY)[:-SIZE])
    tux = proxy([server])
    with tux.connect() as conn:
        for _ in range(3):
            got = conn.get("/app/", method="HEAD")
            assert got.status == 200 and got.field("Content-Length") == str(SIZE) and got.body == b""
            assert same(conn.get("/app/").body)


def test_unix_socket(origin, proxy, place):  # noqa: F811
    server = origin(lambda request: response(BODY if request.method == "GET" else b"yes" if same(request.body) else b"no"),
                    path=os.path.join(place, "app.sock"))
    tux = proxy([server], top="max-body 1G")
    with tux.connect() as conn:
        assert same(conn.get("/app/").body)
        conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY)
        assert conn.response().body == b"yes"


def test_a_slow_client(origin, proxy):  # noqa: F811
    server = origin(lambda request: response(BODY))
    tux = proxy([server])
    with tux.connect(receive_buffer=20000) as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        parts, left = [], SIZE
        while left:
            parts.append(conn.take(min(left, 70001)))
            left -= len(parts[-1])
            time.sleep(0.003)
        assert same(b"".join(parts))


def test_a_slow_server(origin, proxy):  # noqa: F811
    def bit_by_bit(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for at in range(0, SIZE, 200003):
            sock.sendall(BODY[at:at + 200003])
            time.sleep(0.01)
    server = origin(lambda request: bit_by_bit)
    tux = proxy([server])
    assert same(tux.get("/app/").body)


def test_body_parts_are_forwarded_at_once(origin, proxy):  # noqa: F811
    """A server pauses in the middle of a long body: the client has received everything sent before."""
    go_on = threading.Event()

    def pause(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY[:3000001])
        go_on.wait(20)
        sock.sendall(BODY[3000001:])
    server = origin(lambda request: pause)
    tux = proxy([server])
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        first = conn.take(3000001)
        go_on.set()
        assert same(first + conn.take(SIZE - 3000001))


@pytest.mark.parametrize("framing", ["Content-Length: %d" % SIZE, "Transfer-Encoding: chunked"])
def test_truncated_body_is_not_complete(origin, proxy, framing):  # noqa: F811
    """A truncated body does not look complete, and its server counts as failed."""
    def die(sock):
        head = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % framing.encode()
        sock.sendall(head + (b"%x\r\n" % SIZE if "chunked" in framing else b"") + BODY[:SIZE // 2])
    server = origin(lambda request: die)
    tux = proxy([server], top='route "=/status" { status on }')
    with tux.connect() as conn:
        conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        with pytest.raises(client.Closed):
            conn.take(SIZE + 100)
    client.wait_until(lambda: json.loads(tux.get("/status?format=json").body)["upstreams"][0]["errors"] == 1, "it is counted")


def test_client_disconnect_during_download(origin, proxy):  # noqa: F811
    """Its request ends when it disconnects, and the rest of its response reaches no other client."""
    gone = []

    def endless(sock):
        try:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
            while True:
                sock.sendall(b"x" * 65536)
        except OSError:
            gone.append(True)
    server = origin(lambda request: response(BODY) if request.target == "/app/good" else endless)
    tux = proxy([server], top="threads 1")
    for i in range(5):
        with tux.connect() as conn:
            conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
            conn.head()
            conn.take(500000)
        client.wait_until(lambda i=i: len(gone) > i, "the server's connection has ended")
        assert same(tux.get("/app/good").body)


def test_client_disconnect_during_upload(origin, proxy):  # noqa: F811
    server = origin(lambda request: response(b"yes" if same(request.body) else b"no"))
    server.is_left_early = True
    tux = proxy([server], top="max-body 1G\nthreads 1")
    for _ in range(5):
        with tux.connect() as conn:
            conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY[:SIZE // 2])
        with tux.connect() as conn:
            conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY)
            assert conn.response().body == b"yes"


def test_refusal_during_upload(proxy):  # noqa: F811
    """The response reaches a client that keeps sending. Then the connection closes, because the rest is still the body."""
    listener = socket.create_server(("127.0.0.1", 0))
    tux = proxy(["127.0.0.1:%d" % listener.getsockname()[1]], top="max-body 1G")
    with tux.connect() as conn:
        conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY[:SIZE // 4])
        sock, _ = listener.accept()
        got = 0
        while got < SIZE // 4:  # slightly more, with the head
            got += len(sock.recv(1 << 20))
        sock.sendall(response(b"enough", "413 Content Too Large", "Connection: close"))
        assert conn.response().body == b"enough"
        sock.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError, client.Closed)):
            for _ in range(100):
                conn.send(BODY)
            conn.take(1)
    listener.close()


def test_a_tunnel(origin, proxy):  # noqa: F811
    """4 MB in each direction, at the same time."""
    size = 4 << 20

    def echo(sock):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        kept = []

        def take():
            while sum(map(len, kept)) < size:
                kept.append(sock.recv(1 << 20))
        taker = threading.Thread(target=take)
        taker.start()
        sock.sendall(BODY[:size])
        taker.join()
        sock.sendall(hashlib.sha256(b"".join(kept)).digest())
        while sock.recv(65536):
            pass
    server = origin(lambda request: echo)
    tux = proxy([server])
    for _ in range(3):
        with tux.connect() as conn:
            conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            assert conn.head().status == 101
            sender = threading.Thread(target=lambda conn=conn: conn.send(BODY[size:]))
            sender.start()
            assert conn.take(size) == BODY[:size]
            sender.join()
            assert conn.take(32) == hashlib.sha256(BODY[size:]).digest()


def test_log_counts_all_bytes(origin, proxy, place):  # noqa: F811
    log = os.path.join(place, "log")
    os.mkdir(log)
    os.chmod(log, 0o777)
    server = origin(lambda request: response(BODY))
    tux = proxy([server], log=os.path.join(log, "access.log"))
    assert same(tux.get("/app/large").body)

    def line():
        with open(os.path.join(log, "access.log"), encoding="utf-8") as file:
            return [line for line in file if "/app/large" in line]
    client.wait_until(line, "it is logged")
    assert SIZE < int(line()[0].split('" 200 ')[1].split()[0]) < SIZE + 1000


def test_no_descriptor_leak(origin, proxy):  # noqa: F811
    """200 of each: complete, aborted by the server, aborted by the client, sent. Pipes are reused, not lost."""
    part = BODY[:300000]

    def die(sock):
        sock.sendall(response(part)[:-100000])
    server = origin(lambda request: die if request.target == "/app/die" else response(b"" if request.method == "POST" else part))
    tux = proxy([server], "max-fails 0", top="max-body 1G\nthreads 1")

    def each():
        with tux.connect() as conn:
            assert conn.get("/app/").body == part
            conn.send(b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(part) + part)
            assert conn.response().status == 200
            conn.send("GET /app/die HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(client.Closed):
                conn.response()
        with tux.connect() as conn:
            conn.send("GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n")
            conn.head()
    for _ in range(20):
        each()
    before = descriptors(tux)
    for _ in range(200):
        each()
    client.wait_until(lambda: descriptors(tux) <= before + 8, "no more than before are open")


@pytest.mark.parametrize("length", [False, True], ids=["until-the-end", "length"])
def test_programs(cgi, place, length):  # noqa: F811
    """RFC 3875: the output and the input of a program."""
    with open(os.path.join(place, "data"), "wb") as file:
        file.write(BODY)
    script(place, "out", "#!/bin/sh\nprintf 'Content-Type: x/y\\n%s\\n'\nexec cat '%s/data'\n" % ("Content-Length: %d\\n" % SIZE if length else "", place))
    script(place, "sum", "#!/bin/sh\nprintf 'Content-Type: x/y\\n\\n'\nexec sha256sum\n")
    tux = cgi(top="max-body 1G")
    with tux.connect() as conn:
        for _ in range(3):
            assert same(conn.get("/cgi-bin/out").body)
            conn.send(b"POST /cgi-bin/sum HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY)
            assert conn.response().body.split()[0].decode() == DIGEST
            assert conn.get("/").body == b"a file"


def test_program_exit_during_body(cgi, place):  # noqa: F811
    script(place, "short", "#!/bin/sh\nprintf 'Content-Type: x/y\\nContent-Length: 5000000\\n\\n'\nexec head -c 1000000 /dev/zero\n")
    tux = cgi()
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/short HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        with pytest.raises(client.Closed):
            conn.take(5000000)


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_body_from_memory_after_one_by_sendfile(tux, root, engine):
    """Both are larger than the send buffer, so each waits for the client. sendfile() needs a non-blocking socket, the ring does not."""
    with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as file:
        most = 2 * int(file.read().split()[2])
    bodies = {"/kept": os.urandom(most), "/sent": os.urandom(most + 1)}
    for target, body in bodies.items():
        with open(root + target, "wb") as file:
            file.write(body)
    server = tux(root, "--threads", "1", "--engine", engine, "--memory-object", str(most))
    targets = ["/sent", "/kept"]
    with server.connect(receive_buffer=1 << 16) as conn:
        conn.send(b"".join(client.request(target) for target in targets))
        for target in targets:
            assert conn.response().body == bodies[target]
