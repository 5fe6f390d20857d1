# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops a thread in the kernel, by test/vm/pause: a race that is decided by chance otherwise is lost each time."""
import os
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
        self.last = [os.open(PARAMETERS / name, os.O_WRONLY) for name in ("thread", "function", "go")]
        return self

    def wait(self):
        """Waits until the thread has stopped."""
        until = time.monotonic() + WAIT
        while (PARAMETERS / "reached").read_text() != "Y\n":
            assert time.monotonic() < until, "the thread did not come to the function"
            time.sleep(0.005)

    def __exit__(self, *_):
        for file, value in zip(self.last, (b"0", b"\n", b"1")):  # opened before: there may be no descriptor now
            os.write(file, value)
        for file in self.last:
            os.close(file)
