# SPDX-License-Identifier: GPL-2.0-or-later
"""CGI programs that daemonise: all processes that they start end with them, in any session."""
import os
import signal

import pytest

import client
from tools import descendants, listens

count = 0


@pytest.fixture
def mark():
    """A unique command line."""
    global count
    count += 1
    return "sleep 36%02d.%d" % (count, os.getpid())


def alive(mark):
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                if file.read().replace(b"\0", b" ").strip() == mark.encode():
                    found.append(int(pid))
        except OSError:
            continue
    return found


@pytest.fixture(params=["uring", "epoll"])
def cgi(request, place, tux):
    def start(text, more=""):
        os.makedirs(os.path.join(place, "cgi"))
        path = os.path.join(place, "cgi", "daemon")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        config = os.path.join(place, "tux.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write('cgi scripts { root "%s/cgi"; %s }\nroute "/cgi-bin/" { cgi scripts }\n' % (place, more))
        return tux(place, "--config", config, "--engine", request.param)
    return start


# Two forks and a new session, like daemon(3). The daemon has started when the program continues.
DAEMON = "(setsid sh -c 'echo >%s; exec %s' %s &)\nread x <%s\n"
KEPT = ""
CLOSED = "</dev/null >/dev/null 2>&1"
ANSWER = "printf 'Content-Type: text/plain\\n\\nhello'\n"


def daemon(place, mark, streams):
    fifo = os.path.join(place, "fifo")
    os.mkfifo(fifo)
    os.chmod(fifo, 0o666)
    return DAEMON % (fifo, mark, streams, fifo)


@pytest.mark.parametrize("streams", [KEPT, CLOSED])
def test_daemon_ends_with_its_program(cgi, place, mark, streams):
    """A daemon that keeps stdout open does not delay the end of the response, and is killed."""
    tux = cgi(daemon(place, mark, streams) + ANSWER, "programs 1; waiting 0")
    for _ in range(3):
        assert tux.get("/cgi-bin/daemon").body == b"hello"
        client.wait_until(lambda: not alive(mark), "the daemon is gone")
        # The program counts until its keeper has ended, so another one would exceed the limit.
        client.wait_until(lambda: "tux keeper" not in descendants(tux.process.pid).values(), "nothing is left")


def test_keeper_is_used_for_the_next_program(cgi):
    """A new keeper for each program costs more CPU time than a small program."""
    tux = cgi("trap '' TERM; printf 'Content-Type: text/plain\\n\\n%s' $PPID; kill -USR1 $PPID\n", "programs 1")
    keepers = {tux.get("/cgi-bin/daemon").body for _ in range(5)}
    assert len(keepers) == 1


def test_idle_keeper_that_is_killed_is_replaced(cgi):
    tux = cgi("printf 'Content-Type: text/plain\\n\\n%s' $PPID\n", "programs 1")
    first = int(tux.get("/cgi-bin/daemon").body)
    client.wait_until(lambda: descendants(tux.process.pid).get(first) == "tux idle keeper", "the keeper is idle")
    os.kill(first, signal.SIGKILL)
    client.wait_until(lambda: first not in descendants(tux.process.pid), "the keeper has ended")
    assert int(tux.get("/cgi-bin/daemon").body) != first


def test_daemon_ends_when_time_is_over(cgi, place, mark):
    tux = cgi(daemon(place, mark, KEPT) + "sleep 3600\n", "time 0.5")
    assert tux.get("/cgi-bin/daemon").status == 504
    client.wait_until(lambda: not alive(mark), "the daemon is gone")


def test_daemon_ends_when_the_client_disconnects(cgi, place, mark):
    tux = cgi(daemon(place, mark, CLOSED) + "sleep 3600\n")
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/daemon HTTP/1.1\r\nHost: x\r\n\r\n")
        client.wait_until(lambda: alive(mark), "the daemon runs")
    client.wait_until(lambda: not alive(mark), "the daemon is gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_daemon_ends_with_the_server(cgi, place, mark, number):
    tux = cgi(daemon(place, mark, CLOSED) + "sleep 3600\n")
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/daemon HTTP/1.1\r\nHost: x\r\n\r\n")
        client.wait_until(lambda: alive(mark), "the daemon runs")
        if number == signal.SIGTERM:
            tux.signal(number)
            client.wait_until(lambda: not listens(tux.port), "the first one has arrived: two at once could be one")
            tux.signal(number)
        else:
            spawner = next(pid for pid, name in descendants(tux.process.pid).items() if name == "tux spawner")
            os.kill(spawner, number)
        client.wait_until(lambda: not alive(mark), "the daemon is gone")


def test_daemon_ends_when_its_keeper_is_killed(cgi, place, mark):
    """A program with the keeper's user could kill the keeper."""
    tux = cgi(daemon(place, mark, CLOSED) + "sleep 3600\n", "programs 1; waiting 0")
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/daemon HTTP/1.1\r\nHost: x\r\n\r\n")
        client.wait_until(lambda: alive(mark), "the daemon runs")
        keeper = next(pid for pid, name in descendants(tux.process.pid).items() if name == "tux keeper")
        os.kill(keeper, signal.SIGKILL)
        assert conn.response().status == 502
    client.wait_until(lambda: not alive(mark), "the daemon is gone")
    with tux.connect() as conn:
        conn.send("GET /cgi-bin/daemon HTTP/1.1\r\nHost: x\r\n\r\n")
        client.wait_until(lambda: alive(mark), "there is room for another")
