# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of certificates, keys and authorities that change: a new server process reads them, without a signal and without a lost connection."""
import fcntl
import os
import re
import signal
import ssl
import struct
import subprocess

import pytest

import client
import tls
from client import Closed, Load
from tools import descendants, need
from upstreams import Origin

from test_config import written
from test_replaced_root import publish, switch
from test_upstream_tls import serving

STAYS = "so the files that were read before stay in use"


@pytest.fixture
def authority(place):
    return tls.make(place, "authority", "authority", extra=("-addext", "basicConstraints=critical,CA:TRUE"))


@pytest.fixture
def served(tux, place, authority):
    """served(blocks): TUX with them, at an address with TLS. context: of its clients."""
    def start(blocks, context=None, **more):
        root = os.path.join(place, "root")
        publish(root, "data")
        return tux(root, "--config", written(place, "log off\n%s\n" % blocks), tls=context or tls.trusting(authority), **more)
    return start


def presented(server, name="test"):
    """Returns the certificate that a new connection gets."""
    with server.connect(name=name) as conn:
        return conn.sock.ssl.getpeercert(True)


def presents(server, wanted, name="test"):
    server.wait_until(lambda: presented(server, name) == wanted, "the new certificate", 30)


def test_changed_pair_is_served_without_a_lost_connection(served, place, authority):
    mine = tls.make_signed(place, "mine", authority, "test")
    server = served(mine.block)
    idle = server.connect()
    idle.get("/file")
    with Load(server, clients=2) as load:
        for number in range(2):
            new = tls.make_signed(place, "new-%d" % number, authority, "test")
            wanted = new.der
            mine.replace(new)
            presents(server, wanted)
    load.check(b"data")
    assert idle.get("/file").body == b"data"
    assert "tux: %s: the certificate has changed; it is read again\n" % mine.certificate in server.output
    assert "tux: %s: the key has changed; it is read again\n" % mine.key in server.output
    assert STAYS not in server.output


@pytest.mark.parametrize("first", ["certificate", "key"])
def test_half_written_pair_is_not_taken(served, place, authority, first):
    """The old pair serves until both fit. A line says so once, and also for each further version that does not fit."""
    mine, new = tls.make_signed(place, "mine", authority, "test"), tls.make_signed(place, "new", authority, "test")
    server = served(mine.block)
    before, wanted = mine.der, new.der
    second = {"certificate": "key", "key": "certificate"}[first]
    with server.connect() as idle:
        idle.get("/file")
        os.replace(getattr(new, first), getattr(mine, first))
        server.wait_until(lambda: STAYS in server.output, "it says so", 30)
        assert re.search("^tux: warning: .*(%s|%s).*, %s$" % (mine.key, mine.certificate, STAYS), server.output, re.M), server.output
        with open(getattr(mine, second), "w", encoding="ascii") as file:
            file.write("not yet")
        server.wait_until(lambda: server.output.count(STAYS) == 2, "it says so again", 30)
        assert presented(server) == before
        os.replace(getattr(new, second), getattr(mine, second))
        presents(server, wanted)
        assert idle.get("/file").body == b"data"
    assert server.output.count(STAYS) == 2 and server.output.count("has changed; it is read again") == 2


def test_file_that_could_not_be_read_is_read_later(served, place, authority):
    """Its version stays the same. A write lease makes the failure; missing memory is like it."""
    mine, new = tls.make_signed(place, "mine", authority, "test"), tls.make_signed(place, "new", authority, "test")
    server = served(mine.block)
    wanted, before = new.der, signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        lease = os.open(new.key, os.O_RDWR)
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        mine.replace(new)
        server.wait_until(lambda: STAYS in server.output, "it says so", 30)
        assert 'key "%s": Resource temporarily unavailable' % mine.key in server.output
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(lease)
        presents(server, wanted)
    finally:
        signal.signal(signal.SIGIO, before)


