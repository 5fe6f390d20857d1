# SPDX-License-Identifier: GPL-2.0-or-later
"""
TUX as a program among others: real clients, many connections, signals, the service manager, the
sandbox. Needs the program, Debian's curl, wget and chromium; what is missing is skipped.

    pytest test/system --tux PROGRAM [--tux-args "--engine epoll"]
"""
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "http")]

import client  # noqa: E402
from tools import children, free_port  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("server")
    group.addoption("--tux", help="the program")
    group.addoption("--tux-args", default="", help="options for it, besides what a test needs")


def pytest_configure(config):
    if not config.getoption("tux") and not config.getoption("collectonly") and not config.getoption("help"):
        raise pytest.UsageError("--tux is needed")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Tux:
    """The program, running."""

    def __init__(self, process, port, output):
        self.process = process
        self.port = port
        self.address = ("127.0.0.1", port)
        self.url = "http://127.0.0.1:%d" % port
        self._output = output

    @property
    def output(self):
        with open(self._output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, **options):
        return client.Connection(self.address, **options)

    def get(self, target, *fields, **options):
        with self.connect() as conn:
            return conn.get(target, *fields, **options)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30):
        return self.process.wait(timeout=seconds)

    @property
    def pid(self):
        """The process that serves: the one that was started supervises it."""
        serving = sorted(pid for pid, name in children(self.process.pid).items() if name == "tux")
        assert serving, "no process serves: " + self.output
        return serving[-1]

    def status(self, name):
        """A line of /proc/PID/status of the process that serves."""
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return line.split(":", 1)[1].strip()
        raise AssertionError("no %s in status" % name)

    def memory(self):
        """Bytes of anonymous memory: the code and the files that are mapped do not count."""
        return int(self.status("RssAnon").split()[0]) * 1024

    def end(self):
        """SIGTERM unless it has ended; exit 0 either way."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("SIGTERM did not end it:\n" + self.output) from None
        assert code == 0, "it ended with %d:\n%s" % (code, self.output)


@pytest.fixture
def place():
    """A directory that a program without privileges can read, unlike pytest's own."""
    directory = tempfile.mkdtemp(prefix="tux-system-")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def tux(request, place):
    """tux(root, *options): starts the program. listen=False: without --listen; wrapper: put in front of it."""
    running = []

    def start(root, *options, listen=True, log="off", wrapper=(), env=None, port=None, ready=True, **popen):
        port = port or free_port()
        command = list(wrapper) + [os.path.abspath(request.config.getoption("tux")), "serve", root, "--log", log]
        if listen:
            command += ["--listen", "127.0.0.1:%d" % port]
        command += shlex.split(request.config.getoption("tux_args")) + list(options)
        output = os.path.join(place, "output-%d" % len(running))
        with open(output, "wb") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                       cwd="/", env=dict(os.environ, **(env or {})), **popen)
        server = Tux(process, port, output)
        running.append(server)

        def accepts():
            assert process.poll() is None, "it ended: " + server.output
            try:
                with server.connect() as conn:
                    return conn.get("/", method="HEAD").status > 0
            except (OSError, client.Closed):
                return False
        if ready:
            client.wait_until(accepts, "it answers")
        return server

    yield start
    failed = []
    for server in running:
        try:
            server.end()
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, "\n".join(failed)


@pytest.fixture
def site():
    """The demo site that the repository ships."""
    directory = os.path.join(HERE, "..", "..", "site")
    if not os.path.isfile(os.path.join(directory, "index.html")):
        pytest.skip("there is no site/ with an index.html")
    return os.path.realpath(directory)
