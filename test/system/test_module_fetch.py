# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests of modules to upstreams: modules/fetcher.c does what the target says."""
import errno
import os
import re
import urllib.parse

import pytest

import client
from hosted import source
from tools import free_port
from upstreams import Origin, Strict, response


@pytest.fixture
def fetcher(build):
    return build(source("fetcher"))


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux, fetcher):
    """serve(upstream block, more): TUX with the module at /f/, in threads of its own at /p/, and isolated at /i/ and /t/."""
    def start(servers, more="", **options):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
                upstream origin { %s }
                module fetcher { file "%s"; timeout 1 }
                module pooled { file "%s"; threads 2 }
                module isolated { file "%s"; isolate on; memory 0; timeout 1 }
                module threaded { file "%s"; isolate on; memory 0; threads 2 }
                route "/f/" { module fetcher }
                route "/p/" { module pooled }
                route "/i/" { module isolated }
                route "/t/" { module threaded }
                route "=/status" { status on }
                %s
            """ % (servers, fetcher, fetcher, fetcher, fetcher, more))
        server = tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1", **options)
        for at in ("/i/", "/t/"):
            client.wait_until(lambda to=at: server.get(to + "gone").status == 200, "the process of the module is ready")
        return server
    return start


def server_of(origin):
    return 'server "%s"' % origin.name


def target(path="/f/", upstream="origin", method="", to="/", limit="", fields="", body=""):
    return path + "?" + "|".join(urllib.parse.quote(part, safe="") for part in (upstream, method, to, str(limit), fields, str(body)))


@pytest.mark.parametrize("path", ["/f/", "/p/", "/i/", "/t/", "/f/suspend", "/i/suspend"])
def test_an_answer(serve, path):
    """Status, field and content of the answer; the upstream gets what a forwarded request has."""
    origin = Strict(lambda request: response(b"content of " + request.target.encode(), "203 Odd", "X-Answer: yes", "X-Accel-Redirect: /file"))
    server = serve(server_of(origin))
    for _ in range(3):
        found = server.get(target(path, to="/a%20b?c=d", fields="X-One: 1~Accept: */*~"))
        assert (found.status, found.body, found.field("X-Copied"), found.field("X-Fetches")) == (203, b"content of /a%20b?c=d", "yes", "1")
    request = origin.requests[0]
    assert (request.method, request.target, request.field("Host"), request.field("X-One")) == ("GET", "/a%20b?c=d", "test", "1")
    assert request.field("X-Forwarded-For") == "127.0.0.1" and request.field("Content-Length") is None
    assert origin.connections == 1 and not origin.broken, "connections are kept"


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_methods_and_bodies(serve, at):
    origin = Strict(lambda request: response(b"%d bytes" % len(request.body)))
    server = serve(server_of(origin))
    assert server.get(target(at, method="POST", body="some")).body == b"4 bytes"
    assert server.get(target(at, method="PUT")).body == b"0 bytes"
    assert server.get(target(at, method="PROPFIND", body=200000)).body == b"200000 bytes"
    assert server.get(target(at, method="POST", body=2000000)).body == b"2000000 bytes"
    assert [request.field("Content-Length") for request in origin.requests] == ["4", "0", "200000", "2000000"]
    assert server.get(target(at, fields="Host: other.example~")).status == 200
    assert origin.requests[-1].field("Host") == "other.example"


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_request_buffering(serve, at):
    origin = Strict(lambda request: response(b"%d bytes" % len(request.body)))
    server = serve(server_of(origin) + "; request-buffering on")
    assert server.get(target(at, method="POST", body=300000)).body == b"300000 bytes"


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_head_and_interim_responses(serve, at):
    """RFC 9110 9.3.2, 15.2: HEAD has no content, and interim responses come before the answer."""
    origin = Strict(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\nX-Answer: h\r\n\r\n" if request.method == "HEAD" else
                    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + response(b"final"))
    server = serve(server_of(origin))
    found = server.get(target(at, method="HEAD"))
    assert (found.status, found.body, found.field("X-Copied")) == (200, b"", "h")
    assert server.get(target(at)).body == b"final"
    assert origin.connections == 1


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_framing_of_the_answer(serve, at):
    answers = {"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: t\r\n\r\n",
               "/close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
               "/none": b"HTTP/1.1 204 No Content\r\n\r\n"}

    def answer(request):
        if request.target != "/close":
            return answers[request.target]
        return lambda sock: sock.sendall(answers["/close"])
    server = serve(server_of(Origin(answer)))
    assert [(found.status, found.body) for found in (server.get(target(at, to=to)) for to in ("/chunks", "/close", "/none", "/chunks"))] == [
        (200, b"abcde"), (200, b"until the end"), (204, b""), (200, b"abcde")]


@pytest.mark.parametrize("path", ["/f/3", "/p/3", "/i/3", "/t/3"])
def test_one_fetch_after_the_other(serve, path):
    origin = Strict(lambda request: response(b"x" * 100000))
    found = serve(server_of(origin)).get(target(path))
    assert (found.body, found.field("X-Fetches"), len(origin.requests)) == (b"x" * 100000, "3", 3)


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_large_answers(serve, at):
    """The limit of the module holds, and nothing is spliced past it."""
    sizes = {"/small": 1000, "/limit": 1200000, "/more": 1200001, "/chunks": 1200001}

    def answer(request):
        body = b"y" * sizes[request.target]
        if request.target == "/chunks":
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        return response(body)
    server = serve(server_of(Origin(answer)))
    for to, expected in (("/small", 1000), ("/limit", 1200000), ("/more", None), ("/chunks", None), ("/small", 1000)):
        found = server.get(target(at, to=to, limit=1200000))
        assert found.body == (b"y" * expected if expected else b"failed %d\n" % -errno.EFBIG), to
    assert server.get(target(at, to="/limit")).body == b"failed %d\n" % -errno.EFBIG  # 1 MB without a limit


def free_name():
    return "127.0.0.1:%d" % free_port()


@pytest.mark.parametrize("at", ["/f/", "/i/"])
@pytest.mark.parametrize("answer, error, line", [
    (lambda request: None, errno.ECONNRESET, "502"),
    (lambda request: b"nonsense\r\n\r\n", errno.EBADMSG, "502"),
    (lambda request: lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), errno.EBADMSG, "cut short"),
    (lambda request: lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), errno.EBADMSG, "502"),
    (lambda request: b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", errno.EBADMSG, "502"),
    (lambda request: lambda sock: sock.recv(1), errno.ETIMEDOUT, "504")])
def test_no_answer(serve, at, answer, error, line):
    """The module gets an errno, the error log a line, and the client whatever the module makes of it."""
    server = serve(server_of(Origin(answer)) + "; read-timeout 1.3")
    assert server.get(target(at, method="POST")).body == b"failed %d\n" % -error
    assert re.search(line + r".*\"POST /\"|" + line, server.output), server.output
    assert server.get(at + "unfetched").body == b"nothing %d\n" % -errno.EINVAL


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_a_server_that_is_down(serve, at):
    """Another server gets the request; without one it is refused."""
    origin = Strict()
    server = serve('server "%s"; %s' % (free_name(), server_of(origin)))
    assert [server.get(target(at)).body for _ in range(4)] == [b"hello"] * 4
    assert "another server gets the request" in server.output
    server = serve('server "%s"' % free_name())
    assert server.get(target(at)).body == b"failed %d\n" % -errno.ECONNREFUSED


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_refused_at_once(serve, at):
    """The request stays the module's."""
    origin = Strict()
    server = serve(server_of(origin))
    for options, error in (
            ({"upstream": "other"}, errno.ENOENT), ({"to": "x"}, errno.EINVAL), ({"to": "/a b"}, errno.EINVAL), ({"to": "/\r\nX: y"}, errno.EINVAL),
            ({"method": "G T"}, errno.EINVAL), ({"method": "CONNECT"}, errno.EINVAL), ({"fields": "X: 1"}, errno.EINVAL),
            ({"fields": "Content-Length: 3~"}, errno.EINVAL), ({"fields": "Transfer-Encoding: chunked~"}, errno.EINVAL),
            ({"fields": "Connection: close~"}, errno.EINVAL), ({"fields": "Upgrade: x~"}, errno.EINVAL), ({"fields": "Expect: 100-continue~"}, errno.EINVAL),
            ({"fields": "~"}, errno.EINVAL), ({"fields": "X: 1~~GET / HTTP/1.1~"}, errno.EINVAL), ({"limit": 1 << 30}, errno.EINVAL)):
        assert server.get(target(at, **options)).body == b"refused %d\n" % -error, options
    assert origin.requests == [] and server.get(at + "unfetched").body == b"nothing %d\n" % -errno.EINVAL


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_the_client_leaves_during_a_fetch(serve, at):
    """The fetch is abandoned, and its connection closed."""
    origin = Strict(lambda request: lambda sock: sock.recv(1) and None)
    server = serve(server_of(origin))
    conn = server.connect()
    conn.send("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target(at))
    client.wait_until(lambda: len(origin.requests) == 1, "the upstream has the request")
    conn.close()
    client.wait_until(lambda: server.get(at + "gone").body == b"gone 1\n", "the module is told")
    client.wait_until(lambda: re.search(rb'"active":0', server.get("/status?format=json").body.split(b'"upstreams"')[1]), "the fetch is abandoned")


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_a_fetch_is_no_request_of_a_client(serve, at):
    """No access record, and no response in the counters; the module's time does not run during it."""
    origin = Strict(lambda request: lambda sock: delayed(sock))

    def delayed(sock):
        sock.settimeout(1.5)  # longer than the module's time limit
        try:
            sock.recv(1)
        except TimeoutError:
            pass
        return response(b"late")
    def counted():
        text = server.get("/status?format=prometheus").body.decode()
        return int(re.search(r"\ntux_requests_total (\d+)\n", text).group(1)), int(re.search(r"\ntux_upstream_requests_total\S* (\d+)\n", text).group(1))
    server = serve(server_of(origin))
    requests, fetches = counted()
    assert server.get(target(at)).body == b"late"
    assert counted() == (requests + 2, fetches + 1)  # one of the two is for the status


@pytest.mark.parametrize("at", ["/f/", "/i/"])
def test_a_stop_during_a_fetch(serve, at):
    origin = Strict(lambda request: lambda sock: sock.recv(1) and None)
    server = serve(server_of(origin), "drain-timeout 0.1")
    conn = server.connect()
    conn.send("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target(at))
    client.wait_until(lambda: len(origin.requests) == 1, "the upstream has the request")
    server.end()
    server.end = lambda: None
    conn.close()
