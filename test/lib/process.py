# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that the suites start: TUX, and other servers. Their output goes to a file, so that they never wait for a reader."""
import os
import signal
import subprocess

import client
from tools import children, descendants, free_port, is_there, kill_all

# glibc fills new memory with other bytes than zeroes, as Meson asks for, too: a member that is used before it is set shows.
os.environ.setdefault("MALLOC_PERTURB_", "165")

STOP_SECONDS = 30
STARTED = []  # servers of the current test; suite.py reads their output

# Passes the socket whose number is the first argument to the following program, like a service manager.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "1"
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """A program and its process. It starts in /, so that it resolves no relative path. popen: options of subprocess.Popen."""

    def __init__(self, command, output, env=None, **popen):
        self.command = [str(part) for part in command]
        self.process = None
        self._output = output
        self._env = env or {}
        self._popen = popen

    def start(self):
        """Starts the process, again if it has ended. Returns itself."""
        with open(self._output, "ab") as file:
            options = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.STDOUT, "cwd": "/", **self._popen}
            self.process = subprocess.Popen(self.command, env=dict(os.environ, **self._env), **options)
        STARTED.append(self)
        return self

    @property
    def output(self):
        try:
            with open(self._output, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:  # its directory was removed
            return ""

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS):
        return self.process.wait(timeout=seconds)

    def wait_until(self, condition, what, seconds=client.TIMEOUT):
        """Waits for a condition. Fails immediately if the program ends before."""
        def holds():
            value = condition()
            assert value or self.process.poll() is None, "it ended: " + self.output
            return value
        return client.wait_until(holds, what, seconds)

    def stop(self, seconds=STOP_SECONDS):
        """Sends SIGTERM and returns the exit status. If that takes too long, kills all processes and fails."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end it:\n" + self.output) from None

    def kill(self):
        """Kills all processes, and waits until they have ended: a process that is killed may answer for a moment more."""
        pids = [self.process.pid, *descendants(self.process.pid)] if self.process.poll() is None else []
        kill_all(pids)
        self.process.wait()
        client.wait_until(lambda: not any(is_there(pid) for pid in pids), "all processes have ended")

    def end(self):
        """Stops the process unless it has ended; requires exit status 0."""
        code = self.stop()
        assert code == 0, "it ended with %d:\n%s" % (code, self.output)
        output = self.output
        assert "the cause is not known" not in output, "a response of its own without a cause:\n" + output
        assert "WARNING: ThreadSanitizer" not in output, output  # processes of modules, whose status nobody looks at, write it there, too


class Server(Process):
    """A program that serves at a port of 127.0.0.1."""

    def __init__(self, command, output, port=None, tls=None, **popen):
        self.port = port or free_port()
        self.address = ("127.0.0.1", self.port)
        self.tls = tls  # context of its connections
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)
        super().__init__(command, output, **popen)

    def connect(self, **options):
        return client.Connection(self.address, **{"tls": self.tls, **options})

    def get(self, target, *fields, name=None, **options):
        """One request on a connection of its own. name: of the server for TLS."""
        with self.connect(**({"name": name} if name else {})) as conn:
            return conn.get(target, *fields, **options)

    def accepts(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def answers(self):
        try:
            return self.get("/", method="HEAD").status > 0
        except (OSError, client.Closed):
            return False


class Tux(Server):
    """TUX: a supervisor and its server processes. end() requires exit status 0."""

    @property
    def pid(self):
        """The server process; the newest one if there are several."""
        serving = sorted(pid for pid, name in children(self.process.pid).items() if name == "tux")
        assert serving, "no process serves: " + self.output
        return serving[-1]

    def status(self, name):
        """Returns a line of /proc/PID/status of the server process."""
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return line.split(":", 1)[1].strip()
        raise AssertionError("no %s in status" % name)

    def memory(self):
        """Returns the bytes of anonymous memory, without code and mapped files."""
        return int(self.status("RssAnon").split()[0]) * 1024
