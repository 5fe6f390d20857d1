# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules: what they see of a request, their replies, and their mistakes. modules/probe.c does what the path says."""
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import client
import hosted
import tls
from hosted import TOP, source
from tools import is_sanitized
from upstreams import Origin, response


@pytest.fixture
def probe(build):
    return build(source("probe"))


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux, probe):
    """serve(more of the module block, more of the file): TUX with the module at /m/, and in threads of its own at /pool/."""
    def start(more="", top="", **options):
        os.makedirs(os.path.join(place, "root/m"), exist_ok=True)
        for name, text in (("file.txt", "a file"), ("m/decline", "the file of the path"), ("hidden.txt", "hidden")):
            with open(os.path.join(place, "root", name), "w", encoding="utf-8") as file:
                file.write(text)
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""%s
                module probe { file "%s"; %s }
                module pooled { file "%s"; threads 2 }
                module isolated { file "%s"; isolate on; memory 0 }
                route "/m/" { module probe }
                route "/pool/" { module pooled }
                route "/iso/" { module isolated }
                route "/hidden.txt" { hidden on }
            """ % (top, probe, more, probe, probe))
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1", **options)
    return start


NAMES = hosted.names("probe")


def lines(response):
    return response.body.decode("latin-1").splitlines()


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_a_request_as_the_module_sees_it(serve, at):
    server = serve()
    found = lines(server.get(at + "/%65cho?a=%20b&c", "X-Probe: one", "X-Probe: two"))
    assert found[:9] == ["method 1", "GET", at + "/echo", "a=%20b&c", at + "/%65cho?a=%20b&c", "test", "(none)", "one", "(none)"]
    assert found[9] == "client 0 255 255 127 0 0 1"
    assert [line for line in found if line.startswith("field X-Probe")] == ["field X-Probe=one", "field X-Probe=two"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_scheme_and_facts_of_tls(serve, place, at, version):
    """A client with a certificate, one without, one that names no host, and a connection without TLS."""
    pair, authority = tls.make(place, "server", "test"), tls.make(place, "clients", "clients")
    own = tls.make_signed(place, "somebody", authority)
    server = serve()
    assert lines(server.get(at + "/tls")) == ["http"] + 10 * ["null"]
    server.end()
    server = serve(top='%s\ntls-client { ca "%s"; verify optional }' % (pair.block, authority.certificate), tls=tls.trusting(pair, version=version))
    with server.connect() as conn:
        for _ in range(2):
            found = lines(conn.get(at + "/tls"))
            assert found[:2] == ["https", conn.sock.ssl.version()] and found[3:] == ["test", "0", "NONE"] + 5 * ["null"]
            assert found[2].startswith("TLS_AES" if version == ssl.TLSVersion.TLSv1_3 else "ECDHE-ECDSA-")
        session = conn.sock.ssl.session
    with server.connect(session=session) as conn:
        assert lines(conn.get(at + "/tls"))[4] == "1"
    nameless = tls.trusting(pair, version=version)
    nameless.check_hostname = False
    nameless.load_cert_chain(own.certificate, own.key)
    with server.connect(tls=nameless, name=None) as conn:
        found = lines(conn.get(at + "/tls"))
    assert found[3:7] == ["null", "0", "SUCCESS", "CN=somebody"] and found[7] == "CN=clients" and found[10] == "null"
    assert re.fullmatch("[0-9A-F]+", found[8]) and re.fullmatch("[0-9a-f]{64}", found[9])


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_a_body(serve, at):
    """A body arrives complete, whatever its framing; the next request of the connection follows."""
    server = serve(top="max-body 64k")
    with server.connect() as conn:
        for body in (b"x", b"y" * 60000):
            conn.send("POST %s/echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (at, len(body)))
            conn.send(body[:1])
            conn.send(body[1:])
            assert lines(conn.response("POST"))[6] == body.decode()
        conn.send("PUT %s/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: t\r\n\r\n" % at)
        conn.send("GET %s/echo HTTP/1.1\r\nHost: a\r\n\r\n" % at)
        assert lines(conn.response("PUT"))[:7:6] == ["method 5", "abcde"]
        assert lines(conn.response("GET"))[6] == "(none)"
        conn.send("POST %s/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" % at)
        assert conn.response("POST").status == 413
    with server.connect() as conn:
        conn.send("POST %s/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" % at + "z" * 65535 + "\r\nfff\r\n" + "z" * 4095)
        assert conn.response("POST").status == 413
    with server.connect() as conn:
        conn.send("POST %s/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n" % at)
        assert conn.response("POST", interim=True).status == 100
        conn.send("abc")
        assert lines(conn.response("POST"))[6] == "abc"


REPLIES = [
    ("/memory?10", b"m" * 10), ("/memory?0", b""), ("/memory?5000000", b"m" * 5000000), ("/static", b"the content of an open file"),
    ("/copy", b"c" * 100000), ("/fd", b"content of an open fi"), ("/file?/file.txt", b"a file"), ("/file?/hidden.txt", b"hidden"),
    ("/status?500", b"status\n"), ("/thread?20", b"later\n"), ("/at-once", b"at once\n"), ("/suspend-and-done", b"done\n"),
    ("/twice", b"first\n"), ("/other-thread", b"refused\n"), ("/forever", b"f" * 100000), ("/at-once-slow", b"at once\n"),
    ("/counter", b"1\n")]


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
@pytest.mark.parametrize("target, body", REPLIES, ids=[target for target, _ in REPLIES])
def test_a_reply(serve, at, target, body):
    server = serve()
    with server.connect() as conn:
        for _ in range(2):
            found = conn.get(at + target)
            assert found.body == body and found.status == (500 if "500" in target and "status" in target else 200)
        found = conn.get(at + target, method="HEAD")
        assert found.body == b"" and found.field("Content-Length") == str(len(body))
        assert conn.get("/file.txt").body == b"a file"


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_configured_fields_replace_those_of_the_module(serve, at):
    """header { } concerns every response: set and remove hold for the module's fields, and add does not."""
    server = serve(top='header { set "X-One: set"; remove "x-two"; set "X-From: configured"; add "X-Added: one" }')
    found = server.get(at + "/status?404")
    assert (found.all("X-One"), found.all("X-Two"), found.all("X-Added")) == (["set"], [], ["one"])
    assert server.get(at + "/file?/file.txt").all("X-From") == ["configured"]


