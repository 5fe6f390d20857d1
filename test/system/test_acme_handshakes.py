# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a certificate authority verifies within the handshake (tls-alpn-01, RFC 8737), by pebble, and by clients of every kind."""
import hashlib
import os
import signal
import socket
import ssl

import pytest

import client
import tls
from acme import NAME, authorization

from test_acme import certificate, fake, has, paused, pebble, served, state, valid  # noqa: F401 (fixtures)
from test_tls import V12, V13

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
DIGEST = '"$(digest token)"'
BEGIN = '"$hook" begin tls-alpn-01 %s token %s' % (NAME, DIGEST)
ACME = "acme-tls/1"
# The extension acmeIdentifier: its name, critical, and the beginning of a digest as an octet string.
IDENTIFIER = bytes.fromhex("06082b0601050507011f") + b"\x01\x01\xff" + b"\x04\x22\x04\x20"


def anyone(*protocols, version=V13):
    """A client's context that trusts everyone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(list(protocols))
    return context


def connect(server, *protocols, name=NAME, version=V13, **more):
    return client.Connection(server.address, tls=anyone(*protocols, version=version), name=name, **more)


def refused(server, *protocols, **more):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(server, *protocols, **more).close()


@pytest.mark.parametrize("challenge", ["auto", "tls-alpn-01"])
def test_certificate_is_issued_at_one_port(served, pebble, challenge):  # noqa: F811
    """Without an address for http, names are verified so by default; with one, if that is configured."""
    authority = pebble(PEBBLE_WFE_NONCEREJECT="30")
    server = served(authority, NAME, options=["--acme-challenge", challenge], plain=challenge != "auto")
    context = authority.trusting()
    valid(server, context)
    has(server, "tux: new certificate for " + NAME)
    refused(server, ACME)


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("version", [V12, V13])
def test_only_the_authority_gets_the_certificate(served, fake, state, root, place, engine, version):  # noqa: F811
    """RFC 8737 3: the protocol alone and the name, in any case; then the connection ends. A client's certificate is not wanted."""
    demanding = tls.make(place, "clients", "clients")
    authority = fake(BEGIN + "\npause challenge\n" + BEGIN.replace("begin", "done") + "\npause2() { D=/ pause done; }; pause2")
    server = served(authority, place=place, plain=False, options=["--engine", engine], config="""
        tls { automatic on }
        host "%s" { root "%s"; tls-client { ca "%s" } }
        host "b.internal" { root "%s" }
    """ % (NAME, root, demanding.certificate, root))
    paused(server, state, "challenge")
    context = anyone("http/1.1", version=version)
    with client.Connection(server.address, tls=context, name="b.internal") as conn:
        assert conn.get("/file", host="b.internal").body == b"data"
        session = conn.sock.ssl.session
    context.set_alpn_protocols([ACME])
    for name in (NAME, NAME.upper()):
        with client.Connection(server.address, tls=context, name=name, session=session) as conn:
            assert conn.sock.ssl.selected_alpn_protocol() == ACME and not conn.sock.ssl.session_reused
            der = conn.sock.ssl.getpeercert(True)
            assert IDENTIFIER + hashlib.sha256(authorization(state, "token").encode()).digest() in der and b"\x82\x0d" + NAME.encode() in der, "the only name"
            conn.sock.sendall(b"GET /file HTTP/1.1\r\nHost: %s\r\n\r\n" % NAME.encode())
            assert conn.sock.recv(100) == b"" and not conn.sock.truncated
    refused(server, ACME, name="b.internal", version=version)
    refused(server, ACME, name="c." + NAME, version=version)
    refused(server, ACME, name=None, version=version)
    refused(server, ACME, "h2", version=version)
    with connect(server, ACME, "http/1.1", name="b.internal", version=version) as conn:
        assert conn.sock.ssl.selected_alpn_protocol() == "http/1.1" and conn.get("/file", host="b.internal").body == b"data"
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "is in force" in server.output, "it has reloaded")

    def answers():
        try:
            connect(server, ACME, version=version).close()
            return True
        except ssl.SSLError:
            return False
    server.wait_until(answers, "another uacme has begun the challenge again")
    authority.go()
    paused(server, state, "done")
    assert not answers()
    assert "the handshake of TLS failed: no application protocol" in server.output


@pytest.mark.parametrize("words", [
    "tls-alpn-01 c.example.org token " + DIGEST, "tls-alpn-01 %s token short" % NAME, "tls-alpn-01 %s token %s=" % (NAME, DIGEST),
    "tls-alpn-01 %s other %s" % (NAME, DIGEST), "http-01 %s token $(authorization token)" % NAME, "dns-01 %s token %s" % (NAME, DIGEST)])
def test_other_challenges_are_declined(served, fake, words):  # noqa: F811
    server = served(fake('"$hook" begin %s || echo declined; exit 1' % words), NAME, plain=False)
    has(server, "declined; the next")


def client_hello(protocol, share):
    """A ClientHello of TLS 1.3 for NAME in a record; without a share the server asks for another one (HelloRetryRequest)."""
    def sized(data, octets=2):
        return len(data).to_bytes(octets, "big") + data

    def extension(number, data):
        return number.to_bytes(2, "big") + sized(data)
    shares = b"\x00\x1d" + sized(share) if share else b""
    extensions = b"".join((extension(0, sized(b"\0" + sized(NAME.encode()))), extension(43, sized(b"\x03\x04", 1)), extension(10, sized(b"\x00\x1d")),
                           extension(13, sized(b"\x04\x03")), extension(16, sized(sized(protocol, 1))), extension(51, sized(shares))))
    hello = b"\x03\x03" + bytes(range(32)) + sized(b"", 1) + sized(b"\x13\x01") + sized(b"\0", 1) + sized(extensions)
    return b"\x16\x03\x01" + sized(b"\x01" + sized(hello, 3))


def record(sock):
    """Returns the type and the bytes of the next record that is not change_cipher_spec."""
    with sock.makefile("rb") as file:
        while True:
            head = file.read(5)
            data = file.read(int.from_bytes(head[3:], "big"))
            if head[0] != 20:
                return head[0], data


@pytest.mark.parametrize("second", [ACME, "http/1.1"])
def test_second_client_hello_stays_with_the_challenge(served, fake, state, second):  # noqa: F811
    """RFC 8446 4.1.2: it has the same protocols. Else a usual connection would have the certificate of the challenge."""
    server = served(fake(BEGIN + "\npause challenge"), NAME, plain=False)
    paused(server, state, "challenge")
    with socket.create_connection(server.address) as sock:
        sock.sendall(client_hello(ACME.encode(), b""))
        kind, data = record(sock)
        assert kind == 22 and data[6:38] == hashlib.sha256(b"HelloRetryRequest").digest()
        sock.sendall(client_hello(second.encode(), bytes(range(1, 33))))
        kind, data = record(sock)
        assert (kind, data) == (21, b"\x02\x2f") if second != ACME else kind == 22 and data[0] == 2


def test_idle_and_endless_clients_are_ended(served, fake, state):  # noqa: F811
    """A client that does not close after the handshake is closed at the end of idle-timeout, whatever it sends."""
    server = served(fake(BEGIN + "\npause challenge"), NAME, plain=False, options=["--idle-timeout", "1"])
    paused(server, state, "challenge")
    with connect(server, ACME) as idle, connect(server, ACME) as endless:
        def is_ended():
            try:
                endless.sock.sendall(b"x" * 1000)
                return False
            except OSError:
                return True
        server.wait_until(is_ended, "it is closed", 30)
        assert idle.sock.recv(1) == b""
