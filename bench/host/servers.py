# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers: how each is found, configured, started and stopped, and which CPU time and memory it uses."""
import ctypes
import errno
import glob
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from network import LOOPBACK
from rows import FILES

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(HERE, "out")
PEERS = os.path.join(HERE, "peers")
MIB = 1024 * 1024


class Failed(Exception):
    """A server that does not start, answers wrongly or not in time."""


class Server:
    """
    How a server is started; `config` is a file in peers/. `log` is what @LOG@ stands for without and with an access log. What its
    `kinds` of rows are forwarded to (`back`) is an nginx on its own CPU, or, as it has to be told apart, on the client's for "upstream".
    """

    def __init__(self, name, program, argv, config=None, back=False, env=None, default=True, kinds=("static",), log=("", ""), needs=None, ktls=None):
        self.name, self.program, self.argv, self.config = name, program, argv, config
        self.needs = needs  # a file, without which it is left out
        self.ktls = ktls    # what @KTLS@ stands for; then it is left out if the kernel has no TLS
        self.back, self.env, self.default, self.kinds, self.log = back or "upstream" in kinds, env or {}, default, kinds, log

    @property
    def is_tux(self):
        return self.program == "tux"

    @property
    def is_floor(self):
        return self.program == "floor"

    @property
    def is_tls(self):
        return "tls" in self.kinds

    def takes(self, row):
        """A floor sends what the row needs, so it is started anew for each."""
        return row.floor if self.is_floor else row.kind in self.kinds


def descriptors():
    """Returns the limit of open files, which every server inherits."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


EVERY_FILE = ("static", "veth", "page", "log", "cold", "listing", "idle")
MANY_FILES = ("files",)
TUX_ARGV = ["@PROGRAM@", "serve", "@ROOT@", "--listen", "@ADDRESS@:@PORT@", "--threads", "1", "--browse", "--log", "@LOG@", "--engine"]
TUX_LOG = ("off", "@RUN@/access.log")
NGINX_ARGV = ["@PROGRAM@", "-c", "@CONFIG@"]
NGINX_LOG = ("off", "@RUN@/access.log combined buffer=64k flush=1s")
FLOOR_ARGV = ["@ADDRESS@", "@PORT@", "@LENGTH@", "@RUN@"]

SERVERS = [
    Server("tux", "tux", TUX_ARGV + ["uring"], kinds=EVERY_FILE + MANY_FILES, log=TUX_LOG),
    Server("tux-epoll", "tux", TUX_ARGV + ["epoll"], kinds=EVERY_FILE + MANY_FILES, log=TUX_LOG),
    Server("nginx", "nginx", NGINX_ARGV, "nginx.conf", kinds=EVERY_FILE + MANY_FILES, log=NGINX_LOG),
    Server("nginx-nosf", "nginx", NGINX_ARGV, "nginx-nosf.conf", log=NGINX_LOG),
    Server("nginx-aio", "nginx", NGINX_ARGV, "nginx-aio.conf", kinds=("cold",), log=NGINX_LOG),
    # it keeps a file open for seconds after a request, and answers 500 without descriptors
    Server("lighttpd", "lighttpd", ["@PROGRAM@", "-D", "-f", "@CONFIG@"], "lighttpd.conf",
           kinds=EVERY_FILE + (MANY_FILES if descriptors() > 2 * FILES else ()),
           log=("", 'server.modules += ( "mod_accesslog" )\naccesslog.filename = "@RUN@/access.log"')),
    Server("h2o", "h2o", ["@PROGRAM@", "-m", "worker", "-c", "@CONFIG@"], "h2o.conf",
           kinds=EVERY_FILE + MANY_FILES, log=("", "access-log: @RUN@/access.log")),
    Server("apache", "apache2", ["@PROGRAM@", "-D", "FOREGROUND", "-f", "@CONFIG@"], "apache.conf", default=False),
    Server("haproxy", "haproxy", ["@PROGRAM@", "-db", "-f", "@CONFIG@"], "haproxy.cfg", back=True, default=False),
    Server("varnish", "varnishd", ["@PROGRAM@", "-F", "-n", "@RUN@/v", "-a", "@ADDRESS@:@PORT@", "-T", "none", "-f", "@CONFIG@",
                                   "-s", "malloc,2G"], "varnish.vcl", back=True, default=False),
    Server("caddy", "caddy", ["@PROGRAM@", "run", "--adapter", "caddyfile", "--config", "@CONFIG@"], "Caddyfile",
           env={"GOMAXPROCS": "1"}, default=False),
    Server("floor-uring", "floor", ["@PROGRAM@", "uring"] + FLOOR_ARGV),
    Server("floor-epoll", "floor", ["@PROGRAM@", "epoll"] + FLOOR_ARGV),
]

DYNAMIC_SERVERS = [
    Server("tux", "tux", ["@PROGRAM@", "serve", "--config", "@CONFIG@", "--engine", "uring"], "tux-dynamic.conf",
           kinds=("cgi", "upstream", "hello", "module", "stream")),
    Server("tux-epoll", "tux", ["@PROGRAM@", "serve", "--config", "@CONFIG@", "--engine", "epoll"], "tux-dynamic.conf",
           kinds=("cgi", "upstream", "hello", "module", "stream")),
    Server("tux-pool", "tux", ["@PROGRAM@", "serve", "--config", "@CONFIG@", "--engine", "uring"], "tux-pool.conf", kinds=("hello",)),
    Server("tux-isolated", "tux", ["@PROGRAM@", "serve", "--config", "@CONFIG@", "--engine", "uring"], "tux-isolated.conf", kinds=("hello", "module", "stream")),
    Server("tux-historic", "tux", ["@PROGRAM@", "serve", "--config", "@CONFIG@", "--engine", "uring"], "tux-historic.conf", kinds=("hello",)),
    Server("tux-file", "tux", TUX_ARGV + ["uring"], kinds=("hello", "module", "stream"), log=TUX_LOG),
    Server("nginx", "nginx", NGINX_ARGV, "nginx-dynamic.conf", kinds=("upstream", "hello", "module", "stream")),
    Server("nginx-njs", "nginx", NGINX_ARGV, "nginx-njs.conf", kinds=("hello",), needs="/usr/lib/nginx/modules/ngx_http_js_module.so"),
    Server("lighttpd-fastcgi", "lighttpd", ["@PROGRAM@", "-D", "-f", "@CONFIG@"], "lighttpd-fastcgi.conf", kinds=("hello", "stream"),
           needs="/usr/include/fcgiapp.h"),
    Server("h2o-mruby", "h2o", ["@PROGRAM@", "-m", "worker", "-c", "@CONFIG@"], "h2o-mruby.conf", kinds=("hello",)),
    Server("lighttpd", "lighttpd", ["@PROGRAM@", "-D", "-f", "@CONFIG@"], "lighttpd-dynamic.conf", kinds=("cgi", "upstream")),
]


def tux_tls_argv(engine, kernel="off", keys="off"):
    """By default without the process of the keys: no peer has one. h2o's is off, too."""
    return ["@PROGRAM@", "serve", "@ROOT@", "--listen", "https://@ADDRESS@:@PORT@", "--certificate", "@CERTIFICATE@", "--key", "@KEY@",
            "--threads", "1", "--log", "off", "--engine", engine, "--tls-kernel", kernel, "--key-process", keys]


