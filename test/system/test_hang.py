# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system or a resolver that hangs: all independent work continues."""
import os
import select
import signal
import socket

import pytest

import client
import hang as calls
from hang import hang  # noqa: F401
from test_reload import supervised  # noqa: F401


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
    """inotify_add_watch() of one directory hangs; listings and files of another one are served."""
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


@pytest.mark.parametrize("call,target", [(calls.READ, "/slow/file"), (calls.WATCH, "/slow/")], ids=["file", "listing"])
def test_loading_has_a_time_limit(tux, root, hang, engine, call, target):  # noqa: F811
    """A file or listing is not loaded within --send-timeout: 503, one line each, and the connection serves the next request."""
    server = tux(root, "--browse", "--threads", "1", "--engine", engine, "--send-timeout", "0.5", "--max-connections", "4", env=hang.env)
    hang.on(call, root + target.rstrip("/"))
    conns = [server.connect(timeout=60) for _ in range(3)]
    for conn in conns:
        conn.send(client.request(target) + client.request("/other/file"))
    conns[0].sock.shutdown(socket.SHUT_WR)  # it still wants its responses
    for conn in conns:
        found = conn.response()
        assert found.status == 503 and "close" not in found.tokens("Connection")
        assert conn.response().body == b"data"
    conns[0].assert_closed()
    said = [line for line in server.output.splitlines() if "does not respond" in line]
    assert len(said) == len(conns)
    assert hang.hung > 0
    hang.off()
    client.wait_until(lambda: server.get(target).status == 200, "the load ends")


def test_time_limit_of_loading_goes_on_while_bytes_arrive(tux, root, hang, engine):  # noqa: F811
    """A client that sends its next request byte by byte does not put off the limit of the load that it waits for."""
    server = tux(root, "--threads", "1", "--engine", engine, "--send-timeout", "1", env=hang.env)
    hang.on(calls.READ, root + "/slow/file")
    conn = server.connect(timeout=60)
    conn.send(client.request("/slow/file"))
    for byte in client.request("/other/" + 200 * "x"):  # takes 20 times the limit
        conn.send(bytes([byte]))
        if select.select([conn.sock], [], [], 0.1)[0]:
            break
    else:
        pytest.fail("no response while bytes arrive")
    assert conn.response().status == 503
    hang.off()


def test_hanging_root_delays_no_load_of_another_host(tux, root, place, hang, engine):  # noqa: F811
    """More files of one root hang than there are threads for them: a host with another root loads its files."""
    other = os.path.join(place, "second")
    os.mkdir(other)
    with open(os.path.join(other, "file"), "wb") as file:
        file.write(b"second")
    for number in range(10):
        os.link(os.path.join(root, "slow", "file"), os.path.join(root, "slow", str(number)))
    config = os.path.join(place, "tux.conf")
    with open(config, "w") as file:
        file.write('host "a.test" { root "%s" }\nhost "b.test" { root "%s" }\n' % (root, other))
    server = tux(place, "--config", config, "--engine", engine, "--threads", "1", env=hang.env)
    hang.on(calls.READ, root + "/slow/file")
    waiting = [server.connect(timeout=60) for _ in range(10)]
    for number, conn in enumerate(waiting):
        conn.send(client.request("/slow/%d" % number, host="a.test"))
    client.wait_until(lambda: hang.hung >= 4, "the loads hang")
    assert server.get("/file", host="b.test").body == b"second"
    hang.off()
    for conn in waiting:
        assert conn.response().body == b"data"


@pytest.fixture
def linked(place, root):
    """A link to the root; switch() points it to another directory."""
    link, other = os.path.join(place, "current"), os.path.join(place, "next")
    os.symlink(root, link)
    os.mkdir(other)
    with open(os.path.join(other, "new"), "wb") as file:
        file.write(b"new")

    def switch():
        os.symlink(other, link + ".new")
        os.rename(link + ".new", link)
    switch.link, switch.other = link, other
    return switch


@pytest.mark.parametrize("end", ["goes on", "stops"])
def test_hanging_root_blocks_no_other_work(tux, hang, linked, end):  # noqa: F811
    """Opening the new root hangs: the old one is served, SIGHUP and SIGTERM work. The new root is served when it no longer hangs.
    """
    server = tux(linked.link, env=hang.env)
    assert server.get("/other/file").body == b"data"
    hang.on(calls.OPEN, linked.other)
    linked()
    client.wait_until(lambda: hang.hung > 0, "following the path hangs")
    assert server.get("/other/file").body == b"data"
    if end == "goes on":
        hang.off()
        client.wait_until(lambda: server.get("/new").body == b"new", "the new root is served")
    else:
        server.signal(signal.SIGHUP)
        assert server.get("/other/file").body == b"data"
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_crashed_process_is_replaced_while_a_root_hangs(tux, hang, linked):  # noqa: F811
    """The supervisor starts another process, which serves as soon as the root responds."""
    server = tux(linked.link, env=hang.env)
    hang.on(calls.OPEN, linked.other)
    linked()
    client.wait_until(lambda: hang.hung > 0, "following the path hangs")
    before = server.pid
    os.kill(before, signal.SIGKILL)
    client.wait_until(lambda: "was ended by signal 9" in server.output, "the crash is seen")
    hang.off()
    client.wait_until(lambda: answers(server), "another process serves")
    assert server.pid != before


def answers(server):
    try:
        return server.get("/new").body == b"new"
    except (OSError, client.Closed):
        return False


def test_hanging_resolver_blocks_no_other_work(supervised, hang, root):  # noqa: F811
    """An upstream server's name is not resolved: a reload takes effect, its requests are 502, SIGTERM ends the server."""
    text = ('root "%s"\nlisten "127.0.0.1:PORT"\nlog off\n' % root +
            'upstream app { server "app.tux.invalid:9" }\nroute "/app/" { upstream app }\n')
    server = supervised(text, env=hang.env)
    hang.on(calls.NAMES)
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: hang.hung > 0, "resolving hangs")
    with client.Connection(server.address) as conn:
        assert conn.get("/other/file").body == b"data"
    client.wait_until(lambda: server.output.count("is in force") == 2, "the reload is in force")
    with client.Connection(server.address) as conn:
        assert conn.get("/app/").status == 502
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
