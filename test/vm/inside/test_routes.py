# SPDX-License-Identifier: GPL-2.0-or-later
"""Routes of every kind with both engines: what the kernel engine hands up the program answers, in the same way, and gives back."""
import os
import re
import socket
import threading
import time

import pytest

from conftest import Tux
from test_handover import Backend
from upstreams import Origin, response

CONFIG = """
threads 1
upstream app { server [%(servers)s]; max-fails 0 }
upstream gone { server "127.0.0.1:1"; connect-timeout 2 }
cgi scripts { root "%(root)s/cgi" }
route "/app/" { upstream app }
route "/gone/" { upstream gone }
route "/old/" { redirect "/new/*" }
route "=/away" { redirect "https://example.org/"; status 302 }
route "/app/img/" { static on }
route "/api/*.cgi" { upstream app }
route "/cgi-bin/" { cgi scripts }
route "/private/" { hidden on }
route "=/status" { status on }
"""
PROGRAMS = {
    "hello": "echo 'Content-Type: text/plain'; echo; echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO $QUERY_STRING; cat",
    "local": "echo 'Location: /a.txt'; echo",
    "names": "echo 'X-Accel-Redirect: /private/secret'; echo 'Set-Cookie: a=b'; echo",
    "bad": "echo nonsense",
}
HEAD = " HTTP/1.1\r\nHost: x\r\n"


def request(target, *fields, method="GET", body=""):
    if body and not any(field.startswith("Transfer-Encoding") for field in fields):
        fields += ("Content-Length: %d" % len(body),)
    return method + " " + target + HEAD + "".join(field + "\r\n" for field in fields) + "\r\n" + body


CHUNKS = ("Transfer-Encoding: chunked",)
CHUNKED = "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n"
FILE = request("/a.txt")
LAST = request("/a.txt", "Connection: close")  # a client that closes its side instead is gone for an upstream server's answer

# What is sent on one connection, in one piece.
CONVERSATIONS = {
    "file": FILE,
    "upstream": request("/app/a?b=c", "X-One: 1"),
    "by suffix": request("/api/x.cgi") + request("/api/x"),
    "beneath a route": request("/app/img/logo") + request("/app/img/missing") + request("/app/a"),
    "head": request("/app/a", method="HEAD") + request("/a.txt", method="HEAD") + request("/old/a", method="HEAD") + FILE,
    "redirect": request("/old/a?b") + request("/away") + request("/old/", method="POST", body="hello") + FILE,
    "post": request("/app/post", method="POST", body="hello") + request("/app/post", method="POST", body="x" * 100_000) + FILE,
    "put": request("/app/put", method="PUT", body="hello") + request("/app/delete", method="DELETE") + FILE,
    "chunked": request("/app/post", *CHUNKS, method="POST", body=CHUNKED) + FILE,
    "expected": request("/app/post", "Expect: 100-continue", method="POST", body="hello") + FILE,
    "pipelined": FILE + request("/app/1") + FILE + request("/app/2") + request("/app/3") + FILE * 3 + request("/old/a") + FILE + request("/app/4") + FILE,
    "chunked answer": request("/app/chunked") + FILE + request("/app/chunked", method="HEAD") + FILE,
    "until the end": request("/app/close") + FILE,
    "large": request("/app/large") + FILE + request("/app/large") + FILE,
    "no content": request("/app/204") + request("/app/304") + FILE,
    "early": request("/app/103") + FILE,
    "not there": request("/gone/a") + FILE + request("/gone/a", method="POST", body="hello") + FILE,
    "garbage": request("/app/garbage") + FILE + request("/app/breaks-off") + FILE,
    "refused": request("/app/a", "Content-Length: 5, 5", method="POST") + FILE,
    "refused in its body": request("/app/a", *CHUNKS, method="POST", body="5\r\nhelloX") + FILE,
    "both framings": request("/app/a", "Content-Length: 5", *CHUNKS, method="POST", body=CHUNKED) + FILE,
    "closed": request("/app/a", "Connection: close") + FILE,
    "old": "GET /app/a HTTP/1.0\r\n\r\n",
    "old, kept": "GET /app/chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + FILE,
    "to a file": request("/a.txt", method="POST", body="hello") + FILE + request("/missing") + FILE,
    "absolute": "GET http://y/app/a HTTP/1.1\r\nHost: x\r\n\r\n" + FILE,
    "no method": request("/app/a", method="BREW") + request("/a.txt", method="BREW") + FILE,
    "program": request("/cgi-bin/hello/more?a=b") + FILE + request("/cgi-bin/hello", method="POST", body="hello") + FILE,
    "program, chunked": request("/cgi-bin/hello", *CHUNKS, method="POST", body=CHUNKED) + request("/cgi-bin/hello", method="HEAD") + FILE,
    "program that sends elsewhere": request("/cgi-bin/local") + FILE + request("/cgi-bin/names") + FILE,
    "program that fails": request("/cgi-bin/bad") + FILE + request("/cgi-bin/none") + FILE,
    "hidden": request("/private/secret") + FILE + request("/app/names") + FILE + request("/app/names", "Range: bytes=2-3") + FILE,
    "tunnel": request("/app/echo", "Connection: Upgrade", "Upgrade: echo") + "hello",
}


