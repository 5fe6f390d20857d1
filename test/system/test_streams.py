# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams to backends under failures of kernel or memory: a full backlog of a Unix socket, a server that closes at once, a body
that cannot be buffered."""
import os
import socket
import subprocess
import threading

import pytest

import client
from tools import need
from upstreams import Origin, response


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(servers): TUX with one upstream for /app/, programs at /cgi/, and a file."""
    def start(servers, more="", program="", **options):
        with open(place + "/index.html", "w", encoding="utf-8") as file:
            file.write("a file")
        path = place + "/tux.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write('upstream app { server = [%s]; %s }\nroute "/app/" { upstream app }\ncgi scripts { root "%s/cgi"; %s }\nroute "/cgi/" { cgi scripts }\n' % (
                ", ".join('"%s"' % server for server in servers), more, place, program))
        return tux(place, "--config", path, "--engine", request.param, **options)
    return start


@pytest.fixture
def full(place):
    """The path of a Unix socket with a full backlog, which accepts no connection."""
    path = place + "/full"
    held = [socket.socket(socket.AF_UNIX)]
    held[0].bind(path)
    os.chmod(path, 0o777)
    held[0].listen(0)
    while True:
        one = socket.socket(socket.AF_UNIX)
        held.append(one)
        one.setblocking(False)
        if one.connect_ex(path) != 0:
            break
    yield path
    for one in held:
        one.close()


def test_full_backlog_uses_the_next_server(proxy, full):
    """The next server responds, with both loops. Without another server the client gets an error without waiting."""
    other = Origin(lambda request: response(b"the other"))
    tux = proxy(["unix:" + full, other.name], "connect-timeout 0.3; read-timeout 600")
    for _ in range(4):
        assert tux.get("/app/").body == b"the other"
    other.close()


def test_full_backlog_of_the_only_server_is_an_error(proxy, full):
    tux = proxy(["unix:" + full], "connect-timeout 0.3; read-timeout 600")
    assert tux.get("/app/").status in (502, 504)


def test_server_closing_at_once_is_noticed(proxy, place):
    """Its close arrives while the connection is being set up, and is not missed."""
    path = place + "/closing"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(100)

    def close_all():
        try:
            while True:
                listener.accept()[0].close()
        except OSError:
            pass
    threading.Thread(target=close_all, daemon=True).start()
    tux = proxy(["unix:" + path], "read-timeout 600")
    for _ in range(20):
        assert tux.get("/app/").status == 502
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture(scope="module")
def short_memory(tmp_path_factory):
    """The environment of a program whose large output buffers cannot be allocated."""
    directory = tmp_path_factory.mktemp("shim")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "short_memory.c")
    subprocess.run([need("cc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(directory / "short_memory.so"), source, "-ldl"], check=True)
    os.chmod(directory, 0o755)
    asan = (os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0").lstrip(":")
    return {"LD_PRELOAD": str(directory / "short_memory.so"), "ASAN_OPTIONS": asan, "SHORT_MEMORY": "0"}


def upload(tux, target):
    """Sends a chunked body, which is never spliced, larger than the backend reads; returns the response."""
    with tux.connect() as conn:
        conn.send("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % target)
        try:
            for _ in range(40):
                conn.send(b"4000\r\n%s\r\n" % (b"x" * 0x4000))
        except OSError:
            pass  # the server no longer reads
        return conn.response()


@pytest.mark.parametrize("program", ["", "chunked-bodies stream"])
def test_no_memory_for_a_programs_body(proxy, place, short_memory, program):
    """The program does not wait for the rest, and does not process a truncated body: it is ended, and the client gets an error."""
    os.makedirs(place + "/cgi")
    with open(place + "/cgi/slow", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nwhile [ ! -e %s/go ]; do sleep 0.05; done\ncat >/dev/null\nprintf 'Content-Type: x/y\\n\\nall'\n" % place)
    os.chmod(place + "/cgi/slow", 0o755)
    environment = "1" if program else "0"  # memory for the program's environment, which is allocated first
    tux = proxy(["unix:/nowhere"], program=program, env=dict(short_memory, SHORT_MEMORY=environment))
    assert upload(tux, "/cgi/slow").status == 503
    assert tux.get("/").body == b"a file"


def test_no_memory_for_a_programs_environment(proxy, place, short_memory):
    """RFC 6585 5: 431 is for a client with too large fields. Lack of memory is 503."""
    os.makedirs(place + "/cgi")
    tux = proxy(["unix:/nowhere"], env=short_memory)
    assert tux.get("/cgi/any").status == 503
    assert tux.get("/").body == b"a file"


def test_no_memory_for_a_servers_body(proxy, place, short_memory):
    path = place + "/deaf"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(10)
    tux = proxy(["unix:" + path], "read-timeout 600; send-timeout 600", env=short_memory)
    assert upload(tux, "/app/").status == 503
    peer, _ = listener.accept()
    peer.settimeout(client.TIMEOUT)
    try:
        while peer.recv(1 << 16):
            pass  # the bytes that were sent, then the end
    except ConnectionResetError:
        pass
    peer.close()
    listener.close()
    assert tux.get("/").body == b"a file"
