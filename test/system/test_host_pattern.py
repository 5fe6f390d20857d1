# SPDX-License-Identifier: GPL-2.0-or-later
"""root "/srv/hosts/%h": each directory is a host. Names come from the directory, so a request cannot choose any other path."""
import os
import shutil
import subprocess

import pytest

import client
from test_config import program, written  # noqa: F401 (a fixture)
from test_replaced_root import publish


def get(server, host, path="/file", target=None):
    with server.connect() as conn:
        conn.send(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % ((target or path).encode(), host.encode()))
        found = conn.response("GET")
        return found.status, found.body.decode(errors="replace")


@pytest.fixture
def hosts(place):
    """A directory with three hosts, a default host besides it, and names that are no hosts."""
    directory = os.path.join(place, "hosts")
    os.mkdir(directory, 0o755)
    for name in ("a.example", "b.example", "xn--bcher-kva.example", "Upper.example", ".hidden", "two words", "a..b", "-", "trailing."):
        publish(os.path.join(directory, name), name)
    publish(os.path.join(place, "default"), "default")
    with open(os.path.join(directory, "file.example"), "w", encoding="ascii") as file:
        file.write("no directory")
    return directory


CONFIG = """
log off
host "default.example" { root "%(place)s/default"; default on }
host "*.example" { root "%(place)s/hosts/%%h" }
"""


def start(tux, place, config=CONFIG):
    return tux(place, "--config", written(place, config % {"place": place}))


def test_directory_is_host(tux, place, hosts):
    server = start(tux, place)
    for name in ("a.example", "A.Example", "a.example:8080", "a.example.", "a.EXAMPLE.:1"):
        assert get(server, name) == (200, "a.example")
    assert get(server, "xn--bcher-kva.example") == (200, "xn--bcher-kva.example")
    assert get(server, "b.example", target="http://a.example/file") == (200, "a.example")


@pytest.mark.parametrize("name", [
    "c.example", "x.a.example", "example", "upper.example", "file.example", ".hidden", "a..b", "..", ".", "...", "a.example..", "[::1]",
    "127.0.0.1", "trailing", "-", "%61.example", "a%2eexample", "a.example%2f..", "hosts", "default.example", "x" * 300 + ".example"])
def test_other_name_is_default_host(tux, place, hosts, name):
    """A name of no directory, or of one that is no host: the default host responds, unless RFC 9112 makes the request invalid."""
    found = get(start(tux, place), name)
    assert found == (200, "default") or found[0] == 400


def test_paths_stay_in_their_host(tux, place, hosts):
    """Neither a path nor a link leads from one host to another."""
    os.symlink("../b.example/file", os.path.join(hosts, "a.example", "relative"))
    os.symlink(os.path.join(hosts, "b.example", "file"), os.path.join(hosts, "a.example", "absolute"))
    os.symlink(os.path.join(hosts, "b.example"), os.path.join(hosts, "a.example", "directory"))
    os.symlink("file", os.path.join(hosts, "a.example", "own"))
    server = start(tux, place)
    for path in ("/relative", "/absolute", "/directory/file"):
        assert get(server, "a.example", path)[0] == 403
    for path in ("/../b.example/file", "/%2e%2e/b.example/file", "/x/../../b.example/file"):
        assert get(server, "a.example", path)[0] in (400, 404)
    assert get(server, "a.example", "/own") == (200, "a.example")


def test_links_of_roots_stay_beneath(tux, place, hosts):
    """A root may be a link to another host's directory, made by the owner of all; but a host's owner cannot leave their directory."""
    publish(os.path.join(place, "secret"), "secret")
    publish(os.path.join(place, "secret", "htdocs"), "secret")
    for name in ("a.example", "b.example"):
        publish(os.path.join(hosts, name, "htdocs"), name)
    os.symlink("a.example", os.path.join(hosts, "alias.example"))
    os.symlink(os.path.join(place, "secret"), os.path.join(hosts, "out.example"))
    for name, target in (("c.example", "../b.example/htdocs"), ("d.example", os.path.join(place, "secret")), ("e.example", "inside"), ("f.example", "..")):
        os.mkdir(os.path.join(hosts, name), 0o755)
        os.symlink(target, os.path.join(hosts, name, "htdocs"))
    publish(os.path.join(hosts, "e.example", "inside"), "inside")
    server = start(tux, place, CONFIG.replace("%%h", "%%h/htdocs"))
    assert get(server, "alias.example") == get(server, "a.example") == (200, "a.example")
    assert get(server, "e.example") == (200, "inside")
    for name in ("c.example", "d.example", "f.example", "out.example"):
        assert get(server, name)[0] == 404
        assert "cannot serve %s/%s/htdocs" % (hosts, name) in server.output


