# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates of clients: required and optional, told to backends, and never avoided by another name, ticket or field."""
import os
import re
import ssl
import time

import pytest

import tls
from client import Closed
from upstreams import Origin

from test_cgi import script, variables
from test_config import check, program, written  # noqa: F401 (a fixture)
from test_tls import V12, V13

TEXT = """
log off
%(top)s
cgi scripts { root "%(place)s/cgi" }
upstream origin { server "%(origin)s"; trust-forwarded on }
host "a.test" { root "%(place)s"; %(tls)s; tls-client { ca "%(ca)s" }; route "/cgi-bin/" { cgi scripts }; route "/up/" { upstream origin } }
host "b.test" { root "%(place)s"; %(tls)s; tls-client { ca "%(ca)s"; verify optional }; route "/cgi-bin/" { cgi scripts }; route "/up/" { upstream origin } }
host "c.test" { root "%(place)s"; %(tls)s; %(c)s route "/cgi-bin/" { cgi scripts }; route "/up/" { upstream origin } }
"""


class Site:
    def __init__(self, server, origin, pair, authority, own, other):
        self.server, self.origin, self.pair, self.authority, self.own, self.other = server, origin, pair, authority, own, other

    def context(self, own=None, version=V13):
        context = tls.trusting(self.pair, version=version)
        if own:
            context.load_cert_chain(own.certificate, own.key)
        return context

    def connect(self, name, own=None, version=V13, **options):
        return self.server.connect(tls=self.context(own, version), name=name, **options)


