# SPDX-License-Identifier: GPL-2.0-or-later
"""One descriptor owns everything: whatever ends the program, nothing of it is left."""
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

import abi
from client import wait_until
from conftest import Counts, Tux, answer, ask, load, loaded, same_again, unload


class Load:
    """Clients that ask as fast as they can and do not mind being cut off."""

    def __init__(self, port, count=8, target="/a.txt", close=False):
        self.port, self.target, self.close = port, target, close
        self.ended = False
        self.answers = 0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ended:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                    while not self.ended:
                        ask(sock, self.target, *(["Connection: close"] if self.close else []))
                        self.answers += 1
                        if self.close:
                            break
            except (OSError, AssertionError):
                time.sleep(0.01)

    def wait(self, answers):
        until = time.monotonic() + 30
        while self.answers < answers:
            assert time.monotonic() < until, f"{self.answers} answers"
            time.sleep(0.01)

    def stop(self):
        self.ended = True
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def assert_refused(port):
    """At once, or as soon as the kernel has cleared up the io_uring that looks at /dev/tux: a worker of its does that."""
    until = time.monotonic() + 2
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass
        assert time.monotonic() < until, "still listening"
        time.sleep(0.01)


@pytest.mark.parametrize("target", ["/a.txt", "/big", "/missing"])
@pytest.mark.parametrize("close", [False, True])
def test_killed_under_load(root, target, close):
    before = Counts()
    for _ in range(3):
        server = Tux(root)
        load_ = Load(server.port, target=target, close=close)
        load_.wait(20)
        server.stop(signal.SIGKILL)
        assert_refused(server.port)
        load_.stop()
    same_again(before)


def test_killed_while_sends_are_under_way(root):
    """Readers that do not read: their sends are in flight when everything ends."""
    before = Counts()
    server = Tux(root)
    slow = [server.connect() for _ in range(20)]
    for sock in slow:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.3)
    server.stop(signal.SIGKILL)
    for sock in slow:
        sock.close()
    same_again(before)


def test_stopped_answers_are_finished(root):
    """SIGTERM: what was asked for arrives whole."""
    server = Tux(root)
    sock = server.connect()
    sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert answer(sock) == (200, (root / "big").read_bytes())
    assert server.process.wait(10) == 0
    assert_refused(server.port)
    sock.close()


def test_idle_connections_end_with_the_program(root):
    server = Tux(root)
    socks = [server.connect() for _ in range(30)]
    for sock in socks:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
    server.stop()
    assert server.process.returncode == 0
    for sock in socks:
        assert sock.recv(1) == b""
        sock.close()


def test_unloading(root):
    """Refused while open, and clean after."""
    server = Tux(root)
    assert server.get("/a.txt") == (200, b"hello\n")
    assert unload().returncode != 0
    assert loaded()
    server.stop()
    found = unload()
    assert found.returncode == 0, found.stderr
    assert not os.path.exists(abi.DEVICE)
    load()


def test_thousand_rounds(root):
    """Instances that come and go while clients keep coming."""
    before = Counts()
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    load_ = Load(port, count=4)
    rounds = int(os.environ.get("TUX_ROUNDS", "1000"))
    for i in range(rounds):
        with abi.Instance() as instance, socket.create_server(("127.0.0.1", port), reuse_port=False) as listener:
            instance.hello()
            instance.setup(str(root))
            instance.listen(listener)
            if i % 4 != 0:  # without a thread everything waits, and ends all the same
                instance.lend()
            if i % 16 == 1:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
                    assert ask(sock, "/a.txt")[0] == 200
    load_.stop()
    same_again(before)


@pytest.mark.parametrize("state", ["opened", "greeted", "set up", "listening", "lent", "connected", "asked", "handed up"])
def test_crash_in_each_state(root, state):
    """The program dies at any point of its life."""
    before = Counts()
    states = ["opened", "greeted", "set up", "listening", "lent", "connected", "asked", "handed up"]
    reached, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            crash(root, states.index(state), told)
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(reached, 1) == b"."
    os.close(reached)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    same_again(before)


def crash(root, steps, told):
    """In the child: goes as far as steps, says so, and waits for its end."""
    instance = abi.Instance()
    listener = socket.create_server(("127.0.0.1", 0))
    held = []
    if steps >= 1:
        instance.hello()
    if steps >= 2:
        instance.setup(str(root), flags=abi.RECORDS)
    if steps >= 3:
        instance.listen(listener)
    if steps >= 4:
        instance.lend(2)
    if steps >= 5:
        held += [socket.create_connection(listener.getsockname()) for _ in range(10)]
    if steps >= 6:
        for sock in held:
            sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" if steps == 6 else b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
    os.write(told, b".")
    time.sleep(60)


