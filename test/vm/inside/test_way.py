# SPDX-License-Identifier: GPL-2.0-or-later
"""The directories above a cached file: a change of any shows in the next request, and renames elsewhere change nothing."""
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import time

import pytest

import abi
from conftest import CLOCK_REALTIME_COARSE, Tux, age, ask
from pause import Pause

ACL = "system.posix_acl_access"


@pytest.fixture
def disk(tmp_path):
    """A file system whose directories may have an ACL: ext4, on a loop device."""
    image, at = tmp_path / "image", tmp_path / "disk"
    at.mkdir()
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop,acl", str(image), str(at)], check=True)
    for above in (at, *list(at.parents)[:-1]):
        above.chmod(0o755)
    yield at
    subprocess.run(["umount", str(at)], check=True)


@pytest.fixture
def deep(disk):
    """A file three directories down that the kernel engine answers for."""
    folder = disk / "a/b/c"
    folder.mkdir(parents=True)
    (folder / "f.txt").write_bytes(b"deep\n")
    server = Tux(disk)
    for _ in range(3):
        assert server.get("/a/b/c/f.txt") == (200, b"deep\n")
    yield server, disk
    server.stop()


def acl(mode_of_user, uid):
    """A POSIX ACL of mode 0755 with an entry for one user, as the extended attribute has it."""
    entries = [(0x01, 7, 0xffffffff), (0x02, mode_of_user, uid), (0x04, 5, 0xffffffff), (0x10, 5, 0xffffffff), (0x20, 5, 0xffffffff)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def uid_of(server):
    for line in open(f"/proc/{server.pid}/status", encoding="ascii"):
        if line.startswith("Uid:"):
            return int(line.split()[2])
    raise AssertionError


@pytest.mark.parametrize("folder", ["a", "a/b", "a/b/c"])
def test_acl_that_is_revoked_shows(deep, folder):
    """The ACL takes from the server's user its way through a directory, however far above the file."""
    server, disk = deep
    if uid_of(server) == 0:
        pytest.skip("the server is root, whom no ACL stops")
    try:
        os.setxattr(disk / folder, ACL, acl(0, uid_of(server)))
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            pytest.skip("this kernel's ext4 has no ACLs")
        raise
    assert server.get("/a/b/c/f.txt")[0] in (403, 404)
    os.removexattr(disk / folder, ACL)


def test_modes_that_cancel_each_other_show(deep):
    """The sum of the modes is what it was: 31 less of one directory, 1 more of the next."""
    server, disk = deep
    (disk / "a").chmod(0o755 - 31)
    (disk / "a/b").chmod(0o755 + 1)
    assert server.get("/a/b/c/f.txt")[0] in (403, 404)


def test_permission_revoked_while_a_file_is_opened_shows(instance, root):
    """The lookup has checked permissions, and the file's state is not noted yet: the revoked one must not be noted as good."""
    folder = root / "sub"
    folder.mkdir(mode=0o755)
    (folder / "a.txt").write_bytes(b"hello\n")
    age(root)
    with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as sock:
        with Pause("dentry_open", instance.threads[0]) as pause:
            sock.sendall(b"GET /sub/a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            pause.wait()
            folder.chmod(0o700)
            until = time.monotonic() + 20
            while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) <= folder.stat().st_ctime_ns:
                assert time.monotonic() < until
                time.sleep(0.001)
        assert select.select([instance.fd, sock], [], [], 20)[0] == [instance.fd]
        (fd, reason), = instance.take()
        os.close(fd)
        assert reason == abi.ABSENT


def test_renames_elsewhere_empty_nothing(instance, tmp_path_factory):
    """Another process renames a file of its own without pause: all requests are answered in the kernel, none goes up."""
    folder = tmp_path_factory.mktemp("renames")
    (folder / "x").write_bytes(b"")
    loop = "import os, sys\nwhile True:\n    os.rename('x', 'y')\n    os.rename('y', 'x')\n"
    with subprocess.Popen([sys.executable, "-c", loop], cwd=folder) as renamer:
        try:
            with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as sock:
                for _ in range(500):
                    assert ask(sock, "/a.txt") == (200, b"hello\n")
            with pytest.raises(BlockingIOError):
                instance.take()
            assert renamer.poll() is None
        finally:
            renamer.kill()
