# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of the program that hang, as on a file system or a resolver that has failed (test/faults/hang.c)."""
import mmap
import os
import struct

import pytest

OPEN, WATCH, NAMES = 1, 2, 4
LAYOUT = struct.Struct("=IIQ")


class Hang:
    """The page that the test shares with the program."""

    def __init__(self, path, library):
        with open(path, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.env = {"LD_PRELOAD": library, "HANG_PAGE": path}

    def on(self, calls, path="/"):
        """These calls hang from now on; those about files if they are about this one."""
        struct.pack_into("=Q", self.page, 8, os.stat(path).st_ino)
        struct.pack_into("=I", self.page, 0, calls)

    def off(self):
        struct.pack_into("=I", self.page, 0, 0)

    @property
    def hung(self):
        return LAYOUT.unpack_from(self.page)[1]


@pytest.fixture
def hang(request, place):
    """Without the library, as in a build with sanitizers, the test is skipped."""
    library = os.path.join(os.path.dirname(os.path.abspath(request.config.getoption("tux"))), "test", "faults", "hang.so")
    if not os.path.exists(library):
        pytest.skip(library + " is not built")
    found = Hang(os.path.join(place, "hang"), library)
    yield found
    found.off()
