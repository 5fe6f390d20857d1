# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs on a machine of test/vm/installed: Debian with systemd, and TUX as its documents say to install it. Once before an upgrade of the kernel, once after it."""
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent.parent / "lib")]

import client  # noqa: E402
import guest  # noqa: E402

DROP_INS = pathlib.Path("/etc/systemd/system/tux.service.d")
CONFIG = pathlib.Path("/etc/tux.conf")
ROOT = pathlib.Path("/var/www/html")
BY_KERNEL = "engine: kernel, and "
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN = 10, 12  # linux/capability.h
OTHER = pathlib.Path("/var/www/other")
RELEASE = os.uname().release


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def systemctl(*arguments):
    done = run("systemctl", *arguments)
    assert done.returncode == 0, done.stderr + journal()
    return done.stdout


def show(name, unit="tux.service"):
    return systemctl("show", "--value", "--property", name, unit).strip()


def journal():
    return run("journalctl", "--unit", "tux", "--lines", "60", "--output", "cat", "--no-pager").stdout


def said_since(cursor):
    return run("journalctl", "--unit", "tux", "--after-cursor", cursor, "--output", "cat", "--no-pager").stdout


def cursor():
    """The journal's end."""
    run("journalctl", "--sync")
    return re.search(r"-- cursor: (\S+)", run("journalctl", "--lines", "0", "--show-cursor", "--no-pager").stdout)[1]


def get(target="/", port=80):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", target)
    response = connection.getresponse()
    return response.status, response.read()


def drop_in(text):
    DROP_INS.mkdir(parents=True, exist_ok=True)
    (DROP_INS / "test.conf").write_text(text)
    systemctl("daemon-reload")


def start_with(*arguments):
    drop_in("[Service]\nExecStart=\nExecStart=/usr/local/bin/tux serve " + " ".join(arguments) + "\n")