TLS_SERVERS = [
    Server("tux", "tux", tux_tls_argv("uring"), kinds=("tls",)),
    Server("tux-epoll", "tux", tux_tls_argv("epoll"), kinds=("tls",)),
    Server("tux-ktls", "tux", tux_tls_argv("uring", "@KTLS@"), kinds=("tls",), ktls="on"),
    Server("tux-epoll-ktls", "tux", tux_tls_argv("epoll", "@KTLS@"), kinds=("tls",), ktls="on"),
    Server("tux-keys", "tux", tux_tls_argv("uring", keys="on"), kinds=("tls",), default=False),
    Server("nginx", "nginx", NGINX_ARGV, "nginx-tls.conf", kinds=("tls",)),
    Server("nginx-ktls", "nginx", NGINX_ARGV, "nginx-tls.conf", kinds=("tls",), ktls="ssl_conf_command Options KTLS;"),
    Server("h2o", "h2o", ["@PROGRAM@", "-m", "worker", "-c", "@CONFIG@"], "h2o-tls.conf", kinds=("tls",)),
    Server("lighttpd", "lighttpd", ["@PROGRAM@", "-D", "-f", "@CONFIG@"], "lighttpd-tls.conf", kinds=("tls",), needs="/usr/lib/lighttpd/mod_openssl.so"),
    Server("haproxy", "haproxy", ["@PROGRAM@", "-db", "-f", "@CONFIG@"], "haproxy-tls.cfg", kinds=("tls",), back=True),
    Server("caddy", "caddy", ["@PROGRAM@", "run", "--adapter", "caddyfile", "--config", "@CONFIG@"], "Caddyfile-tls", kinds=("tls",),
           env={"GOMAXPROCS": "1"}),
]


# ---- certificates ----

