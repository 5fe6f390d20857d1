# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows: which load is put on every server, and which values are compared. Measures nothing."""
import random

KIB, MIB = 1024, 1024 * 1024


class Value:
    """One measured value of a row: its key, its heading, how it is printed (a format and a factor), and whether more is better."""

    def __init__(self, key, title, form="%.0f", factor=1.0, more=False):
        self.key, self.title, self.form, self.factor, self.more = key, title, form, factor, more

    def text(self, value):
        return "-" if value is None else self.form % (value * self.factor)


REQUESTS = Value("requests_s", "requests/s", "%.0f", more=True)
MEGABYTES = Value("mb_s", "MB/s", "%.0f", more=True)
SERVER_US = Value("server_us", "CPU us/req", "%.2f")
P50, P99, P999 = Value("p50_us", "p50 us"), Value("p99_us", "p99 us"), Value("p999_us", "p99.9 us")
LOAD_VALUES = [REQUESTS, MEGABYTES, SERVER_US, P50, P99]


class Setup:
    """How the servers are started for a row. Rows with the same setup share running servers."""

    def __init__(self, name="usual", log=False, connections=1024, veth=False):
        self.name, self.log, self.connections, self.veth = name, log, connections, veth


USUAL = Setup()
LOGGED = Setup("logs on", log=True)
CROWDED = Setup("many connections", connections=18000)
VETH = Setup("veth", veth=True)


class Row:
    """
    One kind of load. `measure` names the method of Bench that measures it; the first of `values` decides which server is the best.
    More connections than 8 would measure the cache of the CPU if bodies are large.
    """

    def __init__(self, name, title, length, paths, connections=64, depth=1, close=False, kind="static", measure="load", values=None,
                 setup=USUAL, how=None, floor=True, field=None, **more):
        self.name, self.title, self.length, self.paths = name, title, length, paths
        self.connections, self.depth, self.close, self.kind = connections, depth, close, kind
        self.measure, self.values, self.setup, self.how, self.floor, self.field = measure, values or LOAD_VALUES, setup, how, floor, field
        self.rate, self.random, self.count = more.get("rate"), more.get("random", False), more.get("count", 0)
        self.resume = more.get("resume", False)

    @property
    def base(self):
        """The server that others are compared with; nginx has no CGI."""
        return "lighttpd" if self.kind == "cgi" else "nginx"

    def describe(self):
        if self.how:
            return self.how.replace("COUNT", "{:,}".format(self.count))
        how = "a connection each" if self.close else "keep-alive"
        if self.depth > 1:
            how = "%d requests sent at once" % self.depth
        return "%d connection%s, %s" % (self.connections, "s" if self.connections > 1 else "", how)


MANY = 10000
MANY_PATHS = ["/many/%04d.bin" % i for i in range(MANY)]
random.Random(1).shuffle(MANY_PATHS)

FILES = 100000
FILES_PATHS = ["/files/%02d/%05d.bin" % (i % 100, i) for i in range(FILES)]
random.Random(2).shuffle(FILES_PATHS)

COLD = 4000
COLD_PATHS = ["/cold/%04d.bin" % i for i in range(COLD)]

LISTED = 100000

# A page as many sites have it: the name and the bytes of each file. Those with a name in TEXT have a .br and a .gz beside them.
PAGE = [("index.html", 24), ("main.css", 48), ("print.css", 2), ("theme.css", 9), ("app.js", 180), ("vendor.js", 300), ("init.js", 6),
        ("data.json", 16), ("icons.svg", 12), ("logo.svg", 3), ("text.woff2", 28), ("bold.woff2", 36), ("pixel.png", 1), ("face.jpg", 5),
        ("thumb1.jpg", 8), ("thumb2.jpg", 15), ("photo1.jpg", 40), ("photo2.jpg", 70), ("photo3.jpg", 110), ("hero.jpg", 220)]
TEXT = (".html", ".css", ".js", ".json", ".svg")
PAGE_PATHS = ["/page/" + name for name, _ in PAGE]
random.Random(3).shuffle(PAGE_PATHS)

ONE_MB = ["/1m.bin"]

