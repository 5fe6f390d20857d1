# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said about certificates, keys and lines of a configuration: expired, not for this name, a passphrase that is missing."""
import os
import re
import ssl
import subprocess

import pytest

import tls

from test_config import check, program, written  # noqa: F401 (a fixture)
from test_tls import pair  # noqa: F401 (a fixture)
from tools import free_port


def broken(place, name):
    path = os.path.join(place, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return path


def test_check_judges_certificates(program, place):  # noqa: F811
    good = tls.make(place, "good", "example.org", "*.example.org")
    other = tls.make(place, "other", "example.net")
    authority = tls.make(place, "authority", "authority")
    signed = tls.make_signed(place, "signed", authority, "example.org")
    locked = tls.Pair(good.certificate, os.path.join(place, "locked.key"))
    tls.openssl("pkey", "-in", good.key, "-out", locked.key, "-aes256", "-passout", "pass:secret")
    readable = tls.make(place, "readable", "example.org")
    os.chmod(readable.key, 0o644)
    host = 'host "example.org" { root "%s"; name "*.example.org"; listen "https://127.0.0.1:1"; %%s }\n' % place
    cases = [
        (good, 0, ""), (tls.Pair(good.certificate, other.key), 1, 'it does not belong to certificate "%s"' % good.certificate),
        (other, 1, 'it is not for "example.org"'), (other, 1, 'it is not for "*.example.org"'),
        (tls.Pair(place + "/missing", good.key), 1, "No such file or directory"), (tls.Pair(place, good.key), 1, "Is a directory"),
        (tls.Pair(good.key, good.key), 1, "no certificate in PEM"), (tls.Pair(good.certificate, good.certificate), 1, "no private key in PEM"),
        (tls.Pair(good.certificate, good.certificate), 1, "; set key if it is in another file"),
        (tls.Pair(joined(place, authority.certificate, good.certificate), good.key), 1, ", but to a later one in the file: put that first"),
        (tls.Pair(broken(place, "broken"), good.key), 1, "malformed"), (locked, 1, "it has a passphrase"),
        (readable, 1, "warning: key"), (readable, 1, "(mode 0644)"), (signed, 1, "warning: certificate"), (signed, 1, "an issuer is neither in the file"),
        (tls.Pair(past(place, authority), os.path.join(place, "past.key")), 1, "it expired on Jan  2 00:00:00 2020 GMT"),
        (tls.Pair(future(place, authority), os.path.join(place, "future.key")), 1, "it is valid from Jan  1 00:00:00 2046 GMT only"),
    ]
    for pair, code, words in cases:
        done = check(program, written(place, host % pair.block))
        assert words in done.stderr, (words, done.stderr)
        assert done.returncode == code or (code == 1 and words in ("warning: key", "(mode 0644)")), words
        if words:
            assert ":1: " in done.stderr


def pkcs12(place, name, pair, password, *issuers):  # noqa: F811
    """Packs a pair and its issuers, in another order, into a file of PKCS#12. Returns its name."""
    chain, out = os.path.join(place, name + ".chain"), os.path.join(place, name + ".p12")
    with open(chain, "w", encoding="ascii") as file:
        for issuer in reversed(issuers):
            with open(issuer.certificate, encoding="ascii") as one:
                file.write(one.read())
    tls.openssl("pkcs12", "-export", "-in", pair.certificate, "-inkey", pair.key, *(["-certfile", chain] if issuers else []), "-out", out,
                "-passout", "pass:" + password)
    os.chmod(out, 0o600)
    return out


def secret(place, name, text):
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


@pytest.fixture
def signed(place):
    """A certificate with two authorities above it: (leaf, middle, root)."""
    authority = tls.make(place, "root-ca", "authority")
    middle = tls.make_signed(place, "middle", authority, authority=True)
    return tls.make_signed(place, "leaf", middle, "test"), middle, authority


@pytest.mark.parametrize("password", ["", "secret", "p\u00e4ss word"])
def test_pkcs12(place, root, tux, signed, password):
    """The chain is sent in the order of TLS, whatever that of the file."""
    leaf, middle, authority = signed
    block = 'tls { certificate "%s"%s }' % (pkcs12(place, "all", leaf, password, middle, authority),
                                           '; key-password-file "%s"' % secret(place, "password", password + "\n") if password else "")
    server = tux(root, "--config", written(place, "log off\n%s\n" % block), tls=tls.trusting(authority))
    assert server.get("/file").body == b"data"
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-showcerts"], input="", capture_output=True, text=True, check=False,
                          timeout=30)
    assert re.findall(r"(?m)^ *\d s:(.*)$", done.stdout) == ["CN = leaf", "CN = middle", "CN = authority"], done.stdout


