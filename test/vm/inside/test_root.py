# SPDX-License-Identifier: GPL-2.0-or-later
"""A document root that is replaced: the kernel engine serves what its path leads to now, on connections that were there before, too."""
import pathlib
import time

import pytest

from conftest import Tux, ask


def publish(directory, text):
    directory.mkdir(mode=0o755)
    (directory / "file").write_text(text)
    time.sleep(0.05)  # a file that was just written is the user engine's


def wait_for(condition, what, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


@pytest.fixture
def deployed(root):
    publish(root / "r1", "one")
    publish(root / "r2", "two")
    (root / "current").symlink_to("r1")
    server = Tux(root / "current")
    yield root, server
    server.stop()


def switch(root, target):
    (root / "new").symlink_to(target)
    (root / "new").rename(root / "current")


def test_replaced_link_is_followed(deployed):
    """DESIGN: a replaced root is never served stale. The idle connection is older than the new root, and stays."""
    root, server = deployed
    for target, old, body in (("r2", b"one", b"two"), ("r1", b"two", b"one")):
        with server.connect() as idle:
            before = server.pid
            assert ask(idle, "/file") == (200, old)
            switch(root, target)
            wait_for(lambda: server.get("/file") == (200, body), f"{target} is served")
            wait_for(lambda: not pathlib.Path(f"/proc/{before}").exists(), "the process that retired has ended")
            assert ask(idle, "/file") == (200, body)


def test_missing_root_is_404_until_it_is_back(deployed):
    root, server = deployed
    assert server.get("/file") == (200, b"one")
    before = server.pid
    (root / "r1").rename(root / "away")
    wait_for(lambda: server.get("/file")[0] == 404, "the files are gone")
    wait_for(lambda: server.pid != before, "another process serves")
    publish(root / "r1", "three")
    wait_for(lambda: server.get("/file") == (200, b"three"), "the new directory is served")
