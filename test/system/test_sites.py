# SPDX-License-Identifier: GPL-2.0-or-later
"""Sites: several hosts and listeners, error pages, fields, a log for each; and invalid configurations of them."""
import json
import os
import pwd
import subprocess

import pytest

import client
from tools import free_port

from test_config import check, program, written  # noqa: F401 (a fixture)


def put(place, name, text="", mode=0o644):
    path = os.path.join(place, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text or name)
    os.chmod(path, mode)


@pytest.fixture
def tree(place):
    for host in "abc":
        os.mkdir(os.path.join(place, host))
        os.chmod(os.path.join(place, host), 0o755)
        put(place, host + "/index.html")
    return place


HOSTS = """
log off
index [index.html, start.html]
host "a.example" { root "%(place)s/a"; name ["www.a.example", "*.a.test"] }
host "b.example" { root "%(place)s/b"; default on; browse on; index start.html }
host "*.b.example" { root "%(place)s/c"; name = "[::1]" }
"""


@pytest.mark.parametrize("host,answer", [
    ("a.example", "a"), ("A.Example", "a"), ("a.example:8080", "a"), ("a.example.", "a"), ("www.a.example", "a"), ("x.y.a.test", "a"),
    ("a.test", "b"), ("b.example", "b"), ("x.b.example", "c"), ("other.example", "b"), ("127.0.0.1", "b"), ("[::1]:8080", "c"), ("", "b")])
