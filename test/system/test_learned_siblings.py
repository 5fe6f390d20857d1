# SPDX-License-Identifier: GPL-2.0-or-later
"""
Precompressed siblings in a directory whose names TUX has read. TUX does not look for siblings there that do not exist, so each change of
the directory has to be known before the next request. Test builds read the names after the second file.
"""
import glob
import json
import os
import shutil
import signal

import pytest

ENGINES = pytest.mark.parametrize("engine", ["uring", "epoll"])
CONFIG = 'route "=/status" { status on }\n'
LIMIT = 128  # SIBLINGS_MAX of test builds


class Site:
    """A server with a directory d, whose names it has read."""

    def __init__(self, place, tux, engine, learned=True, siblings=0):
        self.root = place + "/site"
        os.makedirs(self.path("d"))
        for i in range(4):
            self.write("d/first%d.txt" % i, b"plain")
        for i in range(siblings):
            self.write("d/%d.gz" % i, b"sibling")
        with open(place + "/tux.conf", "w", encoding="utf-8") as file:
            file.write(CONFIG)
        self.server = tux(self.root, "--config", place + "/tux.conf", "--engine", engine, "--threads", "1")
        for i in range(4):
            assert self.get("/d/first%d.txt" % i) == b"plain"
        if learned:
            self.server.wait_until(lambda: self.work("directories_learned") == 1, "the directory is learned")

    def work(self, name):
        return json.loads(self.server.get("/status?format=json").body)["work"][name]

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def get(self, target):
        response = self.server.get(target, "Accept-Encoding: gzip")
        assert response.status == 200
        assert (response.field("Content-Encoding") == "gzip") == (response.body != b"plain")
        return response.body


@pytest.fixture
def site(place, tux, engine):
    return Site(place, tux, engine)


@ENGINES
def test_missing_siblings_are_not_looked_for(site):
    """A file that is loaded from a learned directory counts as such."""
    site.write("d/a.txt", b"plain")
    before = site.work("siblings_known")
    assert site.get("/d/a.txt") == b"plain"
    assert site.work("siblings_known") == before + 1


@ENGINES
def test_new_sibling_is_sent(site):
    """A sibling that appears is sent by the next request, for a cached file and for another one."""
    site.write("d/a.txt", b"plain")
    site.write("d/b.txt", b"plain")
    assert site.get("/d/a.txt") == b"plain"
    for name in ("a", "b"):
        site.write("d/%s.txt.gz" % name, b"coded")
        assert site.get("/d/%s.txt" % name) == b"coded"


@ENGINES
def test_removed_sibling_is_not_sent(site):
    """A sibling that comes and goes is sent while it exists."""
    site.write("d/a.txt", b"plain")
    for i in range(10):
        site.write("d/a.txt.gz", b"coded %d" % i)
        assert site.get("/d/a.txt") == b"coded %d" % i
        os.unlink(site.path("d/a.txt.gz"))
        assert site.get("/d/a.txt") == b"plain"


@ENGINES
@pytest.mark.parametrize("make", [os.rename, os.link, os.symlink])
def test_sibling_gets_its_name_by_rename_or_link(site, make):
    """rename(2), link(2) and symlink(2) make siblings, too, and rename replaces one."""
    site.write("d/a.txt", b"plain")
    site.write("new", b"coded")
    assert site.get("/d/a.txt") == b"plain"
    make("../new" if make is os.symlink else site.path("new"), site.path("d/a.txt.gz"))
    assert site.get("/d/a.txt") == b"coded"
    site.write("other", b"coded again")
    os.rename(site.path("other"), site.path("d/a.txt.gz"))
    assert site.get("/d/a.txt") == b"coded again"


@ENGINES
def test_replaced_directory_has_its_own_siblings(site):
    """Another directory that takes the path of a learned one has siblings of its own."""
    assert site.get("/d/first0.txt") == b"plain"
    shutil.copytree(site.path("d"), site.path("e"))
    site.write("e/first0.txt.gz", b"coded")
    site.write("e/first1.txt.gz", b"coded")
    os.rename(site.path("d"), site.path("old"))
    os.rename(site.path("e"), site.path("d"))
    assert site.get("/d/first0.txt") == b"coded"
    assert site.get("/d/first1.txt") == b"coded"
    shutil.rmtree(site.path("d"))
    os.rename(site.path("old"), site.path("d"))
    assert site.get("/d/first0.txt") == b"plain"
    site.write("d/first0.txt.gz", b"coded once more")
    assert site.get("/d/first0.txt") == b"coded once more"


def is_stopped(pid):
    """True if each thread of a process has stopped."""
    states = []
    for path in glob.glob("/proc/%d/task/*/stat" % pid):
        with open(path, encoding="utf-8") as file:
            states.append(file.read().rsplit(")", 1)[1].split()[0])
    return set(states) == {"T"}


@ENGINES
def test_sibling_is_sent_after_lost_events(site):
    """inotify(7): after IN_Q_OVERFLOW events were lost, so the server forgets what it has learned."""
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        events = int(file.read())
    if events > 100000:
        pytest.skip("a queue of %d events takes long to fill" % events)
    site.write("d/a.txt", b"plain")
    assert site.get("/d/a.txt") == b"plain"
    pid = site.server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        site.server.wait_until(lambda: is_stopped(pid), "it has stopped")
        for i in range(events // 2 + 64):
            os.chmod(site.path("d/first0.txt"), 0o644)
            os.chmod(site.path("d/first1.txt"), 0o644)
        site.write("d/a.txt.gz", b"coded")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert site.get("/d/a.txt") == b"coded"


@ENGINES
def test_directory_over_the_limit_is_looked_into_each_time(place, tux, engine):
    """A directory with more siblings than TUX keeps in mind is not learned."""
    site = Site(place, tux, engine, learned=False, siblings=LIMIT + 1)
    for i in range(8):
        site.write("d/a%d.txt" % i, b"plain")
        assert site.get("/d/a%d.txt" % i) == b"plain"
        site.write("d/a%d.txt.gz" % i, b"coded")
        assert site.get("/d/a%d.txt" % i) == b"coded"
    assert site.work("directories_learned") == 0 and site.work("siblings_known") == 0


@ENGINES
def test_learned_directory_grows_over_the_limit(site):
    """Siblings that appear in a learned directory are sent, beyond the limit, too."""
    for i in range(LIMIT + 20):
        site.write("d/%d.txt" % i, b"plain")
        site.write("d/%d.txt.gz" % i, b"coded")
    for i in range(0, LIMIT + 20, 7):
        assert site.get("/d/%d.txt" % i) == b"coded"
    site.write("d/last.txt", b"plain")
    assert site.get("/d/last.txt") == b"plain"


@ENGINES
def test_siblings_that_appear_while_the_directory_is_read(place, tux, engine):
    """Events since the start of the reading are not lost."""
    site = Site(place, tux, engine)
    for k in range(20):
        os.makedirs(site.path("r%d" % k))
        for i in range(200):
            site.write("r%d/%d.txt" % (k, i), b"plain")
        for i in range(12):
            assert site.get("/r%d/%d.txt" % (k, i)) == b"plain"
            site.write("r%d/%d.txt.gz" % (k, 100 + i), b"coded")
        for i in range(12):
            assert site.get("/r%d/%d.txt" % (k, 100 + i)) == b"coded"
