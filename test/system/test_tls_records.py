# SPDX-License-Identifier: GPL-2.0-or-later
"""
TLS records that no library sends: of every size, of other types, empty, oversized, unprotected; alerts and messages in each state; handshakes
that are cut at each byte. A client seals records of TLS 1.3 itself (RFC 8446 5.2), and OpenSSL reads what the server says.
"""
import ctypes
import ctypes.util
import fcntl
import functools
import hashlib
import hmac
import os
import socket
import ssl
import subprocess
import sys
import termios
import time

import pytest

import tls
from client import Closed, request
from tools import need

from test_tls import V12, V13, content, everything, files, pair, raw, secure  # noqa: F401 (fixtures)

ALERT, HANDSHAKE, DATA, CHANGE_CIPHER = 21, 22, 23, 20
MOST = 16384  # bytes of a record's content
KEY_UPDATE = b"\x18\0\0\x01"


@functools.lru_cache
def library():
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm", "EVP_aes_256_gcm"):
        getattr(crypto, name).restype = ctypes.c_void_p
    return crypto


def gcm(key, nonce, header, plain):
    """AES-GCM of libcrypto: returns the ciphertext and its tag."""
    crypto = library()
    cipher = ctypes.c_void_p(crypto.EVP_aes_128_gcm() if len(key) == 16 else crypto.EVP_aes_256_gcm())
    context, done, out, tag = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new()), ctypes.c_int(), ctypes.create_string_buffer(len(plain) + 16), ctypes.create_string_buffer(16)
    good = crypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce)
    good &= crypto.EVP_EncryptUpdate(context, None, ctypes.byref(done), header, len(header))
    good &= crypto.EVP_EncryptUpdate(context, out, ctypes.byref(done), plain, len(plain))
    good &= crypto.EVP_EncryptFinal_ex(context, ctypes.byref(ctypes.c_char.from_buffer(out, len(plain))), ctypes.byref(done))
    good &= crypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag)  # EVP_CTRL_AEAD_GET_TAG
    crypto.EVP_CIPHER_CTX_free(context)
    assert good == 1
    return out.raw[:len(plain)] + tag.raw


class Sealer:
    """A connection whose client seals its own records."""

    def __init__(self, server, pair, place, **options):  # noqa: F811
        log = os.path.join(place, "secrets-%d" % len(os.listdir(place)))
        context = tls.trusting(pair, version=V13)
        context.keylog_filename = log
        self.conn = server.connect(tls=context, **options)
        cipher = self.conn.sock.ssl.cipher()[0]
        self.hash, self.key_bytes = (hashlib.sha384, 32) if "AES_256" in cipher else (hashlib.sha256, 16)
        with open(log, encoding="ascii") as file:
            self.secret = bytes.fromhex([line.split()[2] for line in file if line.startswith("CLIENT_TRAFFIC_SECRET_0")][-1])
        self.derive()

    def expand(self, label, size):
        """HKDF-Expand-Label (RFC 8446 7.1), of one block."""
        label = b"tls13 " + label
        info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0\x01"
        return hmac.new(self.secret, info, self.hash).digest()[:size]

    def derive(self):
        self.key, self.iv, self.sequence = self.expand(b"key", self.key_bytes), self.expand(b"iv", 12), 0

    def next_key(self):
        self.secret = self.expand(b"traffic upd", self.hash().digest_size)
        self.derive()

    def seal(self, inner):
        """Returns a record with these bytes of content, type and padding."""
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = bytes(a ^ b for a, b in zip(self.iv, self.sequence.to_bytes(12, "big")))
        self.sequence += 1
        return header + gcm(self.key, nonce, header, inner)

    def send(self, data, kind=DATA, padding=0):
        self.plain(self.seal(data + bytes([kind]) + b"\0" * padding))

    def plain(self, data):
        try:
            self.conn.sock.raw.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def alert(self):
        """Returns OpenSSL's name of the alert that ends the connection; None: it ended without one."""
        try:
            while self.conn.sock.recv(1 << 16):
                pass
        except ssl.SSLError as error:
            return error.reason
        except ConnectionResetError:
            pass
        return None