@pytest.fixture(params=["uring", "epoll"])
def site(request, tux, place):
    """Hosts with one certificate and other demands: of a.test required, of b.test optional, of c.test none."""
    pair = tls.make(place, "server", "a.test", "b.test", "c.test")
    authority, stranger = tls.make(place, "clients", "clients"), tls.make(place, "stranger", "stranger")
    own, other = tls.make_signed(place, "somebody", authority), tls.make_signed(place, "nobody", stranger)
    script(place, "env", "#!/bin/sh\necho 'Content-Type: text/plain'\necho\nenv\n")
    with open(os.path.join(place, "file"), "w", encoding="ascii") as file:
        file.write("data")
    origin = Origin()
    more = getattr(request, "more", {"top": "", "c": ""})
    text = TEXT % {"place": place, "origin": origin.name, "tls": pair.block, "ca": authority.certificate, **more}
    server = tux(place, "--engine", request.param, "--config", written(place, text), tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    return Site(server, origin, pair, authority, own, other)


def refused(site, name, own, version):
    """With TLS 1.3 the client learns of it when it reads."""
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        with site.connect(name, own, version) as conn:
            conn.get("/file", host=name)


@pytest.mark.parametrize("version", [V12, V13])
def test_required(site, version):
    refused(site, "a.test", None, version)
    refused(site, "a.test", site.other, version)
    with site.connect("a.test", site.own, version) as conn:
        assert conn.get("/file", host="a.test").body == b"data"
    for line in ('the handshake of TLS failed: peer did not return a certificate; client 127.*, name "a.test"$',
                 'the certificate of the client is not trusted: unable to get local issuer certificate; client 127.*'):
        site.server.wait_until(lambda wanted=line: re.search("^tux: connection: " + wanted, site.server.output, re.M), line)


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("copies, fits", [(20, True), (90, False)])
def test_length_of_the_chain(site, copies, fits, version):
    """A chain may have 32 KiB. OpenSSL reserves what a client announces before it arrives."""
    with open(site.authority.certificate, encoding="ascii") as issuer, open(site.own.certificate, "a", encoding="ascii") as chain:
        chain.write(copies * issuer.read())
    if not fits:
        refused(site, "a.test", site.own, version)
        site.server.wait_until(lambda: "excessive message size" in site.server.output, "the line")
        return
    with site.connect("a.test", site.own, version) as conn:
        assert conn.get("/file", host="a.test").body == b"data"


@pytest.mark.parametrize("version", [V12, V13])
def test_length_of_the_chain_of_a_later_host(tux, place, version):
    """It is limited for each host, not only if the listener's first one demands certificates."""
    pair, authority = tls.make(place, "server", "a.test", "b.test"), tls.make(place, "clients", "clients")
    own = tls.make_signed(place, "somebody", authority)
    text = 'log off\nhost "a.test" { root "%s"; %s }\nhost "b.test" { root "%s"; %s; tls-client { ca "%s" } }' % (
        place, pair.block, place, pair.block, authority.certificate)
    server = tux(place, "--config", written(place, text), tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    site = Site(server, None, pair, authority, own, None)
    with site.connect("b.test", own, version) as conn:
        assert conn.get("/server.pem", host="b.test").status == 200
    with open(authority.certificate, encoding="ascii") as issuer, open(own.certificate, "a", encoding="ascii") as chain:
        chain.write(90 * issuer.read())
    refused(site, "b.test", own, version)
    server.wait_until(lambda: "excessive message size" in server.output, "the line")


@pytest.mark.parametrize("version", [V12, V13])
def test_ticket_is_good_no_longer_than_the_certificate(site, place, version):
    """Each resumption gives another ticket, so a client could avoid the end of its certificate for ever."""
    lifetime = 10  # two requests on a busy machine
    own, end = tls.make_short(place, "brief", site.authority, lifetime), time.time() + lifetime
    context = site.context(own, version)

    def resume(session):
        with site.server.connect(tls=context, name="a.test", session=session) as conn:
            assert conn.get("/file", host="a.test").body == b"data"
            return conn.sock.ssl.session, conn.sock.ssl.session_reused

    session, _ = resume(None)
    session, resumed = resume(session)
    assert resumed
    time.sleep(max(0, end + 1.5 - time.time()))
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        resume(session)
    site.server.wait_until(lambda: "the certificate of the client is not trusted: certificate has expired; client 127" in site.server.output, "the line")


@pytest.mark.parametrize("version", [V12, V13])
def test_optional(site, version):
    refused(site, "b.test", site.other, version)
    for own, told in ((None, "NONE"), (site.own, "SUCCESS")):
        with site.connect("b.test", own, version) as conn:
            assert variables(conn.get("/cgi-bin/env", host="b.test").body)["SSL_CLIENT_VERIFY"] == told
            assert conn.get("/up/x", host="b.test").status == 200
            assert site.origin.requests[-1].field("X-SSL-Client-Verify") == told
            assert (site.origin.requests[-1].field("X-SSL-Client-S-DN") is None) == (own is None)


def test_backends_learn_the_certificate(site):
    shown = tls.openssl("x509", "-in", site.own.certificate, "-noout", "-serial", "-fingerprint", "-sha256")
    serial = re.search("serial=(.*)", shown).group(1)
    fingerprint = re.search("(?i)fingerprint=(.*)", shown).group(1).replace(":", "").lower()
    with site.connect("a.test", site.own) as conn:
        told = variables(conn.get("/cgi-bin/env", host="a.test").body)
        assert (told["SSL_CLIENT_VERIFY"], told["SSL_CLIENT_S_DN"], told["SSL_CLIENT_I_DN"]) == ("SUCCESS", "CN=somebody", "CN=clients")
        assert (told["SSL_CLIENT_M_SERIAL"], told["SSL_CLIENT_FINGERPRINT"]) == (serial, fingerprint)
        assert conn.get("/up/x", "Other: 1", host="a.test").status == 200
        request = site.origin.requests[-1]
        assert [request.field("X-SSL-Client-" + name) for name in ("Verify", "S-DN", "I-DN", "Serial", "Fingerprint")] == [
            "SUCCESS", "CN=somebody", "CN=clients", serial, fingerprint]
        assert request.field("Other") == "1"


@pytest.mark.parametrize("name,own", [("c.test", False), ("b.test", False), ("a.test", True)])
def test_fields_of_clients_are_removed(site, name, own):
    """None that begins so gets through: not in other letters, not named in Connection, not at a host without demands."""
    with site.connect(name, site.own if own else None) as conn:
        assert conn.get("/up/x", "X-SSL-Client-Verify: forged", "x-ssl-client-S-dn: CN=forged", "X-SSL-CLIENT-Fingerprint: forged", "X-Ssl-Client-Other: forged",
                        "Connection: X-SSL-Client-Serial", "Last: 1", host=name).status == 200
    request = site.origin.requests[-1]
    assert "forged" not in request.head.decode("latin-1") and request.field("Last") == "1"
    assert request.field("X-SSL-Client-Verify") == {"a.test": "SUCCESS", "b.test": "NONE", "c.test": None}[name]
    assert (request.field("X-SSL-Client-Serial") is not None) == own
    assert not site.origin.broken


@pytest.mark.parametrize("own", [False, True])
def test_method_that_looks_like_such_a_field(site, own):
    """Methods are tokens, too (RFC 9110 9.1). Without its request line the first field of the client would be one."""
    name = "a.test" if own else "c.test"
    with site.connect(name, site.own if own else None) as conn:
        for method in ("X-SSL-Client-Verify", "x-ssl-client-"):
            conn.send("%s /up/x HTTP/1.1\r\nHost: %s\r\nX-SSL-Client-S-DN: CN=forged\r\n\r\n" % (method, name))
            assert conn.response().status == 200
            request = site.origin.requests[-1]
            assert request.head.startswith(b"%s /up/x HTTP/1.1\r\n" % method.encode()) and b"forged" not in request.head
    assert not site.origin.broken


def test_no_demand_says_nothing(site):
    with site.connect("c.test", site.own) as conn:
        assert not [key for key in variables(conn.get("/cgi-bin/env", host="c.test").body) if key.startswith("SSL_")]


@pytest.mark.parametrize("own", [False, True])
def test_other_names_do_not_avoid_the_demand(site, own):
    """RFC 9110 15.5.20: a connection for another host, or for none, has not been asked for the certificate."""
    pair = site.own if own else None
    for name, host in (("b.test", "a.test"), ("c.test", "a.test"), ("c.test", "b.test")):
        for target in ("/file", "/up/x"):
            with site.connect(name, pair) as conn:
                assert conn.get(target, host=host).status == 421, (name, host, target)
    assert not site.origin.requests


def test_client_without_a_name(tux, place):
    """The default host demands nothing, and the others cannot be reached."""
    pair, authority = tls.make(place, "server", "a.test", "127.0.0.1"), tls.make(place, "clients", "clients")
    text = 'log off\n%s\nhost "c.test" { root "%s"; default on }\nhost "a.test" { root "%s"; tls-client { ca "%s"; verify optional } }\n' % (
        pair.block, place, place, authority.certificate)
    context = tls.trusting(pair)
    context.check_hostname = False
    server = tux(place, "--config", written(place, text), tls=context, ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    for host, status in (("a.test", 421), ("c.test", 403)):
        with server.connect(name=None) as conn:
            assert conn.get("/", host=host).status == status


@pytest.mark.parametrize("version", [V12, V13])
def test_tickets_belong_to_the_demand(site, version):
    """A ticket of a host without demands does not open one with; one of the same host keeps the client's certificate."""
    context = site.context(None, version)
    with site.server.connect(tls=context, name="c.test") as conn:
        assert conn.get("/file", host="c.test").status == 200
        session = conn.sock.ssl.session
    with site.server.connect(tls=context, name="c.test", session=session) as conn:
        assert conn.sock.ssl.session_reused
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        with site.server.connect(tls=context, name="a.test", session=session) as conn:
            assert not conn.sock.ssl.session_reused
            conn.get("/file", host="a.test")
    context = site.context(site.own, version)
    with site.server.connect(tls=context, name="a.test") as conn:
        assert conn.get("/file", host="a.test").status == 200
        session = conn.sock.ssl.session
    with site.server.connect(tls=context, name="a.test", session=session) as conn:
        assert conn.sock.ssl.session_reused
        assert variables(conn.get("/cgi-bin/env", host="a.test").body)["SSL_CLIENT_S_DN"] == "CN=somebody"


def test_demand_of_the_top(tux, place):
    pair, authority = tls.make(place, "server", "a.test", "c.test"), tls.make(place, "clients", "clients")
    own = tls.make_signed(place, "somebody", authority)
    text = 'log off\n%s\ntls-client { ca "%s" }\nhost "a.test" { root "%s" }\nhost "c.test" { root "%s"; browse on; tls-client { verify off } }\n' % (
        pair.block, authority.certificate, place, place)
    server = tux(place, "--config", written(place, text), tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    with server.connect(name="c.test") as conn:
        assert conn.get("/", host="c.test").status == 200
        assert conn.get("/", host="a.test").status == 421
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        with server.connect(name="a.test") as conn:
            conn.get("/", host="a.test")
    context = tls.trusting(pair)
    context.load_cert_chain(own.certificate, own.key)
    with server.connect(tls=context, name="a.test") as conn:
        assert conn.get("/", host="a.test").status in (200, 403)


def test_name_with_other_letters(tux, place):
    """Names of certificates that are not ASCII are escaped (RFC 2253), and line ends are no line ends."""
    pair, authority = tls.make(place, "server", "a.test"), tls.make(place, "clients", "clients")
    own = tls.Pair(os.path.join(place, "odd.pem"), os.path.join(place, "odd.key"))
    tls.openssl("req", "-new", *tls.CURVE, "-nodes", "-utf8", "-keyout", own.key, "-out", place + "/odd.csr", "-subj", "/O=M\u00fcller\\, Inc./CN=a\r\nX-Forged: 1")
    tls.openssl("x509", "-req", "-in", place + "/odd.csr", "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial", "-out", own.certificate)
    origin = Origin()
    server = tux(place, "--config", written(place, 'log off\n%s\ntls-client { ca "%s" }\nroute "/" { upstream "%s" }\n' % (
        pair.block, authority.certificate, origin.name)), tls=tls.trusting(pair), ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    context = tls.trusting(pair)
    context.load_cert_chain(own.certificate, own.key)
    with server.connect(tls=context, name="a.test") as conn:
        assert conn.get("/x", host="a.test").status == 200
    assert origin.requests[-1].field("X-SSL-Client-S-DN") == "CN=a\\0D\\0AX-Forged: 1,O=M\\C3\\BCller\\, Inc."
    assert origin.requests[-1].field("X-Forged") is None


@pytest.mark.parametrize("text,words", [
    ("tls-client on", "tls-client needs { }"), ("tls-client { verify optional }", "tls-client needs a ca"),
    ('tls-client { ca "/nonexistent/a.pem" }', 'ca "/nonexistent/a.pem": No such file or directory'),
    ('tls-client { ca "/etc/hostname" }', "no certificate in PEM"), ('tls-client { ca "/x"; verify maybe }', "required, optional or off"),
    ('tls-client { ca "/x"; verify off }', "verify off alone"), ('tls-client { cert "/x" }', 'unknown key "cert"')])
def test_wrong_demands(program, place, text, words):  # noqa: F811
    done = check(program, written(place, text + "\n"))
    assert done.returncode != 0 and words in done.stderr and ":1: " in done.stderr, done.stderr
