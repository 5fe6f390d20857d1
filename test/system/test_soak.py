# SPDX-License-Identifier: GPL-2.0-or-later
"""
Everything at once, for a long time: files, CGI programs, upstream servers that are killed and come back, reloads every five
seconds, logs that rotate. No request fails but where nothing else is possible, and nothing is left behind.

    SOAK_SECONDS=600 pytest test/system/test_soak.py --tux PROGRAM     # 60 s if not said, and a third more without reloads
"""
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import client
from soak_origin import PART
from test_reload import closes, supervised  # noqa: F401
from tools import MAX_IDLE_KEEPERS, children, descendants, field, free_port, idle_keepers, is_sanitized, is_there

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
BETWEEN_RELOADS = 5
UNUSED_SECONDS = 2     # then TUX closes unused connections
PATIENCE = 60          # timeout of clients: the machine may be busy
AROUND = 1             # seconds after a kill in which it may have broken a request
FLAT = 4 << 20         # permitted growth of memory, in bytes

FAULTS = re.compile(r"Sanitizer|runtime error|which served|is not taken|[1-9]\d* log records lost|cannot")

LARGE = PART * 64
UPLOAD = b"0123456789abcdef" * 4096
SCRIPTS = {
    "hello": "printf 'Content-Type: text/plain\\n\\nhello'",
    "echo": "printf 'Content-Type: text/plain\\n\\n'; exec cat",
    "large": "printf 'Content-Type: text/plain\\n\\n'; exec head -c 300000 /dev/zero",
    "deaf": "printf 'Content-Type: text/plain\\n\\nhello'",
    "dies": "kill -9 $$",
    "loud": "echo something is wrong >&2; printf 'Status: 404\\nContent-Length: 5\\n\\nhello'",
    "hangs": "sleep 1000 & sleep 1000",
}
CONFIG = """
root "PLACE/root"
listen = "127.0.0.1:PORT"
engine ENGINE
threads 2
log "PLACE/logs/ENGINE.log"
log-rotate ROTATE
log-keep 1000
cgi scripts { root "PLACE/scripts"; time 120 }
upstream app { server = ["127.0.0.1:ONE", "127.0.0.1:TWO"]; balance BALANCE; fail-timeout 2; unused-timeout UNUSED }
cgi short { root "PLACE/scripts"; time 2 }
route "/cgi-bin/" { cgi scripts }
route "/short/" { cgi short }
route "/app/" { upstream app }
"""


class Origins:
    """Two servers, of which at least one always runs. They are killed in turn at random times, and restarted."""

    def __init__(self):
        self.ports = [free_port(), free_port()]
        self.processes = [None, None]
        self.kills = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        for which in (0, 1):
            self.start(which)

    def start(self, which):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "soak_origin.py")
        self.processes[which] = subprocess.Popen([sys.executable, program, str(self.ports[which])], stdin=subprocess.DEVNULL)

        def listens():
            try:
                socket.create_connection(("127.0.0.1", self.ports[which])).close()
                return True
            except OSError:
                return False
        client.wait_until(listens, "the origin listens", PATIENCE)

    def kill(self, which):
        self.kills.append(time.monotonic())
        self.processes[which].kill()
        self.processes[which].wait()

    def run(self):
        while not self.over.wait(random.uniform(1, 4)):
            which = random.randrange(2)
            self.kill(which)
            self.over.wait(random.uniform(0, 3))
            self.start(which)
            # A request that went to the other server before this one was back fails at both if that dies now.
            self.over.wait(1)

    def broke(self, began, ended):
        return any(began - AROUND < kill < ended + AROUND for kill in self.kills)

    def end(self):
        self.over.set()
        if self.thread.ident is not None:
            self.thread.join(PATIENCE)
            assert not self.thread.is_alive()

    def stop(self):
        self.end()
        for process in self.processes:
            process.kill()
            process.wait()


