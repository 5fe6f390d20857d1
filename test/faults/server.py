# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that serves, and what it has open."""
import collections
import os
import shutil
import time

import client
from cases import CASES, Site
from program import Program
from tools import MAX_IDLE_KEEPERS, descendants, field, idle_keepers

BUSY = 200  # waits in a moment in which nothing happens
FILES = 4   # more that the cache may hold
OPEN_IN_KEEPER = 5  # descriptors of an idle keeper: three standard streams, its orders, its news
BLOCKS = 24  # that may come and go; a leak is more, as faults are many


class Server:
    """A program that has warmed up: what it has open, and how many blocks of memory, are what they are to be after each fault."""

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
        for _ in range(2):
            for case in CASES:
                try:
                    case.run(site, self.address)
                except Exception as error:
                    raise AssertionError("%s: %r" % (case.name, error)) from error
                client.wait_until(self.is_quiet, "it is quiet", 60)

    def opened(self):
        """(process, sort of descriptor) -> how many. Idle keepers, and the spawner's socket of each, do not count."""
        found = collections.Counter()
        for process, name in [(self.program.process.pid, "tux")] + list(descendants(self.program.process.pid).items()):
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
        """No change for a while: so much may be open, and no more than before and now."""
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
        """Returns what is more than before: of open descriptors, blocks of memory, keepers. Empty if it is as before."""
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
        """It waits, in place of asking again and again."""
        self.page.count(True)
        time.sleep(0.02)
        self.page.count(False)
        calls = self.page.calls()
        return calls.get("wait", 0) + calls.get("uring-enter", 0) < BUSY

    def stop(self):
        """Its exit status and what it said."""
        status = self.program.stop()
        self.site.close()
        shutil.rmtree(self.place, ignore_errors=True)
        return status

    def abandon(self):
        """Ends it after a failure."""
        self.program.kill()
        self.site.close()
        shutil.rmtree(self.place, ignore_errors=True)
