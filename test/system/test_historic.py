# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules of the historic interface tux(2): the examples, and modules/historic/actions.c, whose query says what it does."""
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

import client
from tools import make_place
from upstreams import Origin, response

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
EXAMPLES = os.path.join(TOP, "examples", "historic")
ACTIONS = os.path.join(HERE, "modules", "historic", "actions.c")
PAGE = "<p>a page</p>"
# gcc 14 makes errors of these.
STRICT = ["-Werror=implicit-function-declaration", "-Werror=implicit-int", "-Werror=int-conversion", "-Werror=incompatible-pointer-types"]


@pytest.fixture(scope="session")
def build():
    """build(source): compiles a historic module with warnings, as libtux/README.md says. Returns the path of the shared object."""
    folder = make_place()
    built = {}

    def run(source):
        if source not in built:
            path = os.path.join(folder, os.path.basename(source)[:-1] + "tux.so")
            subprocess.run(["cc", "-shared", "-fPIC", "-w", *STRICT, "-I", os.path.join(TOP, "include"), source, "-o", path], check=True)
            built[source] = path
        return built[source]
    yield run
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def library(request, place):
    path = os.path.join(place, "libtux.so")
    shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(request.config.getoption("tux"))), "libtux", "libtux.so"), path)
    return path