def test_file_that_takes_long_delays_no_other_host(served, place, authority):
    """Its passphrase has two billion rounds, so it is never judged by itself; its process ends at a limit."""
    mine, other, new = (tls.make_signed(place, name, authority, "test") for name in ("mine", "other", "new"))
    path = os.path.join(place, "slow.p12")
    tls.openssl("pkcs12", "-export", "-inkey", other.key, "-in", other.certificate, "-passout", "pass:", "-out", path)
    server = served('host "test" { %s }\nhost "other" { tls { certificate "%s" } }' % (mine.block, path))
    slow = os.path.join(place, "new.p12")
    tls.openssl("pkcs12", "-export", "-inkey", other.key, "-in", other.certificate, "-passout", "pass:", "-iter", "1000", "-out", slow)
    with open(slow, "rb") as file:
        data = file.read()
    at = data.rfind(b"\x30\x41\x30\x31")  # MacData (RFC 7292 4), which ends with the number of rounds
    assert at > 0 and data[:2] == b"\x30\x82" and data.endswith(b"\x02\x02\x03\xe8")
    with open(slow, "wb") as file:
        file.write(b"\x30\x82" + struct.pack(">H", len(data) - 2) + data[4:at] + b"\x30\x43" + data[at + 2:-4] + b"\x02\x04\x7f\xff\xff\xff")
    os.replace(slow, path)
    server.wait_until(lambda: "tux judge" in descendants(server.process.pid).values(), "it is judged", 30)
    mine.replace(new)
    server.wait_until(lambda: "tux: %s: the certificate has changed; it is read again\n" % mine.certificate in server.output, "the other is seen", 30)
    assert STAYS not in server.output


