# SPDX-License-Identifier: GPL-2.0-or-later
"""CGI programs (RFC 3875): their environment, their output, and their misbehaviour."""
import json
import os
import re
import subprocess
import time

import pytest

import client
from upstreams import Origin, response


def script(place, name, text, mode=0o755):
    path = os.path.join(place, "cgi", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def variables(body):
    return dict(line.split("=", 1) for line in body.decode("latin-1").splitlines() if "=" in line)


@pytest.fixture(params=["uring", "epoll"])
def cgi(request, place, tux):
    """cgi(more of the cgi block, more of the file): TUX with scripts of place/cgi at /cgi-bin/, and a file."""
    def start(more="", top="", **options):
        os.makedirs(os.path.join(place, "cgi"), exist_ok=True)
        with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
            file.write("a file")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('%s\ncgi scripts { root "%s/cgi"; %s }\nroute "/cgi-bin/" { cgi scripts }\n' % (top, place, more))
        return tux(place, "--config", path, "--engine", request.param, **options)
    return start


ENV = "#!/bin/sh\necho 'Content-Type: text/plain'\necho\nenv\n"


def test_meta_variables(cgi, place):
    """RFC 3875 4.1."""
    script(place, "env", ENV)
    tux = cgi()
    got = tux.get("/cgi-bin/env/more%20path?a=b&c=%20", "X-Some: thing", "Cookie: a=1", "Cookie: b=2", "Proxy: http://evil/", "X_Under: no",
                  "Authorization: Basic eDp5", host="example.org:81")
    assert got.status == 200 and got.field("Content-Type") == "text/plain"
    told = variables(got.body)
    expected = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/cgi-bin/env", "PATH_INFO": "/more path",
                "PATH_TRANSLATED": os.path.realpath(place) + "/more path", "QUERY_STRING": "a=b&c=%20", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
                "SERVER_NAME": "example.org", "SERVER_PORT": str(tux.port), "SERVER_ADDR": "127.0.0.1", "HTTP_HOST": "example.org:81", "HTTP_X_SOME": "thing",
                "HTTP_COOKIE": "a=1; b=2", "DOCUMENT_ROOT": os.path.realpath(place), "REQUEST_URI": "/cgi-bin/env/more%20path?a=b&c=%20"}
    for name, value in expected.items():
        assert told.get(name) == value, name
    for name in ("HTTP_PROXY", "HTTP_X_UNDER", "CONTENT_LENGTH", "CONTENT_TYPE"):
        assert name not in told


@pytest.mark.parametrize("size", [0, 1, 5000, 900000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies(cgi, place, size, chunked):
    script(place, "cat", "#!/bin/sh\nprintf 'Content-Type: x/y\\n\\n'\nexec cat\n")
    tux = cgi()
    body = os.urandom(size)
    with tux.connect() as conn:
        if chunked:
            conn.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, size, 60000):
                conn.send(b"%x\r\n%s\r\n" % (len(body[at:at + 60000]), body[at:at + 60000]))
            conn.send("0\r\n\r\n")
        else:
            conn.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: %d\r\n\r\n" % size)
            conn.send(body)
        assert conn.response().body == body
        assert conn.get("/").body == b"a file"


@pytest.mark.parametrize("text,status,fields,body", [
    ("Status: 404 Gone Fishing\\nContent-Type: text/plain\\n\\nno", 404, {"content-type": "text/plain"}, b"no"),
    ("Content-Type: text/plain\\r\\n\\r\\nCRLF", 200, {}, b"CRLF"),
    ("Content-Type: text/plain\\nContent-Length: 3\\n\\nabc", 200, {"content-length": "3"}, b"abc"),
    ("Content-Type: text/plain\\nContent-Length: 3\\n\\nabcdef", 200, {}, b"abc"),
    ("Location: https://example.org/x\\n\\n", 302, {"location": "https://example.org/x"}, b""),
    ("Status: 301 Moved\\nLocation: https://example.org/x\\nContent-Type: text/plain\\n\\nthere", 301, {}, b"there"),
    ("Location: /index.html\\n\\n", 200, {"content-type": "text/html"}, b"a file"),
    ("Status: 204 No Content\\nX-A: b\\n\\n", 204, {"x-a": "b"}, b""),
    ("Content-Type: text/plain\\nSet-Cookie: a=1\\n\\n", 200, {"set-cookie": "a=1"}, b""),
])
def test_program_responses(cgi, place, text, status, fields, body):
    """RFC 3875 6.2, 6.3."""
    script(place, "answer", "#!/bin/sh\nprintf '%s'\n" % text)
    tux = cgi()
    with tux.connect() as conn:
        got = conn.get("/cgi-bin/answer")
        assert (got.status, got.body) == (status, body)
        for name, value in fields.items():
            assert got.field(name).startswith(value)
        assert conn.get("/").body == b"a file"


@pytest.mark.parametrize("text", ["exit 0", "echo nonsense", "kill -9 $$", "printf 'Content-Type text\\n\\n'", "printf 'X-Only: 1\\n\\n'", "printf 'Content-Type: a/b\\n'",
                                  "printf 'Content-Type: a/b\\nTransfer-Encoding: chunked\\n\\n0\\n'", "printf 'Status: 99 No\\n\\n'", "head -c 100000 /dev/zero"])
def test_garbage_is_a_bad_gateway(cgi, place, text):
    script(place, "bad", "#!/bin/sh\n%s\n" % text)
    tux = cgi()
    with tux.connect() as conn:
        assert conn.get("/cgi-bin/bad").status == 502
        assert conn.get("/").body == b"a file"


def test_head_has_no_body(cgi, place):
    script(place, "hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: 5\\n\\nhello'\n")
    tux = cgi()
    with tux.connect() as conn:
        for _ in range(3):
            got = conn.get("/cgi-bin/hello", method="HEAD")
            assert got.status == 200 and got.field("Content-Length") == "5"
        assert conn.get("/cgi-bin/hello").body == b"hello"
    assert "signal" not in tux.output


def alive(pattern):
    return subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False).returncode == 0


