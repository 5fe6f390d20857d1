# SPDX-License-Identifier: GPL-2.0-or-later
"""Allocations of the module fail: one request is refused, never more, and nothing leaks. On kernels with fault injection."""
import os
import pathlib
import signal
import socket
import threading
import time

import pytest

import abi
from conftest import Counts, Tux, ask, same_again

FAULTS = pathlib.Path("/sys/kernel/debug")
pytestmark = pytest.mark.skipif(not (FAULTS / "failslab").exists(), reason="this kernel has no fault injection")


def text_of_module():
    """Where the module's code lies: what is called from there may fail."""
    line = [line for line in pathlib.Path("/proc/modules").read_text().splitlines() if line.startswith("tux ")][0]
    start = int(line.split()[5], 16)
    return start, start + int(line.split()[1])


class Faults:
    def __init__(self, kind, probability):
        self.folder = FAULTS / kind
        start, end = text_of_module()
        for name, value in (("require-start", hex(start)), ("require-end", hex(end)), ("stacktrace-depth", 32), ("verbose", 0),
                            ("ignore-gfp-wait", "N"), ("min-order", 0), ("cache-filter", "N"), ("interval", 1), ("space", 0),
                            ("times", -1), ("probability", probability)):
            if (self.folder / name).exists():
                (self.folder / name).write_text(str(value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        (self.folder / "probability").write_text("0")


def ask_all(port, until, done):
    targets = ["/a.txt", "/big", "/missing", "/", "/a.txt"]
    count = 0
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
                sock.settimeout(2)
                for target in targets:
                    ask(sock, target)
                    count += 1
        except (OSError, AssertionError):
            pass
    done.append(count)


@pytest.mark.parametrize("kind", ["failslab", "fail_page_alloc"])
@pytest.mark.parametrize("probability", [1, 10, 50])
def test_under_load(root, kind, probability):
    before = Counts()
    server = Tux(root)
    done = []
    with Faults(kind, probability):
        until = time.monotonic() + 6
        threads = [threading.Thread(target=ask_all, args=(server.port, until, done)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(20):
            (root / f"new{i}").write_bytes(b"x")
            time.sleep(0.2)
        for thread in threads:
            thread.join()
    assert server.get("/a.txt") == (200, b"hello\n")
    assert server.get("/big") == (200, (root / "big").read_bytes())
    server.stop(signal.SIGKILL)
    same_again(before)


@pytest.mark.parametrize("kind", ["failslab", "fail_page_alloc"])
def test_setting_up(root, kind):
    before = Counts()
    failures = 0
    for _ in range(200):
        with Faults(kind, 15):
            try:
                with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
                    made.hello()
                    made.setup(str(root), flags=abi.RECORDS)
                    made.listen(listener)
            except OSError:
                failures += 1
    assert failures > 0
    same_again(before)
