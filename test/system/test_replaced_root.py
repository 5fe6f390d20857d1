# SPDX-License-Identifier: GPL-2.0-or-later
"""A document root that is replaced: its path is resolved again, so the new directory is served without a reload."""
import os
import pwd
import shutil
import signal
import threading

import pytest

import client
from tools import children


def publish(directory, text, file="file"):
    """Makes a directory readable by all, with one file."""
    os.mkdir(directory, 0o755)
    os.chmod(directory, 0o755)
    with open(os.path.join(directory, file), "w", encoding="utf-8") as out:
        out.write(text)


def switch(link, target):
    """Renames a new link over the old one, like deployments."""
    os.symlink(target, link + ".new")
    os.rename(link + ".new", link)


class Visitor:
    """A client that keeps its connection until a response announces its close, from a process that retires."""

    def __init__(self, server):
        self.server, self.conn, self.closes = server, server.connect(), 0

    def get(self, path):
        response = self.conn.get(path)
        if "close" in response.tokens("Connection"):
            self.conn.assert_closed()
            self.conn = self.server.connect()
            self.closes += 1
        return response

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()


def wait_for_body(visitor, body, path="/file"):
    client.wait_until(lambda: visitor.get(path).body == body, "%r is served" % body)


@pytest.fixture
def deployed(place):
    """Two releases and a link to the first one."""
    publish(os.path.join(place, "r1"), "one")
    publish(os.path.join(place, "r2"), "two")
    link = os.path.join(place, "current")
    os.symlink("r1", link)
    return link


def test_replaced_link_is_followed(tux, deployed):
    """DESIGN: a replaced root is never served stale, on existing connections either."""
    server = tux(deployed)
    with Visitor(server) as before:
        assert before.get("/file").body == b"one"
        for target, body in (("r2", b"two"), ("r1", b"one"), ("r2", b"two")):
            switch(deployed, target)
            wait_for_body(before, body)
            # Another thread of the process that retires may accept for a moment after the first one has passed its connections.
            client.wait_until(lambda wanted=body: server.get("/file").body == wanted, "new connections are served from it")


def test_idle_connection_is_passed_on(tux, deployed):
    """An idle connection is not closed: its next request is served from the new root."""
    server = tux(deployed)
    with server.connect() as idle, Visitor(server) as conn:
        assert idle.get("/file").body == b"one"
        switch(deployed, "r2")
        wait_for_body(conn, b"two")
        client.wait_until(lambda: list(children(server.process.pid).values()).count("tux") == 1, "the one that retired has ended")
        response = idle.get("/file")
        assert response.body == b"two" and "close" not in response.tokens("Connection")


def test_links_by_both_names_of_the_root(tux, deployed):
    """A link's target may start with the configured path of the root, or with its resolved path, which changes with each release.
    """
    place = os.path.dirname(deployed)
    for release, other in (("r1", "r2"), ("r2", "r1")):
        os.symlink(os.path.join(deployed, "file"), os.path.join(place, release, "said"))
        os.symlink(os.path.join(place, release, "file"), os.path.join(place, release, "real"))
        os.symlink(os.path.join(place, other, "file"), os.path.join(place, release, "other"))
    server = tux(deployed)
    with Visitor(server) as conn:
        for target, data in (("r1", b"one"), ("r2", b"two")):
            switch(deployed, target)
            wait_for_body(conn, data, "/real")
            wait_for_body(conn, data, "/said")
            assert conn.get("/other").status == 403


def test_replaced_link_above_the_root_is_followed(tux, place):
    """The root is dist in a release: the replaced link is in the middle of the path."""
    for name in ("r1", "r2"):
        os.mkdir(os.path.join(place, name), 0o755)
        publish(os.path.join(place, name, "dist"), name)
    link = os.path.join(place, "current")
    os.symlink(os.path.join(place, "r1"), link)
    server = tux(link + "/dist")
    with Visitor(server) as conn:
        assert conn.get("/file").body == b"r1"
        switch(link, os.path.join(place, "r2"))
        wait_for_body(conn, b"r2")


def host_body(server, name, path="/file"):
    with server.connect() as conn:
        conn.send(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path.encode(), name.encode()))
        return conn.response("GET").body


