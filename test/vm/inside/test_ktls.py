# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS whose sending side is the kernel's (kTLS), without tux.ko: the same bytes, files by sendfile, and keys that cannot change."""
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

import client
import process
import tls
from client import request
from tools import free_port

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/net/tls_stat"), reason="the kernel has no kTLS")
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CIPHERS = {"gcm128": "ECDHE-ECDSA-AES128-GCM-SHA256", "gcm256": "ECDHE-ECDSA-AES256-GCM-SHA384", "chacha": "ECDHE-ECDSA-CHACHA20-POLY1305"}
SIZES = {"empty": 0, "one": 1, "small": 1000, "record": 16384, "record+1": 16385, "memory": 60000, "file": 300001, "large": 3000003}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return tls.make(str(tmp_path_factory.mktemp("tls")), "test", "test")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for name, size in SIZES.items():
        (root / name).write_bytes(os.urandom(size))
    with open(root / "huge", "wb") as file:
        file.truncate(1 << 32)
    for path in (root, *root.parents):
        os.chmod(path, 0o755)
    return root


def sockets_of_kernel():
    """Sockets for which the kernel encrypts, since the start."""
    return int(pathlib.Path("/proc/net/tls_stat").read_text().split("TlsTxSw", 1)[1].split()[0])


@pytest.fixture(params=["uring", "epoll"])
def server(request, root, pair, tmp_path):
    port = free_port()
    command = ["/usr/bin/tux", "serve", str(root), "--listen", "https://127.0.0.1:%d" % port, "--engine", request.param, "--tls-kernel", "on",
               "--log", "off", "--control", "off", *pair.options]
    running = process.Tux(command, str(tmp_path / "output"), port, tls=tls.trusting(pair)).start()
    running.wait_until(running.answers, "it answers", 60)
    assert "the kernel encrypts what is sent" in running.output
    yield running
    running.end()


@pytest.mark.parametrize("version,cipher", [(V12, "gcm128"), (V12, "gcm256"), (V12, "chacha"), (V13, None)])
def test_files_of_every_size(server, root, pair, version, cipher):
    if cipher == "chacha" and "chacha20" not in pathlib.Path("/proc/crypto").read_text():
        pytest.skip("this kernel has no ChaCha20")
    before = sockets_of_kernel()
    context = tls.trusting(pair, version=version, ciphers=CIPHERS.get(cipher))
    with server.connect(tls=context) as conn:
        for _ in range(2):
            for name in SIZES:
                assert conn.get("/" + name).body == (root / name).read_bytes(), name
        assert conn.get("/large", "Range: bytes=5-9,2000000-2000020").status == 206
        assert conn.get("/missing").status == 404
    assert sockets_of_kernel() == before + 1


def test_pipelined_and_slow(server, root):
    """Sends that the socket takes in parts."""
    with server.connect(receive_buffer=8192) as conn:
        conn.send(b"".join(request("/" + name) for name in SIZES))
        time.sleep(1)
        for name in SIZES:
            assert conn.response().body == (root / name).read_bytes(), name


def test_head_and_small_body_are_one_record(server, root):
    with server.connect() as conn:
        conn.get("/empty")
        conn.sock.sendall(request("/small"))
        head = conn.sock.raw.recv(5, socket.MSG_WAITALL)
        assert head[0] == 23 and 1000 < int.from_bytes(head[3:5], "big") < 2000
        conn.sock.incoming.write(head)
        assert conn.response().body == (root / "small").read_bytes()


def test_records_of_a_file_begin_with_its_pages(server, root):
    """The head of a file that sendfile(2) sends is a record of its own, so that no page of it ends within a block of the cipher."""
    with server.connect() as conn:
        conn.get("/empty")
        conn.sock.sendall(request("/large"))
        for plain_bytes in (range(100, 1000), range(16384, 16385), range(16384, 16385)):
            head = conn.sock.raw.recv(5, socket.MSG_WAITALL)
            sealed = int.from_bytes(head[3:5], "big")
            assert head[0] == 23 and sealed - 17 in plain_bytes  # TLS 1.3 adds the type and a tag
            conn.sock.incoming.write(head)
            conn.sock.incoming.write(conn.sock.raw.recv(sealed, socket.MSG_WAITALL))
        assert conn.response().body == (root / "large").read_bytes()


def test_close_notify_and_tickets(server, pair):
    with server.connect() as conn:
        assert conn.get("/small", "Connection: close").status == 200
        conn.assert_closed()
        assert not conn.sock.truncated
        session = conn.sock.ssl.session
    with server.connect(session=session) as conn:
        assert conn.sock.ssl.session_reused and conn.get("/small").status == 200
        conn.send_eof()
        conn.assert_closed()
        assert not conn.sock.truncated


@pytest.fixture
def ethernet():
    """Segments as on an Ethernet, so that the sockets of servers have little room."""
    subprocess.run(["ip", "link", "set", "lo", "mtu", "1500"], check=True)
    yield
    subprocess.run(["ip", "link", "set", "lo", "mtu", "65536"], check=True)