def certificate_create(folder):
    """Makes a certificate (ECDSA, P-256) that signs itself, and one file with its key for servers that want both in one. Returns their words."""
    names = {word: os.path.join(folder, name) for word, name in (("@CERTIFICATE@", "bench.pem"), ("@KEY@", "bench.key"), ("@BOTH@", "bench-both.pem"))}
    if not all(os.path.exists(name) for name in names.values()):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", names["@KEY@"], "-out", names["@CERTIFICATE@"]],
                       check=True, capture_output=True, timeout=60)
        os.chmod(names["@KEY@"], 0o600)
        with open(os.open(names["@BOTH@"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            for word in ("@CERTIFICATE@", "@KEY@"):
                with open(names[word]) as f:
                    out.write(f.read())
    return names


def kernel_has_tls():
    """True if the kernel encrypts for TLS: the option fails on a socket that is not connected, but otherwise without the kernel's part."""
    with socket.socket() as s:
        try:
            s.setsockopt(socket.IPPROTO_TCP, 31, b"tls")  # TCP_ULP
        except OSError as error:
            return error.errno == errno.ENOTCONN
        return True


# ---- programs ----

def compiled(name, *libraries):
    """Returns the program that is made of name.c, which may include any header of this folder."""
    source, program = os.path.join(HERE, name + ".c"), os.path.join(BUILD, name)
    newest = max(os.path.getmtime(path) for path in [source] + glob.glob(os.path.join(HERE, "*.h")))
    if os.path.exists(program) and os.path.getmtime(program) >= newest:
        return program
    os.makedirs(BUILD, exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", source, "-o", program, *libraries], check=True, timeout=120)
    return program


def tux_find(path):
    for candidate in [path] if path else [os.path.join(TOP, "build", p) for p in ("tux", "program/tux")]:
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def shared_compiled(name, *more):
    """Returns the module of TUX that is made of name.c."""
    source, shared = os.path.join(HERE, name + ".c"), os.path.join(BUILD, name + ".so")
    if not os.path.exists(shared) or os.path.getmtime(shared) < os.path.getmtime(source):
        os.makedirs(BUILD, exist_ok=True)
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), source,
                        *more, "-o", shared], check=True, timeout=120)
    return shared


def program_find(server, tux):
    if server.needs and not os.path.exists(server.needs):
        return None
    if server.is_tux:
        return tux
    if server.is_floor:
        return compiled("floor", "-luring")
    return shutil.which(server.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def version_of(server, program):
    words = {"nginx": ["-v"], "lighttpd": ["-v"], "h2o": ["-v"], "apache2": ["-v"], "haproxy": ["-v"], "varnishd": ["-V"],
             "caddy": ["version"], "tux": ["--version"]}.get(server.program)
    if not words:
        return ""
    try:
        done = subprocess.run([program] + words, capture_output=True, text=True, timeout=10)
        return (done.stdout + done.stderr).strip().splitlines()[0].strip()
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


# ---- processes ----

def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def child_setup(cpu, namespace=None, first=False):
    """
    Returns what the child runs first: one CPU, a network namespace, and an end when the harness ends, whatever ended it. first: nothing else on its CPU
    delays it (SCHED_FIFO), if this user may ask for that.
    """
    libc = ctypes.CDLL(None)

    def setup():
        os.sched_setaffinity(0, {cpu})
        libc.prctl(1, signal.SIGTERM)
        if first:
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            except PermissionError:
                pass
        if namespace is not None and libc.setns(namespace, 0x40000000):  # CLONE_NEWNET
            os._exit(126)
    return setup


class Instance:
    """A running server with its folder."""

    def __init__(self, server, program, top, root, cpu, setup, network=LOOPBACK, back=None, length=0, close=False, words=None):
        self.server, self.port, self.process, self.back, self.address = server, port_free(), None, back, network.address
        self.run = tempfile.mkdtemp(prefix=server.name + "-", dir=top)
        os.chmod(self.run, 0o777)  # h2o writes its pid file as nobody
        words = {"@LOG@": server.log[setup.log], "@PROGRAM@": program, "@ROOT@": root, "@RUN@": self.run, "@ADDRESS@": self.address,
                 "@PORT@": str(self.port), "@BACK@": str(back.port if back else 0), "@SCRIPTS@": os.path.join(top, "scripts"),
                 "@CONNECTIONS@": str(setup.connections), "@DESCRIPTORS@": str(descriptors()),
                 "@LENGTH@": str(length),
                 # nginx keeps the files of its cache open: as many as the limit leaves
                 "@FILES@": str(min(200000, max(1000, descriptors() - setup.connections - 256))),
                 "@KTLS@": server.ktls or "", **(words or {})}
        if server.config:
            words.update(self.programs(server))
            with open(os.path.join(PEERS, server.config)) as source:
                text = self.fill(source.read(), words)
            words["@CONFIG@"] = os.path.join(self.run, server.config)
            with open(words["@CONFIG@"], "w") as out:
                out.write(text)
        argv = [self.fill(a, words) for a in server.argv] + (["--close"] if close else [])
        self.log = open(os.path.join(self.run, "output"), "wb")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        env=dict(os.environ, **server.env), preexec_fn=child_setup(cpu, network.namespace))

    def programs(self, server):
        """Copies what a configuration names and the user of the server runs to a folder that no other user can change."""
        words = {"@PEERS@": PEERS}
        for word, program in (("@MODULE@", server.is_tux and shared_compiled("module")),
                              ("@HISTORIC@", server.name == "tux-historic" and shared_compiled("historic", "-w")),
                              ("@FASTCGI@", server.name == "lighttpd-fastcgi" and compiled("fastcgi", "-lfcgi"))):
            if program:
                words[word] = os.path.join(self.run + "-programs", os.path.basename(program))
                os.makedirs(self.run + "-programs", exist_ok=True)
                shutil.copy(program, words[word])
        return words

    @staticmethod
    def fill(text, words):
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    def wait_ready(self, path):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                Fetcher(self).get(path)
                return
            except (OSError, Failed):
                time.sleep(0.02)
        raise Failed("%s does not answer: %s" % (self.server.name, self.said()))

    def said(self):
        with open(self.log.name, "rb") as log:
            return log.read()[-600:].decode("utf-8", "replace").strip()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(8)
        self.log.close()

    def pids(self):
        """The process and what descends from it."""
        found, parents = [self.process.pid], {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat) as f:
                    text = f.read()
            except OSError:
                continue
            parents.setdefault(int(text[text.rindex(")") + 2:].split()[1]), []).append(int(text.split(" ", 1)[0]))
        for pid in found:
            found.extend(parents.get(pid, []))
        return found

    def cpu_ns(self):
        """CPU time of all threads, by task, so that a thread that came or went can be told; and of the children that have ended."""
        times = {}
        for pid in self.pids():
            try:
                with open("/proc/%d/stat" % pid) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                times["children of %d" % pid] = (int(fields[13]) + int(fields[14])) * (1000000000 // os.sysconf("SC_CLK_TCK"))
            except OSError:
                continue
            for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
                try:
                    with open(path) as f:
                        times[path] = int(f.read().split()[0])
                except OSError:
                    continue
        return times

    def memory_bytes(self):
        """Proportional set size: a page that two processes share counts half for each."""
        total = 0
        for pid in self.pids():
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    total += next(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024
            except (OSError, StopIteration):
                continue
        return total

    def wakeups(self):
        """How often its threads went to sleep, and so were woken."""
        total = 0
        for pid in self.pids():
            for path in glob.glob("/proc/%d/task/*/status" % pid):
                try:
                    with open(path) as f:
                        total += next(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches:"))
                except (OSError, StopIteration):
                    continue
        return total


class Fetcher:
    """Keep-alive GETs, for comparing answers with files: reads what Content-Length or the chunks say and nothing else."""

    def __init__(self, instance, timeout=10):
        self.socket = socket.create_connection((instance.address, instance.port), timeout=timeout)
        if instance.server.is_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode, context.minimum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_3
            context.set_alpn_protocols(["http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.stream = self.socket.makefile("rb")

    def get(self, path, field=None):
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (path, field + "\r\n" if field else "")).encode())
        status = self.line(path)
        if status.split(" ")[1] != "200":
            raise Failed("%s answers %s" % (path, status))
        fields = {}
        for line in iter(lambda: self.line(path), ""):
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self.chunks(path))
        if "content-length" not in fields:
            raise Failed("%s has no Content-Length" % path)
        return self.bytes(path, int(fields["content-length"]))

    def chunks(self, path):
        while True:
            length = int(self.line(path).split(";")[0], 16)
            yield self.bytes(path, length)
            self.line(path)
            if length == 0:
                return

    def line(self, path):
        line = self.stream.readline(65536)
        if not line.endswith(b"\n"):
            raise Failed("%s: closed before the end of the answer" % path)
        return line.decode("latin-1").rstrip("\r\n")

    def bytes(self, path, length):
        data = self.stream.read(length)
        if len(data) != length:
            raise Failed("%s: closed before the end of the answer" % path)
        return data

    def close(self):
        self.stream.close()
        self.socket.close()
