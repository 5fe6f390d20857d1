# SPDX-License-Identifier: GPL-2.0-or-later
"""Several hosts and listeners, with rules about fields: the kernel engine answers for each as the user engine does, and as it should."""
import json
import os
import pathlib
import socket
import time

import pytest

import abi
from conftest import Tux, age, answer, ask, free_port
from test_engines import exchange, settled

LONG = "x" * 3000
CONFIG = """
log "%(place)s/%(engine)s.log"
log-format json
header { add "X-Top: 1"; remove "Server" }
cache-control "max-age=1"
host "a.example" {
	root "%(place)s/a"
	name ["www.a.example", "*.a.test"]
	header { set "X-Top: a"; remove [ "ETag", "Last-Modified" ] }
	route "/assets/" { static on; cache-control "max-age=31536000, immutable"; header { add "X-Route: 1"; remove "Accept-Ranges" } }
	route "=/plain" { static on }
	route "/moved/" { redirect "/*" }
}
host "b.example" { root "%(place)s/b"; default on; listen "127.0.0.1:%(one)d"; header { add "X-Long: %(long)s" } }
host "*.b.example" { root "%(place)s/c"; listen [ "127.0.0.1:%(one)d", "127.0.0.1:%(two)d" ]; dotfiles on; index "start.html"; log off }
host "modes" { root "%(place)s/a"; listen "127.0.0.1:%(two)d"; mode-allowed 0100; mode-forbidden 0002 }
host "content" { root "%(place)s/a"; etag content }
host "*.found" { root "%(place)s/found/%%h" }
"""


def put(path, text, mode=0o644):
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("hosts")
    for above in [place, *place.parents][:-1]:
        above.chmod(0o755)
    for host in "abc":
        put(place / host / "index.html", f"<p>{host}\n")
        put(place / host / "same.txt", host)
        put(place / host / "assets/x.css", f"/* {host} */")
        put(place / host / ".dot", f"dot of {host}")
    (place / "found").mkdir()
    (place / "found").chmod(0o755)
    for host in ("one.found", "two.found"):
        put(place / "found" / host / "index.html", f"<p>{host}\n")
        put(place / "found" / host / "same.txt", host)
    put(place / "a/plain", "plain")
    put(place / "c/start.html", "start")
    put(place / "a/run", "run", 0o755)
    put(place / "a/open", "open", 0o757)
    put(place / "a/hidden", "hidden", 0o600)
    age(place)
    return place


def server_of(config, engine, *ports):
    """The engine with a configuration; .ports are those of its listeners."""
    server = Tux(None, "--config", str(config), engine=engine)
    server.ports = ports
    return server


@pytest.fixture(scope="module")
def both(place):
    servers = []
    for engine in ("user", "kernel"):
        ports = free_port(), free_port()
        config = place / f"{engine}.conf"
        config.write_text(CONFIG % {"place": place, "engine": engine, "one": ports[0], "two": ports[1], "long": LONG})
        servers.append(server_of(config, engine, *ports))
    yield servers
    for server in servers:
        server.stop()


HOSTS = ["a.example", "A.Example:80", "www.a.example", "x.y.a.test", "a.test", "b.example.", "x.b.example", "modes", "content", "One.found", "two.found", "three.found",
         "nobody", ""]
TARGETS = ["/", "/same.txt", "/assets/x.css", "/plain", "/.dot", "/run", "/open", "/hidden", "/missing", "/moved/same.txt", "/assets", "/index.html"]
FIELDS = ["", "Range: bytes=1-2\r\n", "If-Modified-Since: Tue, 24 Nov 2037 00:00:00 GMT\r\n", "Range: bytes=99-\r\n", "Connection: close\r\n"]


@pytest.mark.parametrize("listener", [0, 1])
@pytest.mark.parametrize("host", HOSTS)
def test_same_bytes(both, host, listener):
    """Each host at each listener, twice: the second time from the cache. One connection, so that what is handed up comes back."""
    requests = [f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()
                for target in TARGETS for method in ("GET", "HEAD") for fields in FIELDS[:-1]] * 2
    requests += [f"GET {target} HTTP/1.{minor}\r\nHost: {host}\r\n{fields}\r\n".encode() for target in TARGETS[:4] for fields in FIELDS
                 for minor in (0, 1)]
    for at in range(0, 2 * len(TARGETS) * 8, 16):
        pieces = requests[at:at + 16]
        user, kernel = (settled(exchange(server.ports[listener], pieces)) for server in both)
        assert kernel == user and user.count(b"HTTP/1.1 ") == 16, pieces
    for request in requests[2 * len(TARGETS) * 8:]:
        user, kernel = (settled(exchange(server.ports[listener], [request])) for server in both)
        assert kernel == user, request


