# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that files select, by extension or mode bits, and a module that gets every request (all_userspace of the historic TUX)."""
import os
import shutil

import pytest

import client
from hosted import source
from test_historic import ACTIONS, build as build_historic  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the files must be root's")

HOSTS = {"inline": "", "pooled": "threads 2", "isolated": "isolate on; memory 0"}
ERRORS = {"EACCES": "-13", "ENOENT": "-2"}


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux, build):  # noqa: F811
    """serve(more of the file, host of the module): TUX with a module under two names."""
    module = build(source("selected"))

    def start(text, host="inline"):
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            for name in ("demo.tux", "sub/demo.tux", "index.tux", "by-mode", "all"):
                file.write('module "%s" { file "%s"; %s }\n' % (name, module, HOSTS[host]))
            file.write(text)
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1")
    return start


@pytest.fixture
def put(place):
    """put(name, mode, owner): makes a file in the root."""
    os.mkdir(os.path.join(place, "root"))

    def make(name, mode=0o644, owner=(0, 0), text="never sent"):
        path = os.path.join(place, "root", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, *owner)
        os.chmod(path, mode)
        return path
    return make


@pytest.mark.parametrize("host", HOSTS)
def test_files_select_a_module(serve, put, host):
    """Section 3.5 of the historic TUX: a file of root with the extension of a module; its path is the module's name."""
    for name in ("demo.tux", "sub/demo.tux", "other.tux"):
        put(name)
    put("by-mode", 0o4644)
    put("file.txt", text="a file")
    server = serve('types "TUX/module=tux"\nmode-module 4000\n', host)
    with server.connect() as conn:
        for target in ("/demo.tux?a=b", "/sub/demo.tux?", "/by-mode?"):
            path, _, query = target.partition("?")
            assert conn.get(target).body.decode() == "GET %s?%s " % (path, query)
            assert conn.get(target, method="HEAD").field("Content-Length") == str(len("HEAD %s?%s " % (path, query)))
            for body in (b"", b"abc"):
                conn.send("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (target, len(body)))
                conn.send(body)
                assert conn.response("POST").body.decode() == "POST %s?%s %s" % (path, query, body.decode())
            assert conn.get(target, method="DELETE").body.decode() == "DELETE %s?%s " % (path, query)
        assert conn.get("/file.txt").body == b"a file"
        assert conn.get("/demo.tux?decline").status == 404  # its file is never sent
        assert conn.get("/other.tux").status == 503  # no module has this name
        assert conn.get("/demo.tux", "Range: bytes=0-1").body == b"GET /demo.tux? "


@pytest.mark.parametrize("host", HOSTS)
def test_files_that_others_can_change_select_nothing(serve, put, host):
    """At the time of the request. Their text is never sent either."""
    path = put("demo.tux")
    server = serve('types "TUX/module=tux"\nmode-module 4000\nrecheck 0.1\n', host)
    assert server.get("/demo.tux").status == 200
    for owner, mode in (((1, 0), 0o644), ((0, 1), 0o644), ((0, 0), 0o646), ((0, 0), 0o640)):
        os.chown(path, *owner)
        os.chmod(path, mode)
        client.wait_until(lambda: server.get("/demo.tux").status == 403, "the file has changed")
    os.chown(path, 0, 0)
    os.chmod(path, 0o644)
    client.wait_until(lambda: server.get("/demo.tux").status == 200, "it is root's again")
    os.unlink(path)
    client.wait_until(lambda: server.get("/demo.tux").status == 404, "it is not there")


@pytest.mark.parametrize("host", HOSTS)
def test_index_that_selects_a_module(serve, put, host):
    put("index.tux")
    server = serve('types "TUX/module=tux"\nindex index.tux\n', host)
    assert server.get("/?a").body == b"GET /?a "


@pytest.mark.parametrize("host", HOSTS)
def test_modules_get_no_bytes_of_files_that_select_a_handler(serve, put, host):
    """What is a program, a module or another server's is not a file for tux_resume_with_file()."""
    for name in ("demo.tux", "hello.cgi", "app.php", "file.txt"):
        put(name, 0o755)
    server = serve('types [ "TUX/module=tux", "TUX/CGI=cgi", "TUX/redirect=php" ]\n', host)
    for name in ("demo.tux", "hello.cgi", "app.php"):
        assert server.get("/demo.tux?/" + name).body.decode() == ERRORS["EACCES"]
    assert server.get("/demo.tux?/file.txt").body == b"0"
    assert server.get("/demo.tux?/none").body.decode() == ERRORS["ENOENT"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_module_that_gets_every_request(serve, put, host):
    """all_userspace: every valid request, whether a file has its path or not; a request that it declines is the files'."""
    put("file.txt", text="a file")
    put("secret", 0o600)
    put("sub/demo.tux")
    server = serve('types "TUX/module=tux"\nroute "/" { module all }\nroute "/static/" { static on }\n', host)
    with server.connect() as conn:
        for target in ("/", "/file.txt", "/none?a=b", "/secret", "/sub/demo.tux", "/.hidden", "/a/b/c"):
            path, _, query = target.partition("?")
            assert conn.get(target).body.decode() == "GET %s?%s " % (path, query)
            conn.send("PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" % target)
            assert conn.response("PUT").body.decode() == "PUT %s?%s abc" % (path, query)
        assert conn.get("/file.txt?decline").body == b"a file"
        assert conn.get("/none?decline").status == 404
        assert conn.get("/sub/demo.tux?decline").status == 404
        assert conn.get("/static/none").status == 404
    with server.connect() as conn:
        conn.send("GET /a HTTP/1.1\r\nHost: a b\r\n\r\n")
        assert conn.response().status == 400


def test_historic_module_that_gets_every_request(place, tux, put, build_historic):  # noqa: F811
    """all_userspace with a module of tux(2): methods that it does not know are the files'."""
    put("page.html", text="<p>a page</p>")
    path = os.path.join(place, "actions.tux.so")
    shutil.copyfile(build_historic(ACTIONS), path)
    with open(os.path.join(place, "tux.conf"), "w", encoding="utf-8") as file:
        file.write('module actions.tux { historic "%s"; memory 0 }\nroute "/" { module actions.tux }\n' % path)
    server = tux(os.path.join(place, "root"), "--config", os.path.join(place, "tux.conf"), "--threads", "1")
    with server.connect() as conn:
        assert conn.get("/page.html?chunked").body == b"abcde"
        assert conn.get("/none?read").body == b"<p>a page</p>"
        assert b"\nnone?fields\n" in conn.get("/none?fields").body
        assert conn.get("/page.html", method="DELETE").status == 405


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "../a", "a/./b", "a b"])
def test_names_that_no_file_has(place, tux, name):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module "%s" { file "/x.so" }\n' % name)
    server = tux(place, "--config", path, ready=False)
    assert server.wait() == 1 and ':1: "%s" is not the name of a module' % name in server.output
    server.end = lambda: None