@pytest.mark.parametrize("ending", ["", "\n", "\r\nmore\n"])
def test_key_with_a_passphrase(place, root, tux, pair, ending):  # noqa: F811
    locked = os.path.join(place, "locked.key")
    tls.openssl("pkey", "-in", pair.key, "-out", locked, "-aes256", "-passout", "pass:secret")
    block = 'tls { certificate "%s"; key "%s"; key-password-file "%s" }' % (pair.certificate, locked, secret(place, "password", "secret" + ending))
    assert tux(root, "--config", written(place, "log off\n%s\n" % block), tls=tls.trusting(pair)).get("/file").body == b"data"


def test_wrong_passphrases(program, place, pair):  # noqa: F811
    locked = os.path.join(place, "locked.key")
    tls.openssl("pkey", "-in", pair.key, "-out", locked, "-aes256", "-passout", "pass:secret")
    packed, wrong = pkcs12(place, "all", pair, "secret"), secret(place, "password", "wrong\n")
    with open(packed, "rb") as file:
        cut = file.read()[:-10]
    broken_one = os.path.join(place, "cut.p12")
    with open(broken_one, "wb") as file:
        file.write(cut)
    for block, words in (
            ('certificate "%s"; key "%s"' % (pair.certificate, locked), "it has a passphrase; set key-password-file"),
            ('certificate "%s"; key "%s"; key-password-file "%s"' % (pair.certificate, locked, wrong), "the passphrase of key-password-file is wrong"),
            ('certificate "%s"; key "%s"; key-password-file "/nonexistent/a"' % (pair.certificate, locked), 'key-password-file "/nonexistent/a": No such file'),
            ('certificate "%s"; key "%s"; key-password-file "%s"' % (pair.certificate, locked, secret(place, "long", "x" * 5000)), "the passphrase of key-password-file is wrong"),
            ('certificate "%s"' % packed, "it has a passphrase; set key-password-file"),
            ('certificate "%s"; key-password-file "%s"' % (packed, wrong), "the passphrase of key-password-file is wrong"),
            ('certificate "%s"' % broken_one, "no certificate in PEM")):
        done = check(program, written(place, "tls { %s }\n" % block))
        assert done.returncode != 0 and words in done.stderr and ":1: " in done.stderr, (block, done.stderr)