def test_directories_come_and_go(tux, place, hosts):
    """A new directory is a new host, a replaced one is served, and a removed one is the default host again."""
    server = start(tux, place)
    assert get(server, "new.example") == (200, "default")
    publish(os.path.join(place, "prepared"), "new")
    os.rename(os.path.join(place, "prepared"), os.path.join(hosts, "new.example"))
    client.wait_until(lambda: get(server, "new.example") == (200, "new"), "the new host is served")
    os.rename(os.path.join(hosts, "new.example"), os.path.join(place, "old"))
    publish(os.path.join(place, "prepared"), "newer")
    os.rename(os.path.join(place, "prepared"), os.path.join(hosts, "new.example"))
    client.wait_until(lambda: get(server, "new.example") == (200, "newer"), "the replaced host is served")
    shutil.rmtree(os.path.join(hosts, "new.example"))
    client.wait_until(lambda: get(server, "new.example") == (200, "default"), "the removed host is the default host")
    assert get(server, "a.example") == (200, "a.example")


def test_other_entries_start_no_new_process(tux, place, hosts):
    """Names that are no hosts may come and go: the process that serves stays. A new host is noticed after them."""
    server = start(tux, place)
    for number in range(50):
        with open(os.path.join(hosts, ".temporary%d" % number), "w", encoding="ascii"):
            pass
        os.unlink(os.path.join(hosts, ".temporary%d" % number))
    publish(os.path.join(hosts, "new.example"), "new")
    client.wait_until(lambda: get(server, "new.example") == (200, "new"), "the new host is served")
    assert server.output.count("hosts were added or removed") == 1


def test_pattern_is_default_host(tux, place, hosts):
    """Without another default an unknown name is 404, and the directory with the hosts is not served itself."""
    server = start(tux, place, 'log off\nhost "hosts.example" { root "%(place)s/hosts/%%h" }\n')
    assert get(server, "a.example") == (200, "a.example")
    for name in ("c.example", "hosts.example", "x"):
        assert get(server, name)[0] == 404
        assert get(server, name, "/a.example/file")[0] == 404


def test_labels(tux, place):
    """%2.%1 is the end of a name: all names beneath it have the same root."""
    publish(os.path.join(place, "default"), "default")
    for name in ("example.org", "example.net", "a.example.org", "org"):
        os.makedirs(os.path.join(place, "sites", "site-%s.d" % name), 0o755)
        publish(os.path.join(place, "sites", "site-%s.d" % name, "htdocs"), name)
    server = start(tux, place, 'log off\nhost "default.example" { root "%(place)s/default"; default on }\n'
                   'host "*.org" { root "%(place)s/sites/site-%%2.%%1.d/htdocs" }\n')
    for name in ("example.org", "www.example.org", "a.example.org", "x.y.Example.org."):
        assert get(server, name) == (200, "example.org")
    for name in ("example.net", "org", "other.org"):
        assert get(server, name) == (200, "default")


def test_host_of_the_file_wins(tux, place, hosts):
    """A host with a block of its own keeps its root, and an option of the pattern holds for all its hosts."""
    publish(os.path.join(place, "own"), "own")
    server = start(tux, place, CONFIG.replace("%%h\"", "%%h\"; header { set \"X-Pattern: yes\" }")
                   + 'host "b.example" { root "%(place)s/own" }\n')
    assert get(server, "b.example") == (200, "own")
    with server.connect() as conn:
        conn.send(b"GET /file HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert conn.response("GET").field("X-Pattern") == "yes"


def test_percent_sign(tux, place):
    publish(os.path.join(place, "100%"), "percent")
    server = start(tux, place, 'log off\nhost "a.example" { root "%(place)s/100%%%%" }\n')
    assert get(server, "a.example") == (200, "percent")


@pytest.mark.parametrize("root", ["/srv/%", "/srv/%x", "/srv/%0", "/srv/%2", "/srv/%1.%2", "/srv/%h/%h", "/srv/%h-%1", "/srv/%3.%1", "/srv/%2.%1.%h"])
def test_invalid_variables(program, place, root):  # noqa: F811
    path = written(place, 'host "a.example" { root "%s" }\n' % root)
    done = subprocess.run([program, "check", path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0 and "%s:1: root: \"%s\"" % (path, root) in done.stderr


def test_check_looks_for_the_directory(program, place, hosts):  # noqa: F811
    config = CONFIG % {"place": place}
    done = subprocess.run([program, "check", written(place, config)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([program, "check", written(place, config.replace("/hosts/", "/missing/"))], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode != 0 and "/missing" in done.stderr
