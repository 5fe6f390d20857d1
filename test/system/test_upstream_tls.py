# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS to upstream servers: verification, names, sessions, every kind of body, and servers that misbehave."""
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

import client
import tls
from client import request
from tools import free_port, need
from upstreams import Origin, response

from test_config import check, program, written  # noqa: F401 (a fixture)
from test_tls_settings import past

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return tls.make(str(tmp_path_factory.mktemp("tls")), "server", "app.test", "127.0.0.1")


def serving(pair, version=None, clients=None, ciphers=None):
    """A server's context. clients: Pair that signs the clients, which then need certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate)
    return context


@pytest.fixture(params=["uring", "epoll"])
def forwarding(request, tux, place):
    """forwarding(settings of the upstream): TUX that forwards everything to it."""
    def start(settings, *options, top="", **more):
        text = 'log off\nmax-body 20M\n%s\nupstream app { %s }\nroute "/" { upstream app }\n' % (top, settings)
        server = tux(place, "--engine", request.param, "--config", written(place, text), *options, ready=False, **more)
        server.wait_until(lambda: "sandbox: " in server.output, "it serves")  # without a request
        return server
    return start


def trusted(origin, pair, more=""):
    return 'server "%s"; ca "%s"; %s' % (origin.url, pair.certificate, more)


def told(server, pattern):
    """Waits for a line of the error log."""
    server.wait_until(lambda: re.search(pattern, server.output), pattern)


@pytest.mark.parametrize("version", [V12, V13])
def test_requests_share_a_connection(forwarding, pair, version):
    origin = Origin(context=serving(pair, version))
    server = forwarding(trusted(origin, pair), "--threads", "1")
    with server.connect() as conn:
        for _ in range(5):
            assert conn.get("/x").body == b"hello"
    assert origin.connections == 1 and len(origin.requests) == 5
    assert origin.requests[0].field("X-Forwarded-Proto") == "http"


@pytest.mark.parametrize("version", [V12, V13])
def test_sessions_are_resumed(forwarding, pair, version):
    context = serving(pair, version)
    origin = Origin(context=context)
    server = forwarding(trusted(origin, pair, "keep-alive 0"), "--threads", "1")
    for _ in range(4):
        assert server.get("/x").body == b"hello"
    assert origin.connections == 4
    assert context.session_stats()["hits"] == 3


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_route_to_an_address(tux, place, name):
    """Without a block, and with the authorities of the system, which are read before the sandbox. A name is asked for (SNI), an address is not."""
    pair = tls.make(place, "named", name)
    context = serving(pair)
    asked = []
    context.sni_callback = lambda sock, asked_name, of: asked.append(asked_name)
    origin = Origin(context=context)
    server = tux(place, "--config", written(place, 'log off\nroute "/" { upstream "https://%s:%d" }\n' % (name, origin.port)),
                 env={"SSL_CERT_FILE": pair.certificate})
    assert server.get("/x").body == b"hello"
    assert set(asked) == {None if name[0] == "1" else name}
    assert "landlock" in server.output or "sandbox" in server.output


def test_unix_socket(forwarding, pair, place):
    origin = Origin(path=os.path.join(place, "socket"), context=serving(pair))
    server = forwarding(trusted(origin, pair, "tls-name app.test"))
    assert server.get("/x").body == b"hello"


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("size", [0, 1, 16384, 3000000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_both_ways(forwarding, pair, version, size, chunked):
    def answer(request):
        if chunked:
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n%s\r\n" % (size, request.body) if size else b"") + b"0\r\n\r\n"
        return response(request.body)
    origin = Origin(answer, context=serving(pair, version))
    server = forwarding(trusted(origin, pair))
    body = os.urandom(size)
    with server.connect() as conn:
        for _ in range(2):
            if chunked:
                conn.send("POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
                for at in range(0, size, 60000):
                    conn.send(b"%x\r\n%s\r\n" % (len(body[at:at + 60000]), body[at:at + 60000]))
                conn.send("0\r\n\r\n")
            else:
                conn.send("POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
                conn.send(body)
            assert conn.response().body == body
    assert not origin.broken


def test_buffered_body(forwarding, pair):
    origin = Origin(lambda request: response(request.body), context=serving(pair))
    server = forwarding(trusted(origin, pair, "request-buffering on"))
    body = os.urandom(2000000)
    with server.connect() as conn:
        conn.send(b"POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert conn.response().body == body


def test_tls_on_both_sides(tux, place, pair):
    origin = Origin(lambda request: response(request.body), context=serving(pair))
    own = tls.make(place, "own", "test")
    server = tux(place, *own.options, "--config", written(place, 'max-body 20M\nupstream app { %s }\nroute "/" { upstream app }\n' % trusted(origin, pair)),
                 tls=tls.trusting(own))
    body = os.urandom(3000000)
    with server.connect() as conn:
        conn.send(b"POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert conn.response().body == body
    assert origin.requests[-1].field("X-Forwarded-Proto") == "https"


def test_tunnel(forwarding, pair):
    """RFC 9110 7.8: bytes of an upgraded connection in both directions."""
    def answer(_request):
        def echo(sock):
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := sock.recv(65536):
                sock.sendall(data)
        return echo
    origin = Origin(answer, context=serving(pair))
    server = forwarding(trusted(origin, pair))
    with server.connect() as conn:
        conn.send(request("/", "Connection: upgrade", "Upgrade: echo"))
        assert conn.response(interim=True).status == 101
        for size in (1, 5, 20000, 700000):
            data = os.urandom(size)
            for at in range(0, size, 65536):
                conn.send(data[at:at + 65536])
                assert conn.take(len(data[at:at + 65536])) == data[at:at + 65536]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", ["tunnel", "body", "until the end"])
def test_cut_reaches_the_client(tux, place, pair, kind, whole):
    """RFC 8446 6.1: close_notify of TUX means that the upstream server has sent everything, too."""
    heads = {"tunnel": b"101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
             "body": b"200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (3 if whole else 1000), "until the end": b"200 OK\r\n\r\n"}

    def answer(_request):
        def send(sock):
            sock.sendall(b"HTTP/1.1 " + heads[kind] + b"abc")
            if whole:
                sock.unwrap()
        return send
    origin = Origin(answer, context=serving(pair))
    own = tls.make(place, "own", "test")
    server = tux(place, *own.options, "--config", written(place, 'upstream app { %s }\nroute "/" { upstream app }\n' % trusted(origin, pair)),
                 tls=tls.trusting(own))
    with server.connect() as conn:
        conn.send(request("/", "Connection: upgrade", "Upgrade: echo") if kind == "tunnel" else request("/", version="1.0"))
        got = b""
        while data := conn.sock.recv(4096):
            got += data
        assert got.endswith(b"\r\n\r\nabc") and conn.sock.truncated is not whole
    if not whole:
        told(server, "response cut short: the connection of TLS to the upstream server failed: unexpected eof while reading; client ")


@pytest.mark.parametrize("part", [b"\x17", b"\x17\3\3\1\0", b"\x17\3\3\1\0abc"])
def test_connection_with_a_part_of_a_record_is_not_reused(forwarding, pair, part):
    """A kept connection has bytes that no read reports, because their record is not complete: it would be taken for the next response."""
    parts, reused = [], []

    def answer(_request):
        def send(sock):
            sock.sendall(response())
            os.write(sock.fileno(), part)  # below TLS
            parts.append(sock)
            reused.append(sock.recv(100))
        return send
    origin = Origin(answer, context=serving(pair))
    server = forwarding(trusted(origin, pair), "--threads", "1")
    with server.connect() as conn:
        for count in range(1, 4):
            assert conn.get("/x").body == b"hello"
            assert origin.connections == count
            client.wait_until(lambda: len(parts) == origin.connections, "the part is there")
    assert not any(reused)


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("whole", [False, True])
def test_response_until_the_end_needs_close_notify(forwarding, pair, version, whole):
    """RFC 8446 6.1: without close_notify an attacker may have cut it."""
    def answer(_request):
        def send(sock):
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100000)
            if whole:
                sock.unwrap()
        return send
    origin = Origin(answer, context=serving(pair, version))
    server = forwarding(trusted(origin, pair))
    with server.connect() as conn:
        conn.send(request("/x"))
        if whole:
            assert conn.response().body == b"x" * 100000
        else:
            with pytest.raises(client.Closed):
                conn.response()
            told(server, "response cut short: the connection of TLS to the upstream server failed: unexpected eof while reading; client ")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc"])
def test_cut_responses(forwarding, pair, sent):
    def answer(_request):
        return lambda sock: sock.sendall(sent) if sent else None
    origin = Origin(answer, context=serving(pair))
    server = forwarding(trusted(origin, pair, "max-fails 0"))
    with server.connect() as conn:
        conn.send(request("/x"))
        if sent.endswith(b"abc"):
            with pytest.raises(client.Closed):
                conn.response()
        else:
            assert conn.response().status == 502
    told(server, "upstream server failed: unexpected eof while reading; client .*, upstream 127.0.0.1:%d" % origin.port)


def refused(server, pattern, status=502):
    with server.connect() as conn:
        assert conn.get("/x").status == status
    told(server, r"tux: request [0-9a-f]{16}: %d: %s; client 127[.0-9:]+, \"GET /x HTTP/1.1\", host \"[^\"]*\", route \"/\", upstream 127" % (status, pattern))


def test_unknown_authority(forwarding, pair, place):
    other = tls.make(place, "other", "app.test")
    origin = Origin(context=serving(pair))
    server = forwarding('server "%s"; ca "%s"' % (origin.url, other.certificate))
    refused(server, "the certificate of the upstream server is not trusted: self.signed certificate")
    assert not origin.requests


def test_wrong_name(forwarding, place):
    pair = tls.make(place, "wrong", "app.test")
    origin = Origin(context=serving(pair))
    server = forwarding(trusted(origin, pair))
    refused(server, "the certificate of the upstream server is not trusted: IP address mismatch")
    assert not origin.requests


def test_other_name(forwarding, place):
    pair = tls.make(place, "wrong", "app.test")
    origin = Origin(context=serving(pair))
    server = forwarding(trusted(origin, pair, "tls-name other.test"))
    refused(server, "the certificate of the upstream server is not trusted: hostname mismatch")


def test_tls_name_is_asked_and_verified(forwarding, place):
    pair = tls.make(place, "named", "app.test")
    context = serving(pair)
    asked = []
    context.sni_callback = lambda sock, name, of: asked.append(name)
    server = forwarding(trusted(Origin(context=context), pair, "tls-name app.test"))
    assert server.get("/x").body == b"hello" and set(asked) == {"app.test"}


def test_expired_certificate(forwarding, place):
    authority = tls.make(place, "authority", "authority")
    pair = tls.Pair(past(place, authority), os.path.join(place, "past.key"))
    origin = Origin(context=serving(pair))
    server = forwarding('server "%s"; ca "%s"; tls-name example.org' % (origin.url, authority.certificate))
    refused(server, "the certificate of the upstream server is not trusted: certificate has expired")


@pytest.mark.parametrize("version", [V12, V13])
def test_session_is_good_no_longer_than_the_certificate(forwarding, place, version):
    """Each resumption gives another session, so an expired certificate would be trusted for ever."""
    authority, lifetime = tls.make(place, "authority", "authority"), 10  # three requests on a busy machine
    pair, end = tls.make_short(place, "brief.test", authority, lifetime), time.time() + lifetime
    context = serving(pair, version)
    server = forwarding('server "%s"; ca "%s"; tls-name brief.test; keep-alive 0' % (Origin(context=context).url, authority.certificate), "--threads", "1")
    for _ in range(3):
        assert server.get("/x").body == b"hello"
    assert context.session_stats()["hits"] == 2
    time.sleep(max(0, end + 1.5 - time.time()))
    refused(server, "the certificate of the upstream server is not trusted: certificate has expired")


def test_signed_by_an_authority(forwarding, place):
    """The chain is complete only with the certificate that the server sends besides its own."""
    authority = tls.make(place, "root-ca", "authority")
    middle = tls.make_signed(place, "middle", authority, authority=True)
    leaf = tls.make_signed(place, "leaf", middle, "127.0.0.1")
    alone = Origin(context=serving(leaf))
    with open(leaf.certificate, "a", encoding="ascii") as file, open(middle.certificate, encoding="ascii") as issuer:
        file.write(issuer.read())
    whole = Origin(context=serving(leaf))
    server = forwarding('server "%s"; ca "%s"' % (whole.url, authority.certificate),
                        top='upstream alone { server "%s"; ca "%s" }\nroute "/alone" { upstream alone }\n' % (alone.url, authority.certificate))
    assert server.get("/x").body == b"hello"
    assert server.get("/alone").status == 502
    told(server, "is not trusted: unable to get local issuer certificate")


def test_not_verified(forwarding, place):
    pair = tls.make(place, "any", "app.test")
    server = forwarding('server "%s"; verify off' % Origin(context=serving(pair)).url)
    assert server.get("/x").body == b"hello"


def test_certificate_of_the_client(forwarding, place, pair):
    authority = tls.make(place, "clients", "clients")
    own = tls.make_signed(place, "tux", authority)
    got = []

    def answer(_request):
        def send(sock):
            got.append(sock.getpeercert()["subject"])
            sock.sendall(response())
        return send
    origin = Origin(answer, context=serving(pair, clients=authority))
    server = forwarding(trusted(origin, pair, 'certificate "%s"; key "%s"' % (own.certificate, own.key)))
    with server.connect() as conn:
        assert conn.get("/x").body == b"hello"
    assert got == [((("commonName", "tux"),),)]


@pytest.mark.parametrize("version", [V12, V13])
def test_missing_certificate_of_the_client(forwarding, place, pair, version):
    """With TLS 1.3 the server refuses after the client's handshake."""
    origin = Origin(context=serving(pair, version, clients=pair))
    server = forwarding(trusted(origin, pair))
    refused(server, "the (handshake|connection) of TLS (with|to) the upstream server failed: [^;]*(certificate required|handshake failure|unexpected eof)[^;]*")


