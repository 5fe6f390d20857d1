# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that starts CGI programs: its user and privileges, and its end with the server."""
import collections
import os
import signal
import struct

import pytest

import client
from tools import descendants, is_there


def status(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def served(place, tux, text):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('root "%s"\n%s' % (place, text))
    return tux(place, "--config", path)


def spawner_of(server):
    return next(pid for pid, name in descendants(server.process.pid).items() if name == "tux spawner")


def test_spawner_ends_with_the_server(place, tux):
    server = served(place, tux, 'cgi a { root "%s" }\n' % place)
    spawner = spawner_of(server)
    assert int(status(spawner)["CapEff"], 16) == 0
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    client.wait_until(lambda: not is_there(spawner), "the spawner has ended")  # the server waits only until its descriptors are closed


def test_spawner_ends_when_the_server_is_killed(place, tux):
    server = served(place, tux, 'cgi a { root "%s" }\n' % place)
    spawner = spawner_of(server)
    os.kill(int(status(spawner)["PPid"]), signal.SIGKILL)
    client.wait_until(lambda: not is_there(spawner), "the spawner has ended")


def test_spawner_that_is_killed_is_replaced(place, tux):
    """Another server process takes over with another one."""
    script = os.path.join(place, "hello")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n")
    os.chmod(script, 0o755)
    server = served(place, tux, 'cgi a { root "%s" }\nroute "/cgi/" { cgi a }\n' % place)
    assert server.get("/cgi/hello").body == b"hello"
    before = spawner_of(server)
    os.kill(before, signal.SIGKILL)
    client.wait_until(lambda: server.get("/cgi/hello").body == b"hello", "programs can be started again")
    assert "tux: a process that starts programs or modules has ended; another server process starts in 0.1 s\n" in server.output


def test_spawner_keeps_only_needed_capabilities(place, tux):
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as somebody else")
    server = served(place, tux, 'cgi a { root "%s"; user nobody }\ncgi b { root "/"; chroot "%s" }\n' % (place, place))
    seen = status(spawner_of(server))
    assert seen["Uid"].split()[0] != "0"
    assert int(seen["CapEff"], 16) == 1 << 5 | 1 << 6 | 1 << 7 | 1 << 18  # kill, setgid, setuid, sys_chroot
    assert int(seen["CapBnd"], 16) == 0


def test_no_spawner_without_programs(place, tux):
    server = served(place, tux, "")
    assert "tux spawner" not in descendants(server.process.pid).values()


def write_end(pid):
    """Opens the pipe of which the process has both ends, for writing."""
    folder = "/proc/%d/fd/" % pid

    def both():
        try:
            pipes = {fd: os.readlink(folder + fd) for fd in os.listdir(folder)}
        except FileNotFoundError:
            return None  # closed meanwhile
        counted = collections.Counter(name for name in pipes.values() if name.startswith("pipe:"))
        found = [fd for fd, name in pipes.items() if counted[name] == 2]
        return found if len(found) == 2 else None
    return open(folder + client.wait_until(both, "one pipe has both ends in the process")[0], "wb", buffering=0)


def test_keeper_that_lies_is_not_believed(place, tux):
    """Messages with the number of no keeper, or of one without a program: the spawner goes on, and each program has its place."""
    if os.geteuid() != 0:
        pytest.skip("only root can write into the spawner's pipe")
    script = os.path.join(place, "hello")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n")
    os.chmod(script, 0o755)
    server = served(place, tux, 'cgi a { root "%s"; programs 3 }\nroute "/run/" { cgi a }\n' % place)
    spawner = spawner_of(server)
    assert server.get("/run/hello").body == b"hello"
    with write_end(spawner) as news:
        for number in (0, 1, 2, 3, 1 << 20, 1 << 31, (1 << 32) - 1):
            for ended in (0, 1):
                news.write(struct.pack("=II", number, ended))
    for _ in range(2):
        assert server.get("/run/hello").body == b"hello"
    assert spawner_of(server) == spawner
