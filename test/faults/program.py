# SPDX-License-Identifier: GPL-2.0-or-later
"""The program with the library before it."""
import os
import signal
import subprocess
import tempfile

import client
from faults import Page
import tools
from tools import free_port


def is_sanitized(program):
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def children(pid):
    """Process -> name. The kernel's own list where it has one: this is called thousands of times."""
    found = {}
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                for child in file.read().split():
                    with open("/proc/%s/comm" % child, encoding="utf-8") as name:
                        found[int(child)] = name.read().strip()
    except OSError:
        return tools.children(pid)
    return found


def descendants(pid):
    found = {}
    for child, name in children(pid).items():
        found[child] = name
        found.update(descendants(child))
    return found


class Program:
    """The program with the library before it. It may be the supervisor of a process that serves."""

    def __init__(self, path, place, *arguments):
        library = os.path.join(os.path.dirname(path), "test", "faults", "faults.so")
        if not os.path.exists(library):
            raise AssertionError("%s is not built (-Dtests=true)" % library)
        self.page = Page(os.path.join(place, "faults"), path)
        self.port = free_port()
        self._output = os.path.join(place, "output")
        self.command = [path] + list(arguments)
        self.environment = dict(os.environ, TUX_FAULTS=self.page.path, LD_PRELOAD=library, MALLOC_PERTURB_="165",
                                ASAN_OPTIONS="verify_asan_link_order=0:allocator_may_return_null=1:fast_unwind_on_malloc=0:abort_on_error=0",
                                UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        self.process = None

    def start(self):
        with open(self._output, "ab") as file:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd="/", start_new_session=True,
                                            env=self.environment)

    @property
    def output(self):
        with open(self._output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, timeout=client.TIMEOUT):
        return client.Connection(("127.0.0.1", self.port), timeout=timeout)

    def answers(self):
        try:
            with self.connect() as conn:
                return conn.get("/plain.txt").body == b"plain\n"
        except (OSError, client.Closed):
            return False

    def serving(self):
        """The process that serves: the supervisor's child, unless there is no supervisor."""
        with open("/proc/%d/comm" % self.process.pid, encoding="ascii") as file:
            if file.read().strip() != "tux-supervisor":
                return self.process.pid
        found = [pid for pid in children(self.process.pid)]
        assert len(found) == 1, found
        return found[0]

    def end(self, seconds=30):
        """Its exit status after SIGTERM; SIGKILL if that takes too long, which is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end it:\n" + self.output) from None

    def kill(self):
        found = [self.process.pid] + list(descendants(self.process.pid)) if self.process.poll() is None else []
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def make_place():
    """A directory that a program without privileges can read, unlike pytest's own."""
    directory = tempfile.mkdtemp(prefix="tux-faults-")
    os.chmod(directory, 0o755)
    return directory
