# SPDX-License-Identifier: GPL-2.0-or-later
"""A real browser without a display: Debian's chromium through its driver's W3C protocol."""
import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import pytest

import client
from hosted import TOP
from tools import free_port, need

from test_config import program  # noqa: F401 (a fixture)

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--remote-debugging-pipe", "--window-size=1000,800", "--autoplay-policy=no-user-gesture-required"]


class Browser:
    """A session of WebDriver."""

    def __init__(self, base):
        self.base = base
        self.session = ""

    def call(self, method, path, **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=90) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s %s: %s" % (method, path, error.read().decode()[:400])) from None

    def do(self, method, path, **body):
        return self.call(method, "/session/%s%s" % (self.session, path), **body)

    def open(self, url):
        self.do("POST", "/url", url=url)

    def run(self, script, *args):
        return self.do("POST", "/execute/sync", script=script, args=list(args))

    def run_async(self, script, *args):
        return self.do("POST", "/execute/async", script=script, args=list(args))

    def screenshot(self, path):
        data = base64.b64decode(self.do("GET", "/screenshot"))
        with open(path, "wb") as file:
            file.write(data)
        return data


@contextlib.contextmanager
def running(authority=None):
    """A browser with a home of its own. authority: file of a certificate that it trusts for websites."""
    driver, chromium = need("chromedriver"), need("chromium")
    port = free_port()
    profile = tempfile.mkdtemp(prefix="tux-browser-")
    if authority:
        store = os.path.join(profile, ".pki", "nssdb")
        os.makedirs(store)
        for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "tux", "-i", authority]):
            subprocess.run([need("certutil"), "-d", "sql:" + store, *arguments], check=True)
    log = open(os.path.join(profile, "driver.log"), "wb")
    process = subprocess.Popen([driver, "--port=%d" % port], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "HOME": profile})
    one = Browser("http://127.0.0.1:%d" % port)

    def ready():
        try:
            return one.call("GET", "/status")["ready"]
        except OSError:
            return False
    try:
        client.wait_until(ready, "chromedriver is ready", 60)
        options = {"binary": chromium, "args": FLAGS + ["--user-data-dir=" + os.path.join(profile, "data")]}
        one.session = one.call("POST", "/session", capabilities={"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "timeouts": {"script": 60000, "pageLoad": 60000},
            "goog:loggingPrefs": {"browser": "ALL"}}})["sessionId"]
        yield one
        one.do("DELETE", "")
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
        shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture(scope="module")
def browser():
    with running() as one:
        yield one


def keep(browser, name):
    """Saves a screenshot for people to look at, in the directory SCREENSHOTS."""
    directory = os.environ.get("SCREENSHOTS")
    path = os.path.join(directory or tempfile.gettempdir(), name)
    data = browser.screenshot(path)
    if not directory:
        os.unlink(path)
    assert data.startswith(b"\x89PNG") and len(data) > 2000


LOADED = """
const images = [...document.images];
return {title: document.title, text: document.body.innerText, images: images.length,
        broken: images.filter(i => !i.complete || !i.naturalWidth).map(i => i.src),
        styles: [...document.styleSheets].length,
        failed: performance.getEntriesByType("resource").filter(e => e.responseStatus >= 400)
                .map(e => e.name).filter(n => !n.endsWith("/favicon.ico"))};
"""


def test_demo_site(tux, site, browser):
    """The demo site loads with its pictures and styles."""
    server = tux(site)
    browser.open(server.url + "/")
    page = browser.run(LOADED)
    assert page["title"] and page["text"].strip()
    assert page["images"] and not page["broken"]
    assert page["styles"] and not page["failed"]
    keep(browser, "site.png")


def test_demo_site_pages(tux, site, browser):
    """Every page of the demo site that its first page links to loads without a broken picture."""
    server = tux(site)
    browser.open(server.url + "/")
    links = browser.run("return [...document.links].map(l => l.href)")
    pages = sorted({link.split("#")[0] for link in links if link.startswith(server.url) and
                    re.search(r"(/|\.html)$", link.split("#")[0])})
    for page in pages:
        browser.open(page)
        found = browser.run(LOADED)
        assert found["title"] and not found["broken"] and not found["failed"], page


def test_listing(tux, place, browser):
    """A listing shows the entries, sorts through its links, and leads to the files."""
    root = os.path.join(place, "root")
    os.makedirs(os.path.join(root, "folder"))
    for name, size in (("small.txt", 10), ("large.txt", 5000), ("<i>odd & \"name\".txt", 100)):
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"x" * size)
    server = tux(root, "--browse")
    browser.open(server.url + "/")
    text = browser.run("return document.body.innerText")
    for name in ("folder", "small.txt", "large.txt", "<i>odd & \"name\".txt"):
        assert name in text
    keep(browser, "listing.png")
    order = "return [...document.links].map(l => l.innerText.trim()).filter(t => t.endsWith('.txt'))"
    browser.run("document.querySelector('button[value=size]').click()")
    client.wait_until(lambda: browser.run("return document.readyState") == "complete" and
                      "sort=size" in browser.run("return location.search"), "the sorted listing", 60)
    names = browser.run(order)
    assert names in (["small.txt", "<i>odd & \"name\".txt", "large.txt"],
                     ["large.txt", "<i>odd & \"name\".txt", "small.txt"])
    browser.run("[...document.links].find(l => l.innerText.includes('odd')).click()")
    client.wait_until(lambda: browser.run("return document.body.innerText") == "x" * 100, "the file", 60)


