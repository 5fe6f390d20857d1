# SPDX-License-Identifier: GPL-2.0-or-later
"""The access log: its formats, its rotation, and that no record is lost."""
import email.utils
import json
import os
import re
import subprocess
import threading
import time

import pytest

import client


def records(path):
    """Returns the lines of a log in JSON."""
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def test_quiet_server(tux, root, logs):
    """Requests to a server that was idle for longer than its timeouts are served, with correct times."""
    log = os.path.join(logs, "log")
    server = tux(root, "--idle-timeout", "0.5", "--head-timeout", "0.5", "--log-format", "json", log=log)
    for _ in range(3):
        time.sleep(1.3)
        before = time.time()
        with server.connect() as conn:
            response = conn.get("/file?timed")
        assert response.status == 200
        date = email.utils.parsedate_to_datetime(response.field("Date")).timestamp()
        assert before - 1.2 < date <= time.time()
    server.end()
    timed = [record for record in records(log) if record["target"] == "/file?timed"]
    assert len(timed) == 3
    assert all(record["duration_us"] < 1000000 for record in timed), timed


def ask(server, count, name, length=0):
    """Pipelines requests on one connection and returns the number of responses. All responses have the same length."""
    answered = 0
    with server.connect(timeout=60) as conn:
        conn.send(client.request("/file?first"))
        response = conn.response()
        size = sum(len(name) + len(value) + 4 for name, value in response.fields) + len("HTTP/1.1 200 OK\r\n\r\n") + 4
        for first in range(0, count, 50):
            numbers = range(first, min(first + 50, count))
            conn.send(b"".join(client.request("/file?%s-%d%s" % (name, i, "x" * length)) for i in numbers))
            answered += conn.take(size * len(numbers)).count(b"HTTP/1.1 200 OK\r\n")
    return answered


