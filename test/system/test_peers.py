# SPDX-License-Identifier: GPL-2.0-or-later
"""Unmodified servers of Debian behind TUX, with their default configuration except for the content: their responses pass unchanged.
"""
import base64
import hashlib
import json
import os
import signal
import struct
import subprocess
import threading
import time

import pytest

import client
from tools import free_port, need

HERE = os.path.dirname(os.path.abspath(__file__))
APACHE_MODULES = "/usr/lib/apache2/modules"

NGINX = """
daemon off; worker_processes 1; pid %(at)s/pid; error_log %(at)s/error; user root;
events { worker_connections 512; }
http {
	access_log off; client_max_body_size 100m; client_body_temp_path %(at)s/b;
	proxy_temp_path %(at)s/p; fastcgi_temp_path %(at)s/f; uwsgi_temp_path %(at)s/u; scgi_temp_path %(at)s/s;
	server { listen %(listen)s; root %(at)s/www; location /app/up/ { dav_methods PUT DELETE; } location /app/page.shtml { ssi on; default_type text/html; } }
}
"""
APACHE = """
ServerRoot %(at)s
PidFile %(at)s/pid
ServerName x
Listen %(listen)s http
User www-data
Group www-data
LoadModule mpm_event_module %(modules)s/mod_mpm_event.so
LoadModule authz_core_module %(modules)s/mod_authz_core.so
LoadModule mime_module %(modules)s/mod_mime.so
LoadModule filter_module %(modules)s/mod_filter.so
LoadModule include_module %(modules)s/mod_include.so
LoadModule dav_module %(modules)s/mod_dav.so
LoadModule dav_fs_module %(modules)s/mod_dav_fs.so
TypesConfig /etc/mime.types
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
KeepAliveTimeout 60
DavLockDB %(at)s/www/app/up/lock
ErrorLog %(at)s/error
DocumentRoot %(at)s/www
<Directory />
	Require all granted
	Options +Includes
</Directory>
<Location /app/up/>
	Dav on
</Location>
"""
LIGHTTPD = """
server.modules = ( "mod_cgi" )
server.document-root = "%(at)s/www"
%(bind)s
server.errorlog = "%(at)s/error"
server.max-keep-alive-idle = 60
server.upload-dirs = ( "%(at)s" )
cgi.assign = ( ".sh" => "/bin/sh" )
mimetype.assign = ( ".txt" => "text/plain", "" => "application/octet-stream" )
"""
SMALL = b"a file of the peer's\n"
BIG = os.urandom(5_000_000)


