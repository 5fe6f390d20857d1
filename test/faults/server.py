# SPDX-License-Identifier: GPL-2.0-or-later
"""A server program, and its open resources."""
import collections
import os
import shutil
import time

import client
from cases import CASES, Site
from program import Program
from tools import MAX_IDLE_KEEPERS, OPEN_IN_KEEPER, descendants, field, idle_keepers

BUSY = 200  # waits that an idle moment consists of
FILES = 4   # permitted growth of the cache
CALLS = 80  # of modules; more are used again, so their memory grows no more
BLOCKS = 24  # permitted fluctuation; a leak exceeds it, because there are many faults


class Server:
    """A warmed-up program: after each fault it must have the same open resources and memory blocks."""

    def __init__(self, path, place, engine):
        self.place = os.path.join(place, engine)
        os.makedirs(self.place)
        self.site = site = Site(self.place)
        self.program = Program(path, self.place, "serve", site.root, "--config", site.config, "--browse", "--engine", engine)
        self.address = self.program.address
        self.program.start().wait_until(self.program.answers, "it answers", 60)
        self.page = self.program.page
        self.process = self.program.serving()
        self.page.watch(self.process)
        self.open, self.blocks = collections.Counter(), 0
        for _ in range(CALLS):
            self.program.get("/streams/counts")
        for _ in range(2):
            for case in CASES:
                try:
                    case.run(site, self.address)
                except Exception as error:
                    raise AssertionError("%s: %r" % (case.name, error)) from error
                client.wait_until(self.is_quiet, "it is quiet", 60)

    def opened(self):
        """Returns (process, kind of descriptor) -> number. Idle keepers, and the spawner's socket of each, do not count."""
        found = collections.Counter()
        for process, name in [(self.program.process.pid, "tux")] + list(descendants(self.program.process.pid).items()):
            if name == "tux module":  # it may be another process by now
                found["module"] += 1
                continue
            if not name.startswith("tux"):
                found[process, "program"] += 1
                continue
            try:
                if name == "tux idle keeper":
                    found[int(field(process, "PPid")), "socket:"] -= 1
                    continue
                for fd in os.listdir("/proc/%d/fd" % process):
                    link = os.readlink("/proc/%d/fd/%s" % (process, fd))
                    found[process, "file of the site" if link.startswith(self.site.root + "/") else link.split("[")[0]] += 1
            except OSError:
                pass
        return found

    def is_quiet(self):
        """True if nothing changed for a while. Adds the present resources to the permitted ones."""
        before = (self.opened(), self.page.blocks())
        time.sleep(0.02)
        now, blocks = self.opened(), self.page.blocks()
        if before != (now, blocks):
            return False
        now[self.process, "file of the site"] += FILES
        self.open |= now
        self.blocks = max(self.blocks, blocks)
        return True

    def excess(self):
        """Returns the resources beyond the initial ones: open descriptors, memory blocks, keepers. Empty if there is no leak."""
        more = dict(self.opened() - self.open)
        keepers = idle_keepers(self.program.process.pid)
        if len(keepers) > MAX_IDLE_KEEPERS:
            more["idle keepers"] = len(keepers)
        for keeper in keepers:
            try:
                open_now = len(os.listdir("/proc/%d/fd" % keeper))
            except OSError:
                continue
            if open_now > OPEN_IN_KEEPER:
                more["descriptors of keeper %d" % keeper] = open_now
        if self.page.blocks() > self.blocks + BLOCKS:
            more["blocks of memory"] = self.page.blocks() - self.blocks
        return more

    def settle(self):
        try:
            client.wait_until(lambda: not self.excess(), "it is as before")
        except AssertionError:
            raise AssertionError("there is more than before: %r" % self.excess()) from None

    def is_idle(self):
        """True if the program waits without polling."""
        self.page.count(True)
        time.sleep(0.02)
        self.page.count(False)
        calls = self.page.calls()
        return calls.get("wait", 0) + calls.get("uring-enter", 0) < BUSY

    def stop(self):
        """Stops the program and returns its exit status and output."""
        status = self.program.stop()
        self.site.close()
        shutil.rmtree(self.place, ignore_errors=True)
        return status

    def abandon(self):
        """Kills the program after a failure."""
        self.program.kill()
        self.site.close()
        shutil.rmtree(self.place, ignore_errors=True)
