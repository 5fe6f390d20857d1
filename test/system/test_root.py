# SPDX-License-Identifier: GPL-2.0-or-later
"""Root follows no path that an unprivileged user can change: logs, sockets and document roots with hostile links."""
import os
import pwd
import signal
import socket
import stat
import subprocess

import pytest

import client
from tools import is_there, need

if os.geteuid() != 0:
    pytest.skip("only root has rights that a link could abuse", allow_module_level=True)

USER = pwd.getpwnam("www-data")


@pytest.fixture
def theirs(place):
    """A directory of the serving user, and so of an attacker who controls the server."""
    path = os.path.join(place, "theirs")
    os.mkdir(path, 0o755)
    os.chown(path, USER.pw_uid, USER.pw_gid)
    return path


class Target:
    """A file of root, which must never be written to or given away."""

    def __init__(self, path):
        self.path = path
        with open(path, "w", encoding="ascii") as file:
            file.write("root's\n")
        os.chmod(path, 0o600)

    def untouched(self):
        st = os.lstat(self.path)
        with open(self.path, encoding="ascii") as file:
            return (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode), file.read()) == (0, 0, 0o600, "root's\n")


@pytest.fixture
def target(place):
    return Target(os.path.join(place, "secret"))


def plant(path, to):
    """Replaces path with a symlink of the user's."""
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(to, path)
    os.chown(path, USER.pw_uid, USER.pw_gid, follow_symlinks=False)


def refused(server, words):
    """Checks that the start failed, with a message that contains words."""
    assert server.wait() == 1
    assert words in server.output, server.output
    server.end = lambda: None


# Logs.

@pytest.mark.parametrize("user", ["www-data", "root", "root:www-data"])
def test_log_link_at_start(tux, root, theirs, target, user):
    """A link in the log's directory to a file of root: the start fails, the file keeps its owner and content."""
    log = os.path.join(theirs, "log")
    plant(log, target.path)
    refused(tux(root, "--user", user, log=log, ready=False), "cannot open the log " + log)
    assert target.untouched()


def test_log_link_to_missing_file_at_start(tux, root, theirs, place):
    """A link to a name in a directory of root: no file is created there."""
    private = os.path.join(place, "private")
    os.mkdir(private, 0o755)
    log = os.path.join(theirs, "log")
    plant(log, os.path.join(private, "new"))
    refused(tux(root, log=log, ready=False), "cannot open the log " + log)
    assert os.listdir(private) == []


def test_log_directory_link_at_start(tux, root, theirs, place):
    """A link in place of the log's directory: no file is created at its target."""
    private = os.path.join(place, "private")
    os.mkdir(private, 0o755)
    plant(os.path.join(theirs, "logs"), private)
    refused(tux(root, log=os.path.join(theirs, "logs", "log"), ready=False), "cannot open the log")
    assert os.listdir(private) == []


def test_log_link_in_sticky_directory(tux, root, place, target):
    """Like /tmp: a link of another user in it is not followed, but a file of root in it is used."""
    shared = os.path.join(place, "shared")
    os.mkdir(shared)
    os.chmod(shared, 0o1777)
    plant(os.path.join(shared, "log"), target.path)
    refused(tux(root, log=os.path.join(shared, "log"), ready=False), "cannot open the log")
    assert target.untouched()
    with open(os.path.join(shared, "mine"), "w", encoding="ascii"):
        pass
    os.chmod(os.path.join(shared, "mine"), 0o600)
    server = tux(root, log=os.path.join(shared, "mine"))
    server.get("/file")
    server.end()
    assert os.stat(os.path.join(shared, "mine")).st_size > 0


@pytest.mark.parametrize("user", ["www-data", "root"])
def test_log_is_second_name_of_root_file(tux, root, theirs, target, user):
    """A hard link to a file of root, which a kernel without protected_hardlinks lets anyone create: it is not opened."""
    os.link(target.path, os.path.join(theirs, "log"))
    refused(tux(root, "--user", user, log=os.path.join(theirs, "log"), ready=False), "cannot open the log")
    assert target.untouched()


