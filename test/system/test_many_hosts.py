# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten thousand hosts and ten thousand routes: the file is valid, and each name and each path leads to its own."""
import os
import random
import subprocess

from test_config import written

COUNT = 10000


def many(place):
    """A file with COUNT hosts, each with a redirect of its own, and one host with COUNT routes."""
    lines = ["log off", 'root "%s"' % place, 'host "many.example" {']
    lines += ['route "/old/%d/" { redirect "/new/%d/*" }' % (number, number) for number in range(COUNT)]
    lines += ["}"]
    lines += ['host "h%d.example" { name "*.h%d.test"; route "=/" { redirect "/%d" } }' % (number, number, number)
              for number in range(COUNT)]
    return "\n".join(lines) + "\n"


def location(conn, host, path):
    conn.send(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode()))
    found = conn.response("GET")
    assert found.status == 301
    return found.field("Location")


def test_many_hosts_and_routes(place, tux):
    path = written(place, many(place))
    server = tux(place, "--config", path)
    program = os.readlink("/proc/%d/exe" % server.process.pid)
    checked = subprocess.run([program, "check", path], capture_output=True, text=True, check=False, timeout=300)
    assert checked.returncode == 0, checked.stderr[-1000:]
    chance = random.Random(1)
    with server.connect() as conn:
        for number in [0, COUNT - 1, *(chance.randrange(COUNT) for _ in range(50))]:
            assert location(conn, "H%d.example:80" % number, "/") == "/%d" % number
            assert location(conn, "www.h%d.test" % number, "/") == "/%d" % number
            assert location(conn, "many.example", "/old/%d/x" % number) == "/new/%d/x" % number
        conn.send(b"GET /old/%d/ HTTP/1.1\r\nHost: many.example\r\n\r\n" % COUNT)
        assert conn.response("GET").status == 404