@pytest.fixture(autouse=True)
def site():
    """The unit as it is installed, started, with a page."""
    for folder, content in ((ROOT, "one"), (OTHER, "two")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(content)
        os.chmod(folder / "index.html", 0o644)
    (DROP_INS / "test.conf").unlink(missing_ok=True)
    systemctl("daemon-reload")
    run("systemctl", "reset-failed", "tux")  # so many starts in ten seconds are too many
    systemctl("restart", "tux")
    yield
    run("systemctl", "stop", "tux.socket", "tux.service")
    run("modprobe", "-r", "hello", "tux-bpf")
    run("modprobe", "tux")


def test_it_came_up_with_the_machine():
    """Enabled, so started at boot, behind the module that modules-load.d names and with the device that udev's rule gives to its group."""
    assert pathlib.Path("/sys/module/tux").is_dir()
    device = pathlib.Path("/dev/tux")
    assert (device.group(), device.owner(), device.stat().st_mode & 0o777) == ("www-data", "root", 0o660)
    first = pathlib.Path("/run/tux-at-boot").read_text()
    assert sorted(first.splitlines()) == ["active", "running", "success"]
    assert "not" not in systemctl("is-enabled", "tux")
    assert "tux" not in run("systemctl", "--failed", "--no-legend", "--plain").stdout
    assert run("systemd-analyze", "--man=no", "verify", "/usr/local/lib/systemd/system/tux.service",
               "/usr/local/lib/systemd/system/tux.socket").stderr == ""


def test_the_service_serves_from_the_kernel():
    assert get() == (200, b"one")
    time.sleep(0.1)  # files written in the last milliseconds are the program's to answer
    for _ in range(20):
        assert get() == (200, b"one")
    assert BY_KERNEL in journal()
    answered = re.search(r"^tux.ko for process \d+:.*?requests +(\d+)", run("tux", "status").stdout, re.MULTILINE | re.DOTALL)
    assert answered and int(answered[1]) >= 20, run("tux", "status").stdout


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def test_it_has_no_privileges():
    """The process that serves has none. The supervisor keeps the unit's, for another configuration: port 80 and /dev/tux."""
    supervisor = show("MainPID")
    children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    serving = [status for status in map(status_of, children) if status["Name"] == "tux"]
    assert len(serving) == 1
    for status in (*serving, status_of(supervisor)):
        assert status["Uid"].split() == ["33"] * 4 and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert all(int(serving[0][name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"))
    assert int(status_of(supervisor)["CapPrm"], 16) == 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_ADMIN


def test_without_the_module():
    """Unloaded: the service says so and serves. Loaded again: the next start has it. In use: it cannot be unloaded."""
    assert run("modprobe", "-r", "tux").returncode != 0
    systemctl("stop", "tux")
    assert run("modprobe", "-r", "tux").returncode == 0
    end = cursor()
    systemctl("start", "tux")
    assert get() == (200, b"one")
    assert "no kernel engine: tux.ko is not loaded" in said_since(end)
    assert run("modprobe", "tux").returncode == 0
    end = cursor()
    systemctl("restart", "tux")
    assert get() == (200, b"one")
    assert BY_KERNEL in said_since(end)


class Load(threading.Thread):
    """A client that asks again and again, and believes nothing but a whole answer."""

    def __init__(self):
        super().__init__()
        self.ended = threading.Event()
        self.bodies = []
        self.wrong = []
        self.start()

    def run(self):
        connection = None
        while not self.ended.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=20)
                connection.request("GET", "/")
                response = connection.getresponse()
                self.bodies.append(response.read())
                if response.status != 200:
                    self.wrong.append(response.status)
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                connection = None

    def end(self):
        self.ended.set()
        self.join()


@pytest.mark.parametrize("engine", ["kernel", "user"])
def test_reload_loses_nothing(engine):
    """systemctl reload, ten times under load, with another directory each time."""
    def write(root):
        CONFIG.write_text(f'root {root}\nlisten ":80"\nengine {engine}\nlog off\n')

    write(ROOT)
    start_with("--config /etc/tux.conf")
    systemctl("restart", "tux")
    load = [Load() for _ in range(4)]
    main = show("MainPID")
    for turn in range(10):
        root, body = ((OTHER, b"two"), (ROOT, b"one"))[turn % 2]
        write(root)
        systemctl("reload", "tux")
        client.wait_until(lambda: get() == (200, body), "the other directory", 20)
    for each in load:
        each.end()
    assert [each.wrong for each in load] == [[]] * 4
    assert all({b"one", b"two"} == set(each.bodies) for each in load)
    assert show("MainPID") == main and show("ActiveState") == "active"


def test_a_file_that_is_wrong():
    """Stays out at a reload, which is said with its line; and ends a start, which is said, too."""
    CONFIG.write_text(f'root {ROOT}\nlisten ":80"\nlog off\n')
    start_with("--config /etc/tux.conf")
    systemctl("restart", "tux")
    CONFIG.write_text(f'root {OTHER}\nlisten ":80"\nno-such-key 1\n')
    end = cursor()
    systemctl("reload", "tux")
    client.wait_until(lambda: "/etc/tux.conf:3" in said_since(end), "it is said", 20)
    assert get() == (200, b"one") and "not taken" in show("StatusText")
    end = cursor()
    assert run("systemctl", "restart", "tux").returncode != 0
    assert show("ActiveState") == "failed" and "/etc/tux.conf:3" in said_since(end)


@pytest.mark.parametrize("engine", ["kernel", "user"])
def test_socket_activation(engine):
    """The socket is systemd's: a connection starts the service, and waits for it while it is started anew."""
    systemctl("stop", "tux.service")
    start_with(str(ROOT), "--engine", engine)
    systemctl("start", "tux.socket")
    run("systemctl", "reset-failed", "tux")
    assert show("ActiveState") == "inactive"
    end = cursor()
    assert get() == (200, b"one")
    assert show("ActiveState") == "active"
    for _ in range(3):
        systemctl("restart", "tux.service")
        assert get() == (200, b"one")
    assert (BY_KERNEL in said_since(end)) == (engine == "kernel")


def test_stopping_waits_for_no_idle_client():
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=20)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"one"
    systemctl("stop", "tux")  # TimeoutStopSec is less than the time that an idle client may keep its connection
    assert show("Result") == "success" and show("ActiveState") == "inactive"
    assert connection.sock.recv(1) == b""


def test_logs():
    """A log in the service's own directory; systemctl reload opens it again, as logrotate wants."""
    CONFIG.write_text(f'root {ROOT}\nlisten ":80"\nlog "/var/log/tux/access.log"\n')
    start_with("--config /etc/tux.conf")
    systemctl("restart", "tux")
    assert get("/first")[0] == 404
    log = pathlib.Path("/var/log/tux/access.log")
    os.rename(log, str(log) + ".1")
    systemctl("reload", "tux")
    client.wait_until(lambda: get("/second") and log.exists() and "/second" in log.read_text(), "the new log", 20)
    assert "/first" in pathlib.Path(str(log) + ".1").read_text() and "/first" not in log.read_text()


def test_programs_are_confined():
    """A CGI program of the service's sees the system read-only and has no privileges."""
    program = pathlib.Path("/usr/lib/cgi-bin/confined")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; id -un\n"
                       "touch /usr/written 2>&1; touch /tmp/written && echo private\ngrep -E 'NoNewPrivs|CapEff' /proc/self/status\n")
    os.chmod(program, 0o755)
    CONFIG.write_text(f'root {ROOT}\nlisten ":80"\nlog off\ncgi scripts {{ root "/usr/lib/cgi-bin" }}\n'
                      'route "/cgi-bin/" { cgi scripts }\n')
    start_with("--config /etc/tux.conf")
    systemctl("restart", "tux")
    status, body = get("/cgi-bin/confined")
    assert status == 200, journal()
    lines = body.decode().splitlines()
    assert lines[0] == "www-data" and "Read-only file system" in lines[1] and lines[2] == "private", lines
    assert lines[3:] == ["CapEff:\t0000000000000000", "NoNewPrivs:\t1"]
    assert not os.path.exists("/tmp/written") and not os.path.exists("/usr/written")


def test_dkms_has_built_the_modules_for_this_kernel():
    """And for each other kernel: an upgrade builds them anew, and keeps those of the kernel before."""
    kernels = sorted(path.name for path in pathlib.Path("/lib/modules").iterdir())
    assert len(kernels) == 2 and RELEASE in kernels
    for package in ("tux/0.1.0", "hello-tux/1.0"):
        lines = run("dkms", "status", package).stdout.splitlines()
        assert sorted(lines) == [f"{package}, {kernel}, x86_64: installed" for kernel in kernels]
    for name in ("tux", "hello"):
        file = pathlib.Path(run("modinfo", "--field", "filename", name).stdout.strip())
        assert file.parent == pathlib.Path("/lib/modules", RELEASE, "updates/dkms")
        assert run("modinfo", "--field", "vermagic", name).stdout.split()[0] == RELEASE


def test_module_of_verified_handlers():
    """It is built where the kernel can have it, and loads there."""
    can_have_it = tuple(int(number) for number in RELEASE.split(".")[:2]) >= (6, 11)
    found = list(pathlib.Path("/lib/modules", RELEASE).rglob("tux-bpf.ko*"))
    assert len(found) == can_have_it, found
    loaded = run("modprobe", "tux-bpf")
    assert (loaded.returncode == 0) == can_have_it, loaded.stderr
    assert pathlib.Path("/sys/module/tux_bpf").is_dir() == can_have_it


def answers_of_module():
    """Whether the module of the kernel responds, its answers, and those of the program's build of it."""
    found = {module["module"]: module for module in json.loads(get("/status?format=json")[1])["modules"]["loaded"]}["hello"]
    return found["kernel"], found["kernel_requests"], found["requests"] - found["kernel_requests"]


def test_module_of_an_author():
    """It loads, and responds in the kernel. Unloaded: the program's build of it responds."""
    CONFIG.write_text(f'root {ROOT}\nlisten ":80"\nlog off\nmodule hello {{ file "/usr/local/lib/tux/hello.so"; kernel on }}\n'
                      'route "/hello" { module hello }\nroute "=/status" { status on }\n')
    start_with("--config /etc/tux.conf")
    systemctl("restart", "tux")
    assert get("/hello") == (200, b"hello\n") and answers_of_module() == ("away", 0, 1)
    loaded = run("modprobe", "hello")
    assert loaded.returncode == 0, loaded.stderr
    for _ in range(20):
        assert get("/hello") == (200, b"hello\n")
    assert answers_of_module() == ("responds", 20, 1)
    assert "module hello (in the kernel)" in run("tux", "module", "list").stdout
    assert run("modprobe", "-r", "hello").returncode == 0
    assert get("/hello") == (200, b"hello\n") and answers_of_module() == ("away", 20, 2)
    assert "module hello (not in the kernel: this program responds)" in run("tux", "module", "list").stdout


def test_the_log_of_the_kernel_is_clean():
    assert guest.splats(run("dmesg").stdout) == []