def test_next_server_after_a_failed_handshake(forwarding, place, pair):
    bad = Origin(context=serving(tls.make(place, "bad", "bad.test")))
    good = Origin(context=serving(pair))
    server = forwarding('server ["%s", "%s"]; ca "%s"' % (bad.url, good.url, pair.certificate))
    for _ in range(4):
        with server.connect() as conn:
            assert conn.get("/x").body == b"hello"
    assert not bad.requests and len(good.requests) == 4
    told(server, "another server gets the request: the certificate of the upstream server is not trusted: ")


def silent(answer=b"", close=False):
    """A server of a connection that is not TLS. Returns its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            kept.append(sock)
            if answer:
                sock.recv(100)
                sock.sendall(answer)
            if close:
                sock.recv(1 << 16)
                sock.close()
    threading.Thread(target=serve, daemon=True).start()
    return "https://127.0.0.1:%d" % listener.getsockname()[1]


def test_slow_handshake(forwarding, pair):
    server = forwarding('server "%s"; ca "%s"; connect-timeout 0.5' % (silent(), pair.certificate))
    refused(server, "the handshake of TLS with the upstream server timed out", 504)


def test_server_without_tls(forwarding, pair):
    server = forwarding('server "%s"; ca "%s"' % (silent(b"HTTP/1.1 400 Bad Request\r\n\r\n"), pair.certificate))
    refused(server, "the handshake of TLS with the upstream server failed: wrong version number")


def test_server_that_closes_in_the_handshake(forwarding, pair):
    server = forwarding('server "%s"; ca "%s"' % (silent(close=True), pair.certificate))
    refused(server, "(the handshake of TLS with the upstream server failed: unexpected eof while reading|connecting to the upstream server failed: Connection reset by peer)")


@pytest.mark.parametrize("garbage", [b"\x16\x03\x03\xff\xff" + b"x" * 70000, b"\x15\x03\x03\0\x02\x02\x28", b"\0" * 1000, b"\x16\x03\x03\0\x04\x02\xff\xff\xff"])
def test_garbage_in_the_handshake(forwarding, pair, garbage):
    server = forwarding('server "%s"; ca "%s"; connect-timeout 1' % (silent(garbage), pair.certificate))
    with server.connect() as conn:
        assert conn.get("/x").status in (502, 504)
    told(server, "the handshake of TLS with the upstream server (failed|timed out)")


def test_refused_connection(forwarding, pair):
    server = forwarding('server "https://127.0.0.1:%d"; ca "%s"' % (free_port(), pair.certificate))
    refused(server, "connecting to the upstream server failed: Connection refused")


def test_proxy_protocol_comes_before_the_handshake(forwarding, pair):
    """As of HAProxy and nginx: the header is not encrypted."""
    headers = []
    origin = Origin(context=serving(pair), before=lambda sock: headers.append(sock.recv(28, socket.MSG_WAITALL)))
    server = forwarding(trusted(origin, pair, "proxy-protocol on"))
    with server.connect() as conn:
        assert conn.get("/x").body == b"hello"
        assert headers[0].startswith(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01" + conn.sock.getsockname()[1].to_bytes(2, "big"))


def test_client_that_leaves_in_the_handshake(forwarding, pair):
    server = forwarding('server "%s"; ca "%s"; connect-timeout 5' % (silent(), pair.certificate),
                        top='route "=/status" { status on }')
    for _ in range(5):
        conn = server.connect()
        conn.send(request("/x"))
        conn.close()
    assert server.get("/status").status in (200, 403)


@pytest.mark.parametrize("version,command", [("-tls1_3", "K"), ("-tls1_3", "k"), ("-tls1_2", "R")])
def test_new_keys_and_renegotiation(forwarding, pair, version, command):
    """RFC 8446 4.6.3: the server changes its key, or asks for a new one, within a response. With TLS 1.2 there is no renegotiation."""
    port = free_port()
    process = subprocess.Popen(["stdbuf", "-o0", "openssl", "s_server", "-accept", str(port), "-cert", pair.certificate, "-key", pair.key, version, "-naccept", "1"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        line = process.stdout.readline()
        while "ACCEPT" not in line:
            line = process.stdout.readline()
            assert line, "s_server has ended"
        server = forwarding('server "https://127.0.0.1:%d"; ca "%s"' % (port, pair.certificate))
        with server.connect() as conn:
            conn.send(request("/x"))
            line = process.stdout.readline()
            while "GET /x" not in line:
                line = process.stdout.readline()
                assert line, "s_server has ended"
            process.stdin.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell\n")
            process.stdin.flush()
            assert conn.take(15).startswith(b"HTTP/1.1 200 OK")
            head = b""
            while b"hell\n" not in head:
                head += conn.take(1)
            process.stdin.write(command + "\n")
            process.stdin.flush()
            while "SSL_do_handshake" not in line:  # it drops what it reads together with a command
                line = process.stdout.readline()
                assert line, "s_server has ended"
            if command == "R":  # OpenSSL's server ends a connection that it wants to renegotiate and cannot
                with pytest.raises(client.Closed):
                    conn.take(5)
                told(server, "response cut short: the connection of TLS to the upstream server failed: ")
            else:
                process.stdin.write("done\n")
                process.stdin.flush()
                assert conn.take(5) == b"done\n"
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


NGINX = """
daemon off; worker_processes 1; pid %(at)s/pid; error_log %(at)s/error;
events { worker_connections 512; }
http {
	access_log off; client_max_body_size 100m; client_body_temp_path %(at)s/b; proxy_temp_path %(at)s/p; fastcgi_temp_path %(at)s/f;
	uwsgi_temp_path %(at)s/u; scgi_temp_path %(at)s/s;
	server {
		listen 127.0.0.1:%(port)d ssl; root %(at)s/www; keepalive_requests 3;
		ssl_certificate %(pair.certificate)s; ssl_certificate_key %(pair.key)s; ssl_session_cache shared:a:1m;
	}
}
"""


def test_nginx(forwarding, pair, place):
    """Its connections end after three requests each, with close_notify."""
    nginx = need("nginx")
    at, port = os.path.join(place, "nginx"), free_port()
    os.makedirs(at + "/www")
    for name, size in (("small", 100), ("big", 5000003)):
        with open(at + "/www/" + name, "wb") as file:
            file.write(os.urandom(size))
    for folder, _, _ in os.walk(at):
        os.chmod(folder, 0o777)
    with open(at + "/conf", "w", encoding="ascii") as file:
        file.write(NGINX % {"at": at, "port": port, "pair.certificate": pair.certificate, "pair.key": pair.key})
    process = subprocess.Popen([nginx, "-c", at + "/conf"], stderr=subprocess.DEVNULL)
    try:
        def listens():
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                return False
            return True
        client.wait_until(listens, "nginx listens", 30)
        server = forwarding('server "https://127.0.0.1:%d"; ca "%s"' % (port, pair.certificate))
        with server.connect() as conn:
            for _ in range(5):
                for name in ("small", "big"):
                    with open(at + "/www/" + name, "rb") as file:
                        assert conn.get("/" + name).body == file.read()
            assert conn.get("/missing").status == 404
        assert "tux: request" not in server.output
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("settings,words", [
    ('server "127.0.0.1:1"; ca "/x"', "no server of it begins with https://"),
    ('server "https://127.0.0.1:1"; ca "/nonexistent/ca.pem"', 'ca "/nonexistent/ca.pem": No such file or directory'),
    ('server "https://127.0.0.1:1"; ca "%(key)s"', "no certificate in PEM"),
    ('server "https://127.0.0.1:1"; ca "%(locked)s"', "malformed: bad password read"),
    ('server "https://127.0.0.1:1"; ca "%(certificate)s"; key "%(key)s"', "key needs a certificate"),
    ('server "https://127.0.0.1:1"; ca "%(certificate)s"; certificate "%(certificate)s"', "no private key in PEM"),
    ('server "https://unix:/run/x"; ca "%(certificate)s"', "has no name to verify: set tls-name"),
    ('server "https://127.0.0.1:1"; ca "%(certificate)s"; tls-name "%(long)s"', "tls-name has more than 255 bytes"),
    ('server "https://127.0.0.1:1"; ca "%(certificate)s"; tls-name ".app.test"', 'tls-name ".app.test" begins with a dot'),
    ('server "https://127.0.0.1:1"; ca "%(certificate)s"; tls-name ""', 'tls-name: "" is not'),
    ('server "https://.localhost:1"; ca "%(certificate)s"', ".localhost:1\" "),
    ('server "https://"', "is no server: "), ('server "https://127.0.0.1:1/"', "is no server: "), ('server "https://127.0.0.1/x"', "is no server: "),
    ('server "ftp://127.0.0.1:1"', "is no server: "), ('server "https://127.0.0.1:0"', "is no server: "),
    ('server "https://127.0.0.1:1"; verify maybe', "is not on or off")])
def test_wrong_settings(program, place, pair, settings, words):  # noqa: F811
    values = {"certificate": pair.certificate, "key": pair.key, "long": "a" * 256, "locked": os.path.join(place, "locked.pem")}
    path = written(place, 'upstream app { %s }\nroute "/" { upstream app }\n' % (settings % values))
    with open(pair.certificate, encoding="ascii") as plain, open(values["locked"], "w", encoding="ascii") as locked:  # it has a passphrase, as of RFC 1421
        mark = "-----BEGIN CERTIFICATE-----\n"
        locked.write(plain.read().replace(mark, mark + "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,%s\n\n" % ("0" * 32)))
    done = check(program, path)
    assert done.returncode != 0 and words in done.stderr and ":1: " in done.stderr, done.stderr
    assert "Enter PEM pass phrase" not in done.stderr
    started = subprocess.run([program, "serve", place, "--listen", "127.0.0.1:0", "--config", path], capture_output=True, text=True, check=False, timeout=30)
    assert started.returncode != 0 and words in started.stderr, started.stderr


@pytest.mark.parametrize("server_text", ["https://127.0.0.1", "https://[::1]", "https://[::1]:8443", "http://127.0.0.1", "https://127.0.0.1:8443"])
def test_good_settings(program, place, pair, server_text):  # noqa: F811
    ca = 'ca "%s"' % pair.certificate if server_text.startswith("https") else ""
    done = check(program, written(place, 'upstream app {\n\tserver ["%s"]\n\t%s\n}\nroute "/" { upstream app }\n' % (server_text, ca)))
    assert done.returncode == 0, done.stderr