def head_of(port, host, target, *fields):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        lines = "".join(field + "\r\n" for field in fields)
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n".encode())
        data = b""
        while more := sock.recv(1 << 16):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), [line for line in lines if not line.startswith(("Date:", "Content-", "Connection:"))], body


@pytest.mark.parametrize("listener,host,target,body,fields", [
    (0, "a.example", "/same.txt", b"a", None), (0, "x.b.example", "/same.txt", b"c", None), (0, "x", "/same.txt", b"b", None),
    (1, "x.b.example", "/same.txt", b"c", None), (1, "b.example", "/same.txt", b"a", None), (1, "modes", "/run", b"run", None),
    (0, "one.found", "/same.txt", b"one.found", None), (1, "TWO.found:80", "/same.txt", b"two.found", None),
    (0, "three.found", "/same.txt", b"b", None), (1, "..found", "/same.txt", b"a", None),
    (0, "b.example", "/same.txt", b"b", ["X-Top: 1", "X-Long: " + LONG, "Cache-Control: max-age=1"]),
    (1, "x.b.example", "/.dot", b"dot of c", ["X-Top: 1", "Cache-Control: max-age=1"])])
def test_the_host_that_was_meant(both, listener, host, target, body, fields):
    """
    By name and listener: a host that says none is on all, and the first one there is for all other names. A pattern's directories
    are hosts. The fields are the host's, without what it removes.
    """
    for server in both:
        for _ in range(2):
            status, lines, found = head_of(server.ports[listener], host, target)
            assert (status, found) == (200, body)
            assert not any(line.startswith("Server:") for line in lines)
            if fields:
                assert [line for line in lines if not line.startswith(("ETag", "Last-Modified", "Accept-Ranges"))] == fields