@pytest.fixture
def sealed(secure, files, pair, place):  # noqa: F811
    """sealed(*options): a connection; sealed.server: its server."""
    server = secure(files)
    made = []

    def start(**options):
        made.append(Sealer(server, pair, place, **options))
        return made[-1]
    start.server = server
    yield start
    for one in made:
        one.conn.close()
    assert server.get("/small").body == content(files, "small"), "others are served"


def test_padding_of_every_size(sealed, files):  # noqa: F811
    """RFC 8446 5.4: up to 2^14 bytes of content and padding, before the type is counted."""
    one = sealed()
    line = request("/small")
    for size in (len(line), len(line) + 1, 255, 256, 257, 1000, 4095, 4096, 4097, 8191, 8192, 12345, MOST - 1, MOST):
        one.send(line, padding=size - len(line))
        assert one.conn.response().body == content(files, "small"), size


def test_split_at_every_byte(sealed, files):  # noqa: F811
    """A request in two records, the second one with the next request's beginning; and each byte in a record of its own, among empty ones."""
    one = sealed()
    line = request("/small")
    for at in range(1, len(line)):
        one.send(line[:at])
        one.send(line[at:])
    for _ in range(1, len(line)):
        assert one.conn.response().body == content(files, "small")
    for number, octet in enumerate(line):
        if number % 5 == 0:
            one.send(b"", padding=number)
        one.send(bytes([octet]))
    assert one.conn.response().body == content(files, "small")


@pytest.mark.parametrize("size, what", [(MOST + 1, "content"), (MOST + 200, "content"), (MOST + 300, "record"), (65535 - 17, "record")])
def test_oversized_records(sealed, size, what):
    """RFC 8446 5.2: record_overflow, before the record has arrived if its header says so."""
    one = sealed()
    whole = one.seal(b"G" * size + bytes([DATA]))
    one.plain(whole if what == "content" else whole[:5])
    assert one.alert() == "TLSV1_ALERT_RECORD_OVERFLOW"


@pytest.mark.parametrize("count, served", [(20, True), (1000, False)])
def test_empty_records(sealed, files, count, served):  # noqa: F811
    """A client cannot keep a thread busy with records that say nothing."""
    one = sealed()
    one.plain(b"".join(one.seal(bytes([DATA])) for _ in range(count)))
    one.send(request("/small"))
    if served:
        assert one.conn.response().body == content(files, "small")
    else:
        with pytest.raises((Closed, ConnectionError, ssl.SSLError)):
            one.conn.response()


HELLO = b"\x01\0\0\x04\x03\x03\0\0"


@pytest.mark.parametrize("kind, data, alert", [
    (0, b"", "UNEXPECTED_MESSAGE"),                       # zeros alone: no type
    (99, b"data", "UNEXPECTED_MESSAGE"),
    (CHANGE_CIPHER, b"\x01", "UNEXPECTED_MESSAGE"),
    (ALERT, b"\x02", "DECODE_ERROR"),                     # a half
    (ALERT, b"\x01\x63", None),
    (HANDSHAKE, b"", "UNEXPECTED_MESSAGE"),
    (HANDSHAKE, HELLO, "UNEXPECTED_MESSAGE"),             # renegotiation
    (HANDSHAKE, b"\0\0\0\0", "UNEXPECTED_MESSAGE"),       # HelloRequest
    (HANDSHAKE, b"\x04\0\0\x01\0", "UNEXPECTED_MESSAGE"), # NewSessionTicket
    (HANDSHAKE, b"\x0b\0\0\x04\0\0\0\0", "UNEXPECTED_MESSAGE"), # a certificate that nobody wants
    (HANDSHAKE, b"\x14\0\0\x20" + b"f" * 32, "UNEXPECTED_MESSAGE"), # a second Finished
    (HANDSHAKE, KEY_UPDATE + b"\x02", "ILLEGAL_PARAMETER"),
    (HANDSHAKE, b"\x18\0\0\x02\0\0", "DECODE_ERROR"),
    (HANDSHAKE, b"\x18\xff\xff\xff\0", "ILLEGAL_PARAMETER"),
])
def test_messages_after_the_handshake(sealed, kind, data, alert):
    """RFC 8446 4, 5.1, 6: unexpected_message and its like, and the connection ends. OpenSSL chooses among alerts of one meaning."""
    one = sealed()
    one.send(data, kind)
    seen = one.alert()
    assert seen is not None or alert is None, seen
    assert seen is None or seen.split("ALERT_")[1] in (alert, "UNEXPECTED_MESSAGE", "DECODE_ERROR", "ILLEGAL_PARAMETER"), seen