def test_fields_and_status(serve):
    server = serve()
    found = server.get("/m/status?404")
    assert (found.status, found.field("X-One"), found.field("X-Two"), found.field("Content-Type")) == (404, "1", "2", "text/plain")
    found = server.get("/m/file?/file.txt", "Range: bytes=2-3")
    assert (found.status, found.field("X-From"), found.body) == (206, "module", b"fi")
    assert server.get("/m/file?/file.txt", "If-None-Match: *").status == 304
    assert server.get("/m/file?/none").status == 404
    found = server.get("/m/redirect")
    assert (found.status, found.field("Location")) == (303, "/elsewhere?x=1")
    assert server.get("/m/status?204").status == 204
    einval, e2big = "-22", "-7"
    assert lines(server.get("/m/wrong")) == [" ".join([einval] * 9 + [e2big]) + "|" + " ".join([einval] * 7)]


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
@pytest.mark.parametrize("field, line", [
    ("Location:/x", b"0 -22 -22 -22"), ("Server:x", b"-22 -22 0 0"), ("server:x", b"-22 -22 0 0")])
def test_a_field_that_a_reply_writes_itself(serve, at, field, line):
    """RFC 9110 5.3: a field that is no list has one line, so the module's own is refused, before a reply of the server's with it."""
    found = serve().get(at + "/own-field?" + field)
    assert (found.status, found.body) == (200, line + b"\n")
    assert found.all("Location") == ["/x"] * field.startswith("Location")
    assert len(found.all("Server")) == 1


@pytest.mark.parametrize("field, count", [
    ('ETag:"x"', 1), ("Last-Modified:Sun,+06+Nov+1994+08:49:37+GMT", 1), ("Content-Range:bytes+0-1/2", 1),
    ("Content-Encoding:gzip", 2), ("Accept-Ranges:none", 2)])
def test_a_field_of_a_file_beside_a_file(serve, field, count):
    """It stays with a reply of the module's own; tux_reply_file() refuses it, so the redirect behind it is the reply."""
    found = serve().get("/m/own-field?" + field)
    assert (found.status, found.field("Location"), len(found.all(field.split(":")[0]))) == (303, "/elsewhere", count)


