# SPDX-License-Identifier: GPL-2.0-or-later
"""The program with the preloaded library."""
import os

import client
from faults import Page
from process import Tux
from tools import children, free_port


class Program(Tux):
    """The program with the preloaded library. It may be the supervisor of a server process."""

    def __init__(self, path, place, *arguments):
        library = os.path.join(os.path.dirname(path), "test", "faults", "faults.so")
        if not os.path.exists(library):
            raise AssertionError("%s is not built (-Dtests=true)" % library)
        self.page = Page(os.path.join(place, "faults"), path)
        port = free_port()
        env = {"TUX_FAULTS": self.page.path, "LD_PRELOAD": library, "MALLOC_PERTURB_": "165",
               "ASAN_OPTIONS": "verify_asan_link_order=0:allocator_may_return_null=1:fast_unwind_on_malloc=0:abort_on_error=0",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
        super().__init__([path, *arguments, "--listen", "127.0.0.1:%d" % port], os.path.join(place, "output"), port, env=env, start_new_session=True)

    def answers(self):
        try:
            return self.get("/plain.txt").body == b"plain\n"
        except (OSError, client.Closed):
            return False

    def serving(self):
        """Returns the server process: the supervisor's child, or the process itself without a supervisor."""
        with open("/proc/%d/comm" % self.process.pid, encoding="ascii") as file:
            if file.read().strip() != "tux-supervisor":
                return self.process.pid
        found = [pid for pid, name in children(self.process.pid).items() if name != "tux roots"]
        assert len(found) == 1, found
        return found[0]
