# SPDX-License-Identifier: GPL-2.0-or-later
"""Entity tags of a file's identity, which survive a restart, and of its content, which are equal on every machine."""
import glob
import gzip
import os
import re
import select
import shutil
import signal

import pytest

import client
from client import wait_until
from tools import children

STRONG = re.compile(r'"[0-9a-f]{16}"')
SMALL = b"small content\n" * 50
LARGE = bytes(range(251)) * 20_000  # 5 MB: not kept in memory, hashed in a slow job
MEDIUM = LARGE[:200_000]            # not kept in memory
FILES = {"small.txt": SMALL, "medium.bin": MEDIUM, "large.bin": LARGE, "empty.txt": b""}
CODED = {"small.txt.gz": gzip.compress(SMALL, mtime=0), "small.txt.br": b"brotli stands here", "medium.bin.gz": gzip.compress(MEDIUM, mtime=0)}
LONGEST = 1 << 30  # largest file with a tag of its content, in bytes


def write(root, name, body, mtime=None):
    path = os.path.join(root, name)
    with open(path, "wb") as file:
        file.write(body)
    os.chmod(path, 0o644)
    if mtime:
        os.utime(path, (mtime, mtime))


def fill(root, mtime):
    os.mkdir(root)
    os.chmod(root, 0o755)
    for name, body in FILES.items():
        write(root, name, body, mtime)
    for name, body in CODED.items():
        write(root, name, body, mtime + 1)


def tag_of(server, target, *fields):
    return server.get(target, *fields).field("ETag")


@pytest.fixture(name="tux", params=["uring", "epoll"])
def tux_of_a_loop(tux, request):
    """Like the fixture tux, but for each loop."""
    return lambda root, *options, **more: tux(root, "--engine", request.param, *options, **more)


@pytest.fixture
def replicas(tux, place):
    """Two servers with the same content and different roots, inodes and times."""
    roots = [os.path.join(place, name) for name in ("first", "second")]
    fill(roots[0], 1_500_000_000)
    fill(roots[1], 1_600_000_000)
    return [tux(root, "--etag", "content") for root in roots], roots


def variants():
    return [("/" + name, coding) for name in FILES for coding in ("identity", "gzip", "br")]


def test_same_bytes_have_the_same_tag_on_two_servers(replicas):
    """RFC 9110 8.8.3: equal bytes have one strong tag, and each coding another."""
    (first, second), _ = replicas
    tags = {}
    for target, coding in variants():
        one, two = (server.get(target, "Accept-Encoding: " + coding) for server in (first, second))
        assert one.field("ETag") == two.field("ETag") and one.body == two.body
        assert STRONG.fullmatch(one.field("ETag")) and one.field("Last-Modified") != two.field("Last-Modified")
        assert tags.setdefault(one.field("ETag"), one.body) == one.body
    assert len(tags) == len(FILES) + len(CODED)
    for target, coding in variants():  # the cached file has the same tag
        assert tag_of(first, target, "Accept-Encoding: " + coding) in tags


def test_etag_file_differs_on_two_servers(tux, place):
    for name in ("first", "second"):
        fill(os.path.join(place, name), 1_500_000_000)
    first, second = (tux(os.path.join(place, name), "--etag", "file") for name in ("first", "second"))
    for name in FILES:
        assert tag_of(first, "/" + name) != tag_of(second, "/" + name)


def test_conditions_hold_on_another_replica(replicas):
    """RFC 9110 13.1.2, 13.1.5: a tag of one replica validates at the other one, and a download resumes there."""
    (first, second), _ = replicas
    for target, coding in variants():
        accept = "Accept-Encoding: " + coding
        got = first.get(target, accept)
        tag = got.field("ETag")
        assert second.get(target, accept, "If-None-Match: " + tag).status == 304
        assert second.get(target, accept, "If-Match: " + tag).status == 200
        if len(got.body) < 10:
            continue
        part = second.get(target, accept, "If-Range: " + tag, "Range: bytes=5-")
        assert part.status == 206 and part.body == got.body[5:]
        assert second.get(target, accept, 'If-Range: "0123456789abcdef"', "Range: bytes=5-").status == 200


def test_rewritten_file_changes_its_tag_at_once(replicas):
    """Even with the same size and mtime; restored bytes have their old tag again."""
    (first, _), (root, _) = replicas
    for name, body in FILES.items():
        before = first.get("/" + name)
        assert before.body == body
        for other in (body[:-1] + b"!" if body else b"!", body):
            write(root, name, other, 1_500_000_000)
            now = first.get("/" + name)
            assert now.body == other
            assert STRONG.fullmatch(now.field("ETag")) and (now.field("ETag") == before.field("ETag")) == (other == body)


def test_replaced_file_and_touched_file(replicas):
    (first, _), (root, _) = replicas
    tag = tag_of(first, "/large.bin")
    os.utime(os.path.join(root, "large.bin"), (1_700_000_000, 1_700_000_000))
    assert tag_of(first, "/large.bin") == tag
    shutil.copy(os.path.join(root, "large.bin"), os.path.join(root, "new"))
    os.rename(os.path.join(root, "new"), os.path.join(root, "large.bin"))
    assert tag_of(first, "/large.bin") == tag
    write(root, "large.bin", b"x" + LARGE[1:])
    assert tag_of(first, "/large.bin") != tag