ROWS = [
    Row("128", "128 B", 128, ["/128.bin"]),
    Row("1k", "1 KB", KIB, ["/1k.bin"]),
    Row("1k-1", "1 KB, one connection", KIB, ["/1k.bin"], connections=1),
    Row("16k", "16 KB", 16 * KIB, ["/16k.bin"]),
    Row("128k", "128 KB", 128 * KIB, ["/128k.bin"]),
    Row("1m", "1 MB", MIB, ONE_MB, connections=8),
    Row("1m-1", "1 MB, one connection", MIB, ONE_MB, connections=1),
    Row("1m-64", "1 MB, 64 connections", MIB, ONE_MB),
    Row("1m-mtu", "1 MB, MTU 1500", MIB, ONE_MB, connections=8, kind="veth", setup=VETH, how="8 connections over a veth pair with an MTU of 1500"),
    Row("100m", "100 MB", 100 * MIB, ["/100m.bin"], connections=8),
    Row("close", "1 KB, a connection each", KIB, ["/1k.bin"], close=True),
    Row("many", "10,000 files of 1 KB", KIB, MANY_PATHS),
    Row("files", "100,000 files of 1 KB", KIB, FILES_PATHS, random=True, kind="files", how="64 connections, files in random order, in 100 directories"),
    Row("page", "a page's mix", None, PAGE_PATHS, kind="page", field="Accept-Encoding: gzip, deflate, br",
        how="64 connections, 20 files of 1 to 300 KB, texts with .br and .gz siblings that the client accepts"),
    Row("pipe", "128 B, 16 pipelined", 128, ["/128.bin"], depth=16),
    Row("log", "1 KB, logs on", KIB, ["/1k.bin"], kind="log", setup=LOGGED),
    Row("open", "1 KB, 20,000 requests/s", KIB, ["/1k.bin"], rate=20000, measure="open",
        values=[P99, P50, P999, SERVER_US], how="64 connections, requests at random times (Poisson)"),
    Row("cold", "128 KB, cold", 128 * KIB, COLD_PATHS, kind="cold", measure="cold", floor=False,
        values=[Value("requests_s", "files/s", "%.0f", more=True), Value("warm_p50_us", "warm p50 ms", "%.2f", 1e-3),
                Value("warm_p99_us", "warm p99 ms", "%.2f", 1e-3), SERVER_US],
        count=COLD, how="64 connections, each of COUNT files once, its pages dropped before; beside it 100 requests/s of a warm 1 KB"),
    Row("listing", "a listing of 100,000", None, ["/1k.bin"], kind="listing", measure="listing", floor=False,
        values=[Value("first_ms", "first ms"), Value("second_ms", "second ms", "%.1f"), Value("beside_ms", "beside, worst ms", "%.2f")],
        how="the first and the second request for a directory of 100,000 files, and the longest wait of 500 requests/s of 1 KB beside both"),
    Row("idle", "idle connections", KIB, ["/1k.bin"], kind="idle", measure="idle", setup=CROWDED,
        values=[Value("idle_bytes", "bytes each", "%.0f"), Value("wakeups_s", "wake-ups/s", "%.1f"),
                Value("active_cpu", "CPU of active, x alone", "%.2f"), SERVER_US],
        count=16000, how="COUNT connections that had one request; then 64 active ones of 1 KB beside them"),
]

HELLO = b"hello, world\n"

# Rows of CGI programs and upstream servers, for --dynamic.
DYNAMIC_ROWS = [
    Row("cgi", "CGI, a C program", len(HELLO), ["/cgi-bin/hello"], connections=8, kind="cgi", floor=False),
    Row("cgi-sh", "CGI, a shell script", len(HELLO), ["/cgi-bin/hello.sh"], connections=8, kind="cgi", floor=False),
    Row("up-1k", "upstream, 1 KB", KIB, ["/app/1k.bin"], kind="upstream", floor=False),
    Row("hello", "module, 13 B", len(HELLO), ["/hello"], kind="hello", floor=False),
    Row("hello-8", "module, 13 B, 8 connections", len(HELLO), ["/hello"], connections=8, kind="hello", floor=False),
    Row("mod-16k", "module, 16 KB by reference", 16 * KIB, ["/16k.bin"], kind="module", floor=False),
    Row("mod-file", "module, a file by its name", KIB, ["/by-name/1k.bin"], kind="module", floor=False),
    Row("mod-1m", "module, a stream of 1 MB", MIB, ["/stream/1m.bin"], connections=8, kind="stream", floor=False),
    Row("up-1m", "upstream, 1 MB", MIB, ["/app/1m.bin"], connections=8, kind="upstream", floor=False),
]

# Rows of TLS 1.3, for --tls. The client costs more than the server, so a handshake has few connections.
TLS_ROWS = [
    Row("full", "full handshake, 1 KB", KIB, ["/1k.bin"], connections=16, close=True, kind="tls", how="16 connections, one for each request"),
    Row("resumed", "resumed handshake, 1 KB", KIB, ["/1k.bin"], connections=16, close=True, resume=True, kind="tls",
        how="16 connections, one for each request, with a ticket of the one before"),
    Row("1k", "1 KB", KIB, ["/1k.bin"], kind="tls"),
    Row("16k", "16 KB", 16 * KIB, ["/16k.bin"], kind="tls"),
    Row("1m", "1 MB", MIB, ONE_MB, connections=8, kind="tls"),
]
