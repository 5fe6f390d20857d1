# SPDX-License-Identifier: GPL-2.0-or-later
"""Files: which are served, and that changes take effect in the next request."""
import hashlib
import os
import shutil
import stat
import threading
import urllib.parse

import pytest

import content
from client import Closed, request


@pytest.mark.parametrize("name", content.FUNNY)
def test_escaped_names(conn, name):
    """RFC 3986 2.1: any name can be requested in escaped form."""
    assert conn.get("/funny/" + urllib.parse.quote(name)).body == name.encode()


@pytest.mark.parametrize("target", ["/missing", "/missing/", "/missing/x", "/sub/missing", "/" + "x" * 300,
                                    "/" + "x/" * 2000, "/TEXT.TXT"])
def test_missing(conn, target):
    """RFC 9110 15.5.5: a missing file is 404, and the connection persists."""
    assert conn.get(target).status == 404
    assert conn.get("/text.txt").body == content.TEXT


def test_empty(conn):
    """RFC 9110 8.6: an empty file has length 0."""
    response = conn.get("/empty.txt")
    assert response.status == 200 and response.body == b"" and response.field("Content-Length") == "0"


def test_large(conn):
    """A file too large for the memory cache, repeatedly on one connection."""
    for _ in range(5):
        assert conn.get("/big.bin").body == content.BIG


def test_sparse(conn):
    """A sparse file is sent with its zeros."""
    body = conn.get("/sparse.bin").body
    assert len(body) == content.SPARSE_SIZE and body.endswith(b"\0end") and body.count(0) == content.SPARSE_SIZE - 3


@pytest.mark.parametrize("size", [1, 2, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 131072, 262144,
                                  524288, 1048575, 1048576, 1048577, 2097152 + 1])
