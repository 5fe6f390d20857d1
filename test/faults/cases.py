# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of request with its correct response, and the site for them."""
import os
import socket
import subprocess
import urllib.parse

import client
from tools import free_port
from upstreams import Origin, response

PLAIN = b"plain\n"
LARGE = bytes(range(256)) * 6000
SECRET = b"secret" * 20000
BODY = bytes(range(251)) * 400
PATTERN = (b"abcdefghijklmnopqrstuvwxyz" * 8000)[:200000]
TYPE = "Content-Type: text/plain"


TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class Unexpected(Exception):
    """An incorrect response. status: its status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def expect(got, status, body=None):
    if got.status != status:
        raise Unexpected(got.status, "status %d in place of %d: %r" % (got.status, status, got.body[:200]))
    if callable(body):
        assert body(got), "a body that is not right: %r" % got
    elif body is not None:
        assert got.body == body, "a body of %d octets in place of %d: %r" % (len(got.body), len(body), got.body[:100])


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


class Site:
    """The files, the programs and the upstream server."""

    def __init__(self, place):
        self.place = place
        self.root = place + "/www"
        self.count = 0
        self.texts = {name: b"%09d\n" % 0 for name in ("cold.txt", "coded.txt.gz", "sub/index.html")}
        for name in ("plain.txt", "cold.txt", "coded.txt", "coded.txt.gz", "list/a", "list/b", "list/c d", "sub/index.html", "file.txt"):
            write(self.root + "/" + name, self.texts.get(name, PLAIN))
        write(self.root + "/missing.html", b"a page\n")
        write(self.root + "/large.bin", LARGE)
        write(self.root + "/secret/x.bin", SECRET)
        write(place + "/cgi/get", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nplain\\n'\n", 0o755)
        write(place + "/cgi/cat", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec cat\n", 0o755)
        write(place + "/cgi/bad", b"#!/bin/sh\necho nonsense\n", 0o755)
        write(place + "/cgi/accel", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\nX-Accel-Redirect: /secret/x.bin\\n\\n'\n", 0o755)
        os.makedirs(place + "/log", exist_ok=True)
        for name in ("", "/log"):
            os.chmod(place + name, 0o777)
        for name in ("/www", "/cgi"):
            os.chmod(place + name, 0o755)
        modules = place + "-modules"  # where only root can change them
        os.makedirs(modules, exist_ok=True)
        os.chmod(modules, 0o755)
        for name in ("streams", "bodies", "lifetimes", "fetcher"):
            subprocess.run(["cc", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), os.path.join(TOP, "test/system/modules", name + ".c"), "-o",
                            modules + "/" + name + ".so"], check=True)
            os.chmod(modules + "/" + name + ".so", 0o755)
        self.origins = [Origin(self.answer), Origin(self.answer, place + "/app.sock")]
        config = """
