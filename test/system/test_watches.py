# SPDX-License-Identifier: GPL-2.0-or-later
"""Watches of directories that end while a file is loaded, and changes that no watch reports."""
import json
import os
import subprocess
import time

import pytest

import client
import hang as calls
from hang import hang  # noqa: F401

ENGINES = pytest.mark.parametrize("engine", ["uring", "epoll"])


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.fixture
def root(place):
    root = os.path.join(place, "root")
    os.makedirs(os.path.join(root, "d"))
    os.makedirs(os.path.join(root, "e"))
    with open(os.path.join(place, "tux.conf"), "w", encoding="utf-8") as file:
        file.write('route "=/status" { status on }\n')
    return root


def learned(server):
    return json.loads(server.get("/status?format=json").body)["work"]["directories_learned"]


def unpacked(server, target):
    return server.get(target, "Accept-Encoding: gzip").body


@ENGINES
@pytest.mark.parametrize("end", ["times", "mode", "renamed"])
def test_a_watch_that_ends_during_a_load(tux, place, root, hang, engine, end):  # noqa: F811
    """A load has asked for a watch. Then the watch ends, because the directory itself changes. The load must not count on it."""
    folder = os.path.join(root, "d")
    for name in ("slow", "b", "c"):
        write(os.path.join(folder, name + ".txt"), b"plain")
    server = tux(root, "--config", os.path.join(place, "tux.conf"), "--engine", engine, "--threads", "1", env=hang.env)
    hang.on(calls.READ, os.path.join(folder, "slow.txt"))
    slow = server.connect()
    slow.send(client.request("/d/slow.txt"))
    client.wait_until(lambda: hang.hung >= 1, "the load waits for the disk")
    assert server.get("/d/b.txt").body == b"plain"
    if end == "times":
        os.utime(folder)
    elif end == "mode":
        os.chmod(folder, 0o755)
    else:
        os.rename(folder, folder + "2")
        os.rename(folder + "2", folder)
    assert server.get("/status").status == 200  # the event has been read
    hang.off()
    assert slow.response().body == b"plain"
    slow.close()
    for i in range(6):
        write(os.path.join(folder, "n%d.txt" % i), b"plain")
        assert unpacked(server, "/d/n%d.txt" % i) == b"plain"
    server.wait_until(lambda: learned(server) >= 1, "the directory is learned")
    write(os.path.join(folder, "new.txt"), b"plain")
    write(os.path.join(folder, "new.txt.gz"), b"coded")
    assert unpacked(server, "/d/new.txt") == b"coded"
    for text in (b"c1", b"c2"):
        write(os.path.join(folder, "c.txt"), text)
        assert server.get("/d/c.txt").body == text


@ENGINES
def test_a_sibling_with_another_name(tux, place, root, engine):
    """It is written by its other name, in a directory that is not watched."""
    write(os.path.join(root, "d/a.txt"), b"plain")
    write(os.path.join(root, "e/x"), b"coded1")
    os.link(os.path.join(root, "e/x"), os.path.join(root, "d/a.txt.gz"))
    time.sleep(1.1)  # a file that has just been written is not cached
    server = tux(root, "--config", os.path.join(place, "tux.conf"), "--engine", engine, "--threads", "1", "--recheck", "30")
    for _ in range(3):
        assert unpacked(server, "/d/a.txt") == b"coded1"
    write(os.path.join(root, "e/x"), b"coded2")
    assert unpacked(server, "/d/a.txt") == b"coded2"


@ENGINES
def test_a_mount_on_a_directory(tux, place, root, engine):
    """No event reports a mount. It shows after the recheck, and from then on each change beneath it."""
    folder = os.path.join(root, "d")
    for i in range(6):
        write(os.path.join(folder, "%d.txt" % i), b"plain")
    server = tux(root, "--config", os.path.join(place, "tux.conf"), "--engine", engine, "--threads", "1", "--recheck", "0.2")
    for i in range(6):
        assert unpacked(server, "/d/%d.txt" % i) == b"plain"
    server.wait_until(lambda: learned(server) == 1, "the directory is learned")
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        write(os.path.join(folder, "0.txt"), b"new")
        client.wait_until(lambda: server.get("/d/0.txt").body == b"new", "the mounted file is sent")
        write(os.path.join(folder, "0.txt.gz"), b"coded")
        client.wait_until(lambda: unpacked(server, "/d/0.txt") == b"coded", "its sibling is sent")
        for i in range(3):
            write(os.path.join(folder, "1.txt"), b"new%d" % i)
            client.wait_until(lambda: server.get("/d/1.txt").body == b"new%d" % i, "the next change is sent")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
