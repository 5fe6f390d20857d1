# SPDX-License-Identifier: GPL-2.0-or-later
"""
Black-box tests of an HTTP server. The suite gets the server's address and the directory that it
serves, or starts a server itself:

    pytest test/http --url http://127.0.0.1:8080 --root DIR [--unix PATH]
    pytest test/http --tux PROGRAM [--tux-args "--engine epoll"] [--tls 1.2|1.3]
    pytest test/http --nginx

The suite fills and changes the directory. With --url the server must serve it like `tux serve DIR`
without other options.
"""
import os
import shlex
import shutil
import ssl
import sys
import time
import urllib.parse

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
pytest_plugins = ["suite"]

import client  # noqa: E402
import content  # noqa: E402
import process  # noqa: E402
import tls  # noqa: E402
from tools import free_port, make_place  # noqa: E402

DIFFERENCES = os.path.join(HERE, "nginx_differences.txt")

NGINX = """
user www-data;
worker_processes 1;
error_log %(dir)s/error.log;
pid %(dir)s/pid;
events { worker_connections 512; }
http {
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	charset utf-8;
	charset_types text/plain text/css;
	access_log off;
	server_tokens off;
	client_body_temp_path %(dir)s/body;
	proxy_temp_path %(dir)s/proxy;
	fastcgi_temp_path %(dir)s/fastcgi;
	uwsgi_temp_path %(dir)s/uwsgi;
	scgi_temp_path %(dir)s/scgi;
	sendfile on;
	server {
		%(listen)s
		root %(root)s;
		index index.html;
		absolute_redirect off;
		if_modified_since before;
		keepalive_requests 1000000;
		gzip_static on;
		gzip_vary on;
		location ~ /\\. { return 404; }
		%(more)s
	}
}
"""


def pytest_addoption(parser):
    group = parser.getgroup("server")  # suite.py has --tux
    group.addoption("--url", help="base URL of a running server, such as http://127.0.0.1:8080")
    group.addoption("--root", help="the directory that the server at --url serves; the suite owns its contents")
    group.addoption("--unix", help="a Unix socket of the server at --url")
    group.addoption("--tls", choices=["1.2", "1.3"], help="the version of TLS for all connections to --tux; without it they are plain")
    group.addoption("--nginx", action="store_true", help="start Debian's nginx, to see that the suite is sane")


def pytest_configure(config):
    ways = [way for way in ("url", "tux", "nginx") if config.getoption(way)]
    if len(ways) != 1 and not config.getoption("collectonly") and not config.getoption("help"):
        raise pytest.UsageError("one of --url, --tux, --nginx is needed")
    if config.getoption("url") and not config.getoption("root"):
        raise pytest.UsageError("--url needs --root")


def pytest_assertrepr_compare(op, left, right):
    """Bodies are long, so the report shows where they differ."""
    if op != "==" or not isinstance(left, bytes) or not isinstance(right, bytes) or len(left) + len(right) < 400:
        return None
    at = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
    return ["bodies of %d and %d octets" % (len(left), len(right)),
            "differ at %d: %r, not %r" % (at, left[at:at + 40], right[at:at + 40])]


def differences():
    """{test id: why nginx differs}; an id may stand for all parameters of a test."""
    found = {}
    with open(DIFFERENCES, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                name, reason = line.split("\t", 1)
                found[name] = reason.strip()
    return found


def pytest_collection_modifyitems(config, items):
    if not config.getoption("nginx"):
        return
    known = differences()
    for item in items:
        name = item.path.name + "::" + item.nodeid.split("::", 1)[1]
        reason = known.get(name) or known.get(name.split("[")[0])
        if reason:
            item.add_marker(pytest.mark.xfail(reason="nginx: " + reason, strict=False))


class Server:
    """A running server, its addresses and its root. outside: a directory beside the root."""

    def __init__(self, address, root, unix=None, outside=None, process=None, directory=None, ipv6=None):
        self.address = address
        self.root = root
        self.unix = unix
        self.outside = outside
        self.process = process
        self.directory = directory  # parent of all directories, removed at the end
        self.ipv6 = ipv6

    def connect(self, **options):
        return client.Connection(self.address, **options)

    def get(self, target, *fields, **options):
        """One request on a connection of its own."""
        with self.connect() as conn:
            return conn.get(target, *fields, **options)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, data, **options):
        return content.write(self.root, name, data, **options)

    def stop(self):
        if self.process:
            try:
                self.process.end()
            finally:
                shutil.rmtree(self.directory, ignore_errors=True)


