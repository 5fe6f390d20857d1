# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP with --config: the file is read again, and clients notice only the changed settings."""
import os
import pwd
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import client
from process import ACTIVATE, Tux
from tools import children, field, free_port, is_there, listens

LOADED_SECONDS = 10
MOST_SECONDS = 60  # on a busy machine
BETWEEN_RELOADS = 0.2


class Supervised(Tux):
    """The program with a configuration file."""

    def __init__(self, command, output, path, port, **popen):
        super().__init__(command, output, port, **popen)
        self.path = path

    def write(self, text):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path + ".new", self.path)

    def times(self, words):
        return self.output.count(words)

    def reload(self, text=None, words="is in force"):
        """Sends SIGHUP, and waits until the words of the result are logged."""
        before = self.times(words)
        if text is not None:
            self.write(text)
        self.signal(signal.SIGHUP)
        client.wait_until(lambda: self.times(words) > before, "it reloads: " + words)

    def generations(self):
        """Returns the server processes that have not ended, by number."""
        return sorted(pid for pid, name in children(self.process.pid).items() if name != "tux roots" and is_there(pid))

    def kill_generation(self, pid):
        """Waits until the end is logged, because the old process may still accept an earlier connection and close it."""
        os.kill(pid, signal.SIGKILL)
        client.wait_until(lambda: self.times("process %d, which served, was ended by signal 9" % pid) == 1, "it is said")

    def alone(self):
        """Waits until one server process remains, and returns its number."""
        client.wait_until(lambda: len(self.generations()) == 1, "one process serves", 30)
        return self.generations()[0]


@pytest.fixture
def supervised(request, place):
    """supervised(text): starts the program with a file of that text, in which PORT is replaced by a port."""
    running = []

    def start(text, port=None, wrapper=(), **popen):
        port = port or free_port()
        path = os.path.join(place, "tux-%d.conf" % len(running))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("PORT", str(port)))
        command = [*wrapper, os.path.abspath(request.config.getoption("tux")), "serve", "--config", path, *shlex.split(request.config.getoption("tux_args"))]
        server = Supervised(command, path + ".output", path, port, **popen).start()
        running.append(server)
        server.wait_until(lambda: "is in force" in server.output, "it serves", 30)
        return server

    yield start
    for server in running:
        if server.process.returncode is None:
            server.end()


@pytest.fixture
def roots(place):
    """Two directories, each with a file that names it."""
    made = []
    for name in ("one", "two"):
        root = os.path.join(place, name)
        os.mkdir(root)
        for file, content in (("file", name.encode()), ("large", name.encode() * (8 << 20))):
            with open(os.path.join(root, file), "wb") as out:
                out.write(content)
        made.append(root)
    return made


def text(root, *more, listen='"127.0.0.1:PORT"', log="off"):
    return "\n".join(["root %s" % root, "listen = [%s]" % listen, 'log "%s"' % log, *more, ""])


def closes(response):
    return "close" in response.tokens("Connection")


