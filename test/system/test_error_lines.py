# SPDX-License-Identifier: GPL-2.0-or-later
"""The error log: each 403 and 5xx of the server itself has one line with its cause, client, request, host, route and backend."""
import json
import os
import re
import socket
import struct
import threading

import pytest

import client
from test_streams import full  # noqa: F401
from tools import free_port
from upstreams import Origin, response

LINE = re.compile(r'^tux: request (?P<id>[0-9a-f]{16}): (?P<status>\d+|[a-z ]+): (?P<cause>.*); client (?P<client>[^,]+)(?:, "(?P<request>[^"]*)")?'
                  r'(?:, host "(?P<host>[^"]*)")?(?:, route "(?P<route>[^"]*)")?(?:, (?P<kind>upstream|program|module) (?P<backend>.*))?$')


@pytest.fixture(params=["uring", "epoll"])
def start(request, place, tux):
    """start(configuration, *options): TUX with place/root over a loop."""
    def run(text, *options, **more):
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        with open(os.path.join(place, "root", "index.html"), "w", encoding="utf-8") as file:
            file.write("a page")  # line of the fixture's own request
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, *options, **more)
    return run


def lines(server):
    """Returns the lines about requests."""
    said = [line for line in server.output.splitlines() if line.startswith("tux: request ")]
    found = [LINE.match(line) for line in said]
    assert None not in found, said
    return [match.groupdict() for match in found]


def said(server, target, count=1):
    """Returns the last line about a request for a target, after waiting for that many lines."""
    def found():
        return [line for line in lines(server) if line["request"] and line["request"].split(" ")[1] == target]
    client.wait_until(lambda: len(found()) >= count, "a line about " + target)
    assert len(found()) == count, found()
    return found()[-1]


def check(server, target, status, cause, route=None, backend=None, kind=None, host="www.example"):
    """Sends a request and compares its response and its line."""
    with server.connect() as conn:
        got = conn.get(target, host=host)
        address = "127.0.0.1:%d" % conn.sock.getsockname()[1]
    assert got.status == status, (target, got.status)
    line = said(server, target)
    assert (line["status"], line["cause"]) == (str(status), cause), line
    assert (line["client"], line["request"], line["host"]) == (address, "GET %s HTTP/1.1" % target, host), line
    assert (line["route"], line["kind"], line["backend"]) == (route, kind, backend), line
    return line


def test_files(start, place):
    root = os.path.join(place, "root")
    os.makedirs(os.path.join(root, "no-index"))
    with open(os.path.join(root, "private"), "w", encoding="utf-8") as file:
        file.write("secret")
    os.chmod(os.path.join(root, "private"), 0o645)  # the server's user can open it
    os.symlink("/etc/passwd", os.path.join(root, "absolute"))
    os.symlink("../tux.conf", os.path.join(root, "outside"))
    os.symlink("loop", os.path.join(root, "loop"))
    os.mkfifo(os.path.join(root, "fifo"), 0o644)
    server = start("", "--mode-forbidden", "0001")
    check(server, "/private", 403, "the mode bits of the file do not permit it: 0645")
    check(server, "/absolute", 403, "a symbolic link leads outside the root")
    check(server, "/outside", 403, "a symbolic link leads outside the root")
    check(server, "/loop", 403, "too many symbolic links")
    check(server, "/no-index/", 403, "the directory has no index; --browse lists it")
    check(server, "/fifo", 403, "the file is not a regular file")
    assert server.get("/missing").status == 404
    assert not [line for line in lines(server) if "/missing" in (line["request"] or "")]


def test_directory_not_listed_for_its_mode(start, place):
    os.makedirs(os.path.join(place, "root", "closed"), 0o711)
    check(start("browse on\n"), "/closed/", 403, "the directory has no index, and its mode bits do not permit a listing: 0711")