def test_file_over_the_limit_has_a_weak_tag(tux, place):
    root = os.path.join(place, "root")
    fill(root, 1_500_000_000)
    os.truncate(os.path.join(root, "large.bin"), LONGEST + 1)
    server = tux(root, "--etag", "content")
    got = server.get("/large.bin", method="HEAD")
    assert got.status == 200 and re.fullmatch(r'W/"[0-9a-f]{16}"', got.field("ETag"))
    many = server.get("/large.bin", "Range: bytes=0-1,5-6")  # its boundary depends on the tag
    assert many.status == 206 and many.body.count(b"Content-Range:") == 2


def test_large_bodies_in_memory_have_the_same_tag(replicas, tux):
    (first, _), (_, root) = replicas
    memory = tux(root, "--etag", "content", "--memory-object", "%d" % (8 << 20))
    assert [tag_of(memory, "/" + name) for name in FILES] == [tag_of(first, "/" + name) for name in FILES]


def test_tags_of_content_outlive_a_restart_and_a_reload(replicas, tux):
    (first, _), (root, _) = replicas
    tags = [tag_of(first, "/" + name) for name in FILES]
    reload(first)
    assert [tag_of(first, "/" + name) for name in FILES] == tags
    again = tux(root, "--etag", "content", "--threads", "2")
    assert [tag_of(again, "/" + name) for name in FILES] == tags


def reload(server):
    before = server.pid
    server.signal(signal.SIGHUP)
    wait_until(lambda: before not in children(server.process.pid), "another process serves")


MACHINE_ID = "[ ! -e /etc/machine-id ] || mount --bind /dev/null /etc/machine-id; exec \"$@\""
NO_MACHINE_ID = ("unshare", "-m", "sh", "-c", MACHINE_ID, "sh")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_tags_of_files_outlive_a_restart_without_a_machine_id(tux, place):
    """A container has no machine id. A cache before TUX must not combine two versions in one download."""
    root = os.path.join(place, "root")
    fill(root, 1_500_000_000)
    first = tux(root, wrapper=NO_MACHINE_ID)
    tags = [tag_of(first, "/" + name) for name in FILES]
    assert all(STRONG.fullmatch(tag) for tag in tags)
    reload(first)
    assert [tag_of(first, "/" + name) for name in FILES] == tags
    first.end()
    again = tux(root, wrapper=NO_MACHINE_ID)
    assert [tag_of(again, "/" + name) for name in FILES] == tags


def loader_ticks(server):
    """Ticks of processor time of the loader threads."""
    ticks = 0
    for stat in glob.glob("/proc/%d/task/*/stat" % server.pid):
        try:
            with open(stat, encoding="ascii") as file:
                name, numbers = file.read().split("(", 1)[1].rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):  # the thread has ended
            continue
        if name == "tux loader":
            ticks += int(numbers.split()[11]) + int(numbers.split()[12])
    return ticks


def test_worker_answers_while_a_large_file_is_hashed(tux, place):
    """The single worker serves other clients. Two clients of the file wait for one read of it."""
    root = os.path.join(place, "root")
    fill(root, 1_500_000_000)
    server = tux(root, "--etag", "content", "--threads", "1")
    large = os.path.join(root, "large.bin")
    os.truncate(large, LONGEST)  # a hole: uses no disk space, but hashing takes long
    for attempt in range(20):  # a loaded machine may suspend this test for as long as the hashing takes
        os.utime(large, (1_500_000_000 + attempt, 1_500_000_000))  # another version
        before = loader_ticks(server)
        with server.connect() as one, server.connect() as two, server.connect() as small:
            for conn in (one, two):
                conn.sock.settimeout(120)  # hashing takes seconds of CPU time, which a loaded machine shares
                conn.send(client.request("/large.bin", method="HEAD"))
            wait_until(lambda: loader_ticks(server) > before, "a loader thread hashes")
            answered = [small.get("/" + name).body == FILES[name] for name in ("small.txt", "medium.bin")]
            waits = not select.select([one.sock, two.sock], [], [], 0)[0]
            tags = {conn.response("HEAD").field("ETag") for conn in (one, two)}
        assert all(answered) and len(tags) == 1
        if waits:
            return
    raise AssertionError("the worker never answered before the large file was hashed")


def test_stop_while_a_large_file_is_hashed(tux, place):
    root = os.path.join(place, "root")
    fill(root, 1_500_000_000)
    server = tux(root, "--etag", "content", "--threads", "1")
    os.truncate(os.path.join(root, "large.bin"), LONGEST)
    before = loader_ticks(server)
    with server.connect() as conn:
        conn.send(client.request("/large.bin", method="HEAD"))
        wait_until(lambda: loader_ticks(server) > before, "a loader thread hashes")
    server.end()


def test_hosts_set_their_tags(tux, place):
    """A host overrides the setting; another host inherits it from the top."""
    for name in ("first", "second"):
        fill(os.path.join(place, name), 1_500_000_000)
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('etag content\nhost "first" { root "%s/first"; default on }\nhost "second" { root "%s/second" }\n'
                   'host "third" { root "%s/second"; etag "file" }\n' % (place, place, place))
    server = tux(os.path.join(place, "first"), "--config", path)
    with server.connect() as conn:
        first, second, third = (conn.get("/medium.bin", host=host).field("ETag") for host in ("first", "second", "third"))
    assert first == second != third