class Hosts:
    """An instance of three hosts at two listeners, and what is asked of it."""

    def __init__(self, place, **changes):
        self.instance = abi.Instance()
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        names = [(b"one", 0, 1), (b"two", 1, 3), (b".dots", 2, 2)]
        table, text = abi.name_table(names)
        self.instance.hello()
        said = {"routes": abi.route(5, 4, handler=4, exact=1) + abi.route(0, 5), "text": b"/own//cgi",
                "route_fields": [{}, {"lines": b"X: route\r\n", "omit": abi.OMIT_SERVER}], "fields": {"lines": b"X: one\r\n"}, **changes}
        self.instance.setup(str(place / "a"), [(str(place / "b"), {"fields": {"lines": b"X: two\r\nY: z\r\n"}}),
                                               (str(place / "c"), {"flags": abi.DOT_FILES})],
                            names=table, name_text=text, fallbacks=[0, 1], **said)
        for number, listener in enumerate(self.listeners):
            self.instance.listen(listener, number)
        self.instance.lend(2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instance.close()
        for listener in self.listeners:
            listener.close()

    def port(self, listener):
        return self.listeners[listener].getsockname()[1]

    def taken(self):
        until = time.monotonic() + 5
        while True:
            assert time.monotonic() < until
            try:
                return self.instance.take_all()
            except BlockingIOError:
                time.sleep(0.005)


@pytest.fixture(scope="module")
def own(place):
    put(place / "a/own/x.txt", "own")
    age(place)
    return place


@pytest.mark.parametrize("listener,host,target,body,fields", [
    (0, "one", "/same.txt", b"a", ["X: one"]), (1, "one", "/same.txt", b"b", ["X: two", "Y: z"]), (0, "two", "/same.txt", b"b", ["X: two", "Y: z"]),
    (1, "TWO:1", "/same.txt", b"b", ["X: two", "Y: z"]), (1, "x.dots", "/same.txt", b"c", []), (1, "x.y.dots.", "/.dot", b"dot of c", []),
    (0, "x.dots", "/same.txt", b"a", ["X: one"]), (0, "one", "/own/x.txt", b"own", ["X: route"])])
def test_the_kernel_engine_itself_answers(own, listener, host, target, body, fields):
    """No program is there that could: the hosts, their fields and their routes' are the module's own work."""
    with Hosts(own) as hosts:
        for _ in range(3):
            status, lines, found = head_of(hosts.port(listener), host, target)
            assert (status, found) == (200, body)
            assert [line for line in lines if line[:2] in ("X:", "Y:")] == fields
            assert ("Server: tux" in lines) == ("X: route" not in lines)
        for fields_of, expected in ((["Range: bytes=0-0"], 206), (["If-None-Match: *"], 304)):
            status, lines, _ = head_of(hosts.port(listener), host, target, *fields_of)
            assert status == expected
            assert [line for line in lines if line[:2] in ("X:", "Y:")] == fields
        with pytest.raises(BlockingIOError):
            hosts.instance.take()


def test_one_path_of_all_hosts_on_one_connection(own):
    with Hosts(own) as hosts, socket.create_connection(("127.0.0.1", hosts.port(0)), timeout=10) as sock:
        for _ in range(50):
            for host, body in ((b"one", b"a"), (b"two", b"b"), (b"x", b"a")):
                sock.sendall(b"GET /same.txt HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
                assert answer(sock) == (200, body)


@pytest.mark.parametrize("listener,host,target,reason", [
    (0, "one", "/.dot", abi.TARGET), (0, "one", "/cgi", abi.ROUTE), (1, "one", "/cgi", abi.MISSING), (0, "two", "/cgi", abi.MISSING),
    (1, "x.dots", "/none", abi.MISSING), (0, "one", "/hidden", abi.ABSENT)])
def test_what_is_handed_up_says_where_it_came_in(own, listener, host, target, reason):
    """And goes on with the same listener when it is given back."""
    with Hosts(own) as hosts, socket.create_connection(("127.0.0.1", hosts.port(listener)), timeout=10) as sock:
        for _ in range(2):
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            (fd, why, number), = hosts.taken()
            assert (why, number) == (reason, listener)
            with socket.socket(fileno=fd) as taken:
                taken.recv(1000)
                taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert sock.recv(1000).startswith(b"HTTP/1.1 204")
                hosts.instance.adopt(taken, number)
            assert ask(sock, "/same.txt") == (200, b"ab"[listener:listener + 1])


def test_modes(own):
    """A file is served that has one of the bits that are wanted and none that is forbidden; a change of its mode shows."""
    for changes, mode, served in (({"allowed": 0}, 0o600, True), ({}, 0o640, False), ({"allowed": 0o100}, 0o700, True),
                                  ({"allowed": 0, "forbidden": 0o1}, 0o645, False), ({"forbidden": 0o2}, 0o646, False),
                                  ({"forbidden": 0o2}, 0o644, True)):
        put(own / "a/mode", "mode", mode)
        time.sleep(0.05)
        with Hosts(own, **changes) as hosts, socket.create_connection(("127.0.0.1", hosts.port(0)), timeout=10) as sock:
            sock.sendall(b"GET /mode HTTP/1.1\r\nHost: one\r\n\r\n")
            if served:
                assert answer(sock) == (200, b"mode"), (changes, mode)
            else:
                (fd, why, _), = hosts.taken()
                os.close(fd)
                assert why == abi.ABSENT, (changes, mode)


def test_logs(place, tmp_path):
    """A record says whose it is: each host's requests are in its own log, whichever engine answered."""
    tmp_path.chmod(0o755)
    port = free_port()
    config = tmp_path / "tux.conf"
    config.write_text(f'listen "127.0.0.1:{port}"\nlog-format json\n' + "".join(
        f'host "{host}.example" {{ root "{place}/{host}"; log "{tmp_path}/{host}.log" }}\n' for host in "abc"))
    server = server_of(config, "kernel", port)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        for host in "abcab":
            for target, status in (("/same.txt", 200), ("/missing", 404)):
                sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}.example\r\n\r\n".encode())
                assert answer(sock)[0] == status
    server.stop()
    for host, count in (("a", 2), ("b", 2), ("c", 1)):
        lines = [json.loads(line) for line in pathlib.Path(f"{tmp_path}/{host}.log").read_text().splitlines()]
        assert sorted((line["host"], line["status"]) for line in lines) == sorted([(f"{host}.example", 200), (f"{host}.example", 404)] * count)
