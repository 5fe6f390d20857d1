# SPDX-License-Identifier: GPL-2.0-or-later
"""Real files and real clients."""
import os
import stat
import subprocess
import threading
import urllib.parse

import pytest

import client
from tools import need

TREES = ["/usr/share/doc", "/usr/share/icons"]
CONNECTIONS = 64
ENOUGH = 10000


def served_files(tree):
    """Returns regular files readable by all, in directories searchable by all, without links and dot files."""
    for directory, subdirectories, names in os.walk(tree):
        subdirectories[:] = [name for name in subdirectories if not name.startswith(".") and
                             os.stat(os.path.join(directory, name)).st_mode & stat.S_IXOTH]
        for name in names:
            info = os.lstat(os.path.join(directory, name))
            if not name.startswith(".") and stat.S_ISREG(info.st_mode) and info.st_mode & stat.S_IROTH:
                yield os.path.join(directory, name)


def fetch(server, tree, files, wrong):
    """Fetches its share on one keep-alive connection and compares."""
    try:
        with server.connect(timeout=60) as conn:
            for path in files:
                response = conn.get(urllib.parse.quote(os.path.relpath(path, tree).join(("/", ""))))
                with open(path, "rb") as file:
                    if response.status != 200 or response.body != file.read():
                        wrong.append("%d %s" % (response.status, path))
    except Exception as error:  # a thread's own exception would be lost
        wrong.append("%s: %r" % (files[0], error))


def test_every_file_is_identical(tux):
    """Every world-readable file of /usr/share/doc and /usr/share/icons, over 64 connections, byte by byte."""
    compared = 0
    for tree in TREES:
        files = list(served_files(tree))
        server = tux(tree)
        wrong = []
        threads = [threading.Thread(target=fetch, args=(server, tree, files[i::CONNECTIONS], wrong))
                   for i in range(min(CONNECTIONS, len(files)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, "%d of %d differ: %s" % (len(wrong), len(files), wrong[:10])
        compared += len(files)
    print("%d files compared" % compared)
    if compared < ENOUGH:
        pytest.skip("only %d files here, all identical; %d are wanted" % (compared, ENOUGH))


def test_curl_resumes(tux, place):
    """curl resumes the download of a 5 GiB sparse file."""
    curl = need("curl")
    root, size, have = os.path.join(place, "root"), 5 << 30, (5 << 30) - (1 << 20)
    os.mkdir(root)
    with open(os.path.join(root, "large"), "wb") as file:
        file.truncate(size)
        file.seek(size - 1000)
        file.write(b"the end".ljust(1000, b"!"))
    server = tux(root)
    part = os.path.join(place, "part")
    with open(part, "wb") as file:
        file.truncate(have)
    subprocess.run([curl, "-sS", "-f", "-C", "-", "-o", part, server.url + "/large"], check=True, timeout=120)
    assert os.stat(part).st_size == size
    with open(part, "rb") as file:
        file.seek(size - 1000)
        assert file.read() == b"the end".ljust(1000, b"!")


def test_wget_mirrors(tux, site, place):
    """wget -r fetches the demo site: all linked files, identical."""
    wget = need("wget")
    server = tux(site)
    mirror = os.path.join(place, "mirror")
    subprocess.run([wget, "-q", "-r", "-l", "inf", "--no-parent", "-nH", "-e", "robots=off", "-P", mirror,
                    server.url + "/"], check=True, timeout=300)
    found = 0
    for directory, _, names in os.walk(mirror):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as got, open(os.path.join(site, os.path.relpath(path, mirror)), "rb") as wanted:
                assert got.read() == wanted.read(), path
            found += 1
    assert found >= 5


def test_wget_mirrors_listings(tux, place):
    """wget -r fetches a tree through its listings, with any names."""
    wget = need("wget")
    root, mirror = os.path.join(place, "root"), os.path.join(place, "mirror")
    names = ["plain", "with space", "100%", "am&p", "quo\"te", "<b>", "gr\u00fc\u00dfe", "a/b/c/deep", "ha#sh", "x;y"]
    for name in names:
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(name)
    server = tux(root, "--browse")
    subprocess.run([wget, "-q", "-r", "-l", "inf", "-nH", "-e", "robots=off", "--restrict-file-names=nocontrol",
                    "--reject-regex", "sort=", "-P", mirror, server.url + "/"], check=True, timeout=120,
                   env=dict(os.environ, LC_ALL="C.UTF-8"))
    found = {}
    for directory, _, files in os.walk(mirror):
        for name in files:
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8") as file:  # wget keeps some names escaped
                found[urllib.parse.unquote(os.path.relpath(path, mirror))] = file.read()
    for name in names:
        assert found.get(name) == name


def test_curl_unix_socket(tux, place):
    """curl over a Unix socket."""
    curl = need("curl")
    with open(os.path.join(place, "file"), "wb") as file:
        file.write(b"data")
    os.chmod(os.path.join(place, "file"), 0o644)
    path = os.path.join(place, "sock")
    tux(place, "--listen", "unix:" + path)
    client.wait_until(lambda: os.path.exists(path), "the socket is there")
    got = subprocess.run([curl, "-sS", "-f", "--unix-socket", path, "http://localhost/file"], check=True, timeout=30,
                         capture_output=True).stdout
    assert got == b"data"
