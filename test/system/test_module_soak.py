# SPDX-License-Identifier: GPL-2.0-or-later
"""
Modules of every host under mixed load for a long time, with a reload every five seconds that replaces their files. No request fails,
the new file is used at once, and nothing is left behind.

    SOAK_SECONDS=600 pytest test/system/test_module_soak.py --tux PROGRAM     # 10 s if not said, and a third more without reloads
"""
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

import client
from test_historic import ACTIONS, HERE, STRICT, TOP
from test_reload import closes, supervised  # noqa: F401 (a fixture)
from test_soak import FLAT, PATIENCE, descriptors, memory, processes, zombies
from tools import descendants, free_port, is_sanitized, is_there, make_place

SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
BETWEEN_RELOADS = 5
# A module's process keeps memory that large responses have needed: a short load has not had all of them at once.
MODULE_FLAT = FLAT if SECONDS >= 60 else 4 * FLAT
VERSIONS = ("one", "second")  # of different length: a stale file does not pass for a new one
HOSTS = ("inline", "pooled", "isolated")

# A call may take long on a machine that is busy.
FAULTS = re.compile(r"Sanitizer|runtime error|which served|is not taken|cannot|module \S+:|is cut|: 5\d\d: ")

LARGE = bytes(range(256)) * 2000
PATTERN = (b"abcdefghijklmnopqrstuvwxyz" * 12000)[:300000]
UPLOAD = b"0123456789abcdef" * 4096
CONFIG = """
root "PLACE/root"
listen = "127.0.0.1:PORT"
engine ENGINE
threads 2
log off
module inline   { file "PLACE/ENGINE/soak.so" }
module pooled   { file "PLACE/ENGINE/soak.so"; threads 2 }
module isolated { file "PLACE/ENGINE/soak.so"; isolate on }
module actions.tux { historic "PLACE/actions.tux.so" }
route "/inline/"   { module inline }
route "/pooled/"   { module pooled }
route "/isolated/" { module isolated }
route "/actions.tux" { module actions.tux }
"""


@pytest.fixture(scope="module")
def built():
    """The shared objects: of each version, and of the historic module."""
    folder = make_place()
    include = os.path.join(TOP, "include")
    for version in VERSIONS:
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", '-DVERSION="%s"' % version, "-I", include,
                        os.path.join(HERE, "modules/soak.c"), "-o", os.path.join(folder, version + ".so")], check=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", *STRICT, "-I", include, ACTIONS, "-o", os.path.join(folder, "actions.tux.so")], check=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Strict clients: every request has its whole response, and a connection closes only after a response that announces it."""

    def __init__(self, server):
        self.server = server
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.failures = []
        self.answers = {}
        kinds = [*HOSTS, *HOSTS, "historic", "leaves", "slow"]
        self.threads = [threading.Thread(target=self.run, args=(kind,), daemon=True) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        while not self.over.is_set():
            began = time.monotonic()
            try:
                getattr(self, kind)()
            except (OSError, client.Closed, AssertionError, ValueError) as error:
                with self.lock:
                    self.failures.append("%s, %.1f s after it began: %r" % (kind, time.monotonic() - began, error))
                time.sleep(0.1)

    def connect(self, **options):
        return client.Connection(self.server.address, timeout=PATIENCE, **options)

    def take(self, conn, target, bodies):
        """Reads a response. True if the connection continues."""
        got = conn.response()
        assert got.status == 200 and got.body in bodies, "%s: %d, %d bytes: %r" % (target, got.status, len(got.body), got.body[:60])
        with self.lock:
            self.answers[target] = self.answers.get(target, 0) + 1
        return not closes(got)

    def each(self, kinds, pause=0.005):
        with self.connect() as conn:
            while not self.over.is_set():
                target, body, *bodies = random.choice(kinds)
                conn.send(client.request(target, *(["Content-Length: %d" % len(body)] if body else []), method="POST" if body else "GET") + body)
                if not self.take(conn, target, bodies):
                    conn.assert_closed()
                    return
                time.sleep(pause)

    def of(self, host):
        versions = [version.encode() for version in VERSIONS]
        self.each([("/%s/%s" % (host, word), body, *bodies) for word, body, *bodies in (
            ("version", b"", *versions), ("wait", b"", *versions), ("thread", b"", *versions), ("echo", UPLOAD, UPLOAD), ("stream", b"", PATTERN),
            ("by-reference", b"", PATTERN), ("instead", b"", LARGE), ("file", b"", LARGE), ("copy", b"", LARGE))])

    def inline(self):
        self.of("inline")

    def pooled(self):
        self.of("pooled")

    def isolated(self):
        self.of("isolated")

    def historic(self):
        self.each([("/actions.tux?" + word, b"", body) for word, body in (
            ("chunked", b"abcde"), ("buffers", b"1;12;123;"), ("many=200000", b"m" * 200000), ("read", b"<p>a page</p>"))])

    def leaves(self):
        """Clients that disconnect at any point."""
        for at in HOSTS:
            for word in ("stream", "wait", "file", "thread", "by-reference"):
                with self.connect(receive_buffer=4096) as conn:
                    conn.send(client.request("/%s/%s" % (at, word)))
                    time.sleep(random.uniform(0, 0.02))
        for target in ("/actions.tux?many=3000000", "/actions.tux?buffers"):
            with self.connect(receive_buffer=4096) as conn:
                conn.send(client.request(target))
                time.sleep(random.uniform(0, 0.05))

    def slow(self):
        """A client that takes its time for the bytes."""
        for at in HOSTS:
            for word, body in (("stream", PATTERN), ("file", LARGE)):
                with self.connect(receive_buffer=16384) as conn:
                    conn.send(client.request("/%s/%s" % (at, word)))
                    time.sleep(0.2)
                    self.take(conn, "/%s/%s" % (at, word), [body])

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)
            assert not thread.is_alive(), "a request was never answered"
        print("%s: answered %d: %s" % (self.server.engine, sum(self.answers.values()), self.answers))
        assert not self.failures, "%s: %d failed:\n%s\nIt said:\n%s" % (
            self.server.engine, len(self.failures), "\n".join(self.failures[:8]), self.server.output[-3000:])


