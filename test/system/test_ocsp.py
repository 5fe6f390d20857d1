# SPDX-License-Identifier: GPL-2.0-or-later
"""OCSP responses for certificates, which clients get in the handshake (RFC 6066 8)."""
import os
import re
import subprocess

import pytest

import tls

from test_config import check, program, written  # noqa: F401 (a fixture)

ROOT = 'root "%(place)s"\nlog off\n'


class Authority:
    """Signs a certificate, and responses about it."""

    def __init__(self, place, name="leaf"):
        self.pair = tls.make(place, "authority", "authority", extra=("-addext", "basicConstraints=critical,CA:TRUE"))
        self.leaf = tls.make_signed(place, name, self.pair, "test")
        self.alone = self.leaf.certificate + ".alone"
        os.rename(self.leaf.certificate, self.alone)
        with open(self.leaf.certificate, "w", encoding="ascii") as out:
            for path in (self.alone, self.pair.certificate):
                with open(path, encoding="ascii") as file:
                    out.write(file.read())
        self.path = os.path.join(place, "leaf.ocsp")

    def respond(self, **options):
        tls.respond(self.path, self.alone, self.pair, **options)


@pytest.fixture
def authority(place):
    return Authority(place)


@pytest.fixture
def served(tux, place):
    """served(blocks): TUX with these blocks tls."""
    def start(blocks, authority, **more):
        server = tux(place, "--config", written(place, 'log off\n' + blocks), tls=tls.trusting(authority.pair), ready=False, **more)
        server.wait_until(lambda: "sandbox: " in server.output, "it serves")
        return server
    return start


def block(authority):
    return 'tls { certificate "%s"; key "%s"; ocsp "%s" }\n' % (authority.leaf.certificate, authority.leaf.key, authority.path)


def stapled(server, *options):
    """Returns what a client says about the response."""
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % server.address, "-servername", "test", "-status", *options], input="",
                          capture_output=True, text=True, check=False, timeout=30)
    return done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_client_gets_the_response(served, authority, version):
    authority.respond()
    server = served(block(authority), authority)
    said = stapled(server, version, "-CAfile", authority.pair.certificate)
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said and "Verify return code: 0 (ok)" in said, said
    with server.connect() as conn:
        assert conn.get("/leaf.ocsp").status == 200  # a client that does not ask for it


def test_certificates_have_responses_of_their_own(served, place, authority):
    authority.respond()
    other = tls.make(place, "rsa", "test", kind=tls.RSA)
    server = served(block(authority) + other.block, authority)
    assert "Cert Status: good" in stapled(server, "-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256")
    assert "OCSP response: no response sent" in stapled(server, "-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256")


def test_changed_file_is_read_again(served, authority):
    authority.respond(days=7)
    server = served(block(authority), authority)
    before = re.search("Next Update: .*", stapled(server)).group()
    with server.connect() as conn:
        assert conn.get("/leaf.ocsp").status == 200
        authority.respond(days=9)
        server.wait_until(lambda: "leaf.ocsp: the OCSP response has changed; it is read again" in server.output, "the change is seen", 30)
        server.wait_until(lambda: re.search("Next Update: .*", stapled(server)).group() != before, "the other response", 30)
        assert conn.get("/leaf.ocsp").status == 200


@pytest.mark.parametrize("fault, words", [
    ("revoked", "the certificate is revoked"), ("garbage", "it is no successful OCSP response in DER"), ("missing", "No such file or directory")])
def test_unusable_response_is_told_and_not_sent(served, program, place, authority, fault, words):  # noqa: F811
    if fault == "revoked":
        authority.respond(status="R")
    elif fault == "garbage":
        with open(authority.path, "w", encoding="ascii") as file:
            file.write("garbage")
    done = check(program, written(place, ROOT % {"place": place} + block(authority) + 'listen "https://127.0.0.1:1"\n'))
    assert done.returncode != 0 and 'ocsp "%s": %s' % (authority.path, words) in done.stderr and ":3: " in done.stderr, done.stderr
    server = served(block(authority), authority)
    assert 'tux: warning: ocsp "%s": %s, so clients do not get it' % (authority.path, words) in server.output
    assert "OCSP response: no response sent" in stapled(server)
    if fault == "missing":
        authority.respond()
        server.wait_until(lambda: "Cert Status: good" in stapled(server), "the response", 30)


def test_response_of_an_automatic_certificate_is_refused(program, place):  # noqa: F811
    done = check(program, written(place, ROOT % {"place": place} + 'host "a.test" { tls { automatic on; ocsp "/x" } }\nlisten "https://127.0.0.1:1"\n'))
    assert done.returncode != 0 and "ocsp is for a certificate in a file, not for automatic on" in done.stderr, done.stderr