def test_listener_of_another_lives_on(root):
    """A socket that the program was only lent, as by systemd, goes on without it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with abi.Instance() as instance:
            instance.hello()
            instance.setup(str(root))
            instance.listen(listener)
            instance.lend()
            with socket.create_connection(listener.getsockname(), timeout=10) as sock:
                assert ask(sock, "/a.txt")[0] == 200
        with socket.create_connection(listener.getsockname(), timeout=10) as sock:
            taken, _ = listener.accept()
            sock.sendall(b"x")
            assert taken.recv(1) == b"x"
            taken.close()


def test_several_instances(root):
    """Each has its own root, and ends for itself."""
    (root / "other").mkdir()
    (root / "other/a.txt").write_bytes(b"other\n")
    one, two = Tux(root), Tux(root / "other")
    assert one.get("/a.txt") == (200, b"hello\n")
    assert two.get("/a.txt") == (200, b"other\n")
    one.stop(signal.SIGKILL)
    assert two.get("/a.txt") == (200, b"other\n")
    two.stop()


def test_network_namespace(root):
    """An instance serves the namespace that it was opened in, and no listener of another."""
    script = ("import sys; sys.path.insert(0, '/test/vm/inside'); import abi, socket, os\n"
              "i = abi.Instance(); i.hello(); i.setup(%r)\n"
              "s = socket.create_server(('127.0.0.1', 0)); i.listen(s); i.lend()\n"
              "c = socket.create_connection(s.getsockname()); c.sendall(b'GET /a.txt HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
              "print(c.recv(4096).split()[1].decode()); c.close()\n"
              "o = int(sys.argv[1])\n"
              "try:\n    i.number(abi.LISTEN, o); print('taken')\n"
              "except OSError as error:\n    print(error.errno)\n" % str(root))
    with socket.create_server(("127.0.0.1", 0)) as outside:
        os.set_inheritable(outside.fileno(), True)
        found = subprocess.run(["unshare", "-n", "sh", "-c", f"ip link set lo up; exec python3 -c \"$0\" {outside.fileno()}", script],
                               close_fds=False, capture_output=True, text=True, timeout=60, check=False)
    assert found.stdout.split() == ["200", "22"], found.stderr


def test_memory_is_the_programs():
    """Nothing of it in the kernel's log: no complaint so far."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert "BUG:" not in log and "WARNING:" not in log, log[-3000:]
    assert pathlib.Path("/sys/module/tux").exists()


def test_status(tux):
    """`tux status` says what the instance has done."""
    assert tux.get("/a.txt") == (200, b"hello\n")
    with tux.connect() as sock:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
        assert ask(sock, "/missing")[0] == 404

        def alone():
            found = subprocess.run(["/usr/bin/tux", "status"], capture_output=True, text=True, check=True).stdout
            return found if f"process {tux.pid}: 1 connections" in found else None
        found = wait_until(alone, "the first connection has ended")
    lines = [line.split(None, 1) for line in found.splitlines()]
    assert ["requests", "2"] in lines and ["accepted", "3"] in lines or ["accepted", "2"] in lines, found
    assert any(line[0] == "handed" and "missing 1" in line[1] for line in lines), found


def test_status_of_nothing():
    found = subprocess.run(["/usr/bin/tux", "status"], capture_output=True, text=True, check=True).stdout
    assert "serves nothing" in found


def test_tracepoints(tux):
    """What happens to connections can be watched."""
    tracing = pathlib.Path("/sys/kernel/tracing")
    if not (tracing / "events/tux").exists():
        pytest.skip("this kernel has no tracefs mounted")
    (tracing / "trace").write_text("")
    (tracing / "events/tux/enable").write_text("1")
    assert tux.get("/a.txt") == (200, b"hello\n")
    assert tux.get("/a.txt", "Connection: close") == (200, b"hello\n")
    assert tux.get("/missing")[0] == 404
    words = ["tux_accept:", "tux_request:", "tux_reply:", "tux_hand_up:", "tux_close:", "value=200"]
    try:
        wait_until(lambda: not [word for word in words if word not in (tracing / "trace").read_text()], "all events are there")
    finally:
        (tracing / "events/tux/enable").write_text("0")
