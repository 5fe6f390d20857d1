# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that run in a guest, beside the module: test/vm/check boots one and starts them."""
import fcntl
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, "/test/lib")

import abi  # noqa: E402
import process  # noqa: E402
from client import wait_until  # noqa: E402
from tools import free_port  # noqa: E402

MODULE = os.environ.get("TUX_MODULE", "/tux.ko")
CLOCK_REALTIME_COARSE = 5  # of file systems; the module time lacks it


def loaded():
    return "tux " in pathlib.Path("/proc/modules").read_text()


def load():
    if not loaded():
        subprocess.run(["insmod", MODULE], check=True)


def unload():
    return subprocess.run(["rmmod", "tux"], capture_output=True, text=True, check=False)


def settle():
    """Files are closed by a work queue, objects freed behind a grace period."""
    time.sleep(0.3)


def age(folder):
    """
    Waits until the times of all files tell later writes from these: a file that was just written is the user engine's, and has another tag.
    How coarse the clock of a file system may be shows in the zeros at the end of a time (engine/files/stamp.c).
    """
    old = 0
    for place, _, names in os.walk(folder):
        for name in names:
            changed = os.stat(os.path.join(place, name), follow_symlinks=False).st_ctime_ns
            step = 1
            while step < 10 ** 8 and changed % (step * 10) == 0:
                step *= 10
            old = max(old, changed + (step if changed % 10 ** 9 else 2 * 10 ** 9))
    until = time.monotonic() + 3
    while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) < old and time.monotonic() < until:
        time.sleep(0.005)


class Counts:
    """What must be as before when all is over."""

    def __init__(self):
        settle()
        text = pathlib.Path("/proc/net/sockstat").read_text()
        tcp = text.split("TCP: ")[1].split()
        self.tcp_inuse, self.tcp_alloc = int(tcp[1]), int(tcp[7])
        self.files = int(pathlib.Path("/proc/sys/fs/file-nr").read_text().split()[0])
        self.mounts = len(pathlib.Path("/proc/mounts").read_text().splitlines())

    def __repr__(self):
        return repr(self.__dict__)


def without_fin():
    """Sockets that TCP itself leaves in LAST_ACK, with no timer, where there is no memory for their FIN (tcp_send_fin())."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[3] == "09" and line[5].startswith("00:") and line[9] == "0" for line in lines)


def same_again(before, files=8, seconds=10):
    """Waits until the counts are what they were; file-nr is told up to a batch of 32 for each CPU, then and now, hence the slack."""
    until = time.monotonic() + seconds
    while True:
        now = Counts()
        lost = without_fin()
        if (now.tcp_inuse - lost <= before.tcp_inuse and now.tcp_alloc - lost <= before.tcp_alloc and now.mounts == before.mounts and
                abs(now.files - before.files) <= files + 128):
            return
        assert time.monotonic() < until, f"before {before}, now {now}"


class Tux(process.Tux):
    running = []

    def __init__(self, root, *options, engine="kernel", log="off", **popen):
        """Of a directory, at a port of its own; or, without one (None), as the options say."""
        port = free_port()
        self.root = root
        if root is not None:
            age(root)
            options = (root, "--listen", f"127.0.0.1:{port}", "--log", log, *options)
        pathlib.Path("/tmp/tux-error").write_text("", encoding="utf-8")
        super().__init__(["/usr/bin/tux", "serve", "--engine", engine, *options], "/tmp/tux-error", port, cwd=None, **popen)
        self.start()
        Tux.running.append(self)
        self.wait_until(lambda: "sandbox:" in self.output, "it serves", 60)  # the debug kernel needs up to 25 s for four verified handlers

    def connect(self):
        return socket.create_connection(self.address, timeout=10)

    def get(self, target, *fields):
        """Status and body of one request on a connection of its own."""
        with self.connect() as sock:
            return ask(sock, target, *fields)

    def stop(self, number=signal.SIGTERM):
        serving = None
        if self.process.poll() is None:
            serving = self.pid if number == signal.SIGKILL else None
            self.signal(number)
        self.wait(20)
        if serving:  # it ends as the one that supervised it is gone
            wait_until(lambda: not pathlib.Path(f"/proc/{serving}").exists(), "the process that serves ends", 20)
        if self in Tux.running:
            Tux.running.remove(self)


def ask(sock, target, *fields, method="GET"):
    sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{''.join(field + chr(13) + chr(10) for field in fields)}\r\n".encode())
    return answer(sock, method)


def answer(sock, method="GET"):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(1 << 16)
        assert more, f"closed after {data!r}"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if method == "HEAD" or status in (204, 304):
        length = 0
    while len(body) < length:
        more = sock.recv(1 << 18)
        assert more, f"closed after {len(body)} of {length} bytes of {target_of(head)}"
        body += more
    return status, body


def wait_until_received(sock):
    """All that was sent has passed the peer's softirq, which answers before it acknowledges the last of it."""
    until = time.monotonic() + 30
    while struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0] > 0:
        assert time.monotonic() < until
        time.sleep(0.01)


def target_of(head):
    return head.split(b"\r\n")[0].decode()


@pytest.fixture
def small_send_buffers():
    """A large answer waits for its client after some 64 KB in place of megabytes, which take the debug kernel minutes."""
    setting = pathlib.Path("/proc/sys/net/ipv4/tcp_wmem")
    before = setting.read_text()
    setting.write_text("4096 16384 65536")
    yield
    setting.write_text(before)


@pytest.fixture(scope="session", autouse=True)
def module():
    load()
    yield
    settle()


@pytest.fixture(autouse=True)
def nothing_left():
    """What a failed test did not come to stop is not the next one's to trip over."""
    of_the_file = list(Tux.running)
    yield
    for server in [each for each in Tux.running if each not in of_the_file]:
        server.stop(signal.SIGKILL)


@pytest.fixture
def root(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    (tmp_path / "index.html").write_bytes(b"<p>index\n")
    (tmp_path / "big").write_bytes(os.urandom(3_000_000))
    for above in tmp_path.parents:
        if above != pathlib.Path("/"):
            above.chmod(0o755)
    age(tmp_path)
    return tmp_path


@pytest.fixture
def tux(root):
    server = Tux(root)
    yield server
    server.stop()


@pytest.fixture
def instance(root):
    """An instance that serves root, and the port."""
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        made.hello()
        made.setup(str(root))
        made.listen(listener)
        made.lend()
        made.port = listener.getsockname()[1]
        yield made
