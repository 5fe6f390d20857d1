# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules in the status, and `tux module list`. modules/probe.c does what the path says."""
import json
import os
import re
import subprocess

import pytest

import client
from hosted import source
from test_modules import probe  # noqa: F401
from test_modules import serve as modules  # noqa: F401
from test_status import prometheus

OUTCOMES = ["1xx", "2xx", "3xx", "4xx", "5xx", "file", "declined", "failed", "timeout", "gone"]


@pytest.fixture
def serve(modules, place):  # noqa: F811
    """serve(more of the module block): the server of test_modules.py, with a status and a control socket."""
    def start(more=""):
        server = modules(more, top='route "=/status" { status on }\ncontrol "%s"' % os.path.join(place, "control"))
        server.control = os.path.join(place, "control")
        return server
    return start


def counted(server, name):
    found = json.loads(server.get("/status?format=json").body)["modules"]["loaded"]
    assert [module["module"] for module in found] == ["isolated", "pooled", "probe"]
    return next(module for module in found if module["module"] == name)


@pytest.mark.parametrize("at, name", [("/m", "probe"), ("/pool", "pooled")])
def test_each_request_of_a_module_has_one_outcome(serve, at, name):
    """Replies by class, files, what it declined, failed, kept too long, and lost; requests that it has now; time."""
    server = serve()
    with server.connect() as conn:
        for target in ("/echo", "/thread?1", "/memory?3", "/status?404", "/status?503", "/redirect", "/file?/file.txt", "/decline", "/fail",
                       "/none", "/errno"):
            conn.get(at + target)
        conn.send("POST %s/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" % at)
        assert conn.response("POST").status == 200
    found = counted(server, name)
    assert (found["requests"], found["active"], found["abi"]) == (12, 0, 1)
    assert found["functions"] >= 22
    assert (found["host"], found["state"], found["threads"]) == (("pool", "ready", 2) if name == "pooled" else ("inline", "ready", 0))
    assert found["ended"] == dict(zip(OUTCOMES, [0, 4, 1, 1, 1, 1, 1, 3, 0, 0]))
    assert found["duration"]["count"] == 12 and found["duration"]["sum_us"] >= 1000 and found["duration"]["p99_us"] >= 1000
    other = counted(server, "pooled" if name == "probe" else "probe")
    assert (other["requests"], other["duration"]["count"]) == (0, 0)


