# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that respond in pieces, and that wait. modules/streams.c does what the path says."""
import itertools
import json
import os
import re
import select
import signal
import socket
import struct
import threading
import time

import pytest

import client
import hosted
from hosted import ATS, pattern, source


@pytest.fixture
def serve(in_each_host):
    """serve(more of the module blocks, more of the file): TUX with the module in each host."""
    return lambda more="", top="", **options: in_each_host("streams", more, top, **options)


NAMES = hosted.names("streams")


def counts(server, at):
    found = re.match(rb"gone (\d+) stale (\d+) resumes (\d+) calls (\d+)\n\Z", server.get(at + "/counts").body)
    return tuple(int(number) for number in found.groups())


def is_called(server, at, before):
    """Waits until handle() was called more often than before. A request whose client leaves before that does not reach a module with threads."""
    client.wait_until(lambda: counts(server, at)[3] > before, "the module is called")


def sends_file(conn):
    """The connection goes on."""
    return conn.get("/file.txt").body == b"a file"


@pytest.mark.parametrize("word", ["pump", "thread"])
def test_a_stream(serve, word):
    """RFC 9112 7.1: without a length the content is sent in chunks; with one it has Content-Length. Nothing is lost or sent twice."""
    server = serve()
    for path, count in itertools.product(["%s/%s" % (at, word) for at in ATS], [0, 1, 65536, 1000003]):
        with server.connect() as conn:
            for _ in range(2):
                found = conn.get("%s?%d" % (path, count))
                assert (found.status, found.field("Transfer-Encoding"), found.field("X-Stream")) == (200, "chunked", "yes")
                assert found.field("Content-Type") == "text/plain" and found.body == pattern(count)
                found = conn.get("%s?%d,0,%d" % (path, count, count))
                assert found.field("Content-Length") == str(count) and found.body == pattern(count)
                assert conn.get("%s?%d,0,%d" % (path, count, count), method="HEAD").field("Content-Length") == str(count)
                assert conn.get("%s?%d" % (path, count), method="HEAD").status == 200
            assert sends_file(conn)
            found = conn.get("%s?%d" % (path, count), version="1.0")
            assert found.field("Transfer-Encoding") is None and found.body == pattern(count)
        with server.connect() as conn:
            found = conn.get("%s?%d,0,%d" % (path, count, count), "Connection: keep-alive", version="1.0")
            assert found.body == pattern(count) and sends_file(conn)