def test_passphrase_of_a_host_is_its_own(program, place, root, pair):  # noqa: F811
    """Also with the certificate and the key of another host, so that a wrong one is told."""
    locked = os.path.join(place, "locked.key")
    tls.openssl("pkey", "-in", pair.key, "-out", locked, "-aes256", "-passout", "pass:secret")
    block = 'host "%s" { root "%s"; tls { certificate "%s"; key "%s"; key-password-file "%s" } }\n'
    hosts = [(name, root, pair.certificate, locked, secret(place, file, text)) for name, file, text in (("a.test", "right", "secret\n"), ("b.test", "wrong", "other\n"))]
    path = written(place, 'listen "https://127.0.0.1:0"\n' + "".join(block % host for host in hosts))
    done = subprocess.run([program, "serve", "--config", path], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0 and "the passphrase of key-password-file is wrong" in done.stderr, done.stderr


def between(place, name, authority, begin, end):
    """Makes a certificate for a time, which openssl ca can do. Returns its file."""
    base = os.path.join(place, "ca-" + name)
    os.mkdir(base)
    with open(base + "/index", "w", encoding="ascii"):
        pass
    with open(base + "/config", "w", encoding="ascii") as file:
        file.write("[ca]\ndefault_ca=one\n[one]\ndatabase=%s/index\nrand_serial=yes\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=any\n"
                   "[any]\ncommonName=supplied\n" % (base, base))
    key, out = os.path.join(place, name + ".key"), os.path.join(place, name + ".pem")
    tls.openssl("req", "-new", *tls.CURVE, "-nodes", "-keyout", key, "-out", base + "/request", "-subj", "/CN=example.org")
    tls.openssl("ca", "-config", base + "/config", "-batch", "-notext", "-in", base + "/request", "-out", out, "-cert", authority.certificate,
                "-keyfile", authority.key, "-startdate", begin, "-enddate", end)
    return out


def joined(place, *files):
    """Writes the contents of files one after the other. Returns the name of the file."""
    path = os.path.join(place, "joined.pem")
    with open(path, "w", encoding="ascii") as out:
        for name in files:
            with open(name, encoding="ascii") as file:
                out.write(file.read())
    return path


def past(place, authority):
    return between(place, "past", authority, "20200101000000Z", "20200102000000Z")


def future(place, authority):
    return between(place, "future", authority, "20460101000000Z", "20470101000000Z")


@pytest.mark.parametrize("held", ["on", "off"])
@pytest.mark.parametrize("name, of, words", [("past", past, "it expired on Jan  2 00:00:00 2020 GMT"),
                                             ("future", future, "it is valid from Jan  1 00:00:00 2046 GMT only")])
def test_start_warns_about_the_date(tux, root, place, held, name, of, words):
    """The server starts: its clock may be wrong, and theirs right."""
    certificate = of(place, tls.make(place, "authority", "authority"))
    context = tls.trusting()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    server = tux(root, "--certificate", certificate, "--key", os.path.join(place, name + ".key"), "--key-process", held, tls=context)
    assert 'tux: warning: certificate "%s": %s\n' % (certificate, words) in server.output
    assert server.get("/file").body == b"data"


@pytest.mark.parametrize("text,words", [
    ("tls on", "tls needs { } with a certificate"),
    ("tls { key \"a\" }", "tls needs a certificate"),
    ("tls { certificate [a, b] }", "certificate"),
    ("tls { certifcate \"a\" }", "did you mean \"certificate\"?"),
    ("certificate \"a\"", "unknown key \"certificate\""),
    ("listen \"https://\"", "is not ADDR:PORT"),
    ("tls-profile old", "intermediate or modern"),
])
def test_wrong_configurations(program, place, text, words):  # noqa: F811
    done = check(program, written(place, text + "\n"))
    assert done.returncode != 0 and words in done.stderr and ":1: " in done.stderr, done.stderr


def test_certificates_that_no_listener_uses(program, place, pair):  # noqa: F811
    done = check(program, written(place, 'listen "127.0.0.1:8080"\n%s\n' % pair.block))
    assert "no listen begins with https://" in done.stderr


@pytest.mark.parametrize("text,words", [
    ('listen "https://127.0.0.1:1"', "tux.conf: there is no certificate for https://127.0.0.1:1: tls {"),
    ('listen ["https://127.0.0.1:1", "127.0.0.1:2"]\nhost "example.org" { %s }\nhost "b.test" { }', "tux.conf:3: there is no certificate for https://127.0.0.1:1"),
    ('listen "127.0.0.1:1"\nhttps-redirect on', "tux.conf: https-redirect needs a listen that begins with https://"),
    ('host "a.test" { listen "https://127.0.0.1:1"; %s }\nhost "b.test" { listen "127.0.0.1:2"; https-redirect on }', "tux.conf:2: https-redirect needs"),
    ("https-redirect on", "https-redirect needs"), ("%s\n%s", 'the host has one with the same kind of key already (EC)')])
def test_check_refuses_a_file_with_which_no_server_starts(program, place, text, words):  # noqa: F811
    pair = tls.make(place, "pair", "example.org", "a.test")
    done = check(program, written(place, text.replace("%s", pair.block) + "\n"))
    assert done.returncode == 1 and words in done.stderr, done.stderr
    start = subprocess.run([program, "serve", place, "--config", place + "/tux.conf"], capture_output=True, text=True, check=False, timeout=30)
    assert start.returncode == 1, start.stderr


@pytest.mark.parametrize("text", ["https-redirect on\n%s", 'listen "127.0.0.1:1"\nhttps-redirect 443', 'listen ["127.0.0.1:1", "https://127.0.0.1:2"]\n%s\nhttps-redirect on'])
def test_check_accepts_redirects_with_an_address(program, place, pair, text):  # noqa: F811
    assert check(program, written(place, text.replace("%s", pair.block) + "\n")).returncode == 0


@pytest.mark.parametrize("options,words", [
    (["--key", "a"], "option --key"), (["--certificate", "/nonexistent/a.pem"], 'certificate "/nonexistent/a.pem": No such file or directory'),
    (["--listen", "https://127.0.0.1:0"], "there is no certificate for https://127.0.0.1:0")])
def test_wrong_command_lines(program, root, options, words):  # noqa: F811
    done = subprocess.run([program, "serve", root, *options], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0 and words in done.stderr, done.stderr


def test_error_of_a_certificate_names_file_and_line(program, place, pair):  # noqa: F811
    """A start, and so a reload, names the place in the configuration file, with the keys in either process."""
    other = tls.make(place, "other", "example.net")
    wrong = tls.Pair(pair.certificate, other.key)
    for text, line, words in (('listen "https://127.0.0.1:0"\n%s' % wrong.block, 2, 'key "%s": it does not belong' % other.key),
                              ('listen "https://127.0.0.1:0"\nkey-process on\n\n%s' % wrong.block, 4, 'key "%s": it does not belong' % other.key),
                              ('listen "https://127.0.0.1:0"\n%s\ntls-client { ca "%s" }' % (pair.block, other.key), 3, 'ca "%s": no certificate' % other.key),
                              ('listen "127.0.0.1:0"\n\nupstream a { server "https://127.0.0.1:1"; ca "/missing" }\nroute "/" { upstream a }', 3,
                               'upstream a: ca "/missing": No such file')):
        path = written(place, text + "\n")
        done = subprocess.run([program, "serve", place, "--config", path], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 1 and "tux: %s:%d: %s" % (path, line, words) in done.stderr, done.stderr


@pytest.mark.parametrize("form,urls", [
    (["127.0.0.1:%d"], ["https://127.0.0.1:%d/"]), (["127.0.0.1:%d", "[::1]:%d"], ["https://127.0.0.1:%d/", "https://[::1]:%d/"]),
    (["http://127.0.0.1:%d"], ["http://127.0.0.1:%d/"]), (["https://127.0.0.1:%d", "[::1]:%d"], ["https://127.0.0.1:%d/", "http://[::1]:%d/"])])
@pytest.mark.parametrize("options", [["--tls", "localhost", "--state-directory", "state"], "pair"])
def test_addresses_of_the_command_line_speak_tls(tux, root, place, pair, options, form, urls):
    """Issue 18: `tux serve --listen :443 --tls NAME` serves https. An address with a scheme, of any of them, keeps what each says."""
    port = free_port()
    listens = [word for each in form for word in ("--listen", each % port)]
    options = pair.options if options == "pair" else [word.replace("state", place + "/state") if word == "state" else word for word in options]
    server = tux(root, *listens, *options, listen=False, port=port, ready=False)
    server.wait_until(lambda: "sandbox: " in server.output, "it serves")
    assert [line.strip() for line in server.output.splitlines() if line.startswith("  http")] == [each % port for each in urls], server.output


@pytest.mark.parametrize("content,words", [
    (None, "No such file or directory"), ("customer", "it needs KEYID:KEY, with KEY in base64url"), ("customer:a2V5\n", "")])
@pytest.mark.parametrize("form", ['acme-binding "%s"\nhost "example.org" { tls { automatic on } }', '\nhost "example.org" { tls { automatic on; binding "%s" } }'])
def test_check_reads_the_binding_of_an_account(program, place, form, content, words):  # noqa: F811
    binding = os.path.join(place, "binding")
    if content is not None:
        with open(binding, "w", encoding="ascii") as file:
            file.write(content)
    done = check(program, written(place, 'root "%s"; listen ["https://127.0.0.1:443", "127.0.0.1:80"]\n' % place + form % binding + "\n"))
    assert (done.returncode, done.stderr) == (0, "") if not words else (done.returncode == 1 and words in done.stderr and ":3: acme-binding" in done.stderr), done.stderr


def test_host_without_certificate(program, place, pair):  # noqa: F811
    path = written(place, 'listen "https://127.0.0.1:0"\nhost "a.test" { root "%s"; %s }\nhost "b.test" { root "%s" }\n' % (place, pair.block, place))
    done = subprocess.run([program, "serve", "--config", path], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0 and "host b.test has no certificate for https://127.0.0.1:0" in done.stderr, done.stderr
