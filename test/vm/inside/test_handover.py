# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections go into the accept queue of an unmodified server: real client address, request unread, keep-alive going on."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import Counts, Tux, answer, ask, free_port, same_again
from test_adopt import Program

NGINX = """
daemon off; worker_processes 1; pid %(at)s/pid; error_log %(at)s/error; user root;
events { worker_connections 512; }
http {
	access_log %(at)s/log; keepalive_requests 100000;
	client_body_temp_path %(at)s/b; proxy_temp_path %(at)s/p; fastcgi_temp_path %(at)s/f; uwsgi_temp_path %(at)s/u; scgi_temp_path %(at)s/s;
	server { listen %(listen)s backlog=16; root %(at)s/www; error_page 405 =200 /posted.txt; }
}
"""
APACHE = """
ServerRoot %(at)s
PidFile %(at)s/pid
ServerName x
Listen %(listen)s http
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LogFormat "%%h %%r" short
CustomLog %(at)s/log short
ErrorLog %(at)s/error
DocumentRoot %(at)s/www
MaxKeepAliveRequests 0
ListenBacklog 16
<Directory />
	Require all granted
</Directory>
"""
LIGHTTPD = """
server.modules = ( "mod_accesslog" )
server.document-root = "%(at)s/www"
server.bind = "%(address)s"
server.port = %(port)d
server.listen-backlog = 16
accesslog.filename = "%(at)s/log"
server.errorlog = "%(at)s/error"
server.max-keep-alive-requests = 100000
"""


