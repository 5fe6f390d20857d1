# SPDX-License-Identifier: GPL-2.0-or-later
"""
Never stale: whatever happens to a file or the way to it, the next request tells the truth. On every file system that the kernel
engine serves itself, and on those that it leaves to the user engine.
"""
import contextlib
import os
import pathlib
import subprocess
import time

import pytest

from conftest import Tux, ask


def sh(command):
    subprocess.run(command, shell=True, check=True, capture_output=True)


def mount_ext4(at, work):
    sh(f"truncate -s 64M {work}/image && mkfs.ext4 -q {work}/image && mount -o loop {work}/image {at}")


def mount_ext4_with_seconds(at, work):
    """Inodes of 128 bytes have no room for nanoseconds."""
    sh(f"truncate -s 64M {work}/image && mkfs.ext4 -q -I 128 {work}/image && mount -o loop {work}/image {at}")


def mount_tmpfs(at, work):
    sh(f"mount -t tmpfs -o mode=755 tmpfs {at}")


def mount_overlay(at, work):
    sh(f"mount -t tmpfs -o mode=755 tmpfs {work} && mkdir {work}/lower {work}/upper {work}/work && "
       f"mount -t overlay -o lowerdir={work}/lower,upperdir={work}/upper,workdir={work}/work overlay {at}")


@contextlib.contextmanager
def serving(mount, tmp_path_factory, engine="kernel"):
    """A server of a file system of its own, and its root."""
    at, work = tmp_path_factory.mktemp("at"), tmp_path_factory.mktemp("work")
    for above in at.parents:
        if above != pathlib.Path("/"):
            above.chmod(0o755)
    mount(at, work)
    at.chmod(0o755)
    server = Tux(at, engine=engine)
    yield at, server
    server.stop()
    for folder in (at, work):
        for _ in range(40):  # what io_uring still holds is let go by a worker of the kernel's
            if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
    assert not os.path.ismount(at)


@pytest.fixture(params=[mount_ext4, mount_tmpfs, mount_overlay], ids=["ext4", "tmpfs", "overlay"], scope="module")
def site(request, tmp_path_factory):
    with serving(request.param, tmp_path_factory) as made:
        yield made


@pytest.fixture(params=["kernel", "user"], scope="module")
def seconds(request, tmp_path_factory):
    """The root and a connection to a server of a file system that counts in seconds."""
    with serving(mount_ext4_with_seconds, tmp_path_factory, request.param) as (root, server), server.connect() as sock:
        yield root, sock


@pytest.fixture
def here(site):
    """The root, one connection, and a way to ask until the kernel engine has what it can have."""
    root, server = site
    with server.connect() as sock:
        yield root, sock


def warm(sock, target, expected):
    """Asks until a moment after the last change, so that the file is cached where it can be."""
    for _ in range(3):
        assert ask(sock, target) == (200, expected)
        time.sleep(0.02)


def test_rewritten_in_place(here):
    root, sock = here
    file = root / "inplace.txt"
    for i in range(30):
        data = b"%04d" % i * (1 + i * 700)
        with open(file, "r+b" if file.exists() else "wb") as out:
            out.write(data)
            out.truncate()
        warm(sock, "/inplace.txt", data)


def test_rewritten_with_the_same_length(here):
    root, sock = here
    file = root / "same.txt"
    for i in range(30):
        file.write_bytes(b"%04d" % i)
        assert ask(sock, "/same.txt") == (200, b"%04d" % i)
        assert ask(sock, "/same.txt") == (200, b"%04d" % i)


def test_replaced_by_rename(here):
    root, sock = here
    for i in range(30):
        (root / "new").write_bytes(b"%d" % i)
        os.rename(root / "new", root / "replaced.txt")
        warm(sock, "/replaced.txt", b"%d" % i)


def test_truncated(here):
    root, sock = here
    file = root / "cut.txt"
    for length in (100000, 5000, 4096, 1, 0):
        file.write_bytes(b"x" * 100000)
        warm(sock, "/cut.txt", b"x" * 100000)
        os.truncate(file, length)
        warm(sock, "/cut.txt", b"x" * length)


def test_removed_and_back(here):
    root, sock = here
    for i in range(10):
        (root / "gone.txt").write_bytes(b"%d" % i)
        warm(sock, "/gone.txt", b"%d" % i)
        os.unlink(root / "gone.txt")
        assert ask(sock, "/gone.txt")[0] == 404


def test_chmod(here):
    root, sock = here
    file = root / "mode.txt"
    file.write_bytes(b"data")
    for _ in range(10):
        warm(sock, "/mode.txt", b"data")
        file.chmod(0o600)
        assert ask(sock, "/mode.txt")[0] == 403
        file.chmod(0o644)


