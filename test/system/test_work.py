# SPDX-License-Identifier: GPL-2.0-or-later
"""Work per request: TUX parses each head once and routes each request once, whatever the request waits for."""
import json
import os

import pytest

from upstreams import Origin, response

CONFIG = """browse on
error { 404 "/missing.html" }
route "/secret/" { hidden on }
route "=/status" { status on }
route "=/away" { redirect "https://example.org/" }
route "/app/" { upstream "app" }
upstream "app" { server "%s"; request-buffering on }
"""

POST = b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = (b"5\r\nhel", b"lo\r\n", b"0\r\n\r\n")

# name: (pieces that the client sends one after the other, statuses, heads that the server parses)
REQUESTS = {
    "files": ([b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n" * 5], [200] * 5, 5),
    "large file": ([b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n"], [200], 1),
    "head in pieces": ([b"GET /fi", b"le HTTP/1.1\r\nHo", b"st: h\r\n", b"\r\n"], [200], 1),
    "listing": ([b"GET /list/ HTTP/1.1\r\nHost: h\r\n\r\n"], [200], 1),
    "page for a missing file": ([b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n"], [404], 1),
    "redirect": ([b"GET /away HTTP/1.1\r\nHost: h\r\n\r\n"], [301], 1),
    "body for a file": ([POST % b"/file", *CHUNKS], [405], 1),
    "body for a backend": ([POST % b"/app/", *CHUNKS], [200], 1),
    "file of a backend": ([POST % b"/app/accel", *CHUNKS], [200], 2),
    "malformed head": ([b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"], [400], 1),
}


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("name", REQUESTS)
def test_request_is_parsed_and_routed_once(engine, name, place, tux):
    """An internal redirect adds one head, which is parsed and routed once, too. A malformed head has no route."""
    os.makedirs(place + "/secret")
    os.makedirs(place + "/list")
    for path, text in (("/file", b"data"), ("/large", bytes(3000000)), ("/missing.html", b"missing"), ("/secret/file", b"secret")):
        with open(place + path, "wb") as file:
            file.write(text)
    accel = response(b"", "200 OK", "X-Accel-Redirect: /secret/file")
    origin = Origin(lambda request: accel if request.target == "/app/accel" else response())
    with open(place + "/tux.conf", "w", encoding="utf-8") as file:
        file.write(CONFIG % origin.name)
    server = tux(place, "--config", place + "/tux.conf", "--engine", engine, "--threads", "1")
    pieces, statuses, heads = REQUESTS[name]

    def work():
        return json.loads(server.get("/status?format=json").body)["work"]

    work()
    before = work()
    with server.connect() as conn:
        for piece in pieces:
            conn.send(piece)
        got = [conn.response().status for _ in statuses]
    after = work()
    origin.close()
    assert got == statuses
    assert after["heads_parsed"] - before["heads_parsed"] == heads + 1
    assert after["requests_routed"] - before["requests_routed"] == (0 if name == "malformed head" else heads) + 1
