# SPDX-License-Identifier: GPL-2.0-or-later
"""The status of the server from outside: the status route in all its forms."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import client
import hang as calls
from hang import hang  # noqa: F401
from test_browser import browser, keep  # noqa: F401
from tools import free_port

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9.e+]+|\+Inf|NaN)" % (NAME, LABEL, LABEL))


def prometheus(text):
    """Parses the text format 0.0.4 strictly into {name: {labels: value}}: every metric has HELP and TYPE once, before its samples.
    """
    metrics, types, current = {}, {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        comment = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        if comment and comment.group(1) == "HELP":
            current = comment.group(2)
            assert current not in types, "HELP a second time: " + line
            types[current] = None
            continue
        if comment:
            assert comment.group(2) == current and types[current] is None, "TYPE is not behind HELP: " + line
            assert comment.group(3) in ("counter", "gauge", "histogram")
            types[current] = comment.group(3)
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, "not a sample: %r" % line
        name, labels, value = sample.groups()
        suffix = name[len(current):] if name.startswith(current) else None
        assert suffix in (("_bucket", "_sum", "_count") if types[current] == "histogram" else ("",)), line
        assert types[current] != "counter" or name.endswith("_total"), line
        series = metrics.setdefault(name, {})
        key = tuple(re.findall(LABEL, labels or ""))
        assert key not in series, "a second time: " + line
        series[key] = float(value)
    for name, kind in types.items():
        assert kind is not None
        if kind != "histogram":
            continue
        of_series = {}
        for labels, value in metrics[name + "_bucket"].items():
            of_series.setdefault(tuple(l for l in labels if not l.startswith("le=")), []).append((labels[-1], value))
        for labels, buckets in of_series.items():
            limits = [float(limit[4:-1].replace("+Inf", "inf")) for limit, _ in buckets]
            counts = [value for _, value in buckets]
            assert limits == sorted(limits) and limits[-1] == float("inf") and counts == sorted(counts)
            assert counts[-1] == metrics[name + "_count"][labels] and metrics[name + "_sum"][labels] >= 0
    return metrics


@pytest.fixture
def status(tux, place):
    """status(): a server with a status at /status."""
    root = os.path.join(place, "root")
    os.mkdir(root)
    for name, size in (("file", 4), ("large", 8 << 20)):
        with open(os.path.join(root, name), "wb") as file:
            file.truncate(size)

    def start(*options, allow="", **more):
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write('route "=/status" { status on; %s }\n' % allow)
        return tux(root, "--config", path, *options, **more)
    return start


def told(server):
    return json.loads(server.get("/status?format=json").body)


def test_prometheus(status):
    """Requests are counted: by status, with their bytes and time."""
    server = status()
    before = prometheus(server.get("/status").body.decode())
    with server.connect() as conn:
        for _ in range(5):
            assert conn.get("/file").status == 200
        for _ in range(3):
            assert conn.get("/none").status == 404
        assert conn.get("/file", method="PUT").status == 405
    response = server.get("/status")
    assert response.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert response.field("Cache-Control") == "no-store"
    now = prometheus(response.body.decode())

    def more(name, *labels):
        return now[name].get(labels, 0) - before[name].get(labels, 0)
    assert more("tux_responses_total", 'code="200"') == 5 + 1  # and the first one of this test
    assert more("tux_responses_total", 'code="404"') == 3
    assert more("tux_responses_total", 'code="405"') == 1
    assert more("tux_requests_total") == 10
    assert more("tux_request_duration_seconds_count") in (9, 10, 11)  # counted when sent, so the last ones slightly later
    assert more("tux_sent_bytes_total") > 10 * 100
    assert more("tux_connections_total") == 2
    assert more("tux_cache_hits_total") >= 3
    assert now["tux_uptime_seconds"][()] < 60
    assert now["tux_info"] and now["tux_connections_max"][()] > 0


def test_json(status):
    """Like test_prometheus, but as JSON: requested by query or by Accept."""
    server = status()
    response = server.get("/status", "Accept: application/json")
    assert response.field("Content-Type") == "application/json" and response.field("Vary") == "Accept"
    now = json.loads(response.body)
    assert now["pid"] == server.pid or now["pid"] > 0
    assert told(server)["requests"] == now["requests"] + 1
    with server.connect() as conn:
        response = conn.get("/status?format=json", method="HEAD")
        assert response.status == 200 and response.body == b"" and int(response.field("Content-Length")) > 500
        assert conn.get("/status?format=xml").status == 400
        assert conn.get("/status", method="POST").status == 405


def test_latency(status):
    """The time to the last byte: a slow reader increases it."""
    server = status()
    with server.connect(receive_buffer=4096) as conn:
        conn.send(client.request("/large"))
        time.sleep(1.2)
        conn.widen()
        assert conn.response().status == 200
    latency = client.wait_until(lambda: told(server)["latency"] if told(server)["latency"]["p999_us"] > 1e6 else None, "it is counted")
    assert 1.1e6 < latency["p999_us"] < 3e7 and latency["p50_us"] < 1e6
    assert sum(count for _, count in latency["below_us"]) == latency["count"]


def test_connections_by_state(status):
    """Connections are counted by state, and not counted after they close."""
    server = status()

    def connections():
        now = told(server)["connections"]
        return [now[state] for state in ("idle", "reading", "sending", "closing")]

    def becomes(*expected):
        client.wait_until(lambda: connections() == list(expected), "connections are %s, not %s" % (expected, connections()))
    becomes(1, 0, 0, 0)  # the connection that asks
    idle = [server.connect() for _ in range(3)]
    becomes(4, 0, 0, 0)
    idle[0].send(b"GET / HT")
    idle[1].send(client.request("/file", "Content-Length: 10", method="POST") + b"12345")
    becomes(2, 2, 0, 0)
    sending = server.connect(receive_buffer=4096)
    sending.send(client.request("/large"))
    becomes(2, 2, 1, 0)
    closing = server.connect()
    closing.send(b"nonsense\r\n\r\n")
    becomes(2, 2, 1, 1)
    for conn in idle + [sending, closing]:
        conn.close()
    becomes(1, 0, 0, 0)
    client.wait_until(lambda: told(server)["connections"]["open"] == 1, "those who asked before are gone, too")


def outside_address():
    """Returns an address of this machine that is not a loopback; None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            address = sock.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.mark.parametrize("allow, expected", [("", 403), ('allow "%s"', 200), ('allow ["233.252.0.0/24", "2001:db8::/32"]', 403),
                                             ('allow ["233.252.0.0/24", "0.0.0.0/0"]', 200)])