class Load:
    """Strict clients: every sent request gets a response, and a connection closes only after a response that announces it."""

    def __init__(self, address, bodies=(b"one", b"two")):
        self.address = address
        self.bodies = bodies
        self.over = threading.Event()
        self.failures = []
        self.answers = 0
        self.threads = []
        for kind in (self.keeps_alive, self.keeps_alive, self.pauses, self.pauses, self.pipelines, self.connects, self.connects):
            thread = threading.Thread(target=self.run, args=(kind,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def run(self, kind):
        while not self.over.is_set():
            try:
                kind()
            except (OSError, client.Closed, AssertionError) as error:
                self.failures.append("%s: %r" % (kind.__name__, error))

    def take(self, conn):
        response = conn.response()
        assert response.status == 200 and response.body in self.bodies, response
        self.answers += 1
        return closes(response)

    def keeps_alive(self, pause=0.0):
        with client.Connection(self.address) as conn:
            while not self.over.is_set():
                conn.send(client.request("/file"))
                if self.take(conn):
                    conn.assert_closed()
                    return
                time.sleep(pause)

    def pauses(self):
        self.keeps_alive(0.05)

    def pipelines(self):
        with client.Connection(self.address) as conn:
            while not self.over.is_set():
                conn.send(client.request("/file") * 3)
                if any([self.take(conn) for _ in range(3)]):
                    conn.assert_closed()
                    return

    def connects(self):
        with client.Connection(self.address) as conn:
            conn.send(client.request("/file", "Connection: close"))
            assert self.take(conn)
            conn.assert_closed()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        assert not self.failures, "%d of %d: %s" % (len(self.failures), self.answers, self.failures[:5])


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("threads", ["2", "1, 3, 2"])
def test_continuous_reloads_lose_no_request(supervised, roots, engine, threads):
    """Continuous reloads, each with another root and number of threads: no refusal, no reset, every request gets a response."""
    counts = [int(count) for count in threads.split(",")]
    server = supervised(text(roots[0], "engine " + engine, "threads %d" % counts[0]))
    load = Load(server.address)
    start = time.monotonic()
    took = []
    for turn in range(1, 1000):
        began = time.monotonic()
        if began > start + MOST_SECONDS or (began > start + LOADED_SECONDS and len(took) > 10 and load.answers > 500):
            break
        server.reload(text(roots[turn % 2], "engine " + engine, "threads %d" % counts[turn % len(counts)]).replace(
            "PORT", str(server.port)))
        took.append(time.monotonic() - began)
        time.sleep(max(0, BETWEEN_RELOADS - took[-1]))
    load.end()
    print("%d reloads, %d answers, a reload took %.0f ms (median)" % (len(took), load.answers, sorted(took)[len(took) // 2] * 1000))
    assert len(took) > 10 and load.answers > 500
    server.alone()


def test_reload_applies_to_the_next_request(supervised, roots):
    """The next request uses the new configuration, on existing connections too."""
    server = supervised(text(roots[0]))
    with server.connect() as idle:
        assert idle.get("/file").body == b"one"
        server.reload(text(roots[1]).replace("PORT", str(server.port)))
        assert server.get("/file").body == b"two"
        server.alone()  # the retired process has handed the idle connection over
        last = idle.get("/file")
        assert last.body == b"two" and not closes(last)


def test_reload_completes_active_responses(supervised, roots):
    """An active response completes, for any duration and number of reloads."""
    server = supervised(text(roots[0]))
    with server.connect(receive_buffer=4096) as conn:
        conn.send(client.request("/large"))
        length = int(conn.head().field("Content-Length"))
        for _ in range(3):
            server.reload()
        conn.widen()
        assert conn.take(length) == b"one" * (8 << 20)
    server.alone()


def test_reload_adds_and_removes_ports(supervised, roots):
    """A new address is opened, a kept one is never closed, a removed one refuses connections."""
    other = free_port()
    server = supervised(text(roots[0]))
    load = Load(server.address)
    for _ in range(5):
        server.reload(text(roots[0], listen='"127.0.0.1:PORT", "127.0.0.1:%d"' % other).replace("PORT", str(server.port)))
        with client.Connection(("127.0.0.1", other)) as conn:
            assert conn.get("/file").body == b"one"
            server.reload(text(roots[0]).replace("PORT", str(server.port)))

            def refused():
                try:
                    client.Connection(("127.0.0.1", other)).close()
                    return False
                except ConnectionRefusedError:
                    return True
            client.wait_until(refused, "the port is closed")
            assert conn.get("/file").body == b"one"  # existing connections are served
    load.end()


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_hosts_keep_their_addresses(supervised, roots, engine):
    """With more or fewer threads than sockets the address of a connection still selects its host."""
    other = free_port()

    def hosts(threads, *order):
        return "\n".join(["log off", "engine " + engine, "threads %d" % threads] + [
            'host "%s" { listen "127.0.0.1:%s"; root "%s" }' % (name, port, root) for name, port, root in order])
    one, two = ("one", "PORT", roots[0]), ("two", other, roots[1])
    server = supervised(hosts(3, one, two))
    for threads, order in ((1, (one, two)), (2, (two, one)), (4, (one, two)), (3, (two, one))):
        server.reload(hosts(threads, *order).replace("PORT", str(server.port)))
        for _ in range(16):
            assert server.get("/file").body == b"one"
            with client.Connection(("127.0.0.1", other)) as conn:
                assert conn.get("/file").body == b"two"


def test_reload_adds_and_removes_unix_sockets(supervised, roots, place):
    path = os.path.join(place, "socket")
    with_it = '"127.0.0.1:PORT", "unix:%s"' % path
    server = supervised(text(roots[0], listen=with_it))
    inode = os.stat(path).st_ino
    server.reload()
    assert os.stat(path).st_ino == inode
    with client.Connection(path) as conn:
        assert conn.get("/file").body == b"one"
    server.reload(text(roots[0]).replace("PORT", str(server.port)))
    assert not os.path.exists(path)
    server.reload(text(roots[0], listen=with_it).replace("PORT", str(server.port)))
    with client.Connection(path) as conn:
        assert conn.get("/file").body == b"one"
    server.end()
    assert not os.path.exists(path)


def test_reload_with_address_in_use_changes_nothing(supervised, roots):
    """An address is in use: the old configuration stays, and everything opened for the new one is closed."""
    free = free_port()
    server = supervised(text(roots[0]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.reload(text(roots[1], listen='"127.0.0.1:PORT", "127.0.0.1:%d", "127.0.0.1:%d"' %
                           (free, taken.getsockname()[1])).replace("PORT", str(server.port)), words="is not taken")
    assert "cannot listen on 127.0.0.1:" in server.output
    assert server.get("/file").body == b"one"
    with pytest.raises(ConnectionRefusedError):
        client.Connection(("127.0.0.1", free)).close()


@pytest.mark.parametrize("wrong,words", [
    ("\n\nthreds 2\nbrows 1\n", [':3: unknown key "threds"', ':4: unknown key "brows"']),
    ("root /no/such/place\nlog off\n", ["cannot serve /no/such/place"]),
    ("root {", ["tux-0.conf:1: "]),
    ("user nobody-at-all\n", ["nobody-at-all"])])
def test_reload_of_invalid_file_keeps_the_old_configuration(supervised, roots, wrong, words):
    """The old configuration stays, in the same process, and all errors are reported."""
    server = supervised(text(roots[0]))
    serving = server.generations()
    load = Load(server.address)
    for _ in range(3):
        server.reload(wrong, words="is not taken")
    for word in words:
        assert server.times(word) == 3, server.output
    assert server.get("/file").body == b"one"
    load.end()
    assert server.generations() == serving
    server.reload(text(roots[1]).replace("PORT", str(server.port)))
    assert server.get("/file").body == b"two"


def test_start_with_invalid_file_fails(request, place):
    path = os.path.join(place, "wrong.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write("root /no/such/place\nlisten 127.0.0.1:0\n")
    done = subprocess.run([request.config.getoption("tux"), "serve", "--config", path], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 1 and done.stderr == "tux: cannot serve /no/such/place: No such file or directory\n"


def test_reload_of_missing_file_keeps_the_old_configuration(supervised, roots):
    server = supervised(text(roots[0]))
    os.unlink(server.path)
    server.reload(words="is not taken")
    assert "No such file" in server.output and server.get("/file").body == b"one"


def test_crashed_process_is_restarted(supervised, roots):
    """A server process that dies is reported and replaced, at once and then with pauses; connections wait."""
    server = supervised(text(roots[0]))
    for _ in range(3):
        died = server.alone()
        in_force = server.times("is in force")
        server.kill_generation(died)
        assert server.get("/file").body == b"one"
        assert server.alone() != died
        client.wait_until(lambda: server.times("is in force") > in_force, "the supervisor takes note")
    assert "another starts in 0.1 s" in server.output and "another starts in 0.2 s" in server.output
    server.reload(text(roots[1]).replace("PORT", str(server.port)))
    assert server.get("/file").body == b"two"


def test_restart_is_cancelled_by_a_reload_that_serves(supervised, roots):
    """After repeated crashes a reload serves before the restart is due. The next crash is one like the others: its restart has a pause."""
    server = supervised(text(roots[0]))
    for _ in range(4):
        assert server.get("/file").body == b"one"
        server.kill_generation(server.alone())
    client.wait_until(lambda: server.times("another starts in") == 3, "the next restart has a pause")
    server.reload(text(roots[1]).replace("PORT", str(server.port)))
    server.kill_generation(server.alone())
    assert server.get("/file").body == b"two"
    assert server.times("another starts in") == 4, server.output


def test_reload_while_no_process_serves(supervised, roots):
    """SIGHUP while no process serves: the new configuration takes effect."""
    server = supervised(text(roots[0]))
    for last in (False, False, False, True):
        server.kill_generation(server.alone())
        assert last or server.get("/file").body == b"one"
    server.write(text(roots[1]).replace("PORT", str(server.port)))
    server.signal(signal.SIGHUP)
    assert server.get("/file").body in (b"one", b"two")
    client.wait_until(lambda: server.get("/file").body == b"two", "the new root")
    server.alone()


def test_killed_supervisor_leaves_no_process(supervised, roots):
    server = supervised(text(roots[0], "idle-timeout 60"))
    with server.connect(receive_buffer=4096) as conn:
        conn.send(client.request("/large"))
        length = int(conn.head().field("Content-Length"))
        server.reload()  # the previous process still has a connection
        processes = server.generations()
        assert len(processes) == 2
        server.process.kill()
        server.process.wait()
        client.wait_until(lambda: not any(is_there(pid) for pid in processes), "all are gone")
        with pytest.raises((OSError, client.Closed)):
            conn.take(length)
    with pytest.raises(ConnectionRefusedError):
        server.connect().close()


def test_sigterm_stops_all_server_processes(supervised, roots):
    """SIGTERM: idle connections of every server process close, active responses complete; a second SIGTERM stops at once."""
    server = supervised(text(roots[0], "drain-timeout 60"))
    idle = server.connect()
    assert idle.get("/file").body == b"one"
    server.reload()
    busy = server.connect(receive_buffer=4096)
    busy.send(client.request("/large"))
    length = int(busy.head().field("Content-Length"))
    server.reload()
    server.signal(signal.SIGTERM)
    idle.assert_closed()
    assert server.process.poll() is None
    busy.widen()
    assert busy.take(length) == b"one" * (8 << 20)
    assert server.wait() == 0
    again = supervised(text(roots[0], "drain-timeout 600"))
    busy = again.connect(receive_buffer=4096)
    busy.send(client.request("/large"))
    busy.head()
    again.reload()
    again.signal(signal.SIGTERM)
    client.wait_until(lambda: not listens(again.port), "the first one has arrived: two at once could be one")
    assert again.process.poll() is None
    again.signal(signal.SIGTERM)
    assert again.wait(10) == 0


def test_retired_processes_are_limited(supervised, roots):
    """Clients that never disconnect keep only a limited number of processes alive."""
    server = supervised(text(roots[0], "threads 1", "drain-timeout 0.5", "idle-timeout 600"))
    held = []
    for _ in range(40):
        conn = server.connect(receive_buffer=4096)
        conn.send(client.request("/large"))
        conn.head()
        held.append(conn)
        server.reload()
        assert len(server.generations()) <= 32
    for conn in held:
        conn.close()
    server.alone()


def test_privileges(supervised, roots):
    """As root: the supervisor keeps its user, and the server processes are unprivileged."""
    if os.geteuid() != 0:
        pytest.skip("only root has privileges to give up")
    wanted = pwd.getpwnam("www-data")
    server = supervised(text(roots[0]))
    own = field(server.process.pid, "CapEff")
    for _ in range(2):
        pid = server.alone()
        for task in os.listdir("/proc/%d/task" % pid):
            task = "%d/task/%s" % (pid, task)
            with open("/proc/%s/status" % task, encoding="utf-8") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            assert status["Uid"].split() == [str(wanted.pw_uid)] * 4 and status["Gid"].split() == [str(wanted.pw_gid)] * 4
            assert all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
            assert status["NoNewPrivs"] == "1"
            assert status["Seccomp"] == "2" or "neither landlock nor seccomp" in server.output
        server.reload()
    assert field(server.process.pid, "Uid").split() == ["0"] * 4 and field(server.process.pid, "CapEff") == own


def sockets(pid):
    found = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        if link.startswith("socket:"):
            found.add(link)
    return found


def test_reloads_leak_nothing(supervised, roots):
    """
    Supervisor and server processes have no more descriptors and memory after many reloads. They may have fewer: a process has ended a moment before its
    supervisor closes the socket to it.
    """
    server = supervised(text(roots[0], "threads 2"))

    def memory_of(pid):
        return int(field(pid, "RssAnon").split()[0]) * 1024

    def state():
        generation = server.alone()
        return [len(os.listdir("/proc/%d/fd" % pid)) for pid in (server.process.pid, generation)]
    for _ in range(3):
        server.reload()
    before, memory = state(), memory_of(server.process.pid)
    for _ in range(30):
        server.reload()
        server.get("/file")
    client.wait_until(lambda: all(now <= most for now, most in zip(state(), before)), "no more descriptors are open than before")
    if "neither landlock nor seccomp" not in server.output:  # a sanitizer's quarantine grows
        assert memory_of(server.process.pid) - memory < 1 << 20


LINE = re.compile(r'127\.0\.0\.1 - - \[[^]]+\] "GET /file HTTP/1\.1" 200 \d+ "[^"]*" "[^"]*"\Z')


def test_log_has_every_request_once(supervised, roots, logs):
    """Server processes write whole lines to one file. SIGHUP reopens it, even if the configuration is invalid."""
    log = os.path.join(logs, "access")
    server = supervised(text(roots[0], log=log))
    load = Load(server.address)
    for turn in range(10):
        if turn == 4:
            os.rename(log, log + ".1")
        if turn == 6:
            os.rename(log, log + ".2")
            server.reload("nonsense 1\n", words="is not taken")
            client.wait_until(lambda: os.path.exists(log), "the new file")
            server.write(text(roots[0], log=log).replace("PORT", str(server.port)))
        server.reload()
        time.sleep(0.1)
    load.end()
    server.end()
    lines = []
    for path in (log, log + ".1", log + ".2"):
        with open(path, encoding="utf-8") as file:
            lines += file.read().splitlines()
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)][:3]
    assert len(lines) == load.answers


def test_log_to_slow_pipe_splits_no_line(request, roots, place):
    """Server processes write to one pipe, which a slow reader keeps full: no line is split."""
    port, path = free_port(), os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text(roots[0], log="-").replace("PORT", str(port)))
    command, output = [os.path.abspath(request.config.getoption("tux")), "serve", "--config", path], os.path.join(place, "output")
    with open(output, "wb") as errors:
        server = Supervised(command, output, path, port, stdout=subprocess.PIPE, stderr=errors).start()
    pipe = server.process.stdout
    read, loaded = [], threading.Event()

    def slowly():
        while not read or read[-1]:
            loaded.wait(0.05)
            read.append(os.read(pipe.fileno(), 1 << 13))
    reader = threading.Thread(target=slowly, daemon=True)
    reader.start()
    server.wait_until(lambda: server.times("is in force") == 1, "it serves")
    load = Load(server.address)
    for _ in range(30):
        server.reload()
    load.end()
    loaded.set()
    server.end()
    reader.join(client.TIMEOUT)
    pipe.close()
    lines = b"".join(read).decode().splitlines()
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)][:3]
    assert len(lines) == load.answers


def test_socket_activation(supervised, roots):
    """An inherited socket stays in use through reloads, and through a time in which the file names another one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = supervised("root %s\nlog off\n" % roots[0], port=listener.getsockname()[1],
                            wrapper=[sys.executable, "-c", ACTIVATE, str(listener.fileno())], pass_fds=[listener.fileno()])
        load = Load(server.address)
        for turn in range(5):
            server.reload("root %s\nlog off\n" % roots[turn % 2])
        load.end()
        server.reload("root %s\nlog off\nlisten 127.0.0.1:0\n" % roots[0])
        server.reload("root %s\nlog off\n" % roots[1])
        assert server.get("/file").body == b"two"


def test_sd_notify(supervised, roots, place):
    """The started process notifies the manager: READY, RELOADING with the time, READY again; errors; STOPPING."""
    path = os.path.join(place, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        manager.bind(path)
        manager.settimeout(client.TIMEOUT)
        server = supervised(text(roots[0], "drain-delay 0"), env={"NOTIFY_SOCKET": path})

        def hear():
            data, ancillary, _, _ = manager.recvmsg(4096, 4096)
            assert int.from_bytes(ancillary[0][2][:4], sys.byteorder) == server.process.pid
            return data.decode().splitlines()
        assert hear()[0] == "READY=1"
        server.signal(signal.SIGHUP)
        first, second = hear()
        assert first == "RELOADING=1"
        assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6 - int(second.split("=")[1]) < 10e6
        assert hear() == ["READY=1", "STATUS="]
        server.reload("wrong 1\n", words="is not taken")
        assert hear()[0] == "RELOADING=1"
        ready, status = hear()
        assert ready == "READY=1" and "not taken" in status
        server.signal(signal.SIGTERM)
        assert hear()[0] == "STOPPING=1"
        assert server.wait() == 0
