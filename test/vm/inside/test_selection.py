# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are programs, modules or another server's: the kernel engine never sends one, and hands up what may be for one."""
import os
import socket
import time

import pytest

import abi
from conftest import Tux, ask, free_port
from test_engines import settled
from test_hosts import Hosts, put, server_of

CGI, MODULE, REDIRECT = 2, 3, 1  # enum tux_file_handler
SOURCE = "#!/bin/sh\n# the source\nprintf 'Content-Type: text/plain\\n\\nran %s ' \"$REQUEST_METHOD\"\nexec cat\n"
TYPES = abi.file_type(b"cgi", CGI) + abi.file_type(b"tux", MODULE) + abi.file_type(b"php", REDIRECT)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("selection")
    for above in [place, *place.parents][:-1]:
        above.chmod(0o755)
    for host in "abc":
        put(place / host / "same.txt", host)
    for name in ("run.cgi", "Other.CGI", "demo.tux", "app.php", "page.gz", "a.cgi.txt"):
        put(place / "a" / name, SOURCE, 0o755)
    for name in ("theirs.cgi", "theirs.tux"):
        put(place / "a" / name, SOURCE, 0o755)
        os.chown(place / "a" / name, 65534, 65534)
    put(place / "a/page", "plain")
    put(place / "a/later", SOURCE)
    put(place / "a/sub/index.cgi", SOURCE, 0o755)
    time.sleep(0.05)
    return place


@pytest.mark.parametrize("request_line,reason", [
    ("GET /run.cgi", abi.ABSENT), ("GET /Other.CGI", abi.ABSENT), ("GET /demo.tux", abi.ABSENT), ("GET /theirs.cgi", abi.ABSENT),
    ("GET /app.php", abi.PREFIX), ("HEAD /run.cgi", abi.ABSENT), ("GET /sub/", abi.ABSENT), ("POST /same.txt", abi.ROUTE), ("GET /none.cgi", abi.MISSING)])
def test_it_is_handed_up_unread(place, request_line, reason):
    with Hosts(place, types=TYPES, index=["index.cgi"]) as hosts, socket.create_connection(("127.0.0.1", hosts.port(0)), timeout=10) as sock:
        for _ in range(2):
            assert ask(sock, "/same.txt") == (200, b"a") and ask(sock, "/a.cgi.txt")[0] == 200
            request = f"{request_line} HTTP/1.1\r\nHost: one\r\n\r\n".encode()
            sock.sendall(request)
            (fd, why, number), = hosts.taken()
            with socket.socket(fileno=fd) as taken:
                assert (why, taken.recv(1000)) == (reason, request)
                hosts.instance.adopt(taken, number)


@pytest.mark.parametrize("changes", [{"mode_cgi": 0o100}, {"mode_module": 0o110}])
def test_a_file_that_becomes_a_program(place, changes):
    """It is in the cache, and not sent from there."""
    path = place / "a/later"
    with Hosts(place, **changes) as hosts, socket.create_connection(("127.0.0.1", hosts.port(0)), timeout=10) as sock:
        for _ in range(3):
            path.chmod(0o644)
            time.sleep(0.05)
            assert ask(sock, "/later") == (200, SOURCE.encode()) == ask(sock, "/later")
            path.chmod(0o755)
            sock.sendall(b"GET /later HTTP/1.1\r\nHost: one\r\n\r\n")
            (fd, why, number), = hosts.taken()
            with socket.socket(fileno=fd) as taken:
                assert why == abi.ABSENT and taken.recv(1000).startswith(b"GET /later ")
                hosts.instance.adopt(taken, number)
    path.chmod(0o644)


@pytest.mark.parametrize("wrong", [{"types": abi.file_type(b"cgi", 0)}, {"types": abi.file_type(b"cgi", 4)}, {"types": abi.file_type(b"x" * 15, CGI)},
                                   {"types": TYPES, "type_count": 65}, {"mode_cgi": 0o10000}, {"mode_module": 0o10000}])
def test_what_is_no_selection(place, wrong):
    with abi.Instance() as instance:
        instance.hello()
        with pytest.raises(OSError):
            instance.setup(str(place / "a"), **wrong)


def test_a_route_to_a_module_is_handed_up(place):
    routes, text = abi.route(5, 1, 4, handler=7) + abi.route(0, 5, handler=7, link=1, depth=2), b"/same/.txt"
    with Hosts(place, routes=routes, text=text, route_fields=[]) as hosts:
        for request in (b"GET /same.txt HTTP/1.1\r\nHost: one\r\n\r\n", b"PUT /a.txt HTTP/1.1\r\nHost: one\r\nContent-Length: 1\r\n\r\nx"):
            with socket.create_connection(("127.0.0.1", hosts.port(0)), timeout=10) as sock:
                sock.sendall(request)
                (fd, why, _), = hosts.taken()
                with socket.socket(fileno=fd) as taken:
                    assert (why, taken.recv(1000)) == (abi.ROUTE, request)


def told(port, request):
    """The answer to a request, whose connection ends behind it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request)
        data = b""
        while more := sock.recv(1 << 16):
            data += more
    return data


def test_what_is_another_servers_is_handed_over(place):
    """The connection itself is, request unread; what may be for a program comes up, whatever its method."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = Tux(place / "a", "--types", "TUX/redirect=php", "--types", "TUX/CGI=cgi", "--handover", str(other.getsockname()[1]))
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
                assert ask(sock, "/same.txt") == (200, b"a")
                request = b"GET /app.php?a HTTP/1.1\r\nHost: x\r\n\r\n"
                sock.sendall(request)
                other.settimeout(10)
                got, peer = other.accept()
                with got:
                    assert got.recv(1000) == request and peer == sock.getsockname()
                    got.sendall(b"theirs")
                assert sock.recv(100) == b"theirs"
            ran = told(server.port, b"POST /run.cgi HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
            assert ran.startswith(b"HTTP/1.1 200") and ran.endswith(b"ran POST abc")
            assert told(server.port, b"GET /theirs.cgi HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 403")
        finally:
            server.stop()


def test_same_bytes(place):
    """With the program behind it the kernel engine answers as the user engine does, and the source is in no answer but that of a file."""
    servers = []
    for engine in ("user", "kernel"):
        port = free_port()
        config = place / f"{engine}.conf"
        config.write_text(f'log off\nroot "{place}/a"\nlisten "127.0.0.1:{port}"\nindex index.cgi\ntypes [ "TUX/CGI=cgi", "TUX/module=tux", "TUX/redirect=php" ]\n'
                          "mode-cgi 0100\n")
        servers.append(server_of(config, engine, port))
    try:
        for target in ("/run.cgi", "/Other.CGI", "/demo.tux", "/theirs.cgi", "/theirs.tux", "/app.php", "/same.txt", "/sub/", "/page", "/page.gz", "/later", "/none.cgi"):
            for head, body in (("GET", b""), ("HEAD", b""), ("POST", b"abc"), ("DELETE", b"")):
                length = f"Content-Length: {len(body)}\r\n" if body else ""
                request = f"{head} {target} HTTP/1.0\r\nHost: x\r\nAccept-Encoding: gzip\r\n{length}\r\n".encode() + body
                found = []
                for server in servers:  # the end of ours is not told: a program is given up when its client goes
                    found.append(settled(told(server.ports[0], request)))
                assert found[0] == found[1], (head, target)
                assert target == "/later" or b"the source" not in found[1], target
    finally:
        for server in servers:
            server.stop()