def test_sizes(server, conn, fresh_name, size):
    """Sizes around every buffer size and limit."""
    data = (hashlib.sha256(b"%d" % size).digest() * (size // 32 + 1))[:size]
    server.write(fresh_name, data)
    for _ in range(3):
        assert conn.get("/" + fresh_name).body == data


@pytest.mark.parametrize("target", ["/private.txt", "/group.txt"])
def test_unreadable(conn, target):
    """The mode rule: a file that is not readable for all is 403."""
    response = conn.get(target)
    assert response.status == 403 and b"secret" not in response.body


@pytest.mark.parametrize("above", ["", "directory"])
def test_unsearchable_directory_refuses_its_cached_files(start, above):
    """A cached file is refused as soon as its directory loses search permission: the root or one beneath it."""
    server = start("--recheck", "60")
    server.write("directory/file", b"data")
    with server.connect() as conn:
        assert conn.get("/directory/file").body == b"data"
        assert conn.get("/text.txt").status == 200
        os.chmod(server.path(above), 0o700 if os.geteuid() == 0 else 0)
        assert conn.get("/directory/file").status == 403
        os.chmod(server.path(above), 0o755)
        assert conn.get("/directory/file").body == b"data"


def test_any_mode_option(start):
    """--any-mode serves what the server itself can read."""
    server = start("--any-mode")
    path = server.path("private.txt")
    server.get("/text.txt")  # responds, so its privileges are dropped
    with open("/proc/%d/status" % server.process.pid, encoding="ascii") as file:
        uid, gid = (int(line.split()[2]) for line in file if line.startswith(("Uid:", "Gid:")))
    os.chown(path, uid, gid)
    assert server.get("/private.txt").body == b"secret\n"


@pytest.mark.parametrize("target", ["/fifo", "/socket", "/fifo/", "/socket/"])
def test_special_files(conn, target):
    """Only regular files are served. A FIFO or socket is refused and never waited for."""
    assert conn.get(target).status in (403, 404)
    assert conn.get("/text.txt").body == content.TEXT


def test_device(server, conn):
    """A device is not read."""
    path = server.path("device")
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # zero
        os.chmod(path, 0o666)
    except PermissionError:
        pytest.skip("making a device needs privileges")
    try:
        assert conn.get("/device").status in (403, 404)
    finally:
        os.unlink(path)


@pytest.mark.parametrize("target, data", [("/link-inside", content.TEXT), ("/link-dir/", content.SUB_PAGE),
                                          ("/link-dir/text.txt", content.TEXT)],
                         ids=["file", "directory", "below"])
def test_links_inside(conn, target, data):
    """Symbolic links inside the root are followed."""
    assert conn.get(target).body == data


@pytest.mark.parametrize("target", ["/link-outside", "/link-outside-relative", "/link-outside-dir/secret.txt",
                                    "/link-outside-dir", "/link-outside-dir/", "/link-loop", "/link-broken",
                                    "/link-loop/x"])
def test_links_outside(conn, target):
    """Links out of the root, and dangling links, are refused."""
    response = conn.get(target)
    assert response.status in (403, 404) and b"secret" not in response.body


def test_link_changes(server, conn, fresh_name):
    """A changed link takes effect in the next request. A link that now leads outside is refused."""
    server.write(fresh_name + "-0", b"zero")
    server.write(fresh_name + "-1", b"one")
    for i in range(40):
        content.link(server.root, "%s-%d" % (fresh_name, i % 2), fresh_name)
        assert conn.get("/" + fresh_name).body == (b"zero", b"one")[i % 2]
    content.link(server.root, os.path.join(server.outside, "secret.txt"), fresh_name)
    assert conn.get("/" + fresh_name).status in (403, 404)


def test_link_target_changes(server, conn, fresh_name):
    """A changed target takes effect, too."""
    content.link(server.root, "sub/" + fresh_name, fresh_name)
    for i in range(40):
        server.write("sub/" + fresh_name, b"%04d" % i)
        assert conn.get("/" + fresh_name).body == b"%04d" % i


def test_hard_link_changes(server, conn, fresh_name):
    """A file written through another name."""
    server.write("sub/" + fresh_name, b"0000")
    os.link(server.path("sub/" + fresh_name), server.path(fresh_name))
    for i in range(40):
        assert conn.get("/" + fresh_name).status == 200
        with open(server.path("sub/" + fresh_name), "r+b") as file:
            file.write(b"%04d" % i)
        assert conn.get("/" + fresh_name).body == b"%04d" % i


def many(server, count=6):
    """Several connections, because threads of the server may keep separate caches."""
    return [server.connect() for _ in range(count)]


def everywhere(connections, target):
    responses = [conn.get(target) for conn in connections]
    for conn in connections:
        conn.get(target)  # cached everywhere
    return responses


@pytest.mark.parametrize("size", [10, 5000, 2 << 20])
def test_replaced(server, fresh_name, size):
    """RFC 9111 4: never stale: a file replaced by rename takes effect in the next request, on all connections."""
    connections = many(server)
    for i in range(100 if size < 1 << 20 else 10):
        data = (b"%08d" % i * (size // 8 + 1))[:size]
        new = server.write(fresh_name + ".new", data)
        os.rename(new, server.path(fresh_name))
        for response in everywhere(connections, "/" + fresh_name):
            assert response.body == data
    for conn in connections:
        conn.close()


@pytest.mark.parametrize("size", [10, 5000, 2 << 20])
def test_rewritten(server, fresh_name, size):
    """RFC 9111 4: a file rewritten in place with the same size takes effect in the next request."""
    connections = many(server)
    path = server.write(fresh_name, b"")
    for i in range(100 if size < 1 << 20 else 10):
        data = (b"%08d" % i * (size // 8 + 1))[:size]
        with open(path, "r+b") as file:
            file.write(data)
        for response in everywhere(connections, "/" + fresh_name):
            assert response.body == data
    for conn in connections:
        conn.close()


def test_rewritten_keeping_times(server, conn, fresh_name):
    """RFC 9111 4: even if its mtime is restored."""
    path = server.write(fresh_name, b"0000", mtime=content.OLD)
    for i in range(100):
        with open(path, "r+b") as file:
            file.write(b"%04d" % i)
        os.utime(path, (content.OLD, content.OLD))
        assert conn.get("/" + fresh_name).body == b"%04d" % i


def test_appended_and_truncated(server, conn, fresh_name):
    """RFC 9111 4: a file that grows or shrinks has its new length in the next request."""
    path = server.write(fresh_name, b"")
    for size in [1, 100, 5000, 100, 0, 70000, 1, 2 << 20, 10] * 3:
        os.truncate(path, size)
        response = conn.get("/" + fresh_name)
        assert response.body == bytes(size) and response.field("Content-Length") == str(size)


def test_removed_and_made(server, conn, fresh_name):
    """RFC 9111 4: a removed file is 404 in the next request, a created one is 200."""
    for i in range(50):
        assert conn.get("/" + fresh_name).status == 404
        path = server.write(fresh_name, b"%d" % i)
        assert conn.get("/" + fresh_name).body == b"%d" % i
        os.unlink(path)


def test_chmodded(server, conn, fresh_name):
    """RFC 9111 4: a file that is not readable any more is 403 in the next request."""
    path = server.write(fresh_name, b"data")
    for _ in range(50):
        assert conn.get("/" + fresh_name).body == b"data"
        os.chmod(path, 0o600)
        assert conn.get("/" + fresh_name).status == 403
        os.chmod(path, 0o644)


def test_touched(server, conn, fresh_name):
    """RFC 9110 8.8.2: a new mtime takes effect in the next request."""
    path = server.write(fresh_name, b"data")
    for i in range(50):
        os.utime(path, (content.OLD + i, content.OLD + i))
        assert conn.get("/" + fresh_name).field("Last-Modified") == "Sun, 06 Nov 1994 08:%02d:%02d GMT" % (
            49 + (37 + i) // 60, (37 + i) % 60)


def test_parent_renamed(server, conn, fresh_name):
    """RFC 9111 4: a directory above the file renamed, at any depth."""
    for i in range(30):
        server.write(fresh_name + "/a/b/text.txt", b"%d" % i)
        target = "/%s/a/b/text.txt" % fresh_name
        assert conn.get(target).body == b"%d" % i
        for name in ("/a/b", "/a", ""):
            here = server.path(fresh_name + name)
            os.rename(here, here + "-moved")
            assert conn.get(target).status == 404
            assert conn.get("/" + os.path.relpath(here, server.root) + "-moved" + target[len(fresh_name + name) + 1:]
                            ).body == b"%d" % i
            os.rename(here + "-moved", here)
            assert conn.get(target).body == b"%d" % i


def test_parent_replaced(server, conn, fresh_name):
    """RFC 9111 4: a directory replaced by another, as in a deployment."""
    for i in range(30):
        server.write(fresh_name + ".new/a/text.txt", b"%d" % i)
        if os.path.exists(server.path(fresh_name)):
            os.rename(server.path(fresh_name), server.path(fresh_name + ".old"))
        os.rename(server.path(fresh_name + ".new"), server.path(fresh_name))
        assert conn.get("/%s/a/text.txt" % fresh_name).body == b"%d" % i
        shutil.rmtree(server.path(fresh_name + ".old"), ignore_errors=True)


def test_parent_link_switched(server, conn, fresh_name):
    """RFC 9111 4: a deployment that switches a link to a directory."""
    for i in range(30):
        server.write("%s-%d/text.txt" % (fresh_name, i), b"%d" % i)
        os.symlink("%s-%d" % (fresh_name, i), server.path(fresh_name + ".new"))
        os.rename(server.path(fresh_name + ".new"), server.path(fresh_name))
        assert conn.get("/%s/text.txt" % fresh_name).body == b"%d" % i


def test_parent_chmodded(server, conn, fresh_name):
    """RFC 9111 4: a directory that loses its search permission."""
    with_privileges = os.geteuid() == 0
    server.write(fresh_name + "/a/text.txt", b"data")
    for _ in range(10):
        assert conn.get("/%s/a/text.txt" % fresh_name).body == b"data"
        os.chmod(server.path(fresh_name), 0o700)
        if with_privileges:
            assert conn.get("/%s/a/text.txt" % fresh_name).status in (403, 404)
        os.chmod(server.path(fresh_name), 0o755)


def test_directory_becomes_file(server, conn, fresh_name):
    """RFC 9111 4: a file that becomes a directory, and back."""
    for _ in range(20):
        path = server.write(fresh_name, b"file")
        assert conn.get("/" + fresh_name).body == b"file"
        os.unlink(path)
        server.write(fresh_name + "/index.html", b"directory")
        assert conn.get("/" + fresh_name).status == 301
        assert conn.get("/" + fresh_name + "/").body == b"directory"
        shutil.rmtree(path)


def started(server, target):
    """A connection that has requested a file, read the head and little more: most of the body is not sent yet."""
    conn = server.connect(receive_buffer=4096)
    conn.send(request(target))
    head = conn.head()
    assert head.status == 200
    return conn, int(head.field("Content-Length"))


def test_truncated_while_sent(server, fresh_name):
    """RFC 9112 8: a file that shrinks during its response ends the connection early, without padding."""
    path = content.sparse(server.root, fresh_name, content.SPARSE_SIZE)
    conn, length = started(server, "/" + fresh_name)
    with conn:
        os.truncate(path, 1000)
        conn.widen()
        with pytest.raises(Closed) as closed:
            conn.take(length)
        assert len(closed.value.got) < length
    assert server.get("/" + fresh_name).body == bytes(1000)


def test_truncated_and_pipelined(server, fresh_name):
    """RFC 9112 8: the next response does not replace the missing bytes."""
    path = content.sparse(server.root, fresh_name, content.SPARSE_SIZE)
    with server.connect(receive_buffer=4096) as conn:
        conn.send(request("/" + fresh_name) + request("/bytes.bin") * 10)
        length = int(conn.head().field("Content-Length"))
        os.truncate(path, 1000)
        conn.widen()
        with pytest.raises(Closed) as closed:
            conn.take(length)
        assert content.BYTES not in closed.value.got


def test_removed_while_sent(server, fresh_name):
    """A file removed during its response is sent completely, or the connection closes early."""
    path = content.sparse(server.root, fresh_name, content.SPARSE_SIZE, [(content.SPARSE_SIZE - 3, b"end")])
    conn, length = started(server, "/" + fresh_name)
    with conn:
        os.unlink(path)
        conn.widen()
        try:
            assert conn.take(length).endswith(b"\0end")
        except Closed as closed:
            assert len(closed.got) < length
    assert server.get("/" + fresh_name).status == 404


def test_replaced_while_sent(server, fresh_name):
    """A file replaced during its response is sent completely, or the connection closes early. Versions are never mixed."""
    content.sparse(server.root, fresh_name, content.SPARSE_SIZE)
    conn, length = started(server, "/" + fresh_name)
    with conn:
        new = server.write(fresh_name + ".new", b"x" * (1 << 20) * 8)
        os.rename(new, server.path(fresh_name))
        conn.widen()
        try:
            body = conn.take(length)
        except Closed as closed:
            body = closed.got
        assert b"x" not in body
    assert server.get("/" + fresh_name).body == b"x" * (1 << 20) * 8


def test_grown_while_sent(server, fresh_name):
    """A file that grows during its response is sent with the announced length."""
    path = content.sparse(server.root, fresh_name, content.SPARSE_SIZE)
    with server.connect(receive_buffer=4096) as conn:
        conn.send(request("/" + fresh_name) + request("/bytes.bin"))
        length = int(conn.head().field("Content-Length"))
        os.truncate(path, content.SPARSE_SIZE + 5000)
        conn.widen()
        try:
            conn.take(length)
            assert conn.response().body == content.BYTES
        except Closed as closed:
            assert len(closed.got) < length


@pytest.mark.parametrize("size", [100, 60000, 3 << 20])
def test_replaced_while_fetched(server, fresh_name, size):
    """RFC 9110 8.8.1: while a file is replaced again and again each response is one of its states, whole, and a tag
    stands for one state only."""
    states = [bytes([65 + i % 26]) * (size + i) for i in range(26)]
    server.write(fresh_name, states[0])
    stop, wrong, tags = threading.Event(), [], {}

    def fetch():
        try:
            with server.connect() as conn:
                while not stop.is_set():
                    response = conn.get("/" + fresh_name)
                    if response.status != 200 or response.body not in states:
                        wrong.append("%d, %d octets" % (response.status, len(response.body)))
                        return
                    if tags.setdefault(response.field("ETag"), response.body) != response.body:
                        wrong.append("one tag for two states")
        except Exception as error:  # a thread's own exception would be lost
            wrong.append(repr(error)[:200])

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(300 if size < 1 << 20 else 40):
        new = server.write(fresh_name + ".new", states[i % 26])
        os.rename(new, server.path(fresh_name))
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