class Load:
    """Clients that record everything. Counted requests have `?s` in their target, so that they can be found in the log. A request
    that no retry rule covers may fail after a kill of an upstream server, and is counted separately."""

    def __init__(self, server, origins):
        self.server, self.origins = server, origins
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.failures = []
        self.answers = {}     # by kind
        self.excused = {}
        self.sent = 0
        kinds = [self.files, self.files, self.pipelines, self.programs, self.programs, self.forwards, self.forwards, self.slow, self.large,
                 self.posts, self.uploads, self.hangs, self.leaves, self.tunnels]
        self.threads = [threading.Thread(target=self.run, args=(kind,), daemon=True) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        while not self.over.is_set():
            began = time.monotonic()
            try:
                kind()
            except (OSError, client.Closed, AssertionError, ValueError) as error:
                with self.lock:
                    self.failures.append("%s, %.1f s after it began: %r" % (kind.__name__, time.monotonic() - began, error))
                time.sleep(0.1)

    def connect(self):
        return client.Connection(self.server.address, timeout=PATIENCE)

    def count(self, where, kind):
        with self.lock:
            where[kind] = where.get(kind, 0) + 1

    def send(self, conn, target, body=b"", method="GET", times=1, chunked=False):
        with self.lock:
            self.sent += times
        if chunked:
            conn.send(client.request(target + "?s", "Transfer-Encoding: chunked", method=method) +
                      b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        else:
            conn.send(client.request(target + "?s", *(["Content-Length: %d" % len(body)] if body else []), method=method) * times + body)

    def take(self, conn, kind, body, status=200, method="GET"):
        """Reads a response. True if the connection continues."""
        got = conn.response(method)
        assert got.status == status and got.body == body, "%s: %d, %d bytes: %r" % (kind, got.status, len(got.body), got.body[:60])
        self.count(self.answers, kind)
        return not closes(got)

    def each(self, kinds, pause=0.0):
        """Yields random requests for one connection while it lasts: (name, target, method, request's body, response's)."""
        with self.connect() as conn:
            while not self.over.is_set():
                name, target, method, sent, expected, *more = random.choice(kinds)
                status = more[0] if more else 200
                self.send(conn, target, sent, method)
                if not self.take(conn, name, expected, status, method):
                    conn.assert_closed()
                    return
                time.sleep(pause)

    def files(self):
        self.each([("file", "/file", "GET", b"", b"a file"), ("large file", "/large", "GET", b"", LARGE),
                   ("no file", "/file", "HEAD", b"", b"")], 0.002)

    def pipelines(self):
        with self.connect() as conn:
            while not self.over.is_set():
                self.send(conn, "/file", times=3)
                if not all([self.take(conn, "pipelined file", b"a file") for _ in range(3)]):
                    conn.assert_closed()
                    return
                time.sleep(0.01)

    def programs(self):
        self.each([("hello", "/cgi-bin/hello", "GET", b"", b"hello"), ("hello, HEAD", "/cgi-bin/hello", "HEAD", b"", b""),
                   ("large output", "/cgi-bin/large", "GET", b"", bytes(300000)), ("echo", "/cgi-bin/echo", "POST", UPLOAD, UPLOAD),
                   ("loud", "/cgi-bin/loud", "GET", b"", b"hello", 404)], 0.01)

    def forwards(self):
        """Requests that a retry rule covers: idempotent, and no body byte was sent. The response arrives in one piece or not at
        all."""
        self.each([("forwarded", "/app/small", "GET", b"", b"hello"), ("forwarded, HEAD", "/app/small", "HEAD", b"", b""),
                   ("forwarded, DELETE", "/app/small", "DELETE", b"", b"hello")], 0.002)

    def slow(self):
        self.each([("slow", "/app/slow", "GET", b"", b"hello")])

    def excusable(self, kind, exchange):
        began = time.monotonic()
        try:
            with self.connect() as conn:
                exchange(conn)
        except (client.Closed, AssertionError, OSError, ValueError) as error:
            if isinstance(error, socket.timeout):
                raise
            time.sleep(AROUND)  # the kill may not be recorded yet
            if not self.origins.broke(began, time.monotonic() - AROUND):
                raise
            self.count(self.excused, kind)

    def large(self):
        def exchange(conn):
            target = random.choice(("/app/large", "/app/chunked"))
            self.send(conn, target)
            self.take(conn, target, LARGE)
        self.excusable("large", exchange)
        time.sleep(0.02)

    def posts(self):
        def exchange(conn):
            for _ in range(20):
                self.send(conn, "/app/post", UPLOAD, "POST", chunked=random.random() < 0.5)
                if not self.take(conn, "posted", UPLOAD):
                    return
                time.sleep(0.01)
        self.excusable("posted", exchange)

    def uploads(self):
        """Programs that fail, or do not read their input."""
        with self.connect() as conn:
            self.send(conn, "/cgi-bin/dies")
            got = conn.response()
            assert got.status == 502, got
            self.count(self.answers, "dies")
        with self.connect() as conn:
            self.send(conn, "/cgi-bin/deaf", UPLOAD[:20000], "POST")
            self.take(conn, "deaf", b"hello")
        time.sleep(0.1)

    def hangs(self):
        with self.connect() as conn:
            self.send(conn, "/short/hangs")
            got = conn.response()
            assert got.status == 504, got
            self.count(self.answers, "hangs")

    def leaves(self):
        """Clients that disconnect at any point; their requests are not counted."""
        for target in ("/short/hangs", "/cgi-bin/large", "/app/slow", "/app/large", "/large"):
            with self.connect() as conn:
                conn.send(client.request(target))
                time.sleep(random.uniform(0, 0.1))
        with self.connect() as conn:
            conn.send("POST /app/post HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nsome")
        with self.connect() as conn:
            conn.send("POST /cgi-bin/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nsome")

    def tunnels(self):
        def exchange(conn):
            conn.send(client.request("/app/tunnel", "Connection: upgrade", "Upgrade: echo"))
            assert conn.head().status == 101
            for _ in range(5):
                conn.send(UPLOAD)
                assert conn.take(len(UPLOAD)) == UPLOAD
            self.count(self.answers, "tunnel")
            if random.random() < 0.5:
                conn.send_eof()
                conn.assert_closed()
        self.excusable("tunnel", exchange)
        time.sleep(0.05)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)
            assert not thread.is_alive(), "a request was never answered"
        print("%s: %d requests, answered %s; broken by a kill %s" % (self.server.engine, self.sent, self.answers, self.excused))
        assert not self.failures, "%s: %d of %d failed:\n%s\nIt said:\n%s" % (
            self.server.engine, len(self.failures), self.sent, "\n".join(self.failures[:8]),
            "\n".join(line for line in self.server.output.splitlines() if "tux: cgi" not in line)[-3000:])

    def covers(self):
        """Checks that a long run covered everything; on a busy machine a short one cannot."""
        missing = {"file", "large file", "hello", "echo", "forwarded", "slow", "/app/large", "/app/chunked", "posted", "dies", "deaf", "hangs",
                   "tunnel"} - set(self.answers)
        assert not missing, "never answered: %s" % missing


def processes(server):
    """Returns all processes of a server: pid -> name."""
    return {server.process.pid: "supervisor", **descendants(server.process.pid)}


def memory(pid):
    try:
        return int(field(pid, "RssAnon").split()[0]) * 1024
    except (OSError, AssertionError):  # the process has just ended
        return 0


def descriptors(pid):
    """Returns the open descriptors of a process: kind -> number."""
    found = {}
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            kind = os.readlink("/proc/%d/fd/%s" % (pid, name)).split(":[")[0]
        except OSError:
            continue
        found[kind] = found.get(kind, 0) + 1
    # Each thread keeps spare pipes for the next body: SPARE_PIPES of engine/io/splice.h, two ends each.
    kept = 2 * 8 * len(os.listdir("/proc/%d/task" % pid))
    found["pipe"] = max(0, found.get("pipe", 0) - kept)
    return found


def zombies(server):
    found = set()
    for pid in processes(server):
        try:
            if field(pid, "State").startswith("Z"):
                found.add(pid)
        except OSError:
            pass
    return found


def left_alone(server):
    """Waits until no request is active and spare resources are freed; returns the open descriptors of each process."""
    client.wait_until(lambda: len(server.generations()) == 1, "one process serves", PATIENCE)
    generation, = server.generations()

    def settled():
        return len(descendants(generation)) == 1 + len(idle_keepers(generation))
    client.wait_until(settled, "no program is left", PATIENCE)
    spawner, = children(generation)
    time.sleep(UNUSED_SECONDS + 1)
    seen = {}

    def still():
        before = dict(seen)
        seen.update({pid: descriptors(pid) for pid in (server.process.pid, generation, spawner)})
        keepers = idle_keepers(generation)
        assert len(keepers) <= MAX_IDLE_KEEPERS
        seen[spawner]["socket"] -= len(keepers)  # its end of each keeper's socket
        time.sleep(0.5)
        return before == seen
    client.wait_until(still, "descriptors come to rest", PATIENCE)
    return seen


class Watch:
    """Samples the processes of a server."""

    def __init__(self, server):
        self.server = server
        self.dead = {}        # pid -> since when
        self.unburied = []
        self.peak = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(1):
            now = time.monotonic()
            dead = zombies(self.server)
            self.dead = {pid: self.dead.get(pid, now) for pid in dead}
            self.unburied += [pid for pid, since in self.dead.items() if now - since > 10]
            self.peak = max(self.peak, sum(memory(pid) for pid, name in processes(self.server).items()
                                           if name not in SCRIPTS and name not in ("sleep", "cat", "head")))

    def end(self):
        self.over.set()
        self.thread.join(PATIENCE)
        assert not self.unburied, "processes that nobody waits for: %s" % set(self.unburied)


@pytest.fixture
def soaked(place):
    """The served files, scripts and logs."""
    for name in ("root", "scripts", "logs"):
        os.mkdir(os.path.join(place, name))
    os.chmod(os.path.join(place, "logs"), 0o777)
    for name, content in (("file", b"a file"), ("large", LARGE)):
        with open(os.path.join(place, "root", name), "wb") as file:
            file.write(content)
    for name, text in SCRIPTS.items():
        path = os.path.join(place, "scripts", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n%s\n" % text)
        os.chmod(path, 0o755)
    return place


@pytest.fixture
def origins():
    made = Origins()
    yield made
    made.stop()


def config(place, origins, engine, port, turn=0):
    rotate = "1M" if engine == "uring" else "0"  # the other log is renamed from outside
    text = CONFIG.replace("BALANCE", ("round-robin", "least-connections")[turn % 2]).replace("UNUSED", str(UNUSED_SECONDS))
    for word, value in (("PLACE", place), ("PORT", str(port)), ("ENGINE", engine), ("ONE", str(origins.ports[0])),
                        ("TWO", str(origins.ports[1])), ("ROTATE", rotate)):
        text = text.replace(word, value)
    return text


def reload(server, place, origins, turn):
    log = os.path.join(place, "logs", server.engine + ".log")
    if server.engine == "epoll":
        os.rename(log, "%s.renamed-%d" % (log, turn))
    server.reload(config(place, origins, server.engine, server.port, turn))


def logged(place, engine):
    """Returns the lines of counted requests in all logs."""
    count = 0
    for name in os.listdir(os.path.join(place, "logs")):
        if name.startswith(engine + ".log"):
            with open(os.path.join(place, "logs", name), encoding="utf-8", errors="replace") as file:
                count += sum("?s HTTP/1.1" in line for line in file)
    return count


def test_soak(request, soaked, origins, supervised):  # noqa: F811
    """Issue 5: no failed request that a retry rule covers, constant memory, no descriptor leak, no remaining process."""
    place = soaked
    sanitized = is_sanitized(request.config.getoption("tux"))
    servers = []
    for engine in ("uring", "epoll"):
        port = free_port()
        server = supervised(config(place, origins, engine, port), port)
        server.engine = engine
        servers.append(server)
    sent = dict.fromkeys((server.engine for server in servers), 0)

    def loaded(seconds, meanwhile, covers=False):
        loads = [Load(server, origins) for server in servers]
        watches = [Watch(server) for server in servers]
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                meanwhile(until)
        finally:
            for one in loads:
                one.over.set()
        for one in watches + loads:
            one.end()
        for one in loads:
            sent[one.server.engine] += one.sent
            if covers:
                one.covers()
        return watches

    def rests():
        return [left_alone(server) for server in servers]

    # Warm-up before the first comparison.
    loaded(5, lambda until: time.sleep(1))
    for server in servers:
        reload(server, place, origins, 1)
    before = rests()
    supervisors = [memory(server.process.pid) for server in servers]

    turns = [1]

    def reloads(until):
        time.sleep(max(0, min(BETWEEN_RELOADS, until - time.monotonic())))
        turns[0] += 1
        for server in servers:
            reload(server, place, origins, turns[0])
    origins.thread.start()
    watches = loaded(SECONDS, reloads, covers=True)
    print("%d reloads, %d kills, all processes together at most %s MB" % (
        turns[0], len(origins.kills), ["%.1f" % (watch.peak / 1e6) for watch in watches]))

    # The current server process gets the same load again, without reloads.
    rests()
    loaded(5, lambda until: time.sleep(1))
    early = rests()
    processes_early = [{pid: memory(pid) for pid in seen} for seen in early]
    loaded(SECONDS / 3, lambda until: time.sleep(1))
    late = rests()
    origins.end()

    for server, first, one, other, kb, supervisor in zip(servers, before, early, late, processes_early, supervisors):
        assert one == other, "%s: descriptors leaked: %s, then %s" % (server.engine, one, other)
        assert first[server.process.pid] == other[server.process.pid], "%s: the supervisor's descriptors" % server.engine
        grown = {pid: memory(pid) - was for pid, was in kb.items()}
        grown["supervisor, over all reloads"] = memory(server.process.pid) - supervisor
        print("%s: memory %s, grown by %s; descriptors %s" % (server.engine, kb, grown, other))
        assert sanitized or max(grown.values()) < FLAT, "%s: memory grows: %s" % (server.engine, grown)
        assert not zombies(server)
        everyone = processes(server)
        server.signal(signal.SIGTERM)
        server.wait(PATIENCE)
        assert server.process.returncode == 0, server.output[-2000:]
        # A spawner that ended after its parent stopped waiting is reaped by init.
        client.wait_until(lambda: not any(is_there(pid) for pid in everyone), "%s: no process is left" % server.engine)
        bad = [line for line in server.output.splitlines() if FAULTS.search(line)]
        assert not bad, "%s says: %s" % (server.engine, bad[:20])
        assert logged(place, server.engine) == sent[server.engine], "%s: access records" % server.engine
