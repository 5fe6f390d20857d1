# SPDX-License-Identifier: GPL-2.0-or-later
"""Responses that refer TUX to another target (X-Accel-Redirect): several hops, and the maximum of kept fields."""
import os
import re
import socket
import threading

import pytest

import client
from upstreams import Origin, response

ROUTES = 'route "/secret/" { hidden on }\nroute "=/status" { status on }\nroute "=/away" { redirect "https://example.org/" }\n'


@pytest.fixture(params=["uring", "epoll"])
def inside(request, place, tux):
    """inside(answer): TUX with an upstream server at /app/, a hidden file, a status page and a listing."""
    servers = []

    def start(answer, top=""):
        os.makedirs(place + "/secret")
        os.makedirs(place + "/list")
        for name, text in (("/secret/small", b"the secret"), ("/secret/large", os.urandom(100000)), ("/index.html", b"a file")):
            with open(place + name, "wb") as file:
                file.write(text)
        servers.append(Origin(answer))
        path = place + "/tux.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write('%s\nbrowse on\n%sroute "/app/" { upstream "%s" }\n' % (top, ROUTES, servers[0].name))
        return tux(place, "--config", path, "--engine", request.param)
    yield start
    for one in servers:
        one.close()
        assert not one.broken


def redirect(to, *fields):
    return response(b"not this", "200 OK", "X-Accel-Redirect: " + to, *fields)


@pytest.mark.parametrize("last,status", [("no-path", 502), ("/../up", 400), ("/secret/small", 200), ("/secret/missing", 404), ("/app/1", 500)])
def test_hops(inside, last, status):
    """Each hop replaces the fields kept by the one before; no later hop reads freed ones."""
    hops = {"/app/1": redirect("/app/2", "Set-Cookie: one=1"), "/app/2": redirect("/app/3", "Set-Cookie: two=2"), "/app/3": redirect(last)}
    tux = inside(lambda request: hops[request.target])
    for _ in range(2):
        got = tux.get("/app/1")
        assert got.status == status
        if status == 200:
            assert got.body == b"the secret" and got.all("Set-Cookie") == ["one=1", "two=2"]
    assert tux.get("/").body == b"a file"


def test_configured_fields_replace_kept_ones(inside):
    tux = inside(lambda request: redirect("/secret/small", "Set-Cookie: a=b", "Cache-Control: no-store"),
                 'header { set "Cache-Control: private"; remove "Set-Cookie" }\n')
    got = tux.get("/app/a")
    assert (got.body, got.all("Cache-Control"), got.all("Set-Cookie")) == (b"the secret", ["private"], [])


def test_configured_cache_control_stays_unless_the_backend_has_one(inside):
    tux = inside(lambda request: redirect(request.target[4:].split("?")[0], *(["Cache-Control: no-store"] if "?" in request.target else []), "Set-Cookie: a=b"),
                 'cache-control "max-age=60"\n')
    for to in ("/secret/small", "/secret/large"):
        assert [tux.get("/app" + to + query).all("Cache-Control") for query in ("", "?own")] == [["max-age=60"], ["no-store"]]
    assert tux.get("/app/secret/missing").all("Cache-Control") == []


@pytest.mark.parametrize("field, media_type", [
    (["Content-Type: text/html; charset=koi8-r"], "text/html; charset=koi8-r"), ([], "application/octet-stream"),
    (["Content-Type: x/" + "y" * 200], "application/octet-stream")])
def test_content_type_of_the_application_is_kept(inside, field, media_type):
    """Like nginx: the application knows the type of a file without extension. Errors and listings have their own type."""
    tux = inside(lambda request: redirect("/secret/" + request.target[5:], *field))
    for name, body in (("small", b"the secret"), ("small", b"the secret"), ("large", None)):
        got = tux.get("/app/" + name)
        assert got.status == 200 and got.field("Content-Type") == media_type
        assert body is None or got.body == body
    with tux.connect() as conn:
        assert conn.get("/app/small", "Range: bytes=4-9").field("Content-Type") == media_type
        assert conn.get("/app/missing").field("Content-Type") == "text/html; charset=utf-8"


ANSWERS = {"/status": 200, "/secret/small": 200, "/secret/large": 200, "/list/": 200, "/secret/missing": 404, "/away": 301, "/secret": 301}
OURS = {"date", "server", "content-type", "content-length", "last-modified", "etag", "accept-ranges", "set-cookie", "vary", "location", "cache-control",
        "x-content-type-options", "referrer-policy", "content-security-policy"}


@pytest.mark.parametrize("size", [4000, 4350, 7900])
def test_as_many_fields_as_are_kept(inside, size):
    """Every kind of response has all kept fields, and its own ones around them."""
    cookies = ["c%d=%s" % (number, "x" * 390) for number in range(size // 410)] + ["last=" + "x" * (size % 410)]
    tux = inside(lambda request: redirect(request.target[4:], *("Set-Cookie: " + cookie for cookie in cookies)))
    for to, status in ANSWERS.items():
        with tux.connect() as conn:
            got = conn.get("/app" + to)
            assert got.status == status and got.all("Set-Cookie") == cookies, to
            assert {name for name, _ in got.fields} <= OURS, to
            if to == "/status":
                assert got.field("Content-Security-Policy").startswith("default-src 'none'; style-src 'nonce-")
            got = conn.get("/app" + to, "Range: bytes=0-1,4-5")
            assert got.status == (206 if to in ("/secret/small", "/secret/large") else status) and got.all("Set-Cookie") == cookies, to
            assert conn.get("/").body == b"a file"


def test_more_fields_than_are_kept(inside):
    tux = inside(lambda request: redirect("/status", *("Set-Cookie: c%d=%s" % (number, "x" * 390) for number in range(21))))
    assert tux.get("/app/").status == 502
    client.wait_until(lambda: re.search('502: too many fields in a response that names a file; .*"GET /app/ HTTP/1.1"', tux.output), "it is said of which request")


def test_redirect_to_too_long_target_is_414(inside):
    """The target has maximum length and triples when escaped: 414, not a truncated head."""
    tux = inside(lambda request: redirect("/rest/" + '"' * 3500, *("Set-Cookie: c%d=%s" % (number, "x" * 390) for number in range(19))),
                 'route "/rest/" { redirect "https://example.org/*" }\n')
    with tux.connect() as conn:
        assert conn.get("/app/").status == 414
        assert conn.get("/").body == b"a file"


class EarlyOrigin:
    """Responds after the head alone: a redirect to another target, which it serves. It reads no body."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.name = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += sock.recv(4096)
                sock.sendall(response(b"second") if b" /app/second " in head else redirect("/app/second"))


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_rest_of_a_body_is_no_request(place, tux, engine):
    """A redirect to another backend, before the body was received: the rest of the body stays unread, and the connection ends."""
    origin = EarlyOrigin()
    with open(place + "/index.html", "w", encoding="ascii") as file:
        file.write("a file")
    path = place + "/tux.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write('route "/app/" { upstream "%s" }\n' % origin.name)
    server = tux(place, "--config", path, "--engine", engine)
    smuggled = client.request("/")
    with server.connect() as conn:
        conn.send(client.request("/app/first", "Content-Length: %d" % len(smuggled), method="POST"))
        assert conn.response().body == b"second"
        conn.send(smuggled)
        conn.assert_closed()
    origin.listener.close()
