# SPDX-License-Identifier: GPL-2.0-or-later
"""Responses that leave the answer to TUX (X-Accel-Redirect): several hops, and as many fields as may be kept."""
import os

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
    """Each hop replaces the fields that the one before has kept: no later one finds freed ones."""
    hops = {"/app/1": redirect("/app/2", "Set-Cookie: one=1"), "/app/2": redirect("/app/3", "Set-Cookie: two=2"), "/app/3": redirect(last)}
    tux = inside(lambda request: hops[request.target])
    for _ in range(2):
        got = tux.get("/app/1")
        assert got.status == status
        if status == 200:
            assert got.body == b"the secret" and got.all("Set-Cookie") == ["one=1", "two=2"]
    assert tux.get("/").body == b"a file"
