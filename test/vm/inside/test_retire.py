# SPDX-License-Identifier: GPL-2.0-or-later
"""Two instances on one listening socket, as while the program reloads: nothing is accepted by nobody, nothing is closed under its client."""
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

import abi
from client import wait_until
from conftest import Counts, answer, ask, free_port, same_again
from tools import children


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=512) as made:
        yield made


def started(root, listener):
    made = abi.Instance()
    made.hello()
    made.setup(str(root), max_connections=10000)
    made.listen(listener)
    made.lend()
    return made


def taken(instance, count, seconds=5):
    """Waits until count connections came up."""
    found, until = [], time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < until, found
        try:
            found += instance.take()
        except BlockingIOError:
            time.sleep(0.01)
    return found


@pytest.mark.usefixtures("small_send_buffers")
def test_idle_connections_are_handed_up(root, listener):
    """TUX_RETIRE: those without a request go up; the one under way is finished first."""
    with started(root, listener) as instance:
        idle = socket.create_connection(listener.getsockname(), timeout=10)
        assert ask(idle, "/a.txt") == (200, b"hello\n")
        slow = socket.create_connection(listener.getsockname(), timeout=10)
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.recv(1, socket.MSG_PEEK)  # its answer is under way
        instance.number(abi.RETIRE, 0)
        (fd, reason), = taken(instance, 1)
        assert reason == abi.DRAINING
        with socket.socket(fileno=fd) as ours, idle:
            idle.sendall(b"more")
            ours.settimeout(5)
            assert ours.recv(10) == b"more"  # it lives, and nothing was lost
        assert answer(slow) == (200, (root / "big").read_bytes())
        (fd, reason), = taken(instance, 1)
        assert reason == abi.DRAINING
        socket.socket(fileno=fd).close()
        slow.close()
        for thread in instance.threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("last", [abi.RETIRE, abi.DRAIN])
def test_a_retired_instance_still_ends(root, listener, last):
    """Closing the descriptor, or TUX_DRAIN, behind TUX_RETIRE."""
    before = Counts()
    instance = started(root, listener)
    socks = [socket.create_connection(listener.getsockname(), timeout=10) for _ in range(10)]
    for sock in socks:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
    instance.number(abi.RETIRE, 0)
    instance.number(last, 0)
    instance.close()
    for sock in socks:
        sock.close()
    same_again(before)


def test_one_follows_the_other(root, listener):
    """Connections come all the time while instances follow each other on the same socket: each is answered."""
    address, stop, failures, answers = listener.getsockname(), threading.Event(), [], [0]

    def client():
        while not stop.is_set():
            try:
                with socket.create_connection(address, timeout=10) as sock:
                    assert ask(sock, "/a.txt", "Connection: close") == (200, b"hello\n")
                answers[0] += 1
            except (OSError, AssertionError) as error:
                failures.append(repr(error))

    def serve_up(instance, over):
        """What comes up from a retired instance has its request unread: answered here as the program would."""
        while not over.is_set():
            try:
                for fd, _ in instance.take():
                    with socket.socket(fileno=fd) as sock:
                        sock.settimeout(10)
                        data = b""
                        while b"\r\n\r\n" not in data:
                            more = sock.recv(4096)
                            if not more:
                                break
                            data += more
                        else:
                            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
            except BlockingIOError:
                time.sleep(0.005)

    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    instance = started(root, listener)
    for thread in clients:
        thread.start()
    for _ in range(20):
        time.sleep(0.1)
        follower = started(root, listener)
        instance.number(abi.RETIRE, 0)
        over = threading.Event()
        reader = threading.Thread(target=serve_up, args=(instance, over), daemon=True)
        reader.start()
        for thread in instance.threads:
            thread.join(15)
            assert not thread.is_alive()
        over.set()
        reader.join(15)
        instance.threads = []
        instance.close()
        instance = follower
    stop.set()
    for thread in clients:
        thread.join(15)
    instance.close()
    assert not failures, failures[:5]
    assert answers[0] > 20


@pytest.fixture
def supervised(root, tmp_path_factory):
    """The program with a configuration file: its process, its port, and a call that makes it read another text."""
    (root / "other").mkdir(mode=0o755)
    (root / "other/a.txt").write_bytes(b"other\n")
    port, conf = free_port(), tmp_path_factory.mktemp("conf") / "tux.conf"
    said = pathlib.Path("/tmp/tux-supervised")

    def wait_for(words, count):
        until = time.monotonic() + 30
        while said.read_text(encoding="utf-8").count(words) < count:
            assert process.poll() is None and time.monotonic() < until, said.read_text(encoding="utf-8")
            time.sleep(0.01)

    def write(where, *more):
        conf.write_text("\n".join([f'root "{where}"', f"listen 127.0.0.1:{port}", "log off", *more]))

    def reload_(where, *more):
        before = said.read_text(encoding="utf-8").count("is in force")
        write(where, *more)
        process.send_signal(signal.SIGHUP)
        wait_for("is in force", before + 1)

    write(root, "engine kernel")
    time.sleep(0.05)
    with open(said, "w", encoding="utf-8") as file, subprocess.Popen(["/usr/bin/tux", "serve", "--config", str(conf)], stderr=file) as process:
        try:
            wait_for("is in force", 1)
            assert "engine: kernel" in said.read_text(encoding="utf-8")
            yield process, port, reload_
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.mark.parametrize("second", ["engine kernel", "engine user"])
def test_reload_under_load(root, supervised, second):
    """The program reloads while clients keep asking: every request is answered, and a connection ends only behind an answer that says so."""
    _, port, reload_ = supervised
    stop, failures, answers = threading.Event(), [], [0]

    def one(sock, *fields):
        """Whether the answer ends the connection."""
        sock.sendall(("GET /a.txt HTTP/1.1\r\nHost: x\r\n" + "".join(f + "\r\n" for f in fields) + "\r\n").encode())
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"\n"):
            more = sock.recv(4096)
            assert more, f"closed after {data!r}"
            data += more
        assert data.startswith(b"HTTP/1.1 200") and data.endswith((b"\r\n\r\nhello\n", b"\r\n\r\nother\n")), data
        answers[0] += 1
        return b"\r\nconnection: close\r\n" in data.lower()

    def client(*fields):
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
                    while not stop.is_set():
                        if one(sock, *fields):
                            assert sock.recv(1) == b""
                            break
            except (OSError, AssertionError) as error:
                failures.append(repr(error))

    clients = [threading.Thread(target=client, args=fields, daemon=True) for fields in ((), (), ("Connection: close",), ("Connection: close",))]
    for thread in clients:
        thread.start()
    for turn in range(12):
        reload_(root / "other" if turn % 2 == 0 else root, "engine kernel" if turn % 2 else second)
        time.sleep(0.2)
    stop.set()
    for thread in clients:
        thread.join(30)
    assert not failures, failures[:5]
    assert answers[0] > 50


def test_idle_connections_outlive_a_reload(root, supervised):
    """They are passed on to the process that took over, which answers as it is configured."""
    process, port, reload_ = supervised
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
        reload_(root / "other", "engine kernel")
        wait_until(lambda: list(children(process.pid).values()).count("tux") == 1, "the process before has passed it and ended", 30)
        assert ask(sock, "/a.txt") == (200, b"other\n")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        assert ask(sock, "/a.txt") == (200, b"other\n")
