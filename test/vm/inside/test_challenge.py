# SPDX-License-Identifier: GPL-2.0-or-later
"""Challenges of certificate authorities (RFC 8555 8.3): the kernel engine hands them up, whatever the routes say."""
import os
import pathlib
import subprocess

import pytest

from client import wait_until
from conftest import Tux
from test_handover import Backend
from tools import free_port

PATH, TOKEN, ANSWER = "/.well-known/acme-challenge/", "tok-_EN", b"tok-_EN.thumb"
UACME = """#!/bin/sh
case "$*" in *" issue "*) "/proc/self/fd/4" begin http-01 a.example.org %s %s; while :; do sleep 1; done ;; esac
""" % (TOKEN, ANSWER.decode())
CONFIG = """
listen "127.0.0.1:%d"
root "%s"
threads 1
state-directory "%s"
acme-directory "https://ca.example/dir"
route "/" { handover %d }
route "/files/" { static on }
route "/.well-known/acme-challenge/" { static on }
host "a.example.org" { tls { automatic on } }
host "b.example.org" { }
"""


@pytest.fixture
def uacme():
    """A script in the place of uacme, which begins a challenge and waits."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/usr/local/bin"], check=True)
    path = pathlib.Path("/usr/local/bin/uacme")
    path.write_text(UACME, encoding="ascii")
    path.chmod(0o755)
    yield
    subprocess.run(["umount", "-l", "/usr/local/bin"], check=True)


def test_challenge_is_handed_up(tmp_path, uacme):
    root, backend_root, port = tmp_path / "root", tmp_path / "backend", free_port()
    (root / "files").mkdir(parents=True)
    (root / ".well-known/acme-challenge").mkdir(parents=True)
    backend_root.mkdir()
    (root / "files/a.txt").write_text("file", encoding="ascii")
    (root / PATH[1:] / "mine").write_text("mine", encoding="ascii")
    for path in (root, *root.parents):
        os.chmod(path, 0o755)
    backend = Backend("lighttpd", backend_root)
    config = tmp_path / "tux.conf"
    config.write_text(CONFIG % (port, root, tmp_path / "state", backend.port), encoding="ascii")
    server = Tux(None, "--config", str(config))
    server.port, server.address = port, ("127.0.0.1", port)
    try:
        assert "tux.ko" in server.output or "kernel" in server.output.split("engine: ")[1].splitlines()[0]
        wait_until(lambda: server.get(PATH + TOKEN)[0] == 200, "the challenge has begun", 30)
        for _ in range(3):
            assert server.get(PATH + TOKEN) == (200, ANSWER)
            assert server.get(PATH + "mine") == (200, b"mine")
            assert server.get(PATH + "other")[0] == 404
            assert server.get("/files/a.txt") == (200, b"file")
    finally:
        server.stop()
        backend.stop()
