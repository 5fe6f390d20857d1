# SPDX-License-Identifier: GPL-2.0-or-later
"""The host that upstream servers and CGI programs get, if the request has none or one with a zone, port or final dot."""
import os
import socket

import pytest

from test_config import written
from upstreams import Origin, response

SCRIPT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"$SERVER_NAME\"\n"
CONFIG = """
log off
cgi names { root "%s/cgi" }
upstream app { server "127.0.0.1:%d" }
route "/cgi/" { cgi names }
route "/" { upstream app }
%s
"""


def host_of(request):
    return [line.split(b": ", 1)[1] for line in request.head.split(b"\r\n") if line.lower().startswith(b"host:")]


@pytest.fixture(params=["uring", "epoll"])
def served(request, place, tux):
    """served(hosts): (server, hosts that the upstream server received)."""
    os.mkdir(os.path.join(place, "cgi"))
    os.chmod(os.path.join(place, "cgi"), 0o755)
    path = os.path.join(place, "cgi", "name")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    os.chmod(path, 0o755)
    hosts = []

    def answer(got):
        if got.target.endswith("/a"):  # not the fixture's request at the start
            hosts.extend(host_of(got))
        return response(b"ok")

    def start(more="", *options):
        origin = Origin(answer)
        server = tux(place, "--config", written(place, CONFIG % (place, origin.port, more)), "--engine", request.param, *options)
        return server, hosts
    return start


def ask(server, head):
    with server.connect() as conn:
        conn.send(head)
        found = conn.response("GET")
        assert found.status == 200
        return found.body


def test_no_host_is_the_name_of_the_site(served):
    """RFC 9112 3.2: a request of HTTP/1.1 has a Host; nginx, lighttpd and Apache refuse an empty one."""
    server, hosts = served('host "*.example.org" { name ["www.example.org"] }')
    port = ":%d" % server.port
    ask(server, "GET /a HTTP/1.0\r\n\r\n")
    ask(server, "GET /a HTTP/1.1\r\nHost:\r\n\r\n")
    ask(server, "GET /a HTTP/1.0\r\nHost: said.example\r\n\r\n")
    assert hosts == [b"www.example.org" + port.encode()] * 2 + [b"said.example"]
    assert ask(server, "GET /cgi/name HTTP/1.0\r\n\r\n") == b"www.example.org"


def test_no_host_and_no_name_is_the_local_address(served):
    server, hosts = served()
    ask(server, "GET /a HTTP/1.0\r\n\r\n")
    assert hosts == [b"127.0.0.1:%d" % server.port]
    assert ask(server, "GET /cgi/name HTTP/1.0\r\n\r\n") == b"127.0.0.1"


def test_no_host_on_ipv6_is_an_address_in_brackets(served):
    """RFC 3986 3.2.2, RFC 3875 4.1.14"""
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        port = sock.getsockname()[1]
    server, hosts = served("", "--listen", "[::1]:%d" % port)
    with socket.create_connection(("::1", port), 10) as sock:
        sock.sendall(b"GET /a HTTP/1.0\r\n\r\n")
        assert b"200 OK" in sock.recv(4096)
    with socket.create_connection(("::1", port), 10) as sock:
        sock.sendall(b"GET /cgi/name HTTP/1.0\r\n\r\n")
        got = b""
        while chunk := sock.recv(4096):
            got += chunk
    assert got.endswith(b"\r\n\r\n[::1]")
    assert hosts == [b"[::1]:%d" % port]


@pytest.mark.parametrize("zone", ["%25eth0", "%eth0", "%25en%2D1"])
def test_zone_of_an_ipv6_address_is_ignored(served, zone):
    """RFC 6874 4: the zone names an interface of the client, and has a meaning only there."""
    server, hosts = served('host "site.example" { }')
    ask(server, "GET /a HTTP/1.1\r\nHost: [fe80::1%s]:8080\r\n\r\n" % zone)
    ask(server, "GET http://[fe80::1%s]/a HTTP/1.1\r\nHost: other\r\n\r\n" % zone)
    assert hosts == [b"site.example:%d" % server.port] * 2


@pytest.mark.parametrize("host", ["[fe80::1%]", "[%eth0]", "[fe80::1%a b]", "[fe80::1%a]x", "[fe80::1%25\"]"])
def test_malformed_zone_is_400(served, host):
    server, _ = served()
    with server.connect() as conn:
        conn.send("GET /a HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
        assert conn.response("GET").status == 400


@pytest.mark.parametrize("host, name", [("Example.org.", b"Example.org"), ("example.org.:80", b"example.org"), ("[::1]:80", b"[::1]"),
                                        ("127.0.0.1", b"127.0.0.1")])
def test_server_name_has_no_port_and_no_final_dot(served, host, name):
    """RFC 3875 4.1.14"""
    server, _ = served()
    assert ask(server, "GET /cgi/name HTTP/1.1\r\nHost: %s\r\n\r\n" % host) == name