threads 1
log "%(place)s/log/access.log"
upstream app  { server "%(tcp)s"; keep-alive 1; max-fails 0 }
upstream once { server "%(unix)s"; keep-alive 0; max-fails 0 }
upstream down { server "127.0.0.1:%(closed)d"; max-fails 0 }
module streams { file "%(place)s-modules/streams.so" }
module pooled  { file "%(place)s-modules/streams.so"; threads 1 }
module bodies  { file "%(place)s-modules/bodies.so" }
module others  { file "%(place)s-modules/lifetimes.so"; config { fifo "/dev/null" } }
module apart   { file "%(place)s-modules/streams.so"; isolate on; memory 0 }
module inside  { file "%(place)s-modules/bodies.so"; isolate on; memory 0 }
module fetcher { file "%(place)s-modules/fetcher.so" }
module fetches { file "%(place)s-modules/fetcher.so"; isolate on; memory 0 }
route "/streams/" { module streams }
route "/pooled/"  { module pooled }
route "/bodies/"  { module bodies }
route "/others/"  { module others }
route "/apart/"   { module apart }
route "/inside/"  { module inside }
route "/fetcher/" { module fetcher }
route "/fetches/" { module fetches }
cgi scripts { root "%(place)s/cgi" }
route "/app/"    { upstream app }
route "/once/"   { upstream once }
route "/down/"   { upstream down }
route "/cgi/"    { cgi scripts }
route "/secret/" { hidden on }
route "/old/"    { redirect "/new/*" }
route "=/status" { status on }
error { 404 "/missing.html" }
""" % {"place": place, "tcp": self.origins[0].name, "unix": self.origins[1].name, "closed": free_port()}
        self.config = place + "/tux.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(config)

    @staticmethod
    def answer(request):
        if request.field("Upgrade"):
            return Site.echo
        path = request.target.split("/", 2)[2]
        if path == "large":
            return response(LARGE, "200 OK", TYPE)
        if path == "accel":
            return response(b"", "200 OK", TYPE, "X-Accel-Redirect: /secret/x.bin", "Set-Cookie: a=b")
        if path == "chunks":
            return (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    b"".join(b"%x\r\n%s\r\n" % (len(BODY[at:at + 1000]), BODY[at:at + 1000]) for at in range(0, len(BODY), 1000)) + b"0\r\n\r\n")
        return response(request.body or PLAIN, "200 OK", TYPE)

    @staticmethod
    def echo(sock):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        while True:
            data = sock.recv(65536)
            if not data:
                return
            sock.sendall(data)

    def change(self, name):
        """Changes files, so that they are loaded again. A text then differs, with the same size."""
        if name in self.texts:
            self.count += 1
            self.texts[name] = b"%09d\n" % self.count
            with open(os.path.join(self.root, name), "r+b") as file:
                file.write(self.texts[name])
        else:
            os.utime(os.path.join(self.root, name))

    def close(self):
        for origin in self.origins:
            origin.stop()


class Case:
    """requests: (bytes to send, method, status, body) on one connection; changed: names of files to be loaded again."""

    def __init__(self, name, *requests, changed=(), receive_buffer=None, fallback=None):
        self.name = name
        self.requests = requests
        self.changed = changed
        self.receive_buffer = receive_buffer
        self.fallback = fallback  # another body that is correct during a failure

    def run(self, site, address, change=True, fallback=None):
        """Raises client.Closed, OSError, Unexpected or AssertionError unless each response is correct."""
        for name in self.changed if change else ():
            site.change(name)
        with client.Connection(address, receive_buffer=self.receive_buffer) as conn:
            conn.sock.sendall(b"".join(data for data, _, _, _ in self.requests))
            for _, method, status, body in self.requests:
                got = conn.response(method)
                if fallback is None or got.body != fallback:
                    expect(got, status, site.texts[body] if isinstance(body, str) else body)


class Fetch(Case):
    """The module tells in its response why it has no answer."""

    def run(self, site, address, change=True, fallback=None):
        with client.Connection(address, receive_buffer=self.receive_buffer) as conn:
            for data, method, status, body in self.requests:
                conn.sock.sendall(data)
                got = conn.response(method)
                if got.status == 200 and got.body.startswith((b"failed -", b"refused -")):
                    raise Unexpected(502, got.body.decode())
                expect(got, status, body)


class Tunnel(Case):
    def run(self, site, address, change=True, fallback=None):
        with client.Connection(address) as conn:
            conn.sock.sendall(client.request("/app/", "Connection: Upgrade", "Upgrade: echo"))
            got = conn.response(interim=True)
            expect(got, 101)
            for size in (5, 70000):
                data = BODY[:size]
                conn.sock.sendall(data)
                assert conn.take(len(data)) == data, "the tunnel changed bytes"
            conn.sock.shutdown(socket.SHUT_WR)
            conn.assert_closed()


def get(target, *fields, status=200, body=PLAIN, method="GET", version="1.1"):
    return (client.request(target, *fields, method=method, version=version), method, status, body if method == "GET" else None)


def post(target, body=BODY, status=200, answer=BODY):
    return (client.request(target, "Content-Type: a/b", "Content-Length: %d" % len(body), method="POST") + body, "POST", status, answer)


def chunked(target, body=BODY):
    data = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 9000]), body[at:at + 9000]) for at in range(0, len(body), 9000)) + b"0\r\n\r\n"
    return (client.request(target, "Content-Type: a/b", "Transfer-Encoding: chunked", method="POST") + data, "POST", 200, body)


def fetch(at, target="/app/", upstream="app", body=""):
    """The target of a request for a module that fetches: modules/fetcher.c."""
    parts = (upstream, "POST" if body else "", target, "4000000", "", str(body))
    return at + "?" + "|".join(urllib.parse.quote(part, safe="") for part in parts)


def is_multipart(got):
    return got.body.count(b"Content-Range: bytes") == 2 and LARGE[100:200] in got.body and LARGE[5000:5200] in got.body


CASES = [
    Case("file", get("/plain.txt")),
    Case("file-loaded", get("/cold.txt", body="cold.txt"), changed=["cold.txt"]),
    Case("file-precompressed", get("/coded.txt", "Accept-Encoding: gzip", body="coded.txt.gz"), changed=["coded.txt.gz"], fallback=PLAIN),
    Case("file-large", get("/large.bin", body=LARGE)),
    Case("file-large-loaded-slowly", get("/large.bin", body=LARGE), changed=["large.bin"], receive_buffer=16384),
    Case("file-head", get("/cold.txt", method="HEAD"), changed=["cold.txt"]),
    Case("range", get("/large.bin", "Range: bytes=5-400004", status=206, body=LARGE[5:400005])),
    Case("multipart", get("/large.bin", "Range: bytes=100-199,5000-5199", status=206, body=is_multipart)),
    Case("pipelined", get("/plain.txt"), get("/cold.txt", body="cold.txt"), get("/plain.txt"), changed=["cold.txt"]),
    Case("http-1.0", get("/plain.txt", version="1.0")),
    Case("index", get("/sub/", body="sub/index.html"), changed=["sub/index.html"]),
    Case("directory-redirect", get("/sub", status=301, body=None)),
    Case("route-redirect", get("/old/x", status=301, body=None)),
    Case("error-page", get("/nothing", status=404, body=None), changed=["missing.html"]),
    Case("listing", get("/list/", body=lambda got: b"c%20d" in got.body)),
    Case("status", get("/status", "Accept: text/html", body=lambda got: b"<!doctype html>" in got.body), get("/status", body=lambda got: b"tux_" in got.body)),
    Case("malformed", (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET", 400, None)),
    Case("head-too-large", (client.request("/", "X: " + "x" * 20000), "GET", 431, None)),
    Case("method-refused", get("/plain.txt", method="DELETE", status=405)),
    Case("upstream", get("/app/")),
    Case("upstream-large", get("/app/large", body=LARGE)),
    Case("upstream-large-slowly", get("/app/large", body=LARGE), receive_buffer=16384),
    Case("upstream-chunks", get("/app/chunks", body=BODY)),
    Case("upstream-body", post("/app/")),
    Case("upstream-chunked-body", chunked("/app/")),
    Case("upstream-keep-alive", get("/app/"), get("/app/")),
    Case("upstream-unix", get("/once/")),
    Case("upstream-unix-body", post("/once/")),
    Case("upstream-down", get("/down/", status=502, body=None)),
    Case("upstream-accel", get("/app/accel", body=SECRET), changed=["secret/x.bin"]),
    Tunnel("tunnel"),
    Case("cgi", get("/cgi/get")),
    Case("cgi-body", post("/cgi/cat")),
    Case("cgi-chunked-body", chunked("/cgi/cat")),
    Case("cgi-garbled", get("/cgi/bad", status=502, body=None)),
    Case("cgi-missing", get("/cgi/nothing", status=404, body=None)),
    Case("cgi-accel", get("/cgi/accel", body=SECRET)),
    Case("module-wait", get("/streams/after?2,1", body=b"after\n"), get("/streams/ready", body=b"ready\n")),
    Case("module-stream-of-thread", get("/streams/thread?200000", body=PATTERN)),
    Case("module-stream-of-pool", get("/pooled/pump?200000", body=PATTERN), get("/pooled/after?1,1", body=b"after\n")),
    Case("module-file", get("/streams/file?400000:/large.bin", body=b"before:" + LARGE + b":after"), changed=["large.bin"], receive_buffer=16384),
    Case("module-body", post("/bodies/echo"), chunked("/bodies/echo")),
    Case("module-instead", get("/others/file"), changed=["file.txt"]),
    Case("isolated-wait", get("/apart/after?2,1", body=b"after\n"), get("/apart/ready", body=b"ready\n")),
    Case("isolated-stream-of-thread", get("/apart/thread?200000", body=PATTERN)),
    Case("isolated-stream-slowly", get("/apart/pump?200000", body=PATTERN), receive_buffer=16384),
    Case("isolated-file", get("/apart/file?400000:/large.bin", body=b"before:" + LARGE + b":after"), changed=["large.bin"], receive_buffer=16384),
    Case("isolated-file-copied", get("/apart/file-copy?0:/large.bin", body=LARGE), changed=["large.bin"]),
    Case("isolated-body", post("/inside/echo"), chunked("/inside/echo")),
    Fetch("fetch", get(fetch("/fetcher/"))),
    Fetch("fetch-large", get(fetch("/fetcher/", "/app/large"), body=LARGE)),
    Fetch("fetch-chunks", get(fetch("/fetcher/", "/app/chunks"), body=BODY)),
    Fetch("fetch-body", get(fetch("/fetcher/", body=200000), body=bytes(200000))),
    Case("fetch-down", get(fetch("/fetcher/", upstream="down"), body=lambda got: got.body.startswith(b"failed -") or got.body == b"refused -12\n")),
]
