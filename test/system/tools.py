# SPDX-License-Identifier: GPL-2.0-or-later
"""What several files of this suite need."""
import os
import shutil
import socket

import pytest


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


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
    """The path of a program; without it the test is skipped."""
    path = shutil.which(program)
    if not path:
        pytest.skip(program + " is not installed")
    return path


def children(pid):
    """Of a process, all of them: pid -> name."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % entry, encoding="utf-8") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
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