@pytest.mark.parametrize("above", ["a", "a/b", "a/b/c"])
def test_directory_above_renamed_closed_or_covered(here, above):
    root, sock = here
    folder = root / "way/a/b/c"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.txt").write_bytes(b"deep")
    target = "/way/a/b/c/text.txt"
    at = root / "way" / above
    for _ in range(3):
        warm(sock, target, b"deep")
        at.rename(str(at) + "-moved")
        assert ask(sock, target)[0] == 404
        os.rename(str(at) + "-moved", at)
        warm(sock, target, b"deep")
        at.chmod(0o700)
        assert ask(sock, target)[0] == 403
        at.chmod(0o755)
        warm(sock, target, b"deep")
        sh(f"mount -t tmpfs -o mode=755 tmpfs {at}")
        assert ask(sock, target)[0] == 404
        sh(f"umount {at}")
        warm(sock, target, b"deep")


def test_mounted_over_the_file(here):
    root, sock = here
    (root / "under.txt").write_bytes(b"under")
    (root / "over.txt").write_bytes(b"over")
    for _ in range(3):
        warm(sock, "/under.txt", b"under")
        sh(f"mount --bind {root}/over.txt {root}/under.txt")
        assert ask(sock, "/under.txt") == (200, b"over")
        sh(f"umount {root}/under.txt")


def test_directory_replaced_by_a_link(here):
    root, sock = here
    (root / "one").mkdir(exist_ok=True)
    (root / "two").mkdir(exist_ok=True)
    (root / "one/text.txt").write_bytes(b"one")
    (root / "two/text.txt").write_bytes(b"two")
    warm(sock, "/one/text.txt", b"one")
    os.rename(root / "one", root / "one-moved")
    os.symlink("two", root / "one")
    assert ask(sock, "/one/text.txt") == (200, b"two")
    os.unlink(root / "one")
    os.rename(root / "one-moved", root / "one")
    warm(sock, "/one/text.txt", b"one")


def test_index_appears(here):
    root, sock = here
    (root / "folder").mkdir(exist_ok=True)
    assert ask(sock, "/folder/")[0] == 403
    (root / "folder/index.html").write_bytes(b"index")
    warm(sock, "/folder/", b"index")
    os.unlink(root / "folder/index.html")
    assert ask(sock, "/folder/")[0] == 403


def test_sibling_appears(here):
    root, sock = here
    (root / "page.html").write_bytes(b"plain")
    for _ in range(5):
        for _ in range(3):
            assert ask(sock, "/page.html", "Accept-Encoding: gzip") == (200, b"plain")
            time.sleep(0.02)
        (root / "page.html.gz").write_bytes(b"packed")
        for _ in range(3):
            assert ask(sock, "/page.html", "Accept-Encoding: gzip") == (200, b"packed")
            assert ask(sock, "/page.html") == (200, b"plain")
            time.sleep(0.02)
        os.unlink(root / "page.html.gz")


def test_dropped_from_memory(here):
    """A body whose pages are not in the page cache is read, whole and in parts."""
    root, sock = here
    data = os.urandom(1_000_003)
    (root / "cold.bin").write_bytes(data)
    for _ in range(3):
        sh("sync; echo 3 > /proc/sys/vm/drop_caches")
        assert ask(sock, "/cold.bin") == (200, data)
        fd = os.open(root / "cold.bin", os.O_RDONLY)
        os.posix_fadvise(fd, 100_000, 500_000, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        assert ask(sock, "/cold.bin") == (200, data)
        assert ask(sock, "/cold.bin", "Range: bytes=99999-700000") == (206, data[99999:700001])


def test_holes(here):
    root, sock = here
    with open(root / "holes.bin", "wb") as file:
        file.truncate(300_000)
        file.seek(100_000)
        file.write(b"island")
    expected = (root / "holes.bin").read_bytes()
    for _ in range(3):
        assert ask(sock, "/holes.bin") == (200, expected)
        time.sleep(0.02)


def test_hard_link_elsewhere(here):
    root, sock = here
    (root / "first.txt").write_bytes(b"before")
    os.link(root / "first.txt", root / "second.txt")
    for name in ("/first.txt", "/second.txt"):
        warm(sock, name, b"before")
    with open(root / "second.txt", "r+b") as file:
        file.write(b"behind")
    for name in ("/first.txt", "/second.txt"):
        warm(sock, name, b"behind")
    os.unlink(root / "second.txt")
    os.unlink(root / "first.txt")


def field(sock, target, name):
    """A response without a body, and what one of its fields says."""
    sock.sendall(f"HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = sock.recv(1 << 16)
        assert more
        data += more
    return next(line.split(": ", 1)[1] for line in data.decode().split("\r\n") if line.startswith(name + ": "))


def test_rewritten_within_one_second_of_coarse_clock(seconds):
    """RFC 9110 8.8.1: a strong validator changes with the content, though neither size nor times do."""
    root, sock = seconds
    file = root / "same.txt"
    tags = []
    for i in range(30):
        with open(file, "r+b" if file.exists() else "wb") as out:
            out.write(b"%04d" % i)
        assert ask(sock, "/same.txt") == (200, b"%04d" % i)
        assert ask(sock, "/same.txt") == (200, b"%04d" % i)
        tags.append(field(sock, "/same.txt", "ETag"))
    strong = [tag for tag in tags if not tag.startswith("W/")]
    assert len(set(strong)) == len(strong)
