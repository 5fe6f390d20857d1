# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS for tests: certificates made by openssl(1), and a socket over TLS that can end its output without closing."""
import os
import socket
import ssl
import subprocess
import time

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["-newkey", "rsa:2048"]
ED25519 = ["-newkey", "ed25519"]
IGNORE_UNEXPECTED_EOF = 1 << 7  # OpenSSL's SSL_OP_IGNORE_UNEXPECTED_EOF, which Python sets and names from 3.12 on


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def alternatives(names):
    """The extension that lists the names of a certificate."""
    return "subjectAltName=" + ",".join(("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names)


class Pair:
    """A certificate and its key, in files."""

    def __init__(self, certificate, key):
        self.certificate = certificate
        self.key = key

    @property
    def options(self):
        """Options of TUX."""
        return ["--certificate", self.certificate, "--key", self.key]

    @property
    def block(self):
        """Block of a configuration."""
        return 'tls { certificate "%s"; key "%s" }' % (self.certificate, self.key)

    @property
    def der(self):
        """The certificate as getpeercert(True) returns it."""
        with open(self.certificate, encoding="ascii") as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def replace(self, by):
        """Renames the files of another pair, as ACME clients do."""
        os.replace(by.key, self.key)
        os.replace(by.certificate, self.certificate)


def make(directory, name, *names, kind=CURVE, days=30, extra=()):
    """Makes a certificate that signs itself, for names; returns its Pair."""
    pair = Pair(os.path.join(directory, name + ".pem"), os.path.join(directory, name + ".key"))
    openssl("req", "-x509", *kind, "-nodes", "-keyout", pair.key, "-out", pair.certificate, "-days", str(days),
            "-subj", "/CN=" + (names[0] if names else name), "-addext", alternatives(names or [name]), *extra)
    os.chmod(pair.key, 0o600)
    return pair


def make_signed(directory, name, issuer, *names, authority=False):
    """Makes a certificate that the Pair issuer signs. Its file has only that certificate."""
    pair = Pair(os.path.join(directory, name + ".pem"), os.path.join(directory, name + ".key"))
    request, extensions = pair.certificate + ".csr", pair.certificate + ".ext"
    openssl("req", "-new", *CURVE, "-nodes", "-keyout", pair.key, "-out", request, "-subj", "/CN=" + name)
    with open(extensions, "w", encoding="ascii") as file:
        file.write("basicConstraints=critical,CA:%s\n" % ("TRUE" if authority else "FALSE"))
        if names:
            file.write(alternatives(names) + "\n")
    openssl("x509", "-req", "-in", request, "-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial", "-days", "30",
            "-out", pair.certificate, "-extfile", extensions)
    return pair


def make_short(directory, name, issuer, seconds):
    """Makes a certificate that the Pair issuer signs, and that expires soon."""
    pair = Pair(os.path.join(directory, name + ".pem"), os.path.join(directory, name + ".key"))
    request, settings, index = pair.certificate + ".csr", pair.certificate + ".conf", pair.certificate + ".index"
    openssl("req", "-new", *CURVE, "-nodes", "-keyout", pair.key, "-out", request, "-subj", "/CN=" + name)
    with open(index, "w", encoding="ascii"), open(settings, "w", encoding="ascii") as file:
        file.write("[ca]\ndefault_ca=c\n[c]\ndatabase=%s\nnew_certs_dir=%s\ndefault_md=sha256\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\n" % (index, directory))
    openssl("ca", "-batch", "-notext", "-config", settings, "-cert", issuer.certificate, "-keyfile", issuer.key, "-in", request, "-out", pair.certificate,
            "-enddate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds)))
    return pair


def respond(path, certificate, issuer, days=7, status="V"):
    """Writes an OCSP response of the Pair issuer about a certificate, as a whole, as `openssl ocsp` does for an administrator."""
    serial = openssl("x509", "-in", certificate, "-noout", "-serial").strip().split("=")[1]
    index, made = path + ".index", path + ".new"
    with open(index, "w", encoding="ascii") as file:
        file.write("%s\t400101000000Z\t%s\t%s\tunknown\t/CN=leaf\n" % (status, "250101000000Z" if status == "R" else "", serial))
    openssl("ocsp", "-index", index, "-CA", issuer.certificate, "-rsigner", issuer.certificate, "-rkey", issuer.key, "-issuer", issuer.certificate,
            "-cert", certificate, "-ndays", str(days), "-respout", made, "-noverify")
    os.chmod(made, 0o644)
    os.rename(made, path)


def trusting(*pairs, version=None, ciphers=None, protocols=("http/1.1",)):
    """A client's context that trusts these certificates only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~IGNORE_UNEXPECTED_EOF
    for pair in pairs:
        context.load_verify_locations(pair.certificate)
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class TlsSocket:
    """
    Like a socket, over TLS. ssl.SSLSocket cannot send close_notify and then go on to read. truncated: the server has closed without
    close_notify. name: host name for SNI and verification; None: neither.
    """

    def __init__(self, sock, context, name="test", session=None):
        self.raw = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        self.read_ahead = b""
        self.truncated = False
        self.do(self.ssl.do_handshake)

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.raw.sendall(data)

    def fill(self):
        data = self.raw.recv(1 << 18)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def do(self, call, *arguments):
        """Calls a function of the SSLObject until it needs no more input."""
        while True:
            try:
                result = call(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.fill()

    def sendall(self, data):
        for at in range(0, len(data), 1 << 16):
            part = data[at:at + (1 << 16)]
            while part:
                part = part[self.do(self.ssl.write, part):]

    def recv(self, count, flags=0):
        if not self.read_ahead:
            try:
                self.read_ahead = self.do(self.ssl.read, min(max(count, 1), 1 << 14))  # a record: for more, the library would only make room
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                if not isinstance(error, ssl.SSLEOFError) and error.reason != "UNEXPECTED_EOF_WHILE_READING":
                    raise
                self.truncated = True
                return b""
        data = self.read_ahead[:count]
        if not flags & socket.MSG_PEEK:
            self.read_ahead = self.read_ahead[count:]
        return data

    def drain(self):
        """Reads what has arrived. Returns False after the server's close_notify."""
        try:
            while data := self.ssl.read(1 << 16):
                self.read_ahead += data
            return False
        except ssl.SSLWantReadError:
            return True

    def shutdown(self, how):
        if how != socket.SHUT_RD:
            # OpenSSL takes tickets that it reads after its own close_notify for the end, so reads them before.
            while self.drain() and not (self.ssl.session and self.ssl.session.has_ticket):
                self.fill()
            try:
                self.ssl.unwrap()
            except ssl.SSLWantReadError:
                pass
            self.flush()
        self.raw.shutdown(how)

    def __getattr__(self, name):
        return getattr(self.raw, name)
