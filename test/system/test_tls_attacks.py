# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS: clients and networks that mean harm, and those that are very slow."""
import os
import re
import signal
import socket
import ssl
import time

import pytest

import tls
from client import request
from tools import free_port, is_sanitized

from test_config import written
from test_tls import V12, V13, content, everything, files, pair, raw, secure  # noqa: F401 (fixtures)


def test_stop_while_handshakes_end(secure, root):  # noqa: F811
    """A handshake that ends at its time limit while the server stops no longer counts as one: later handshakes take its room."""
    server = secure(root, "--max-connections", "4", "--threads", "1", "--head-timeout", "1", "--drain-delay", "4")
    pid = server.pid
    silent = [raw(server) for _ in range(2)]
    server.signal(signal.SIGTERM)
    for sock in silent:
        assert everything(sock) == b""
    for _ in range(3):
        later = [raw(server) for _ in range(3)]
        assert server.get("/file").body == b"data"
        for sock in later:
            sock.close()
    assert server.pid == pid
    for sock in silent:
        sock.close()


TWO = """
log off
host "a.test" { root "%(place)s/a"; listen "https://127.0.0.1:%(a)d"; %(tls_a)s }
host "b.test" { root "%(place)s/b"; listen "https://127.0.0.1:%(b)d"; %(tls_b)s }
"""


@pytest.mark.parametrize("version", [V12, V13])
def test_ticket_is_bound_to_the_certificate(place, tux, version):
    """
    An attacker in the network leads a client with a ticket of a.test to the address of b.test. Without a full handshake the client would
    take the content of b.test for that of a.test.
    """
    pairs = {name: tls.make(place, name, name + ".test") for name in "ab"}
    ports = {name: free_port() for name in "ab"}
    for name in "ab":
        os.mkdir(os.path.join(place, name))
        with open(os.path.join(place, name, "file"), "w", encoding="ascii") as file:
            file.write(name)
    text = TWO % {"place": place, "tls_a": pairs["a"].block, "tls_b": pairs["b"].block, **ports}
    context = tls.trusting(*pairs.values(), version=version)
    server = tux("/", "--config", written(place, text), tls=context, ready=False, listen=False, port=ports["a"])
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    with server.connect(name="a.test") as conn:
        assert conn.get("/file", host="a.test").body == b"a"
        session = conn.sock.ssl.session
    with server.connect(name="a.test", session=session) as conn:
        assert conn.sock.ssl.session_reused
    server.address = ("127.0.0.1", ports["b"])
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        server.connect(name="a.test", session=session)


@pytest.mark.parametrize("line", ["GET /large HTTP/1.0\r\n\r\n", "GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"])
def test_slow_client_gets_close_notify(secure, files, line):  # noqa: F811
    """RFC 8446 6.1: the last bytes of the response fill the socket, and close_notify still follows them."""
    server = secure(files)
    for pause in (0.1, 0.3, 0.5):
        with server.connect(receive_buffer=4096) as conn:
            conn.send(line)
            time.sleep(pause)
            assert conn.response().body == content(files, "large")
            conn.assert_closed()
            assert not conn.sock.truncated


def hello_bytes(context):
    """Returns a ClientHello, in one record."""
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="test").do_handshake()
    return outgoing.read()


