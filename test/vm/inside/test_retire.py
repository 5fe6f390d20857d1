# SPDX-License-Identifier: GPL-2.0-or-later
"""Two instances on one listening socket, as while the program reloads: nothing is accepted by nobody, nothing is closed under its client."""
import socket
import threading
import time

import pytest

import abi
from conftest import answer, ask, same_again, Counts


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


def test_idle_connections_are_handed_up(root, listener):
    """TUX_RETIRE: those without a request go up; the one under way is finished first."""
    with started(root, listener) as instance:
        idle = socket.create_connection(listener.getsockname(), timeout=10)
        assert ask(idle, "/a.txt") == (200, b"hello\n")
        slow = socket.create_connection(listener.getsockname(), timeout=10)
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
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