class Backend:
    """A server of Debian's as it comes, and what it serves."""

    def __init__(self, name, at, address="127.0.0.1"):
        self.port = free_port()
        self.at = at
        (at / "www").mkdir(parents=True)
        (at / "www/backend.txt").write_bytes(b"the backend's\n")
        (at / "www/posted.txt").write_bytes(b"posted\n")
        (at / "www/app").mkdir()
        (at / "www/app/a.txt").write_bytes(b"the app's\n")
        host = f"[{address}]" if ":" in address else address
        text = {"nginx": NGINX, "apache": APACHE, "lighttpd": LIGHTTPD}[name] % {
            "at": at, "address": address, "port": self.port, "listen": f"{host}:{self.port}"}
        (at / "conf").write_text(text)
        command = {"nginx": ["nginx", "-c", str(at / "conf")], "apache": ["apache2", "-X", "-f", str(at / "conf")],
                   "lighttpd": ["lighttpd", "-D", "-f", str(at / "conf")]}[name]
        self.process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=open(at / "stderr", "wb"))
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((address, self.port), timeout=5).close()
                break
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, (at / "stderr").read_text()
                time.sleep(0.05)

    def wait_until_gone(self):
        """Its children may live a moment longer, and listen."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except ConnectionRefusedError:
                return
            except OSError:
                pass
            time.sleep(0.05)

    def log(self):
        return (self.at / "log").read_text()

    def send(self, number):
        os.killpg(self.process.pid, number)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait(10)


@pytest.fixture(params=["nginx", "apache", "lighttpd"])
def backend(request, tmp_path):
    made = Backend(request.param, tmp_path / "backend")
    yield made
    made.stop()


@pytest.fixture
def tux(root, backend):
    server = Tux(root, "--handover", f"{backend.port},/app/")
    yield server
    server.stop()


def test_what_is_missing_is_the_backends(tux, backend):
    with tux.connect() as sock:
        sock.getsockname()
        assert ask(sock, "/a.txt") == (200, b"hello\n")
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")
        # From here on the connection is the backend's, and goes on.
        for _ in range(10):
            assert ask(sock, "/backend.txt") == (200, b"the backend's\n")
        assert ask(sock, "/neither")[0] == 404


def test_prefix(tux):
    assert tux.get("/app/a.txt") == (200, b"the app's\n")
    assert tux.get("/index.html") == (200, b"<p>index\n")


def test_method_with_a_body(tux):
    with tux.connect() as sock:
        sock.sendall(b"POST /posted.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        time.sleep(0.1)
        sock.sendall(b"12345")
        assert answer(sock)[0] in (200, 404, 405)


def test_clients_address_is_seen(tux, backend):
    """Another address of the loopback network stands for a client elsewhere."""
    with socket.socket() as sock:
        sock.bind(("127.1.2.3", 0))
        sock.connect(("127.0.0.1", tux.port))
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")

    def is_seen():
        return re.search(r"^127\.1\.2\.3 ", backend.log(), re.MULTILINE)
    until = time.monotonic() + 3
    while not is_seen() and time.monotonic() < until:  # lighttpd may write it only when it ends
        time.sleep(0.05)
    backend.stop()
    assert is_seen()


def test_pipelined_behind_an_answered_one(tux):
    with tux.connect() as sock:
        sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /backend.txt HTTP/1.1\r\nHost: x\r\n\r\n"
                     b"GET /backend.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while more := sock.recv(65536):
            data += more
    assert data.count(b"HTTP/1.1 200") == 3 and data.endswith(b"the backend's\n") and b"\r\n\r\nhello\n" in data


def test_many(tux, backend):
    before = Counts()
    for _ in range(100):
        assert tux.get("/backend.txt") == (200, b"the backend's\n")
    same_again(before)


def test_backend_gone(tux, backend):
    backend.stop()
    backend.wait_until_gone()
    with tux.connect() as sock:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
        assert ask(sock, "/backend.txt")[0] == 503
        assert ask(sock, "/a.txt") == (200, b"hello\n")


def test_backlog_full_and_killed_with_connections_queued(tux, backend):
    before = Counts()
    backend.send(signal.SIGSTOP)
    socks, full = [], []
    for _ in range(60):
        sock = tux.connect()
        sock.sendall(b"GET /backend.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        socks.append(sock)
    for sock in socks[::-1]:  # those that came last found no room
        sock.settimeout(2)
        try:
            assert answer(sock)[0] == 503
        except TimeoutError:
            break
        full.append(sock)
    assert len(full) > 10
    backend.stop(signal.SIGKILL)
    ended = 0
    for sock in socks:
        if sock in full:
            sock.close()
            continue
        try:
            ended += sock.recv(1) == b""
        except OSError:
            ended += 1
        sock.close()
    assert ended > 0
    backend.wait_until_gone()
    assert tux.get("/backend.txt")[0] == 503
    same_again(before)


def test_families_are_matched(root, tmp_path):
    """A backend that listens on IPv6 alone, or in another family, does not get a connection of IPv4."""
    made = Backend("nginx", tmp_path / "six", "::1")
    server = Tux(root, "--handover", str(made.port))
    six = Tux(root, "--handover", str(made.port), "--listen", f"[::1]:{free_port()}")
    assert server.get("/backend.txt")[0] == 503
    text = pathlib.Path("/tmp/tux-error").read_text()
    port = int(re.search(r"\[::1\]:(\d+)", text)[1])
    with socket.create_connection(("::1", port), timeout=10) as sock:
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")
    for each in (server, six, made):
        each.stop()


def test_not_to_ourselves(root):
    """A port that TUX itself listens on is nobody to hand over to."""
    port = free_port()
    server = Tux(root, "--handover", str(port), "--listen", f"127.0.0.1:{port}")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        assert ask(sock, "/missing")[0] == 503
        assert ask(sock, "/a.txt") == (200, b"hello\n")
    server.stop()


def test_killed_with_handed_over_connections(root, backend):
    """TUX dies, what it handed over lives on."""
    server = Tux(root, "--handover", str(backend.port))
    with server.connect() as sock:
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")
        server.stop(signal.SIGKILL)
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")


def queued(listener):
    """How many connections wait for accept()."""
    at = "0100007F:%04X" % listener.getsockname()[1]
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(line[4].split(":")[1], 16) for line in lines if line[1] == at and line[3] == "0A")


def test_queued_request_has_no_identity(root):
    """
    Memory of a request may be used again while a lookup still points to it. With the addresses of its last user, here those of a
    client's connection, the lookup would take it for that.
    """
    with socket.create_server(("127.0.0.1", 0)) as backend, Program(root, backend, served=True) as program:
        subprocess.run(["insmod", "/identity.ko"], check=True)
        clients = []
        for _ in range(20):
            clients.append(program.connect())
            clients[-1].sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
        becomes(20, lambda: queued(backend))
        subprocess.run(["rmmod", "identity"], check=True)
        for client in clients:
            backend.accept()[0].close()
            client.close()
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"identity: (\d+) requests, (\d+) with an identity", log)[-1] == ("20", "0")


CGROUP = pathlib.Path("/sys/fs/cgroup")
SAYS_WHO_ASKS = '''
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    sock, (_, port) = listener.accept()
    sock.recv(4096)
    body = str(port).encode()
    sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    sock.close()
'''


@pytest.fixture
def cgroups():
    """Two memory cgroups of the second version, for TUX and for the other server."""
    if not CGROUP.exists() or subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUP)], capture_output=True, check=False).returncode != 0:
        pytest.skip("no cgroups of the second version")
    (CGROUP / "cgroup.subtree_control").write_text("+memory")
    folders = [CGROUP / "front", CGROUP / "back"]
    for folder in folders:
        folder.mkdir()
    yield folders
    (CGROUP / "cgroup.subtree_control").write_text("-memory")
    subprocess.run(["umount", str(CGROUP)], check=False)


def becomes(wanted, read):
    """Waits for a figure, which the kernel sums up every two seconds."""
    until = time.monotonic() + 30
    while read() != wanted:
        assert time.monotonic() < until, f"{read()} in place of {wanted}"
        time.sleep(0.1)


def socket_bytes(folder):
    lines = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return int(lines["sock"])


def dying():
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")  # a page on its way to a list holds its cgroup
    lines = dict(line.split() for line in (CGROUP / "cgroup.stat").read_text().splitlines())
    return int(lines["nr_dying_descendants"])


@pytest.mark.parametrize("backend_in_a_cgroup", [True, False])
def test_memory_charge_changes_hands(root, cgroups, backend_in_a_cgroup):
    """The other server's accept() charges the connection to its own cgroup: ours keeps neither bytes nor a reference."""
    front, back = cgroups
    before = dying()
    joins = [lambda folder=folder: (folder / "cgroup.procs").write_text("0") for folder in cgroups]
    with subprocess.Popen([sys.executable, "-c", SAYS_WHO_ASKS], stdout=subprocess.PIPE, text=True,
                          preexec_fn=joins[1] if backend_in_a_cgroup else None) as other:
        tux = Tux(root, "--handover", other.stdout.readline().strip(), preexec_fn=joins[0])
        for _ in range(100):
            with tux.connect() as sock:  # the first response is not acknowledged when the second request is looked at
                sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
                data = b""
                while more := sock.recv(65536):
                    data += more
                assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"\r\n\r\n%d" % sock.getsockname()[1])
        for folder in cgroups:
            becomes(0, lambda folder=folder: socket_bytes(folder))
        tux.stop()
        other.kill()
    pathlib.Path("/tmp/tux-error").write_text("")  # its page is charged to who wrote it
    for folder in cgroups:
        becomes("", (folder / "cgroup.procs").read_text)
        folder.rmdir()
    becomes(before, dying)