@pytest.fixture(params=["uring", "epoll", "isolated"])
def serve(request, place, tux, build, library):
    """serve(name of an example, or source; ...): TUX with the module at /name.tux."""
    def start(source, more="", top="", route="", config=""):
        name = os.path.basename(source).replace(".c", "")
        path = build(source if "/" in source else os.path.join(EXAMPLES, source + ".c"))
        root = os.path.join(place, "root")
        os.makedirs(root, exist_ok=True)
        for file, text in (("page.html", PAGE), ("large.html", "x" * 3000000), ("a b%.html", "escaped")):
            with open(os.path.join(root, file), "w", encoding="utf-8") as out:
                out.write(text)
        os.makedirs(os.path.join(root, "sub"), exist_ok=True)
        with open(os.path.join(root, "secret.html"), "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o600)
        if not os.path.exists(os.path.join(root, "pipe")):
            os.mkfifo(os.path.join(root, "pipe"))
        if start.isolated:
            more += '; historic "%s"; programs on; network on; memory 0' % path
            more += '; root "%s"' % root if os.geteuid() == 0 else ""
        else:
            more += '; file "%s"' % library
            config += '; historic = "%s"; root = "%s"' % (path, root)
        with open(os.path.join(place, "tux.conf"), "w", encoding="utf-8") as out:
            out.write("""%s
                module %s.tux { %s; config { %s } }
                route "%s" { module %s.tux }
            """ % (top, name, more.strip("; "), config.strip("; "), route or "/%s.tux" % name, name))
        return tux(root, "--config", os.path.join(place, "tux.conf"), "--engine", request.param.replace("isolated", "epoll"), "--threads", "2",
                   *([] if start.isolated else ["--no-sandbox"]))
    start.isolated = request.param == "isolated"
    return start


def told(server, line):
    """Waits for a line in the error log: another process writes it."""
    client.wait_until(lambda: line in server.output, line)


def ask_many(server, target, expected, count=20):
    """Sends requests of several connections at the same time."""
    found = []

    def ask():
        with server.connect() as conn:
            found.extend(conn.get(target).body for _ in range(count))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4 * count


def test_file(serve):
    """GET_OBJECT, SEND_OBJECT, FINISH_REQ in three events; other requests come between them."""
    server = serve("file")
    with server.connect() as conn:
        for _ in range(3):
            found = conn.get("/file.tux?page.html")
            assert (found.status, found.body, found.field("Content-Length")) == (200, PAGE.encode(), str(len(PAGE)))
            assert found.field("Content-Type") == "text/html"
            assert conn.get("/file.tux?none.html").status == 404
            found = conn.get("/file.tux?page.html", method="HEAD")
            assert (found.body, found.field("Content-Length")) == (b"", str(len(PAGE)))
        assert conn.get("/file.tux?a b%.html".replace(" ", "%20").replace("%.", "%25.")).status == 404  # the query is as sent
        for wrong in ("../tux.conf", "/", "sub", "secret.html", "pipe"):
            assert conn.get("/file.tux?" + wrong).status == 404
        assert conn.get("/file.tux?large.html").body == b"x" * 3000000
    ask_many(server, "/file.tux?page.html", PAGE.encode())
    ask_many(server, "/file.tux?large.html", b"x" * 3000000, 2)


def test_post(serve):
    server = serve("post")
    with server.connect() as conn:
        for body in (b"a=b", b"", b"\0" * 60000):
            conn.send(b"POST /post.tux HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            found = conn.response("POST")
            assert (found.body, found.field("Content-Type")) == (body, "text/x")
        conn.send("PUT /post.tux HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert conn.response("PUT").body == b"abc"
        conn.send("POST /post.tux HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + "b" * 70000)
        assert conn.response("POST").body == b"b" * 65536  # as much as the module has room for


@pytest.mark.parametrize("name", ["thread", "process"])
def test_postponed(serve, name):
    """POSTPONE_REQ, and CONTINUE_REQ from a thread and from another process."""
    server = serve(name)
    ask_many(server, "/%s.tux" % name, name.encode() + b"\n", 10)


def test_thread_of_init(serve):
    server = serve(os.path.join(HERE, "modules", "historic", "early.c"), config="init = start")
    ask_many(server, "/early.tux", b"early\n", 10)


def test_proxy(serve):
    """WATCH_PROXY_SOCKET and WAIT_PROXY_SOCKET: other requests are served meanwhile."""
    go = threading.Event()

    def late(sock):
        go.wait(20)
        sock.sendall(response(b"late"))
    origin, fast = Origin(lambda _: late), Origin(lambda _: lambda sock: sock.sendall(response(b"fast")))
    server = serve("proxy")
    with server.connect() as conn:
        conn.send("GET /proxy.tux?%d HTTP/1.1\r\nHost: a\r\n\r\n" % origin.port)
        client.wait_until(lambda: origin.requests, "the origin has the request")
        assert server.get("/proxy.tux?%d" % fast.port).body == b"fast"
        go.set()
        assert conn.response().body == b"late"
    assert server.get("/proxy.tux?1").status == 502  # no server, and no response


def test_redirect(serve):
    """REDIRECT_REQ: the server of handover responds, or else the files."""
    origin = Origin(lambda request: response(b"from the secondary server"))
    server = serve("redirect", top="handover %d" % origin.port)
    with server.connect() as conn:
        assert conn.get("/redirect.tux?a=b").body == b"from the secondary server"
        assert conn.get("/redirect.tux?a=b").body == b"from the secondary server"
    assert origin.requests[0].target == "/redirect.tux?a=b"
    server.end()
    server = serve("redirect", route="/page.html")
    assert server.get("/page.html").body == PAGE.encode()


def test_counter(serve):
    server = serve("counter")
    assert [server.get("/counter.tux").body for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the file must be root's")
def test_selected_by_a_file(serve, place):
    """A file of root whose type is TUX/module names the module, whatever it contains. A redirected request goes to the other server."""
    origin = Origin(lambda request: response(b"from the secondary server"))
    os.mkdir(os.path.join(place, "root"))
    for name in ("counter.tux", "redirect.tux"):
        with open(os.path.join(place, "root", name), "w", encoding="utf-8") as file:
            file.write("never sent")
    server = serve("counter", route="/none", top='types "TUX/module=tux"')
    assert [server.get("/counter.tux?%d" % i).body for i in range(2)] == [b"1\n", b"2\n"]
    assert server.get("/redirect.tux").status == 503  # no such module
    server.end()
    for top, status in (("handover %d" % origin.port, 200), ("", 404)):
        server = serve("redirect", route="/none", top='types "TUX/module=tux"\n' + top)
        assert server.get("/redirect.tux?a").status == status
        server.end()
    assert [request.target for request in origin.requests] == ["/redirect.tux?a"]


def test_image(serve):
    """SEND_BUFFER, by a module of version 2."""
    server = serve("image")
    found = server.get("/image.tux")
    assert (found.field("Content-Type"), found.body[:6], len(found.body)) == ("image/gif", b"GIF89a", 35)
    ask_many(server, "/image.tux", found.body)


@pytest.fixture
def actions(serve):
    def start(**options):
        return serve(ACTIONS, **options)
    start.isolated = serve.isolated
    return start


def test_fields(actions, place):
    """The structure, and the variables of CGI."""
    root = "/" if actions.isolated and os.geteuid() != 0 else os.path.join(place, "root")
    server = actions(config="servername = old.example")
    fields = ["Cookie: a=b", "Content-Type: text/x", "User-Agent: u", "Accept: a/b", "Accept-Charset: c", "Accept-Encoding: d", "Accept-Language: e",
              "Cache-Control: no-cache", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "Negotiate: n", "Pragma: p", "Referer: " + "r" * 100]
    found = server.get("/actions.tux?fields", *fields).body.decode().splitlines()
    assert found == ["3.0.0", "HTTP 1", "method 1 GET", "client 127.0.0.1", "objectlen 0", "module 1 actions.tux", "keep-alive 1",
                     "actions.tux?fields", "cookies 3 a=b",
                     "text/x|u|a/b|c|d|e|no-cache|Sun, 06 Nov 1994 08:49:37 GMT|n|p|" + "r" * 63,
                     "old.example CGI/1.1 HTTP/1.1 80", root + " fields 3.0", "event 0 error 0"]
    found = server.get("/actions.tux?fields", "Cookie: " + "c" * 128, "Connection: close").body.decode().splitlines()
    assert found[6] == "keep-alive 0" and found[8] == "cookies 0 "  # a part of a cookie would be another cookie


def test_results(actions):
    assert actions().get("/actions.tux?results").body.decode() == (
        "50331648 EINVAL EINVAL | 0 EEXIST EINVAL EINVAL 0 EINVAL | 29 EINVAL 0 EINVAL | "
        "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL ")


def test_read_headers(actions):
    server = actions(config="max_header_len = 500")
    assert server.get("/actions.tux?headers", "X-A:  b").body == b"GET /actions.tux?headers HTTP/1.1\r\nHost: test\r\nX-A: b\r\n\r\n"
    assert server.get("/actions.tux?headers", "X-A: " + "b" * 500).status == 502
    told(server, "a request head is longer than max_header_len, which is 500")


def test_read_object(actions):
    server = actions()
    assert server.get("/actions.tux?read").body == PAGE.encode()


def test_event_and_priv_stay_with_a_request(actions):
    ask_many(actions(), "/actions.tux?buffers", b"1;12;123;")


@pytest.mark.parametrize("word, body", [("no-length", b"no length"), ("chunked", b"abcde"), ("long", b"lo"), ("close", b"closed\n"), ("large", None)])
def test_framing(actions, word, body):
    """The server frames the response, and the next request of the connection follows."""
    server = actions()
    with server.connect() as conn:
        for _ in range(2):
            found = conn.get("/actions.tux?" + word)
            assert found.body == body if body is not None else len(found.body) == 4 << 20
        assert conn.get("/page.html").body == PAGE.encode()
    with server.connect(receive_buffer=4096) as conn:
        assert conn.get("/actions.tux?" + word, version="1.0").status == 200


@pytest.mark.parametrize("word, line", [
    ("garbage", "it begins with no status line"), ("nothing", "the module wrote nothing"), ("bad-field", "a field of its head is invalid"),
    ("forget", "the module wrote nothing"), ("error", "the module wrote nothing")])
def test_garbage_is_502(actions, word, line):
    server = actions()
    with server.connect() as conn:
        assert conn.get("/actions.tux?" + word).status == 502
        assert conn.get("/page.html").body == PAGE.encode()
        assert conn.get("/actions.tux?chunked").body == b"abcde"
    told(server, "tux: module actions.tux: error: the response to /actions.tux is invalid: %s\n" % line)


def test_short_response_is_cut(actions):
    server = actions()
    conn = server.connect()
    conn.send("GET /actions.tux?short HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"Content-Length: 10\r\n" in conn.rest()
    told(server, "the response to /actions.tux is cut: it is shorter than its Content-Length")


@pytest.mark.parametrize("target", ["/actions.tux?" + "q" * 256, "/" + "p" * 256])
def test_long_names_are_refused(actions, target):
    server = actions(route="/")
    assert server.get(target).status == 414
    told(server, "which the historic interface cannot carry")
    assert server.get(target[:-1]).status == 502  # 255 bytes reach the module, which writes nothing


def test_other_methods_are_not_for_the_module(actions):
    server = actions()
    assert server.get("/actions.tux?chunked", method="DELETE").status == 405


@pytest.mark.parametrize("word", ["never", "spin"])
def test_never_finished(actions, word):
    server = actions(more="timeout 1")
    assert server.get("/actions.tux?" + word).status == 504
    assert server.get("/actions.tux?chunked").body == b"abcde"


def test_continued_after_the_client_left(actions):
    """A second CONTINUE_REQ fails."""
    server = actions()
    conn = server.connect()
    conn.send("GET /actions.tux?never HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: server.get("/actions.tux?waits").body == b"yes", "the module has it")
    conn.close()
    assert server.get("/actions.tux?wake").body == b"-1 0\n"
    assert server.get("/actions.tux?wake").body == b"-1 -1\n"
    assert server.get("/actions.tux?chunked").body == b"abcde"


def test_finished_twice(actions):
    """The second one finishes the next request, whose response is missing."""
    server = actions()
    with server.connect() as conn, server.connect() as other:
        assert conn.get("/actions.tux?twice").body == b"once\n"
        assert other.get("/actions.tux?chunked").status == 502
        assert conn.get("/actions.tux?chunked").body == b"abcde"


def test_module_that_ends_itself(actions):
    server = actions()
    with server.connect() as conn:
        conn.send("GET /actions.tux?shutdown HTTP/1.1\r\nHost: a\r\n\r\nGET /actions.tux?chunked HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.response().body == b"down\n"
        conn.response()  # the one that it had got before
        assert conn.get("/actions.tux?chunked").status == 503
    told(server, "the module has ended itself; its requests get 503")


@pytest.mark.parametrize("word", ["204", "304"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_status_without_content(actions, word, method):
    """RFC 9110 8.6, 15.3.5, 15.4.5: 204 and 304 have no content, whatever Content-Length says."""
    server = actions()
    with server.connect() as conn:
        for _ in range(2):
            assert conn.get("/actions.tux?" + word, method=method).status == int(word)
        assert conn.get("/actions.tux?chunked").body == b"abcde"


@pytest.mark.parametrize("word", ["bad-gzip", "bad-type"])
def test_error_has_no_field_of_the_module(actions, word):
    """A failed response leaves no field behind: Content-Encoding would make the page of the error garbage."""
    server = actions()
    with server.connect() as conn:
        found = conn.get("/actions.tux?" + word)
        assert found.status == 502
        assert [found.field(name) for name in ("Content-Encoding", "Set-Cookie", "Cache-Control")] == [None] * 3
        assert b"invalid" in found.body


def test_thread_writes_after_the_client_left(actions):
    """A thread of the module gets EPIPE, and no signal that ends its process."""
    server = actions()
    process = server.get("/actions.tux?pid").body
    conn = server.connect()
    conn.send("GET /actions.tux?thread HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: server.get("/actions.tux?waits").body == b"yes", "the module has it")
    conn.close()
    client.wait_until(lambda: server.get("/actions.tux?ended").body == b"1", "the thread continues the request")
    assert server.get("/actions.tux?pid").body == process


def test_wait_for_a_descriptor_after_the_response_failed(actions):
    """WAIT_PROXY_SOCKET ends at once, because no time limit would end it."""
    server = actions()
    assert server.get("/actions.tux?vain").status == 502
    client.wait_until(lambda: server.get("/actions.tux?ended").body == b"1", "the wait ends")


def test_continued_before_it_is_postponed(actions):
    """CONTINUE_REQ of another process succeeds always, so it has an effect."""
    server = actions()
    assert server.get("/actions.tux?late").body == b"early\n"
    client.wait_until(lambda: server.get("/actions.tux?ended").body == b"1", "the request ends")


def test_postponed_for_clients_that_left(actions):
    """A postponed request whose client has left keeps the descriptor of the module alone."""
    server = actions(more="timeout 30")
    with server.connect() as asker:
        def more():
            return int(asker.get("/actions.tux?descriptors").body) - before
        before = int(asker.get("/actions.tux?descriptors").body)
        conns = [server.connect() for _ in range(20)]
        for conn in conns:
            conn.send("GET /actions.tux?never HTTP/1.1\r\nHost: a\r\n\r\n")
        client.wait_until(lambda: asker.get("/actions.tux?held").body == b"20", "the module has them")
        for conn in conns:
            conn.close()
        client.wait_until(lambda: more() < 30, "the others are closed")
        assert more() > 10  # the server may have closed a few of its own


def test_client_that_leaves(actions):
    """The module's writes fail, as to a socket whose client has left, and it goes on."""
    server = actions()
    for _ in range(3):
        with server.connect(receive_buffer=4096) as conn:
            conn.send("GET /actions.tux?large HTTP/1.1\r\nHost: a\r\n\r\n")
            conn.take(1000)
    for i in range(200):
        with server.connect() as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            conn.send("GET /actions.tux?chunked HTTP/1.1\r\nHost: a\r\n\r\n" * 4)
            time.sleep(i % 10 / 20000)
    assert server.get("/actions.tux?chunked").body == b"abcde"
    assert "the response to" not in server.output


@pytest.mark.parametrize("word", ["crash", "exit"])
def test_crash(actions, word):
    """Its request gets 502, and a new process has the next ones."""
    if not actions.isolated:
        pytest.skip("it would end the server")
    server = actions()
    assert server.get("/actions.tux?chunked").body == b"abcde"
    with server.connect() as conn:
        assert conn.get("/actions.tux?" + word).status == 502
        assert conn.get("/page.html").body == PAGE.encode()
    client.wait_until(lambda: server.get("/actions.tux?chunked").body == b"abcde", "a new process responds")


def test_client_that_does_not_read_holds_up_nobody(actions):
    """The module writes to its socket, which blocks. What the library reads ahead, the client gets later."""
    server = actions()
    with server.connect(receive_buffer=65536) as conn:
        conn.send("GET /actions.tux?many=12000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.head().status == 200
        assert server.get("/actions.tux?chunked").body == b"abcde"
        assert conn.take(12000000) == b"m" * 12000000
        assert conn.get("/page.html").body == PAGE.encode()
        conn.send("GET /actions.tux?many=100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.head().status == 200
        assert server.get("/actions.tux?chunked").body == b"abcde"
        assert len(conn.rest()) < 100000000
        told(server, "the response to /actions.tux is cut: its client is too slow: the module waits for it, and other requests wait for the module\n")
    with server.connect() as conn:  # a client that reads gets all
        conn.send("GET /actions.tux?many=100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        conn.head()
        assert conn.take(100000000) == b"m" * 100000000


def fails(tux, place, library, config):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config.replace("LIBRARY", library))
    server = tux(place, "--config", path, "--no-sandbox", ready=False)
    assert server.wait() == 1
    server.end = lambda: None
    return server.output


def test_what_cannot_be_loaded(tux, place, library, build):
    """Each failure at the start says its cause."""
    other = os.path.join(place, "other.so")

    def module(name, path):
        return 'module %s { file "LIBRARY"; config { historic = "%s" } }\n' % (name, path)
    assert "config needs historic" in fails(tux, place, library, 'module a { file "LIBRARY" }')
    assert "%s: No such file or directory" % other in fails(tux, place, library, module("a", other))
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", other], check=True)
    assert "lacks TUXAPI_init() or TUXAPI_handle_events()" in fails(tux, place, library, module("a", other))
    counter = build(os.path.join(EXAMPLES, "counter.c"))
    shutil.copyfile(counter, other)
    os.chmod(other, 0o666)
    assert "%s: other users can change it" % other in fails(tux, place, library, module("a", other))
    assert "has a file and a historic module" in fails(tux, place, library, 'module a { file "LIBRARY"; historic "%s" }' % counter)
    for key in ("historic", "root"):
        text = 'module a { historic "%s"; config { %s = "/" } }\n' % (counter, key)
        assert "module a has %s in config { }, which historic sets" % key in fails(tux, place, library, text)
    text = '\nmodule a { historic "%s"; isolate off }\n' % counter
    assert re.search(r"tux.conf:2: module a has isolate off, and a historic module always runs in a process of its own\n", fails(tux, place, library, text))
    early = module("a", build(os.path.join(HERE, "modules", "historic", "early.c")))
    assert "load() has started a thread" in fails(tux, place, library, early)
    assert re.search("a process can have one historic module", fails(tux, place, library, module("a", counter) + module("b", counter)))


@pytest.mark.skipif(os.geteuid() != 0, reason="a start as root does not load what others can change")
def test_historic_module_of_another_user(tux, place, library, build):
    """Like the file of any module. Another user could own it, or replace its folder."""
    counter = build(os.path.join(EXAMPLES, "counter.c"))
    folder = os.path.join(place, "open")
    os.mkdir(folder)
    path = os.path.join(folder, "counter.so")
    shutil.copyfile(counter, path)
    text = 'module a { historic "%s" }' % path
    os.chown(path, 65534, 65534)
    assert "%s can be changed by others than root" % path in fails(tux, place, library, text)
    os.chown(path, 0, 0)
    os.chmod(folder, 0o777)
    assert "%s can be changed by others than root" % path in fails(tux, place, library, text)
    inner = os.path.join(folder, "inner")
    os.mkdir(inner)
    path = os.path.join(inner, "counter.so")
    shutil.copyfile(counter, path)
    assert "%s can be changed by others than root" % path in fails(tux, place, library, 'module a { historic "%s" }' % path)
    text = 'module a { file "LIBRARY"; config { historic = "%s" } }' % path
    assert "%s: other users can change it, or a folder of its path" % path in fails(tux, place, library, text)
