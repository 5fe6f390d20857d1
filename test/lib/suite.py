# SPDX-License-Identifier: GPL-2.0-or-later
"""A pytest plugin for every suite: options that name the program, and skips with a reason for tests that this machine cannot run.
"""
import ctypes
import errno
import os
import resource
import subprocess
import sys

import pytest

import process

SKIPPED = 77  # exit status that Meson interprets as "skipped"
IO_URING_SETUP = 425
PROBE = """
import ctypes, os, pwd, resource, sys
hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
for limit in (resource.RLIM_INFINITY, hard):  # like TUX
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        break
    except (OSError, ValueError):
        pass
if os.geteuid() == 0:
    user = pwd.getpwnam("www-data")
    try:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError:  # without capabilities TUX stays root
        pass
params = ctypes.create_string_buffer(120)
fd = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(425), ctypes.c_long(%d), params)
sys.exit(ctypes.get_errno() if fd < 0 else 0)
"""
ENTRIES = 4096  # size of a ring, larger than a server's


def pytest_addoption(parser):
    group = parser.getgroup("server")
    group.addoption("--tux", help="the program")
    group.addoption("--tux-args", default="", help="options for it, besides those that a test needs")


def pytest_configure(config):
    if config.getoption("collectonly") or config.getoption("help"):
        return
    if not any(config.getoption(name, None) for name in ("tux", "url", "nginx")):
        raise pytest.UsageError("--tux is needed")
    if "uring" in config.getoption("tux_args") and not uring_permitted():
        pytest.exit("io_uring is forbidden here, or older than Linux 6.1", SKIPPED)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def uring_permitted():
    """True if TUX may use io_uring. Without arguments io_uring_setup() fails with EFAULT if the call is permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(IO_URING_SETUP), ctypes.c_long(1), ctypes.c_long(0))
    version = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    return version >= (6, 1) and ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS)


def locked_memory_is_short():
    """True if the user that TUX becomes cannot create a ring now: its other processes may use all of RLIMIT_MEMLOCK."""
    return subprocess.run([sys.executable, "-c", PROBE % ENTRIES], cwd="/", check=False).returncode == errno.ENOMEM


def missed_memory():
    """True if a server of the test lacked locked memory."""
    return any("too little locked memory" in server.output for server in process.STARTED)


class Failures:
    """Prints each failure immediately, because a suite that Meson ends for its timeout has no summary."""

    def __init__(self, terminal):
        self.terminal = terminal

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.terminal.write_line("\nFAILED " + report.nodeid)


def pytest_sessionstart(session):
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        session.config.pluginmanager.register(Failures(terminal))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    process.STARTED[:] = [server for server in process.STARTED if server.process.poll() is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Skips a test that fails because locked memory is exhausted, which is not an error of TUX."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and ("too little locked memory" in str(report.longrepr) or missed_memory() or locked_memory_is_short()):
        report.outcome = "skipped"
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        reason = "locked memory has run out (ulimit -l is %s KiB for all processes of the user)" % (
            "unlimited" if limit == resource.RLIM_INFINITY else limit // 1024)
        report.longrepr = (str(item.path), 0, "Skipped: " + reason)
