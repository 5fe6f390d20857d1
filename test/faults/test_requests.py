# SPDX-License-Identifier: GPL-2.0-or-later
"""One call fails during a request: the request gets a response or the connection closes, and the program leaks nothing."""
import os
import socket

import pytest

import client
from cases import CASES, Unexpected
from faults import ERRORS, EVERY
from server import Server


NOT_HERE = {"privilege"}  # of starts only


def steps(kind):
    """Returns the calls that fail: the first ones, and some after them. Most fallible calls allocate memory."""
    first = 1000 if EVERY else 10 if kind == "malloc" else 2
    at = 1
    while True:
        yield at
        at = at + 1 if at < first else 3 * at


def attempt(server, case):
    """Returns None for the correct response, or the result of the request."""
    try:
        case.run(server.site, server.address, fallback=case.fallback)
        return None
    except client.Closed:
        return "closed"
    except Unexpected as error:
        assert error.status >= 500, error
        return str(error.status)
    except socket.timeout:
        raise AssertionError("it hangs") from None
    except OSError as error:
        assert server.program.process.poll() is None, "it ended"
        return str(error)


def inject(server, case, kind, at, error):
    """False if there is no such call."""
    server.page.arm(kind, at, error)
    try:
        try:
            outcome = attempt(server, case)
        finally:
            fired = server.page.disarm()
        if not fired and outcome is None:
            return False
        try:
            case.run(server.site, server.address, change=False)
        except (OSError, client.Closed, Unexpected, AssertionError) as failure:
            raise AssertionError("the next one fails: %r (the one before: %s)" % (failure, outcome)) from None
        assert server.program.answers(), "a plain request is not answered"
        server.settle()
        assert server.program.serving() == server.process, "another process serves"
    except AssertionError as reason:
        raise AssertionError("%s, call %d of %s with %s fails in %s: %s\n%s" % (
            case.name, at, kind, os.strerror(error) if error else "fewer bytes", server.page.where(), reason, server.program.output[-4000:])) from None
    return True


@pytest.fixture(scope="module")
def servers():
    running = {}
    yield running
    for engine in list(running):
        stop(running.pop(engine))


@pytest.fixture(params=["uring", "epoll"])
def server(request, servers, path, place):
    """One server for all tests of an engine, and a new one after a failure."""
    engine = request.param
    if engine not in servers:
        servers[engine] = Server(path, place, engine)
    failed = request.session.testsfailed
    yield servers[engine]
    if request.session.testsfailed > failed:
        servers.pop(engine).abandon()


def stop(server):
    """Stops the server; a sanitizer reports leaks at the end."""
    assert server.stop() == 0, server.program.output


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_call_fails_once(server, case):
    server.page.count(True)
    case.run(server.site, server.address)
    server.settle()
    server.page.count(False)
    kinds = server.page.calls()
    assert kinds, "the library sees no call"
    for kind in sorted(set(kinds) - NOT_HERE):
        for error in ERRORS[kind]:
            for at in steps(kind):
                if not inject(server, case, kind, at, error):
                    break
        assert server.is_idle(), "after %s: it asks again and again: %r" % (kind, server.page.calls())