def test_many_streams_at_once(serve):
    """Of threads and of the server's thread, on connections that read slowly, with other requests before and after."""
    server = serve()
    wrong = []

    def ask(target):
        with server.connect(receive_buffer=8192) as conn:
            for _ in range(3):
                conn.send("GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\nGET %s?300000 HTTP/1.1\r\nHost: a\r\n\r\nGET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n" % target)
                bodies = [conn.response().body for _ in range(3)]
                if bodies != [b"a file", pattern(300000), b"a file"]:
                    wrong.append(target)
    threads = [threading.Thread(target=ask, args=(target,)) for target in ["/m/pump", "/m/thread", "/pool/pump", "/pool/thread"] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pieces_are_sent_at_once(serve):
    """The client has a piece while the module still has the request."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/hold HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert conn.head().field("Transfer-Encoding") == "chunked" and conn.take(11) == b"6\r\nbegun\n\r\n"
            assert server.get("/file.txt").body == b"a file"
            assert server.get(at + "/release").body == b"0 0 "
            assert conn.take(5) == b"0\r\n\r\n"
            assert sends_file(conn)


def test_a_clock(serve):
    """A request that waits for times costs no thread; its timeout does not limit it."""
    server = serve("timeout 0.5")
    for at in ATS:
        with server.connect() as conn, server.connect() as other:
            conn.send("GET %s/tick?3,250 HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert sends_file(other)
            assert conn.response().body == b"tick 2\ntick 1\ntick 0\n"
            assert conn.get(at + "/after?2,350").body == b"after\n"
            assert conn.get(at + "/after?3,0").body == b"after\n"
            assert conn.get(at + "/after-in-thread?0,1").body == b"after\n"
            assert conn.get(at + "/spin?100").body == b""
            assert sends_file(conn)


UNENDED = "a request was given back before tux_stream_end(), so its response is cut"


def test_waits_without_an_end(serve):
    """A module that waits for no time, or for room that is there, leaves others their turn."""
    server = serve()
    for at in ATS:
        with server.connect() as conn, server.connect() as other, server.connect() as third:
            conn.send("GET %s/after?1000000000,0 HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            third.send("GET %s/spin?1000000000 HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert third.head().status == 200
            for _ in range(20):
                assert sends_file(other)
            is_called(server, at, 1)
        client.wait_until(lambda: counts(server, at)[0] == 2, "the module is told")


def test_a_stream_that_is_not_whole(serve):
    """RFC 9112 8: the client sees it: the connection closes without the last chunk. The error log tells."""
    server = serve()
    for at, (word, body, line) in itertools.product(ATS, [
            ("cut", b"begun\n", ""), ("open", b"begun\n", UNENDED), ("declines", b"begun\n", UNENDED), ("fails", b"begun\n", UNENDED),
            ("errno", b"begun\n", "handle() failed: No space left on device"), ("fails-later", b"begun\n", UNENDED),
            ("declines-later", b"begun\n", UNENDED), ("unended", b"unended\n", UNENDED)]):
        before = len(server.output)
        with server.connect() as conn:
            conn.send("GET %s/%s HTTP/1.1\r\nHost: a\r\n\r\n" % (at, word))
            assert conn.head().status == 200 and conn.rest() == b"%x\r\n%s\r\n" % (len(body), body)
        for text in ("the module did not complete the response", "tux: module %s: %s" % (NAMES[at], line) if line else ""):
            client.wait_until(lambda t=text, b=before: t in server.output[b:], "the line is written")
        with server.connect() as conn:
            conn.send("GET %s/%s?0,0,100 HTTP/1.1\r\nHost: a\r\n\r\n" % (at, word))
            with pytest.raises(client.Closed):
                conn.response()
    assert server.get("/file.txt").body == b"a file"


def test_a_client_that_sends_on_after_a_cut(serve):
    """RFC 9112 9.6: an answer by RST could destroy what the client has not read yet. The server reads on for a while."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/cut HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert conn.head().status == 200 and conn.rest() == b"6\r\nbegun\n\r\n"
            for _ in range(3):
                conn.send("GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                time.sleep(0.01)
            assert conn.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_the_length_of_a_stream(serve):
    """More bytes than the length are refused, and fewer are a cut."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            for word, body in (("long", b"begun\n0123"), ("whole", b"begun\n")):
                found = conn.get("%s/%s?0,0,%d" % (at, word, len(body)))
                assert found.body == body and sends_file(conn)
            assert conn.get(at + "/short?0,0,100", method="HEAD").status == 200
            conn.send("GET %s/short?0,0,100 HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert conn.head().field("Content-Length") == "100" and conn.rest() == b"begun\n"
    assert "was given back before" not in server.output


def test_a_status_without_content(serve):
    """RFC 9110 15.3.5, 15.4.5: 204 and 304 have none."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            for status in (204, 304):
                assert conn.get("%s/whole?%d" % (at, status)).status == status
            found = conn.get(at + "/whole?404")
            assert (found.status, found.body) == (404, b"begun\n")
            assert sends_file(conn)


def test_mistakes_with_a_stream(serve):
    """-EINVAL before the begin, -EALREADY after the end, and for another reply."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            assert conn.get(at + "/wrong").body == b"-22 -22 -22 -22 -22 -22 -22 0 -114 -114 -114 -22 "
            assert conn.get(at + "/reply-and-wait").body == b"replied\n"
            assert sends_file(conn)
        assert "not refused" not in server.output


def test_mistakes_with_a_wait(serve):
    server = serve()
    for at, (word, status, line) in itertools.product(ATS, [
            ("wait-done", 200, "handle() gave a request back to wait, and did not return TUX_SUSPEND"),
            ("wait-empty", 500, "resumed() returned TUX_DONE without a reply"),
            ("wait-twice", 200, "tux_resume_after() was called for a request that the module does not have")]):
        with server.connect() as conn:
            assert conn.get(at + "/" + word).status == status and sends_file(conn)
        client.wait_until(lambda t="tux: module %s: %s" % (NAMES[at], line): t in server.output, "the line is written")
    assert "not refused" not in server.output


def test_a_touch_after_the_end(serve):
    """A stream of a request that has ended is not there any more."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/hold HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            conn.head()
            assert server.get(at + "/release").body == b"0 0 "
            conn.take(16)
            assert server.get(at + "/touch").body == b"-1 -1 -1 -1 "
        assert "tux_stream_write() was called for a request that the module does not have" in server.output


def test_time_limit_of_a_stream(serve):
    """A module that does not end its stream is told, and the client sees a cut. A module that writes is not limited."""
    server = serve("timeout 0.6")
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/hold HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert conn.head().status == 200 and conn.rest() == b"6\r\nbegun\n\r\n"
        assert counts(server, at)[0] == 1
        assert server.get(at + "/release").body == b"-116 -116 "  # ESTALE
        assert re.search("the module did not respond within its time", server.output)
        assert server.get(at + "/slowly?6,150").body == b"piece\n" * 6


def test_the_client_leaves(serve, logs):
    """The module is told once, whatever it waits for; nothing is kept. The record has the bytes that were sent."""
    log = os.path.join(logs, "access")
    server = serve(top="log-format json", log=log)
    words = {"pump": "50000000", "thread": "50000000", "hold": "", "tick": "1000,20", "after": "1,60000", "slowly": "1000,20"}
    for at in ATS:
        for number, (word, query) in enumerate(words.items()):
            called = counts(server, at)[3]
            with server.connect(receive_buffer=4096) as conn:
                conn.send("GET %s/%s?%s HTTP/1.1\r\nHost: a\r\n\r\n" % (at, word, query))
                if word != "after":
                    conn.head()
                    conn.take(11)
                is_called(server, at, called)
                if word != "after":  # a reset gets no record in place of a response
                    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.wait_until(lambda n=number: counts(server, at)[0] == n + 1, "the module is told about " + word)
            if word == "hold":
                assert server.get(at + "/release").body == b"-116 -116 "
    assert all(counts(server, at)[0] == len(words) for at in ATS)

    def recorded():
        with open(log, encoding="utf-8") as file:
            found = [record for record in map(json.loads, file) if record["target"].split("?")[0].split("/")[-1] in words]
        return found if len(found) == len(ATS) * len(words) else None
    for record in client.wait_until(recorded, "the records are written"):
        assert record["status"] == (499 if "after" in record["target"] else 200)
        assert record["status"] == 499 or 20 <= record["bytes"] < 50000000


def test_a_client_that_leaves_with_a_request_after_the_first(serve):
    """A request that was sent after it does not keep the one whose client has left."""
    server = serve()
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/after?1,60000 HTTP/1.1\r\nHost: a\r\n\r\nGET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            is_called(server, at, 0)
        client.wait_until(lambda: counts(server, at)[0] == 1, "the module is told")


def test_a_slow_client_is_not_the_module_s_fault(serve):
    """The module's timeout does not run while its stream has no room."""
    server = serve("timeout 0.6")
    for at in ATS:
        for word in ("pump", "thread"):
            with server.connect(receive_buffer=65536) as conn:
                conn.send("GET %s/%s?2000000,0,2000000 HTTP/1.1\r\nHost: a\r\n\r\n" % (at, word))
                conn.head()
                server.get(at + "/after?1,1000")
                assert conn.take(2000000) == pattern(2000000)


def test_send_timeout_of_a_stream(serve):
    """A client that takes nothing is dropped, and the module is told."""
    server = serve(top="send-timeout 0.3")
    for at in ATS:
        for word in ("pump", "thread"):
            with server.connect(receive_buffer=4096) as conn:
                conn.send("GET %s/%s?50000000 HTTP/1.1\r\nHost: a\r\n\r\n" % (at, word))
                client.wait_until(lambda: counts(server, at)[0] == (1 if word == "pump" else 2), "the module is told")


def test_record_of_a_stream(serve, logs):
    """The access record has the bytes of the head and of the framed content."""
    log = os.path.join(logs, "access")
    server = serve(top="log-format json", log=log)
    received = []
    for at in ATS:
        with server.connect() as conn:
            conn.send("GET %s/pump?100000,0,100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % at)
            received.append(len(conn.rest()))

    def recorded():
        with open(log, encoding="utf-8") as file:
            return [record["bytes"] for record in map(json.loads, file) if "/pump" in record["target"]] == received
    client.wait_until(recorded, "the records are written")


def test_a_reload_during_a_stream(serve):
    """The old process ends its streams before it leaves."""
    server = serve()
    with server.connect() as conn, server.connect() as other:
        conn.send("GET /m/tick?12,100 HTTP/1.1\r\nHost: a\r\n\r\n")
        other.send("GET /pool/tick?12,100 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.wait_until(lambda: counts(server, "/m")[2] > 0 and counts(server, "/pool")[2] > 0, "both have begun")
        server.signal(signal.SIGHUP)
        client.wait_until(lambda: counts(server, "/m")[2] == 0, "the new process serves")
        assert conn.response().body[-7:] == other.response().body[-7:] == b"tick 0\n"


def test_a_descriptor(serve):
    """resumed() is called when the descriptor is ready. The module may close its descriptor before."""
    server = serve("timeout 30")
    for at, closes in itertools.product(ATS, (0, 1)):
        with server.connect() as conn:
            assert conn.get(at + "/ready").body == b"ready\n"
            assert conn.get(at + "/ready-between").body == b"ready\n"
            assert conn.get(at + "/bad-descriptor").body == b"-9 -22 -22 "
            before = counts(server, at)[2]
            conn.send("GET %s/read-pipe?%d HTTP/1.1\r\nHost: a\r\n\r\n" % (at, closes))
            for _ in range(3):
                assert server.get("/file.txt").body == b"a file"
            assert counts(server, at)[2] == before
            assert server.get(at + "/write-pipe").body == b"written\n"
            assert conn.response().body == b"piped\n"
    with server.connect() as conn, server.connect() as other:
        conn.send("GET /m/read-pipe?1 HTTP/1.1\r\nHost: a\r\n\r\n")
        other.send("GET /m/read-pipe HTTP/1.1\r\nHost: a\r\n\r\n")
        server.get("/m/counts")
        for _ in range(2):
            server.get("/m/write-pipe")
        first = select.select([conn.sock, other.sock], [], [], client.TIMEOUT)[0][0]
        body = (conn if first is conn.sock else other).response().body
        if body != b"piped\npiped\n":  # one has both if the other was not fast enough
            assert (other if first is conn.sock else conn).response().body == body == b"piped\n"


def test_a_wait_for_a_descriptor_has_a_limit(serve):
    """It counts as the module's time; the module is told, also if the client leaves."""
    server = serve("timeout 0.3")
    for at in ATS:
        with server.connect() as conn:
            assert conn.get(at + "/read-pipe").status == 504
            assert counts(server, at)[0] == 1
            assert sends_file(conn)
        with server.connect() as conn:
            conn.send("GET %s/read-pipe HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            is_called(server, at, 1)
        client.wait_until(lambda: counts(server, at)[0] == 2, "the module is told")


def test_a_file_in_a_stream(serve, place):
    """Its bytes are sent by reference between those that the module writes, also in parts, from memory and from a descriptor."""
    server = serve()
    root = os.path.join(place, "root")
    files = {"small.txt": pattern(1000), "large.bin": pattern(3000001), "empty.txt": b""}
    for name, content in files.items():
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    for at, (name, content), piece in itertools.product(ATS, files.items(), (0, 300, 1000000)):
        if len(content) > 1000 and piece == 300:
            continue
        with server.connect() as conn:
            for method in ("GET", "HEAD"):
                found = conn.get("%s/file?%d:/%s" % (at, piece, name), method=method)
                assert found.status == 200 and found.body == (b"before:" + content + b":after" if method == "GET" else b"")
            assert conn.get("%s/file?%d:/%s" % (at, piece, name), version="1.0").body == b"before:" + content + b":after"
    with server.connect() as conn:
        conn.send("GET /m/file?0:/large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.response().body == b"before:" + files["large.bin"] + b":after" and conn.response().body == b"a file"


def test_a_slow_client_does_not_take_the_time_of_a_look_up(serve, place):
    """The module's timeout does not run while the client takes what was sent before the look-up."""
    server = serve("timeout 0.6", top="recheck 0")
    content = pattern(8000000)
    with open(os.path.join(place, "root/large.bin"), "wb") as file:
        file.write(content)
    for at, text in itertools.product(ATS, (b"", b":text:")):
        with server.connect(receive_buffer=65536) as conn:
            conn.send("GET %s/file-twice?%d:/large.bin HTTP/1.1\r\nHost: a\r\n\r\n" % (at, len(text) > 0))
            server.get(at + "/after?1,1000")
            assert conn.response().body == content + text + b"a file"


def test_a_file_that_is_looked_up(serve, place):
    """The rules for files of the host hold: hidden names, permissions, directories, paths outside the root."""
    server = serve()
    root = os.path.join(place, "root")
    os.mkdir(os.path.join(root, "dir"))
    for name in (".hidden", "secret"):
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write("secret")
    os.chmod(os.path.join(root, "secret"), 0o600)
    with server.connect() as conn:
        for at in ATS:
            assert conn.get(at + "/file-read?0:/file.txt?x=y").body == b"6 4 file 0 -22 -22"
            assert conn.get(at + "/file-read?0:/%66ile.txt").body == b"6 4 file 0 -22 -22"
            for path, error in (("/none", -2), ("/.hidden", -2), ("/secret", -13), ("/dir/", -21), ("/dir", -21), ("/../x", -22), ("", -22), ("x", -22),
                                ("/%zz", -22)):
                assert conn.get("%s/file?0:%s" % (at, path)).body == b"error %d\n" % error, path


def test_a_file_that_is_read(serve, place):
    """From the server's thread, and from others at the same time; other requests come between the pieces, and clients leave."""
    server = serve()
    with open(os.path.join(place, "root/large.bin"), "wb") as file:
        file.write(pattern(700001))
    wrong = []

    def ask(target, leaves):
        for _ in range(4):
            with server.connect() as conn:
                conn.send("GET %s?0:/large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n" % target)
                if not leaves and [conn.response().body for _ in range(2)] != [pattern(700001), b"a file"]:
                    wrong.append(target)
    threads = [threading.Thread(target=ask, args=(at + word, leaves)) for at in ATS for word in ("/file-copy", "/file-copy-in-thread") for leaves in (0, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(server.get(at + "/after?1,1").body == b"after\n" for at in ATS)


def test_without_resumed(build, tux, place):
    """A module that has no resumed() cannot wait."""
    root = os.path.join(place, "root")
    os.mkdir(root)
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module probe { file "%s" }\nroute "/" { module probe }\n' % build(source("probe")))
    assert tux(root, "--config", path).get("/wait").body == b"-38\n"
