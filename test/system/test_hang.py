# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system or a resolver that hangs: everything that does not need it goes on."""
import os

import pytest

import client
import hang as calls
from hang import hang  # noqa: F401


@pytest.fixture(params=["uring", "epoll"])
def engine(request):
    return request.param


@pytest.fixture
def root(place):
    root = os.path.join(place, "root")
    for name in ("slow", "other"):
        os.makedirs(os.path.join(root, name))
        with open(os.path.join(root, name, "file"), "wb") as file:
            file.write(b"data")
    return root


def test_listing_on_a_slow_file_system_delays_no_other(tux, root, hang, engine):  # noqa: F811
    """inotify_add_watch() of one directory hangs; listings and files of another are answered."""
    server = tux(root, "--browse", "--threads", "1", "--engine", engine, env=hang.env)
    hang.on(calls.WATCH, os.path.join(root, "slow"))
    with server.connect() as slow:
        slow.send(client.request("/slow/"))
        client.wait_until(lambda: hang.hung > 0, "the call hangs")
        for _ in range(2):
            assert b"file" in server.get("/other/").body
        assert server.get("/other/file").body == b"data"
        hang.off()
        assert b"file" in slow.response().body
