# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies on their way: by reference to the page cache's pages, and whole over networks that lose and reorder."""
import os
import re
import socket
import subprocess
import time

import pytest

from conftest import Tux, answer, ask

WITNESS = "/witness.ko"


def witnessed(port, path, work):
    """What the witness saw leave the port while work() ran: bytes by reference to the file's pages, and others."""
    subprocess.run(["insmod", WITNESS, f"port={port}", f"inode={os.stat(path).st_ino}"], check=True)
    try:
        work()
    finally:
        subprocess.run(["rmmod", "witness"], check=True)
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in re.findall(r"witness: (\d+) bytes by reference, (\d+) otherwise", log)[-1])


@pytest.mark.skipif(not os.path.exists(WITNESS), reason="no witness on this kernel")
def test_bodies_leave_by_reference(root):
    """Zero-copy: all of a body of 1 MB is in the page cache's own pages as it leaves; what is copied is the head."""
    (root / "mega").write_bytes(os.urandom(1 << 20))
    server = Tux(root)
    expected = (root / "mega").read_bytes()

    def work():
        for _ in range(10):
            assert server.get("/mega") == (200, expected)

    server.get("/mega")
    server.get("/mega")
    by_reference, otherwise = witnessed(server.port, root / "mega", work)
    server.stop()
    print(f"{by_reference} by reference, {otherwise / 10} bytes copied for each answer of 1 MB")
    assert by_reference >= 10 << 20
    assert otherwise < 10 * 1024

    user = Tux(root, "--large-body", "copy", engine="user")
    user.get("/mega")
    by_reference, otherwise = witnessed(user.port, root / "mega", lambda: user.get("/mega"))
    user.stop()
    assert by_reference == 0 and otherwise > 1 << 20  # the witness can tell


@pytest.fixture
def bad_network():
    netem = ["/usr/sbin/tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "3ms", "2ms", "reorder", "20%", "loss", "2%",
             "duplicate", "1%", "limit", "10000"]
    found = subprocess.run(netem, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip("no netem: " + found.stderr)
    yield
    subprocess.run(["/usr/sbin/tc", "qdisc", "del", "dev", "lo", "root"], check=True)


def test_loss_and_reordering(tux, root, bad_network):
    expected = (root / "big").read_bytes()
    for _ in range(3):
        assert tux.get("/big") == (200, expected)
    with tux.connect() as sock:
        for _ in range(30):
            assert ask(sock, "/a.txt") == (200, b"hello\n")


def test_tiny_windows(tux, root):
    """A reader with next to no room, and one that reads now and then."""
    expected = (root / "big").read_bytes()[:300_000]
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", tux.port))
        assert ask(sock, "/big", "Range: bytes=0-299999") == (206, expected)
    with tux.connect() as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        assert answer(sock) == (200, (root / "big").read_bytes())


def test_slow_reader_is_dropped(root):
    """A reader that takes nothing is given up after the send timeout; one that takes a little is not."""
    server = Tux(root, "--send-timeout", "1")
    with server.connect() as stuck, server.connect() as slow:
        for sock in (stuck, slow):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
        got = 0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            got += len(slow.recv(4096))
            time.sleep(0.05)
        assert got > 0
        with pytest.raises(OSError):
            for _ in range(100):
                stuck.send(b"x")
                time.sleep(0.02)
        assert len(slow.recv(4096)) > 0
    server.stop()


def test_head_that_drips(root):
    server = Tux(root, "--head-timeout", "1")
    with server.connect() as sock:
        began = time.monotonic()
        sock.sendall(b"GET /a.txt HT")
        status, _ = answer(sock)
        assert status == 408 and 0.8 < time.monotonic() - began < 5
    server.stop()


def test_idle_connection_is_closed(root):
    server = Tux(root, "--idle-timeout", "1")
    with server.connect() as sock:
        assert ask(sock, "/a.txt")[0] == 200
        began = time.monotonic()
        assert sock.recv(1) == b"" and time.monotonic() - began > 0.5
    server.stop()
