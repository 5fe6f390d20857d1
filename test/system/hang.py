# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of the program that hang, as on a failed file system or resolver, or that fail (test/faults/hang.c)."""
import mmap
import os
import struct

import pytest

from tools import is_sanitized

OPEN, WATCH, NAMES, READ, ACCEPT, POLL = 1, 2, 4, 8, 16, 32
LAYOUT = struct.Struct("=IIQ")


class Hang:
    """The memory page shared by the test and the program."""

    def __init__(self, path, library):
        with open(path, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.env = {"LD_PRELOAD": library, "HANG_PAGE": path}

    def on(self, calls, path="/", first=0):
        """Lets these calls hang, or ACCEPT fail, from now on; file calls only if they use this path, and reads from this byte on."""
        struct.pack_into("=QQ", self.page, 8, os.stat(path).st_ino, first)
        struct.pack_into("=I", self.page, 0, calls)

    def off(self):
        struct.pack_into("=I", self.page, 0, 0)

    @property
    def hung(self):
        return LAYOUT.unpack_from(self.page)[1]


@pytest.fixture
def hang(request, place):
    """Skips the test if the library is missing, or the program is built with sanitizers, which want to be the first library."""
    program = request.config.getoption("tux")
    library = os.path.join(os.path.dirname(os.path.abspath(program)), "test", "faults", "hang.so")
    if is_sanitized(program):
        pytest.skip("built with a sanitizer")
    if not os.path.exists(library):
        pytest.skip(library + " is not built")
    found = Hang(os.path.join(place, "hang"), library)
    yield found
    found.off()
