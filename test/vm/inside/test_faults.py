# SPDX-License-Identifier: GPL-2.0-or-later
"""
Allocations of the module fail, now and then under load, and each of them once: one request is refused, never more, and nothing
leaks. On kernels with fault injection.
"""
import fcntl
import os
import pathlib
import select
import signal
import socket
import threading
import time

import pytest

import abi
from conftest import Counts, Tux, answer, ask, same_again

FAULTS = pathlib.Path("/sys/kernel/debug")
pytestmark = pytest.mark.skipif(not (FAULTS / "failslab").exists(), reason="this kernel has no fault injection")


def text_of_module(name="tux"):
    """Where the module's code lies: what is called from there may fail."""
    line = [line for line in pathlib.Path("/proc/modules").read_text().splitlines() if line.startswith(name + " ")][0]
    start = int(line.split()[5], 16)
    return start, start + int(line.split()[1])


def text_of_function(name):
    """Where a function of the module lies."""
    symbols = sorted(int(line.split()[0], 16) for line in pathlib.Path("/proc/kallsyms").read_text().splitlines() if line.endswith("[tux]"))
    start = [int(line.split()[0], 16) for line in pathlib.Path("/proc/kallsyms").read_text().splitlines() if line.split()[2:] == [name, "[tux]"]][0]
    return start, min(symbol for symbol in symbols if symbol > start)


