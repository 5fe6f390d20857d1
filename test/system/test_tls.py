# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS: versions, certificates, names, records of every kind, misbehaving clients, and keys that stay where they are."""
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import client
import tls
from client import Closed, Load, request
from tools import children, free_port
from upstreams import Origin

from test_cgi import script, variables
from test_config import program, written  # noqa: F401 (a fixture)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SIZES = {"empty": 0, "one": 1, "small": 1000, "record": 16384, "record+1": 16385, "memory": 60000, "file": 300001, "large": 5000003}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return tls.make(str(tmp_path_factory.mktemp("tls")), "test", "test", "localhost", "127.0.0.1")


@pytest.fixture
def files(place):
    """A root with a file of each size."""
    root = os.path.join(place, "root")
    os.mkdir(root)
    for name, size in SIZES.items():
        with open(os.path.join(root, name), "wb") as file:
            file.write(os.urandom(size))
    return root


def content(root, name):
    with open(os.path.join(root, name), "rb") as file:
        return file.read()


@pytest.fixture(params=["uring", "epoll"])
def secure(request, tux, pair):
    """secure(root, *options): TUX with a certificate for "test"."""
    def start(root, *options, context=None, **more):
        return tux(root, "--engine", request.param, *pair.options, *options, tls=context or tls.trusting(pair), **more)
    return start


def raw(server):
    sock = socket.create_connection(server.address)
    sock.settimeout(client.TIMEOUT)
    return sock


def everything(sock):
    """Returns all bytes until the server closes."""
    got = b""
    try:
        while True:
            data = sock.recv(65536)
            if not data:
                return got
            got += data
    except ConnectionResetError:
        return got


@pytest.mark.parametrize("version", [V12, V13])
def test_files_of_every_size(secure, pair, files, version):
    server = secure(files, context=tls.trusting(pair, version=version))
    with server.connect() as conn:
        assert conn.sock.ssl.version() == {V12: "TLSv1.2", V13: "TLSv1.3"}[version]
        assert conn.sock.ssl.selected_alpn_protocol() == "http/1.1"
        for _ in range(2):
            for name, size in SIZES.items():
                got = conn.get("/" + name)
                assert (got.status, len(got.body)) == (200, size) and got.body == content(files, name), name
        assert conn.get("/large", "Range: bytes=100-200099").body == content(files, "large")[100:200100]
        assert conn.get("/large", "Range: bytes=5-9,4000000-4000020").status == 206


def test_several_files_pipelined_over_several_connections(secure, files):
    server = secure(files)
    conns = [server.connect() for _ in range(8)]
    names = list(SIZES)
    for conn in conns:
        conn.send(b"".join(request("/" + name) for name in names))
    for name in names:
        for conn in conns:
            assert conn.response().body == content(files, name), name
    for conn in conns:
        conn.close()


def test_head_and_small_body_are_one_record(secure, pair, files):
    """Each record costs a cipher's call, and with kTLS a segment."""
    server = secure(files, context=tls.trusting(pair, version=V13))
    with server.connect() as conn:
        conn.get("/empty")
        conn.sock.sendall(request("/small"))
        head = b""
        while len(head) < 5:
            head += conn.sock.raw.recv(5 - len(head), socket.MSG_WAITALL)
        assert head[0] == 23 and 1000 < int.from_bytes(head[3:5], "big") < 2000
        conn.sock.incoming.write(head)
        assert conn.response().body == content(files, "small")


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100, 1000])
def test_input_in_pieces(secure, files, step):
    """Records split at every octet, as a slow network may: the handshake, and a request."""
    server = secure(files)
    inner = socket.socketpair()
    outer = raw(server)
    outer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def carry(from_sock, to_sock, most):
        try:
            while data := from_sock.recv(65536):
                for at in range(0, len(data), most):
                    to_sock.sendall(data[at:at + most])
            to_sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threads = [threading.Thread(target=carry, args=args, daemon=True) for args in ((inner[1], outer, step), (outer, inner[1], 65536))]
    for thread in threads:
        thread.start()
    inner[0].settimeout(client.TIMEOUT)
    sock = tls.TlsSocket(inner[0], server.tls)
    conn = client.Connection.of(sock)
    for name in ("small", "file"):
        assert conn.get("/" + name).body == content(files, name)
    for one in (inner[0], inner[1], outer):
        one.close()


