# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that switch to another protocol, RFC 9110 7.8. modules/tunnels.c does what the path says."""
import json
import os
import re
import signal
import ssl
import threading

import pytest

import client
import tls
import hosted
from hosted import ATS, pattern

NAMES = hosted.names("tunnels")


@pytest.fixture
def serve(in_each_host):
    """serve(more of the module blocks, more of the file): TUX with the module in each host."""
    def start(more="", top="", **options):
        server = in_each_host("tunnels", more, top, **options)
        client.wait_until(lambda: server.get("/iso/counts").status == 200, "the process of the module is ready")
        return server
    return start


def ask(target, *fields):
    return client.request(target, "Connection: keep-alive, Upgrade", "Upgrade: other, RAW", *fields)


def switch(server, target, after=b"", **options):
    """Returns a connection after 101. after: bytes that are sent together with the head."""
    conn = server.connect(**options)
    conn.send(ask(target) + after)
    found = conn.head()
    assert (found.status, found.field("Upgrade"), found.tokens("Connection"), found.field("X-Tunnel")) == (101, "raw", ["upgrade"], "yes")
    assert found.field("Content-Type") is None
    return conn


def counts(server, at):
    return [int(number) for number in re.findall(rb"\d+", server.get(at + "/counts").body)]


def read_all(conn, into):
    into.append(conn.rest())


@pytest.mark.parametrize("at", ATS)
def test_echo(serve, at):
    """Bytes that were sent behind the head are the first of the tunnel. The client ends its side, and the module then ends the other one."""
    server = serve()
    for word, first in (("echo", b""), ("suspended", b"suspended\n"), ("late?5", b"")):
        for count in (0, 1, 70000, 3000001):
            with switch(server, "%s/%s" % (at, word), b"" if first else b"GET / HTTP/1.1\r\n\r\n") as conn:
                sent = b"" if first else b"GET / HTTP/1.1\r\n\r\n"
                assert conn.take(len(first)) == first
                got = []
                reader = threading.Thread(target=read_all, args=(conn, got))
                reader.start()
                conn.send(pattern(count))
                conn.send_eof()
                reader.join(60)
                sent += pattern(count)
                assert got[0] == sent + b"end %d\n" % len(sent)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_over_tls(serve, place, version):
    """RFC 9110 7.8, RFC 8446 6.1: bytes of both directions, and each side's end by close_notify."""
    pair = tls.make(place, "test", "test")
    server = serve(top=pair.block, tls=tls.trusting(pair, version=version))
    for at in ATS:
        for word, first in (("echo", b""), ("suspended", b"suspended\n")):
            with switch(server, "%s/%s" % (at, word), b"" if first else b"early") as conn:
                assert conn.take(len(first or b"early")) == (first or b"early")
                for count in (1, 20000, 60000):
                    conn.send(pattern(count))
                    assert conn.take(count) == pattern(count)
                conn.send_eof()
                assert conn.rest() == b"end %d\n" % (80001 + (0 if first else 5)) and not conn.sock.truncated
        with switch(server, at + "/push?3000000", receive_buffer=4096) as conn:
            assert conn.take(3000000) == pattern(3000000)
            assert conn.buffer == b"" and conn.sock.recv(1) == b"" and not conn.sock.truncated  # the module's side has ended
            conn.send(b"x" * 100000)
            conn.send_eof()
            line = "module %s: after the end of its output it has read 100000\n" % NAMES[at]
            server.wait_until(lambda text=line: text in server.output, "the module reads on")


@pytest.mark.parametrize("at", ATS)
def test_back_pressure(serve, at):
    """A module that reads nothing lets the client wait, and one whose client reads nothing gets no room. Nothing is lost."""
    server = serve()
    with switch(server, at + "/late?30") as conn:
        got = []
        reader = threading.Thread(target=read_all, args=(conn, got))
        reader.start()
        conn.send(pattern(10000000))
        conn.send_eof()
        reader.join(60)
        assert got[0] == pattern(10000000) + b"end 10000000\n"
    with switch(server, at + "/push?10000000", receive_buffer=4096) as conn:
        server.get(at + "/counts")
        conn.widen()
        assert conn.take(10000000) == pattern(10000000)
        assert conn.buffer == b"" and conn.sock.recv(1) == b""  # the module's side has ended
        conn.send(b"x" * 100000)
        conn.send_eof()
        server.wait_until(lambda: "module %s: after the end of its output it has read 100000\n" % NAMES[at] in server.output, "the module reads on")


@pytest.mark.parametrize("at", ATS)
def test_the_module_hears_while_the_client_does_not_read(serve, at):
    server = serve()
    with switch(server, at + "/both", receive_buffer=4096) as conn:
        server.wait_until(lambda: "the client does not read" in server.output, "no room is left")
        conn.send(b"x")
        server.wait_until(lambda: "heard while it writes" in server.output, "the module hears the client")