def test_status_is_local_by_default(status, allow, expected):
    """Clients on other machines see the status only if the route allows it."""
    address = outside_address()
    if not address:
        pytest.skip("this machine has no address but loopback")
    server = status("--listen", "0.0.0.0:%d" % (port := free_port("0.0.0.0")), allow=allow % address if "%s" in allow else allow, port=port,
                    listen=False)
    with client.Connection((address, port)) as conn:
        assert conn.get("/status").status == expected
    assert server.get("/status").status == 200


def test_dns_rebinding_is_refused(status):
    """DNS rebinding: a page whose name suddenly resolves to this machine does not see the status; the server's own names do."""
    server = status()
    for host, expected in (("rebound.example", 403), ("rebound.example:%d" % server.port, 403), ("localhost", 200), ("127.0.0.1", 200),
                           ("tux.localhost:8080", 200), (socket.gethostname(), 200), (None, 400)):
        with server.connect() as conn:
            assert conn.get("/status", host=host).status == expected, host


def test_page(status):
    """The page works without JavaScript, and permits only its own script."""
    server = status()
    server.get("/none")
    response = server.get("/status", "Accept: text/html,*/*;q=0.8")
    page = response.body.decode()
    policy = response.field("Content-Security-Policy")
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy).group(1)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.count('nonce="%s"' % nonce) == 2
    assert nonce not in server.get("/status?format=html").field("Content-Security-Policy")
    assert re.search(r'<th scope="row">404</th><td>1</td>', page)
    assert '<noscript><meta http-equiv="refresh"' in page and "<rect" in page
    assert json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))["requests"] == 2