def ask_together(server, threads, count, length=0):
    """Like ask(), but from several connections at the same time."""
    answered = []
    workers = [threading.Thread(target=lambda n=n: answered.append(ask(server, count, "c%d" % n, length)))
               for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(answered) == threads * count


def lost(server):
    """Returns the number of lost records in the summary."""
    return int(re.search(r"([0-9,]+) log records lost", server.output).group(1).replace(",", ""))


@pytest.mark.parametrize("form", ["combined", "json", "binary"])
def test_rotation(request, tux, root, logs, form):
    """Rotation by size under load: no file exceeds the limit; no line is lost, split or duplicated; the oldest file has the oldest
    lines."""
    log, limit = os.path.join(logs, "log"), 20000
    server = tux(root, "--log-rotate", str(limit), "--log-keep", "500", "--log-format", form, log=log)
    ask_together(server, 4, 500)
    server.end()
    files = sorted((name for name in os.listdir(logs)), key=lambda name: -int(name.partition(".")[2] or 0))
    assert len(files) > 5 and files[-1] == "log"
    seen = []
    for name in files:
        path = os.path.join(logs, name)
        assert 0 < os.path.getsize(path) <= limit
        if form == "binary":
            text = subprocess.run([os.path.abspath(request.config.getoption("tux")), "log", path], check=True,
                                  capture_output=True).stdout.decode()
        else:
            with open(path, encoding="ascii") as file:
                text = file.read()
        assert text.endswith("\n")
        seen += re.findall(r"/file\?(c[0-9]-[0-9]+)", text)
    assert sorted(seen) == sorted("c%d-%d" % (n, i) for n in range(4) for i in range(500))
    for n in range(4):
        of_one = [int(name.partition("-")[2]) for name in seen if name.startswith("c%d-" % n)]
        assert of_one == sorted(of_one)
    assert lost(server) == 0


def test_log_keep_limits_rotated_files(tux, root, logs):
    """--log-keep: older files are overwritten."""
    server = tux(root, "--log-rotate", "4K", "--log-keep", "2", log=os.path.join(logs, "log"))
    ask(server, 300, "a")
    server.end()
    assert sorted(os.listdir(logs)) == ["log", "log.1", "log.2"]
    with open(os.path.join(logs, "log"), encoding="ascii") as file:
        assert "/file?a-299 " in file.read()


def test_rotation_by_two_processes(tux, root, logs):
    """Two servers with the same log rotate it once, and lose no line."""
    log = os.path.join(logs, "log")
    servers = [tux(root, "--log-rotate", "16K", "--log-keep", "900", log=log) for _ in range(2)]
    workers = [threading.Thread(target=ask, args=(server, 1500, "s%d" % n)) for n, server in enumerate(servers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for server in servers:
        server.end()
    seen = []
    for name in os.listdir(logs):
        with open(os.path.join(logs, name), encoding="ascii") as file:
            seen += re.findall(r"/file\?(s[0-9]-[0-9]+)", file.read())
    assert sorted(seen) == sorted("s%d-%d" % (n, i) for n in range(2) for i in range(1500))


def test_rotation_needs_the_directory(tux, root, place):
    """A directory in which the server cannot rename files is an error at the start."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    server = tux(root, "--log-rotate", "1M", log=os.path.join(place, "log"), ready=False)
    assert server.wait() == 1
    assert "may not rename files in" in server.output
    server.end = lambda: None


@pytest.fixture
def pipe(place):
    """A pipe for the log, and its read end."""
    path = os.path.join(place, "pipe")
    os.mkfifo(path, 0o666)
    os.chmod(path, 0o666)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, fd
    os.close(fd)


def test_slow_reader(tux, root, pipe):
    """Requests wait for a log with a slow reader; no record is lost."""
    path, fd = pipe
    server = tux(root, "--threads", "1", log=path)
    text, done = [], threading.Event()

    def read():
        time.sleep(0.5)  # requests wait for two seconds
        while not done.is_set() or text[-1:]:
            try:
                data = os.read(fd, 65536)
            except BlockingIOError:
                data = b""
            if done.is_set() and not data:
                return
            text.append(data)
            time.sleep(0.005)
    reader = threading.Thread(target=read)
    reader.start()
    ask_together(server, 4, 3000, length=800)
    server.signal(15)
    server.wait()
    done.set()
    reader.join()
    seen = re.findall(rb"/file\?(c[0-9]-[0-9]+)", b"".join(text))
    assert len(seen) == len(set(seen)) == 12000
    assert lost(server) == 0


def test_no_reader(tux, root, pipe):
    """A log without a reader delays requests only for a limited time; every lost record is counted."""
    path, fd = pipe
    server = tux(root, "--threads", "1", log=path)
    began = time.monotonic()
    ask_together(server, 4, 3000, length=800)
    assert 1.5 < time.monotonic() - began < 50  # 60 waits, one for each group of requests, would take 120
    server.signal(15)
    server.wait()
    text = b""
    while data := os.read(fd, 65536):
        text += data
    whole = text.count(b"\n")
    requests = int(re.search(r"([0-9,]+) requests", server.output).group(1).replace(",", ""))
    assert 0 < whole < 12000
    assert lost(server) == requests - whole


@pytest.mark.parametrize("engine", ["uring", "epoll"])
@pytest.mark.parametrize("status, rest", [
    (400, "Bad Field: x\r\n\r\n"), (400, "Content-Length: x\r\n\r\n"), (431, "X: %s" % ("x" * 20000)),
    (413, "Content-Length: 20\r\n\r\n" + "x" * 20), (413, "Transfer-Encoding: chunked\r\n\r\n14\r\n" + "x" * 20)])
def test_refused_request_is_logged_as_far_as_it_was_parsed(tux, root, logs, engine, status, rest):
    """An administrator finds the client of malformed requests by its target, User-Agent and Referer."""
    log = os.path.join(logs, "log")
    server = tux(root, "--max-body", "10", "--log-format", "json", "--engine", engine, log=log)
    with server.connect() as conn:
        conn.send("POST /refused?q HTTP/1.1\r\nHost: example.org\r\nUser-Agent: agent/1\r\nReferer: http://r.example/\r\n" + rest)
        assert conn.response("POST").status == status
    server.end()
    found = [record for record in records(log) if record["target"] == "/refused?q"]
    assert [(record["status"], record["host"], record["user_agent"], record["referer"]) for record in found] == [
        (status, "example.org", "agent/1", "http://r.example/")]
