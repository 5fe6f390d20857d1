# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports, directories and processes for the tests of several suites."""
import collections
import contextlib
import os
import pwd
import shutil
import signal
import socket
import tempfile

import pytest


HELD = collections.deque(maxlen=256)  # sockets of the ports found last


def free_port(address="127.0.0.1"):
    """
    Returns a port at which nothing listens. In a run of several workers this process keeps it: no other one gets it for port 0 or for an outgoing
    connection. A server with SO_REUSEADDR can listen on it all the same, because a socket that does not listen is no obstacle to it.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, 0))
        port = sock.getsockname()[1]
        if "PYTEST_XDIST_WORKER" in os.environ:
            HELD.append(sock.dup())
        return port


def listens(port, state="0A"):
    """True if a TCP socket of this network namespace listens on the port, or has another state. Unlike connect() it leaves no trace."""
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except FileNotFoundError:
            continue
        if any(row[3] == state and int(row[1].rsplit(":", 1)[1], 16) == port for row in rows):
            return True
    return False


def need(program):
    """Returns the path of a program; skips the test without it."""
    path = shutil.which(program)
    if not path:
        pytest.skip(program + " is not installed")
    return path


def children(pid):
    """Returns the children of a process, pid -> name. Zombies count until they are reaped."""
    found = {}
    try:  # the kernel's list, if it has one
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                for child in file.read().split():
                    with open("/proc/%s/comm" % child, encoding="utf-8") as name:
                        found[int(child)] = name.read().rstrip("\n")
        return found
    except OSError:
        found.clear()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == pid:
            found[int(entry)] = name
    return found


def descendants(pid):
    found = {}
    for child, name in children(pid).items():
        found[child] = name
        found.update(descendants(child))
    return found


MAX_IDLE_KEEPERS = 16  # MAX_IDLE of program/cgi/keepers.c
OPEN_IN_KEEPER = 5     # descriptors of a keeper without those for a program: three standard streams, its orders, its news


def idle_keepers(pid):
    """Returns the pids of descendants that wait for the next CGI program."""
    return [child for child, name in descendants(pid).items() if name == "tux idle keeper"]


def field(pid, name):
    """Returns a line of /proc/PID/status."""
    with open("/proc/%d/status" % pid, encoding="utf-8") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    raise AssertionError("no %s in status" % name)


def kill_all(pids):
    """Kills the processes in this order. The end of one may have ended another already."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_there(pid):
    """
    True if the process has not ended; a zombie has ended. "State" is that of the first thread: it may be a zombie while others, which
    share its descriptors, have not ended.
    """
    try:
        return not field(pid, "State").startswith("Z") or int(field(pid, "Threads")) > 1
    except OSError:
        return False


def make_place(*folders):
    """Makes a directory with subdirectories, readable for a program without privileges, unlike pytest's directories."""
    place = tempfile.mkdtemp(prefix="tux-test-")
    for folder in ("", *folders):
        os.makedirs(os.path.join(place, folder), exist_ok=True)
        os.chmod(os.path.join(place, folder), 0o755)
    return place


def give_to_server(path):
    """Gives a file or a directory to the user that TUX becomes when root starts it."""
    if os.geteuid() == 0:
        os.chown(path, pwd.getpwnam("www-data").pw_uid, -1)


def is_sanitized(program):
    with open(program, "rb") as file:
        content = file.read()
    return b"__asan_init" in content or b"__tsan_init" in content