def test_log_link_at_reload(tux, root, theirs, target, place):
    """SIGHUP with --config: a new process opens the log as root. It does not follow a new link."""
    log, path = os.path.join(theirs, "log"), os.path.join(place, "tux.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write("")
    server = tux(root, "--config", path, log=log)
    plant(log, target.path)
    before = server.output.count("cannot open the log")
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: server.output.count("cannot open the log") > before, "the reload is refused")
    assert server.get("/file").body == b"data"
    assert target.untouched()


@pytest.mark.parametrize("when", ["hup", "rotation"])
def test_log_link_when_reopened_as_root(tux, root, theirs, target, when):
    """When root serves, the log is reopened at SIGHUP and after a rotation, by the same rules."""
    log = os.path.join(theirs, "log")
    os.chmod(theirs, 0o777)
    server = tux(root, "--user", "root", "--no-sandbox", "--log-rotate", "4K", log=log)
    plant(log, target.path)
    if when == "hup":
        server.signal(signal.SIGHUP)
    refusal = "cannot open the log"
    client.wait_until(lambda: server.get("/file?" + "x" * 500).status == 200 and refusal in server.output, "it says so", 30)
    assert target.untouched()


def test_log_through_link_of_root(tux, root, place):
    """A link that only root can have created is followed: an operator moved the logs. The file is the user's."""
    os.mkdir(os.path.join(place, "disk"))
    os.symlink("disk", os.path.join(place, "logs"))
    os.symlink(os.path.join(place, "disk", "real"), os.path.join(place, "disk", "log"))
    server = tux(root, log=os.path.join(place, "logs", "log"))
    server.get("/file")
    server.end()
    st = os.stat(os.path.join(place, "disk", "real"))
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (USER.pw_uid, USER.pw_gid, 0o640) and st.st_size > 0


def test_log_in_home_of_another_user(tux, root, place):
    """`sudo tux serve --log access.log` in a user's own directory: the new file is the server's."""
    home = os.path.join(place, "home")
    os.mkdir(home, 0o755)
    os.chown(home, 12345, 12345)
    for _ in range(2):
        server = tux(root, log=os.path.join(home, "log"))
        server.get("/file")
        server.end()
    st = os.stat(os.path.join(home, "log"))
    assert st.st_uid == USER.pw_uid and st.st_size > 0


def test_log_to_dev_stdout(tux, root, place):
    """/dev/stdout is a kernel link to an open descriptor."""
    out = os.path.join(place, "out")
    server = tux(root, log="/dev/stdout", wrapper=["sh", "-c", "exec \"$@\" >>" + out, "sh"])
    server.get("/file?by-descriptor")
    server.end()
    with open(out, encoding="ascii") as file:
        assert "/file?by-descriptor" in file.read()


# Sockets. An attacker who always wins the race: directly after its bind, a socket in their directory becomes a link.

SHIM = r"""
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	static int (*real)(int, const struct sockaddr *, socklen_t);
	const struct sockaddr_un *un = (const struct sockaddr_un *)address;
	const char *directory = getenv("HOSTILE_DIRECTORY"), *base;
	char path[300], moved[300];
	int rc;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "bind");
	rc = real(fd, address, len);
	if (rc != 0 || !directory || un->sun_family != AF_UNIX || !(base = strrchr(un->sun_path, '/')))
		return rc;
	snprintf(path, sizeof(path), "%s%s", directory, base);
	snprintf(moved, sizeof(moved), "%s.moved", path);
	if (rename(path, moved) == 0 && symlink(getenv("HOSTILE_TARGET"), path) != 0)
		abort();
	return rc;
}
"""


@pytest.fixture
def race(place, theirs, target):
    """The environment that replaces every socket bound in the hostile directory with a link."""
    compiler = need("cc")
    source, library = os.path.join(place, "shim.c"), os.path.join(place, "shim.so")
    with open(source, "w", encoding="ascii") as file:
        file.write(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": library, "HOSTILE_DIRECTORY": theirs, "HOSTILE_TARGET": target.path,
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}


def test_unix_listener_swapped_after_bind(tux, root, theirs, target, race):
    """The mode of a listener is set without its path: the link's target keeps its mode."""
    tux(root, "--listen", "unix:" + os.path.join(theirs, "s"), env=race)
    assert os.path.islink(os.path.join(theirs, "s"))
    assert stat.S_IMODE(os.stat(os.path.join(theirs, "s.moved")).st_mode) == 0o666
    assert target.untouched()


