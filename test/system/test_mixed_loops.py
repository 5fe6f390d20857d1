# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads with io_uring beside threads that fell back to epoll because no more memory can be locked: each serves every kind of
request."""
import ctypes
import os
import resource
import signal
import subprocess

import pytest

import client
from tools import need
from upstreams import Origin, response

CONNECTIONS = 24  # the kernel distributes them: all reach threads of one kind once in 2^23 runs
FELL_BACK = "; 2 of 4 threads serve over epoll (io_uring found too little "
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24
LARGE = os.urandom(400000)  # more than is copied, so the rest is spliced


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library that makes every second thread fall back."""
    path = str(tmp_path_factory.mktemp("shim") / "uring_memory.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "uring_memory.c")
    subprocess.run([need("cc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True)
    return path


def script(place, name, text):
    os.makedirs(place + "/cgi", exist_ok=True)
    with open(place + "/cgi/" + name, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nprintf 'Content-Type: x/y\\n\\n'\n" + text + "\n")
    os.chmod(place + "/cgi/" + name, 0o755)


def echo(sock):
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    while data := sock.recv(65536):
        sock.sendall(data)


def answer(request):
    if request.field("Upgrade"):
        return echo
    return response(LARGE) if request.target.endswith("/large") else response(request.body or b"an answer")


@pytest.fixture
def mixed(place, tux, shim):
    """TUX with four threads, of which two fell back: a file, a TCP and a Unix upstream at /app/ and /unix/, programs at /cgi/."""
    os.chmod(os.path.dirname(shim), 0o755)
    with open(place + "/index.html", "w", encoding="utf-8") as file:
        file.write("a file")
    with open(place + "/large", "wb") as file:
        file.write(LARGE)
    script(place, "cat", "exec cat")
    script(place, "large", "exec cat %s/large" % place)
    servers = [Origin(answer), Origin(answer, place + "/socket")]
    path = place + "/tux.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write('threads 4\ncgi scripts { root "%s/cgi" }\nroute "/cgi/" { cgi scripts }\nroute "/app/" { upstream "%s" }\n'
                   'route "/unix/" { upstream "%s" }\n' % (place, servers[0].name, servers[1].name))
    # The sanitizers' library insists on being loaded first, which is not needed here.
    asan = (os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0").lstrip(":")
    server = tux(place, "--config", path, env={"LD_PRELOAD": shim, "ASAN_OPTIONS": asan})
    client.wait_until(lambda: "is in force" in server.output, "it says that it serves")
    if "engine: epoll (io_uring" in server.output:
        pytest.skip("io_uring cannot be had here")
    assert FELL_BACK in server.output
    yield server
    for one in servers:
        one.close()
        assert not one.broken


def on_all(tux, ask):
    """Calls ask(connection) on enough connections to reach every thread, all open at the same time."""
    conns = [tux.connect() for _ in range(CONNECTIONS)]
    for conn in conns:
        ask(conn)
        conn.close()


def post(conn, target, body):
    conn.send("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (target, len(body)))
    conn.send(body)
    return conn.response()


@pytest.mark.parametrize("where", ["/app/", "/unix/", "/cgi/cat"])
def test_peers_take_and_answer(mixed, where):
    def ask(conn):
        assert post(conn, where, b"a body").body == b"a body"
        assert conn.get("/").body == b"a file"
    on_all(mixed, ask)


@pytest.mark.parametrize("where", ["/app/", "/unix/", "/cgi/"])
def test_large_bodies(mixed, where):
    def ask(conn):
        assert conn.get(where + "large").body == LARGE
        assert post(conn, where + ("cat" if where == "/cgi/" else ""), LARGE).body == LARGE
    on_all(mixed, ask)


@pytest.mark.parametrize("where", ["/app/", "/unix/"])
def test_tunnels(mixed, where):
    def ask(conn):
        conn.send("GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" % where)
        assert conn.head().status == 101
        for size in (1, 50000):
            conn.send(LARGE[:size])
            assert conn.take(size) == LARGE[:size]
    on_all(mixed, ask)


def test_reload_and_retired_threads(mixed):
    """Connections of the old threads still get responses, from backends too. New threads of both kinds serve new ones."""
    conns = [mixed.connect() for _ in range(CONNECTIONS)]
    for conn in conns:
        assert conn.get("/app/").body == b"an answer"
    mixed.signal(signal.SIGHUP)
    client.wait_until(lambda: mixed.output.count(FELL_BACK) == 2, "it has reloaded")
    for conn in conns:
        assert conn.get("/app/").body == b"an answer"
        conn.close()
    on_all(mixed, lambda conn: conn.get("/cgi/large"))


def without_raising(limit):
    """preexec_fn: limits locked memory and drops CAP_SYS_RESOURCE, which could raise the limit."""
    def run():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
    return run


def test_reload_names_the_limit_of_locked_memory(place, tux, shim):
    """A start and a reload with too little locked memory report ulimit -l, the limit, and the fallback."""
    os.chmod(os.path.dirname(shim), 0o755)
    with open(place + "/tux.conf", "w", encoding="utf-8") as file:
        file.write("threads 4\n")
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    limit = 64 << 20 if hard == resource.RLIM_INFINITY else min(hard, 64 << 20)
    asan = (os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0").lstrip(":")
    server = tux(place, "--config", place + "/tux.conf", env={"LD_PRELOAD": shim, "ASAN_OPTIONS": asan}, preexec_fn=without_raising(limit))
    client.wait_until(lambda: "is in force" in server.output, "it says that it serves")
    if "engine: epoll" in server.output:
        pytest.skip("io_uring cannot be had here")
    wanted = FELL_BACK + "locked memory: ulimit -l is %d KiB for all processes of the user)" % (limit // 1024)
    assert server.output.count(wanted) == 1, server.output
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: server.output.count(wanted) == 2, "the reload says it, too")
