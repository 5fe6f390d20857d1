# SPDX-License-Identifier: GPL-2.0-or-later
"""Files with a handler, by extension and mode bits: programs, modules, another server's files. Their owner is checked."""
import gzip
import os

import pytest

from test_config import check, program, written  # noqa: F401
from upstreams import Origin, response

SECRET = "the source"
HELLO = "#!/bin/sh\n# %s\nprintf 'Content-Type: text/plain\\n\\n%%s %%s %%s ' \"$REQUEST_METHOD\" \"$SCRIPT_NAME\" \"$PATH_INFO$QUERY_STRING\"\nexec cat\n" % SECRET


def put(place, name, text=HELLO, mode=0o755, owner=(0, 0)):
    path = os.path.join(place, "www", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chown(path, *owner)
    os.chmod(path, mode)
    return path


@pytest.fixture(params=["uring", "epoll"])
def select(request, place, tux):
    """select(options): TUX with these options, for place/www."""
    if os.geteuid() != 0:
        pytest.skip("needs root: who owns a file matters")
    put(place, "index.html", "a file", 0o644)

    def start(*options):
        return tux(os.path.join(place, "www"), *options, "--engine", request.param)
    return start


def test_programs_by_extension(select, place):
    put(place, "hello.CGI")
    put(place, "a b/c.pl")
    server = select("--types", "TUX/CGI=cgi,pl")
    with server.connect() as conn:
        assert conn.get("/hello.CGI?x=1").body == b"GET /hello.CGI x=1 "
        assert conn.get("/a%20b/c.pl").body == b"GET /a b/c.pl  "
        assert conn.get("/").body == b"a file"
        assert conn.get("/hello.CGI", method="HEAD").status == 200
        assert conn.get("/hello.CGI", method="DELETE").body == b"DELETE /hello.CGI  "
        assert conn.get("/hello.CGI/more").status == 404


@pytest.mark.parametrize("head,body", [
    ("Content-Length: 5\r\n", b"abcde"), ("Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    ("Expect: 100-continue\r\nContent-Length: 5\r\n", b"abcde")])
def test_bodies_and_the_next_request(select, place, head, body):
    """A program reads the body, and the connection continues. Other handlers refuse a body, and the connection closes."""
    put(place, "hello.cgi")
    server = select("--types", "TUX/CGI=cgi")
    with server.connect() as conn:
        for _ in range(3):
            conn.send("POST /hello.cgi HTTP/1.1\r\nHost: x\r\n%s\r\n" % head)
            if "Expect" in head:
                assert conn.response(interim=True).status == 100
            conn.send(body + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert conn.response().body == b"POST /hello.cgi  abcde"
            assert conn.response().body == b"a file"
    with server.connect() as conn:
        conn.send("POST /index.html HTTP/1.1\r\nHost: x\r\n%s\r\n" % head)
        got = conn.response()
        assert got.status == 405 and got.field("Connection") == "close"


@pytest.mark.parametrize("fields", ["", "If-None-Match: *\r\n", "Range: bytes=0-1\r\n"])
def test_body_of_get_for_a_file_closes_the_connection(select, place, fields):
    """RFC 9110 9.3.1: GET may have a body. TUX does not search its end, so the connection closes; from the cache and not."""
    server = select("--types", "TUX/CGI=cgi")
    body = "GET /index.html?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(4):
        with server.connect() as conn:
            conn.send("GET /index.html HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (fields, len(body), body))
            got = conn.response()
            assert got.status in (200, 206, 304) and got.field("Connection") == "close"
            conn.assert_closed()


def test_body_over_limit_is_413(select, place):
    put(place, "hello.cgi")
    server = select("--types", "TUX/CGI=cgi", "--max-body", "1000")
    with server.connect() as conn:
        conn.send("POST /hello.cgi HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        assert conn.response().status == 413


@pytest.mark.parametrize("options", [("--types", "TUX/CGI=cgi"), ("--mode-cgi", "0111"), ("--types", "TUX/module=cgi"), ("--mode-module", "0100")])
@pytest.mark.parametrize("mode,owner", [(0o755, (1, 0)), (0o755, (0, 1)), (0o755, (65534, 65534)), (0o757, (0, 0)), (0o750, (0, 0))])
def test_program_must_be_owned_by_root(select, place, options, mode, owner):
    """Historically a file of another owner was sent as text, which leaks its source. Now it is 403."""
    put(place, "hello.cgi", mode=mode, owner=owner)
    server = select(*options)
    with server.connect() as conn:
        for method in ("GET", "HEAD"):
            got = conn.get("/hello.cgi", method=method)
            assert got.status == 403 and SECRET.encode() not in got.body


@pytest.mark.parametrize("directory", ["", "sub"])
@pytest.mark.parametrize("mode,owner", [(0o777, (0, 0)), (0o775, (0, 33)), (0o755, (33, 33))])
def test_program_in_writable_directory_is_403(select, place, directory, mode, owner):
    """Others could replace it between the check and the start."""
    put(place, "sub/hello.cgi")
    server = select("--types", "TUX/CGI=cgi")
    path = os.path.join(place, "www", directory)
    assert server.get("/sub/hello.cgi").status == 200
    os.chown(path, *owner)
    os.chmod(path, mode)
    assert server.get("/sub/hello.cgi").status == 403
    assert server.get("/index.html").status == 200
    os.chown(path, 0, 0)
    os.chmod(path, 0o755)
    assert server.get("/sub/hello.cgi").status == 200


def test_a_link_to_a_program(select, place):
    put(place, "sub/hello.cgi")
    os.symlink("sub", os.path.join(place, "www/link"))
    os.symlink("sub/hello.cgi", os.path.join(place, "www/link.cgi"))
    server = select("--types", "TUX/CGI=cgi")
    for target, status in (("/sub/hello.cgi", 200), ("/link/hello.cgi", 403), ("/link.cgi", 403)):
        got = server.get(target)
        assert got.status == status and SECRET.encode() not in got.body


def test_program_without_execute_permission(select, place):
    put(place, "hello.cgi", mode=0o644)
    got = select("--types", "TUX/CGI=cgi").get("/hello.cgi")
    assert got.status == 403 and SECRET.encode() not in got.body


def test_changed_mode_changes_the_handler(select, place):
    path = put(place, "some", mode=0o644)
    server = select("--mode-cgi", "0100")
    with server.connect() as conn:
        for _ in range(3):
            os.chmod(path, 0o644)
            assert conn.get("/some").body == HELLO.encode()
            os.chmod(path, 0o755)
            assert conn.get("/some").body == b"GET /some  "
            os.chown(path, 1, 1)
            assert conn.get("/some").status == 403
            os.chown(path, 0, 0)
            assert conn.get("/some").body == b"GET /some  "
            os.rename(path, path + ".away")
            assert conn.get("/some").status == 404
            os.rename(path + ".away", path)


def test_forbidden_mode_precedes_the_handler(select, place):
    put(place, "some")
    assert select("--mode-cgi", "0100", "--mode-forbidden", "0111").get("/some").status == 403


def test_an_index(select, place):
    put(place, "sub/index.cgi")
    server = select("--types", "TUX/CGI=cgi", "--index", "index.html", "--index", "index.cgi")
    with server.connect() as conn:
        assert conn.get("/sub/?q").body == b"GET /sub/index.cgi q "
        assert conn.get("/").body == b"a file"
        conn.send("POST /sub/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert conn.response().body == b"POST /sub/index.cgi  ab"


def test_a_sibling_that_is_a_program_is_not_sent(select, place):
    put(place, "page", "plain", 0o644)
    path = put(place, "page.gz", "", 0o755)
    with open(path, "wb") as file:
        file.write(gzip.compress(SECRET.encode()))
    got = select("--mode-cgi", "0100").get("/page", "Accept-Encoding: gzip")
    assert (got.body, got.field("Content-Encoding")) == (b"plain", None)


def test_an_error_page_that_is_a_program_is_not_sent(select, place):
    put(place, "404.html")
    got = select("--mode-cgi", "0100").get("/missing")
    assert got.status == 404 and SECRET.encode() not in got.body


def test_modules(select, place):
    put(place, "sub/demo.tux", "", 0o644)
    server = select("--types", "TUX/module=tux,x")
    with server.connect() as conn:
        assert conn.get("/sub/demo.tux?a").status == 503
        conn.send("POST /sub/demo.tux HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        assert conn.response().status == 503
    assert [line.rsplit(", ", 1)[1] for line in server.output.splitlines() if ": 503: the module is not loaded; " in line] == ["module sub/demo.tux"] * 2


def test_file_of_another_server(select, place):
    """For any owner, because TUX does not run it. Methods and bodies too. Missing files also go to the other server."""
    put(place, "app.php", SECRET, 0o644, (1, 1))
    put(place, "hello.cgi")
    other = Origin(lambda request: response(("%s %s " % (request.method, request.target)).encode() + request.body))
    server = select("--types", "TUX/redirect=php", "--types", "TUX/CGI=cgi", "--handover", str(other.port))
    with server.connect() as conn:
        assert conn.get("/app.php?a=b").body == b"GET /app.php?a=b "
        assert conn.get("/").body == b"a file"
        for target, body in (("/app.php", b"POST /app.php abc"), ("/", b"POST / abc"), ("/missing", b"POST /missing abc"),
                             ("/hello.cgi", b"POST /hello.cgi  abc")):
            conn.send("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" % target)
            assert conn.response().body == body, target
        assert conn.get("/app.php", method="DELETE").body == b"DELETE /app.php "
    other.close()


def test_file_of_another_server_without_handover(select, place):
    put(place, "app.php", SECRET, 0o644)
    got = select("--types", "TUX/redirect=php").get("/app.php")
    assert got.status == 403 and SECRET.encode() not in got.body


def test_hosts_and_the_kind_files(select, place):
    """Each host has its own selection; cgi files configures how such programs run."""
    put(place, "env.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho $A; id -un\n")
    path = written(place, """
cgi files { user nobody; env { A = "said" } }
root "%(place)s/www"
host "programs" { types [ "TUX/CGI=cgi", "TUX/module=tux" ] }
host "plain" { mode-cgi = 0 }
""" % {"place": place})
    server = select("--config", path)
    assert server.get("/env.cgi", host="programs").body == b"said\nnobody\n"
    assert server.get("/env.cgi", host="plain").body.startswith(b"#!/bin/sh")


@pytest.mark.parametrize("text,expected", [
    ('types "TUX/cgi=a"\n', [(1, '"TUX/cgi=a" is not TUX/CGI, TUX/module or TUX/redirect')]),
    ('types [ "TUX/CGI=a,b" ]\ntypes "TUX/module=b"\n', [(2, '"TUX/module=b" is not')]),
    ('types "TUX/CGI=.a"\nmode-cgi 9\nmode-module 10000\n', [(1, '"TUX/CGI=.a" is not'), (2, '"9"'), (3, '"10000"')]),
    ("cgi files { root /x }\n", [(1, "cgi files has no root and no chroot")]),
    ('route "/x" { cgi files }\n', [(1, "a route needs another")])])
def test_configuration_errors(program, place, text, expected):  # noqa: F811
    path = written(place, text)
    found = check(program, path)
    lines = found.stderr.splitlines()
    assert found.returncode == 1 and len(lines) == len(expected), found.stderr
    for line, (number, words) in zip(lines, expected):
        assert line.startswith("%s:%d: " % (path, number)) and words in line


def test_warnings(program, place):  # noqa: F811
    redirect, module = "without handover PORT", "no module is loaded"
    for text, warned in (('types "TUX/redirect=php"\n', [redirect]), ('types "TUX/redirect=php"\nhandover 80\n', []), ("mode-cgi 0100\n", []),
                         ('host a {\ntypes [ "TUX/module=tux", "TUX/redirect=php" ] }\n', [redirect, module]), ("mode-module 4000\n", [module])):
        path = written(place, text)
        found = check(program, path)
        lines = found.stderr.splitlines()
        assert found.returncode == 0 and len(lines) == len(warned)
        for line, words in zip(lines, warned):
            assert line.startswith(path + (":1: " if "host" in text else ": ") + "warning: " + words)
