# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificate authorities for tests: Debian's pebble, and scripts in the place of uacme. TUX sees them in a mount namespace of its own."""
import base64
import hashlib
import json
import os
import shlex
import socket
import ssl
import urllib.request

import tls
from process import Process
from tools import free_port, need

NAME = "a.example.org"
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"  # libcurl's authorities in Debian
SHARED = "/usr/share/uacme"                    # uacme can read it in its sandbox


def wrapper(**mounts):
    """A command that runs another one with other files in the place of the system's: path=file."""
    need("uacme")
    binds = " && ".join("mount --bind %s %s" % (shlex.quote(file), path) for path, file in mounts.items())
    return (need("unshare"), "-m", "sh", "-c", binds + ' && exec "$@"', "sh")


class Authority:
    """plain, secure: ports at which it asks for challenges, without and with TLS. options: of TUX. wrapper: command before TUX."""

    def __init__(self):
        self.plain, self.secure = free_port(), free_port()

    def end(self):
        pass


class Pebble(Authority):
    """pebble, which finds every name at 127.0.0.1. Settings are members of its configuration, and environment variables in capitals."""

    def __init__(self, place, **settings):
        super().__init__()
        os.chmod(place, 0o755)
        self.place = place
        self.port, self.management, self.names_port, dns = free_port(), free_port(), free_port(), free_port()
        self.pair = tls.make(place, "pebble", "localhost", "127.0.0.1")
        conf = {"listenAddress": "127.0.0.1:%d" % self.port, "managementListenAddress": "127.0.0.1:%d" % self.management,
                "certificate": self.pair.certificate, "privateKey": self.pair.key, "httpPort": self.plain, "tlsPort": self.secure,
                "ocspResponderURL": "", "externalAccountBindingRequired": False, **{key: settings[key] for key in settings if not key.isupper()}}
        path = os.path.join(place, "pebble.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"pebble": conf}, file)
        self.names = Process([need("pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", "127.0.0.1:%d" % dns, "-http01", "",
                              "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:%d" % self.names_port], os.path.join(place, "names.out"))
        self.server = Process([need("pebble"), "-config", path, "-dnsserver", "127.0.0.1:%d" % dns], os.path.join(place, "pebble.out"),
                              env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_VA_ALWAYS_VALID": "0",
                                   **{key: settings[key] for key in settings if key.isupper()}})
        self.names.start()
        self.directory = "https://127.0.0.1:%d/dir" % self.port
        self.folder = "127.0.0.1:%d_dir" % self.port
        self.options = ["--acme-directory", self.directory, "--acme-retry", "1"]
        self.wrapper = wrapper(**{SYSTEM: self.pair.certificate})

    def start(self):
        """Starts it, again if it has ended: then it knows neither accounts nor certificates."""
        self.server.start()
        self.server.wait_until(lambda: self._listens(self.port) and self._listens(self.management), "pebble listens")
        self.names.wait_until(lambda: self._listens(self.names_port), "the server of names listens")
        return self

    @staticmethod
    def _listens(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    def ask(self, path):
        context = tls.ssl.create_default_context(cafile=self.pair.certificate)
        with urllib.request.urlopen("https://127.0.0.1:%d%s" % (self.management, path), context=context) as answer:
            return answer.read()

    def find_names_at(self, address):
        """Lets it find every name at another address."""
        data = json.dumps({"ip": address}).encode()
        with urllib.request.urlopen("http://127.0.0.1:%d/set-default-ipv4" % self.names_port, data=data):
            pass

    def trusting(self):
        """A client's context that trusts certificates of this authority."""
        path = os.path.join(self.place, "root.pem")
        with open(path, "wb") as file:
            file.write(self.ask("/roots/0"))
        return tls.trusting(tls.Pair(path, None))

    def end(self):
        for process in (self.server, self.names):
            if process.process:
                process.kill()


FAKE = r"""#!/bin/sh
# In the place of uacme: it has the arguments of uacme. It can change files in the current directory only; $D is the test's.
D=%s
while [ $# -gt 0 ]; do case $1 in -h) hook=$2 ;; new | issue) command=$1 ;; esac; shift; done
sign() {
	openssl x509 -req -in request.pem -CA "$D/ca.pem" -CAkey "$D/ca.key" -set_serial 2 -copy_extensions copy -days 60 -out request-cert.pem 2>/dev/null
}
base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}
part() {
	openssl pkey -in private/key.pem -pubout -outform DER | tail -c "$1" | head -c 32 | base64url
}
authorization() { # TOKEN: of the key of the account (RFC 8555 8.1, RFC 7638)
	echo "$1.$(printf '{"crv":"P-256","kty":"EC","x":"%%s","y":"%%s"}' "$(part 64)" "$(part 32)" | openssl dgst -sha256 -binary | base64url)"
}
digest() {
	printf '%%s' "$(authorization "$1")" | openssl dgst -sha256 -binary | base64url
}
pause() {
	: >"paused-$1"
	while [ ! -e "$D/go" ]; do sleep 0.05; done
}
[ "$command" = issue ] || exit 0
%s
"""


def authorization(state, token):
    """Returns the key authorization of the account at a Fake."""
    def base64url(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    path = os.path.join(state, "accounts", "fake.example_dir", "private", "key.pem")
    numbers = ssl.PEM_cert_to_DER_cert(tls.openssl("pkey", "-in", path, "-pubout").replace("PUBLIC KEY", "CERTIFICATE"))[-64:]
    jwk = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (base64url(numbers[:32]), base64url(numbers[32:]))
    return token + "." + base64url(hashlib.sha256(jwk.encode()).digest())


class Fake(Authority):
    """A script in the place of uacme. It signs requests with the key of an authority, and can have any fault. body: commands of `issue`."""

    def __init__(self, place, body="sign"):
        super().__init__()
        self.place = os.path.join(place, "fake")
        os.mkdir(self.place)
        os.chmod(self.place, 0o777)
        self.pair = tls.make(self.place, "ca", "ca.example", extra=("-addext", "basicConstraints=critical,CA:TRUE"))
        os.chmod(self.pair.key, 0o644)
        self.script = os.path.join(self.place, "uacme")
        self.write(body)
        self.folder = "fake.example_dir"
        self.options = ["--acme-directory", "https://fake.example/dir", "--acme-retry", "1"]
        self.wrapper = wrapper(**{SHARED: self.place, "/usr/bin/uacme": self.script})

    def write(self, body):
        """Gives the script, which stays the same file, other commands."""
        with open(self.script, "w", encoding="ascii") as file:
            file.write(FAKE % (SHARED, body))
        os.chmod(self.script, 0o755)

    def go(self):
        with open(os.path.join(self.place, "go"), "wb"):
            pass

    def trusting(self):
        return tls.trusting(self.pair)