def test_unreadable_file_names_eacces(start, place):
    """EACCES: with root's capabilities every file is readable, so the server runs as another user."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    closed = os.path.join(place, "root", "closed")
    os.makedirs(closed)
    with open(os.path.join(closed, "file"), "w", encoding="utf-8") as file:
        file.write("x")
    os.chmod(closed, 0o700)
    check(start("", "--user", "nobody"), "/closed/file", 403, "the server may not open the file: Permission denied")


def test_requests_and_own_pages(start, place):
    os.makedirs(os.path.join(place, "root"))
    server = start('route "/count/" { module demo.tux }\nroute "=/status" { status on }\n')
    check(server, "/count/1", 503, "the module is not loaded", "/count/", "demo.tux", "module")
    check(server, "/status", 403, "the host of a status request is not a name of this server", "=/status")
    with server.connect() as conn:
        conn.send("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n")
        assert conn.response().status == 501
    assert said(server, "/pot")["cause"] == "the method is not implemented"
    with server.connect() as conn:
        conn.send("GET /two HTTP/2.0\r\nHost: x\r\n\r\n")
        assert conn.response().status == 505
    line = said(server, "/two")
    assert (line["status"], line["cause"]) == ("505", "the request is refused: the version is not HTTP/1.x")


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "closed": (None, 502, "the backend closed the connection before its response"),
    "half": (lambda sock: sock.sendall(HEAD + b"Content-"), 502, "the backend closed the connection within its response head"),
    "long": (HEAD + b"A: " + b"a" * 70000 + b"\r\n\r\n", 502, "the backend's response head is too long"),
    "name": (HEAD + b"A b: c\r\nContent-Length: 0\r\n\r\n", 502,
             "the backend's response head is malformed: a field name is empty, not a token, or not followed by a colon"),
    "length": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 502,
               "the backend's response head is malformed: Content-Length is not a number, too large, or repeated"),
    "line": (b"Content-Type: text/plain\r\n\r\nhello", 502, "the backend's response has no status line of HTTP/1.x"),
    "number": (b"HTTP/1.1 999 What\r\n\r\n", 502,
               "the backend's response head is malformed: the response has no status line of HTTP/1.1, or no known status"),
    "switch": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 502,
               "the backend switched to a protocol that the client did not request"),
    "away": (HEAD + b"X-Sendfile: /etc/passwd\r\nContent-Length: 0\r\n\r\n", 502, "the backend's response names a file or path outside the host"),
    "again": (HEAD + b"X-Accel-Redirect: /app/again\r\nContent-Length: 0\r\n\r\n", 500, "too many internal redirects"),
}


def test_upstream_servers(start):
    def answer(request):
        return BROKEN[request.target.split("/")[2]][0]
    origin = Origin(answer)
    server = start('upstream app { server = ["%s"] }\nroute "/app/" { upstream app }\n' % origin.name)
    for name, (_, status, cause) in BROKEN.items():
        check(server, "/app/" + name, status, cause, "/app/", origin.name, "upstream")
    origin.close()


def test_refused_upstream_connection_is_logged(start):
    port = free_port()
    server = start('upstream app { server = ["127.0.0.1:%d"] }\nroute "/app/" { upstream app }\n' % port)
    check(server, "/app/", 502, "connecting to the upstream server failed: Connection refused", "/app/", "127.0.0.1:%d" % port, "upstream")


def test_upstream_reset_is_logged(start):
    def answer(request):
        return lambda sock: (sock.sendall(b"HTTP"), got.wait(30), reset(sock))
    got = threading.Event()
    origin = Origin(answer)
    server = start('upstream app { server = ["%s"] }\nroute "/app/" { upstream app }\n' % origin.name)
    got.set()
    line = check(server, "/app/", 502, "the connection to the backend failed before its response: Connection reset by peer", "/app/", origin.name, "upstream")
    assert line["id"] != "0" * 16
    origin.close()


def test_timeouts_name_their_phase(start, full):  # noqa: F811
    silent = threading.Event()
    origin = Origin(lambda request: lambda sock: silent.wait(60))
    server = start('upstream full { server = ["unix:%s"]; connect-timeout 0.1 }\nupstream silent { server = ["%s"]; read-timeout 0.1 }\n'
                   'route "/full/" { upstream full }\nroute "/silent/" { upstream silent }\n' % (full, origin.name))
    check(server, "/silent/", 504, "waiting for the backend's response head timed out", "/silent/", origin.name, "upstream")
    with server.connect() as conn:
        status = conn.get("/full/").status
    line = said(server, "/full/")
    assert line["status"] == str(status) and line["backend"] == "unix:" + full
    assert line["cause"] in ("connecting to the upstream server timed out",
                             "connecting to the upstream server failed: Resource temporarily unavailable")
    silent.set()
    origin.close()


def test_unresolved_upstream_name_is_logged(start):
    server = start('upstream app { server = ["name.invalid:80"] }\nroute "/app/" { upstream app }\n')
    check(server, "/app/", 502, "no address of an upstream server is known", "/app/")


def test_truncated_response_is_logged(start):
    """The status is sent already, so the line reports the 502 that the client cannot get."""
    origin = Origin(lambda request: lambda sock: sock.sendall(
        HEAD + (b"Content-Length: 10\r\n\r\nhello" if request.target == "/app/cut" else b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n")))
    server = start('upstream app { server = ["%s"] }\nroute "/app/" { upstream app }\n' % origin.name)
    for target, cause in (("/app/cut", "the backend closed the connection within its response body"),
                          ("/app/chunk", "the backend's response body is malformed: the chunked framing is broken")):
        with server.connect() as conn:
            conn.send(client.request(target))
            with pytest.raises(client.Closed):
                conn.response()
        line = said(server, target)
        assert (line["status"], line["cause"], line["backend"]) == ("response cut short", cause, origin.name), line
    origin.close()


def test_failed_server_is_logged_on_failover(start):
    """A failed server is reported even though the client gets a response from another one."""
    dead, origin = free_port(), Origin()
    server = start('threads 1\nupstream app { server = ["127.0.0.1:%d", "%s"]; max-fails 1 }\nroute "/app/" { upstream app }\n' % (dead, origin.name))
    assert [server.get("/app/").status for _ in range(2)] == [200, 200]
    line = said(server, "/app/")
    assert line["status"] == "another server gets the request" and line["backend"] == "127.0.0.1:%d" % dead
    assert line["cause"] == "connecting to the upstream server failed: Connection refused"
    origin.close()


PROGRAMS = {
    "type": ("echo 'X: y'; echo; echo hello", 502, "the program's response has no Content-Type, Location or Status"),
    "line": ("printf 'HTTP/1.1 200 OK\\r\\nContent-Type: a/b\\r\\n\\r\\n'", 502, "the program wrote a status line, in place of a Status field"),
    "name": ("echo 'no field'; echo", 502, "the backend's response head is malformed: a field name is empty, not a token, or not followed by a colon"),
    "exit": ("exit 7", 502, "the program ended without a response, with status 7"),
    "kill": ("kill -KILL $$", 502, "the program ended without a response, by signal 9"),
}


def test_programs(start, place):
    scripts = os.path.join(place, "cgi")
    os.makedirs(scripts)
    texts = {name: "#!/bin/sh\n%s\n" % text for name, (text, _, _) in PROGRAMS.items()}
    for name, text in dict(texts, closed="#!/bin/sh\n", shell="#!/no/such/shell\n", slow="#!/bin/sh\nexec sleep 60\n").items():
        with open(os.path.join(scripts, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join(scripts, name), 0o644 if name == "closed" else 0o755)
    server = start('cgi scripts { root "%s" }\ncgi short { root "%s"; time 0.1 }\nroute "/cgi/" { cgi scripts }\nroute "/short/" { cgi short }\n' % (
        scripts, scripts))
    for name, (_, status, cause) in PROGRAMS.items():
        check(server, "/cgi/" + name, status, cause, "/cgi/", os.path.join(scripts, name), "program")
    check(server, "/short/slow", 504, "the program did not end within its time", "/short/", scripts + "/slow", "program")
    check(server, "/cgi/closed", 403, "the program could not be executed: Permission denied", "/cgi/", scripts + "/closed", "program")
    check(server, "/cgi/shell", 500, "the program could not be executed: No such file or directory", "/cgi/", scripts + "/shell", "program")
    assert server.get("/cgi/missing").status == 404


def test_lines_beyond_a_limit_are_counted(start, place):
    """Written lines, and lines reported as omitted, add up to all requests."""
    os.makedirs(os.path.join(place, "root", "dir"))
    server = start("threads 1\nroute \"=/s\" { status on }\n")
    requests = 200
    with server.connect() as conn:
        for _ in range(requests):
            assert conn.get("/dir/").status == 403

        def told():
            return sum(int(number) for number in re.findall(r"(?m)^tux: requests: (\d+) more lines left out: the directory has no index", server.output))
        client.wait_until(lambda: len(lines(server)) + told() == requests, "each is written or counted")
        assert told() > 0
        assert '"error_lines_left_out":%d}' % told() in conn.get("/s?format=json", host="127.0.0.1").body.decode()
        assert "\ntux_error_lines_left_out_total %d\n" % told() in conn.get("/s", host="127.0.0.1").body.decode()
    assert len({line["id"] for line in lines(server)}) == len(lines(server))


def test_client_text_is_escaped_and_truncated(start, place):
    os.makedirs(os.path.join(place, "root", "dir"))
    server = start("")
    with server.connect() as conn:
        conn.send(b"GET /dir/?\xc3\xa9" + b"a" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert conn.response().status == 403
    client.wait_until(lambda: lines(server), "it is said")
    assert lines(server)[0]["request"].startswith("GET /dir/?\\xC3\\xA9aaa") and len(lines(server)[0]["request"]) < 300
    with server.connect() as conn:
        assert conn.get("/dir/?" + "a" * 2000, host="x").status == 403
    client.wait_until(lambda: [line for line in lines(server) if line["request"].startswith("GET /dir/?aaa")], "it is said")
    line = [line for line in lines(server) if line["request"].startswith("GET /dir/?aaa")][0]
    assert line["request"].endswith("... HTTP/1.1") and line["host"] == "x"


def test_access_log_names_the_backend_and_the_line_of_the_error_log(start, place):
    """JSON has the id of the error log, the upstream server, its time and the request's bytes."""
    log, dead = os.path.join(place, "log"), free_port()
    origin = Origin(lambda request: response(b"hello"))
    os.makedirs(os.path.join(place, "root"))
    server = start('log-format json\nupstream app { server = ["%s"] }\nupstream dead { server = ["127.0.0.1:%d"] }\nroute "/app/" { upstream app }\n'
                   'route "/dead/" { upstream dead }\n' % (origin.name, dead), log=log)
    requests = {"/app/": b"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345", "/dead/": b"GET /dead/ HTTP/1.1\r\nHost: x\r\n\r\n",
                "/index.html": b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"}
    with server.connect() as conn:
        for target, status in (("/app/", 200), ("/dead/", 502), ("/index.html", 200)):
            conn.send(requests[target])
            assert conn.response(requests[target].split()[0].decode()).status == status

    def records():
        with open(log, encoding="utf-8") as file:
            return {record["target"]: record for record in map(json.loads, file.read().splitlines())}
    client.wait_until(lambda: set(requests) <= set(records()), "the log has them")
    for target, backend in (("/app/", origin.name), ("/dead/", "127.0.0.1:%d" % dead), ("/index.html", "")):
        record = records()[target]
        assert (record["upstream"], record["bytes_in"]) == (backend, len(requests[target])), record
        assert re.fullmatch("[0-9a-f]{16}", record["id"])
    assert len({record["id"] for record in records().values()}) >= 3
    assert records()["/app/"]["upstream_us"] > 0 and records()["/index.html"]["upstream_us"] == 0
    assert said(server, "/dead/")["id"] == records()["/dead/"]["id"]
    origin.close()