def records(message, most):
    """Returns a handshake message in records of at most so many bytes."""
    parts = [message[at:at + most] for at in range(0, len(message), most)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("size", [16385, 131000, 0xffffff])
def test_long_hello_is_refused_at_its_header(secure, root, size, most):  # noqa: F811
    """OpenSSL would reserve 131 KB for a client that has sent nine bytes."""
    server = secure(root, "--head-timeout", "60")
    with raw(server) as sock:
        sock.sendall(records(b"\x01" + size.to_bytes(3, "big") + b"\x03\x03", most))
        assert everything(sock) == b"\x15\x03\x03\0\x02\x02\x2f"
    assert server.get("/file").body == b"data"


def test_second_hello_is_limited_too(secure, root, pair):  # noqa: F811
    """RFC 8446 4.1.4: after HelloRetryRequest, and a change_cipher_spec that TLS 1.3 ignores."""
    server = secure(root, "--head-timeout", "60")
    hello = hello_bytes(tls.trusting(pair, version=V13))
    at = hello.index(b"\0\x33\0\x26\0\x24\0\x1d\0\x20")  # key_share with X25519
    with raw(server) as sock:
        sock.sendall(hello[:at + 6] + b"\x01\0" + hello[at + 8:])  # a share of another group
        assert sock.recv(1 << 16)[:1] == b"\x16"
        sock.sendall(b"\x14\x03\x03\0\x01\x01" + records(b"\x01\x02\0\0\x03\x03", 100))
        assert everything(sock).endswith(b"\x15\x03\x03\0\x02\x02\x2f")
    assert server.get("/file").body == b"data"


@pytest.mark.parametrize("most", [1, 2, 3, 5, 60])
@pytest.mark.parametrize("version", [V12, V13])
def test_hello_in_several_records(secure, root, pair, version, most):  # noqa: F811
    """RFC 8446 5.1: a handshake message may be in several records. Some clients do so to evade filters."""
    server = secure(root, context=tls.trusting(pair, version=version))
    with raw(server) as sock:
        sock.sendall(records(hello_bytes(server.tls)[5:], most))
        assert sock.recv(1, 0x2) == b"\x16"  # MSG_PEEK: the server's first message, no alert


def test_memory_of_clients_that_do_not_read(secure, files):  # noqa: F811
    """Each holds 64 KiB of a file and its records, not three times as much."""
    clients = 60
    server = secure(files, "--threads", "1")
    if is_sanitized(server.command[0]):
        pytest.skip("a sanitizer keeps freed memory")
    server.get("/large")
    before = server.memory()
    conns = [server.connect(receive_buffer=4096) for _ in range(clients)]
    for conn in conns:
        conn.send(request("/large"))
    for conn in conns:
        assert conn.take(1000).startswith(b"HTTP/1.1 200 ")
    assert server.memory() - before < clients * 185000
    for conn in conns:
        conn.close()


def line_of(server, pattern):
    """Waits for a line of the error log, and returns it."""
    server.wait_until(lambda: re.search(pattern, server.output, re.M), pattern)
    return re.search(pattern, server.output, re.M).group(0)


def test_failed_handshakes_have_a_line(secure, root, pair):  # noqa: F811
    """Each with the client's address, the name that it sent, and the reason; a port check without a byte has none."""
    server = secure(root, "--head-timeout", "1.5")
    raw(server).close()
    with raw(server) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x02\x01")
        assert everything(sock) == b""
        assert "client 127.0.0.1:%d" % sock.getsockname()[1] in line_of(server, "^tux: connection: the handshake of TLS timed out; client .*$")
    with raw(server) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x02\x01")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock) == b""
    line_of(server, "^tux: connection: the client closed the connection within the handshake of TLS; client 127")
    with pytest.raises(ssl.SSLError):
        server.connect(tls=tls.trusting(pair, version=V12, ciphers="AES128-GCM-SHA256"))
    line_of(server, '^tux: connection: the handshake of TLS failed: no shared cipher; client 127[.0-9:]+, name "test"$')
    with raw(server) as sock, pytest.raises(ssl.SSLError):
        tls.trusting(version=V12).wrap_socket(sock, server_hostname="test")  # trusts nobody
    line_of(server, '^tux: connection: the client ended the handshake of TLS: tlsv1 alert unknown ca; client 127[.0-9:]+, name "test"$')
    with raw(server) as sock:
        sock.sendall(b"\x16\x03\x01\0\x04" + b"\x01\xff\xff\xff")
        everything(sock)
    line_of(server, "^tux: connection: the handshake of TLS failed: excessive message size; client 127")
    assert server.output.count("tux: connection: ") == 5
    assert server.get("/file").body == b"data"


def test_lines_of_failed_handshakes_are_limited(secure, root):  # noqa: F811
    server = secure(root, "--threads", "1")
    for _ in range(40):
        with raw(server) as sock:
            sock.sendall(b"\xff" * 20)
            everything(sock)
    line_of(server, "^tux: connections: [0-9]+ more lines left out: the handshake of TLS failed$")
    assert server.output.count("tux: connection: the handshake of TLS failed: ") < 40


def test_handshakes_of_a_client_are_limited(secure, root):  # noqa: F811
    """handshakes-per-client: more are closed at once, the others go on, and connections after their handshake do not count."""
    server = secure(root, "--handshakes-per-client", "4", "--threads", "2")
    idle = [server.connect() for _ in range(6)]
    for conn in idle:
        assert conn.get("/file").body == b"data"
    open_ones = [raw(server) for _ in range(4)]
    for sock in open_ones:
        sock.sendall(b"\x16\x03\x01\x02\0")
    time.sleep(1)  # both threads have accepted them
    for _ in range(3):
        with raw(server) as sock:
            assert everything(sock) == b""
    line_of(server, r"^tux: connection: the client has too many handshakes of TLS under way \(handshakes-per-client\); client 127[.0-9:]+$")
    for conn in idle:
        assert conn.get("/file").body == b"data"
        conn.close()
    open_ones.pop().close()
    server.wait_until(lambda: server.output.count("the client closed the connection within") == 1, "the end is noticed")
    assert server.get("/file").body == b"data"
    for sock in open_ones:
        sock.close()