WEBSOCKET = r"""
const done = arguments[arguments.length - 1];
const socket = new WebSocket(arguments[0], []);
const sent = ["", "\u20ac \u{1f427}", "x".repeat(arguments[1]), new Uint8Array([0, 255, 1]), new Uint8Array(arguments[1])];
const got = [];
socket.binaryType = "arraybuffer";
socket.onopen = () => sent.forEach(message => socket.send(message));
socket.onmessage = event => {
	got.push(event.data);
	if (got.length == sent.length)
		socket.close(1000, "done");
};
const same = (a, b) => typeof a == "string" ? a === b : a.length == b.byteLength && a.every((octet, i) => octet == new Uint8Array(b)[i]);
socket.onclose = event => done({same: sent.map((message, i) => same(message, got[i])), code: event.code, clean: event.wasClean});
"""


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_websocket(tux, place, browser, build, engine):
    """Messages of any kind and size come back from examples/modules/websocket.c, and the closing handshake is complete."""
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module websocket { file "%s" }\nroute "/websocket" { module websocket }\n' % build(os.path.join(TOP, "examples/modules/websocket.c")))
    with open(os.path.join(place, "index.html"), "w", encoding="utf-8") as file:
        file.write("<!doctype html><title>WebSocket</title>")
    server = tux(place, "--config", path, "--engine", engine)
    browser.open(server.url + "/")
    found = browser.run_async(WEBSOCKET, server.url.replace("http", "ws") + "/websocket", 300000)
    assert found == {"same": [True] * 5, "code": 1000, "clean": True}


SEEK = """
const done = arguments[arguments.length - 1];
const video = document.createElement(arguments[1]);
video.muted = true;
video.preload = "auto";
document.body.append(video);
const fail = what => done({error: what + (video.error ? ": " + video.error.message : "")});
video.onerror = () => fail("error");
video.onloadedmetadata = () => {
	const middle = video.duration * 0.7;
	video.onseeked = () => done({duration: video.duration, time: video.currentTime, wanted: middle,
	                             seekable: video.seekable.length ? video.seekable.end(0) : 0});
	video.currentTime = middle;
};
video.src = arguments[0];
"""


def test_video_seeks(tux, site, browser):
    """The browser seeks in the demo site's video or audio file: ranges as a player uses them."""
    media = [os.path.relpath(os.path.join(directory, name), site) for directory, _, names in os.walk(site)
             for name in names if name.endswith((".webm", ".mp4", ".ogv", ".ogg", ".opus", ".mp3", ".wav"))]
    if not media:
        pytest.skip("the site has neither video nor audio")
    server = tux(site)
    for name in media:
        browser.open(server.url + "/")
        kind = "video" if name.endswith((".webm", ".mp4", ".ogv")) else "audio"
        result = browser.run_async(SEEK, server.url + "/" + name, kind)
        assert "error" not in result, "%s: %s" % (name, result)
        assert abs(result["time"] - result["wanted"]) < 1 and result["seekable"] >= result["wanted"]


SUM = """
const done = arguments[arguments.length - 1];
fetch('/big').then(r => r.arrayBuffer()).then(async b => done(
    [...new Uint8Array(await crypto.subtle.digest('SHA-256', b))].map(x => x.toString(16).padStart(2, '0')).join('')));
"""


def test_internal_name_over_tls(tux, program, place):  # noqa: F811
    """A browser that trusts the authority of TUX gets a page, its picture and a long file; one that does not gets nothing."""
    root = os.path.join(place, "root")
    os.mkdir(root)
    shutil.copy(os.path.join(TOP, "site", "dawn.png"), os.path.join(root, "dawn.png"))
    long = os.urandom(10000000)
    for name, data in (("index.html", b"<!doctype html><title>over TLS</title><img src=dawn.png>"), ("big", long)):
        with open(os.path.join(root, name), "wb") as file:
            file.write(data)
    state, port = os.path.join(place, "state"), free_port()
    server = tux(root, "--tls", "localhost", "--listen", "https://127.0.0.1:%d" % port, "--state-directory", state, listen=False, port=port, ready=False)
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    authority = os.path.join(place, "authority.crt")
    with open(authority, "wb") as file:
        file.write(subprocess.run([program, "trust", "--state-directory", state], capture_output=True, check=True).stdout)
    with running(authority) as browser:
        browser.open("https://localhost:%d/" % port)
        assert browser.run("return [document.title, isSecureContext, document.images[0].naturalWidth > 0]") == ["over TLS", True, True]
        assert browser.run_async(SUM) == hashlib.sha256(long).hexdigest()
    assert "handshake" not in server.output
    with running() as browser:
        browser.open("https://localhost:%d/" % port)
        assert "ERR_CERT_AUTHORITY_INVALID" in browser.run("return document.documentElement.textContent")
    server.wait_until(lambda: "the client ended the handshake of TLS" in server.output, "the line")