def send_queue(server, conn):
    """Returns the state of the server's socket, and the bytes that its client has not acknowledged."""
    ends = [":%04X" % server.port, ":%04X" % conn.sock.raw.getsockname()[1]]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
        fields = line.split()
        if [fields[1][-5:], fields[2][-5:]] == ends:
            return fields[3:5]
    return None


def wait_for_full_socket(server, conn):
    """Waits until the server sends no more to a client that does not read."""
    before, since = send_queue(server, conn), time.monotonic()
    while time.monotonic() < since + 0.3:
        time.sleep(0.05)
        now = send_queue(server, conn)
        if now != before:
            before, since = now, time.monotonic()


@pytest.mark.parametrize("half", [False, True])
def test_end_of_response_without_room(server, root, ethernet, half):
    """
    The kernel encrypts more than the socket has room for, and drops it if the socket closes. The client gets all bytes and close_notify, also if it
    has ended its own output.
    """
    large = (root / "large").read_bytes()
    for size in range(30000, 180000, 5021):
        with server.connect(receive_buffer=4096) as conn:
            conn.send(request("/large", "Range: bytes=0-%d" % (size - 1), *["Connection: close"] * (not half)))
            if half:
                conn.send_eof()
            wait_for_full_socket(server, conn)
            assert conn.response().body == large[:size], size
            conn.assert_closed()
            assert not conn.sock.truncated, size


def test_alert_without_room(server, ethernet):
    """RFC 8446 6.2: a client whose record is wrong gets the alert, after bytes that it has not read yet."""
    with server.connect(receive_buffer=4096) as conn:
        conn.send(request("/large"))
        wait_for_full_socket(server, conn)
        conn.sock.raw.sendall(b"\x17\x03\x03\0\x40" + b"x" * 0x40)
        time.sleep(0.5)
        with pytest.raises(ssl.SSLError, match="(?i)bad.record.mac"):
            conn.rest()


def sockets_of(server):
    """Returns the number of the server's sockets, with those of connections that its client has closed."""
    return sum(path.is_socket() for path in pathlib.Path("/proc/%d/fd" % server.pid).iterdir())


@pytest.mark.parametrize("half", [False, True])
def test_client_that_leaves_within_large_body(server, half):
    """
    RFC 9293 3.6.1: a client that closes while the server sends resets the connection. The kernel reports a reset that follows the client's FIN at most once,
    and never if sendfile() is under way. Later calls would succeed, and take all memory of TCP sockets.
    """
    before = sockets_of(server)
    for i in range(20):
        with server.connect() as conn:
            conn.send(request("/huge"))
            if half:
                conn.send_eof()
            conn.head()
            for _ in range(i % 8):
                conn.take(1 << 16)
    client.wait_until(lambda: sockets_of(server) <= before, "the server has closed all connections")


def test_client_that_leaves_full_socket(server, ethernet):
    """A connection that waits for room for its end does not wait for a client that has reset it."""
    before = sockets_of(server)
    for size in range(30000, 180000, 10042):
        with server.connect(receive_buffer=4096) as conn:
            conn.send(request("/large", "Range: bytes=0-%d" % (size - 1)))
            conn.send_eof()
            wait_for_full_socket(server, conn)
    client.wait_until(lambda: sockets_of(server) <= before, "the server has closed all connections")


def read_to(file, word):
    """Reads lines up to one with this word."""
    lines = [file.readline()]
    while lines[-1] and word not in lines[-1]:
        lines.append(file.readline())
    return b"".join(lines)


@pytest.mark.parametrize("command,served", [("k", True), ("K", False)])
def test_key_update(server, pair, command, served):
    """
    RFC 8446 4.6.3. A new key of the client changes nothing. If it asks for one of the server, which the kernel cannot change, the connection
    ends with close_notify, not with bytes under a wrong key.
    """
    asking = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-CAfile", pair.certificate, "-servername", "test", "-tls1_3"]
    with subprocess.Popen(asking, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process_:
        ends = threading.Timer(client.TIMEOUT, process_.kill)
        ends.start()
        told = read_to(process_.stdout, b"Verify return code")
        process_.stdin.write(command.encode() + b"\n")
        process_.stdin.flush()
        told += read_to(process_.stdout, b"KEYUPDATE")  # it takes what it reads together with a command for a part of it
        try:
            process_.stdin.write(b"GET /one HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            process_.stdin.flush()
        except BrokenPipeError:
            assert not served
        told += process_.stdout.read()  # the server closes
        ends.cancel()
        try:
            process_.stdin.close()
        except BrokenPipeError:
            pass
    assert b"KEYUPDATE" in told and b"bad record mac" not in told and (b"HTTP/1.1 200" in told) == served, told[-2000:]
    assert server.get("/small").status == 200