def test_link_above_the_roots_of_several_hosts(tux, place):
    """Roots that share the beginning of their paths: a link in it is replaced, then a directory after it, then one root alone."""
    hosts = ["a", "b", "c"]
    for release in ("r1", "r2", "r3"):
        os.makedirs(os.path.join(place, release, "sites"))
        for host in hosts:
            publish(os.path.join(place, release, "sites", host), release + host)
    link = os.path.join(place, "current")
    os.symlink("r1", link)
    lines = ["log off"] + ['host "%s.example" { root "%s/sites/%s" }' % (host, link, host) for host in hosts]
    with open(os.path.join(place, "tux.conf"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    server = tux(place, "--config", os.path.join(place, "tux.conf"))

    def wait_for(*bodies):
        client.wait_until(lambda: [host_body(server, host + ".example").decode() for host in hosts] == list(bodies), "%r are served" % (bodies,))

    wait_for("r1a", "r1b", "r1c")
    switch(link, "r2")
    wait_for("r2a", "r2b", "r2c")
    os.rename(os.path.join(place, "r2", "sites"), os.path.join(place, "r2", "old"))
    os.rename(os.path.join(place, "r3", "sites"), os.path.join(place, "r2", "sites"))
    wait_for("r3a", "r3b", "r3c")
    os.rename(os.path.join(place, "r2", "sites", "b"), os.path.join(place, "b.old"))
    publish(os.path.join(place, "r2", "sites", "b"), "new")
    wait_for("r3a", "new", "r3c")
    switch(link, "r1")
    wait_for("r1a", "r1b", "r1c")


def test_moved_directory_is_replaced(tux, place):
    """mv site old; mv new site."""
    site = os.path.join(place, "site")
    publish(site, "one")
    publish(os.path.join(place, "new"), "two")
    server = tux(site)
    with Visitor(server) as conn:
        assert conn.get("/file").body == b"one"
        os.rename(site, os.path.join(place, "old"))
        os.rename(os.path.join(place, "new"), site)
        wait_for_body(conn, b"two")


def test_rebuilt_directory_is_served(tux, place):
    """rm -rf out; mkdir out: repeatedly, like build tools, with a relative path."""
    out = os.path.join(place, "out")
    publish(out, "0")
    server = tux("out", wrapper=("env", "-C", place))
    with Visitor(server) as conn:
        for i in range(4):
            assert conn.get("/file").body == b"%d" % i
            shutil.rmtree(out)
            publish(out, str(i + 1))
            wait_for_body(conn, b"%d" % (i + 1))


def test_missing_root_is_404_until_it_is_back(tux, place):
    """A root that was moved elsewhere is not served from its new place."""
    site = os.path.join(place, "site")
    publish(site, "one")
    server = tux(site)
    with Visitor(server) as conn:
        assert conn.get("/file").body == b"one"
        os.rename(site, os.path.join(place, "old"))
        client.wait_until(lambda: conn.get("/file").status == 404, "it is missing")
        assert conn.get("/").status == 404
        os.rename(os.path.join(place, "old"), site)
        wait_for_body(conn, b"one")
    assert "removed" in server.output and "replaced" in server.output


def test_active_download_completes_from_the_old_root(tux, deployed):
    """A long download comes from one release, from its first byte to its last."""
    for name in ("r1", "r2"):
        with open(os.path.join(os.path.dirname(deployed), name, "large"), "wb") as out:
            out.write(name.encode() * (8 << 20))
    server = tux(deployed)
    with server.connect(receive_buffer=4096) as slow, Visitor(server) as conn:
        slow.send(client.request("/large"))
        length = int(slow.head().field("Content-Length"))
        switch(deployed, "r2")
        wait_for_body(conn, b"two")
        slow.widen()
        assert slow.take(length) == b"r1" * (8 << 20)


def test_no_request_is_lost_while_the_root_is_replaced(tux, deployed):
    """Each request gets a response of one release, and never an older one than before on the same connection."""
    server = tux(deployed)
    failures, over = [], threading.Event()

    def ask():
        try:
            with Visitor(server) as conn:
                while not over.is_set():
                    response = conn.get("/file")
                    if response.status != 200 or response.body not in (b"one", b"two"):
                        failures.append(response)
        except (OSError, client.Closed) as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with Visitor(server) as conn:
            for i in range(6):
                switch(deployed, "r2" if i % 2 == 0 else "r1")
                wait_for_body(conn, b"two" if i % 2 == 0 else b"one")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_foreign_link_does_not_publish_what_its_owner_cannot_reach(tux, place):
    """Root follows no link of another user to a place that the serving user cannot reach: here a directory of root only."""
    secret = os.path.join(place, "private", "secret")
    os.mkdir(os.path.dirname(secret), 0o700)
    publish(secret, "secret")
    publish(os.path.join(place, "r1"), "one")
    home = os.path.join(place, "home")
    os.mkdir(home, 0o755)
    link = os.path.join(home, "current")
    os.symlink("../r1", link)
    owner = pwd.getpwnam("nobody")
    os.chown(home, owner.pw_uid, owner.pw_gid)
    os.chown(link, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    server = tux(link)
    with Visitor(server) as conn:
        assert conn.get("/file").body == b"one"
        os.symlink(secret, link + ".new")
        os.chown(link + ".new", owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        os.rename(link + ".new", link)
        client.wait_until(lambda: conn.get("/file").status == 404, "the old root is left")
        client.wait_until(lambda: "a link on the way that other users can change" in server.output, "it says why")


def test_reload_opens_the_root_anew(tux, deployed):
    """SIGHUP, as in tux.service's reload, resolves the path again, without --config too."""
    server = tux(deployed)
    with Visitor(server) as conn:
        assert conn.get("/file").body == b"one"
        switch(deployed, "r2")
        server.signal(signal.SIGHUP)
        wait_for_body(conn, b"two")
        client.wait_until(lambda: "tux: reloaded" in server.output, "it says so")