def resize(session, width, height, scheme):
    session.do("POST", "/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride",
               params={"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    session.do("POST", "/goog/cdp/execute", cmd="Emulation.setEmulatedMedia",
               params={"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def test_page_in_a_browser(status, browser):  # noqa: F811
    """The page updates itself and draws. No element is wider than the window, and the console has no error."""
    server = status()
    for i in range(40):
        server.get("/file" if i % 4 else "/none")
    resize(browser, 1200, 900, "light")
    browser.open(server.url + "/status")
    browser.run("window.opened = true")

    def requests():
        return int(browser.run("return document.querySelector('main .tile b').textContent").replace(",", ""))
    first = requests()
    for _ in range(30):
        server.get("/file")
    client.wait_until(lambda: requests() >= first + 30, "the page shows new requests", 60)
    assert browser.run("return window.opened") is True
    client.wait_until(lambda: browser.run("return document.querySelector('#rps path').getAttribute('d').split('L').length") >= 3,
                      "the chart has points", 60)
    for width, height, scheme in ((1200, 900, "light"), (1200, 900, "dark"), (360, 740, "light"), (360, 740, "dark")):
        resize(browser, width, height, scheme)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        background = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 27)")
        keep(browser, "status-%s-%d.png" % (scheme, width))
    log = browser.do("POST", "/se/log", type="browser")
    assert not [entry for entry in log if entry["level"] == "SEVERE" and "favicon" not in entry["message"]], log


@pytest.fixture
def ask(request, place):
    """ask(*options, as_user): runs `tux status` for servers in a private directory, which the server gets in its options."""
    program = os.path.abspath(request.config.getoption("tux"))
    directory = os.path.join(place, "control")

    def run(*options, user=None):
        change = {"user": user} if user else {}
        path = shutil.copy(program, os.path.join(place, "tux")) if user else program  # others may not enter the tree, as below /root
        return subprocess.run([path, "status", "--control", directory] + list(options), capture_output=True, text=True, timeout=30,
                              check=False, **change)
    run.directory = directory
    return run


def test_command_line(tux, site, ask):
    """`tux status` queries every running server: for people, as JSON, for Prometheus. A server that ended leaves no socket."""
    servers = [tux(site, "--control", ask.directory) for _ in range(2)]
    for _ in range(7):
        servers[0].get("/none-such")
    pids = sorted(server.pid for server in servers)
    assert sorted(int(name) for name in os.listdir(ask.directory)) == pids
    assert all(os.stat(os.path.join(ask.directory, str(pid))).st_mode & 0o777 == 0o600 for pid in pids)
    found = ask()
    assert found.returncode == 0, found.stderr
    assert re.search(r"process %d, up for" % servers[0].pid, found.stdout)
    assert re.search(r"^  requests +\d+: .*404 7", found.stdout, re.M)
    told_all = json.loads(ask("--json").stdout)
    assert sorted(one["pid"] for one in told_all) == pids
    assert [one["status"]["404"] for one in told_all if one["pid"] == servers[0].pid] == [7]
    found = ask("--prometheus")
    assert "more than one server" in found.stderr
    assert prometheus(ask("--prometheus", str(servers[0].pid)).stdout)["tux_responses_total"][('code="404"',)] == 7
    servers[1].end()
    assert os.listdir(ask.directory) == [str(servers[0].pid)]
    servers[0].kill()
    servers[0].end = lambda: None
    assert ask("--json").returncode == 1
    assert os.listdir(ask.directory) == []  # the next query removes the socket of a killed server


def test_no_times_before_the_first_request(tux, site, ask):
    server = tux(site, "--control", ask.directory, ready=False)
    client.wait_until(lambda: re.search("^  requests +0$", ask().stdout, re.M), "it serves")
    assert " below " not in ask().stdout
    server.get("/none-such")
    client.wait_until(lambda: re.search("^  answered +50 % below ", ask().stdout, re.M), "it is told")


def test_other_user_gets_no_status(tux, site, ask):
    """Another user gets no status."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    server = tux(site, "--control", ask.directory, "--user", "www-data")
    found = ask("--json", user="nobody")
    assert found.returncode == 1 and found.stdout == "" and str(server.pid) in found.stderr
    os.chmod(os.path.join(ask.directory, str(server.pid)), 0o666)
    found = ask("--json", user="nobody")
    assert found.returncode == 1 and found.stdout == "" and "its own user" in found.stderr
    assert json.loads(ask("--json", user="www-data").stdout)[0]["pid"] == server.pid


def test_control_off_and_invalid(tux, site, ask, place):
    """No socket with off; a directory that cannot be created is an error."""
    tux(site, "--control", "off")
    assert ask("--json").returncode == 1
    server = tux(site, "--control", os.path.join(place, "none", "control"), ready=False)
    assert server.wait() == 1 and "cannot make a control socket in" in server.output
    server.end = lambda: None
    assert ask("--nonsense").returncode == 2 and ask("x").returncode == 2


def test_control_socket_outlasts_a_lack_of_memory(tux, site, ask, hang):  # noqa: F811
    """accept4() fails with ENOMEM: `tux status` works as soon as it does not."""
    server = tux(site, "--control", ask.directory, env=hang.env)
    hang.on(calls.ACCEPT)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(ask.directory, str(server.pid)))
    client.wait_until(lambda: hang.hung > 0, "the call fails")
    hang.off()
    assert json.loads(ask("--json").stdout)


def test_control_socket_does_not_wait(tux, site, ask):
    """A client that sends nothing or something else, or does not read, delays other clients only shortly: `tux status` waits five seconds."""
    server = tux(site, "--control", ask.directory)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(os.path.join(ask.directory, str(server.pid)))
        assert json.loads(ask("--json").stdout)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(ask.directory, str(server.pid)))
        sock.send(b"x" * 100)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
