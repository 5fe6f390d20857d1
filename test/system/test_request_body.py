# SPDX-License-Identifier: GPL-2.0-or-later
"""Request bodies that TUX buffers until they are complete, for CGI programs and for upstream servers."""
import hashlib
import os
import subprocess

import pytest

import client
from tools import free_port
from upstreams import Origin, response

ONLY_LENGTH = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
printf '%s ' "${CONTENT_LENGTH-none}" "${HTTP_TRANSFER_ENCODING-none}"
head -c "${CONTENT_LENGTH:-0}" | sha1sum
"""


def chunked(body, piece=50000):
    parts = [b"%x\r\n%s\r\n" % (len(body[at:at + piece]), body[at:at + piece]) for at in range(0, len(body), piece)]
    return b"".join(parts) + b"0\r\n\r\n"


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux):
    """serve(text of the configuration): TUX with a script at /cgi-bin/, and a file."""
    def start(text, *options, **popen):
        os.makedirs(os.path.join(place, "cgi"), exist_ok=True)
        with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
            file.write("a file")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return tux(place, "--config", path, "--engine", request.param, *options, **popen)
    return start


def program(place, name, text):
    path = os.path.join(place, "cgi", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


def scripts(place, more=""):
    return 'cgi scripts { root "%s/cgi"; %s }\nroute "/cgi-bin/" { cgi scripts }\n' % (place, more)


@pytest.mark.parametrize("size", [0, 1, 5000, 65536, 65537, 900000])
def test_chunked_body_reaches_a_program_that_reads_content_length(serve, place, size):
    """RFC 3875 4.1.2, 4.2: a program reads CONTENT_LENGTH bytes, like php-cgi."""
    program(place, "store", ONLY_LENGTH)
    tux = serve(scripts(place))
    body = os.urandom(size)
    with tux.connect() as conn:
        for _ in range(2):
            conn.send(b"POST /cgi-bin/store HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body))
            length, encoding, digest = conn.response().body.decode().split()[:3]
            assert (length, encoding) == (str(size), "none")
            assert digest == hashlib.sha1(body).hexdigest()
        assert conn.get("/").body == b"a file"


def test_chunked_bodies_stream_begins_before_the_end(serve, place):
    program(place, "cat", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s ' \"${CONTENT_LENGTH-none}\"\nexec cat\n")
    tux = serve(scripts(place, "chunked-bodies stream"))
    with tux.connect() as conn:
        conn.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        conn.head()
        got = b""
        while b"first" not in got:
            got += conn.take(1)
        assert b"none " in got
        conn.send("4\r\nlast\r\n0\r\n\r\n")
        while not got.endswith(b"0\r\n\r\n"):
            got += conn.take(1)
        assert b"last" in got


@pytest.mark.parametrize("memory", ["64K", "0"])
def test_chunked_body_over_limit_is_413(serve, place, memory):
    program(place, "store", ONLY_LENGTH)
    tux = serve("max-body 100K\nbody-memory %s\n" % memory + scripts(place))
    with tux.connect() as conn:
        conn.send(b"POST /cgi-bin/store HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(bytes(100 * 1024 + 1)))
        assert conn.response().status == 413
    with tux.connect() as conn:
        conn.send(b"POST /cgi-bin/store HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(bytes(100 * 1024)))
        assert conn.response().status == 200


def app(origins, more=""):
    servers = " ".join('server "%s";' % origin.name for origin in origins)
    return 'upstream app { %s request-buffering on; %s }\nroute "/app/" { upstream app }\n' % (servers, more)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [10, 300000])
def test_request_buffering_sends_nothing_before_the_body_is_whole(serve, framing, size):
    origin = Origin()
    tux = serve("threads 1\n" + app([origin]))
    body = os.urandom(size)
    if framing == "length":
        head, text = "Content-Length: %d" % size, body
    else:
        head, text = "Transfer-Encoding: chunked", chunked(body)
    with tux.connect() as conn:
        conn.send(("POST /app/x HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % head).encode() + text[:-1])
        assert tux.get("/").status == 200
        assert tux.get("/app/other").status == 200
        assert [request.target for request in origin.requests] == ["/app/other"] and not origin.broken
        conn.send(text[-1:])
        assert conn.response().body == b"hello"
        assert conn.get("/app/next").body == b"hello"
    assert [request.target for request in origin.requests] == ["/app/other", "/app/x", "/app/next"]
    assert origin.connections == 1
    got = origin.requests[1]
    assert got.body == body and got.all("Content-Length") == [str(size)] and not got.all("Transfer-Encoding")


def test_client_disconnect_in_body_reaches_no_server(serve):
    origin = Origin()
    tux = serve(app([origin]))
    with tux.connect() as conn:
        conn.send(b"POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(99999))
    assert tux.get("/app/other").status == 200
    assert [request.target for request in origin.requests] == ["/app/other"] and not origin.broken


def test_kept_put_is_repeated_to_another_server(serve):
    """RFC 9110 9.2.2: PUT is idempotent, and the whole body is buffered."""
    lost = Origin(lambda request: None)
    origin = Origin()
    tux = serve("threads 1\n" + app([lost, origin]))
    body = os.urandom(200000)
    for _ in range(2):
        with tux.connect() as conn:
            conn.send(b"PUT /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert conn.response().body == b"hello"
    assert all(request.body == body for request in origin.requests) and len(origin.requests) == 2
    assert len(lost.requests) == 1


def test_kept_post_is_not_repeated(serve):
    lost = Origin(lambda request: None)
    origin = Origin()
    tux = serve("threads 1\n" + app([lost, origin]))
    with tux.connect() as conn:
        conn.send(b"POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        assert conn.response().status == 502
    assert len(lost.requests) == 1 and not origin.requests


def test_long_body_is_in_an_unnamed_file(serve, place):
    directory = os.path.join(place, "bodies")
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    origin = Origin()
    tux = serve(app([origin]), "--body-directory", directory, "--body-memory", "1K")

    def files():
        found = []
        for pid in os.listdir("/proc"):
            try:
                links = [os.readlink("/proc/%s/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%s/fd" % pid)] if pid.isdigit() else []
            except OSError:
                continue
            found += [link for link in links if link.startswith(directory + "/")]
        return found
    with tux.connect() as conn:
        conn.send(b"POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + bytes(4999))
        client.wait_until(files, "the body is in a file")
        assert all(link.endswith(" (deleted)") for link in files())
        assert not os.listdir(directory)
        conn.send(b"x")
        assert conn.response().status == 200
        client.wait_until(lambda: not files(), "the file is closed")
    assert origin.requests[0].body == bytes(4999) + b"x"


def test_invalid_body_directory_is_an_error(request, place):
    with open(os.path.join(place, "tux.conf"), "w", encoding="utf-8") as file:
        file.write(app([Origin()]) + 'body-directory "%s/nowhere"\n' % place)
    program = os.path.abspath(request.config.getoption("tux"))
    got = subprocess.run([program, "serve", place, "--config", place + "/tux.conf", "--listen", "127.0.0.1:%d" % free_port()],
                         capture_output=True, text=True, check=False, timeout=60)
    assert got.returncode != 0
    assert 'body-directory: "%s/nowhere": cannot make files without names there: No such file or directory' % place in got.stderr


def test_expect_continue_is_answered_by_tux(serve):
    """RFC 9110 10.1.1."""
    origin = Origin(lambda request: response(request.body))
    tux = serve(app([origin]))
    with tux.connect() as conn:
        conn.send("POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert conn.head().status == 100
        assert not origin.requests
        conn.send("body")
        assert conn.response().body == b"body"
