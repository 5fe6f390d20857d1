# SPDX-License-Identifier: GPL-2.0-or-later
"""The same bytes from both engines, for requests of every kind and however they arrive; and the same access records."""
import concurrent.futures
import os
import random
import re
import socket
import time

import pytest

from conftest import Tux

METHODS = ["GET"] * 12 + ["HEAD"] * 4 + ["POST", "OPTIONS", "DELETE", "BREW", "get", "CONNECT", "TRACE"]
TARGETS = ["/a.txt"] * 6 + ["/", "/big", "/sub/", "/sub", "/missing", "/.hidden", "/a.txt?query", "/%61.txt", "/sub/../a.txt", "/sub/./x.html",
           "//a.txt", "/a%00", "/%2e%2e/", "*", "http://x/a.txt", "http://x", "x", "/empty", "/link.txt", "/sub/x.html", "/closed.txt",
           "/a.txt/", "/a.txt%2f", "/a b", "/" + "a" * 300, "/" + "b" * 9000]
FIELDS = ["Connection: close", "Connection: keep-alive", "Connection: x, close", "Range: bytes=0-1", "Range: bytes=2-", "Range: bytes=-3",
          "Range: bytes=0-0,2-3", "Range: bytes=9999999-", "Range: lines=1", "If-None-Match: *", "If-None-Match: \"x\"", "If-Match: *",
          "If-Match: \"x\"", "If-Modified-Since: Tue, 24 Nov 2037 00:00:00 GMT", "If-Modified-Since: Tue, 24 Nov 1998 00:00:00 GMT",
          "If-Unmodified-Since: Tue, 24 Nov 1998 00:00:00 GMT", "If-Range: \"x\"", "Accept-Encoding: gzip", "Accept-Encoding: br;q=0, gzip",
          "Accept: application/json", "Expect: 100-continue", "Expect: x", "Content-Length: 0", "X: y", "Host: again", "User-Agent: test",
          "Referer: http://x/", "Bad : field", " folded", "Bad\x01: x", "X: \x01", "Transfer-Encoding: x", "X: " + "y" * 2000]


def one(chance):
    """A request, mostly right; and its body."""
    version = chance.choice(["HTTP/1.1"] * 12 + ["HTTP/1.0"] * 3 + ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9"])
    method, target = chance.choice(METHODS), chance.choice(TARGETS)
    lines = [f"{method} {target} {version}"]
    if chance.random() < 0.93:
        lines.append("Host: x")
    lines += chance.sample(FIELDS, chance.choice([0, 0, 0, 1, 1, 2, 3]))
    body = b""
    if chance.random() < 0.05:
        body = b"0123456789"
        lines.append("Content-Length: 10")
    elif chance.random() < 0.03:
        body = b"3\r\nabc\r\n0\r\n\r\n"
        lines.append("Transfer-Encoding: chunked")
    data = "\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + body
    if chance.random() < 0.02:
        at = chance.randrange(len(data))
        data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1:]
    return data


def exchange(port, pieces):
    """All that comes back for these pieces, until the server closes. The end of ours is told by closing our side."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
                if len(pieces) > 1:
                    time.sleep(0.0005)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while more := sock.recv(1 << 18):
                got += more
        except ConnectionResetError:
            got += b"<reset>"
        return got


def settled(data):
    return re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: then", data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    for above in [root, *root.parents][:-1]:
        above.chmod(0o755)
    (root / "a.txt").write_bytes(b"hello\n")
    (root / "index.html").write_bytes(b"<p>index\n")
    (root / "empty").write_bytes(b"")
    (root / "big").write_bytes(os.urandom(150_000))
    (root / "closed.txt").write_bytes(b"closed")
    (root / "closed.txt").chmod(0o600)
    (root / ".hidden").write_bytes(b"hidden")
    (root / "sub").mkdir()
    (root / "sub/index.html").write_bytes(b"<p>sub\n")
    (root / "sub/x.html").write_bytes(b"<p>x\n")
    time.sleep(0.05)
    (root / "sub/x.html.gz").write_bytes(b"packed")
    os.symlink("a.txt", root / "link.txt")
    time.sleep(0.05)
    return root


@pytest.fixture(scope="module")
def both(site):
    user, kernel = Tux(site, engine="user"), Tux(site, engine="kernel")
    yield user.port, kernel.port
    user.stop()
    kernel.stop()


def test_same_bytes(both):
    """Requests of every kind, alone and pipelined, in one piece and in several."""
    count = int(os.environ.get("TUX_REQUESTS", "10000"))
    chance = random.Random(int(os.environ.get("TUX_SEED", "4")))
    done = 0
    side_by_side = concurrent.futures.ThreadPoolExecutor(2)
    while done < count:
        requests = [one(chance) for _ in range(chance.choice([1, 1, 1, 2, 3, 8]))]
        data = b"".join(requests)
        done += len(requests)
        pieces = [data]
        if chance.random() < 0.5:
            cuts = sorted(chance.randrange(len(data)) for _ in range(chance.randrange(1, 4)))
            pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)]) if end > start]
        answers = [settled(answer) for answer in side_by_side.map(exchange, both, [pieces] * 2)]
        if b"<reset>" not in answers[0] + answers[1]:
            assert answers[1] == answers[0], pieces


@pytest.mark.parametrize("data", [b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /missing HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                  b"\r\nHEAD /big HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /sub/x.html HTTP/1.1\r\nHost: x\r\n"
                                  b"Accept-Encoding: gzip\r\n\r\n"])
def test_split_at_every_byte(both, data):
    expected = settled(exchange(both[0], [data]))
    for at in range(1, len(data)):
        assert settled(exchange(both[1], [data[:at], data[at:]])) == expected, at
    assert settled(exchange(both[1], [data[i:i + 1] for i in range(len(data))])) == expected


def test_same_records(site):
    """The access log, line for line, but for the times."""
    logs = []
    for engine in ("user", "kernel"):
        path = f"/tmp/log-{engine}"
        server = Tux(site, engine=engine, log=path)
        chance = random.Random(7)
        for _ in range(150):
            exchange(server.port, [one(chance)])
        server.stop()
        with open(path, encoding="latin1") as file:
            logs.append(sorted(re.sub(r"\[[^]]*\]", "[then]", line) for line in file))
        os.unlink(path)
    assert len(logs[0]) > 120
    assert logs[1] == logs[0]