def replace(server, place, built, turn):
    """Replaces the file of the modules: by turns it is renamed over, or overwritten in place."""
    version = VERSIONS[turn % 2]
    path = os.path.join(place, server.engine, "soak.so")
    if turn % 4 < 2:
        shutil.copyfile(os.path.join(built, version + ".so"), path + ".new")
        os.rename(path + ".new", path)
    else:
        shutil.copyfile(os.path.join(built, version + ".so"), path)
    return version.encode()


def name_of(pid):
    """The command line of a process of a module has the module's name."""
    with open("/proc/%d/cmdline" % pid, "rb") as file:
        return "%d %s" % (pid, b" ".join(file.read().rstrip(b"\0").split(b"\0")[1:]).decode())


def rest(server):
    """Waits until one server process is left, without requests; returns the descriptors of it, and of its descendants."""
    generation = server.alone()
    last = {}

    def still():
        before = dict(last)
        last.clear()
        last.update({pid: descriptors(pid) for pid in (server.process.pid, generation, *descendants(generation))})
        time.sleep(0.5)
        return before == last
    client.wait_until(still, "descriptors come to rest", PATIENCE)
    return last


def test_module_soak(request, place, built, supervised):  # noqa: F811
    """Issue 16: no failed request, constant memory, no descriptor leak, no remaining process."""
    sanitized = is_sanitized(request.config.getoption("tux"))
    os.mkdir(os.path.join(place, "root"))
    for name, content in (("large", LARGE), ("page.html", b"<p>a page</p>")):
        with open(os.path.join(place, "root", name), "wb") as file:
            file.write(content)
    shutil.copyfile(os.path.join(built, "actions.tux.so"), os.path.join(place, "actions.tux.so"))
    servers = []
    for engine in ("uring", "epoll"):
        os.mkdir(os.path.join(place, engine))
        shutil.copyfile(os.path.join(built, VERSIONS[0] + ".so"), os.path.join(place, engine, "soak.so"))
        server = supervised(CONFIG.replace("PLACE", place).replace("ENGINE", engine))
        server.engine = engine
        servers.append(server)

    def loaded(seconds, meanwhile):
        loads = [Load(server) for server in servers]
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                meanwhile(until)
        finally:
            for one in loads:
                one.over.set()
        for one in loads:
            one.end()

    turn = 0

    def reloads(until):
        nonlocal turn
        time.sleep(max(0, min(BETWEEN_RELOADS, until - time.monotonic())))
        turn += 1
        for server in servers:
            version = replace(server, place, built, turn)
            server.reload()
            for host in HOSTS:
                assert server.get("/%s/version" % host).body == version, "%s: %s has the file of before" % (server.engine, host)
    loaded(SECONDS, reloads)
    print("%d reloads" % turn)
    supervisors = [memory(server.process.pid) for server in servers]

    # The current server process gets the same load again, without reloads.
    for server in servers:
        rest(server)
    loaded(SECONDS / 3, lambda until: time.sleep(0.5))
    early = [rest(server) for server in servers]
    memory_early = [{pid: memory(pid) for pid in seen} for seen in early]
    loaded(SECONDS / 3, lambda until: time.sleep(0.5))
    late = [rest(server) for server in servers]
    for server, one, other, was, supervisor in zip(servers, early, late, memory_early, supervisors):
        assert one == other, "%s: descriptors leaked: %s, then %s" % (server.engine, one, other)
        grown = {name_of(pid): memory(pid) - before for pid, before in was.items()}
        grown["supervisor"] = memory(server.process.pid) - supervisor
        print("%s: memory %s, grown by %s" % (server.engine, was, grown))
        assert sanitized or all(more < (MODULE_FLAT if "module-host" in pid else FLAT) for pid, more in grown.items()), \
            "%s: memory grows: %s" % (server.engine, grown)
        assert not zombies(server)
        everyone = processes(server)
        server.signal(signal.SIGTERM)
        server.wait(PATIENCE)
        assert server.process.returncode == 0, server.output[-2000:]
        client.wait_until(lambda: not any(is_there(pid) for pid in everyone), "%s: no process is left" % server.engine)
        bad = [line for line in server.output.splitlines() if FAULTS.search(line) and "during which its thread served nobody else" not in line]
        assert not bad, "%s says: %s" % (server.engine, bad[:20])
