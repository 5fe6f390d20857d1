# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration file: its settings apply, and all errors are reported at once, with their lines."""
import os
import subprocess

import pytest

import client
from tools import free_port

WRONG = [
    # a file, and for each reported line: its number, and words of the error
    ('listn = ":80"\n', [(1, 'unknown key "listn"; did you mean "listen"?')]),
    ("zzzzzz = 3\n", [(1, 'unknown key "zzzzzz"')]),
    ("help = on\n", [(1, 'unknown key "help"')]),
    ("\n\nthreads = 0;\n", [(3, 'threads: "0" is not a number from 1 to 256')]),
    ("threads = 1;\nthreads = 2;\n", [(2, "threads is said a second time")]),
    ("browse = 7\n", [(1, "browse is on or off")]),
    ('index [ "a",\n "b/c",\n 5 ]\n', [(2, '"b/c" is not a file name'), (1, "write it in quotes")]),
    ("root { x = 1 }\n", [(1, "root needs a value: the name of a directory")]),
    ("root [ a ]\n", [(1, "root needs a value")]),
    ("head-timeout = 0.01\nuser ''\nthreads few;\n", [(1, "0.01"), (2, "user"), (3, '"few" is not a number')]),
    ('root "/srv"\n.include "more.conf"\n', [(2, '".include"')]),
    ('listen = [":80"\nroot = "/x";\n', [(3, "brace")]),
    ('root "/srv', [(1, "quote")]),
    ('root "a\0b"\n', [(1, "NUL")]),
    ('route "/a" {\n status 308 }\n', [(1, 'route "/a" does one thing'), (2, "goes with redirect")]),
    ('route "/a" { static on;\n status 308 }\n', [(2, "a number as status goes with redirect")]),
    ('route "/a" {\n status off }\n', [(2, "status is on, or with a redirect its number")]),
    ('route "/a" {\n status "on please" }\n', [(2, "status is on, or with a redirect its number")]),
    ('route "/a" { redirect "/b";\n status on }\n', [(1, 'route "/a" does one thing')]),
    ('route "/a" { static on;\n allow "::/0" }\n', [(2, "allow goes with status on")]),
    ('route "/a" { status on; allow "192.0.2.0/33" }\n', [(1, '"192.0.2.0/33" is no network')]),
    ('route "/a" { status on; allow ["::1", "192.0.2.1/24"] }\n', [(1, '"192.0.2.1/24" is no network')]),
    ('route "/a" { status on; allow [5] }\n', [(1, "allow needs networks in quotes")]),
    ("[ 1, 2 ]\n", [(1, "list")]),
    # One message is one line, without control characters of the file.
    ('route "/a" { redirect "b\\nc\x7f" }\n', [(1, '"b?c?" is nowhere to redirect to')]),
    ('route "/a" { redirect "b\u009b2J" }\n', [(1, '"b\ufffd2J" is nowhere to redirect to')]),
    ("cgi git { programm /bin/x }\n", [(1, 'unknown key "programm" in a cgi; did you mean "program"?'), (1, "cgi git needs a root")]),
    ("cgi a {\nprogram bin/x;\ntime 0.01;\nnice 20\ncpu 1.5\n}\n",
     [(2, '"bin/x" is not a path'), (3, '"0.01" is not seconds'), (4, '"20" is not a number from 0 to 19'), (5, '"1.5" is not whole seconds')]),
    ('cgi a { root /x; nice 1;\nnice 2; env [ "A" ];\n pass [ "A=b" ]; new-privileges 3\n user [ a, b ] }\n',
     [(2, "nice is said a second time"), (2, '"A" is not NAME = value'), (3, '"A=b" is not names'), (3, "on or off"), (4, "user needs a value")]),
    ('cgi a { root /x; env { "1A" = b; B { c = 1 } } }\n', [(1, '"1A=b" is not NAME = value'), (1, "env needs a value")]),
    ("cgi a { root /x }\ncgi a { root /y }\n", [(2, "cgi a is said a second time")]),
    ("cgi b\n", [(1, "cgi needs a name")]),
    ('route "/x/" { cgi none }\nroute "/y/" { cgi 3 }\n', [(2, "the name of a cgi"), (1, "there is no cgi none")]),
    ('cgi a { root /x }\nroute "/x/" { cgi a; static on }\n', [(2, "does one thing")]),
    ('route "/m" { module "a b" }\nroute "/n" {\nmodule 5 }\n', [(1, '"a b" is not the name of a module'), (3, "module needs the name")]),
    ('upstream a { server "127.0.0.1:1"\nmax-response-head 1023 }\nupstream b { server "127.0.0.1:1"\nmax-response-head 65537 }\n',
     [(2, 'max-response-head: "1023" is not bytes such as 32K, from 1K to 64K'), (4, 'max-response-head: "65537" is not bytes')]),
    ("cgi a { root /x\nmax-response-head 64M }\ncgi b { root /x\nmax-response-head many }\n",
     [(2, 'max-response-head: "64M" is not bytes such as 32K, from 1K to 64K'), (4, 'max-response-head: "many" is not bytes')]),
    ("cgi a { root /x; colour red }\n", [(1, 'unknown key "colour" in a cgi; there are: root, program,')]),
    ('route "/a" { static on;\ncash-control x }\n', [(2, 'unknown key "cash-control" in a route; did you mean "cache-control"?')]),
    ('upstream a { server "127.0.0.1:1"\nballance round-robin }\n', [(2, 'unknown key "ballance" in an upstream; did you mean "balance"?')]),
    ('header { ad "A: b" }\n', [(1, 'unknown key "ad" in header; did you mean "add"?')]),
    ('route "/m" { module a; static on }\n', [(1, "does one thing")]),
    ('route "/m" { static on;\nmax-body few }\nroute "/n" { static on; max-body [1] }\n', [(2, "max-body needs bytes"), (3, "max-body needs bytes")]),
]