def test_hanging_program_is_killed_with_its_children(cgi, place):
    mark = "sleep 3600.%d" % os.getpid()
    script(place, "hang", "#!/bin/sh\n%s &\n%s\n" % (mark, mark))
    tux = cgi("time 0.5")
    began = time.monotonic()
    assert tux.get("/cgi-bin/hang").status == 504
    assert time.monotonic() - began < 10
    client.wait_until(lambda: not alive(mark), "its children are gone")
    assert "did not end within its time" in tux.output


def test_time_limit_excludes_waits_for_the_client(cgi, place):
    """The time limit does not include waits for the client: one that does not read the output, or has not sent the input."""
    script(place, "much", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nexec head -c 16000000 /dev/zero\n")
    script(place, "cat", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nexec cat\n")
    script(place, "hang", "#!/bin/sh\nhead -c 3 >/dev/null\nsleep 60\n")
    tux = cgi("time 2")
    with tux.connect(receive_buffer=65536) as reader, tux.connect() as sender, tux.connect() as hanging:
        reader.send("GET /cgi-bin/much HTTP/1.0\r\n\r\n")
        reader.head()
        sender.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        hanging.send("POST /cgi-bin/hang HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
        for _ in range(3):
            time.sleep(0.8)
            sender.send("abc")
        assert sender.response().body == b"abc" * 3
        hanging.send("abc")  # from here on the program's time counts
        assert hanging.response().status == 504
        assert len(reader.rest()) == 16000000


def test_total_time_limit(cgi, place):
    script(place, "much", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nexec head -c 16000000 /dev/zero\n")
    tux = cgi("time 0.5; total 1")
    with tux.connect(receive_buffer=65536) as conn:
        conn.send("GET /cgi-bin/much HTTP/1.0\r\n\r\n")
        conn.head()
        client.wait_until(lambda: "did not end within its time" in tux.output, "it is ended")
        assert len(conn.rest()) < 16000000


def test_client_disconnect_kills_the_program(cgi, place):
    mark = "sleep 3601.%d" % os.getpid()
    script(place, "slow", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\nbegun'\n%s\n" % mark)
    tux = cgi()
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        client.wait_until(lambda: alive(mark), "it runs")
    client.wait_until(lambda: not alive(mark), "it is gone")


def test_output_is_not_delayed(cgi, place):
    script(place, "drip", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nfor i in 1 2 3; do echo $i; sleep 0.5; done\n")
    tux = cgi()
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/drip HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.head()
        times = []
        for i in range(3):
            assert conn.take(7) == b"2\r\n%d\n\r\n" % (i + 1)
            times.append(time.monotonic())
        assert times[2] - times[0] > 0.3


def test_program_without_reading_input(cgi, place):
    script(place, "deaf", "#!/bin/sh\nexec 0<&-\nprintf 'Content-Type: a/b\\n\\nhello'\n")
    tux = cgi(top="max-body 100M")
    with tux.connect() as conn:
        conn.send("POST /cgi-bin/deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        try:
            conn.send(b"x" * 3000000)
        except OSError:
            pass
        assert conn.response().body == b"hello"


def test_much_output_to_a_slow_client(cgi, place):
    script(place, "much", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nexec head -c 8000000 /dev/zero\n")
    tux = cgi()
    with tux.connect(receive_buffer=65536) as conn:
        conn.send("GET /cgi-bin/much HTTP/1.0\r\n\r\n")
        conn.head()
        time.sleep(0.5)
        assert len(conn.rest()) == 8000000


def test_stderr_goes_to_the_error_log(cgi, place):
    script(place, "loud", "#!/bin/sh\necho 'one\033[31m line' >&2\nprintf 'no end' >&2\nprintf 'Content-Type: a/b\\n\\n'\n")
    tux = cgi()
    assert tux.get("/cgi-bin/loud").status == 200
    client.wait_until(lambda: "no end" in tux.output, "it is in the log")
    assert "tux: cgi scripts: one?[31m line\n" in tux.output and "tux: cgi scripts: no end\n" in tux.output


def test_missing_and_unusable_programs(cgi, place):
    script(place, "data.txt", "secret", 0o644)
    script(place, ".hidden", ENV)
    tux = cgi()
    assert tux.get("/cgi-bin/none").status == 404 and tux.get("/cgi-bin/.hidden").status == 404
    got = tux.get("/cgi-bin/data.txt")
    assert got.status == 403 and b"secret" not in got.body
    assert tux.get("/cgi-bin/%2e%2e/index.html").status in (200, 400)  # the site's own page, or an empty body


def test_program_limit(cgi, place):
    script(place, "env", ENV)
    tux = cgi("programs 4; waiting 100")
    conns = [tux.connect() for _ in range(40)]
    for conn in conns:
        conn.send("GET /cgi-bin/env HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [conn.response().status for conn in conns] == [200] * 40
    for conn in conns:
        conn.close()


def test_python(cgi, place):
    script(place, "hello.py", "#!%s\nimport os, sys\nprint('Content-Type: text/html; charset=utf-8\\n')\nprint('<p>grüße', os.environ['QUERY_STRING'], sys.stdin.read())\n" % "/usr/bin/python3")
    tux = cgi("env { PYTHONIOENCODING = utf-8 }; memory 1G")
    assert tux.get("/cgi-bin/hello.py?x").body.decode() == "<p>grüße x \n"


def git(*arguments, cwd=None):
    env = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", HOME=cwd or "/nonexistent", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a",
               GIT_COMMITTER_EMAIL="a@b", GIT_TERMINAL_PROMPT="0")
    done = subprocess.run(["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_git_clone_and_push(request, place, tux):
    """Through Debian's git-http-backend: chunked and compressed bodies, long bodies in both directions."""
    backend = "/usr/lib/git-core/git-http-backend"
    if not os.path.exists(backend):
        pytest.skip("git-http-backend is not installed")
    git("init", "-q", "--bare", place + "/repos/one.git")
    git("-C", place + "/repos/one.git", "config", "http.receivepack", "true")
    subprocess.run(["chmod", "-R", "a+rwX", place + "/repos"], check=True)
    with open(place + "/index.html", "w", encoding="utf-8") as file:
        file.write("x")
    path = place + "/tux.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write('max-body 100M\ncgi git { program "%s"; env { GIT_PROJECT_ROOT = "%s/repos"; GIT_HTTP_EXPORT_ALL = 1; '
                   'GIT_CONFIG_COUNT = 1; GIT_CONFIG_KEY_0 = safe.directory; GIT_CONFIG_VALUE_0 = "*" } }\nroute "/git/" { cgi git }\n' % (backend, place))
    server = tux(place, "--config", path)
    work = place + "/work"
    git("clone", "-q", server.url + "/git/one.git", work)
    with open(work + "/big", "wb") as file:
        file.write(os.urandom(3 << 20))
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "one", cwd=work)
    git("push", "-q", "origin", "HEAD:main", cwd=work)
    git("clone", "-q", "-b", "main", server.url + "/git/one.git", place + "/again")
    with open(work + "/big", "rb") as one, open(place + "/again/big", "rb") as other:
        assert one.read() == other.read()
    assert "cgi git" not in server.output, server.output


def test_cgit(place, tux):
    """A real program with pages: Debian's package cgit."""
    program = "/usr/lib/cgit/cgit.cgi"
    if not os.path.exists(program):
        pytest.skip("cgit is not installed")
    git("init", "-q", place + "/repo")
    with open(place + "/repo/file.txt", "w", encoding="utf-8") as file:
        file.write("text of a file\n")
    git("add", ".", cwd=place + "/repo")
    git("commit", "-q", "-m", "a commit", cwd=place + "/repo")
    subprocess.run(["chmod", "-R", "a+rX", place + "/repo"], check=True)
    with open(place + "/cgitrc", "w", encoding="utf-8") as file:
        file.write("virtual-root=/cgit/\ncache-size=0\nrepo.url=repo\nrepo.path=%s/repo/.git\n" % place)
    path = place + "/tux.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write('cgi cgit { program "%s"; env { CGIT_CONFIG = "%s/cgitrc"; GIT_CONFIG_COUNT = 1; GIT_CONFIG_KEY_0 = safe.directory; GIT_CONFIG_VALUE_0 = "*" } }\n'
                   'route "/cgit/" { cgi cgit }\n' % (program, place))
    server = tux(place, "--config", path)
    assert b"repo" in server.get("/cgit/").body
    assert b"a commit" in server.get("/cgit/repo/log/").body
    assert server.get("/cgit/repo/plain/file.txt").body == b"text of a file\n"


# Responses that a backend delegates to TUX

@pytest.mark.parametrize("name,field", [("accel", "X-Accel-Redirect: /secret/%s"), ("sendfile", "X-Sendfile: {place}/secret/%s")])
def test_internal_redirect_of_a_program(cgi, place, name, field):
    """Ranges and conditions apply, the program's cookies are kept, and clients cannot request the file directly."""
    os.makedirs(place + "/secret")
    data = os.urandom(300000)
    with open(place + "/secret/film name.bin", "wb") as file:
        file.write(data)
    line = (field % ("film%20name.bin" if name == "accel" else "film name.bin")).replace("{place}", os.path.realpath(place))
    script(place, "get", "#!/bin/sh\nprintf 'Content-Type: text/plain\\nSet-Cookie: seen=1\\n%s\\n\\nnot this'\n" % line.replace("%", "%%"))
    tux = cgi(top='route "/secret/" { hidden on }')
    assert tux.get("/secret/film%20name.bin").status == 404
    with tux.connect() as conn:
        got = conn.get("/cgi-bin/get")
        assert got.status == 200 and got.body == data and got.field("Set-Cookie") == "seen=1"
        part = conn.get("/cgi-bin/get", "Range: bytes=100-199")
        assert part.status == 206 and part.body == data[100:200]
        assert conn.get("/cgi-bin/get", "If-None-Match: " + got.field("ETag")).status == 304
        assert conn.get("/").body == b"a file"


def test_internal_redirect_of_an_upstream(place, tux):
    os.makedirs(place + "/secret")
    with open(place + "/secret/x.txt", "w", encoding="utf-8") as file:
        file.write("the secret")
    with open(place + "/index.html", "w", encoding="utf-8") as file:
        file.write("x")
    server = Origin(lambda request: response(b"not this", "200 OK", "X-Accel-Redirect: /secret/x.txt", "Cache-Control: private"))
    path = place + "/tux.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write('route "/secret/" { hidden on }\nroute "/app/" { upstream "%s" }\n' % server.name)
    os.mkdir(place + "/log")
    os.chmod(place + "/log", 0o777)
    log = place + "/log/access.log"
    program = tux(place, "--config", path, log=log)
    got = program.get("/app/?of=mine")
    assert got.body == b"the secret" and got.field("Cache-Control") == "private" and got.field("X-Accel-Redirect") is None
    assert program.get("/index.html").status == 200

    def lines():
        with open(log, encoding="utf-8") as file:
            return file.read().splitlines()
    client.wait_until(lambda: any("index.html" in line for line in lines()), "it is logged")
    assert len([line for line in lines() if '"GET /app/?of=mine HTTP/1.1" 200 ' in line]) == 1  # the client's request
    assert not any("/secret/" in line for line in lines())
    server.close()


@pytest.mark.parametrize("field", ["X-Accel-Redirect: secret", "X-Accel-Redirect: /../etc/passwd", "X-Sendfile: /etc/passwd", "X-Sendfile: relative",
                                   "X-Accel-Redirect: /a b", "X-Accel-Redirect: /cgi-bin/bad"])
def test_internal_redirect_to_forbidden_file(cgi, place, field):
    script(place, "bad", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n%s\\n\\n'\n" % field)
    tux = cgi()
    got = tux.get("/cgi-bin/bad")
    assert got.status in (400, 500, 502) and b"root:" not in got.body
    if got.status == 502:
        client.wait_until(lambda: re.search('502: the backend.s response names a file or path outside the host; .*"GET /cgi-bin/bad HTTP/1.1"', tux.output),
                          "it is said of which request")
    if field.endswith("/cgi-bin/bad"):
        client.wait_until(lambda: re.search('500: too many internal redirects; .*"GET /cgi-bin/bad HTTP/1.1"', tux.output), "it is said of which request")


def test_program_counters(cgi, place):
    """Per kind: starts, causes of failures, durations; in all forms of the status."""
    for name, text in (("ok", "printf 'Content-Type: a/b\\n\\nx'"), ("ends", "printf 'Content-Type: a/b\\n\\nx'; exit 3"), ("dies", "kill -9 $$"),
                       ("garbage", "echo nonsense"), ("hangs", "sleep 60")):
        script(place, name, "#!/bin/sh\n%s\n" % text)
    script(place, "closed", "", mode=0o644)
    tux = cgi("time 2", 'cgi other { root /nowhere }\nroute "=/status" { status on }')
    statuses = [tux.get("/cgi-bin/" + name).status for name in ("ok", "ok", "ends", "dies", "garbage", "hangs", "closed", "missing")]
    assert statuses == [200, 200, 200, 502, 502, 504, 403, 404]

    def counted():
        kinds = {each["cgi"]: each for each in json.loads(tux.get("/status?format=json").body)["cgi"]}
        return kinds if kinds["scripts"]["active"] == 0 and kinds["scripts"]["duration"]["count"] == 6 else None
    kinds = client.wait_until(counted, "all have ended")
    assert sorted(kinds) == ["other", "scripts"]
    assert kinds["scripts"]["requests"] == 8 and kinds["scripts"]["started"] >= 6
    given_up = kinds["scripts"]["failed"].pop("given_up")  # a program with invalid output is killed, if it has not ended before
    assert given_up in (0, 1)
    assert kinds["scripts"]["failed"] == {"not_found": 2, "refused": 0, "not_started": 0, "time": 1, "signal": 1, "status": 1, "garbled": 2}
    assert kinds["scripts"]["cpu_us"] > 0 and kinds["scripts"]["duration"]["sum_us"] > 400000
    assert kinds["other"]["requests"] == 0
    text = tux.get("/status?format=prometheus").body.decode()
    for line in ('tux_cgi_requests_total{cgi="scripts"} 8', 'tux_cgi_failed_total{cgi="scripts",reason="time"} 1', 'tux_cgi_active{cgi="other"} 0',
                 'tux_cgi_duration_seconds_count{cgi="scripts"} 6'):
        assert line + "\n" in text
    assert "<th scope=\"row\">scripts (not_found 2, time 1, %ssignal 1, status 1, garbled 2)</th><td>8</td>" % ("given_up 1, " if given_up else "") in tux.get("/status?format=html").body.decode()


def test_handover_without_kernel_engine_forwards(request, place, tux):
    """Like with the kernel engine: missing files, other methods, bodies and prefixes."""
    server = Origin(lambda request: response(b"%s %s %s" % (request.method.encode(), request.target.encode(), request.body)))
    with open(place + "/index.html", "w", encoding="utf-8") as file:
        file.write("a file")
    program = tux(place, "--handover", "%d,/app/" % server.port, "--engine", "user")
    with program.connect() as conn:
        assert conn.get("/").body == b"a file"
        assert conn.get("/missing").body == b"GET /missing "
        assert conn.get("/app/x").body == b"GET /app/x "
        conn.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        assert conn.response().body == b"POST / abc"
        assert conn.get("/", method="DELETE").body == b"DELETE / "
        assert conn.get("/", method="HEAD").field("Content-Length") == "6"
    client.wait_until(lambda: "handover: requests are forwarded to 127.0.0.1:%d" % server.port in program.output, "it says so")
    server.close()