@pytest.fixture(scope="module")
def failing_forks(tmp_path_factory):
    """The environment of a program whose second fork() in a process fails while a file exists, and the path of that file."""
    directory = tmp_path_factory.mktemp("forks")
    os.chmod(directory, 0o755)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failing_forks.c")
    subprocess.run([need("cc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(directory / "failing_forks.so"), source, "-ldl"], check=True)
    asan = (os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0").lstrip(":")
    return {"LD_PRELOAD": str(directory / "failing_forks.so"), "ASAN_OPTIONS": asan, "FAILING_FORKS": str(directory / "now")}


def test_failed_start_shares_no_key_of_tickets(served, place, authority, failing_forks):
    """Else the next watcher, and the process that renews certificates, would have the memory of the keys."""
    mine, new = tls.make_signed(place, "mine", authority, "test"), tls.make_signed(place, "new", authority, "test")
    server, wanted = served(mine.block, env=failing_forks), new.der
    with open(failing_forks["FAILING_FORKS"], "wb"):
        mine.replace(new)
    server.wait_until(lambda: "tux: cannot start a process: " in server.output, "the start fails", 30)
    with open("/proc/%d/smaps" % server.process.pid, encoding="utf-8") as file:
        mapping = file.read().split("/memfd:tux tickets")[1]
    assert " dc" in re.search("^VmFlags:.*$", mapping, re.M).group(0)
    os.unlink(failing_forks["FAILING_FORKS"])
    presents(server, wanted)


def test_link_of_another_user_is_not_followed(served, place, authority):
    """Not even to look at the file: it may lead to a file system that hangs. The time of the link's last use tells."""
    if os.geteuid() != 0:
        pytest.skip("only root refuses links")
    folder = os.path.join(place, "theirs")
    os.mkdir(folder, 0o755)
    mine, new = tls.make_signed(folder, "mine", authority, "test"), tls.make_signed(place, "new", authority, "test")
    os.chown(folder, 33, 33)
    server, before = served(mine.block), mine.der
    os.symlink(new.certificate, os.path.join(folder, "link"))
    os.utime(os.path.join(folder, "link"), ns=(0, 0), follow_symlinks=False)
    os.replace(os.path.join(folder, "link"), mine.certificate)
    server.wait_until(lambda: STAYS in server.output, "it says so", 30)
    assert 'certificate "%s": there is a link on the way that other users can change' % mine.certificate in server.output
    assert os.lstat(mine.certificate).st_atime_ns == 0
    assert presented(server) == before


def test_link_to_another_directory(served, place, authority):
    """Like /etc/letsencrypt/live: both names lead to the same release."""
    releases = []
    for number in range(2):
        release = os.path.join(place, "release-%d" % number)
        os.mkdir(release, 0o755)
        releases.append(tls.make_signed(release, "mine", authority, "test"))
    live = os.path.join(place, "live")
    os.symlink("release-0", live)
    server = served('tls { certificate "%s/mine.pem"; key "%s/mine.key" }' % (live, live))
    assert presented(server) == releases[0].der
    switch(live, "release-1")
    presents(server, releases[1].der)


def test_host_of_its_own_and_certificates_of_one_kind(served, place, authority):
    """The host with the changed file gets it, and a pair of a kind that the host has already is not taken."""
    top, ecdsa = tls.make_signed(place, "top", authority, "test"), tls.make_signed(place, "own", authority, "own.test")
    rsa = tls.make(place, "rsa", "own.test", kind=tls.RSA)
    server = served('%s\nhost "test" { }\nhost "own.test" { %s; %s }' % (top.block, ecdsa.block, rsa.block), context=tls.trusting(authority, rsa))
    before = top.der
    wrong, new = tls.make_signed(place, "wrong", authority, "own.test"), tls.make(place, "again", "own.test", kind=tls.ED25519)
    rsa.replace(wrong)
    server.wait_until(lambda: re.search("the host has one with the same kind of key already.*%s" % STAYS, server.output), "it says so", 30)
    assert presented(server, "own.test") == ecdsa.der
    rsa.replace(new)
    server.wait_until(lambda: "it is read again" in server.output, "it is taken", 30)
    another = tls.make_signed(place, "another", authority, "own.test")
    wanted = another.der
    ecdsa.replace(another)
    presents(server, wanted, "own.test")
    assert presented(server) == before


def test_failed_start_with_files_that_do_not_fit(served, place, authority):
    """A process that has to be started meanwhile fails, with a line; the next attempts have growing delays, and the last one takes the pair."""
    mine, new = tls.make_signed(place, "mine", authority, "test"), tls.make_signed(place, "new", authority, "test")
    link = os.path.join(place, "link")
    os.symlink("root", link)
    publish(os.path.join(place, "other"), "other")
    server = served('%s\nhost "test" { root "%s" }' % (mine.block, link))
    os.replace(new.key, mine.key)
    server.wait_until(lambda: STAYS in server.output, "it says so", 30)
    switch(link, "other")
    server.wait_until(lambda: re.search("^tux: (?!warning).*(%s|%s)" % (mine.key, mine.certificate), server.output, re.M), "a start fails", 30)
    assert server.get("/file").body == b"data"
    wanted = new.der
    os.replace(new.certificate, mine.certificate)
    presents(server, wanted)
    client.wait_until(lambda: server.get("/file").body == b"other", "the other root")


def test_changed_authorities_of_clients(served, place, authority):
    mine = tls.make_signed(place, "mine", authority, "test")
    tls.make(place, "first", "first")
    second = tls.make(place, "second", "second")
    own = tls.make_signed(place, "client", second)
    path = os.path.join(place, "clients.pem")
    switch(path, "first.pem")
    context = tls.trusting(authority)
    context.load_cert_chain(own.certificate, own.key)
    server = served('%s\ntls-client { ca "%s" }' % (mine.block, path), context=context, ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")

    def is_served():
        try:
            return server.get("/file").status == 200
        except (ssl.SSLError, Closed, ConnectionError):
            return False
    assert not is_served()
    switch(path, "second.pem")
    server.wait_until(is_served, "the client is trusted", 30)
    assert "tux: %s: the list of authorities has changed; it is read again\n" % path in server.output


def test_changed_files_of_an_upstream(tux, place, authority):
    """A server of another authority is trusted when its file says so; and this client's pair, too, is used only as a whole."""
    backend, other = tls.make_signed(place, "backend", authority, "app.test"), tls.make(place, "other", "other")
    own, new = tls.make_signed(place, "own", other), tls.make_signed(place, "new", authority)
    path = os.path.join(place, "trusted.pem")
    switch(path, "other.pem")
    origin = Origin(context=serving(backend, clients=authority))
    text = 'log off\nupstream app { server "%s"; tls-name "app.test"; ca "%s"; certificate "%s"; key "%s" }\nroute "/" { upstream app }\n'
    server = tux(place, "--config", written(place, text % (origin.url, path, own.certificate, own.key)), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    assert server.get("/x").status == 502
    os.replace(new.certificate, own.certificate)
    server.wait_until(lambda: re.search("^tux: warning: upstream app: .*%s" % STAYS, server.output, re.M), "it says so", 30)
    os.replace(new.key, own.key)
    switch(path, "authority.pem")
    server.wait_until(lambda: server.get("/x").status == 200, "the server is trusted, and this client", 30)