def test_vary_of_the_module_beside_that_of_a_file(serve, place):
    """RFC 9110 12.5.5: a list may have several lines."""
    server = serve()
    with open(os.path.join(place, "root/file.txt.gz"), "wb") as file:
        file.write(b"coded")
    client.wait_until(lambda: server.get("/m/vary?/file.txt").all("Vary") == ["Accept-Encoding", "Cookie"], "both lines are there")


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
@pytest.mark.parametrize("target, body", [("/at-once", b"at once\n"), ("/thread?20", b"later\n"), ("/forever", b"f" * 100000), ("/file?/file.txt", b"a file")])
def test_a_reply_after_a_body(serve, at, target, body):
    """The bytes after the body are the next request."""
    server = serve()
    with server.connect() as conn:
        conn.send("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n" % (at + target))
        assert conn.response("POST").body == body
        assert conn.response("GET").body == b"a file"


def test_a_request_that_is_resumed_while_handle_runs(serve):
    """Its call is not used again before handle() has returned."""
    server = serve()
    answers = []

    def ask(target):
        with server.connect() as conn:
            answers.extend(conn.get(target).body for _ in range(40))
    threads = [threading.Thread(target=ask, args=(target,)) for target in ("/pool/at-once-slow", "/pool/counter", "/pool/counter", "/m/twice")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted([b"at once\n"] * 40 + [b"1\n"] * 80 + [b"first\n"] * 40)
    assert "module pooled: " not in server.output


def test_many_fields(serve):
    """Fields of several redirects have a limit together."""
    server = serve()
    found = server.get("/m/long-field?/file.txt")
    assert found.body == b"a file" and len(found.field("X-Long")) == 3999
    assert server.get("/m/long-field?/m/long-field?/m/long-field?/file.txt").status == 500
    assert server.get("/m/long-field?/m/long-field?/m/status?200").status == 200
    assert server.get("/file.txt").body == b"a file"


def test_fields_of_an_application(serve):
    """A module behind X-Accel-Redirect adds fields; the application's Content-Type stays."""
    origin = Origin(lambda request: response(b"", "200 OK", "X-Accel-Redirect: /m/long-field?/file.txt", "Content-Type: text/x-special"))
    server = serve(top='route "/app" { upstream "%s" }' % origin.name)
    for _ in range(3):
        found = server.get("/app")
        assert (found.body, found.field("Content-Type"), len(found.field("X-Long"))) == (b"a file", "text/x-special", 3999)


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
@pytest.mark.parametrize("word", ["fail", "bad-file", "none"])
def test_a_mistake_with_an_error_page(serve, place, at, word):
    """The page has to be loaded; the module is called once, and the next request is not taken for a body."""
    server = serve(top='error { 500 "/500.html" }')
    with open(os.path.join(place, "root/500.html"), "w", encoding="utf-8") as file:
        file.write("the error page")
    for method in ("GET", "POST"):
        with server.connect() as conn:
            before = int(conn.get(at + "/calls").body.split()[1])
            conn.send("%s %s/%s HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" % (method, at, word) + "b" * 40 +
                      "GET %s/calls HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            found = conn.response(method)
            assert (found.status, found.body) == (500, b"the error page")
            assert int(conn.response("GET").body.split()[1]) == before + 2


def test_declined_in_front_of_a_backend(serve):
    """Without a body the backend gets the request; with one it cannot, and gets nothing of what follows."""
    origin = Origin()
    server = serve(top="handover %d" % origin.port)
    with server.connect() as conn:
        assert conn.get("/m/other/decline", method="POST").body == b"hello"
        conn.send("POST /m/other/decline HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" + "b" * 40 + "GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.response("POST").status == 500
        assert conn.response("GET").body == b"a file"
    assert [(request.method, request.body) for request in origin.requests] == [("POST", b"")]
    assert "the module declined a request whose body it had" in server.output


def test_memory_is_given_back_by_connections_that_break(serve):
    """Also if replies wait for room in the output when the client resets the connection."""
    server = serve()
    for _ in range(20):
        with server.connect(receive_buffer=4096) as conn:
            conn.send("GET /m/memory?100000 HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + "GET /pool/memory?100000 HTTP/1.1\r\nHost: a\r\n\r\n" * 3 +
                      "GET /iso/memory?50000 HTTP/1.1\r\nHost: a\r\n\r\n" * 2 + "GET /iso/memory?100000 HTTP/1.1\r\nHost: a\r\n\r\n")
            conn.take(1)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def all_returned():
        counts = [server.get(at + "/made").body.split() for at in ("/m", "/pool", "/iso")]
        return all(made == dropped for made, dropped in counts)
    client.wait_until(all_returned, "all was given back")


def test_the_client_leaves_before_the_module_suspends(serve):
    server = serve()
    conn = server.connect()
    conn.send("GET /pool/late-suspend HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: int(server.get("/pool/calls").body.split()[1]) >= 2, "the module is called")
    conn.close()
    client.wait_until(lambda: server.get("/pool/calls").body.endswith(b"stale 1\n"), "tux_suspend() tells")


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_a_403_of_the_module_is_told(serve, at):
    server = serve()
    assert server.get(at + "/status?403").status == 403
    assert re.search("403: the module responded so", server.output)


def test_many_redirects(serve):
    """A module that names itself as the file ends with an error, not with a loop."""
    server = serve()
    assert server.get("/m/file?/m/file?/file.txt").body == b"a file"
    target = "/file.txt"
    for _ in range(7):
        target = "/m/file?" + target
    assert server.get(target).status == 500


def test_config(serve):
    server = serve('config { limit = 64k; name "a b"; on = off }')
    assert server.get("/m/conf").body == b"limit=64k;name=a b;on=off;none\n"
    assert server.get("/pool/conf").body == b"none\n"  # one file under two names has two configurations


def test_pipelined(serve):
    """Replies stay in the order of the requests, also if the first ones are late and the output is full."""
    server = serve()
    targets = ["/m/thread?30", "/m/copy", "/pool/echo", "/m/twice", "/file.txt", "/m/at-once", "/m/memory?3000"] * 20
    with server.connect() as conn:
        conn.send("".join("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target for target in targets))
        found = [conn.response("GET").body for _ in targets]
    assert [len(body) for body in found[:7]] == [6, 100000, len(found[2]), 6, 6, 8, 3000]
    assert all(found[i] == found[i % 7] for i in range(len(found)))


def test_declined(serve):
    """The server responds as if the route named no module."""
    server = serve()
    assert server.get("/m/decline").body == b"the file of the path"
    assert server.get("/pool/decline").status == 404
    with server.connect() as conn:
        conn.send("POST /m/decline HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        assert conn.response("POST").status == 405


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
@pytest.mark.parametrize("word, line", [
    ("fail", None), ("errno", "handle() failed: No space left on device"), ("none", "handle() returned TUX_DONE without a reply"),
    ("unknown", "handle() returned 17, which is no result"), ("unsuspended", "handle() returned TUX_SUSPEND without tux_suspend()"),
    ("resume-empty", "a request was resumed without a reply")])
def test_a_mistake(serve, at, word, line):
    """A mistake of the module is a 500 and a line; the connection goes on."""
    server = serve()
    with server.connect() as conn:
        assert conn.get(at + "/" + word).status == 500
        assert conn.get("/file.txt").body == b"a file"
    name = NAMES[at]
    assert re.search(r"500.*the module failed.*module.*%s" % name, server.output), server.output
    if line is not None:
        client.wait_until(lambda: "tux: module %s: %s\n" % (name, line) in server.output, "the line is in the log")


def test_a_touch_after_the_reply(serve):
    server = serve()
    assert server.get("/m/keep").body == b"kept\n"
    assert server.get("/m/touch").body == b"-1 -1\n"  # EPERM
    assert "tux: module probe: tux_reply() was called for a request that the module does not have\n" in server.output
    assert "tux: module probe: tux_resume() was called for a request that is not suspended\n" in server.output


def test_another_thread(serve):
    server = serve()
    assert server.get("/m/other-thread").body == b"refused\n"
    assert "tux_reply() was called for a request that another thread handles" in server.output


def test_time_limit(serve):
    """A request that the module keeps gets 504; the module is told, and gives it back later."""
    server = serve("timeout 1")
    with server.connect() as conn:
        assert conn.get("/m/never").status == 504
        assert conn.get("/m/counts").body == b"dropped 0 gone 1\n"
        assert conn.get("/m/resume-never").body == b"-116\n"  # ESTALE
        assert conn.get("/m/thread?1").body == b"later\n"
    assert re.search("504.*the module did not respond within its time", server.output)


def test_the_client_leaves(serve):
    server = serve()
    conn = server.connect()
    conn.send("GET /m/never HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: server.get("/m/echo").status == 200, "it serves others")
    conn.close()
    client.wait_until(lambda: server.get("/m/counts").body == b"dropped 0 gone 1\n", "the module is told")
    assert server.get("/m/resume-never").body == b"-116\n"


def test_memory_is_given_back(serve):
    """Also if the client leaves before all of it was sent, and for HEAD."""
    server = serve()
    assert len(server.get("/m/memory?5000").body) == 5000
    with server.connect() as conn:
        conn.get("/m/memory?5000", method="HEAD")
    conn = server.connect(receive_buffer=4096)
    conn.send("GET /m/memory?50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    conn.take(1000)
    conn.close()
    client.wait_until(lambda: server.get("/m/counts").body == b"dropped 3 gone 0\n", "all was given back")
    with server.connect() as conn:  # a reply that fits into one record, and one that does not
        for size in (5000, 500000):
            assert len(conn.get("/iso/memory?%d" % size).body) == size
            conn.get("/iso/memory?%d" % size, method="HEAD")
        client.wait_until(lambda: conn.get("/iso/counts").body == b"dropped 4 gone 0\n", "all was given back")


def test_a_long_call_is_told(serve):
    server = serve()
    assert server.get("/m/slow").body == b"slow\n"
    assert re.search(r"module probe: handle\(\) took \d+ ms, during which its thread served nobody else", server.output)
    assert server.get("/pool/slow").body == b"slow\n"
    assert "module pooled: handle() took" not in server.output


@pytest.mark.parametrize("at", ["/m", "/pool", "/iso"])
def test_what_a_module_may_not_do(request, serve, at):
    """The sandbox of the server holds for its modules, too. A process of its own may compile code in memory."""
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("built with a sanitizer")
    server = serve()
    assert server.get(at + "/forbidden").body == b"fork 0, socket 0, open 0, map %d, exec 0\n" % (at == "/iso")


def is_replaced(server, before):
    """Waits until another server process responds."""
    client.wait_until(lambda: "tux: process %d, which served, " % before in server.output and server.answers(), "another process serves")
    assert server.get("/m/status?404").status == 404 and server.pid != before


def test_a_call_that_does_not_return_is_told(serve):
    """Its thread serves nobody else. Without the line a server with one thread would only be silent."""
    server = serve()
    before = server.pid
    with server.connect() as conn:
        conn.send(client.request("/m/hang"))
        server.wait_until(lambda: re.search(r"tux: module probe: a call has not returned for \d+ ms, and its thread serves nobody else", server.output), "the line")
        os.kill(before, signal.SIGKILL)
        conn.assert_closed()
    is_replaced(server, before)
    assert server.output.count("has not returned") == 1


@pytest.mark.parametrize("word", ["crash", "exit"])
def test_a_module_that_ends_the_server_process(serve, word):
    """The supervisor starts another one, with a line. An isolated module would cost its requests alone."""
    server = serve()
    before = server.pid
    with server.connect() as conn:
        conn.send(client.request("/m/" + word))
        conn.assert_closed()
    is_replaced(server, before)


def test_lines_of_a_module(serve):
    """They are marked, escaped, and at most 100 a second."""
    server = serve()
    with server.connect() as conn:
        conn.send(client.request("/m/log") * 300)  # all within a second, on a busy machine, too
        for _ in range(300):
            assert conn.response().status == 200
    found = [line for line in server.output.splitlines() if line.startswith("tux: module probe: a line")]
    assert found[0] == "tux: module probe: a line??[31m" and 50 <= len(found) < 300
    assert "tux: module probe: warning: another\n" in server.output


def test_reload_takes_the_new_file(serve, place, build, probe):
    """A file that is overwritten in place harms nobody; a reload takes the new one, and requests under way end in the old one."""
    copy = os.path.join(place, "module.so")
    subprocess.run(["cp", probe, copy], check=True)
    server = serve(top='module other { file "%s" }\nroute "/other/" { module other }' % copy)
    conn = server.connect()
    conn.send("GET /other/thread?700 HTTP/1.1\r\nHost: a\r\n\r\n")
    with open(build(os.path.join(TOP, "examples/modules/hello.c")), "rb") as new, open(copy, "r+b") as file:
        file.write(new.read())  # the same inode
        file.truncate()
    assert server.get("/other/counter").body == b"1\n"
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: server.get("/other/counter").body == b"hello\n", "the new module responds")
    assert conn.response("GET").body == b"later\n"
    conn.close()


def test_unload_at_the_end(serve):
    server = serve()
    assert server.get("/m/echo").status == 200
    server.end()
    assert "tux: module probe: unload\n" in server.output
    server.end = lambda: None


def fails(tux, place, text):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    server = tux(place, "--config", path, ready=False)
    assert server.wait() == 1
    server.end = lambda: None
    return server.output


def test_what_cannot_be_loaded(tux, place, probe):
    """Each failure at the start names the module and the cause."""
    other = os.path.join(place, "other.so")

    def module(path, more=""):
        return 'module a { file "%s"; %s }' % (path, more)
    assert "module a: %s: No such file or directory" % other in fails(tux, place, module(other))
    with open(other, "w", encoding="utf-8") as file:
        file.write("no object")
    assert re.search(r"module a: \S+other.so cannot be loaded: .*invalid ELF header|file too short", fails(tux, place, module(other)))
    assert "module a: %s is not a regular file" % place in fails(tux, place, module(place))
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", other], check=True)
    assert "is no module of TUX: it lacks TUX_MODULE()" in fails(tux, place, module(other))
    assert "module a: load() failed: No such file or directory" in fails(tux, place, module(probe, "config { load = fails }"))
    if os.geteuid() == 0:
        subprocess.run(["cp", probe, other], check=True)
        os.chmod(other, 0o777)
        assert "can be changed by others than root, so a server that root starts does not load it" in fails(tux, place, module(other))


@pytest.mark.skipif(os.geteuid() != 0, reason="a start as root does not load what others can change")
def test_folder_above_the_module_that_others_can_change(request, tux, place, probe):
    """They could replace the folder in which the file is. tux check refuses it, too."""
    inner = os.path.join(place, "open", "inner")
    os.makedirs(inner)
    shutil.copyfile(probe, os.path.join(inner, "probe.so"))
    os.symlink(os.path.join(inner, "probe.so"), os.path.join(place, "open", "link.so"))
    os.chmod(os.path.join(place, "open"), 0o777)
    for more in ("", "isolate on"):
        for name, line in (("inner/probe.so", "can be changed by others than root"), ("link.so", "has a link on its path that others than root can change")):
            path = os.path.join(place, "open", name)
            assert "module a: %s %s" % (path, line) in fails(tux, place, 'module a { file "%s"; %s }' % (path, more))
            check = subprocess.run([os.path.abspath(request.config.getoption("tux")), "check", os.path.join(place, "tux.conf")], capture_output=True, text=True, check=False)
            assert check.returncode == 1 and "module a: %s %s" % (path, line) in check.stderr
    os.chmod(os.path.join(place, "open"), 0o755)
    tux(place, "--config", os.path.join(place, "tux.conf"))


@pytest.mark.parametrize("change, line", [
    (".abi = 2", "it was built for version 2 of the module interface, and this TUX has 1"),
    (".api_bytes = 1000000", "it needs functions that this TUX lacks"),
    (".size = 8", "its struct tux_module is too short"),
    (".handle = 0", "it has no handle()"),
    (".request_bytes = 5000", "request_bytes is 5000, and at most 4096 is permitted"),
    (".load = load", "load() has started a thread, which no sandbox would hold")])
def test_a_module_that_does_not_fit(tux, place, change, line):
    source, path = os.path.join(place, "odd.c"), os.path.join(place, "odd.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write("""#include <pthread.h>
            #include <unistd.h>
            #include <tux/module.h>
            static void *run(void *argument) { pause(); return argument; }
            int load(void);
            int load(void) { pthread_t thread; return -pthread_create(&thread, 0, run, 0); }
            static enum tux_result handle(struct tux_req *req) { return (enum tux_result)tux_reply(req, 200, 0, "", 0); }
            TUX_MODULE(odd, .handle = handle, %s);""" % change)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), source, "-o", path], check=True)
    assert line in fails(tux, place, 'module a { file "%s" }' % path)


@pytest.mark.parametrize("text, line", [
    ("module a { }", ":1: module a needs a file, the path of its shared object, or historic, bpf, or kernel on"),
    ("module a b", "module needs a name, and { } with its file"),
    ('module a { file "x.so" }', ":1: file: \"x.so\" is not a path that begins with '/'"),
    ('module a { file "/x.so"; threads 257 }', ":1: threads: \"257\" is not a number from 0 to 256"),
    ('module a { file "/x.so"; thread 2 }', ':1: unknown key "thread" in a module; did you mean "threads"?'),
    ('module a { file "/x.so"; config 7 }', ":1: config needs { } with the values of the module"),
    ('module a { file "/x.so"; config { k [1, 2] } }', ":1: k needs one value: a text, a number, or on or off"),
    ('module a { file "/x.so" }\nmodule a { file "/y.so" }', ":2: module a is said a second time"),
    ('module "a b" { file "/x.so" }', ':1: "a b" is not the name of a module')])
def test_configuration_errors(tux, place, text, line):
    assert line in fails(tux, place, text)