@pytest.fixture
def program(request):
    return os.path.abspath(request.config.getoption("tux"))


def check(program, path):
    return subprocess.run([program, "check", path], capture_output=True, text=True, timeout=20, check=False)


def written(place, text, name="tux.conf"):
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@pytest.mark.parametrize("text,expected", WRONG, ids=range(len(WRONG)))
def test_every_error_has_its_line(program, place, text, expected):
    path = written(place, text)
    found = check(program, path)
    assert found.returncode == 1 and found.stdout == ""
    lines = found.stderr.splitlines()
    assert len(lines) == len(expected), found.stderr
    for line, (number, words) in zip(lines, expected):
        assert line.startswith("%s:%d: " % (path, number)) and words in line, line
    served = subprocess.run([program, "serve", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    assert (served.returncode, served.stderr) == (1, found.stderr)


@pytest.mark.parametrize("text", ["", "# nothing\n", "threads = 2;", "threads 2", '"threads" = 2\n', "threads : 2 # two\n", "{ threads: 2 }",
                                  'route "/x/" { cgi a }; cgi a { root /x; program [/bin/sh, "-e"]; env { A = 1; B = "x y" }; pass A; time 0; memory 0; new-privileges on }',
                                  "cache-bytes 64M; browse on; dotfiles off\n", 'listen [":80", "[::1]:81"]\nlisten unix:/run/x\n',
                                  'listen "[::1]:81"\n', 'listen  "[::1]:81"\r\nthreads 2 # see [2]\r\n', 'threads 2 /* {a} */\nlog off\n',
                                  'upstream a { server "[::1]:80" } # {', "upstream a {\n\tserver \"[::1]:80\"\n\tserver '127.0.0.1:81'\n}\n",
                                  'index "b[c{\\"d"; route "/a" { redirect "/b" }\nthreads 2', '{ "listen": [ "[::1]:81", "[::1]:82" ], "threads": 2 }', 'listen http://[::1]:81',
                                  'handover 80; route "/a" { handover 80 }',
                                  'route "=/s" { status on }', 'route "/s" { status on; allow "192.0.2.0/24" }',
                                  'route "/s" { status on; allow ["192.0.2.1", "2001:db8::/32", "::/0"] }', "log = off", "index = a.html\nindex = b.html", "no-sandbox = no"])
def test_valid_file(program, place, text):
    path = written(place, text)
    found = check(program, path)
    assert (found.returncode, found.stdout, found.stderr) == (0, path + ": nothing is wrong with it\n", "")


def test_unloaded_module_is_503(program, place, tux):
    """The module may be loaded later: the file is valid, a request is 503, and the error log gives the reason. Modules define their
    methods."""
    os.mkdir(os.path.join(place, "sub"))
    path = written(place, 'route "/count" { module demo.tux }\nroute "/*.x" { module other }\nroute "=/again" { module demo.tux }\n'
                   'route "=/s" { status on }\n')
    found = check(program, path)
    assert (found.returncode, found.stdout) == (0, path + ": nothing is wrong with it\n")
    assert [line.split(": warning: ") for line in found.stderr.splitlines()] == [
        ["%s:%d" % (path, line), "module %s is not loaded; until it is, requests for it are answered 503" % name]
        for line, name in ((1, "demo.tux"), (2, "other"))]
    server = tux(place + "/sub", "--config", path)
    with server.connect() as conn:
        for target, status in (("/count/1", 503), ("/a.x", 503), ("/again", 503), ("/", 403), ("/a.y", 404)):
            assert conn.get(target).status == status, target
        conn.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        assert conn.response("POST").status == 503
        assert '"modules":{"absent":4,"loaded":[]}' in conn.get("/s?format=json").body.decode()
    said = [line for line in server.output.splitlines() if ": 503: the module is not loaded; " in line]
    assert [line.rsplit(", ", 1)[1] for line in said] == ["module demo.tux", "module other", "module demo.tux", "module demo.tux"]


def test_module_that_no_host_uses_gives_no_warning(program, place):
    """A host with a route has no route of the top."""
    path = written(place, 'route "/a" { module top }\nhost a.example { route "/b" { module own } }\n')
    assert check(program, path).stderr.splitlines() == ["%s:2: warning: module own is not loaded; until it is, requests for it are answered 503" % path]
    path = written(place, 'route "/a" { module top }\nhost a.example { route "/b" { static on } }\nhost b.example { }\n')
    assert [line.split(":")[1] for line in check(program, path).stderr.splitlines()] == ["1"]


@pytest.mark.parametrize("text, line, words", [
    ('\nlisten ":99999"\n', 2, 'listen: ":99999"'), ('listen "foo"\n', 1, 'listen: "foo"'), ('listen "unix:"\n', 1, 'listen: "unix:"'),
    ('listen "unix:/no/such/directory/s"\n', 1, '"/no/such/directory": No such file or directory'),
    ('\nroot "/no/such/root"\n', 2, 'root "/no/such/root"'), ('root "/etc/passwd"\n', 1, "Not a directory"),
    ('host "a.example" {\nroot "/no/such/root" }\n', 2, 'root "/no/such/root"'),
    ('log "/no/such/directory/log"\n', 1, '"/no/such/directory": No such file or directory'), ('log "syslog:"\n', 1, 'log: "syslog:"'),
    ('log "syslog:server=127.0.0.1"\n', 1, 'log: "syslog:'), ('control "/no/such/directory/tux"\n', 1, '"/no/such/directory"'),
    ('user "no-such-user"\n', 1, 'there is no user "no-such-user"'), ('user "root:no-such-group"\n', 1, 'there is no group "no-such-group"'),
    ('route "/a" { static on }\nroute "/b" { static on }\nroute "/a" { redirect "/c" }\n', 3, 'route "/a" is never reached: another route'),
    ('route "=/a" { static on }\nroute "/a" { static on }\nroute "=/a" { static on }\n', 3, 'route "=/a" is never reached'),
    ('route "/a*.x" { static on }\nroute "/a*.y" { static on }\nroute "/a*.x" { static on }\n', 3, 'route "/a*.x" is never reached'),
    ('route "/a//b" { static on }\n', 1, "paths are normalised"), ('route "/a/../b" { static on }\n', 1, "paths are normalised")])
def test_check_finds_the_errors_of_a_start(program, place, text, line, words):
    """tux check: values that no start can use are errors with their line, without a start."""
    path = written(place, text)
    done = check(program, path)
    assert done.returncode == 1
    assert any(error.startswith("%s:%d: " % (path, line)) and words in error for error in done.stderr.splitlines()), done.stderr


def test_byte_order_mark_is_accepted(program, place):
    """A file from a Windows editor starts with U+FEFF; errors keep their lines."""
    assert check(program, written(place, "\ufeffthreads = 1\n")).returncode == 0
    path = written(place, "\ufeffthreads = 1;\nlistn = 2\n")
    assert check(program, path).stderr.startswith(path + ":2: ")


def test_no_such_file(program, place):
    for path, words in ((place + "/none.conf", "No such file"), (place, "not a file")):
        found = check(program, path)
        assert found.returncode == 1 and path in found.stderr and words in found.stderr


def test_sizes_are_as_on_the_command_line(program, place, tux):
    """64K is 65,536 on the command line, and 64,000 in libucl."""
    with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
        file.write("x")
    path = written(place, "max-body = 64K\nhead-timeout 5\n")
    server = tux(place, "--config", path)
    for size, status in ((65536, 405), (65537, 413)):
        with server.connect() as conn:
            conn.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            assert conn.response("POST").status == status


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_body_limits_of_host_and_route(program, place, tux, engine):
    """The limit is the route's, else its host's, else the top's; for bodies that are discarded, forwarded or read by a program;
    with a length and in chunks."""
    from upstreams import Origin, response
    for name in ("www/index.html", "cgi/cat"):
        os.makedirs(os.path.dirname(os.path.join(place, name)), exist_ok=True)
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'\nexec cat\n")
        os.chmod(os.path.join(place, name), 0o755)
    origin = Origin(lambda request: response(request.body))
    path = written(place, """
max-body 100
cgi scripts { root "%s/cgi" }
host a { route "/app/" { upstream "%s"; max-body 1K }
         route "/cgi/" { cgi scripts; max-body = 300 }
         route "/none/" { static on; max-body 0 }
         route "/other/" { upstream "%s" } }
host b { max-body 200; route "/other/" { upstream "%s" } }
""" % (place, origin.name, origin.name, origin.name))
    server = tux(os.path.join(place, "www"), "--config", path, "--engine", engine)
    for host, target, limit, status in (("a", "/app/x", 1024, 200), ("a", "/cgi/cat", 300, 200), ("a", "/other/", 100, 200), ("a", "/", 100, 405),
                                        ("a", "/none/", 0, 405), ("b", "/other/", 200, 200), ("b", "/", 200, 405), ("b", "/app/x", 200, 405)):
        for size in (limit, limit + 1):
            for head, body in (("Content-Length: %d" % size, b"x" * size), ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))):
                if size == 0:
                    continue
                with server.connect() as conn:
                    conn.send(("POST %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" % (target, host, head)).encode() + body)
                    got = conn.response("POST")
                    assert got.status == (status if size <= limit else 413), (host, target, head)
                    assert status != 200 or size > limit or got.body == b"x" * size
    origin.close()


