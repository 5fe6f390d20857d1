# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals, the log, the service manager's protocols, the sandbox."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

import client
from process import ACTIVATE
from tools import listens, need

LARGE = 64 << 20

# Becomes the program with a listening socket as descriptor 3, like systemd.
@pytest.fixture
def root(root):
    with open(os.path.join(root, "large"), "wb") as file:
        file.truncate(LARGE)
    return root


def download(server, target="/large"):
    """An active response: its head is read, its body is not."""
    conn = server.connect(receive_buffer=4096)
    conn.send(client.request(target))
    return conn, int(conn.head().field("Content-Length"))


def test_sigterm_drains(tux, root):
    """SIGTERM: no new connections, idle ones close after two seconds, active responses complete; exit 0."""
    server = tux(root, "--drain-timeout", "60")
    idle = server.connect()
    assert idle.get("/file").body == b"data"
    conn, length = download(server)
    server.signal(signal.SIGTERM)
    idle.assert_closed()
    client.wait_until(lambda: not listens(server.port), "it stops listening")
    assert server.process.poll() is None
    conn.widen()
    assert conn.take(length) == bytes(LARGE)
    conn.assert_closed()
    assert server.wait() == 0


def test_second_sigterm_stops_at_once(tux, root):
    """A second SIGTERM stops the server even with active responses."""
    server = tux(root, "--drain-timeout", "600")
    conn, length = download(server)
    server.signal(signal.SIGTERM)
    client.wait_until(lambda: not listens(server.port), "it stops listening")
    assert server.process.poll() is None
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    with pytest.raises(client.Closed):
        conn.take(length)


def test_drain_timeout(tux, root):
    """Draining ends at its limit, even with active responses."""
    server = tux(root, "--drain-timeout", "0.5")
    conn, _ = download(server)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    conn.close()


def test_sigint_prints_a_summary(tux, root):
    """SIGINT stops the server and prints a summary."""
    server = tux(root)
    for _ in range(7):
        assert server.get("/file").status == 200
    server.get("/missing")
    server.signal(signal.SIGINT)
    assert server.wait() == 0
    assert "requests" in server.output and "sent" in server.output


def test_banner(tux, root):
    """The banner shows the addresses and the mode of operation."""
    server = tux(root)
    client.wait_until(lambda: "http://127.0.0.1:%d/" % server.port in server.output, "it says its URL")
    client.wait_until(lambda: "io_uring" in server.output or "epoll" in server.output, "it says its engine")


def lines_of(path, count):
    """Waits for count lines in a log and returns them."""
    def read():
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        return lines if len(lines) >= count else None
    return client.wait_until(read, "%d lines in the log" % count)


def test_log(tux, root, place):
    """One line for each request, with its target and status; none is lost at the end."""
    log = os.path.join(place, "log")
    server = tux(root, log=log)
    for i in range(200):
        assert server.get("/missing-%d" % i).status == 404
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    lines = [line for line in lines_of(log, 200) if "/missing-" in line]
    assert len(lines) == 200 and all("404" in line for line in lines)


def test_sighup_reopens_the_log(tux, root, logs):
    """SIGHUP: after a rotation the log uses a new file, and no request is lost."""
    log = os.path.join(logs, "access")
    server = tux(root, log=log)
    server.get("/file?before")
    client.wait_until(lambda: any("before" in line for line in lines_of(log, 1)), "the first line")
    os.rename(log, log + ".1")
    server.signal(signal.SIGHUP)
    client.wait_until(lambda: "tux: reloaded" in server.output, "the process that served has retired")
    server.get("/file?after")
    client.wait_until(lambda: any("after" in line for line in lines_of(log, 1)), "the line in the new file")
    with open(log + ".1", encoding="utf-8") as file:
        old = file.read()
    assert "before" in old and "after" not in old


def test_sighup_keeps_connections(tux, root):
    """SIGHUP disturbs no connection."""
    server = tux(root)
    with server.connect() as conn:
        for _ in range(5):
            assert conn.get("/file").body == b"data"
            server.signal(signal.SIGHUP)
        assert conn.get("/file").body == b"data"