@pytest.mark.usefixtures("small_send_buffers")
def test_hand_over_waits_until_all_before_it_is_acknowledged(root, backend):
    """A client that does not read keeps a response in the socket; it is TUX's until the client has it."""
    tux = Tux(root, "--handover", str(backend.port))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", tux.port))
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nRange: bytes=0-29999\r\n\r\nGET /backend.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        assert answer(sock) == (206, (root / "big").read_bytes()[:30000])
        assert answer(sock) == (200, b"the backend's\n")
        assert ask(sock, "/backend.txt") == (200, b"the backend's\n")
    tux.stop()


def test_routes_that_the_kernel_engine_does_not_serve(tmp_path, backend):
    """A redirect is the program's, with every method, whatever the server on the port would do; then the connection goes on."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/a.txt").write_text("hello")
    (tmp_path / "tux.conf").write_text('route "/old/" { redirect "/new/*" }\n')
    for path in (tmp_path, *list(tmp_path.parents)[:-1]):
        path.chmod(path.stat().st_mode | 0o055)
    tux = Tux(tmp_path / "site", "--config", str(tmp_path / "tux.conf"), "--handover", str(backend.port))
    try:
        with tux.connect() as sock:
            for _ in range(3):
                assert ask(sock, "/a.txt") == (200, b"hello")
                assert ask(sock, "/old/x")[0] == 301
                assert ask(sock, "/old/x", method="POST")[0] == 301
    finally:
        tux.stop()
