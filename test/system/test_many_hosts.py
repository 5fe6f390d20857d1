# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten thousand hosts and ten thousand routes: the file is valid, and each name and each path leads to its own."""
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile

import pytest

import client
from test_config import program, written  # noqa: F401 (a fixture)
from tools import children, field, is_sanitized, need

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


def publish(directory, text):
    """Makes a directory readable by all, with one file."""
    os.mkdir(directory, 0o755)
    os.chmod(directory, 0o755)
    with open(os.path.join(directory, "file"), "w", encoding="ascii") as out:
        out.write(text)


def body(server, name):
    with server.connect() as conn:
        conn.send(b"GET /file HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % name.encode())
        return conn.response("GET").body.decode()


def anonymous_kb(server):
    """Returns the memory of the process that serves, without files."""
    return sum(int(field(pid, "RssAnon").split()[0]) for pid, name in children(server.process.pid).items() if name == "tux")


def root_count():
    """COUNT, or as many roots as may be open at a time."""
    return min(COUNT, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 4096)


@pytest.fixture
def roots():
    """A directory for thousands of others, in memory if possible: a busy disk takes a minute to remove them."""
    directory = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_many_roots(place, roots, tux):
    """Each host has its own root: after the start, after a reload, and after its root is replaced. A host takes less than 1 KB."""
    count = root_count()
    names = [("h0.example", 0), ("h%d.example" % (count - 1), count - 1), ("h%d.example" % (count // 2), count // 2), ("other.example", 0)]
    lines = ["log off"]
    for number in range(count):
        lines.append('host "h%d.example" { root "%s/%d" }' % (number, roots, number))
        if number in dict(names).values():
            publish(os.path.join(roots, str(number)), "root %d" % number)
        else:
            os.mkdir(os.path.join(roots, str(number)))
    alone = anonymous_kb(tux(place))
    server = tux(place, "--config", written(place, "\n".join(lines) + "\n"))
    sanitized = is_sanitized(os.readlink("/proc/%d/exe" % server.process.pid))
    assert sanitized or (anonymous_kb(server) - alone) * 1024 < 1000 * count
    assert [body(server, name) for name, _ in names] == ["root %d" % number for _, number in names]
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: server.output.count("is in force") == 2, "it is reloaded", 60)
    assert [body(server, name) for name, _ in names] == ["root %d" % number for _, number in names]
    last = os.path.join(roots, str(count - 1))
    os.rename(last, last + ".old")
    publish(last, "new")
    client.wait_until(lambda: body(server, "h%d.example" % (count - 1)) == "new", "the last root is replaced", 60)
    assert body(server, "h0.example") == "root 0"


def test_roots_leave_fewer_descriptors_for_connections(place, roots, tux):
    """Roots, connections and cached files together fit into the limit of open files."""
    count, limit, threads = 1500, 3000, 2
    lines = ["log off", "threads %d" % threads]
    for number in range(count):
        os.mkdir(os.path.join(roots, str(number)))
        lines.append('host "h%d.example" { root "%s/%d" }' % (number, roots, number))
    wrapper = [need("prlimit"), "--nofile=%d:%d" % (limit, limit)]
    if os.geteuid() == 0:
        wrapper += [need("setpriv"), "--bounding-set=-sys_resource"]  # it cannot raise the limit again
    server = tux(place, "--config", written(place, "\n".join(lines) + "\n"), wrapper=wrapper)
    found = re.search(r"%d open files are permitted .* (\d+) connections, (\d+) large files" % limit, server.output)
    assert found, server.output
    assert count + int(found.group(1)) + int(found.group(2)) * threads < limit


@pytest.mark.parametrize("pattern", [False, True])
def test_more_roots_than_open_files(place, roots, program, pattern):
    """The message names the limit. It comes once, even if a pattern has found more hosts."""
    count, limit = 300, 200
    for number in range(count):
        os.mkdir(os.path.join(roots, "h%d.example" % number))
    lines = ["log off"] + ['host "h%d.example" { root "%s/h%d.example" }' % (number, roots, number) for number in range(count)]
    if pattern:
        lines = ["log off", 'host "*.example" { root "%s/%%h" }' % roots]
    wrapper = [need("prlimit"), "--nofile=%d:%d" % (limit, limit)]
    if os.geteuid() == 0:
        wrapper += [need("setpriv"), "--bounding-set=-sys_resource"]
    done = subprocess.run([*wrapper, program, "serve", "--config", written(place, "\n".join(lines) + "\n"), "--listen", "127.0.0.1:0"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    said = re.findall(r"tux: cannot serve \S+h\d+.example: only %d open files are permitted \(ulimit -Hn\), and each root is one" % limit,
                      done.stderr)
    assert done.returncode == 1 and len(said) == 1, done.stderr


def test_many_logs(place, tux, logs):
    """Each host has its own log: all get their lines, and a log needs little memory while nothing is written to it."""
    count, together = 500, 100
    lines = ['host "h%d.example" { log "%s/%d" }' % (number, logs, number) for number in range(count)]
    lines.append("#" * 500000)  # glibc's heap then takes blocks of this size, which it clears, in place of mmap
    site = os.path.join(place, "site")
    publish(site, "x")
    alone = anonymous_kb(tux(site, log=os.path.join(logs, "alone")))
    server = tux(site, "--config", written(place, "\n".join(lines) + "\n"))
    assert anonymous_kb(server) - alone < 64 * count
    with server.connect() as conn:
        for first in [*range(0, count, together)] * 2:
            conn.send(b"".join(b"GET /file HTTP/1.1\r\nHost: h%d.example\r\n\r\n" % number for number in range(first, first + together)))
            for _ in range(together):
                assert conn.response("GET").status == 200
    server.end()
    for number in range(count):
        with open(os.path.join(logs, str(number)), encoding="ascii") as file:
            assert sum("GET /file HTTP/1.1" in line for line in file) == 2
