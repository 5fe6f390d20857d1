# SPDX-License-Identifier: GPL-2.0-or-later
"""
TUX as a program among others: real clients, many connections, signals, the service manager, the
sandbox. Needs the program, Debian's curl, wget and chromium; what is missing is skipped.

    pytest test/system --tux PROGRAM [--tux-args "--engine epoll"]
"""
import os
import shlex
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
pytest_plugins = ["suite"]

import hosted  # noqa: E402
from process import Tux  # noqa: E402
from tools import free_port, give_to_server, make_place  # noqa: E402


@pytest.fixture
def place():
    """A directory that a program without privileges can read, unlike pytest's own."""
    directory = make_place()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def root(place):
    """A directory with a file of four bytes."""
    root = os.path.join(place, "root")
    os.mkdir(root)
    with open(os.path.join(root, "file"), "wb") as file:
        file.write(b"data")
    return root


@pytest.fixture
def logs(place):
    """A directory in which the server can write logs, with any privileges."""
    logs = os.path.join(place, "logs")
    os.mkdir(logs, 0o755)
    give_to_server(logs)
    return logs


@pytest.fixture
def tux(request, place):
    """tux(root, *options): starts the program. listen=False: without --listen; wrapper: command that precedes it; tls: context
    of its clients, with which it listens for TLS."""
    running = []

    def start(root, *options, listen=True, log="off", wrapper=(), port=None, ready=True, **popen):
        port = port or free_port()
        command = [*wrapper, os.path.abspath(request.config.getoption("tux")), "serve", root, "--log", log]
        if listen:
            command += ["--listen", "%s127.0.0.1:%d" % ("https://" if popen.get("tls") else "", port)]
        command += shlex.split(request.config.getoption("tux_args")) + list(options)
        server = Tux(command, os.path.join(place, "output-%d" % len(running)), port, **popen).start()
        running.append(server)
        if ready:
            server.wait_until(server.answers, "it answers")
        return server

    yield start
    failed = []
    for server in running:
        try:
            server.end()
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, "\n".join(failed)


@pytest.fixture(scope="session")
def build():
    """build(source): compiles a module. Returns the path of the shared object."""
    builder = hosted.Builder()
    yield builder
    builder.remove()


@pytest.fixture(params=["uring", "epoll"])
def in_each_host(request, place, tux, build):
    """in_each_host(name, more of the module blocks, more of the file): TUX with modules/NAME.c at hosted.ATS, and a file /file.txt."""
    def start(name, more="", top="", **options):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        path = os.path.join(place, "tux.conf")
        for file, text in ((os.path.join(place, "root/file.txt"), "a file"),
                           (path, hosted.CONFIG % {"top": top, "name": name, "file": build(hosted.source(name)), "more": more})):
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1", **options)
    return start


@pytest.fixture
def site():
    """The demo site that the repository ships."""
    directory = os.path.join(HERE, "..", "..", "site")
    if not os.path.isfile(os.path.join(directory, "index.html")):
        pytest.skip("there is no site/ with an index.html")
    return os.path.realpath(directory)
