# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops a thread in the kernel, by test/vm/pause: a race that is decided by chance otherwise is lost each time."""
import pathlib
import subprocess
import time

MODULE = pathlib.Path("/pause.ko")
WAIT = 120  # seconds; the debug kernel is slow on a loaded machine
PARAMETERS = pathlib.Path("/sys/module/pause/parameters")


class Pause:
    """The thread stops when it enters the function for the first time, until the block ends."""

    def __init__(self, function, thread):
        if not PARAMETERS.exists():
            subprocess.run(["insmod", MODULE], check=True)
        self.set("function", function)
        self.set("thread", thread.native_id)

    @staticmethod
    def set(name, value):
        (PARAMETERS / name).write_text(str(value))

    def __enter__(self):
        return self

    def wait(self):
        """Waits until the thread has stopped."""
        until = time.monotonic() + WAIT
        while (PARAMETERS / "reached").read_text() != "Y\n":
            assert time.monotonic() < until, "the thread did not come to the function"
            time.sleep(0.005)

    def __exit__(self, *_):
        self.set("thread", 0)
        self.set("function", "")
        self.set("go", 1)  # last: the thread may close descriptors, and a file that is opened here may get their numbers
