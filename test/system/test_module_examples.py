# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/modules: each is complete, short, and does what it is for."""
import os
import re
import signal

import pytest

import client
from test_modules import TOP, build  # noqa: F401
from upstreams import Origin, response

FOLDER = os.path.join(TOP, "examples/modules")
EXAMPLES = sorted(name[:-2] for name in os.listdir(FOLDER) if name.endswith(".c"))


@pytest.fixture
def serve(tux, place, build):  # noqa: F811
    """serve(name, config, top): TUX with an example at /NAME and beneath it."""
    def start(name, config="", top=""):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('module %s { file "%s"; config { %s } }\nroute "/%s" { module %s }\nthreads 2\n%s\n' %
                       (name, build(os.path.join(FOLDER, name + ".c")), config, name, name, top))
        return tux(os.path.join(place, "root"), "--config", path)
    return start


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_has_a_test(name):
    with open(os.path.join(FOLDER, name + ".c"), encoding="ascii") as file:
        assert len(file.readlines()) < 80
    assert "test_" + name in globals()


def test_hello(serve):
    assert serve("hello").get("/hello").body == b"hello\n"


def test_form(serve):
    server = serve("form")
    assert b'<form method="post">' in server.get("/form").body

    def post(body):
        with server.connect() as conn:
            conn.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
            found = conn.response("POST")
            return found.status, found.body
    assert post("a=b&name=A+%26+%3Cb%3E&name=c")[1].endswith(b"<p>Hello, A &#38; &#60;b&#62;.</p>\n")
    assert post("named=x&x")[1].endswith(b"<p>Hello, stranger.</p>\n")
    assert post("name=%C3%A9%4")[1].endswith(b"<p>Hello, \xc3\xa9%4.</p>\n")
    assert post("name=" + "x" * 5000) == (413, b"")
    assert server.get("/form", method="PUT").status == 405


def test_counter(serve, place):
    os.mkdir(place + "/state")
    os.chmod(place + "/state", 0o777)
    server = serve("counter", 'file = "%s/state/counter"' % place)
    assert [server.get("/counter").body for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: "is in force" in server.output, "another process serves")
    assert int(server.get("/counter").body) == 4


def test_picture(serve):
    found = serve("picture").get("/picture")
    assert (found.status, found.field("Content-Type"), found.body[:2], len(found.body)) == (200, "image/bmp", b"BM", 54 + 256 * 256 * 3)
    assert found.body[54:60] == bytes([0, 0, 0, 1, 0, 1])


def test_authorise(serve, place):
    server = serve("authorise", 'token = "s3cret"; folder = "/private"', 'route "/private/" { hidden on }')
    os.makedirs(place + "/root/private/authorise")
    with open(place + "/root/private/authorise/a b.txt", "w", encoding="ascii") as file:
        file.write("the document")
    assert server.get("/private/authorise/a%20b.txt").status == 404
    for field in ((), ("Authorization: Bearer s3cre",), ("Authorization: Bearer s3cret2",), ("Authorization: Basic s3cret",)):
        found = server.get("/authorise/a%20b.txt", *field)
        assert (found.status, found.field("WWW-Authenticate")) == (401, "Bearer")
    found = server.get("/authorise/a%20b.txt", "Authorization: Bearer s3cret", "Range: bytes=4-6")
    assert (found.status, found.body, found.field("Cache-Control")) == (206, b"doc", "private")
    assert server.get("/authorise/../../x", "Authorization: Bearer s3cret").status == 400


def test_clock(serve):
    server = serve("clock", "interval-ms = 5")
    with server.connect() as conn:
        conn.send("GET /clock HTTP/1.1\r\nHost: a\r\n\r\n")
        found = conn.head()
        assert (found.status, found.field("Content-Type"), found.field("Cache-Control")) == (200, "text/event-stream", "no-store")
        text = b""
        while text.count(b"\n\n") < 3:
            text += conn.take(1)
        assert re.search(rb"data: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n\n", text)


def test_fetch(serve):
    origin = Origin(lambda request: response(b"1 < 2 & 3") if request.target == "/text" else response(b"", "404 Not Found"))
    upstream = 'upstream app { server "%s" }' % origin.name
    found = serve("fetch", 'upstream = app; target = "/text"', upstream).get("/fetch")
    assert (found.status, found.body) == (200, b"<!doctype html><title>Text</title><pre>1 &#60; 2 &#38; 3</pre>\n")
    assert origin.requests[0].field("Accept") == "text/plain"
    assert serve("fetch", 'upstream = app; target = "/none"', upstream).get("/fetch").status == 502
