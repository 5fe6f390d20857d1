# SPDX-License-Identifier: GPL-2.0-or-later
"""Automatic certificates with uacme and pebble over their whole life: renewal under load, an authority that is down or forgets, kills at any time."""
import os
import random
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

import client
import tls
from acme import NAME
from tools import children, is_there, kill_all, need

from test_acme import certificate, fake, files_are_private, has, pebble, served, valid  # noqa: F401 (fixtures)
from test_certificates import state  # noqa: F401 (a fixture)
from test_config import written

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SHORT = 30     # seconds of a certificate; a third is left when it is renewed
LIFETIME = 90  # a third of it is more than uacme needs to give up, or to get another one
ROUNDS = 12


def test_validation_that_fails_is_repeated(served, pebble):  # noqa: F811
    """The authority finds the name at another machine. Its reason is in the log, and the next attempt gets a certificate."""
    authority = pebble()
    authority.find_names_at("127.0.0.2")
    server = served(authority, NAME)
    has(server, "tux: no certificate for %s: " % NAME)
    line = [line for line in server.output.splitlines() if "no certificate for" in line][0]
    assert "urn:ietf:params:acme:error:connection" in line and "a temporary certificate, which no client trusts, stays in use" in line, line
    authority.find_names_at("127.0.0.1")
    valid(server, authority.trusting())


@pytest.mark.parametrize("keys,good", [({"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}, True), ({"kid-1": "AAAA"}, False)])
def test_external_account_binding(served, pebble, place, keys, good):  # noqa: F811
    """RFC 8555 7.3.4."""
    authority = pebble(externalAccountBindingRequired=True, externalAccountMACKeys=keys)
    path = written(place, "kid-1:zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n", "binding")
    server = served(authority, NAME, options=["--acme-binding", path])
    if good:
        valid(server, authority.trusting())
    else:
        has(server, "tux: no certificate for " + NAME)
        assert "zWNDZM6e" not in server.output


def test_time_limit_of_uacme(served, fake):  # noqa: F811
    """The line says that uacme was slow, and not only that a signal ended it."""
    server = served(fake("echo asks; sleep 999"), NAME)
    server.wait_until(lambda: "no certificate for" in server.output, "uacme is ended", 330)
    assert "tux: no certificate for %s: uacme has not ended within 300 s: asks; the next" % NAME in server.output


def test_documented_revocation(served, pebble, state):  # noqa: F811
    """docs/tls.md: revoke a certificate by uacme, and get another one by a reload."""
    authority = pebble()
    server = served(authority, NAME)
    context = authority.trusting()
    before = valid(server, context)
    path = os.path.join(state, "certificates", authority.folder, NAME + ".pem")
    done = subprocess.run([*authority.wrapper, need("uacme"), "-a", authority.directory, "-c", os.path.join(state, "accounts", authority.folder), "revoke", path],
                          capture_output=True, text=True, timeout=60, check=False, cwd=os.path.dirname(path))
    assert done.returncode == 0, done.stderr
    assert not os.path.exists(path)
    serial = tls.openssl("x509", "-noout", "-serial", input=ssl.DER_cert_to_PEM_cert(before)).strip().split("=")[1]
    assert b"Revoked" in authority.ask("/cert-status-by-serial/" + serial)
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: valid(server, context) != before, "another certificate serves")


class Load:
    """Requests without a pause, each with a handshake, by a client that verifies the certificate."""

    def __init__(self, server, context):
        self.server, self.context, self.count, self.failed = server, context, 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            try:
                certificate(self.server, self.context)
                self.count += 1
            except Exception as error:  # pylint: disable=broad-except
                self.failed.append(error)

    def end(self):
        self.over.set()
        self.thread.join()


def test_certificate_is_renewed_without_a_failed_request(served, pebble):  # noqa: F811
    """Nonces are rejected meanwhile, and a renewal takes several attempts."""
    authority = pebble(certificateValidityPeriod=LIFETIME, PEBBLE_WFE_NONCEREJECT="30")
    context = authority.trusting()
    server = served(authority, NAME)
    seen = [valid(server, context)]
    load = Load(server, context)
    try:
        for _ in range(2):
            seen.append(client.wait_until(lambda: certificate(server, context) not in seen and certificate(server, context), "another certificate", 180))
    finally:
        load.end()
    assert not load.failed and load.count > 100, load.failed[:3]


def test_validation_that_fails_at_random(served, pebble):  # noqa: F811
    authority = pebble(certificateValidityPeriod=SHORT)
    context = authority.trusting()
    server = served(authority, NAME)
    over = threading.Event()
    choice = random.Random(1)

    def change():
        while not over.wait(0.7):
            authority.find_names_at(choice.choice(["127.0.0.1", "127.0.0.1", "127.0.0.2"]))
    thread = threading.Thread(target=change)
    thread.start()
    try:
        first = valid(server, context)
        server.wait_until(lambda: valid(server, context) != first, "another certificate", 180)
    finally:
        over.set()
        thread.join()


def test_authority_that_is_down_for_longer_than_a_lifetime(served, pebble):  # noqa: F811
    """The previous certificate stays in use until it expires, and after that. The log tells both."""
    authority = pebble(certificateValidityPeriod=LIFETIME)
    context = authority.trusting()
    server = served(authority, NAME)
    first = valid(server, context)
    authority.server.kill()
    server.wait_until(lambda: "the previous certificate stays in use, with 0 days left" in server.output, "the renewal fails", 180)
    assert certificate(server, context) == first
    server.wait_until(lambda: "the previous certificate stays in use, but it has expired" in server.output, "it has expired", 180)
    with pytest.raises(ssl.SSLCertVerificationError):
        certificate(server, context)
    authority.start()
    valid(server, authority.trusting())


@pytest.mark.parametrize("lost", ["by the authority", "here"])
def test_lost_account_is_made_anew(served, pebble, state, lost):  # noqa: F811
    """RFC 8555 7.3: an authority that does not know the key gets the account again."""
    authority = pebble(certificateValidityPeriod=SHORT)
    server = served(authority, NAME)
    context = authority.trusting()
    first = valid(server, context)
    if lost == "here":
        shutil.rmtree(os.path.join(state, "accounts"))
    else:
        authority.server.kill()
        authority.start()
        context = authority.trusting()
    server.wait_until(lambda: valid(server, context) != first, "another certificate", 120)


def test_killed_at_random_times(served, pebble, state):  # noqa: F811
    """After each kill the directory is usable: the next start serves, and at last there is a certificate."""
    authority = pebble()
    choice = random.Random(2)
    for _ in range(ROUNDS):
        server = served(authority, NAME)
        time.sleep(choice.uniform(0, 4))
        below = {server.process.pid: "", **children(server.process.pid)}
        if choice.random() < 0.5:
            os.kill(server.process.pid, signal.SIGKILL)
        else:
            kill_all(below)
        server.process.wait()
        client.wait_until(lambda pids=below: not any(is_there(pid) for pid in pids), "all have ended")
        server.end = lambda: None
        files_are_private(state)
        if choice.random() < 0.3:
            shutil.rmtree(os.path.join(state, "certificates"))
    server = served(authority, NAME)
    valid(server, authority.trusting())
    assert not os.path.exists(os.path.join(state, "work"))