def test_control_socket_swapped_after_bind(tux, root, theirs, target, race):
    """The owner of the control socket is set without its path: the link's target keeps its owner."""
    server = tux(root, "--control", theirs, env=race)
    path = os.path.join(theirs, str(server.pid))
    assert os.path.islink(path)
    st = os.stat(path + ".moved")
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (USER.pw_uid, USER.pw_gid, 0o600)
    assert target.untouched()


def test_control_socket_in_directory_of_root(tux, root, place):
    """A directory that the user cannot write to: root creates the socket there, for the user."""
    directory = os.path.join(place, "control")
    os.mkdir(directory, 0o755)
    server = tux(root, "--control", directory)
    st = os.stat(os.path.join(directory, str(server.pid)))
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (USER.pw_uid, USER.pw_gid, 0o600)


def test_control_directory_is_made_for_the_user(tux, root, place, theirs):
    """A missing directory is created for the user, in a directory of root or of the user."""
    for parent in (place, theirs):
        server = tux(root, "--control", os.path.join(parent, "made"))
        st = os.stat(os.path.join(parent, "made"))
        assert (st.st_uid, st.st_gid) == (USER.pw_uid, USER.pw_gid)
        assert os.listdir(os.path.join(parent, "made")) == [str(server.pid)]
        server.end()
        assert os.listdir(os.path.join(parent, "made")) == []


@pytest.mark.parametrize("option", ["--listen", "--control"])
def test_socket_through_link_of_user(tux, root, place, theirs, option):
    """A link in place of the socket's directory is not followed: nothing is created at its target."""
    private = os.path.join(place, "private")
    os.mkdir(private, 0o755)
    plant(os.path.join(theirs, "run"), private)
    value = os.path.join(theirs, "run")
    refused(tux(root, option, "unix:" + value + "/s" if option == "--listen" else value, ready=False), "link on the way")
    assert os.listdir(private) == []


def test_unix_listener_in_directory_of_user(tux, root, theirs, request):
    """Works, is printed by its path, replaces a stale socket, and is never replaced while its server runs."""
    path = os.path.join(theirs, "s")
    server = tux(root, "--listen", "unix:" + path)
    server.wait_until(lambda: "unix:" + path + "\n" in server.output, "it prints the path")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(client.request("/file", "Connection: close"))
        sock.settimeout(30)
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    other = tux(root, "--listen", "unix:" + path, ready=False)
    refused(other, "another server is listening there")
    serving = server.pid
    server.signal(signal.SIGKILL)
    server.wait()
    client.wait_until(lambda: not is_there(serving), "the process that serves ends with its supervisor")
    server.end = lambda: None
    tux(root, "--listen", "unix:" + path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)


def test_status_command_asks_no_linked_socket(request, place, theirs):
    """tux status as root: a link in the control directory does not lead it to another socket."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.path.join(place, "other"))
        other.listen()
        plant(os.path.join(theirs, "1234"), os.path.join(place, "other"))
        done = subprocess.run([os.path.abspath(request.config.getoption("tux")), "status", "--control", theirs], check=False,
                              capture_output=True, text=True, timeout=60)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):  # a connection would wait here
            other.accept()
    assert "process 1234 does not answer" in done.stderr


# Document roots.

def test_document_root_through_link_of_user(tux, place, theirs):
    """A link to a directory that the user cannot reach is not followed; a link to a reachable one is."""
    private, public = os.path.join(place, "private"), os.path.join(place, "public")
    for directory in (private, public):
        os.makedirs(os.path.join(directory, "inner"))
        with open(os.path.join(directory, "inner", "file"), "wb") as file:
            file.write(b"data")
    os.chmod(private, 0o700)
    plant(os.path.join(theirs, "current"), os.path.join(private, "inner"))
    refused(tux(os.path.join(theirs, "current"), ready=False), "cannot serve")
    plant(os.path.join(theirs, "current"), os.path.join(public, "inner"))
    assert tux(os.path.join(theirs, "current")).get("/file").body == b"data"
    # When root serves, its directories may be served, too.
    assert tux(os.path.join(private, "inner")).get("/file").body == b"data"
