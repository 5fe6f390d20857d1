# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths without a file: single-page applications, front controllers, prefixes without their slash."""
import os

import pytest

from test_config import written
from upstreams import Origin, response

CONTROLLER = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s ' \"$REQUEST_METHOD\" \"$REQUEST_URI\"\nexec cat\n"


def put(place, name, text, mode=0o644):
    path = os.path.join(place, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("path, status, body", [
    ("/", 200, b"app"), ("/users", 200, b"app"), ("/users/john.doe", 200, b"app"), ("/v1.2", 200, b"app"), ("/a.b/c", 200, b"app"),
    ("/empty/", 200, b"app"), ("/users/", 200, b"app"), ("/logo.png", 404, None), ("/x/app.js", 404, None), ("/real.txt", 200, b"real"),
    ("/real/", 200, b"index of real")])
def test_single_page_application(place, tux, engine, path, status, body):
    """A missing page is the root's index. A missing file with a known extension is 404."""
    put(place, "index.html", "app")
    put(place, "real.txt", "real")
    put(place, "real/index.html", "index of real")
    os.mkdir(os.path.join(place, "empty"))
    server = tux(place, "--spa", "--engine", engine, "--log", "off")
    with server.connect() as conn:
        for _ in range(2):
            found = conn.get(path)
            assert found.status == status and (body is None or found.body == body)


def test_listing_precedes_the_application(place, tux):
    put(place, "index.html", "app")
    put(place, "files/a.bin", "a")
    server = tux(place, "--spa", "--browse", "--log", "off")
    with server.connect() as conn:
        assert b"a.bin" in conn.get("/files/").body


def test_index_as_404_page_keeps_the_status(place, tux):
    """An error page changes only the body; --spa is the setting for 200."""
    put(place, "index.html", "app")
    server = tux(place, "--config", written(place, 'log off\nerror { 404 "/index.html" }\n'))
    with server.connect() as conn:
        found = conn.get("/users/john.doe")
        assert (found.status, found.body) == (404, b"app")


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_front_controller_has_every_method_and_path(place, tux, engine):
    """A program as the root's index handles each path without a file, with any method and extension."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a program is root's file")
    put(place, "index.cgi", CONTROLLER, 0o755)
    put(place, "style.css", "css")
    os.mkdir(os.path.join(place, "empty"))
    os.chmod(place, 0o755)
    server = tux(place, "--types", "TUX/CGI=cgi", "--index", "index.cgi", "--spa", "--engine", engine, "--log", "off")
    with server.connect() as conn:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for path in ("/", "/api/users", "/api/file.png", "/empty/"):
                conn.send("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" % (method, path))
                found = conn.response(method)
                assert (found.status, found.body) == (200, b"%s %s abc" % (method.encode(), path.encode())), (method, path)
        assert conn.get("/style.css").body == b"css"
    with server.connect() as conn:
        conn.send("POST /style.css HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert conn.response("POST").status == 405


CONFIG = """
log off
cgi scripts { root "%s" }
upstream app { server "127.0.0.1:%d" }
route "/app/" { upstream app }
route "/there/" { upstream app }
route "/scripts/" { cgi scripts }
route "/hidden/" { hidden on }
route "/files/" { static on }
route "/all/" { upstream app }
route "/all" { upstream app }
"""


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_prefix_without_its_slash(place, tux, engine):
    """Like nginx, "/app" redirects to "/app/" if a route has that prefix. A file or another route of that name takes precedence."""
    put(place, "there", "a file")
    origin = Origin(lambda request: response(b"from app"))
    server = tux(place, "--config", written(place, CONFIG % (place, origin.port)), "--engine", engine)
    with server.connect() as conn:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            conn.send("%s /app?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % method)
            found = conn.response(method)
            assert (found.status, found.field("Location")) == (308, "/app/?a=b"), method
        assert conn.get("/scripts").field("Location") == "/scripts/"
        assert conn.get("/there").body == b"a file"
        assert conn.get("/all").body == b"from app"
        assert conn.get("/app/").body == b"from app"
        for path in ("/ap", "/apps", "/hidden", "/files"):
            assert conn.get(path).status == 404, path