def test_command_line_overrides_the_file(program, place, tux):
    other = free_port()
    os.mkdir(os.path.join(place, "sub"))
    for name in ("start.html", "sub/first.html", "sub/index.html"):
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write(name)
    path = written(place, 'root "%s"\nlisten = "127.0.0.1:%d"\nindex [start.html, first.html]\n' % (place, other))
    server = tux(place + "/sub", "--config", path)
    with server.connect() as conn:
        assert conn.get("/").body == b"sub/first.html"
    with pytest.raises(OSError):
        client.Connection(("127.0.0.1", other)).close()


def test_the_file_alone(program, place, tux):
    port = free_port()
    with open(os.path.join(place, "start.html"), "w", encoding="utf-8") as file:
        file.write("the start")
    path = written(place, 'root "%s"\nlisten = "127.0.0.1:%d"\nindex start.html\nlog off\n' % (place, port))
    with subprocess.Popen([program, "serve", "--config", path], stderr=subprocess.DEVNULL) as process:
        try:
            def answers():
                try:
                    with client.Connection(("127.0.0.1", port)) as conn:
                        return conn.get("/").body == b"the start"
                except (OSError, client.Closed):
                    return False
            client.wait_until(answers, "it answers")
        finally:
            process.terminate()
            assert process.wait(20) == 0