def waiting(sock):
    """Returns the bytes that a socket has received."""
    return int.from_bytes(fcntl.ioctl(sock, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize("ends", [False, True])
def test_alert_after_a_response_under_way(sealed, ends):
    """RFC 8446 6.2: the client gets the alert after the records that the server was sending, also if it has ended its own output."""
    one = sealed(receive_buffer=4096)
    one.send(request("/large"))
    before = -1
    while before != waiting(one.conn.sock.raw) or before == 0:  # until the server waits for room
        before = waiting(one.conn.sock.raw)
        time.sleep(0.3)
    one.send(b"data", 99)
    if ends:
        one.conn.sock.raw.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    assert one.alert() in ("SSLV3_ALERT_UNEXPECTED_MESSAGE", "TLSV1_ALERT_DECODE_ERROR")


@pytest.fixture(scope="module")
def full_socket(tmp_path_factory):
    """The environment of a program whose sockets have no room at the moment when it says the end."""
    directory = tmp_path_factory.mktemp("shim")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "full_socket.c")
    subprocess.run([need("cc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(directory / "full_socket.so"), source, "-ldl"], check=True)
    os.chmod(directory, 0o755)
    asan = (os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0").lstrip(":")
    return {"LD_PRELOAD": str(directory / "full_socket.so"), "ASAN_OPTIONS": asan}


@pytest.mark.parametrize("end", ["response", "client", "pipelined", "silence", "alert"])
@pytest.mark.parametrize("version", [V12, V13])
def test_alert_without_room_is_not_lost(secure, files, pair, full_socket, end, version):  # noqa: F811
    """RFC 8446 6.1: without close_notify a complete response seems to be cut off; test/vm/inside/test_ktls.py has the same for kTLS."""
    server = secure(files, "--idle-timeout", "1" if end == "silence" else "60", env=full_socket, context=tls.trusting(pair, version=version))
    with server.connect() as conn:
        if end == "pipelined":  # the server discards what follows, after its own end
            conn.send(request("/large", "Connection: close") + request("/small"))
        else:
            conn.send(request("/large", *["Connection: close"] * (end == "response")))
        assert conn.response().body == content(files, "large")
        if end == "client":
            conn.send_eof()
        if end == "alert":
            conn.sock.raw.sendall(b"\x17\x03\x03\0\x40" + b"x" * 0x40)
            with pytest.raises(ssl.SSLError, match="(?i)bad.record.mac"):
                conn.sock.recv(1)
        else:
            conn.assert_closed()
            assert not conn.sock.truncated
    assert server.get("/small").body == content(files, "small")


def test_message_between_parts_of_another_one(sealed):
    """RFC 8446 5.1: no other record comes between the records of a message."""
    one = sealed()
    one.send(KEY_UPDATE[:2], HANDSHAKE)
    one.send(request("/small"))
    assert one.alert() is not None


def test_alerts_of_the_client(sealed, files):  # noqa: F811
    """RFC 8446 6.1: close_notify ends what the client sends; a fatal alert ends the connection, and the response under way."""
    one = sealed()
    one.send(request("/small"))
    one.send(b"\x01\0", ALERT)
    one.send(request("/small"))
    assert one.conn.response().body == content(files, "small")
    one.conn.assert_closed()
    for number in (0x0a, 0x28, 0x50, 0xff):
        one = sealed()
        one.send(b"\x02" + bytes([number]), ALERT)
        one.send(request("/small"))
        with pytest.raises((Closed, ConnectionError, ssl.SSLError)):
            one.conn.response()


def test_new_keys_of_the_client(sealed, files):  # noqa: F811
    """RFC 8446 4.6.3. After it a record under the previous key is none."""
    one = sealed()
    for _ in range(20):
        one.send(KEY_UPDATE + b"\0", HANDSHAKE)
        one.next_key()
        one.send(request("/small"))
        assert one.conn.response().body == content(files, "small")
    one.send(KEY_UPDATE + b"\0", HANDSHAKE)
    one.send(request("/small"))
    assert one.alert() == "SSLV3_ALERT_BAD_RECORD_MAC"


@pytest.mark.parametrize("asked", [b"\0", b"\1"])
def test_too_many_new_keys(sealed, asked):
    """One takes the server as long as several requests, and the client 27 bytes. So the connection ends, with close_notify."""
    one, flood = sealed(), b""
    for _ in range(40):
        flood += one.seal(KEY_UPDATE + asked + bytes([HANDSHAKE]))
        one.next_key()
    one.plain(flood)
    one.send(request("/small"))
    one.conn.assert_closed()
    assert not one.conn.sock.truncated


@pytest.mark.parametrize("data", [
    b"\x17\x03\x03\0\x40" + request("/small"),       # without protection
    b"\x17\x03\x03\0\x10" + b"x" * 16,               # a tag alone
    b"\x17\x03\x03\0\0", b"\x16\x03\x03\0\x05\x18\0\0\x01\0", b"\x15\x03\x03\0\x02\x02\x28", b"\x15\x03\x03\0\x02\x01\0", b"\x14\x03\x03\0\x01\x01" * 100,
    b"\x14\x03\x03\0\x02\x01\x01", b"\x18\x03\x03\0\x03\x01\xff\xff", b"\x00\x03\x03\0\x01\0", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x03\x01"])
def test_unprotected_records_after_the_handshake(sealed, data):
    """An attacker in the network can send them, but does nothing with them except end the connection."""
    one = sealed()
    one.plain(data)
    one.send(request("/small"))
    with pytest.raises((Closed, ConnectionError, ssl.SSLError)):
        one.conn.response()


def flights(server, context):
    """Does a handshake; returns its connection before the last flight of the client, and that flight."""
    sock = raw(server)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = context.wrap_bio(incoming, outgoing, server_hostname="test")
    greeted = False
    while True:
        try:
            side.do_handshake()
            break
        except ssl.SSLWantReadError:
            if greeted and outgoing.pending:
                break  # with TLS 1.2 the server's Finished comes after it
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(1 << 16))
            greeted = True
    return sock, outgoing.read()


@pytest.mark.parametrize("version", [V12, V13])
def test_handshake_cut_at_each_byte(secure, root, pair, version):  # noqa: F811
    """Of the first and of the last flight: half of the connections are closed by the client, half are reset."""
    server = secure(root, "--head-timeout", "60")
    context = tls.trusting(pair, version=version)
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="test").do_handshake()
    hello, pid = outgoing.read(), server.pid
    ends = [(raw(server), hello[:at]) for at in range(1, len(hello), 2)]
    whole = len(flights(server, context)[1])
    for at in range(0, whole, 2):
        sock, last = flights(server, context)
        ends.append((sock, last[:at]))
        if len(ends) > 200:
            finish(ends)
    finish(ends)
    assert server.get("/file").body == b"data" and server.pid == pid


def finish(ends):
    """Sends the rest, and ends the connections."""
    for number, (sock, data) in enumerate(ends):
        sock.sendall(data)
        if number % 2 == 0:
            sock.shutdown(socket.SHUT_WR)
            assert b"HTTP" not in everything(sock)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    ends.clear()


@pytest.mark.parametrize("level, number", [(1, 0), (1, 90), (2, 40), (2, 0), (3, 3)])
@pytest.mark.parametrize("state", ["first", "after hello"])
def test_alerts_before_the_handshake_ends(secure, root, pair, level, number, state):  # noqa: F811
    """The connection ends. A warning alone keeps it open for no longer than the time limit."""
    server = secure(root, "--head-timeout", "2")
    with raw(server) as sock:
        if state == "after hello":
            outgoing = ssl.MemoryBIO()
            with pytest.raises(ssl.SSLWantReadError):
                tls.trusting(pair).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="test").do_handshake()
            sock.sendall(outgoing.read())
            assert sock.recv(1 << 16)[:1] == b"\x16"
        sock.sendall(b"\x15\x03\x03\0\x02" + bytes([level, number]))
        assert b"HTTP" not in everything(sock)
    assert server.get("/file").body == b"data"
