# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory page shared by the test, the preloaded library and every process of the program: one chosen call fails."""
import errno
import mmap
import os
import struct
import subprocess

FRAMES = 24
EVERY = bool(os.environ.get("FAULTS_ALL"))  # every call instead of a limited number
# kind, at, error, times, process, watched, seen, fired, fired_process, frames, blocks
HEAD = struct.Struct("=IIiIIIIIIIq")
NAME_BYTES = 16
SHORT = 0

# Errors that the kernel returns in practice. SHORT: fewer bytes than requested.
ERRORS = {
    "malloc": [errno.ENOMEM],
    "open": [errno.EMFILE, errno.EIO],
    "read": [errno.EINTR],
    "pread": [errno.EIO, errno.EINTR, SHORT],
    "write": [errno.ENOSPC, SHORT],
    "stat": [errno.EIO],
    "directory": [errno.ENOMEM],
    "path": [errno.EIO],
    "mmap": [errno.ENOMEM],
    "socket": [errno.EMFILE],
    "bind": [errno.EADDRINUSE],
    "option": [errno.ENOBUFS],
    "accept": [errno.EMFILE, errno.ECONNABORTED, errno.EINTR],
    "connect": [errno.ECONNREFUSED, errno.EADDRNOTAVAIL],
    "send": [errno.ECONNRESET, errno.ENOBUFS, errno.EINTR, SHORT],
    "recv": [errno.ECONNRESET, errno.ENOMEM, errno.EINTR],
    "link-send": [errno.ENOBUFS, errno.EINTR],
    "link-recv": [errno.EINTR],
    "sendfile": [errno.EIO, errno.ECONNRESET, errno.ENOMEM, errno.EINTR, SHORT],
    "splice": [errno.EINVAL, errno.EPIPE, SHORT],
    "pipe": [errno.EMFILE],
    "fcntl": [errno.EMFILE],
    "eventfd": [errno.EMFILE],
    "inotify": [errno.ENOSPC],
    "epoll": [errno.ENOMEM],
    "wait": [errno.EINTR],
    "fork": [errno.EAGAIN],
    "exec": [errno.ENOMEM],
    "thread": [errno.EAGAIN],
    "resolve": [errno.ENOMEM],
    "privilege": [errno.EPERM],
    "uring-setup": [errno.ENOMEM],
    "uring-enter": [errno.EINTR, errno.EAGAIN],
    "uring-accept": [errno.EMFILE, errno.ECONNABORTED],
    "uring-connect": [errno.ECONNREFUSED, errno.EADDRNOTAVAIL],
    "uring-recv": [errno.ECONNRESET, errno.ENOMEM, errno.EINTR, SHORT],
    "uring-send": [errno.ECONNRESET, errno.ENOBUFS, SHORT],
    "uring-poll": [errno.ENOMEM],
}


class Page:
    """The page of one program: arm() makes a call fail, seen() counts calls by kind."""

    def __init__(self, path, program):
        with open(path, "wb") as file:
            file.truncate(8192)
        os.chmod(path, 0o666)
        self.path = path
        self.program = program
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8192)

    _count = len(ERRORS) + 1
    _frames_at = HEAD.size
    _calls_at = HEAD.size + 8 * FRAMES

    _names = None

    def names(self):
        """Returns the names that the library writes when a program starts; they stay the same."""
        if Page._names is None:
            at = self._calls_at + 8 * self._count + 8
            Page._names = [self.page[at + NAME_BYTES * i:at + NAME_BYTES * (i + 1)].rstrip(b"\0").decode() for i in range(self._count)]
            assert set(Page._names) == set(ERRORS) | {"none"}, Page._names
        return Page._names

    def _field(self, index, value=None, form="=I"):
        if value is None:
            return struct.unpack_from(form, self.page, 4 * index)[0]
        struct.pack_into(form, self.page, 4 * index, value)
        return value

    def arm(self, kind, at, error, times=1, process=0):
        self.disarm()
        self._field(6, 0)
        self._field(7, 0)
        self._field(1, at)
        self._field(2, error, "=i")
        self._field(3, times)
        self._field(4, process)
        self._field(0, self.names().index(kind))

    def disarm(self):
        """Returns the number of failed calls."""
        self._field(0, 0)
        return self._field(7)

    def watch(self, process):
        self._field(5, 0)
        struct.pack_into("=q", self.page, 40, 0)
        self._field(5, process)

    def blocks(self):
        """Returns the change of memory blocks since watch()."""
        return struct.unpack_from("=q", self.page, 40)[0]

    def count(self, counting):
        at = self._calls_at + 8 * self._count
        if counting:
            self.page[self._calls_at:at] = bytes(8 * self._count)
        struct.pack_into("=I", self.page, at, int(counting))

    def calls(self):
        """Returns kind -> calls since count(True), without kinds that were not called."""
        numbers = struct.unpack_from("=%dQ" % self._count, self.page, self._calls_at)
        return {name: number for name, number in zip(self.names(), numbers) if number and name != "none"}

    def where(self):
        """Returns the functions that led to the first failed call, the innermost first."""
        frames = struct.unpack_from("=%dQ" % self._field(9), self.page, self._frames_at)
        inside = ["%#x" % (frame - 1) for frame in frames if 0 < frame < 1 << 32]
        said = subprocess.run(["addr2line", "-f", "-s", "-i", "-e", self.program] + inside, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False, encoding="utf-8").stdout.splitlines()
        return " < ".join("%s (%s)" % pair for pair in zip(said[::2], said[1::2]))