ROUTES = """
root "%s"
route "/old/" { redirect "/new/*" }
route "=/one" { redirect "https://example.org/x?y=1"; status 308 }
route "/slash" { redirect "/*"; status 302 }
route "/old/keep/" { static on }
route "/*.php" { redirect "/gone"; status = 307 }
"""


@pytest.mark.parametrize("target,status,location", [
    ("/old/a%20b/c?q=1", 301, "/new/a%20b/c?q=1"), ("/old/", 301, "/new/"), ("/one", 308, "https://example.org/x?y=1"), ("/one/", 404, None),
    ("/slash//evil.example", 302, "/evil.example"), ("/old/keep/x", 404, None), ("/x/../a.php?b", 307, "/gone"), ("/start.html", 200, None)])
def test_redirects(place, tux, target, status, location):
    with open(os.path.join(place, "start.html"), "w", encoding="utf-8") as file:
        file.write("the start")
    server = tux(place, "--config", written(place, ROUTES % place))
    with server.connect() as conn:
        for method in ("GET", "HEAD", "POST"):
            answer = conn.get(target, method=method)
            wanted = 405 if method == "POST" and location is None else status
            assert (answer.status, answer.field("Location")) == (wanted, location), method


@pytest.mark.parametrize("text,words", [
    ('route "app" { static on }', "is no route"), ('route "/a*b*c" { static on }', "is no route"), ('route "=/a*" { static on }', "is no route"),
    ('route "/a" { }', "does one thing"), ('route "/a" { static on; redirect "/b" }', "does one thing"), ('route { "/a" = on }', "needs { }"),
    ('route "/a" { redirect "b" }', "nowhere to redirect to"), ('route "/a" { redirect "https://b*" }', "nowhere to redirect to"),
    ('route "/a" { redirect "/b\\r\\nX: y" }', "nowhere to redirect to"), ('route "/a" { redirect "/b"; status 200 }', "301, 302"),
    ('route "/a" { handover 80 }; route "/b" { handover 81 }', "one port"), ('handover 80; route "/a" { handover 81 }', "one port"),
    ('route "/a" { handover 81 } handover 80', "one port"), ('route "/a" { redirect "https:///*" }', "nowhere to redirect to"),
    ('route "/a" { fastcgi on }', 'unknown key "fastcgi"'), ('route "/a" { handover no }', "1 to 65535"), ("route on", "needs a pattern")])
def test_wrong_routes(program, place, text, words):
    path = written(place, "\n" + text + "\n")
    found = check(program, path)
    assert found.returncode == 1 and found.stderr.startswith(path + ":2: ") and words in found.stderr, found.stderr