class Peer:
    """A running server, at a port or at a Unix socket."""

    def __init__(self, name, at, unix):
        self.name = name
        self.at = at
        self.address = os.path.join(at, "socket") if unix else ("127.0.0.1", free_port())
        self.server = "unix:" + self.address if unix else "%s:%d" % self.address
        self._fill()
        with open(os.path.join(at, "stderr"), "wb") as file:
            self.process = subprocess.Popen(getattr(self, "_" + name)(), start_new_session=True, stdout=file, stderr=file)

        def listens():
            assert self.process.poll() is None, self.said()
            try:
                client.Connection(self.address).close()
            except OSError:
                return False
            return True
        client.wait_until(listens, name + " listens", 30)

    def _fill(self):
        app = os.path.join(self.at, "www/app")
        os.makedirs(os.path.join(app, "up"))
        for name, data in (("small.txt", SMALL), ("big", BIG), ("page.shtml", b"<!--#set var=\"a\" value=\"included\" --><p><!--#echo var=\"a\" -->\n"),
                           ("echo.sh", b"printf 'Content-Type: application/octet-stream\\n\\n'\nexec cat\n")):
            with open(os.path.join(app, name), "wb") as file:
                file.write(data)
            os.utime(os.path.join(app, name), (1_700_000_000, 1_700_000_000))  # Apache's entity tags of recent files are weak at first
        for folder, _, _ in os.walk(self.at):
            os.chmod(folder, 0o777)

    def _configure(self, text, **more):
        path = os.path.join(self.at, "conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text % {"at": self.at, "listen": self.server, **more})
        return path

    def _nginx(self):
        return [need("nginx"), "-c", self._configure(NGINX)]

    def _apache(self):
        if not os.path.exists(APACHE_MODULES + "/mod_dav_fs.so"):
            pytest.skip("apache2-bin is not installed")
        return [need("apache2"), "-X", "-f", self._configure(APACHE, modules=APACHE_MODULES)]

    def _lighttpd(self):
        if isinstance(self.address, str):
            bind = "server.bind = \"%s\"\nserver.socket-perms = \"0777\"" % self.address
        else:
            bind = "server.bind = \"127.0.0.1\"\nserver.port = %d" % self.address[1]
        return [need("lighttpd"), "-D", "-f", self._configure(LIGHTTPD, bind=bind)]

    def _node(self):
        return [need("node"), os.path.join(HERE, "peers/app.js"), self.address if isinstance(self.address, str) else str(self.address[1])]

    def _gunicorn(self):
        if subprocess.run(["/usr/bin/python3", "-c", "import gunicorn"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            pytest.skip("python3-gunicorn is not installed")
        return ["/usr/bin/python3", "-B", "-m", "gunicorn", "--chdir", os.path.join(HERE, "peers"), "--bind", self.server, "--umask", "0", "--threads", "4",
                "--keep-alive", "60", "app:application"]

    def said(self):
        with open(os.path.join(self.at, "stderr"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self):
        return client.Connection(self.address)

    def connections(self):
        """Returns the remote ports of the server's connections."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file][1:]
        return {line[2] for line in lines if line[1].endswith(":%04X" % self.address[1]) and line[3] == "01"}

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(10)
                return
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass


@pytest.fixture
def peer(place):
    """peer(name, unix): starts a server."""
    running = []

    def start(name, unix=False):
        at = os.path.join(place, name)
        os.mkdir(at)
        running.append(Peer(name, at, unix))
        return running[-1]
    yield start
    for one in running:
        one.stop()


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(peer): TUX in front of it, for /app/."""
    def start(one):
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('threads 1\nmax-body 100M\nupstream app { server "%s" }\nroute "/app/" { upstream app }\n' % one.server)
        site = os.path.join(place, "site")
        os.mkdir(site)
        with open(os.path.join(site, "index.html"), "wb") as file:
            file.write(b"a file of TUX's\n")
        return tux(site, "--config", path, "--engine", request.param)
    return start


FILE_SERVERS = [("nginx", False), ("nginx", True), ("apache", False), ("lighttpd", False), ("lighttpd", True)]
ECHO = {"lighttpd": "/app/echo.sh", "node": "/app/echo", "gunicorn": "/app/echo"}
HOP = {"connection", "keep-alive", "transfer-encoding", "date"}


def known(got):
    """Returns the parts of a response that must be equal with TUX in between."""
    return got.status, got.reason, sorted(field for field in got.fields if field[0] not in HOP), got.body


def upload(conn, target, body, method="POST", chunked=False):
    conn.send(client.request(target, "Transfer-Encoding: chunked" if chunked else "Content-Length: %d" % len(body), method=method))
    step = 100_003
    for at in range(0, len(body), step):
        part = body[at:at + step]
        conn.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
    if chunked:
        conn.send("0\r\n\r\n")


@pytest.mark.parametrize("name,unix", FILE_SERVERS)
def test_files(peer, proxy, name, unix):
    """Every response equals the server's without TUX: whole, partial, conditional, without body, and errors."""
    one = peer(name, unix)
    tux = proxy(one)
    with one.connect() as conn:
        first = conn.get("/app/small.txt")
    tag, modified = first.field("ETag"), first.field("Last-Modified")
    assert first.body == SMALL and tag and modified
    asked = [("/app/small.txt",), ("/app/small.txt?query",), ("/app/missing",), ("/app/%73mall.txt",), ("/app/small.txt", "Range: bytes=2-5"), ("/app/small.txt", "Range: bytes=-4"),
             ("/app/small.txt", "Range: bytes=0-0,3-4"), ("/app/small.txt", "If-None-Match: " + tag),
             ("/app/small.txt", "If-None-Match: \"x\""), ("/app/small.txt", "If-Modified-Since: " + modified), ("/app/small.txt", "If-Match: \"x\""),
             ("/app/small.txt", "Range: bytes=0-3", "If-Range: " + tag), ("/app/big",), ("/app/big", "Range: bytes=4000000-"), ("/app/big", "Connection: close")]
    if name == "nginx":  # the others send no Content-Range with 416
        asked.append(("/app/small.txt", "Range: bytes=1000-"))
    for method in ("GET", "HEAD"):
        for target, *fields in asked:
            with one.connect() as straight, tux.connect() as through:
                expected, got = straight.get(target, *fields, method=method), through.get(target, *fields, method=method)
            if got.status == 206 and "multipart" in (got.field("Content-Type") or ""):
                expected.body = got.body = b""  # each has a different boundary
                expected.fields = [field for field in expected.fields if field[0] != "content-type"]
                got.fields = [field for field in got.fields if field[0] != "content-type"]
            assert known(got) == known(expected), (method, target, fields)
    with tux.connect() as conn:
        for _ in range(20):
            assert conn.get("/app/small.txt").body == SMALL
            assert conn.get("/").body == b"a file of TUX's\n"


@pytest.mark.parametrize("name", ["nginx", "apache", "lighttpd", "node", "gunicorn"])
def test_one_connection_carries_all(peer, proxy, name):
    one = peer(name)
    tux = proxy(one)
    target = "/app/small.txt" if name in ("nginx", "apache", "lighttpd") else "/app/fields"
    assert tux.get(target).status == 200
    before = client.wait_until(lambda: len(found := one.connections()) == 1 and found, "one is kept")
    for _ in range(30):
        assert tux.get(target).status == 200
    assert one.connections() == before


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_chunked_pages(peer, proxy, name):
    """A page of unknown length: chunked for HTTP/1.1, until close for 1.0."""
    one = peer(name)
    tux = proxy(one)
    with tux.connect() as conn:
        for _ in range(3):
            got = conn.get("/app/page.shtml")
            assert got.status == 200 and got.body == b"<p>included\n" and got.tokens("Transfer-Encoding") == ["chunked"]
        got = conn.get("/app/page.shtml", version="1.0")
        assert got.body == b"<p>included\n" and not got.all("Transfer-Encoding")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name,unix", FILE_SERVERS + [("node", False), ("node", True), ("gunicorn", False), ("gunicorn", True)])
def test_large_bodies(peer, proxy, name, unix, chunked):
    """Uploads are downloaded again: by PUT and GET from file servers, else from an echo."""
    one = peer(name, unix)
    tux = proxy(one)
    with tux.connect() as conn:
        for size in (0, 1, 70_000, 8_000_000):
            body = BIG[:size] + BIG[:max(0, size - len(BIG))]
            if name in ECHO:
                sender = threading.Thread(target=upload, args=(conn, ECHO[name], body), kwargs={"chunked": chunked})
                sender.start()
                got = conn.response()
                sender.join()
                assert got.status == 200, (size, got)
            else:
                upload(conn, "/app/up/%d" % size, body, "PUT", chunked)
                assert conn.response().status in (201, 204), size
                got = conn.get("/app/up/%d" % size)
            assert got.body == body, size


@pytest.mark.parametrize("name", ["nginx", "apache", "lighttpd", "node", "gunicorn"])
def test_many_at_once(peer, proxy, name):
    one = peer(name)
    tux = proxy(one)
    target, wrong = ("/app/big", []) if name in ("nginx", "apache", "lighttpd") else ("/app/echo", [])

    def ask(seed):
        with tux.connect() as conn:
            for i in range(10):
                start, size = (seed * 7919 + i * 104729) % 4_000_000, 1 + (seed * 31 + i * 997) % 200_000
                if target == "/app/echo":
                    conn.send(client.request(target, "Content-Length: %d" % size, method="POST"))
                    conn.send(BIG[start:start + size])
                    body = conn.response().body
                else:
                    body = conn.get(target, "Range: bytes=%d-%d" % (start, start + size - 1)).body
                if body != BIG[start:start + size]:
                    wrong.append((seed, i))
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_request_as_seen_by_node(peer, proxy):
    one = peer("node")
    tux = proxy(one)
    got = json.loads(tux.get("/app/fields?a=%20b", "X-One: 1", "X-Two: two words", "Cookie: a=b", "X-Forwarded-For: 8.8.8.8", host="example.org:8080").body)
    fields = list(zip(got["fields"][::2], got["fields"][1::2]))
    assert got["method"] == "GET" and got["url"] == "/app/fields?a=%20b"
    assert ("X-One", "1") in fields and ("X-Two", "two words") in fields and ("Cookie", "a=b") in fields and ("Host", "example.org:8080") in fields
    assert ("X-Forwarded-For", "127.0.0.1") in fields and "8.8.8.8" not in str(fields)


def test_early_hints(peer, proxy):
    one = peer("node")
    tux = proxy(one)
    with tux.connect() as conn:
        conn.send(client.request("/app/early"))
        early = conn.head()
        assert early.status == 103 and early.field("Link") == "</style.css>; rel=preload"
        assert conn.response().body == b"late"


@pytest.mark.parametrize("unix", [False, True])
def test_events(peer, proxy, unix):
    """Server-sent events arrive one by one. When their client disconnects, the application is notified."""
    one = peer("node", unix)
    tux = proxy(one)
    with tux.connect() as conn:
        conn.send(client.request("/app/events", "Accept: text/event-stream"))
        got = conn.head()
        assert got.status == 200 and got.field("Content-Type") == "text/event-stream"
        times = []
        for i in range(6):
            event = b"id: %d\ndata: event %d\n\n" % (i, i)
            assert conn.line() == b"%x" % len(event)
            assert conn.take(len(event) + 2) == event + b"\r\n"
            times.append(time.monotonic())
        assert times[-1] - times[0] > 0.15
        assert tux.get("/app/gone").body == b"0"
    client.wait_until(lambda: tux.get("/app/gone").body == b"1", "the application has been told")


def test_response_during_upload(peer, proxy):
    """Streams in both directions: each part is acknowledged before the next one is sent."""
    one = peer("node")
    tux = proxy(one)
    with tux.connect() as conn:
        conn.send(client.request("/app/progress", "Transfer-Encoding: chunked", method="POST"))
        conn.send("5\r\nhello\r\n")
        got = conn.head()
        assert got.status == 200
        for count in range(1, 5):
            line = b"%d\n" % (5 * count)
            assert conn.line() == b"%x" % len(line)
            assert conn.take(len(line) + 2) == line + b"\r\n"
            if count < 4:
                conn.send("5\r\nhello\r\n")
        conn.send("0\r\n\r\n")
        assert conn.line() == b"7" and conn.take(9) == b"end 20\n\r\n" and conn.line() == b"0" and conn.line() == b""
        assert conn.get("/").body == b"a file of TUX's\n"


class WebSocket:
    """As much of RFC 6455 as an echo needs."""

    def __init__(self, tux, target="/app/socket"):
        self.conn = tux.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        self.conn.send(client.request(target, "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key))
        got = self.conn.head()
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert got.status == 101 and got.field("Upgrade") == "websocket" and got.field("Sec-WebSocket-Accept") == accept

    def send(self, opcode, payload):
        size = len(payload)
        head = bytes([128 | opcode]) + (bytes([128 | size]) if size < 126 else struct.pack(">BH", 254, size) if size < 65536 else struct.pack(">BQ", 255, size))
        self.conn.send(head + b"\0\0\0\0" + payload)

    def receive(self):
        first, size = self.conn.take(2)
        if size > 125:
            size, = struct.unpack(">H" if size == 126 else ">Q", self.conn.take(2 if size == 126 else 8))
        return first & 15, self.conn.take(size)


@pytest.mark.parametrize("unix", [False, True])
def test_websocket(peer, proxy, unix):
    one = peer("node", unix)
    tux = proxy(one)
    sockets = [WebSocket(tux) for _ in range(5)]
    for socket_ in sockets:
        assert socket_.receive() == (1, b"welcome")
    for size in (0, 1, 125, 126, 65535, 65536, 3_000_000):
        for number, socket_ in enumerate(sockets):
            payload = BIG[number:number + size]
            sender = threading.Thread(target=socket_.send, args=(2, payload))
            sender.start()
            assert socket_.receive() == (2, payload)
            sender.join()
    assert tux.get("/app/fields").status == 200  # other clients are served meanwhile
    for socket_ in sockets:
        socket_.send(9, b"ping")
        assert socket_.receive() == (10, b"ping")
        socket_.send(8, b"\x03\xe8")
        assert socket_.receive() == (8, b"\x03\xe8")
        assert socket_.conn.rest() == b""
        socket_.conn.close()


def test_refused_websocket(peer, proxy):
    """The application does not switch protocols: its response arrives, and the connection continues as HTTP."""
    one = peer("node")
    tux = proxy(one)
    with tux.connect() as conn:
        got = conn.get("/app/socket", "Connection: Upgrade", "Upgrade: websocket")
        assert got.status == 400
        assert conn.get("/").body == b"a file of TUX's\n"


@pytest.mark.parametrize("unix", [False, True])
def test_gunicorn(peer, proxy, unix):
    one = peer("gunicorn", unix)
    tux = proxy(one)
    with tux.connect() as conn:
        for _ in range(5):
            got = conn.get("/app/chunks")
            assert got.status == 200 and got.body == b"".join(b"part %d\n" % i for i in range(100))
            assert conn.get("/app/fails").status == 500
            seen = json.loads(conn.get("/app/fields?q", "X-One: 1", "Proxy: http://x/", "X_One: 2", host="example.org").body)
            assert seen["HTTP_HOST"] == "example.org" and seen["QUERY_STRING"] == "q" and seen["HTTP_X_ONE"] == "1" and "HTTP_PROXY" not in seen
            assert conn.get("/app/nothing").status == 404
            assert conn.get("/").body == b"a file of TUX's\n"


def test_restarted_server_is_used_again(peer, proxy):
    """Requests are 502 while the server is down. After its restart they reach it again."""
    one = peer("nginx")
    tux = proxy(one)
    assert tux.get("/app/small.txt").body == SMALL
    one.stop()
    assert tux.get("/app/small.txt").status == 502
    one.process = subprocess.Popen([need("nginx"), "-c", os.path.join(one.at, "conf")], start_new_session=True, stderr=subprocess.DEVNULL)
    client.wait_until(lambda: tux.get("/app/small.txt").body == SMALL, "it answers again")
