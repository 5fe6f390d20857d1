# SPDX-License-Identifier: GPL-2.0-or-later
"""From HTTP to HTTPS, and Strict-Transport-Security."""
import os
import subprocess

import pytest

import client
import tls
from tools import free_port
from upstreams import Origin, response

from test_config import check, program, written  # noqa: F401 (a fixture)

BOTH = """
log off
listen ["http://127.0.0.1:%(plain)d", "https://127.0.0.1:%(secure)d"]
%(tls)s
https-redirect on
hsts "max-age=31536000; includeSubDomains"
upstream origin { server "%(origin)s" }
host "a.test" { root "%(root)s"; browse on; route "=/status" { status on }; route "/up/" { upstream origin }; route "/" { static on } }
host "b.test" { root "%(root)s"; https-redirect 443; hsts "max-age=5"; header { set "Strict-Transport-Security: max-age=1"; add "X-Own: 1" } }
host "c.test" { root "%(root)s"; https-redirect off }
"""
STS = "Strict-Transport-Security"


@pytest.fixture
def both(place, root, tux):
    """Hosts on both schemes: (connection over plain HTTP, over TLS, port for TLS)."""
    origin = Origin(lambda request: response(b"from origin", "200 OK", STS + ": max-age=9", "X-Of: origin"))
    pair = tls.make(place, "both", "a.test", "b.test", "c.test", "localhost")
    ports = {"plain": free_port(), "secure": free_port()}
    os.makedirs(root + "/.well-known/acme-challenge")
    with open(root + "/.well-known/acme-challenge/token", "w", encoding="ascii") as file:
        file.write("proof")
    server = tux(root, "--config", written(place, BOTH % {"tls": pair.block, "root": root, "origin": origin.name, **ports}), listen=False,
                 port=ports["secure"], tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    with client.Connection(("127.0.0.1", ports["plain"])) as plain, server.connect(name="a.test") as secure_one:
        yield plain, secure_one, ports["secure"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("host,target,location", [
    ("a.test", "/file?q=1&r", "https://a.test:%d/file?q=1&r"), ("A.test:80", "/up/x", "https://A.test:%d/up/x"), ("b.test", "/", "https://b.test/"),
    ("a.test", "/a%20b/../%C3%A9//c", "https://a.test:%d/%%C3%%A9/c"), ("[::1]:8080", "/x", "https://[::1]:%d/x"), ("[::1]", "/x", "https://[::1]:%d/x"),
    ("a.test", "http://a.test/y", "https://a.test:%d/y")])
def test_plain_requests_are_redirected(both, method, host, target, location):
    """RFC 9110 15.4.9: 308 keeps the method. Without the field that is for TLS only (RFC 6797 7.2)."""
    plain, _, port = both
    got = plain.get(target, *(["Content-Length: 0"] if method == "POST" else []), method=method, host=host)
    assert (got.status, got.field("Location")) == (308, location % port if "%d" in location else location)
    assert got.field(STS) is None


def test_what_is_not_redirected(both):
    plain, secure_one, _ = both
    assert plain.get("/.well-known/acme-challenge/token", host="a.test").body == b"proof"
    assert plain.get("/status?format=ready", host="a.test").status in (200, 403)
    assert plain.get("/file", host="c.test").body == b"data"
    assert plain.get("/%00", host="a.test").status == 400
    assert secure_one.get("/file", host="a.test").status == 200


def test_strict_transport_security(both):
    """RFC 6797 7.1: one field, over TLS only, in every response."""
    plain, secure_one, _ = both
    for target, status in (("/file", 200), ("/missing", 404), ("/", 200), ("/up/x", 200), ("/.well-known", 301)):
        for _ in range(2):
            got = secure_one.get(target, host="a.test")
            assert got.status == status and got.all(STS) == ["max-age=31536000; includeSubDomains"], target
    assert secure_one.get("/up/x", host="a.test").field("X-Of") == "origin"
    got = secure_one.get("/file", host="b.test")
    assert got.all(STS) == ["max-age=5"] and got.field("X-Own") == "1"
    assert secure_one.get("/file", "If-None-Match: *", host="b.test").all(STS) == ["max-age=5"]
    for _ in range(2):
        assert plain.get("/file", host="c.test").all(STS) == [] and secure_one.get("/file", host="c.test").all(STS) == ["max-age=31536000; includeSubDomains"]


@pytest.mark.parametrize("text,words", [
    ('hsts "1"', "is not max-age=SECONDS"), ('hsts "max-age=1\\r\\nX: y"', "is not max-age=SECONDS"), ('hsts "max-age="', "is not max-age=SECONDS"),
    ("https-redirect maybe", "is not on, off, or a port"), ("https-redirect 65536", "is not on, off, or a port")])
def test_wrong_redirects(program, place, text, words):  # noqa: F811
    done = check(program, written(place, text + "\n"))
    assert done.returncode != 0 and words in done.stderr, done.stderr


def test_redirect_without_an_address_for_tls(program, place):  # noqa: F811
    done = subprocess.run([program, "serve", place, "--listen", "127.0.0.1:0", "--https-redirect", "on"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0 and "no listen of it begins with https://" in done.stderr
