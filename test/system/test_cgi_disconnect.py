# SPDX-License-Identifier: GPL-2.0-or-later
"""on-disconnect of CGI programs: the program continues or ends when its client disconnects."""
import os
import signal

import pytest

import client
from tools import OPEN_IN_KEEPER, descendants


@pytest.fixture(params=["uring", "epoll"])
def cgi(request, place, tux):
    """The script waits for place/go, writes more than a pipe holds, and then creates place/done/it."""
    def start(more, body=":"):
        os.makedirs(os.path.join(place, "cgi"))
        os.makedirs(os.path.join(place, "done"))
        os.chmod(os.path.join(place, "done"), 0o777)
        os.mkfifo(os.path.join(place, "go"))
        path = os.path.join(place, "cgi", "slow")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n%s\nprintf 'Content-Type: a/b\\n\\nbegun'\n: >%s/done/begun\nread x <%s/go\n"
                       "head -c 1000000 /dev/zero || exit 1\n: >%s/done/it\n" % (body, place, place, place))
        os.chmod(path, 0o755)
        config = os.path.join(place, "tux.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write('cgi scripts { root "%s/cgi"; %s }\nroute "/cgi-bin/" { cgi scripts }\n' % (place, more))
        return tux(place, "--config", config, "--engine", request.param)
    return start


def done(place, name="it"):
    return os.path.exists(os.path.join(place, "done", name))


def go(place):
    """Lets the script continue; False if it is not waiting."""
    try:
        fd = os.open(os.path.join(place, "go"), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(fd, b"\n")
    os.close(fd)
    return True


def runs(place):
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                if (place + "/cgi/slow").encode() in file.read():
                    return True
        except OSError:
            continue
    return False


REQUEST = "GET /cgi-bin/slow HTTP/1.1\r\nHost: x\r\n\r\n"


def test_finish_lets_the_program_continue_and_drops_its_output(cgi, place):
    tux = cgi("on-disconnect finish")
    with tux.connect() as conn:
        conn.send(REQUEST)
        conn.head()
        client.wait_until(lambda: done(place, "begun"), "it runs")
    assert tux.get("/nothing").status == 404
    client.wait_until(lambda: go(place), "it is still there")
    client.wait_until(lambda: done(place), "it has finished")


def test_kill_is_the_default(cgi, place):
    tux = cgi("")
    with tux.connect() as conn:
        conn.send(REQUEST)
        conn.head()
        client.wait_until(lambda: done(place, "begun"), "it runs")
    client.wait_until(lambda: not runs(place), "it is ended")
    assert not done(place)


def test_finish_does_not_apply_to_incomplete_requests(cgi, place):
    """A program whose request body is incomplete is ended."""
    tux = cgi("on-disconnect finish", body=": >%s/done/reads; cat >/dev/null; sleep 3600" % place)
    with tux.connect() as conn:
        conn.send("POST /cgi-bin/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        client.wait_until(lambda: done(place, "reads"), "it runs")
    client.wait_until(lambda: not runs(place), "it is ended")


def test_finish_keeps_the_time_limit(cgi, place):
    tux = cgi("on-disconnect finish; time 0.5")
    with tux.connect() as conn:
        conn.send(REQUEST)
        conn.head()
    client.wait_until(lambda: "did not end within its time" in tux.output, "it is ended")
    client.wait_until(lambda: not runs(place), "it is gone")
    assert not done(place)


def test_stop_waits_for_the_program(cgi, place):
    tux = cgi("on-disconnect finish")
    with tux.connect() as conn:
        conn.send(REQUEST)
        conn.head()
        client.wait_until(lambda: done(place, "begun"), "it runs")
    assert tux.get("/nothing").status == 404
    tux.signal(signal.SIGTERM)
    client.wait_until(lambda: go(place), "it is still there")
    assert tux.wait() == 0
    assert done(place)


def test_input_is_closed_that_the_program_does_not_take(cgi, place):
    """The program closes its input before it has read the body, and finishes without its client: no descriptor stays."""
    tux = cgi("on-disconnect finish", body="exec </dev/null")

    def descriptors():
        return len(os.listdir("/proc/%d/fd" % tux.pid))

    def is_alone():
        """True if the keeper has closed its copies of the program's streams, which may be after the program has."""
        if os.geteuid() != 0:
            return True  # keepers cannot be looked into
        keepers = [pid for pid, name in descendants(tux.process.pid).items() if name == "tux keeper"]
        return keepers and all(len(os.listdir("/proc/%d/fd" % pid)) <= OPEN_IN_KEEPER for pid in keepers)

    def run():
        with tux.connect() as conn:
            conn.send("POST /cgi-bin/slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            conn.send(b"40000\r\n%s\r\n0\r\n\r\n" % bytes(0x40000))
            conn.head()
            assert conn.line() == b"5" and conn.take(7) == b"begun\r\n"  # or the close would be a reset, and the request incomplete
            client.wait_until(is_alone, "a write fails")
            assert tux.get("/nothing").status == 404  # the write that failed has been noticed
        client.wait_until(lambda: go(place), "it is still there")
        client.wait_until(lambda: done(place) and not runs(place), "it has finished")
        os.unlink(os.path.join(place, "done", "it"))
    run()
    open_before = descriptors()
    run()
    client.wait_until(lambda: descriptors() <= open_before, "all descriptors are closed")