def test_host_chooses_the_site(tree, tux, host, answer):
    """RFC 9110 7.2"""
    server = tux(tree, "--config", written(tree, HOSTS % {"place": tree}))
    with server.connect() as conn:
        for _ in range(2):
            conn.send(b"GET /index.html HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
            found = conn.response("GET")
            assert (found.status, found.body) == (200, b"%s/index.html" % answer.encode())


def test_no_host_and_the_absolute_form(tree, tux):
    server = tux(tree, "--config", written(tree, HOSTS % {"place": tree}))
    with server.connect() as conn:
        conn.send(b"GET http://A.EXAMPLE:1/ HTTP/1.1\r\nHost: b.example\r\n\r\n")
        assert conn.response("GET").body == b"a/index.html"
        conn.send(b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n")
        assert b"index.html" in conn.response("GET").body  # its index has another name, so this is a listing
    with server.connect() as conn:
        conn.send(b"GET /index.html HTTP/1.0\r\n\r\n")
        assert conn.response("GET").body == b"b/index.html"


def test_sites_do_not_mix(tree, tux):
    """The same path of three sites, on one connection and pipelined. A change takes effect in the next request, even if roots
    overlap."""
    config = HOSTS % {"place": tree} + 'host "all" { root "%s"; browse on }\nhost "again" { root "%s" }\n' % (tree, tree + "/a")
    server = tux(tree, "--config", written(tree, config))
    names = [(b"a.example", "/index.html", "a"), (b"b.example", "/index.html", "b"), (b"x.b.example", "/index.html", "c"),
             (b"all", "/a/index.html", "a"), (b"again", "/index.html", "a")]
    with server.connect() as conn:
        for turn in range(20):
            if turn:
                put(tree, "a/index.html", "turn %d" % turn)
            conn.send(b"".join(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host) for host, path, _ in names))
            for _, _, site in names:
                wanted = "turn %d" % turn if turn and site == "a" else site + "/index.html"
                assert conn.response("GET").body == wanted.encode()


def test_listeners(tree, tux):
    one, two = free_port(), free_port()
    server = tux(tree, "--config", written(tree, """
log off
host "a.example" { root "%s/a" }
host "b.example" { root "%s/b"; listen "127.0.0.1:%d" }
host "c.example" { root "%s/c"; listen ["127.0.0.1:%d", "127.0.0.1:%d"]; default on }
""" % (tree, tree, one, tree, one, two)))

    def at(port, host):
        with client.Connection(("127.0.0.1", port)) as conn:
            return conn.get("/", host=host).body

    assert at(server.port, "b.example") == at(server.port, "c.example") == b"a/index.html"
    assert at(one, "b.example") == b"b/index.html"
    assert at(one, "a.example") == at(one, "x") == at(two, "b.example") == b"c/index.html"


def test_host_without_listener_is_on_all_listeners(tree, tux):
    port = free_port()
    server = tux(tree, "--config", written(tree, """
log off
host "a.example" { root "%s/a" }
host "b.example" { root "%s/b"; listen "127.0.0.1:%d"; default on }
""" % (tree, tree, port)), listen=False, port=port)
    assert server.get("/", host="a.example").body == b"a/index.html"
    assert server.get("/", host="x").body == b"b/index.html"


PAGES = """
log off
error { 404 "/lost.html"; 403 "/none.html" }
host "a.example" { root "%(place)s/a"; error { 400 "/e/400.html"; 404 "/e/404.txt"; 405 "/e/405.html"; 416 "/e/416.html"; 413 "/e/big.html"; 414 "/e/414.html" } }
host "b.example" { root "%(place)s/b" }
host "c.example" { root "%(place)s/c"; error { 500 "/x" } }
"""


def test_error_pages(tree, tux):
    big = "x" * 200000
    for status in (400, 405, 416, 414):
        put(tree, "a/e/%d.html" % status)
    put(tree, "a/e/404.txt", "gone")
    put(tree, "a/e/big.html", big)
    put(tree, "b/lost.html")
    put(tree, "c/404.html")
    put(tree, "b/secret", mode=0o600)
    server = tux(tree, "--config", written(tree, PAGES % {"place": tree}), "--max-body", "10")
    with server.connect() as conn:
        found = conn.get("/nothing", host="a.example")
        assert (found.status, found.body, found.field("Content-Type")) == (404, b"gone", "text/plain; charset=utf-8")
        assert found.field("ETag") is None and found.field("Last-Modified") is None
        found = conn.get("/nothing", host="a.example", method="HEAD")
        assert (found.status, found.field("Content-Length")) == (404, "4")
        found = conn.get("/", "Range: bytes=1000-", host="a.example")
        assert (found.status, found.body, found.field("Content-Range")) == (416, b"a/e/416.html", "bytes */12")
        found = conn.get("/", host="a.example", method="DELETE")
        assert (found.status, found.body, found.field("Allow")) == (405, b"a/e/405.html", "GET, HEAD, OPTIONS")
        assert conn.get("/nothing", host="b.example").body == b"b/lost.html"
        found = conn.get("/secret", host="b.example")
        assert found.status == 403 and b"Forbidden" in found.body  # its page is missing
        assert conn.get("/nothing", host="c.example").body == b"c/404.html"
        put(tree, "a/e/404.txt", "lost")
        assert conn.get("/nothing", host="a.example").body == b"lost"
    for request, status, body in (
            (b"GET / HTTP/1.1\r\nHost: a.example\r\n bad\r\n\r\n", 400, b"a/e/400.html"),
            (b"GET /%zz HTTP/1.1\r\nHost: a.example\r\n\r\n", 400, b"a/e/400.html"),
            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a.example\r\n\r\n", 414, b"a/e/414.html"),
            (b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\n\r\n", 413, big.encode()),
            (b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + b"y" * 32 + b"\r\n0\r\n\r\n", 413,
             big.encode())):
        with server.connect() as conn:
            conn.send(request)
            found = conn.response("GET")
            assert (found.status, found.body) == (status, body), request[:60]
            assert found.field("Connection") == "close"
            conn.assert_closed()


def test_refused_request_gets_its_error_page(tree, tux):
    """Expect: 100-continue with a method without a body: the connection closes after the page, even if loading it took long."""
    put(tree, "a/e/405.html")
    server = tux(tree, "--config", written(tree, PAGES % {"place": tree}))
    for _ in range(3):
        with server.connect() as conn:
            conn.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 60\r\n\r\n")
            conn.send(b"GET /index.html HTTP/1.1\r\nHost: a.example\r\n\r\n".ljust(60))
            found = conn.response("POST")
            assert (found.status, found.body) == (405, b"a/e/405.html")
            conn.assert_closed()
        os.utime(os.path.join(tree, "a/e/405.html"))


FIELDS = """
log off
root "%(place)s/a"
cache-control "max-age=60"
header { add "X-All: top"; set "Server: box" }
route "/old/" { redirect "/new/*"; cache-control "no-store" }
route "/assets/" { static on; cache-control "max-age=31536000, immutable"; header { add ["X-Route: 1", "X-Route: 2"]; remove "X-All"; remove ETag } }
"""


def test_fields(tree, tux):
    put(tree, "a/assets/x.css")
    put(tree, "a/404.html")
    server = tux(tree + "/a", "--config", written(tree, FIELDS % {"place": tree}))
    for version in (b"1.1", b"1.0"):
        for _ in range(3):
            with server.connect() as conn:
                conn.send(b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % version)
                found = conn.response("GET")
                assert (found.status, found.field("Cache-Control"), found.field("X-All"), found.field("Server")) == (
                    200, "max-age=60", "top", "box")
                assert found.body == b"a/index.html"
    with server.connect() as conn:
        found = conn.get("/assets/x.css")
        assert found.field("Cache-Control") == "max-age=31536000, immutable"
        assert found.all("X-Route") == ["1", "2"] and found.field("X-All") is None and found.field("ETag") is None
        assert found.field("Last-Modified")
        found = conn.get("/assets/x.css", "If-Modified-Since: " + found.field("Last-Modified"))
        assert (found.status, found.field("Cache-Control"), found.field("Server")) == (304, "max-age=31536000, immutable", "box")
        found = conn.get("/assets/x.css", "Range: bytes=0-0,3-4")
        assert found.status == 206 and found.all("X-Route") == ["1", "2"]
        found = conn.get("/nothing")  # errors must not be cached
        assert (found.status, found.field("Cache-Control"), found.field("X-All"), found.field("Server")) == (404, None, "top", "box")
        found = conn.get("/old/x")
        assert (found.status, found.field("Location"), found.field("Cache-Control"), found.field("X-All")) == (301, "/new/x", "no-store", "top")
        conn.send(b"GET / HTTP/1.1\r\n\r\n")
        found = conn.response("GET")
        assert (found.status, found.field("Server"), found.field("X-All")) == (400, "box", "top")


def test_fields_of_hosts(tree, tux):
    server = tux(tree, "--config", written(tree, """
log off
cache-control "max-age=1"
header { add "X-All: top" }
host a { root "%s/a"; cache-control "no-cache"; header { set "X-All: a"; remove Server } }
host b { root "%s/b"; header { add "X-All: b"; add "Vary: Cookie" } }
host c { root "%s/c"; spa on; route "/other/" { static on; header { set "X-All: other" } } }
""" % (tree, tree, tree)))
    with server.connect() as conn:
        for _ in range(2):
            found = conn.get("/", host="a")
            assert (found.all("X-All"), found.field("Cache-Control"), found.field("Server")) == (["a"], "no-cache", None)
            found = conn.get("/", host="b")
            assert (found.all("X-All"), found.field("Cache-Control"), found.field("Server")) == (["top", "b"], "max-age=1", "tux")
            assert found.field("Vary") == "Cookie"
            assert conn.get("/", host="c").all("X-All") == ["top"]
            found = conn.get("/other/page", host="c")  # the root's index, with the fields of the requested path
            assert (found.status, found.body, found.all("X-All")) == (200, b"c/index.html", ["other"])


def test_mode_bits(tree, tux):
    """Like the historic TUX: at least one of the allowed bits, none of the forbidden ones."""
    for name, mode in (("plain", 0o644), ("run", 0o755), ("sticky", 0o1644), ("group", 0o640), ("own", 0o600)):
        put(tree, "a/d/" + name, mode=mode)
        if os.getuid() == 0:  # the server becomes this user, and must be able to read them
            os.chown(os.path.join(tree, "a/d", name), pwd.getpwnam("www-data").pw_uid, -1)
    server = tux(tree + "/a", "--config", written(tree, """
log off
browse on
host a { }
host b { mode-forbidden 1111 }
host c { mode-allowed 0040 }
host d { any-mode on; mode-forbidden 1000 }
host e { mode-allowed 0; mode-forbidden 0 }
"""))
    wanted = {"a": "plain run sticky", "b": "plain", "c": "plain run sticky group", "d": "plain run group own",
              "e": "plain run sticky group own"}
    with server.connect() as conn:
        for host, served in wanted.items():
            listed = conn.get("/d/", "Accept: application/json", host=host).body
            for name in ("plain", "run", "sticky", "group", "own"):
                assert conn.get("/d/" + name, host=host).status == (200 if name in served.split() else 403), (host, name)
                assert (b'"%s"' % name.encode() in listed) == (name in served.split()), (host, name)


def test_log_per_host(tree, tux):
    logs = os.path.join(tree, "logs")
    os.mkdir(logs, 0o777)
    os.chmod(logs, 0o777)
    server = tux(tree, "--config", written(tree, """
log-format json
host a { root "%s/a"; log "%s/a.log" }
host b { root "%s/b"; log "%s/bc.log" }
host c { root "%s/c"; log "%s/../logs/bc.log"; default on }
host d { root "%s/c"; log off }
""" % (tree, logs, tree, logs, tree, logs, tree)), log="off")
    with server.connect() as conn:
        for host in ("a", "b", "c", "d", "a", "nobody"):
            conn.get("/?" + host, host=host)
    server.end()

    def targets(name):
        with open(os.path.join(logs, name), encoding="ascii") as file:
            return [json.loads(line)["target"] for line in file if json.loads(line)["method"] != "HEAD"]

    assert targets("a.log") == ["/?a", "/?a"]
    assert targets("bc.log") == ["/?b", "/?c", "/?nobody"]
    assert sorted(os.listdir(logs)) == ["a.log", "bc.log"]


def test_hosts_inherit_the_command_line(tree, tux):
    """A host inherits settings from the command line."""
    put(tree, "b/sub/file")
    server = tux(tree + "/b", "--config", written(tree, 'log off\nhost a { browse off }\nhost b { }\n'), "--browse")
    with server.connect() as conn:
        assert conn.get("/sub/", host="a").status == 403
        assert conn.get("/sub/", host="b").status == 200
    assert "2 hosts" in server.output


@pytest.mark.parametrize("text,expected", [
    ('host "a b" { }', [(2, '"a b" is not a name')]),
    ('host "a:80" { }', [(2, "a port is said with listen")]),
    ("host on", [(2, "host needs a name")]),
    ("host { a = 1 }", [(2, "host needs a name")]),
    ("host a { }\nhost A { }", [(3, '"a" is a name of another host')]),
    ("host a { listen 1234 }\nhost a { listen 1235 }", []),
    ('host a { listen 1234; name b }\nhost b { listen ["1", "1234"] }', [(3, '"b" is a name of another host')]),
    ("host a { default on }\nhost b { default on }", [(3, "the default")]),
    ("host a { default on; listen 1 }\nhost b { default on; listen 2 }", []),
    ("host a { listen 1 }\nhost b { name a }", [(3, '"a" is a name of another host')]),
    ('listen "1"\nhost a { listen 2 }', [(None, 'listen "1": each host says listen itself')]),
    ("host a {\nthreads 2\n}", [(3, "threads is not of a host")]),
    ("host a {\nbrowze on\nname [ b,\n'c d' ]\n}", [(3, 'unknown key "browze"; did you mean "browse"?'), (5, '"c d" is not a name')]),
    ("hosst a { }", [(2, 'did you mean "host"?')]),
    ("default on", [(2, "default is said in a host's { } alone")]),
    ("host a { host b { } }", [(2, "host is said at the top of the file alone")]),
    ("error on", [(2, "error needs { }")]),
    ('error {\n404 "x"\n200 "/x"\nall "/x"\n500 7 }', [(3, "is not the path of a file"), (4, "from 400 to 599"), (5, '"all" is not a status'),
                                                      (6, "needs the path of a page")]),
    ('error { 404 "/a/../b" }', [(2, "is not the path of a file")]),
    ('error { 404 "/a"; 404 "/b" }', [(2, "has a page already")]),
    ('header { add "X" }', [(2, 'is not "Name: value"')]),
    ('header { add "X: a\\r\\nY: b" }', [(2, '"X: a" is not "Name: value"')]),
    ('header { add "Server: x" }', [(2, "use set")]),
    ('header { set "Content-Length: 1" }', [(2, "TUX alone says Content-Length")]),
    ('header { remove "a b" }', [(2, "is not the name of a field")]),
    ('header {\nadd "transfer-encoding: chunked"\nchange "a: b" }', [(3, "TUX alone says Transfer-Encoding"), (4, 'unknown key "change"')]),
    ("mode-allowed 9\nhost a { mode-forbidden 10000 }", [(2, '"9" is not mode bits in octal'), (3, '"10000" is not mode bits')]),
    ("header on", [(2, "header needs { }")]),
    ('cache-control ""', [(2, "cache-control")]),
    ("etag weak", [(2, "etag")]), ("etag content\netag file", [(3, "etag")]), ('host "a" { root "/"; etag "file" }', []),
    ('route "/a" { static on; cache-control 5 }', [(2, "cache-control needs")]),
    ('route "/a" { static on; header { add "Connection: close" } }', [(2, "TUX alone says Connection")]),
    ('cache-control "max-age=1"; error { 500 "/500.html" }; header { add "A: b"; remove [ "C", "D" ] }', [])])
def test_wrong_hosts(program, place, text, expected):  # noqa: F811
    path = written(place, "\n" + text + "\n")
    found = check(program, path)
    lines = found.stderr.splitlines()
    assert len(lines) == len(expected) and found.returncode == (1 if expected else 0), found.stderr
    for line, (number, words) in zip(lines, expected):
        assert line.startswith("%s:%d: " % (path, number) if number else path + ": ") and words in line, line


def test_missing_root_is_an_error(program, tree):  # noqa: F811
    path = written(tree, 'log off\nlisten "127.0.0.1:%d"\nhost a { root "%s/a" }\nhost b { root "%s/none" }\n' % (free_port(), tree, tree))
    found = subprocess.run([program, "serve", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    assert found.returncode == 1 and tree + "/none" in found.stderr
