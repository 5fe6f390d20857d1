# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests, right and nearly right: from a grammar, and by changing the fuzzers' corpus octet by octet or at random."""
import pathlib
import re

FUZZ = pathlib.Path(__file__).resolve().parent.parent / "fuzz"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

# One message of each framing, and each kind of line: the bases of systematic().
BASES = [
    b"GET /a?b HTTP/1.1\r\nHost: x\r\nA: b c\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nContent-Length: 12\r\nHost: x\r\n\r\n0123456789abcdef",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: [::1]:80\r\n\r\n3;a=b\r\nabc\r\n0\r\nC: d\r\n\r\nGET",
    b"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]
ODD_METHODS = ["PROPFIND", "M-SEARCH", "QUERY", "PRI", "SOURCE", "DESCRIBE", "BREW", "get", "GeT", "G", "GETT", "!#$%&'*+-.^_`|~",
               "", "G=T", "G\x00T", "GET\t", "(GET)", "\xe9", "X" * 300]
TARGETS = ["/", "/a", "/a/b?c=d", "/%2e%2e/", "/%", "/%00", "//a//b", "/a;b=c,d", "/?", "/??", "/a?b?c", "/*", "http://x/",
           "http://x", "HTTP://X:80/a?b", "https://[::1]:443/", "http://x?y", "/a[b]", "/a|b\\^`{}\"<>"]
ODD_TARGETS = ["*", "x:443", "[::1]:443", "x", "x:", ":80", "x:99999", "http://", "http:/", "http:", "http:///a", "http://u@x/",
               "http://x:y/", "http://[::1/", "http://x#f", "ftp://x/", "/a#b", "", "a", "?", "**", "/\x00", "/\x7f", "/\x80\xff", "/\t",
               "/a b", "/\x0b", "\\", "//", "h", "1://x/", "/" + "a" * 8191, "/" + "a" * 8192, "http://x\\y/", "x@y:1", "http://%41/"]
VERSIONS = ["HTTP/1.1"] * 12 + ["HTTP/1.0"] * 3
ODD_VERSIONS = ["HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/2.0", "HTTP/2", "HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/01.1", "HTTP/11",
                "http/1.1", "HTTP/3.0", "HTTP 1.1", "HTTP/1,1", "HTTPS/1.1", "", " ", "ICE/1.0", "RTSP/1.0", "HTTP/1.1 ", "HTTP/1.1\t",
                "HTTP/-1.1", "HTTP/1.\x00", "HTTP/4294967297.1"]
ENDS = ["\r\n"] * 60 + ["\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "\x00\r\n", " \r\n", "\t\r\n"]
NAMES = ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Trailer", "TE", "Accept", "X", "Range",
         "content-length", "TRANSFER-ENCODING", "hOsT", "Content_Length", "Content-Length2", "Content-Lengt", "Transfer-Encodin",
         "Transfer-Encoding2", "Proxy-Connection", "!#$%&'*+-.^_`|~", "Content-Length", "Transfer-Encoding"]
ODD_NAMES = ["", " Host", "Host ", "Content-Length\t", "Content Length", "Content-Length\x00", "A(b", "A\x80", "\x00", "A\r", "\xe9", "A/b",
             "Content-Length ", "Transfer-Encoding ", "\x0bTransfer-Encoding", "Transfer-Encoding\x0c", "@"]
SEPARATORS = [": "] * 20 + [":"] * 6 + [":\t", ": \t ", " :", "\t:", "::", ":\x0b", ":\x0c", "", "=", ":\x00", ":\r\n ", ":\xa0"]
LENGTHS = ["0", "1", "3", "5", "10", "00", "003", "0000000000000000000000000000003", "+3", "-3", "-0", "3,3", "3, 3", "3,4", ",3", "3,",
           "3 ", "3 3", "3\t", "\t3", "0x3", "3.0", "3e0", "", "a", "3a", "3;", "\"3\"", "4294967295", "4294967296", "4294967299",
           "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551619",
           "99999999999999999999999", "1" * 400, "\xb3", "3\x0b", "3\x00", "1000000", "1048577", "3\r\n 3", "3\n"]
CODINGS = ["chunked"] * 8 + ["Chunked", "CHUNKED", "chunked ", " chunked\t", "chunked,", ",chunked", "chunked, chunked", "gzip, chunked",
           "gzip,chunked", "chunked, gzip", "gzip", "identity", "chunked, identity", "identity, chunked", "xchunked", "chunkedx",
           "chunked;a=b", "chunked;", "\"chunked\"", "chunked\x0b", "\x0bchunked", "chunked\x00", "chunke", "", ",", "chu nked", "chunked\r\n ",
           "\r\n chunked", "x-chunked", "chunked , ", "gzip;q=\", chunked\"", "trailers", "\xe9chunked", "c\xcahunked", "chunKed", "\u017ftrange".encode().decode("latin1")]
HOSTS = ["x"] * 12 + ["", "x:80", "x:", "[::1]", "[::1]:80", "x:99999", "x:y", "x y", "x,y", "u@x", "[::1", "x/y", "x#", "x\\y", "\x80", "%41",
                      "%", "x\t", "x\x00", "127.0.0.1:0", "-", "a_b", "x:80:80"]
CONNECTIONS = ["close", "keep-alive", "Close", "keep-alive, close", "close, keep-alive", "upgrade", "close,", ", close", "te", "x",
               "keep-alivex", "close x", "", "Upgrade, HTTP2-Settings", "cLOSE", "transfer-encoding", "host"]
OTHERS = ["a", "", "a b", "a\tb", "a\x00b", "a\x7fb", "a\x01b", "\x80\xff", "a\x0bb", "\"a\\\"b\"", "100-continue", "200-ok", "websocket", "a:b",
          "x" * 2000, " ", "a  ", "bytes=0-1", "a\rb", "h2c", "Content-Length"]
CHUNKS = ["3", "03", "0000000000000003", "00000000000000003", "3 ", "3\t", " 3", "\t3", "+3", "-3", "0x3", "3;", "3;a", "3;a=b", "3;a=\"b\"",
          "3 ;a", "3; a", "3 ; a = b", "3;;", "3;a=\"\r\"", "3;\x00", "3;\x7f", "3;\x80", "3;=", "3; ", "3;a\n", "3 a", "3a", "3,", "3\x0b",
          "", "g", "3;a=\"b;c\"", "3;a=\"b", "3;a='b'", "3;a=b;c", "3;" + "a" * 4000, "3;" + "a" * 5000, "3;(", "3;\"a\"", "3;a =b", "3;\ta"]
HUGE_CHUNKS = ["7fffffffffffffff", "8000000000000000", "ffffffffffffffff", "fffffffffffffff", "10000000000000000", "100000003",
               "FFFFFFFF", "10000000000000003", "f" * 40]
LASTS = ["0"] * 10 + ["00", "000000000000000000000", "0;a", "0 ", "-0", "+0", "0x0", "", "0;a=\"b\"", " 0", "0000000000000000"]
COMPLETIONS = [b"\r\n\r\n", b"\n\r\n", b"\r\nHost: x\r\n\r\n", b": x\r\nHost: x\r\n\r\n", b" HTTP/1.1\r\nHost: x\r\n\r\n",
               b" / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n0\r\n\r\n", b"0\r\n\r\n"]


def octets(text):
    return text.encode("latin1")


def unescape(text):
    """C's escapes, and {a*3} for aaa."""
    text = re.sub(r"\{([^{}]+)\*(\d+)\}", lambda repeat: repeat[1] * int(repeat[2]), text)
    return octets(text.encode("latin1").decode("unicode_escape"))


def dictionary():
    lines = (FUZZ / "http.dict").read_text().splitlines()
    return [unescape(line.strip()[1:-1]) for line in lines if line.startswith('"')]


def corpus():
    """The fuzzers' inputs without the octets that steer the fuzzer."""
    heads = [path.read_bytes()[1:] for path in sorted((FUZZ / "corpus/request").iterdir())]
    bodies = [path.read_bytes() for path in sorted((FUZZ / "corpus/body").iterdir())]
    for body in bodies:
        head = CHUNKED if body[1] else b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % body[2]
        heads.append(head + body[2:])
    assert len(heads) > len(bodies) > 0
    return heads


def systematic():
    """Every octet in every place, put in and in place of what is there, and every octet left out."""
    for base in BASES:
        for i in range(len(base) + 1):
            yield base[:i] + base[i + 1:]
            for octet in range(256):
                yield base[:i] + bytes([octet]) + base[i:]
                yield base[:i] + bytes([octet]) + base[i + 1:]


class Random:
    def __init__(self, random):
        self.random = random
        self.tokens = dictionary()
        self.corpus = corpus()

    def pick(self, usual, odd=None, odds=0.04):
        return self.random.choice(odd if odd and self.random.random() < odds else usual)

    def value(self, name):
        values = {"host": HOSTS, "content-length": LENGTHS, "transfer-encoding": CODINGS, "connection": CONNECTIONS}
        return self.pick(values.get(name.strip().lower(), OTHERS))

    def field_line(self):
        name = self.pick(NAMES, ODD_NAMES)
        return name + self.pick(SEPARATORS) + self.value(name) + self.pick(ENDS)

    def body_field(self):
        """What frames the body that follows, mostly."""
        if self.random.random() < 0.5:
            return "Transfer-Encoding: " + self.pick(CODINGS) + "\r\n"
        return "Content-Length: " + self.pick(["0", "3", "10"], LENGTHS, 0.5) + "\r\n"

    def head(self):
        method = self.pick(METHODS, ODD_METHODS)
        target = self.pick(["x:443", "[::1]:80"] if method == "CONNECT" else TARGETS, ODD_TARGETS)
        line = method + self.pick([" "], ["  ", "\t", "", " \t"], 0.01) + target
        line += self.pick([" "], ["  ", "\t", "", " \t"], 0.01) + self.pick(VERSIONS, ODD_VERSIONS) + self.pick(ENDS)
        lines = [self.field_line() for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 3]))]
        if self.random.random() < 0.9:
            lines.append("Host: x\r\n")
        if self.random.random() < 0.6:
            lines.append(self.body_field())
        if self.random.random() < 0.01:
            lines.append("A: b\r\n" * self.random.choice([90, 97, 98, 99, 100, 101, 200]))
        if self.random.random() < 0.003:
            lines.append("A: " + "b" * self.random.choice([16000, 16300, 16384, 20000]) + "\r\n")
        self.random.shuffle(lines)
        empty = self.pick([""], ["\r\n", "\n", "\r", " ", "\r\n" * 8, "\r\n" * 9, "\t\r\n"], 0.05)
        return empty + line + "".join(lines) + self.pick(ENDS)

    def chunked(self):
        text = ""
        for _ in range(self.random.randrange(3)):
            text += self.pick(["3", "3;a=b"], CHUNKS, 0.4) + self.pick(ENDS) + self.pick(["abc"], ["ab", "abcd", "\r\n\r"], 0.05)
            text += self.pick(ENDS)
        if self.random.random() < 0.05:
            text += self.pick(HUGE_CHUNKS) + "\r\nabc\r\n"
        text += self.pick(LASTS) + self.pick(ENDS)
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            text += self.field_line()
        if self.random.random() < 0.005:
            text += "A: " + "b" * self.random.choice([8000, 8192, 9000]) + "\r\n"
        return text + self.pick(ENDS)

    def message(self):
        body = self.random.random()
        text = self.head() + ("" if body < 0.3 else self.chunked() if body < 0.7 else "abcdefghijklmnop")
        return octets(text + self.pick(["", "GET / HTTP/1.1\r\nHost: y\r\n\r\n", "\r\n", "x", "\x00"]))

    def mutate(self, data):
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            i = self.random.randrange(len(data) + 1)
            j = min(len(data), i + self.random.choice([0, 0, 1, 1, 2, 8]))
            piece = self.random.choice([b"", bytes([self.random.randrange(256)]), self.random.choice(self.tokens),
                                        self.random.choice([b"\r", b"\n", b" ", b"\t", b":", b"0", b",", b";", b"\0"]), data[i:j] * 2])
            data = data[:i] + piece + data[j:]
        return data

    def next(self):
        which = self.random.random()
        if which < 0.5:
            return self.message()
        return self.mutate(self.random.choice(self.corpus) if which < 0.65 else self.message())