def answer(asked):
    """What the origin says: of the path, or what it has seen."""
    def echo(sock):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while data := sock.recv(65536):
            sock.sendall(data.upper())
    told = "\n".join([asked.line] + sorted("%s: %s" % field for field in asked.fields)).encode()
    known = {
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"" if asked.method == "HEAD" else b"5\r\nhello\r\n3;x\r\n, x\r\n0\r\nX: y\r\n\r\n"),
        "close": lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
        "large": response(b"0123456789" * 50_000),
        "204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
        "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(b"late"),
        "garbage": lambda sock: sock.sendall(b"nonsense\r\n\r\n"),
        "breaks-off": lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
        "post": response(asked.body),
        "names": response(b"", "200 OK", "X-Accel-Redirect: /private/secret", "Set-Cookie: a=b"),
        "echo": echo,
    }.get(asked.target.rsplit("/", 1)[1])
    return known or response(b"" if asked.method == "HEAD" else told, "200 OK", "X-Seen: " + asked.method)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The ports of both engines, in front of the same origin and the same files."""
    root = tmp_path_factory.mktemp("routes")
    for above in [root, *root.parents][:-1]:
        above.chmod(0o755)
    (root / "www/app/img").mkdir(parents=True)
    (root / "www/a.txt").write_bytes(b"hello\n")
    (root / "www/app/img/logo").write_bytes(b"a logo\n")
    (root / "www/private").mkdir()
    (root / "www/private/secret").write_bytes(b"a secret\n")
    (root / "cgi").mkdir()
    for name, text in PROGRAMS.items():
        (root / "cgi" / name).write_text("#!/bin/sh\n" + text + "\n")
        (root / "cgi" / name).chmod(0o755)
    origins = [Origin(answer), Origin(answer, str(root / "socket"))]
    (root / "tux.conf").write_text(CONFIG % {"root": root, "servers": ", ".join('"%s"' % one.name for one in origins)})
    servers = [Tux(root / "www", "--config", str(root / "tux.conf"), engine=engine) for engine in ("user", "kernel")]
    yield servers
    for server in servers:
        server.stop()
    for one in origins:
        one.close()


def exchange(server, pieces):
    """All that comes back, but for the time and what tells the servers apart."""
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        echoed = threading.Event()

        def send():
            try:
                for piece in pieces:
                    sock.sendall(piece)
                    if len(pieces) > 1:
                        time.sleep(0.002)
                if b"Upgrade: " in b"".join(pieces):
                    echoed.wait(20)
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        sender = threading.Thread(target=send)
        sender.start()
        got = b""
        try:
            while more := sock.recv(1 << 18):
                got += more
                if got.endswith(b"HELLO"):
                    echoed.set()
        except ConnectionResetError:
            got += b"<reset>"
        echoed.set()
        sender.join()
    got = got.replace(b"127.0.0.1:%d" % server.port, b"127.0.0.1:here")  # the host of a request that has none
    return re.sub(rb"(?<=\r\n)Date: [^\r]*", b"Date: then", got)


def unchunked(data):
    """How chunks are cut is up to the moment: the data as it is without their sizes."""
    return re.sub(rb"\r\n[0-9a-f]+\r\n(?!HTTP)", b"", data)


@pytest.mark.parametrize("name", list(CONVERSATIONS))
def test_the_same_answers(both, name):
    data = CONVERSATIONS[name].encode() + (b"" if name == "tunnel" else LAST.encode())
    for pieces in ([data], [data[:40], data[40:]], [data[i:i + 7] for i in range(0, len(data), 7)] if len(data) < 3000 else [data]):
        user, kernel = (unchunked(exchange(server, pieces)) for server in both)
        assert kernel == user
    assert user.startswith(b"HTTP/1.1 ") and b"<reset>" not in user


def test_status(both):
    """What the status tells differs, its heads do not; and the kernel engine has the files around it."""
    heads = []
    for server in both:
        with server.connect() as sock:
            assert ask(sock, "/a.txt") == (200, b"hello\n")
            sock.sendall(request("/status").encode())
            head, _, body = sock.recv(1 << 18).partition(b"\r\n\r\n")
            size = int(re.search(rb"Content-Length: (\d+)", head)[1])
            while len(body) < size:
                body += sock.recv(1 << 18)
            heads.append(re.sub(rb"((?<=\r\n)Date: |(?<=\r\n)Content-Length: |nonce-)[^\r']*", rb"\1x", head))
            assert ask(sock, "/a.txt") == (200, b"hello\n")
    assert heads[0] == heads[1] and heads[0].startswith(b"HTTP/1.1 200 ")


def ask(sock, target):
    """One answer with Content-Length: its status and body."""
    sock.sendall(request(target).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(re.search(rb"Content-Length: (\d+)", head)[1])
    while len(body) < size:
        body += sock.recv(65536)
    return int(head.split()[1]), body


def test_a_connection_comes_back(both):
    """Behind an answer of the upstream the connection is the kernel engine's again: the program has none that is open."""
    kernel = both[1]
    fds = f"/proc/{kernel.pid}/fd"

    def open_here():
        """The ends of this connection that the program holds."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file][1:]
        mine = {line[9] for line in lines if line[1].endswith(f":{kernel.port:04X}") and line[2].endswith(f":{port:04X}")}
        found = set()
        for fd in os.listdir(fds):
            try:
                found.add(os.readlink(f"{fds}/{fd}"))
            except OSError:
                pass
        return {inode for inode in mine if f"socket:[{inode}]" in found}
    with kernel.connect() as sock:
        port = sock.getsockname()[1]
        for _ in range(20):
            assert ask(sock, "/a.txt") == (200, b"hello\n")
            assert ask(sock, "/app/a")[0] == 200
            until = time.monotonic() + 5
            while open_here():
                assert time.monotonic() < until, "the program keeps it"
                time.sleep(0.01)


def test_many_at_once(both):
    """Files and upstream by turns on connections of their own: each gets its own answers."""
    wrong = []

    def run(seed):
        try:
            with both[1].connect() as sock:
                for i in range(25):
                    if ask(sock, "/a.txt") != (200, b"hello\n") or f"GET /app/{seed}-{i} ".encode() not in ask(sock, f"/app/{seed}-{i}")[1]:
                        wrong.append((seed, i))
        except (OSError, TypeError) as error:
            wrong.append((seed, error))
    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", ["nginx", "apache", "lighttpd"])
def test_in_front_of(name, tmp_path):
    """Servers of Debian's as they come."""
    for above in [tmp_path, *tmp_path.parents][:-1]:
        above.chmod(0o755)
    backend = Backend(name, tmp_path / name)
    os.utime(tmp_path / name / "www/app/a.txt", (1_000_000_000, 1_000_000_000))  # Apache's tags of new files are weak for a second
    (tmp_path / "www").mkdir()
    (tmp_path / "www/a.txt").write_bytes(b"hello\n")
    (tmp_path / "tux.conf").write_text('upstream app { server "127.0.0.1:%d" }\nroute "/app/" { upstream app }\n' % backend.port)
    time.sleep(0.05)
    asked = FILE.join([request("/app/a.txt"), request("/app/a.txt", method="HEAD"), request("/app/none"),
                       request("/app/a.txt", "Range: bytes=1-2"), request("/app/a.txt", method="POST", body="hello"), LAST]).encode()
    got = []
    for engine in ("user", "kernel"):
        server = Tux(tmp_path / "www", "--config", str(tmp_path / "tux.conf"), engine=engine)
        got.append(unchunked(exchange(server, [asked])))
        server.stop()
    backend.stop()
    assert got[0] == got[1]
    assert got[0].count(b"the app's\n") >= 1 and got[0].count(b"hello\n") == 6
