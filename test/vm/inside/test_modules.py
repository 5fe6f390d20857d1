# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules in user space with both engines: the kernel engine hands their requests up with bytes unread, and gets the connection back."""
import pathlib

import pytest

from conftest import Counts, Tux, same_again
from test_routes import exchange, request, unchunked

MODULES = pathlib.Path("/user-modules")  # test/vm/check builds them
HOSTS = {"inline": "", "pooled": "threads 2", "isolated": "isolate on"}
FILE = request("/a.txt")
LAST = request("/a.txt", "Connection: close")
CHUNKED = "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n"

# Bytes that are sent on one connection, in one piece; AT is the host of the module.
CONVERSATIONS = {
    "waits": request("/AT/after?2,5") + FILE + request("/AT/after?0,0", method="HEAD") + FILE,
    "thread": request("/AT/thread?100000") + FILE + request("/AT/thread?10,0,10") + FILE,
    "stream": request("/AT/pump?300000") + FILE + request("/AT/pump?300000,0,300000") + request("/AT/pump?5", method="HEAD") + FILE,
    "file": request("/AT/file?0:/big") + FILE + request("/AT/file?1000:/a.txt") + request("/AT/file-copy?0:/a.txt") + FILE,
    "pipelined": FILE + request("/AT/after?1,1") + FILE * 2 + request("/AT/pump?70000") + request("/AT/ready") + FILE,
    "post": request("/AT-bodies/echo", method="POST", body="hello") + request("/AT-bodies/echo", method="PUT", body="x" * 100_000) + FILE,
    "chunked": request("/AT-bodies/echo", "Transfer-Encoding: chunked", method="POST", body=CHUNKED) + FILE,
    "expected": request("/AT-bodies/echo", "Expect: 100-continue", method="POST", body="hello") + FILE,
    "not there": request("/AT/none") + FILE + request("/AT/declines") + FILE,
    "old": "GET /AT/pump?1000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The two engines, in front of the same files, with the same modules."""
    root = tmp_path_factory.mktemp("modules")
    for above in [root, *root.parents][:-1]:
        above.chmod(0o755)
    (root / "www").mkdir()
    (root / "www/a.txt").write_bytes(b"hello\n")
    (root / "www/big").write_bytes(b"0123456789" * 100_000)
    lines = ["threads 1"]
    for host, more in HOSTS.items():
        lines.append('module %s { file "%s"; %s }' % (host, MODULES / "streams.so", more))
        lines.append('module %s-bodies { file "%s"; %s }' % (host, MODULES / "bodies.so", more))
        lines += ['route "/%s/" { module %s }' % (host, host), 'route "/%s-bodies/" { module %s-bodies }' % (host, host)]
    (root / "tux.conf").write_text("\n".join(lines) + "\n")
    servers = [Tux(root / "www", "--config", str(root / "tux.conf"), engine=engine) for engine in ("user", "kernel")]
    yield servers
    for server in servers:
        server.stop()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", list(CONVERSATIONS))
def test_the_same_answers(both, name, host):
    data = CONVERSATIONS[name].replace("/AT", "/" + host).encode() + (b"" if name == "old" else LAST.encode())
    for pieces in ([data], [data[:40], data[40:]], [data[i:i + 7] for i in range(0, len(data), 7)] if len(data) < 1000 else [data]):
        user, kernel = (unchunked(exchange(server, pieces)) for server in both)
        assert kernel == user
    assert user.startswith(b"HTTP/1.1 ") and b"<reset>" not in user and b" 502 " not in user and b" 503 " not in user


@pytest.mark.parametrize("host", HOSTS)
def test_clients_that_leave(both, host):
    """At any point of a request that was handed up: nothing is kept."""
    _, server = both
    before = Counts()
    for number in range(30):
        with server.connect() as sock:
            sock.sendall((FILE + request("/%s/pump?1000000" % host) + FILE + request("/%s/after?1,60000" % host)).encode())
            if number % 2:
                sock.recv(1000)
    same_again(before)
    assert server.get("/a.txt") == (200, b"hello\n")