class Faults:
    def __init__(self, kind, probability, text=None):
        self.folder = FAULTS / kind
        start, end = text or text_of_module()
        for name, value in (("require-start", hex(start)), ("require-end", hex(end)), ("stacktrace-depth", 32), ("verbose", 0),
                            ("ignore-gfp-wait", "N"), ("min-order", 0), ("cache-filter", "N"), ("interval", 1), ("space", 0),
                            ("times", -1), ("probability", probability)):
            if (self.folder / name).exists():
                (self.folder / name).write_text(str(value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        (self.folder / "probability").write_text("0")


class Nth:
    """The Nth allocation that a thread makes through the module's code, or through other code, fails; then .reached, else it made fewer."""

    def __init__(self, number, text=None, thread="thread-self"):
        for kind in ("failslab", "fail_page_alloc"):
            Faults(kind, 0, text)
        self.number, self.thread = number, thread
        self.reached = False

    def __enter__(self):
        self.fd = os.open(f"/proc/{self.thread}/fail-nth", os.O_RDWR)
        os.write(self.fd, b"%d" % self.number)
        return self

    def __exit__(self, *_):
        self.reached = int(os.pread(self.fd, 16, 0)) == 0
        os.write(self.fd, b"0")
        os.close(self.fd)


def ask_all(port, until, done):
    targets = ["/a.txt", "/big", "/missing", "/", "/a.txt"]
    count = 0
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
                sock.settimeout(2)
                for target in targets:
                    ask(sock, target)
                    count += 1
        except (OSError, AssertionError):
            pass
    done.append(count)


@pytest.mark.parametrize("kind", ["failslab", "fail_page_alloc"])
@pytest.mark.parametrize("probability", [1, 10, 50])
def test_under_load(root, kind, probability):
    before = Counts()
    server = Tux(root)
    done = []
    with Faults(kind, probability):
        until = time.monotonic() + 6
        threads = [threading.Thread(target=ask_all, args=(server.port, until, done)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(20):
            (root / f"new{i}").write_bytes(b"x")
            time.sleep(0.2)
        for thread in threads:
            thread.join()
    assert server.get("/a.txt") == (200, b"hello\n")
    assert server.get("/big") == (200, (root / "big").read_bytes())
    server.stop(signal.SIGKILL)
    same_again(before)


@pytest.mark.parametrize("kind", ["failslab", "fail_page_alloc"])
def test_setting_up(root, kind):
    before = Counts()
    failures = 0
    for _ in range(200):
        with Faults(kind, 15):
            try:
                with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
                    made.hello()
                    made.setup(str(root), flags=abi.RECORDS)
                    made.listen(listener)
            except OSError:
                failures += 1
    assert failures > 0
    same_again(before)


LAST = 1000  # no path allocates as often


def test_each_allocation_of_setting_up(root):
    before = Counts()
    for number in range(1, LAST):
        failed = False
        with socket.create_server(("127.0.0.1", 0)) as listener, Nth(number) as nth:
            try:
                with abi.Instance() as made:
                    made.hello()
                    made.setup(str(root), flags=abi.RECORDS, routes=abi.route(0, 1), text=b"/")
                    made.listen(listener)
            except OSError:
                failed = True
        if not nth.reached:
            assert not failed
            break
    print(f"setting up: {number - 1} allocations failed once each")
    assert 6 < number < LAST - 1
    same_again(before)


class Program:
    """An instance whose hand-ups are answered with 299, for .reasons, and a lent thread in which one allocation fails."""

    def __init__(self, root, number, **setup):
        self.reasons = []
        self.instance = abi.Instance(blocking=True)
        self.instance.hello()
        self.instance.setup(str(root), **setup)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.instance.listen(self.listener)
        self.nth = Nth(number)
        self.lent = threading.Thread(target=self.run, daemon=True)
        self.answers = threading.Thread(target=self.answer, daemon=True)
        self.lent.start()
        self.answers.start()

    def run(self):
        with self.nth:
            while True:
                try:
                    fcntl.ioctl(self.instance.fd, abi.RUN)
                    return
                except InterruptedError:
                    pass

    def answer(self):
        poll = select.poll()
        poll.register(self.instance.fd, select.POLLIN)
        while self.lent.is_alive():
            if not poll.poll(20):
                continue
            for fd, reason in self.instance.take():
                self.reasons.append(reason)
                with socket.socket(fileno=fd) as taken:
                    taken.setblocking(False)
                    taken.recv(4096)
                    taken.sendall(b"HTTP/1.1 299 Up\r\nConnection: close\r\n\r\n")

    def ask(self, target, *fields):
        """The status, and the body; 0 for none."""
        try:
            with socket.create_connection(self.listener.getsockname(), timeout=1.5) as sock:
                return ask(sock, target, *fields)
        except (OSError, AssertionError):
            return 0, b""

    def stop(self):
        self.instance.drain()
        self.lent.join(20)
        assert not self.lent.is_alive()
        self.answers.join(5)
        self.listener.close()
        os.close(self.instance.fd)


def test_each_allocation_of_a_lent_thread(root):
    """Accepting, opening, reading what is not in memory, closing."""
    before = Counts()
    big = (root / "big").read_bytes()
    with open(root / "big", "rb") as file:
        os.fsync(file.fileno())
    for number in range(1, LAST):
        program = Program(root, number, flags=abi.RECORDS)
        fd = os.open(root / "big", os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        found = [program.ask("/a.txt"), program.ask("/big", "Range: bytes=5-200004"), program.ask("/"), program.ask("/missing"),
                 program.ask("/a.txt")]
        expected = [(200, b"hello\n"), (206, big[5:200005]), (200, b"<p>index\n"), (299, b""), (200, b"hello\n")]
        wrong = [one for one, right in zip(found, expected) if one != right]
        assert len(wrong) <= 1 and all(status in (0, 299) for status, _ in wrong), (number, found)
        program.stop()
        if not program.nth.reached:
            assert not wrong
            break
    print(f"a lent thread: {number - 1} allocations failed once each")
    assert 10 < number < LAST - 1
    same_again(before)


def test_each_allocation_of_an_accept(root):
    """A client is served or its connection closed, though no other connection comes or goes."""
    for number in range(1, LAST):
        program = Program(root, number)
        with socket.create_connection(program.listener.getsockname(), timeout=30) as client:
            client.sendall(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                client.recv(1000)  # TimeoutError: nobody accepts it
            except ConnectionError:
                pass
        program.stop()
        if not program.nth.reached:
            break
    assert 2 < number < LAST - 1


@pytest.mark.parametrize("target", ["/a.txt", "/missing-from-the-cache", "/big"])
@pytest.mark.usefixtures("small_send_buffers")
def test_each_allocation_of_an_arriving_request(root, target):
    """What runs in softirq runs as well in the thread that gives a connection with a request in it: there it can be counted."""
    before = Counts()
    (root / "missing-from-the-cache").write_bytes(b"late\n")
    time.sleep(0.05)
    expected = (root / target[1:]).read_bytes()
    for number in range(1, LAST):
        program = Program(root, 0, flags=abi.RECORDS)
        if target != "/missing-from-the-cache":
            assert program.ask(target) == (200, expected)
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # the rest of /big has to wait for it to read
            client.settimeout(5)
            client.connect(listener.getsockname())
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            taken, _ = listener.accept()
            with Nth(number) as nth:
                try:
                    program.instance.adopt(taken)
                except OSError:
                    pass  # it is ours still
            taken.close()
            try:
                found = answer(client)
            except (OSError, AssertionError):
                found = 0, b""
        assert found == (200, expected) or nth.reached and found[0] in (0, 299), (number, found)
        assert program.ask(target) == (200, expected)
        program.stop()
        if not nth.reached:
            break
    print(f"{target}: {number - 1} allocations failed once each")
    assert 1 < number < LAST - 1
    same_again(before)