def test_what_is_no_upgrade(serve):
    """RFC 9110 7.8: only what the client asks for, in HTTP/1.1, and no protocol that carries requests."""
    server = serve()
    for at in ATS:
        for fields in (["Connection: upgrade"], ["Upgrade: raw"], ["Connection: upgrade", "Upgrade: raw2"], ["Connection: upgrade", "Upgrade: raw, h2c"]):
            found = server.get(at + "/echo", *fields)
            assert (found.status, found.body, found.field("Upgrade")) == (400, b"-71\n", None)
        found = server.get(at + "/echo", "Connection: upgrade", "Upgrade: raw", version="1.0")
        assert (found.status, found.body) == (400, b"-71\n")
        with server.connect() as conn:
            conn.send(client.request(at + "/echo", "Connection: upgrade", "Upgrade: raw", "Content-Length: 1", method="POST") + b"x")
            assert conn.response("POST").body == b"-71\n"
            assert conn.get(at + "/counts").status == 200


def test_mistakes_of_a_module(serve):
    """Each has an error, and one that gives the tunnel back before its end has a line. The server goes on."""
    server = serve()
    for at in ATS:
        with switch(server, at + "/twice") as conn:
            assert conn.rest() == b"-114 -114 -114 -114 -22"  # EALREADY, EINVAL
        with switch(server, at + "/forget") as conn:
            conn.rest()
        line = "module %s: a request was given back before tux_stream_end(), so its response is cut\n" % NAMES[at]
        server.wait_until(lambda text=line: text in server.output, "the line")
        with switch(server, at + "/cut") as conn:
            assert conn.rest() in (b"", b"cut")
    assert "did not complete the response" not in server.output


def test_the_client_leaves(serve):
    """A reset ends the tunnel, and the module is told."""
    server = serve()
    for at in ATS:
        for number, word in enumerate(("echo", "suspended", "push?50000000", "tick")):
            conn = switch(server, "%s/%s" % (at, word), receive_buffer=4096)
            conn.sock.setsockopt(client.socket.SOL_SOCKET, client.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            conn.close()
            client.wait_until(lambda n=number + 1: counts(server, at)[0] == n, "the module is told")


def test_a_silent_tunnel_ends(serve):
    """tunnel-timeout limits the time without a byte, whatever the module waits for; its own timeout does not limit the tunnel."""
    server = serve(more="timeout 0.4", top="tunnel-timeout 1.2")
    for at in ATS:
        for number, word in enumerate(("echo", "suspended", "tick")):
            with switch(server, "%s/%s" % (at, word)) as conn:
                if word == "suspended":
                    assert conn.take(10) == b"suspended\n"
                if word != "tick":
                    server.get(at + "/counts")
                    conn.send(b"a")
                    assert conn.take(1) == b"a"
                assert conn.rest() == b""
            client.wait_until(lambda n=number + 1: counts(server, at)[0] == n, "the module is told")


@pytest.mark.parametrize("at", ATS)
def test_reload_and_stop(serve, at):
    """The module is told by -ESHUTDOWN, ends the tunnel, and the old process ends."""
    server = serve()
    for number, (word, first) in enumerate((("echo", b""), ("suspended", b"suspended\n"))):
        server.wait_until(lambda n=number: server.output.count("is in force") > n, "a new process serves")
        with switch(server, "%s/%s" % (at, word)) as conn:
            assert conn.take(len(first)) == first
            conn.send(b"abc")
            assert conn.take(3) == b"abc"
            server.signal(signal.SIGHUP)
            assert conn.rest() == b"bye 3\n"
    server.wait_until(lambda: server.output.count("is in force") == 3, "a new process serves")
    with switch(server, at + "/echo") as conn:
        server.signal(signal.SIGTERM)
        assert conn.rest() == b"bye 0\n"
    assert server.wait() == 0


def test_stop_does_not_wait_for_a_tunnel_for_ever(serve):
    """drain-timeout limits a tunnel whose module does not end it."""
    server = serve(top="drain-timeout 0.3")
    conns = [switch(server, at + "/tick") for at in ATS]
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for conn in conns:
        conn.rest()
        conn.close()


def test_a_process_that_ends(serve):
    """The tunnels of its requests close, and the next request gets another process."""
    server = serve()
    with switch(server, "/iso/echo") as other:
        with server.connect() as conn:
            conn.send(ask("/iso/crash"))
            assert conn.response().status == 502
        assert other.rest() == b""
    with switch(server, "/iso/echo", b"x") as conn:
        assert conn.take(1) == b"x"


def test_record(serve, logs):
    """The access record has the bytes of both directions."""
    log = os.path.join(logs, "access")
    server = serve(top='log-format json', log=log)
    sizes = {}
    for at in ATS:
        request = ask(at + "/echo") + pattern(5000)
        with server.connect() as conn:
            conn.send(request)
            first = conn.sock.recv(1)  # a client that ends before 101 gives up
            conn.send_eof()
            sizes[at + "/echo"] = (101, len(first + conn.rest()), len(request))

    def recorded():
        with open(log, encoding="utf-8") as file:
            found = {record["target"]: (record["status"], record["bytes"], record["bytes_in"]) for record in map(json.loads, file)}
        return {target: found.get(target) for target in sizes} == sizes
    client.wait_until(recorded, "the records are written")