def start_process(kind, command, directory, port, unix, ipv6):
    running = kind(command, os.path.join(directory, "output"), port).start()
    try:
        running.wait_until(lambda: running.accepts() and os.path.exists(unix), "it accepts")
    except BaseException:
        running.kill()
        raise
    return Server(running.address, os.path.join(directory, "root"), unix, os.path.join(directory, "outside"), running, directory, ipv6)


def prepare(fill):
    """Makes a directory, its root, a path for a Unix socket, and a port."""
    directory = make_place("root", "outside")
    root = os.path.join(directory, "root")
    fill(root, os.path.join(directory, "outside"))
    return directory, root, os.path.join(directory, "sock"), free_port()


VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="session", autouse=True)
def certificate(request, tmp_path_factory):
    """The certificate of all servers with --tls, which all connections trust."""
    version = request.config.getoption("tls")
    if version:
        request.config.certificate = tls.make(str(tmp_path_factory.mktemp("tls")), "test")
        client.DEFAULTS["tls"] = tls.trusting(request.config.certificate, version=VERSIONS[version])


def start_tux(config, args, fill):
    directory, root, unix, port = prepare(fill)
    scheme, options = ("https://", config.certificate.options) if config.getoption("tls") else ("", [])
    command = [os.path.abspath(config.getoption("tux")), "serve", root, "--listen", "%s127.0.0.1:%d" % (scheme, port),
               "--listen", scheme + "unix:" + unix, "--log", "off", *options]
    ipv6 = None
    if os.path.exists("/proc/net/if_inet6"):
        command += ["--listen", "%s[::1]:%d" % (scheme, port)]
        ipv6 = ("::1", port)
    return start_process(process.Tux, command + shlex.split(config.getoption("tux_args")) + list(args), directory, port, unix, ipv6)


NGINX_OPTIONS = {"--browse": "autoindex on;", "--own-404": "error_page 404 /404.html;"}


def start_nginx(args, fill):
    directory, root, unix, port = prepare(fill)
    values = {"dir": directory, "root": root, "more": " ".join(NGINX_OPTIONS[arg] for arg in args),
              "listen": "listen 127.0.0.1:%d; listen [::1]:%d; listen unix:%s;" % (port, port, unix)}
    with open(os.path.join(directory, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX % values)
    command = ["nginx", "-g", "daemon off;", "-c", os.path.join(directory, "nginx.conf")]
    return start_process(process.Server, command, directory, port, unix, ("::1", port))


def start_server(config, args, fill):
    if config.getoption("tux"):
        return start_tux(config, [arg for arg in args if arg != "--own-404"], fill)
    if config.getoption("nginx") and all(arg in NGINX_OPTIONS for arg in args):
        return start_nginx(args, fill)
    pytest.skip("needs a server of its own, started with: " + (" ".join(args) or "a root of its own"))
    return None


@pytest.fixture(scope="session")
def server(request, certificate):
    """The server with its defaults."""
    config = request.config
    if config.getoption("url"):
        url = urllib.parse.urlsplit(config.getoption("url"))
        root = os.path.realpath(config.getoption("root"))
        outside = make_place()
        content.populate(root, outside)
        yield Server((url.hostname, url.port or 80), root, config.getoption("unix"), outside)
        shutil.rmtree(outside, ignore_errors=True)
        return
    running = start_server(config, [], content.populate)
    yield running
    running.stop()


@pytest.fixture
def start(request):
    """start(*options, fill=function): a separate server for the test; fill(root, outside) makes its files."""
    running = []

    def run(*args, fill=content.populate):
        running.append(start_server(request.config, args, fill))
        return running[-1]

    yield run
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def start_once(request):
    """Like start, but each set of options runs once for all tests of a file."""
    running = {}

    def run(*args, fill=content.populate):
        if args not in running:
            running[args] = start_server(request.config, args, fill)
        return running[args]

    yield run
    for one in running.values():
        one.stop()


@pytest.fixture
def conn(server):
    with server.connect() as connection:
        yield connection


@pytest.fixture
def fresh_name(request):
    """A unique file name in the root."""
    return "fresh-%d-%s" % (time.monotonic_ns(), "".join(c for c in request.node.name if c.isalnum())[:30])
