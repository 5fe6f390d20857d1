# SPDX-License-Identifier: GPL-2.0-or-later
"""The user that the server runs as: by name and number, and if a change is impossible."""
import os
import subprocess

import pytest

from client import wait_until
from tools import need

if os.geteuid() != 0:
    pytest.skip("only root can become another user", allow_module_level=True)

NO_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def identity(server):
    """Returns the user, group and supplementary groups of a process."""
    user, group = server.status("Uid").split(), server.status("Gid").split()
    assert len(set(user)) == len(set(group)) == 1
    return int(user[0]), int(group[0]), sorted(int(one) for one in server.status("Groups").split())


def harmless(server):
    """Checks that no capability remains, and that it serves."""
    for name in ("CapPrm", "CapEff"):
        assert int(server.status(name), 16) == 0, name
    assert server.status("NoNewPrivs") == "1"
    assert server.get("/file").body == b"data"


@pytest.mark.parametrize("user, expected", [
    ("33", (33, 33, [33])), ("12345", (12345, 12345, [12345])), ("12345:54321", (12345, 54321, [54321])), ("www-data:adm", (33, 4, [4])),
    ("www-data:4", (33, 4, [4]))])
def test_user_and_group_as_numbers(tux, root, user, expected):
    """--user takes numbers, with and without an entry in passwd, and a group."""
    server = tux(root, "--user", user)
    assert identity(server) == expected
    harmless(server)


@pytest.mark.parametrize("user, words", [
    ("4294967295", "there is no user"), ("-1", "there is no user"), ("33:no-such-group", 'there is no group "no-such-group"'),
    (":33", "is not the name or the number of a user"), ("33:", "there is no group")])
def test_wrong_user_is_refused(request, root, user, words):
    """An unknown user or group is an error of the option."""
    done = subprocess.run([os.path.abspath(request.config.getoption("tux")), "serve", root, "--user=" + user, "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "option --user: " in done.stderr and words in done.stderr


@pytest.mark.parametrize("options", [[], ["--user", "root"], ["--user", "0"], ["--user", "0:0"]])
def test_root_without_capabilities(tux, root, options):
    """Like `docker run --cap-drop ALL`: the user cannot be changed, so the start does not fail."""
    need("setpriv")
    server = tux(root, *options, wrapper=NO_CAPABILITIES)
    assert identity(server)[:2] == (0, 0)
    if not options:
        wait_until(lambda: "user root (cannot become www-data: Operation not permitted)" in server.output, "the line about the user")
    harmless(server)


def test_root_without_capabilities_cannot_become_the_user_wanted(tux, root):
    """A requested user is never ignored silently."""
    need("setpriv")
    server = tux(root, "--user", "www-data", wrapper=NO_CAPABILITIES, ready=False)
    assert server.wait() == 1
    assert 'cannot become "www-data": Operation not permitted' in server.output
    server.end = lambda: None


@pytest.mark.parametrize("flags", [["--user", "--map-root-user"], ["--user"]])
@pytest.mark.parametrize("control", [False, True])
def test_user_namespace(tux, root, place, flags, control):
    """In a namespace with one user, or none: the server keeps its user. With a log and a control socket."""
    if subprocess.run([need("unshare")] + flags + ["true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespace is permitted here, as in a chroot")
    own = os.path.join(place, "own")
    os.mkdir(own)
    os.chmod(own, 0o777)
    options = ["--control", os.path.join(own, "run")] if control else []
    server = tux(root, *options, wrapper=["unshare"] + flags, log=os.path.join(own, "log") if control else "off")
    harmless(server)
    server.end()
    assert not control or os.path.getsize(os.path.join(own, "log")) > 0


@pytest.mark.parametrize("options", [[], ["--user", "www-data"], ["--user", "33"], ["--user", "33:33"]])
def test_already_the_user(tux, root, options):
    """Started as the requested user, as by a service manager."""
    need("setpriv")
    server = tux(root, *options, wrapper=["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups"])
    assert identity(server) == (33, 33, [])
    harmless(server)


def test_root_without_passwd_file(tux, root, place):
    """An image from scratch has no passwd: root becomes the number of nobody."""
    need("unshare")
    empty = os.path.join(place, "empty")
    with open(empty, "w", encoding="ascii"):
        pass
    script = "mount --bind %s /etc/passwd && mount --bind %s /etc/group && exec \"$@\"" % (empty, empty)
    server = tux(root, wrapper=["unshare", "--mount", "sh", "-c", script, "sh"])
    assert identity(server) == (65534, 65534, [65534])
    harmless(server)


def test_programs_as_a_number(tux, root, place):
    """The user of CGI programs can be a number without an entry, too."""
    program, path = os.path.join(place, "id"), os.path.join(place, "tux.conf")
    with open(program, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; id -u; id -g; id -G\n")
    os.chmod(program, 0o755)
    with open(path, "w", encoding="ascii") as file:
        file.write('cgi id { program "%s"; user "12345:54321"; }\nroute "/id" { cgi id; }\n' % program)
    server = tux(root, "--config", path)
    assert server.get("/id").body.split() == [b"12345", b"54321", b"54321"]