@pytest.mark.parametrize("size", [1, 2, 3, 17, 500])
def test_requests_in_small_records(secure, files, size):
    """One request is many records, and one record is many requests."""
    server = secure(files)
    with server.connect() as conn:
        data = request("/small") * 3
        for at in range(0, len(data), size):
            conn.sock.ssl.write(data[at:at + size])
        conn.sock.flush()
        for _ in range(3):
            assert conn.response().body == content(files, "small")


@pytest.mark.parametrize("size", [0, 1, 16384, 100000, 3000000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_to_and_from_programs(secure, place, size, chunked):
    """Neither direction can be spliced."""
    script(place, "cat", "#!/bin/sh\nprintf 'Content-Type: x/y\\n\\n'\nexec cat\n")
    server = secure(place, "--config", written(place, 'max-body 10M\ncgi scripts { root "%s/cgi" }\nroute "/cgi-bin/" { cgi scripts }\n' % place))
    body = os.urandom(size)
    with server.connect() as conn:
        if chunked:
            conn.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, size, 60000):
                conn.send(b"%x\r\n%s\r\n" % (len(body[at:at + 60000]), body[at:at + 60000]))
            conn.send("0\r\n\r\n")
        else:
            conn.send("POST /cgi-bin/cat HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
            conn.send(body)
        assert conn.response().body == body


def test_backends_learn_the_scheme(secure, place):
    """RFC 3875, RFC 7239: HTTPS and REQUEST_SCHEME of programs, X-Forwarded-Proto and Forwarded of servers."""
    script(place, "env", "#!/bin/sh\necho 'Content-Type: text/plain'\necho\nenv\n")
    origin = Origin()
    server = secure(place, "--config", written(place, '''
cgi scripts { root "%s/cgi" }
upstream plain { server "%s" }
upstream trusting { server "%s"; trust-forwarded on }
route "/cgi-bin/" { cgi scripts }
route "/up/" { upstream plain }
route "/trusting/" { upstream trusting }
''' % (place, origin.name, origin.name)))
    told = variables(server.get("/cgi-bin/env").body)
    assert (told["HTTPS"], told["REQUEST_SCHEME"], told["SERVER_PORT"]) == ("on", "https", str(server.port))
    for path in ("/up/x", "/trusting/x"):
        assert server.get(path).status == 200
        assert origin.requests[-1].field("X-Forwarded-Proto") == "https"
    assert server.get("/up/x", "X-Forwarded-Proto: http", "Forwarded: for=a;proto=http").status == 200
    assert origin.requests[-1].field("X-Forwarded-Proto") == "https"


def test_large_response_of_a_server(secure, place):
    body = os.urandom(4000000)
    origin = Origin(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    server = secure(place, "--config", written(place, 'route "/" { upstream "%s" }\n' % origin.name))
    with server.connect() as conn:
        for _ in range(2):
            assert conn.get("/").body == body


def test_tunnel(secure, place):
    """RFC 9110 7.8: bytes of an upgraded connection in both directions."""
    def answer(_request):
        def echo(sock):
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := sock.recv(65536):
                sock.sendall(data)
        return echo
    origin = Origin(answer)
    server = secure(place, "--config", written(place, 'route "/" { upstream "%s" }\n' % origin.name))
    with server.connect() as conn:
        conn.send(request("/", "Connection: upgrade", "Upgrade: echo"))
        assert conn.response(interim=True).status == 101
        for size in (1, 5, 20000, 700000):
            data = os.urandom(size)
            for at in range(0, size, 65536):  # not in two threads: Python gives both the same SSL of OpenSSL, which allows only one
                conn.send(data[at:at + 65536])
                assert conn.take(len(data[at:at + 65536])) == data[at:at + 65536]


NAMES = """
log off
%(top)s
host "a.test" { root "%(place)s/a"; %(a)s }
host "b.test" { root "%(place)s/b"; %(b)s; name ["*.b.test", "127.0.0.1"] }
host "c.test" { root "%(place)s/c" }
"""


@pytest.fixture
def hosts(place, tux):
    """Hosts with certificates of their own and of the top: (server, {host: pair})."""
    pairs = {name: tls.make(place, name, name + ".test", "*.%s.test" % name, "127.0.0.1") for name in "abc"}
    for name in "abc":
        os.mkdir(os.path.join(place, name))
        with open(os.path.join(place, name, "file"), "w", encoding="ascii") as file:
            file.write(name)
    text = NAMES % {"place": place, "top": pairs["c"].block, "a": pairs["a"].block, "b": pairs["b"].block}
    server = tux(place, "--config", written(place, text), tls=tls.trusting(*pairs.values()), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    return server, pairs


@pytest.mark.parametrize("name,host,status,body", [
    ("a.test", "a.test", 200, b"a"), ("b.test", "b.test", 200, b"b"), ("x.b.test", "x.b.test", 200, b"b"), ("c.test", "c.test", 200, b"c"),
    ("A.Test", "a.test", 200, b"a"), ("x.b.test", "b.test:443", 200, b"b"),
    ("a.test", "b.test", 421, None), ("b.test", "a.test", 421, None), ("b.test", "c.test", 421, None), ("a.test", "unknown.test", 200, b"a"),
    ("b.test", "unknown.test", 421, None)])
def test_name_chooses_certificate_and_host(hosts, name, host, status, body):
    """RFC 6066 3, RFC 9110 15.5.20: a host whose certificate is another one is misdirected."""
    server, _ = hosts
    got = server.get("/file", name=name, host=host)
    assert got.status == status and (body is None or got.body == body)


def test_without_name_any_host_responds(hosts):
    """A client that connects to an address gets the certificate of the default host, and every host."""
    server, pairs = hosts
    context = tls.trusting(*pairs.values())
    context.check_hostname = False
    for host in "abc":
        with server.connect(tls=context, name=None) as conn:
            assert b"a.test" in conn.sock.ssl.getpeercert(True)
            assert conn.get("/file", host=host + ".test").body == host.encode()


def test_two_kinds_of_keys(place, root, tux):
    """A client gets the certificate whose kind it knows."""
    kinds = {"ecdsa": tls.make(place, "ecdsa", "test"), "rsa": tls.make(place, "rsa", "test", kind=tls.RSA)}
    server = tux(root, *kinds["rsa"].options, *kinds["ecdsa"].options, tls=tls.trusting(*kinds.values()))
    for cipher, kind in (("ECDHE-RSA-AES128-GCM-SHA256", "rsa"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa")):
        with server.connect(tls=tls.trusting(kinds[kind], version=V12, ciphers=cipher)) as conn:
            assert conn.sock.ssl.cipher()[0] == cipher
            assert conn.get("/file").body == b"data"


def test_key_in_the_file_of_the_certificate(place, root, tux, pair):
    both = os.path.join(place, "both.pem")
    with open(both, "w", encoding="ascii") as file:
        for name in (pair.certificate, pair.key):
            with open(name, encoding="ascii") as part:
                file.write(part.read())
    os.chmod(both, 0o600)
    assert tux(root, "--certificate", both, tls=tls.trusting(pair)).get("/file").body == b"data"


def test_chain_is_sent(place, root, tux):
    authority = tls.make(place, "root-ca", "authority")
    middle = tls.make_signed(place, "middle", authority, authority=True)
    leaf = tls.make_signed(place, "leaf", middle, "test")
    with open(leaf.certificate, "a", encoding="ascii") as file, open(middle.certificate, encoding="ascii") as issuer:
        file.write(issuer.read())
    assert tux(root, *leaf.options, tls=tls.trusting(authority)).get("/file").body == b"data"


@pytest.mark.parametrize("options,offered", [
    ((), "-tls1_1"), ((), "-tls1"), (("--tls-profile", "modern"), "-tls1_2")])
def test_old_versions_are_refused(secure, root, options, offered):
    server = secure(root, *options)
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, offered, "-cipher", "ALL:@SECLEVEL=0"],
                          input="", capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0 and "alert protocol version" in done.stderr


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM"])
def test_ciphers_without_secrecy_or_authentication_are_refused(secure, root, pair, cipher):
    """Mozilla's intermediate profile: forward secrecy, and authenticated encryption in GCM or ChaCha20."""
    server = secure(root)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        server.connect(tls=tls.trusting(pair, version=V12, ciphers=cipher + ":@SECLEVEL=0"))


def test_unknown_protocol_is_refused(secure, root, pair):
    """RFC 7301 3.2: no_application_protocol."""
    server = secure(root)
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        server.connect(tls=tls.trusting(pair, protocols=["h2", "spdy/3"]))
    with server.connect(tls=tls.trusting(pair, protocols=["h2", "http/1.1"])) as conn:
        assert conn.sock.ssl.selected_alpn_protocol() == "http/1.1"
    with server.connect(tls=tls.trusting(pair, protocols=())) as conn:
        assert conn.get("/file").body == b"data"


def test_renegotiation_is_refused(secure, root):
    server = secure(root)
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-tls1_2", "-legacy_renegotiation"], input="R\n",
                          capture_output=True, text=True, check=False, timeout=30)
    assert "no renegotiation" in done.stderr
    assert "Compression: NONE" in done.stdout and "Secure Renegotiation IS supported" in done.stdout


def test_early_data_is_not_accepted(secure, root, place):
    """RFC 8446 8: early data can be repeated by others."""
    server = secure(root)
    session = os.path.join(place, "session")
    ask = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-tls1_3"]
    data = "GET /file HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    first = subprocess.run([*ask, "-sess_out", session, "-ign_eof"], input=data, capture_output=True, text=True, check=False, timeout=30)
    assert "Max Early Data: 0" in first.stdout


def test_plain_http_gets_400(secure, root):
    """As of nginx: a client that forgot the s gets a page that says so."""
    server = secure(root)
    for method in ("GET", "HEAD", "POST", "OPTIONS", "BREW"):
        with raw(server) as sock:
            sock.sendall(request("/file", method=method))
            got = everything(sock)
            assert got.startswith(b"HTTP/1.1 400 ") and b"\r\nConnection: close\r\n" in got
            assert method == "HEAD" or b"a plain HTTP request was sent to an HTTPS port" in got
    assert server.get("/file").body == b"data"


@pytest.mark.parametrize("data", [
    b"\0", b"\x16", b"\x16\x03\x01\0\0", b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x15\x03\x01\0\x02\x02\x28", b"\x17\x03\x03\0\x05hello",
    b"\x80\x2e\x01\0\2" + b"x" * 60, b"\xff" * 5000, b"\x16\x03\x01\0\x05\x01\0\0\x01x", b"get / HTTP/1.1\r\n\r\n"])
def test_garbage_closes(secure, root, data):
    """No response but an alert, and others are served."""
    server = secure(root, "--head-timeout", "1")
    with raw(server) as sock:
        try:
            sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        got = everything(sock)
        assert len(got) < 50 and b"HTTP" not in got
    assert server.get("/file").body == b"data"


def test_random_changes_of_a_handshake(secure, root, pair):
    """A ClientHello with one changed octet at each place gets an alert, a handshake, or a close after the time limit; never a crash."""
    server = secure(root, "--head-timeout", "1")
    context = tls.trusting(pair)
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="test").do_handshake()
    hello = outgoing.read()
    pid = server.pid
    socks = []
    for at in range(0, len(hello), 3):
        sock = raw(server)
        sock.sendall(hello[:at] + bytes([hello[at] ^ (1 << at % 8)]) + hello[at + 1:])
        socks.append(sock)
    for sock in socks:
        everything(sock)
        sock.close()
    assert server.get("/file").body == b"data" and server.pid == pid


def test_damaged_records_end_the_connection(secure, root, pair):
    """RFC 8446 5.2: bad_record_mac."""
    server = secure(root, context=tls.trusting(pair, version=V13))
    for at in (5, 20, -1):
        with server.connect() as conn:
            conn.get("/file")
            conn.sock.ssl.write(request("/file"))
            record = bytearray(conn.sock.outgoing.read())
            record[at] ^= 1
            conn.sock.raw.sendall(record)
            with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
                conn.response()


def test_slow_handshake_ends_after_the_time_limit(secure, root):
    server = secure(root, "--head-timeout", "1")
    silent, slow = raw(server), raw(server)
    slow.sendall(b"\x16\x03\x01\x02\0")
    assert everything(silent) == b"" and everything(slow) == b""
    silent.close()
    slow.close()
    assert server.get("/file").body == b"data"


def test_half_open_handshakes_leave_room(secure, root):
    """Handshakes have half of max-connections. Beyond that the oldest one ends, so that clients that begin many keep nobody out."""
    server = secure(root, "--max-connections", "20", "--threads", "1")
    idle = server.connect()
    idle.get("/file")
    socks = []
    for _ in range(60):
        socks.append(raw(server))
        socks[-1].sendall(b"\x16\x03\x01\x02\0")
    assert server.get("/file").body == b"data"
    assert everything(socks[0]) == b""
    assert idle.get("/file").body == b"data"
    for sock in [*socks, idle]:
        sock.close()


def test_status_counts_handshakes(place, root, tux, pair):
    server = tux(root, *pair.options, "--config", written(place, 'route "=/status" { status on }\n'), tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    session = first_session(server, server.tls)
    assert resumes(server, server.tls, session)
    with raw(server) as sock:
        sock.sendall(b"\x17\x03\x03\0\x05hello")
        everything(sock)
    counts = json.loads(server.get("/status", "Accept: application/json", host="localhost", name="localhost").body)["tls"]
    certificates = counts.pop("certificates")
    assert counts.pop("by").startswith("OpenSSL 3") and counts == {"handshakes": 3, "resumed": 1, "failed": 1, "limited": 0, "renewals_failed": 0}
    assert len(certificates) == 1 and certificates[0]["file"] == pair.certificate and certificates[0]["days_left"] in (29, 30)
    assert (certificates[0]["host"], certificates[0]["temporary"]) == ("", False)
    for form, words in (("html", "</th><td>(29|30)</td>"), ("prometheus", '"} (29|30)\n')):
        body = server.get("/status?format=" + form, host="localhost", name="localhost").body.decode()
        assert "andshakes" in body and re.search(re.escape(pair.certificate) + words, body)
    told = subprocess.run([server.command[0], "status", str(server.pid)], capture_output=True, text=True, check=False, timeout=20).stdout
    assert re.search(r"  certificate  (29|30) days left; " + re.escape(pair.certificate), told), told
    assert re.search(r"handshakes +5 completed, resumed 1, failed 1", told) and re.search(r"tls +OpenSSL 3.*; (not in the kernel: |the kernel encrypts)", told), told


def test_server_ends_with_close_notify(secure, root):
    """RFC 8446 6.1: the client can tell that it has everything."""
    server = secure(root, "--idle-timeout", "0.5")
    for fields in (["Connection: close"], []):
        with server.connect() as conn:
            assert conn.get("/file", *fields).body == b"data"
            conn.assert_closed()
            assert not conn.sock.truncated
    with server.connect() as conn:
        conn.send("GET /file HTTP/1.0\r\n\r\n")
        assert conn.response().body == b"data"
        conn.assert_closed()
        assert not conn.sock.truncated
    with server.connect() as conn:
        conn.send(b"BAD\r\n\r\n")
        assert conn.response().status == 400
        conn.assert_closed()
        assert not conn.sock.truncated


def test_cut_response_has_no_close_notify(secure, place):
    """A body that lasts until the close, of a server that died: only TLS can tell that it is not complete."""
    origin = Origin(lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" +
                    (b"0\r\n\r\n" if request.target == "/whole" else b"500\r\nwor"))
    server = secure(place, "--config", written(place, 'route "/" { upstream cutting }\nupstream cutting { server "%s"; read-timeout 1 }\n' % origin.name))
    for path, truncated in (("/whole", False), ("/cut", True)):
        with server.connect() as conn:
            conn.send("GET %s HTTP/1.0\r\nHost: test\r\n\r\n" % path)
            assert conn.response().body.startswith(b"hello")
            assert conn.sock.truncated == truncated, path


def test_client_ends_its_output(secure, files):
    """After close_notify and FIN of the client its response still arrives."""
    server = secure(files)
    with server.connect() as conn:
        conn.send(request("/large"))
        conn.send_eof()
        assert conn.response().body == content(files, "large")
        conn.assert_closed()
        assert not conn.sock.truncated
    with server.connect() as conn:
        conn.get("/small")
        conn.send_eof()
        conn.assert_closed()
        assert not conn.sock.truncated


def test_client_closes_without_close_notify(secure, files):
    server = secure(files)
    conn = server.connect()
    conn.send(request("/large"))
    conn.take(100)
    conn.sock.raw.close()
    conn = server.connect()
    conn.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nab")
    conn.sock.raw.close()
    assert server.get("/small").body == content(files, "small")


def test_client_that_does_not_read(secure, files):
    server = secure(files, "--send-timeout", "0.5")
    conn = server.connect(receive_buffer=4096)
    conn.send(request("/large") * 3)
    time.sleep(2)
    with pytest.raises((Closed, OSError, ssl.SSLError)):
        for _ in range(3):
            conn.response()
    conn.close()


def test_keys_stay_in_the_server(place, root, tux, pair):
    """No CGI program has the key's file, and nobody can read the memory of the server or make it dump core."""
    script(place, "fds", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nls -l /proc/self/fd /proc/$PPID/fd 2>/dev/null\nenv\n")
    server = tux(root, *pair.options, "--config", written(place, 'cgi scripts { root "%s/cgi" }\nroute "/cgi-bin/" { cgi scripts }\n' % place),
                 tls=tls.trusting(pair))
    told = server.get("/cgi-bin/fds").body.decode()
    assert pair.key not in told and os.path.basename(pair.key) not in told and "PRIVATE" not in told
    for pid in [server.pid, *children(server.pid)]:
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                assert os.readlink("/proc/%d/fd/%s" % (pid, fd)) not in (pair.key, pair.certificate)
            except FileNotFoundError:  # closed meanwhile
                pass
    if os.geteuid() == 0:
        assert os.stat("/proc/%d/mem" % server.pid).st_uid == 0 and int(server.status("Uid").split()[0]) != 0
        assert re.search("^0+$", server.status("CapEff"))


@pytest.mark.parametrize("held", ["on", "off"])
def test_key_is_nowhere_but_where_it_signs(place, root, tux, pair, held):
    """Neither the supervisor nor the processes that start programs have the key in memory; nor has the server, if a process holds the keys."""
    if os.geteuid() != 0:
        pytest.skip("only root can read the memory of the processes")
    script(place, "true", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n")
    server = tux(root, *pair.options, "--config", written(place, 'cgi scripts { root "%s/cgi" }\nroute "/cgi-bin/" { cgi scripts }\n' % place),
                 "--key-process", held, tls=tls.trusting(pair))
    assert server.get("/cgi-bin/true").status == 200
    if int(server.status("VmSize").split()[0]) > 1 << 30:
        pytest.skip("a sanitizer maps terabytes")
    text = tls.openssl("pkey", "-in", pair.key, "-text", "-noout")
    secret = bytes.fromhex("".join(re.search(r"priv:\n((?:    .*\n)+)", text).group(1).split()).replace(":", ""))[-32:]
    pem = content("", pair.key)[100:160]
    everyone = {server.process.pid: "supervisor"}
    for pid in list(everyone):
        everyone.update(children(pid))
    for pid in list(everyone):
        everyone.update(children(pid))
    found = {name for pid, name in everyone.items() if any(part in memory_of(pid) for part in (secret, secret[::-1], pem))}
    assert found == {"tux" if held == "off" else "tux keys"}, found
    assert not any(pem in memory_of(pid) for pid in everyone)


def memory_of(pid):
    """Returns the writable memory of a process; nothing of one that has ended."""
    parts = []
    try:
        maps, memory = open("/proc/%d/maps" % pid, encoding="utf-8"), open("/proc/%d/mem" % pid, "rb", 0)
    except (FileNotFoundError, ProcessLookupError):
        return b""
    with maps, memory, contextlib.suppress(ProcessLookupError):
        for line in maps:
            if " rw" not in line or "[v" in line:
                continue
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            try:
                memory.seek(start)
                parts.append(memory.read(end - start))
            except OSError:
                pass
    return b"".join(parts)


def resumes(server, context, session):
    with server.connect(tls=context, session=session) as conn:
        assert conn.get("/file").body == b"data"
        return conn.sock.ssl.session_reused


def first_session(server, context):
    with server.connect(tls=context) as conn:
        assert conn.get("/file").body == b"data" and not conn.sock.ssl.session_reused
        return conn.sock.ssl.session


@pytest.mark.parametrize("version", [V12, V13])
def test_log_has_the_facts_of_the_handshake(secure, pair, root, place, version):
    """Like $ssl_protocol, $ssl_cipher, $ssl_server_name and $ssl_session_reused of nginx."""
    log = os.path.join(place, "access.json")
    context = tls.trusting(pair, version=version)
    server = secure(root, "--log-format", "json", "--threads", "1", "--listen", "http://127.0.0.1:%d" % (plain := free_port()), context=context, log=log)
    session = first_session(server, context)
    assert resumes(server, context, session)
    nameless = tls.trusting(pair, version=version)
    nameless.check_hostname = False
    with server.connect(tls=nameless, name=None) as conn:
        assert conn.get("/file").status == 200
    with client.Connection(("127.0.0.1", plain)) as conn:
        assert conn.get("/two").status == 404
    server.end()
    with open(log, encoding="ascii") as file:
        lines = [json.loads(line) for line in file]
    protocol, cipher = {V12: ("TLSv1.2", "ECDHE-ECDSA-AES"), V13: ("TLSv1.3", "TLS_AES_")}[version]
    assert [(line["tls"], line["tls_name"], line["tls_resumed"]) for line in lines[-4:-1]] == [
        (protocol, "test", False), (protocol, "test", True), (protocol, "", False)]
    assert all(line["tls_cipher"].startswith(cipher) for line in lines[-4:-1]) and "tls" not in lines[-1]


def is_replaced(server, before):
    """True if another process than before serves."""
    return any(name == "tux" and pid != before for pid, name in children(server.process.pid).items()) and server.answers()


@pytest.mark.parametrize("version", [V12, V13])
def test_resumption(secure, root, pair, version):
    """RFC 8446 2.2: a ticket saves the certificate and its signature, on every thread, in the next server process, and after a crash."""
    server = secure(root, "--threads", "2")
    context = tls.trusting(pair, version=version)
    session = first_session(server, context)
    assert all(resumes(server, context, session) for _ in range(8))
    for end in (lambda: server.signal(signal.SIGHUP), lambda: os.kill(server.pid, signal.SIGKILL)):
        before = server.pid
        end()
        server.wait_until(lambda before=before: is_replaced(server, before), "another process serves")
        assert resumes(server, context, session)


def test_tickets_of_another_server_are_not_taken(secure, root, pair):
    """A full handshake follows, without an error."""
    context = tls.trusting(pair)
    session = first_session(secure(root), context)
    other = secure(root)
    assert not resumes(other, context, session) and other.get("/file").body == b"data"


def test_resumed_connection_is_for_the_name_of_its_own_handshake(hosts):
    """A ticket is good with the certificates that it was made with. With others a full handshake follows."""
    server, _ = hosts
    with server.connect(name="a.test") as conn:
        assert conn.get("/file", host="a.test").body == b"a"
        session = conn.sock.ssl.session
    for name, other in (("a", "b"), ("b", "a")):
        with server.connect(name=name + ".test", session=session) as conn:
            assert conn.sock.ssl.session_reused == (name == "a")
            assert conn.get("/file", host=name + ".test").body == name.encode()
            assert conn.get("/file", host=other + ".test").status == 421


@pytest.mark.parametrize("held", ["on", "off"])
def test_reload_takes_new_certificates(place, root, tux, held):
    """SIGHUP reads the files again; connections stay, and no request fails under load."""
    authority = tls.make(place, "authority", "authority")
    mine = tls.make_signed(place, "mine", authority, "test")
    server = tux(root, "--config", written(place, 'log off\nkey-process %s\nroot "%s"\n%s\n' % (held, root, mine.block)), tls=tls.trusting(authority))
    server.wait_until(lambda: "is in force" in server.output, "the start is told")
    idle = server.connect()
    idle.get("/file")
    with Load(server, clients=3) as load:
        for number in range(20):
            new = tls.make_signed(place, "new-%d" % number, authority, "test")
            mine.replace(new)
            wanted = mine.der
            before = server.output.count("is in force")
            server.signal(signal.SIGHUP)
            server.wait_until(lambda before=before: server.output.count("is in force") > before, "it reloads")
            with server.connect() as conn:
                assert conn.sock.ssl.getpeercert(True) == wanted
    load.check(b"data")
    assert idle.get("/file").body == b"data"


def test_reload_with_a_bad_certificate_keeps_the_old_one(place, root, tux):
    mine = tls.make(place, "mine", "test")
    server = tux(root, "--config", written(place, 'log off\nroot "%s"\n%s\n' % (root, mine.block)), tls=tls.trusting(mine))
    with open(mine.key, "w", encoding="ascii") as file:
        file.write("no key")
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "stays in force" in server.output, "it says so")
    assert 'key "%s": no private key in PEM' % mine.key in server.output
    assert server.get("/file").body == b"data"


def is_served(server):
    """True if a new connection has the scheme of the server that the test expects. Until the former process gets its order to stop, it accepts too."""
    try:
        return server.get("/file").body == b"data"
    except (ssl.SSLError, Closed, ConnectionError):
        return False


def test_listener_changes_between_http_and_https(place, root, tux, pair):
    """The socket stays; idle plain connections are not passed to the process that expects TLS."""
    port = free_port()
    path = written(place, 'log off\nlisten "127.0.0.1:%d"\nroot "%s"\n%s\n' % (port, root, pair.block))
    server = tux(root, "--config", path, listen=False, port=port)
    for scheme, context in (("https://", tls.trusting(pair)), ("http://", None), ("https://", tls.trusting(pair))):
        idle = server.connect()
        assert idle.get("/file").body == b"data"
        written(place, 'log off\nlisten "%s127.0.0.1:%d"\nroot "%s"\n%s\n' % (scheme, port, root, pair.block))
        before = server.output.count("is in force")
        server.signal(signal.SIGHUP)
        server.wait_until(lambda: server.output.count("is in force") > before, "it reloads")
        server.tls = context
        server.wait_until(lambda: is_served(server), "the process before it accepts no more")
        assert idle.get("/file").body == b"data"
        idle.close()


def test_both_schemes_beside_each_other(place, root, tux, pair):
    plain = free_port()
    server = tux(root, *pair.options, "--listen", "http://127.0.0.1:%d" % plain, tls=tls.trusting(pair))
    assert server.get("/file").body == b"data"
    with client.Connection(("127.0.0.1", plain)) as conn:
        assert conn.get("/file").body == b"data"
    assert "https://127.0.0.1:%d/" % server.port in server.output and "  http://127.0.0.1:%d/" % plain in server.output
    assert re.search("^tls: OpenSSL 3", server.output, re.M)


def test_default_addresses_with_a_certificate(root, tux, pair):
    port = free_port()
    server = tux(root, *pair.options, "--port", str(port), listen=False, port=port, tls=tls.trusting(pair))
    assert server.get("/file").body == b"data"
    assert "https://127.0.0.1:%d/" % port in server.output


def test_kernel_that_cannot_encrypt(root, tux, pair, program):  # noqa: F811
    """The start says why, and with tls-kernel on it fails."""
    server = tux(root, *pair.options, "--tls-kernel", "off", tls=tls.trusting(pair))
    assert "not in the kernel: tls-kernel is off" in server.output and server.get("/file").body == b"data"
    done = subprocess.Popen([program, "serve", root, *pair.options, "--listen", "https://127.0.0.1:0", "--tls-kernel", "on"], stderr=subprocess.PIPE, text=True)
    first = done.stderr.readline()
    if "serving" in first:
        done.terminate()
    else:
        assert "tux: tls-kernel: the kernel cannot encrypt for TLS: " in first
    done.communicate(timeout=30)
