# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules in the kernel that do what they should not, and what else happens at a bad moment."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import Tux, age, answer, ask
from test_kernel_modules import counters, insmod, rmmod
from tools import free_port

CONFIG = """
root "%(root)s"
listen 127.0.0.1:%(port)d
log off
threads 2
%(more)s
module keeper { file "/modules.tux/keeper.so"; kernel on; timeout %(timeout)s; config { tag = "%(tag)s" } }
module odd { file "/modules.tux/odd.so"; kernel on; timeout %(timeout)s }
route "/keep/" { module keeper }
route "/odd/" { module odd }
route "=/status" { status on }
"""


@pytest.fixture(autouse=True)
def no_module_left():
    yield
    text = pathlib.Path("/proc/modules").read_text()
    rmmod(*(name for name in ("keeper", "odd") if re.search(f"^{name} ", text, re.MULTILINE)))


@pytest.fixture
def serve(root, tmp_path_factory):
    """serve(tag, timeout, more): the program with both modules configured."""
    folder = tmp_path_factory.mktemp("odd")
    os.chmod(folder, 0o755)

    def start(tag="a", timeout="5", more=""):
        tux = Tux.__new__(Tux)
        port = free_port()
        conf = folder / f"{port}.conf"
        conf.write_text(CONFIG % {"root": root, "port": port, "tag": tag, "timeout": timeout, "more": more})
        age(root)
        Tux.__init__(tux, None, "--config", str(conf))
        tux.port, tux.address = port, ("127.0.0.1", port)
        return tux
    yield start
    for tux in list(Tux.running):
        tux.stop()


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def kernel_log():
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout


def all_stopped(pid):
    """True if no thread of the process runs, nor waits in a call of the device."""
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))


def send(tux, target):
    sock = tux.connect()
    sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return sock


def test_request_with_body_for_a_module_is_not_for_the_other_server(serve):
    """Also where requests with bodies for files are handed over: the program's build of the module responds."""
    insmod("keeper")
    with socket.create_server(("127.0.0.1", 0)) as other:
        def backend():
            while True:
                try:
                    accepted = other.accept()[0]
                except OSError:
                    return
                accepted.recv(1 << 16)
                accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nother\n")
                accepted.close()
        threading.Thread(target=backend, daemon=True).start()
        tux = serve(more=f"handover {other.getsockname()[1]}")
        for target, body in (("/file", b"other\n"), ("/keep/now", b"user\n")):
            with tux.connect() as sock:
                sock.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode())
                assert answer(sock) == (200, body), target
        other.shutdown(socket.SHUT_RDWR)


def test_other_configuration_begins_after_the_last_request_was_given_back(serve):
    """The program with the first configuration ends while the module still has its request."""
    insmod("keeper")
    first, second = serve("a"), serve("b")
    sock = send(first, "/keep/long")
    wait_for(lambda: counters(first, "keeper")["active"] == 1)
    first.stop(signal.SIGKILL)
    sock.close()
    assert counters(second, "keeper")["kernel"] == "away"  # for two seconds
    wait_for(lambda: counters(second, "keeper")["kernel"] == "responds")
    assert second.get("/keep/now") == (200, b"kernel\n")


@pytest.mark.parametrize("target", ["long", "later", "blocks"])
def test_module_is_unloaded_while_the_program_is_stopped(serve, target):
    """Its helper threads do not run, so they cannot take the request back from the module. It gets its response later."""
    insmod("keeper")
    tux = serve()
    sock = tux.connect()
    assert ask(sock, "/keep/now") == (200, b"kernel\n")
    serving = tux.pid
    os.kill(serving, signal.SIGSTOP)
    wait_for(lambda: all_stopped(serving))
    sock.sendall(f"GET /keep/{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(0.3)
    with subprocess.Popen(["rmmod", "keeper"]) as ended:
        try:
            assert ended.wait(15) == 0
        finally:
            os.kill(serving, signal.SIGCONT)
    status, body = answer(sock)
    assert status == (200 if target == "later" else 503), body
    assert ask(sock, "/keep/now") == (200, b"user\n")
    sock.close()


def test_request_given_back_by_an_interrupt(serve):
    insmod("odd")
    tux = serve()
    seen = set()
    for _ in range(20):
        with tux.connect() as sock:
            for _ in range(20):
                status, body = ask(sock, "/odd/interrupt")
                assert status == 200
                seen.add(body)
    assert seen <= {b"interrupt\n", b"busy\n"} and b"interrupt\n" in seen, seen


def test_reply_after_gone_is_dropped(serve):
    insmod("odd")
    tux = serve(timeout="3")
    assert tux.get("/odd/keep")[0] == 504
    assert "tux: module odd: gone: 0 -116" in kernel_log()
    assert tux.get("/odd/now") == (200, b"kernel\n")
    sock = send(tux, "/odd/keep")
    wait_for(lambda: counters(tux, "odd")["active"] == 1)
    rmmod("odd")
    assert answer(sock)[0] == 503
    sock.close()


def test_request_given_back_by_unload_after_its_time_limit(serve):
    """Work of the module uses the request after the server has stopped to wait for it, and unload() waits for the work. Freed memory is poisoned."""
    insmod("keeper")
    tux = serve(timeout="0.5")
    before = len(kernel_log())
    assert tux.get("/keep/long")[0] == 504
    time.sleep(0.7)
    rmmod("keeper")
    log = kernel_log()[before:]
    assert "tux: module keeper: 1 requests were not given back before the module was unloaded" in log, log
    for function in ("tux_reply", "tux_resume"):
        assert f"tux: module keeper: {function}() was called for a request that the module does not have" in log, log
    assert tux.get("/keep/now") == (200, b"user\n")


def test_wrong_calls_are_refused(serve):
    insmod("odd")
    tux = serve()
    with tux.connect() as sock:
        assert ask(sock, "/odd/twice") == (200, b"once\n")
        assert ask(sock, "/odd/fields") == (200, b"kernel\n")
        assert ask(sock, "/odd/now") == (200, b"kernel\n")


def test_line_of_a_module_is_one_line(serve):
    insmod("odd")
    tux = serve()
    assert tux.get("/odd/log") == (200, b"kernel\n")
    assert "tux: module odd: warning: first\\n<0>second \\e[31m\n" in kernel_log()


def test_module_that_floods_the_log(serve):
    insmod("odd")
    tux = serve()
    assert tux.get("/odd/flood") == (200, b"kernel\n")
    assert 50 <= len(re.findall("tux: module odd: flood", kernel_log())) <= 200
    time.sleep(1.1)
    assert tux.get("/odd/log") == (200, b"kernel\n")
    assert re.search(r"tux: module odd: \d+ callbacks suppressed", kernel_log())