def test_socket_activation(tux, root, request):
    """LISTEN_FDS: serves on the socket that it inherits; a connection from before its start is not lost."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        address = listener.getsockname()
        with client.Connection(address) as early:
            early.send(client.request("/file"))
            server = tux(root, listen=False, port=address[1], wrapper=[sys.executable, "-c", ACTIVATE,
                                                                       str(listener.fileno())],
                         pass_fds=[listener.fileno()])
            assert early.response().body == b"data"
        for _ in range(5):
            assert server.get("/file").body == b"data"


def test_foreign_listen_pid(tux, root):
    """LISTEN_FDS for another process is ignored."""
    server = tux(root, env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert server.get("/file").body == b"data"


def test_sd_notify(tux, root, place):
    """NOTIFY_SOCKET: READY=1 when it serves, RELOADING=1 and READY=1 at SIGHUP, STOPPING=1 at the end."""
    path = os.path.join(place, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)
        manager.settimeout(client.TIMEOUT)
        server = tux(root, "--drain-delay", "0", env={"NOTIFY_SOCKET": path}, ready=False)

        def hear(state):
            while True:
                if state in manager.recv(4096).decode().splitlines():
                    return
        hear("READY=1")
        assert server.get("/file").body == b"data"
        server.signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        server.signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert server.wait() == 0


def user_of_default():
    for name in ("www-data", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


@pytest.mark.parametrize("user", [None, "nobody"])
def test_privileges(tux, root, user):
    """Started as root it runs as another user, without capabilities, with no_new_privs and a seccomp filter."""
    if os.geteuid() != 0:
        pytest.skip("only root has privileges to give up")
    wanted = pwd.getpwnam(user) if user else user_of_default()
    server = tux(root, *(["--user", user] if user else []))
    assert server.status("Uid").split() == [str(wanted.pw_uid)] * 4
    assert server.status("Gid").split() == [str(wanted.pw_gid)] * 4
    assert "0" not in server.status("Groups").split()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(server.status(name), 16) == 0, name
    assert server.status("NoNewPrivs") == "1"
    assert server.status("Seccomp") == "2"
    for task in os.listdir("/proc/%d/task" % server.pid):  # all threads, not only the first
        with open("/proc/%d/task/%s/status" % (server.pid, task), encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        assert status["Seccomp"] == "2" and int(status["CapEff"], 16) == 0
        assert status["Uid"].split() == [str(wanted.pw_uid)] * 4
    assert server.get("/file").body == b"data"


def test_privileged_port(tux, root):
    """As root it binds first and then drops privileges: a port below 1024."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for port in range(1023, 900, -1):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        server = tux(root, port=port)
        assert server.get("/file").body == b"data"
        return
    pytest.skip("no free port below 1024")


def test_nothing_inherited(tux, root):
    """The server holds no directory except the root, and no inherited descriptor."""
    with open("/etc/hostname", "rb") as file:
        os.set_inheritable(file.fileno(), True)
        server = tux(root, "--no-sandbox")
        links = []
        for fd in os.listdir("/proc/%d/fd" % server.pid):
            try:
                links.append(os.readlink("/proc/%d/fd/%s" % (server.pid, fd)))
            except OSError:
                continue
        assert "/etc/hostname" not in links


def run(request, *args):
    return subprocess.run([os.path.abspath(request.config.getoption("tux"))] + list(args), capture_output=True, text=True,
                          timeout=30, check=False)


def test_version_and_help(request):
    """tux --version, tux help."""
    version = run(request, "--version")
    assert version.returncode == 0 and version.stdout.startswith("tux ")
    for args in (["help"], ["help", "serve"], ["serve", "--help"]):
        done = run(request, *args)
        assert done.returncode == 0 and "serve" in done.stdout


@pytest.mark.parametrize("args", [
    ["serve", "/does/not/exist"], ["serve", "/etc/hostname"], ["serve", "--nonsense"], ["serve", "--listen", "x:y:z"],
    ["serve", "--threads", "0"], ["serve", "--engine", "none"], ["serve", "a", "b"], ["nonsense"],
    ["serve", "/", "--user", "no-such-user"], ["serve", "--head-timeout", "-1"]])
def test_usage_errors(request, args):
    """A usage error prints one sentence on stderr, and the exit status is not 0."""
    done = run(request, *args)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert done.stderr.startswith("tux: ") and len(done.stderr) > 10


def test_port_in_use(tux, root, request):
    """An address in use is reported, not shared."""
    server = tux(root)
    done = run(request, "serve", root, "--listen", "127.0.0.1:%d" % server.port)
    assert done.returncode > 0 and str(server.port) in done.stderr
    assert server.get("/file").body == b"data"


def test_killed_leaves_a_usable_unix_socket(tux, root, place):
    """After kill -9 the next start takes over the stale Unix socket."""
    path = os.path.join(place, "sock")
    first = tux(root, "--listen", "unix:" + path)
    first.kill()
    first.process.returncode = 0  # requested once, so that there is no warning at the end
    tux(root, "--listen", "unix:" + path)
    with client.Connection(path) as conn:
        assert conn.get("/file").body == b"data"


def test_start_is_quick_to_serve(tux, root):
    """It starts on the port of a server that has just ended with open connections."""
    port = None
    for _ in range(2):
        server = tux(root, port=port)
        port = server.port
        conn = server.connect()
        assert conn.get("/file").body == b"data"
        server.end()
        conn.close()


def test_systemd_units(request, tmp_path):
    """systemd-analyze verifies the files in packaging/, each drop-in too, with all optional parts."""
    packaging = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging")
    program = os.path.abspath(request.config.getoption("tux"))
    for drop_in in (None, "kernel", "cgi"):
        at = tmp_path / str(drop_in)
        (at / "tux.service.d").mkdir(parents=True)
        with open(os.path.join(packaging, "tux.service"), encoding="utf-8") as file:
            text = file.read()
        assert "RuntimeDirectory=tux\n" in text
        (at / "tux.service").write_text(text.replace("/usr/local/bin/tux", program))
        shutil.copy(os.path.join(packaging, "tux.socket"), at)
        if drop_in:
            with open(os.path.join(packaging, drop_in, "tux.service.conf"), encoding="utf-8") as file:
                text = file.read()
            (at / "tux.service.d" / "own.conf").write_text(re.sub("(?m)^#([A-Z][A-Za-z]+=)", r"\1", text))
        for unit in ("tux.service", "tux.socket"):
            found = subprocess.run([need("systemd-analyze"), "verify", "--man=no", str(at / unit)], capture_output=True, text=True, timeout=60, check=False)
            said = [line for line in found.stderr.splitlines() if "tux" in line]
            assert found.returncode == 0 and not said, found.stderr
