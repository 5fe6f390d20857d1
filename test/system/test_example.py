# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/example.conf: it is valid, and with other paths and ports it serves as described, with Debian's programs."""
import json
import os
import re
import shutil
import subprocess

import pytest

import client
from test_cgi import git
from test_config import check, program  # noqa: F401
from test_peers import WebSocket, upload
from tools import free_port, need

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "../../docs/example.conf")
# git checks the owner of a repository, who is not the server's user here.
SAFE = 'GIT_CONFIG_COUNT = 1; GIT_CONFIG_KEY_0 = safe.directory; GIT_CONFIG_VALUE_0 = "*"; '


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_example_is_valid(program):  # noqa: F811
    """Except for its directories, which may be missing on this machine."""
    found = check(program, EXAMPLE)
    wrong = [line for line in found.stderr.splitlines() if not line.endswith('": No such file or directory')]
    assert wrong == [] and (found.returncode == 0) == (found.stderr == "")


@pytest.fixture
def application(place):
    if subprocess.run(["/usr/bin/python3", "-c", "import gunicorn"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("python3-gunicorn is not installed")
    path = os.path.join(place, "app.sock")
    process = subprocess.Popen(["/usr/bin/python3", "-B", "-m", "gunicorn", "--chdir", os.path.join(HERE, "peers"), "--bind", "unix:" + path, "--umask", "0",
                                "--threads", "8", "--graceful-timeout", "2", "app:application"], stderr=subprocess.DEVNULL)
    client.wait_until(lambda: os.path.exists(path), "gunicorn listens", 30)
    yield path
    process.terminate()
    process.wait(20)


@pytest.fixture
def served(place, tux, application):
    """The example with paths beneath place, and its parts."""
    for path in ("/usr/lib/git-core/git-http-backend", "/usr/lib/cgit/cgit.cgi", "/usr/share/cgit/cgit.css"):
        if not os.path.exists(path):
            pytest.skip(path + " is not there")
    need("git")
    www = place + "/srv/www/example.org/"
    for name, text in (("index.html", "the page"), ("404.html", "no such page"), ("down.html", "down"), ("assets/a.css", "/* */"), ("private/file", "for some")):
        put(www + name, text)
    os.makedirs(place + "/srv/git")
    os.makedirs(place + "/log")
    git("init", "-q", "--bare", place + "/srv/git/one.git")
    git("-C", place + "/srv/git/one.git", "config", "http.receivepack", "true")
    put(place + "/cgitrc", "virtual-root=/\ncss=/cgit.css\nlogo=/cgit.png\ncache-size=0\nscan-path=%s/srv/git\n" % place)
    subprocess.run(["chmod", "-R", "a+rwX", place + "/srv/git"], check=True)
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    for old, new in (('"/srv/', '"%s/srv/' % place), ('"/var/log/tux/', '"%s/log/' % place), ('"/etc/cgitrc"', '"%s/cgitrc"' % place),
                     ("unix:/run/app/app.sock", "unix:" + application), ("env { ", "env { " + SAFE)):
        assert old in text
        text = text.replace(old, new)
    port = free_port()
    text = re.sub(r'(?m)^listen .*$', 'listen "127.0.0.1:%d"' % port, text)
    put(place + "/tux.conf", text)
    os.chmod(place + "/log", 0o777)
    return tux(place, "--config", place + "/tux.conf", listen=False, port=port, log=place + "/log/access.log")


def test_pages(served):
    for host in ("example.org", "www.example.org", "whoever"):
        got = served.get("/", host=host)
        assert (got.body, got.field("Cache-Control"), got.field("X-Content-Type-Options")) == (b"the page", "max-age=300", "nosniff")
    got = served.get("/assets/a.css", host="example.org")
    assert (got.status, got.field("Cache-Control")) == (200, "max-age=31536000, immutable")
    got = served.get("/none", host="example.org")
    assert (got.status, got.body) == (404, b"no such page")
    assert served.get("/private/file", host="example.org").status == 404
    got = served.get("/blog/2026/one?x", host="example.org")
    assert (got.status, got.field("Location")) == (308, "https://blog.example.org/2026/one?x")
    status = json.loads(served.get("/status?format=json", host="example.org").body)
    assert [each["upstream"] for each in status["upstreams"]] == ["app"] and [each["cgi"] for each in status["cgi"]] == ["git", "cgit"]


def test_the_application(served):
    with served.connect() as conn:
        assert conn.get("/app/chunks", host="example.org").body.startswith(b"part 0\n")
        assert conn.get("/app/private", host="example.org").body == b"for some"
        fields = json.loads(conn.get("/app/fields", host="www.example.org").body)
        assert fields["HTTP_HOST"] == "www.example.org" and fields["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
        body = os.urandom(3 << 20)
        upload(conn, "/app/echo", body)
        assert conn.response("POST").body == body
        assert conn.get("/", host="example.org").body == b"the page"
        upload(conn, "/", b"x" * ((1 << 20) + 1))
        assert conn.response("POST").status == 413
    socket_ = WebSocket(served)
    for size in (0, 5, 126, 70000):
        socket_.send(2, b"x" * size)
        assert socket_.receive() == (2, b"x" * size)
    socket_.send(8, b"\x03\xe8")
    assert socket_.receive() == (8, b"\x03\xe8")
    socket_.conn.close()


def test_the_repositories(served, place):
    """Pushed to and cloned under the host's name, and visible in cgit."""
    resolved = ["-c", "http.extraHeader=Host: git.example.org"]
    work = place + "/work"
    git(*resolved, "clone", "-q", served.url + "/clone/one.git", work)
    put(work + "/file.txt", "text of a file\n")
    with open(work + "/big", "wb") as file:
        file.write(os.urandom(2 << 20))
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "a commit", cwd=work)
    git(*resolved, "push", "-q", "origin", "HEAD:master", cwd=work)
    git(*resolved, "clone", "-q", "-b", "master", served.url + "/clone/one.git", place + "/again")
    assert os.path.getsize(place + "/again/big") == 2 << 20
    with served.connect() as conn:
        assert b"one.git" in conn.get("/", host="git.example.org").body
        assert b"a commit" in conn.get("/one.git/log/", host="git.example.org").body
        assert conn.get("/one.git/plain/file.txt", host="git.example.org").body == b"text of a file\n"
        with open("/usr/share/cgit/cgit.css", "rb") as file:
            assert conn.get("/cgit.css", host="git.example.org").body == file.read()
    with open(place + "/log/git.log", encoding="utf-8") as file:
        client.wait_until(lambda: "/one.git/plain/file.txt" in file.read() or file.seek(0), "it is logged")
    shutil.rmtree(work)