def test_requests_that_a_module_loses(serve):
    """A time limit and a client that leaves are two outcomes; the request is not the module's any more, although it has not given it back."""
    server = serve("timeout 0.3")
    assert server.get("/m/never").status == 504
    found = counted(server, "probe")
    assert (found["requests"], found["active"], found["ended"]["timeout"], found["ended"]["gone"]) == (1, 0, 1, 0)
    assert found["duration"]["sum_us"] >= 200000
    server.get("/m/resume-never")
    assert counted(server, "probe")["ended"]["timeout"] == 1
    server = serve()
    conn = server.connect()
    conn.send("GET /m/never HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: counted(server, "probe")["active"] == 1, "the module has the request")
    conn.close()
    client.wait_until(lambda: counted(server, "probe")["ended"]["gone"] == 1, "the client has left")
    assert counted(server, "probe")["active"] == 0
    server.get("/m/resume-never")
    found = counted(server, "probe")
    assert (found["requests"], found["active"], found["ended"]["gone"], found["ended"]["2xx"]) == (2, 0, 1, 1)


def test_an_incomplete_body_is_no_request_of_the_module(serve):
    server = serve()
    conn = server.connect()
    conn.send("POST /m/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
    conn.close()
    client.wait_until(lambda: json.loads(server.get("/status?format=json").body)["connections"]["open"] == 1, "the connection ends")
    assert counted(server, "probe")["requests"] == 0


def test_long_calls_are_counted(serve):
    server = serve()
    assert server.get("/m/slow").status == 200
    assert counted(server, "probe")["long_calls"] >= 1
    assert server.get("/pool/slow").status == 200
    assert counted(server, "pooled")["long_calls"] == 0


def test_modules_in_every_form(serve):
    server = serve()
    for target in ("/m/echo", "/m/status?404", "/m/slow", "/pool/decline"):
        server.get(target)
    found = prometheus(server.get("/status?format=prometheus").body.decode())
    assert found["tux_module_requests_total"] == {('module="probe"',): 3, ('module="pooled"',): 1, ('module="isolated"',): 0}
    assert found["tux_module_active"] == {('module="probe"',): 0, ('module="pooled"',): 0, ('module="isolated"',): 0}
    assert found["tux_module_ended_total"][('module="probe"', 'outcome="4xx"')] == 1
    assert found["tux_module_ended_total"][('module="pooled"', 'outcome="declined"')] == 1
    assert found["tux_module_long_calls_total"][('module="probe"',)] >= 1
    assert found["tux_module_duration_seconds_count"] == {('module="probe"',): 3, ('module="pooled"',): 1, ('module="isolated"',): 0}
    page = server.get("/status?format=html").body.decode()
    assert re.search(r"<h2>Modules</h2>.*<th scope=\"row\">probe \(inline\)</th><td>3</td><td>0</td>", page, re.S)
    done = subprocess.run([server.command[0], "status", "--control", server.control], capture_output=True, text=True, timeout=30, check=True)
    assert re.search(r"\n  module probe \(inline\): requests 3, 2xx 2, 4xx 1, long calls \d+\n +50 % below ", done.stdout), done.stdout
    assert "\n  module pooled (pool of 2 threads): requests 1, declined 1\n" in done.stdout


def test_module_list(serve):
    """Modules in the order of their names: host, state, interface, requests, and their time."""
    server = serve()
    server.get("/m/echo")
    client.wait_until(lambda: "process with" in counted(server, "isolated")["process"], "the isolated module has its process")
    done = subprocess.run([server.command[0], "module", "list", "--control", server.control], capture_output=True, text=True, timeout=30, check=True)
    assert re.fullmatch(r"tux \S+, process \d+: 3 modules\n"
                        r"  module isolated \(isolated, ready\)\n +/\S+/probe.so, ABI \d+ with \d+ functions, in a process with.*\n"
                        r"  module pooled \(pool of 2 threads\)\n +/\S+/probe.so, ABI 1 with \d+ functions\n"
                        r"  module probe \(inline\): requests 1, 2xx 1\n +50 % below .*\n +/\S+/probe.so, ABI 1 with \d+ functions\n", done.stdout), done.stdout


def test_module_list_of_several_servers(serve, tux, root):
    """Servers in the order of their process numbers."""
    first = serve()
    tux(root, "--control", first.control, port=None)
    done = subprocess.run([first.command[0], "module", "list", "--control", first.control], capture_output=True, text=True, timeout=30, check=True)
    found = [(int(pid), int(count)) for pid, count in re.findall(r"^tux \S+, process (\d+): (\d+) modules?$", done.stdout, re.M)]
    assert len(found) == 2 and found == sorted(found) and {count for _, count in found} == {0, 3}
    json.loads(subprocess.run([first.command[0], "status", "--json", "--control", first.control], capture_output=True, timeout=30, check=True).stdout)


def test_module_list_says_that_a_process_cannot_start(modules, place, build):  # noqa: F811
    """The reason is in the error log."""
    control = os.path.join(place, "control")
    path = build(source("hostile"))
    server = modules(top='control "%s"; module fails { file "%s"; isolate on; config { load = fails } }' % (control, path))

    def states():
        listed = subprocess.run([server.command[0], "module", "list", "--control", control], capture_output=True, text=True, timeout=30, check=True)
        return re.findall(r"^  module (\w+) \((.*?)\)", listed.stdout, re.M)
    client.wait_until(lambda: states() == [("fails", "isolated, failed"), ("isolated", "isolated, ready"), ("pooled", "pool of 2 threads"), ("probe", "inline")],
                      "the start has failed")
    assert "module fails: load() failed" in server.output
