# SPDX-License-Identifier: GPL-2.0-or-later
"""max-response-head of upstream servers and CGI programs: a longer response head is 502."""
import os

import pytest

from upstreams import Origin

LIMITS = [("", 16384), ("max-response-head 1K", 1024), ("max-response-head 65536", 65536)]


def head_of(start, size):
    """Returns a head of exactly size bytes."""
    left = size - len(start) - 2
    lines = []
    while left > 8000:
        lines.append("X-%d: " % len(lines) + "a" * 4000 + "\r\n")
        left -= len(lines[-1])
    assert left > 10
    lines.append("X-End: " + "b" * (left - 9) + "\r\n")
    head = (start + "".join(lines) + "\r\n").encode()
    assert len(head) == size
    return head


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux):
    def start(blocks):
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(blocks)
        return tux(place, "--config", path, "--engine", request.param)
    return start


def check(tux, path, heads):
    """Requests heads by name; a complete response has its last field and the body."""
    for name, status in heads:
        got = tux.get(path + "?" + name)
        assert got.status == status, name
        if status == 200:
            assert got.body == b"hello" and len(got.field("X-End")) > 0


@pytest.mark.parametrize("setting,limit", LIMITS)
def test_upstream_response_head_over_limit_is_502(serve, setting, limit):
    """A head one byte under the limit and one of the limit pass with all their fields; one byte more is 502."""
    start = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    heads = {"under": head_of(start, limit - 1), "at": head_of(start, limit), "over": head_of(start, limit + 1)}
    origin = Origin(lambda request: heads[request.target.split("?")[1]] + b"hello")
    tux = serve('upstream app { server "%s"; max-fails 0; %s }\nroute "/app/" { upstream app }\n' % (origin.name, setting))
    check(tux, "/app/", [("under", 200), ("at", 200), ("over", 502), ("at", 200)])
    origin.close()


@pytest.mark.parametrize("setting,limit", LIMITS)
def test_cgi_response_head_over_limit_is_502(serve, place, setting, limit):
    """Like test_upstream_response_head_over_limit_is_502(), but for a CGI program."""
    os.makedirs(os.path.join(place, "cgi"))
    start = "Content-Type: text/plain\r\n"
    for name, size in (("under", limit - 1), ("at", limit), ("over", limit + 1)):
        with open(os.path.join(place, "cgi", name + ".txt"), "wb") as file:
            file.write(head_of(start, size) + b"hello")
    script = os.path.join(place, "cgi", "head")
    with open(script, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nexec cat "$QUERY_STRING.txt"\n')
    os.chmod(script, 0o755)
    tux = serve('cgi scripts { root "%s/cgi"; %s }\nroute "/cgi-bin/" { cgi scripts }\n' % (place, setting))
    check(tux, "/cgi-bin/head", [("under", 200), ("at", 200), ("over", 502), ("at", 200)])
