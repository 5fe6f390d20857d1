# SPDX-License-Identifier: GPL-2.0-or-later
"""
Automatic certificates of a public authority (RFC 8555), with Debian's uacme and pebble, and with scripts in the place of uacme that have
every fault. Needs root, for mount namespaces.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import ssl
import stat

import pytest

import acme
import client
from acme import NAME
from tools import children, descendants, field, is_there, kill_all, need

from test_certificates import state  # noqa: F401 (a fixture)
from test_keys import secrets
from test_tls import memory_of
from test_config import check, program, written  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
WAIT = 60
TOKEN = "tok-_EN"
BEGIN = '"$hook" begin http-01 %s %s "$(authorization %s)"' % (NAME, TOKEN, TOKEN)


@pytest.fixture
def pebble(tmp_path_factory):
    """pebble(...): an authority; started=False: one that does not run yet."""
    made = []

    def start(started=True, **settings):
        made.append(acme.Pebble(str(tmp_path_factory.mktemp("pebble")), **settings))
        return made[-1].start() if started else made[-1]
    yield start
    for one in made:
        one.end()


@pytest.fixture
def fake(place):
    return lambda *body: acme.Fake(place, *body)


@pytest.fixture
def served(tux, root, state):  # noqa: F811
    """served(authority, *names): TUX with a certificate of the authority. config: text of a file in place of names. plain: it listens without TLS, too."""
    def start(authority, *names, options=(), config=None, place=None, plain=True, **more):
        port = authority.secure
        arguments = [argument for name in names for argument in ("--tls", name)]
        if config:
            arguments += ["--config", written(place, config)]
        server = tux(root, *arguments, "--listen", "https://127.0.0.1:%d" % port, *(["--listen", "127.0.0.1:%d" % authority.plain] if plain else []),
                     "--state-directory", state, *authority.options, *options, listen=False, port=port, ready=False, wrapper=authority.wrapper, **more)
        server.plain = authority.plain
        server.wait_until(lambda: "sandbox:" in server.output, "it serves")
        return server
    return start


def has(server, words, count=1):
    server.wait_until(lambda: server.output.count(words) >= count, words, WAIT)


def certificate(server, context, name=NAME):
    with client.Connection(server.address, tls=context, name=name) as conn:
        assert conn.get("/file", host=name).body == b"data"
        return conn.sock.ssl.getpeercert(binary_form=True)


def valid(server, context, name=NAME):
    """Waits until clients that trust the authority are served."""
    def serves():
        try:
            return certificate(server, context, name)
        except (ssl.SSLCertVerificationError, client.Closed, ConnectionError):
            return None
    return server.wait_until(serves, "a certificate of the authority", WAIT)


def plain(server, target, method="GET", name=NAME):
    with client.Connection(("127.0.0.1", server.plain)) as conn:
        return conn.get(target, host=name, method=method)


def paused(server, state, where):  # noqa: F811
    server.wait_until(lambda: os.path.exists(os.path.join(state, "work", "paused-" + where)), "uacme waits at " + where)


def files_are_private(state):  # noqa: F811
    for folder, folders, files in os.walk(state):
        for name in folders + files:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                assert stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode) & 0o077 == 0, name


# With uacme and pebble.

def test_certificate_is_issued_and_outlives_a_restart(served, pebble, state):  # noqa: F811
    """RFC 8555 6.5: a client retries with another nonce. Until there is a certificate, a temporary one serves."""
    authority = pebble(PEBBLE_WFE_NONCEREJECT="30")
    server = served(authority, NAME)
    context = authority.trusting()
    before = valid(server, context)
    assert re.search(r"^tux: asking https://\S+ for a certificate for %s$" % re.escape(NAME), server.output, re.M), server.output
    with pytest.raises(ssl.SSLCertVerificationError):
        certificate(server, context, "c.example.org")
    has(server, "tux: new certificate for " + NAME)
    files_are_private(state)
    assert os.listdir(os.path.join(state, "accounts")) == [authority.folder]
    assert not os.path.exists(os.path.join(state, "work")), "no key is left with uacme"
    server.end()
    server = served(authority, NAME)
    assert certificate(server, context) == before
    assert "new certificate" not in server.output


# With a script in the place of uacme.

@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_only_the_challenge_is_answered(served, fake, state, root, engine):  # noqa: F811
    """RFC 8555 8.3. A challenge is answered before routes and redirects, at every address. Other paths are as before."""
    os.makedirs(os.path.join(root, ".well-known/acme-challenge"))
    with open(os.path.join(root, ".well-known/acme-challenge/mine"), "wb") as file:
        file.write(b"mine")
    authority = fake(BEGIN + "\npause challenge\n" + BEGIN.replace("begin", "done") + "\npause2() { D=/ pause done; }; pause2")
    server = served(authority, NAME, options=["--engine", engine, "--https-redirect", "on"])
    paused(server, state, "challenge")
    path, answer = "/.well-known/acme-challenge/", acme.authorization(state, TOKEN)
    for name in (NAME, "other.example.org", "127.0.0.1"):
        response = plain(server, path + TOKEN, name=name)
        assert (response.status, response.body, response.field("Content-Type")) == (200, answer.encode(), "application/octet-stream")
    response = plain(server, path + TOKEN, "HEAD")
    assert (response.status, response.field("Content-Length")) == (200, str(len(answer)))
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with client.Connection(server.address, tls=anyone, name=NAME) as conn:
        assert conn.get(path + TOKEN, host=NAME).body == answer.encode()
        assert conn.get(path + TOKEN, host=NAME, method="DELETE").status in (405, 501)
        assert conn.get(path + TOKEN + "?q", host=NAME).body == answer.encode()
        assert conn.get("/file", host=NAME).body == b"data"
    for wrong in ("tok-_E", "tok-_ENN", "TOK-_EN", "", "tok-_EN/"):
        assert plain(server, path + wrong).status in (404, 403, 301), wrong
    assert plain(server, path + "mine").body == b"mine"
    assert plain(server, "/file").status == 308
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "tux: reloaded" in server.output, "it has reloaded")
    server.wait_until(lambda: plain(server, path + TOKEN).status == 200, "another uacme has begun the challenge again")
    authority.go()
    paused(server, state, "done")
    assert plain(server, path + TOKEN).status == 404


def test_challenge_is_answered_before_a_route_of_everything(served, fake, state, place, root):  # noqa: F811
    authority = fake(BEGIN + "\npause challenge")
    server = served(authority, place=place, config="""
        tls { automatic on; email "me@example.org" }
        host "a.example.org" { root "%s"; route "/" { redirect "/elsewhere" } }
        host "b.internal" { root "%s" }
    """ % (root, root))
    paused(server, state, "challenge")
    assert plain(server, "/file").status == 301
    assert plain(server, "/.well-known/acme-challenge/" + TOKEN).body == acme.authorization(state, TOKEN).encode()


def test_hosts_of_a_file_with_both_authorities(served, fake, state, place, root):  # noqa: F811
    authority = fake()
    server = served(authority, place=place, config="""
        root "%s"
        tls { automatic on; email "me@example.org" }
        host "a.example.org" { name "www.example.org" }
        host "b.internal" { }
        host "c.example.org" { tls { automatic on; directory "https://other.example/dir" } }
    """ % root)
    context = authority.trusting()
    one = valid(server, context)
    assert valid(server, context, "www.example.org") == one != valid(server, context, "c.example.org")
    with pytest.raises(ssl.SSLCertVerificationError):
        certificate(server, context, "b.internal")
    assert sorted(os.listdir(os.path.join(state, "certificates"))) == ["fake.example_dir", "local", "other.example_dir", "temporary"]
    assert sorted(os.listdir(os.path.join(state, "accounts"))) == ["fake.example_dir", "other.example_dir"]


def test_added_name_gets_a_new_certificate(served, fake, place, root):
    config = 'root "%s"\ntls { automatic on }\nhost "a.example.org" { %s }\n'
    authority = fake()
    server = served(authority, place=place, config=config % (root, ""))
    context = authority.trusting()
    valid(server, context)
    written(place, config % (root, 'name "www.example.org"'))
    server.signal(signal.SIGHUP)
    valid(server, context, "www.example.org")
    valid(server, context)


@pytest.mark.parametrize("body,words", [
    ("exit 1", "uacme failed without a message"),
    ("printf 'one\\n\\033[2Jtwo\\303\\244\\n'; exit 1", "one ?[2Jtwo??; the next"),
    ("yes x | head -c 100000; echo last; exit 1", "x x last; the next"),
    ("kill -9 $$", "uacme was ended by signal 9"),
    ("p=d; for i in $(seq 200); do p=$p/d; done; mkdir -p $p && : >$p/f && ln -s /etc $p/l && echo deep; exit 1", "deep; the next"),
    ("mkdir -p private/.moved-0/a .moved-0/b/c .moved-1; : >.moved-2; exit 1", "uacme failed without a message"),
    ("rm -r *; mkdir -p .moved-0/a/b .moved-1/a/b; echo moved; exit 1", "moved; the next"),
    ("exec >&- 2>&-; sleep 0.3; exit 1", "uacme failed without a message"),
    ("exit 0", "cannot read the certificate of uacme: No such file"),
    ("echo garbage >request-cert.pem", "the authority's response has no certificate"),
    ("ln -s /etc/passwd request-cert.pem", "cannot read the certificate of uacme: Too many levels"),
    ("mkfifo request-cert.pem", "cannot read the certificate of uacme: Invalid"),
    ("mkdir request-cert.pem", "cannot read the certificate of uacme: "),
    ("cp $D/ca.pem request-cert.pem", "the authority's certificate is for another key"),
    ("openssl req -new -key private/key.pem -subj /CN=x -out request.pem; sign", "the authority's certificate is for another key"),
    ("sed -i s/copy_ext/x/ /dev/null; openssl x509 -req -in request.pem -CA $D/ca.pem -CAkey $D/ca.key -set_serial 3 -days 9 -out request-cert.pem",
     "the authority's certificate is for other names"),
    ("sign; printf -- '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n' >>request-cert.pem", "the authority's certificate cannot be used"),
    ("sign; head -c 70000 /dev/zero | tr '\\0' ' ' >>request-cert.pem", "more than 65536 bytes"),
    ("head -c 2000000 /dev/zero >request-cert.pem || kill -9 $$", "signal"),
    ("head -c 2000000 /dev/zero >request-cert.pem; exit 1", "permits uacme 1 MiB in a file; the next"),
    ("exec openssl rand 2000000 >request-cert.pem", "permits uacme 1 MiB in a file; the next"),
    ("head -c 2000000000 /dev/zero | tail; exit 1", "permits uacme 512 MiB of memory; the next"),
    ("while sleep 99 & do :; done; exit 1", "permits uacme 256 processes; the next"),
    ("ulimit -t | grep -q '^60$' && ulimit -St 1 && while :; do :; done", "permits uacme 60 s of CPU time; the next"),
    ('begin() { "$hook" begin http-01 x "$1" "$(authorization "$2")"; }; "$hook" begin tls-alpn-01 x t "$(digest t)" || begin "../x" "../x" || begin t k || '
     'begin "" "" || "$hook" begin http-01 x t t.another-account || t=$(head -c 300 /dev/zero | tr "\\0" a); begin "$t" "$t" || begin "a\nb" "a\nb" || '
     'echo declined; exit 1', "declined; the next"),
    ('t=$(authorization t); for i in $(seq 40); do "$hook" begin http-01 x "t$i" "t$i.${t#t.}" || { echo "declined $i"; exit 1; }; done', "declined 33; the next"),
])
def test_hostile_results_are_refused(served, fake, state, body, words):  # noqa: F811
    server = served(fake(body), NAME)
    has(server, "tux: no certificate for %s: " % NAME)
    line = [line for line in server.output.splitlines() if "no certificate for" in line][0]
    assert words in line and len(line) < 1200 and "a temporary certificate" in line, line
    server.end()
    assert not os.path.exists(os.path.join(state, "work"))
    folder = os.path.join(state, "certificates", "fake.example_dir")
    assert not os.path.exists(folder) or os.listdir(folder) == []


def test_helper_has_no_privileges(served, fake, state, root, place):  # noqa: F811
    """Even if the authority's response takes over uacme: another user, no other key, no other file."""
    key = os.path.join(place, "readable.key")
    with open(key, "w", encoding="ascii") as file:
        file.write("secret")
    authority = fake("""
        facts="uid $(id -u) $(grep -c '^CapEff:.0*$' /proc/self/status) $(grep ^NoNewPrivs /proc/self/status | tr -d '\\t') $(ls private)"
        facts="$facts descriptors $(echo /proc/$$/fd/*)"
        facts="$facts environment $(env | grep -v -e ^PWD= -e ^TUX_ACME_HOOK=3$ -e ^PATH=/usr -e ^HOME=.$ -e ^_= -e ^OLDPWD= -e ^SHLVL=)"
        for file in %s ../authority/authority.pem ../certificates/temporary/a.example.org.pem %s /etc/hostname; do
            cat $file >/dev/null 2>&1 && facts="$facts read $file"
        done
        for file in /tmp/tux-test-uacme %s/file ../x /dev/shm/tux-test-uacme; do
            (echo x >$file) 2>/dev/null && facts="$facts wrote $file"
        done
        echo x >own && facts="$facts wrote own"
        getent hosts localhost >/dev/null && (exec </etc/resolv.conf) && facts="$facts resolves"
        echo "$facts"; exit 1""" % (key, os.path.join(root, "file"), root))
    server = served(authority, NAME)
    has(server, "tux: no certificate for %s: " % NAME)
    line = [line for line in server.output.splitlines() if "no certificate for" in line][0]
    assert re.search("uid 6[0-9]{4} 1 NoNewPrivs:1 key.pem descriptors /proc/", line) and "wrote own resolves;" in line, line
    assert line.split("environment ")[1].startswith(("wrote own", "read ")), line
    descriptors = {path.rsplit("/", 1)[1] for path in line.split("descriptors ")[1].split(" environment")[0].split()}
    assert {"0", "1", "2", "3", "4"} <= descriptors <= {"0", "1", "2", "3", "4", "5", "10"}, "the shell has two of its own: " + line
    assert "../" not in line and "file wrote" not in line and "wrote %s" % root not in line, line
    if "landlock" in server.output:
        assert "read " not in line and line.count("wrote") == 1, line
    with open(os.path.join(root, "file"), "rb") as file:
        assert file.read() == b"data"


STEAL = """
import ctypes, os, sys
call = ctypes.CDLL(None, use_errno=True).syscall
copy = call(ctypes.c_long(438), ctypes.c_long(call(ctypes.c_long(434), ctypes.c_long(int(sys.argv[1])), 0)), ctypes.c_long(3), 0)
print("descriptor", copy, ctypes.get_errno())
for name in ("cwd/private/key.pem", "environ", "root/", "fd/3", "mem"):
    print(name, os.access("/proc/%s/%s" % (sys.argv[1], name), os.R_OK))
"""


def test_program_of_the_server_gets_nothing_of_uacme(served, fake, state):  # noqa: F811
    """A CGI program has the user who serves. It gets neither the socket of the hook nor the key of the account."""
    server = served(fake("pause begin"), NAME)
    paused(server, state, "begin")
    # A process that it starts has its name, too, until it runs another program, and comes after it.
    uacme = next(pid for pid, name in descendants(server.process.pid).items() if name == "uacme")
    did = subprocess.run([need("setpriv"), "--reuid", "33", "--regid", "33", "--clear-groups", sys.executable, "-c", STEAL, str(uacme)],
                         capture_output=True, text=True, check=True).stdout.split("\n")
    assert did[0].startswith("descriptor -1 ") and all(line.endswith(" False") for line in did[1:] if line), did


def test_no_process_keeps_a_key(served, fake, state):  # noqa: F811
    """The key of the account is in no process, and that of the certificate in the one that signs, once it serves."""
    authority = fake()
    server = served(authority, NAME, options=["--key-process", "on", "--threads", "1"])
    if int(server.status("VmSize").split()[0]) > 1 << 30:
        pytest.skip("a sanitizer maps terabytes")
    valid(server, authority.trusting())
    has(server, "tux: new certificate for " + NAME)
    server.wait_until(lambda: list(descendants(server.process.pid).values()).count("tux keys") == 1, "the process before has ended")
    everyone = {server.process.pid: "supervisor", **descendants(server.process.pid)}
    for path, holders in (("accounts/fake.example_dir/private/key.pem", set()), ("certificates/fake.example_dir/%s.pem" % NAME, {"tux keys"})):
        wanted = secrets(os.path.join(state, path))
        memory = {name: memory_of(pid) for pid, name in everyone.items()}
        assert {name for name in memory if any(number in memory[name] for number in wanted)} == holders, path


def test_user_without_privileges(tux, root, fake, state):  # noqa: F811
    """As with the unit of systemd: the supervisor and uacme have the user of the server. Landlock keeps keys from uacme."""
    authority = fake("""cat ../certificates/temporary/a.example.org.pem >stolen 2>/dev/null && exit 1
        sign; mkdir -p a/b/c/d; chmod 0 a/b/c a/b a; chmod 500 .""")
    os.mkdir(state, 0o700)
    os.chown(state, 33, 33)
    port = acme.free_port()
    become = (need("setpriv"), "--reuid", "33", "--regid", "33", "--clear-groups", "--no-new-privs")
    server = tux(root, "--tls", NAME, "--listen", "https://127.0.0.1:%d" % port, "--listen", "127.0.0.1:%d" % authority.plain, "--state-directory", state,
                 *authority.options, listen=False, port=port, ready=False, wrapper=(*authority.wrapper, *become))
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    if "landlock" not in server.output:
        pytest.skip("this kernel has no Landlock")
    valid(server, authority.trusting())
    files_are_private(state)
    assert not os.path.exists(os.path.join(state, "work"))


def test_processes_that_uacme_leaves_are_ended(served, fake):
    server = served(fake("(setsid sleep 999 & ) ; (setsid sh -c 'sleep 998 & sleep 999' & ); exit 1"), NAME)
    has(server, "tux: no certificate for " + NAME)
    assert not [name for name in descendants(server.process.pid).values() if name in ("sleep", "sh")]


@pytest.mark.parametrize("where", ["begin", "signed"])
@pytest.mark.parametrize("killed", ["supervisor", "renewal", "issuing", "uacme", "all"])
def test_killed_in_each_state(served, fake, state, where, killed):  # noqa: F811
    """Nothing runs on, the challenge ends, and the next start or attempt gets a certificate."""
    authority = fake({"begin": BEGIN + "\npause begin\nsign", "signed": BEGIN + "\nsign\npause signed"}[where])
    server = served(authority, NAME)
    paused(server, state, where)
    renewal = [pid for pid, name in children(server.process.pid).items() if name == "tux renewal"]
    assert len(renewal) == 1
    issuing = list(children(renewal[0]))
    uacme = list(children(issuing[0]))
    assert len(issuing) == len(uacme) == 1 and set(map(int, field(uacme[0], "Uid").split())) <= set(range(61184, 65520))
    server_process = server.pid
    if killed == "supervisor":
        os.kill(server.process.pid, signal.SIGKILL)
    elif killed == "all":
        kill_all((server.process.pid, server_process, renewal[0], issuing[0], uacme[0]))
    else:
        os.kill({"renewal": renewal, "issuing": issuing, "uacme": uacme}[killed][0], signal.SIGKILL)
    client.wait_until(lambda: not is_there(uacme[0]), "uacme has ended")
    if killed in ("supervisor", "all"):
        client.wait_until(lambda: not is_there(renewal[0]) and not is_there(server_process), "all have ended")
        server.process.wait()
        server.end = lambda: None
        authority.go()
        server = served(authority, NAME)
    else:
        authority.go()
    valid(server, authority.trusting())
    assert plain(server, "/.well-known/acme-challenge/" + TOKEN).status == 404
    files_are_private(state)
    assert not os.path.exists(os.path.join(state, "work"))
    if killed == "renewal":
        assert "the process that renews certificates has ended" in server.output


def test_uacme_is_stopped_with_the_server(served, fake, state):  # noqa: F811
    server = served(fake("pause begin"), NAME)
    paused(server, state, "begin")
    below = descendants(server.process.pid)
    server.end()
    client.wait_until(lambda: not any(is_there(pid) for pid in below), "all have ended")


def test_missing_uacme_is_named(served, fake):
    authority = fake()
    authority.wrapper = acme.wrapper(**{"/usr/bin/uacme": "/dev/null"})
    has(served(authority, NAME), "uacme is not installed: apt install uacme")


@pytest.mark.parametrize("text,words", [("", "it needs KEYID:KEY"), ("kid", "it needs KEYID:KEY"), ("kid:a b", "it needs KEYID:KEY"), (None, "No such file")])
def test_wrong_binding_is_named(served, fake, place, text, words):
    path = os.path.join(place, "binding")
    if text is not None:
        written(place, text, "binding")
    server = served(fake(), NAME, options=["--acme-binding", path])
    has(server, words)
    assert 'acme-binding "%s"' % path in server.output


@pytest.mark.parametrize("kind", ["expired", "not-yet", "due"])
def test_certificate_that_is_not_valid_now_is_not_asked_for_at_once(served, fake, state, kind):  # noqa: F811
    """With a wrong clock each new certificate would be due at once. It counts as a failure, with a growing delay."""
    begin, end = {"expired": ("2020", "2021"), "not-yet": ("2050", "2051"), "due": ("2020", "2030")}[kind]
    authority = fake("""
        : >index
        openssl ca -batch -notext -md sha256 -in request.pem -cert $D/ca.pem -keyfile $D/ca.key -rand_serial -outdir . -config $D/ca.conf \\
            -out request-cert.pem -startdate %s0101000000Z -enddate %s0101000000Z""" % (begin, end))
    with open(os.path.join(authority.place, "ca.conf"), "w", encoding="ascii") as file:
        file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=optional\n")
    server = served(authority, NAME, options=["--acme-retry", "30"])
    has(server, "is the clock right?")
    assert "the next attempt is in 3" in server.output
    assert server.output.count("no certificate for") == 1


def test_failures_outlive_a_restart(served, fake, state):  # noqa: F811
    """A server that is started again and again must not ask the authority each time. A reload does, as of the administrator."""
    authority = fake(": >>ran; echo no; exit 1")
    server = served(authority, NAME, options=["--acme-retry", "100"])
    has(server, "tux: no certificate for %s: no; the next attempt is in 1" % NAME)
    path = os.path.join(state, "failures", "fake.example_dir", NAME + ".pem")
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    assert lines[0].startswith("1 ") and lines[1:] == [NAME]
    files_are_private(state)
    server.end()
    server = served(authority, NAME, options=["--acme-retry", "100"])
    has(server, "tux: no certificate for %s: 1 attempts in a row have failed before this start; the next one is in " % NAME)
    assert "no; the next attempt" not in server.output
    server.signal(signal.SIGHUP)
    has(server, "tux: no certificate for %s: no; the next attempt is in 1" % NAME)
    server.end()
    server = served(authority, NAME, "b.example.org", options=["--acme-retry", "100"])  # the other names make it another certificate
    has(server, "tux: no certificate for %s: no; the next attempt is in 1" % NAME)
    authority.write("sign")
    server.signal(signal.SIGHUP)
    valid(server, authority.trusting())
    client.wait_until(lambda: not os.path.exists(path), "the failures are forgotten")


def test_restarts_within_an_attempt_are_delayed(served, fake, state):  # noqa: F811
    """Each start would begin an order at the authority."""
    authority = fake("pause begin")
    server = served(authority, NAME, options=["--acme-retry", "100"])
    paused(server, state, "begin")
    server.end()
    server = served(authority, NAME, options=["--acme-retry", "100"])
    has(server, "1 attempts in a row have failed before this start")


@pytest.mark.parametrize("text", ["", "x", "1\n", "0 99999999999\n%s\n", "1 99999999999\n", "1 99999999999\n%s\nx\n", "1 99999999999\n%s\n", "-1 5\n%s\n"])
def test_malformed_failures_do_not_delay(served, fake, state, text):  # noqa: F811
    """Nor do those whose time is far ahead, because the clock was set back."""
    os.makedirs(os.path.join(state, "failures", "fake.example_dir"))
    for folder in (state, os.path.join(state, "failures"), os.path.join(state, "failures", "fake.example_dir")):
        os.chmod(folder, 0o700)
    with open(os.path.join(state, "failures", "fake.example_dir", NAME + ".pem"), "w", encoding="ascii") as file:
        file.write(text.replace("%s", NAME))
    authority = fake()
    valid(served(authority, NAME), authority.trusting())


def test_failed_renewals_are_counted(served, fake, place, root):
    authority = fake("echo no; exit 1")
    server = served(authority, place=place, config='tls { automatic on }\nhost "%s" { root "%s"; route "=/status" { status on } }\n' % (NAME, root))
    has(server, "tux: no certificate for " + NAME, 2)
    page = plain(server, "/status?format=prometheus")
    count = [line for line in page.body.decode().splitlines() if line.startswith("tux_tls_renewals_failed_total ")]
    assert page.status == 200 and int(count[0].split()[1]) >= 2, page.body
    assert json.loads(plain(server, "/status?format=json").body)["tls"]["renewals_failed"] >= 2


def test_two_servers_share_a_state_directory(served, fake):
    """One of them asks the authority. The other one waits, and takes its certificate."""
    authority = fake("sleep 1; sign")
    running = [served(authority, NAME)]
    authority.plain, authority.secure = acme.free_port(), acme.free_port()
    running.append(served(authority, NAME))
    context = authority.trusting()
    one, other = (valid(server, context) for server in running)
    assert one == other

    def count():
        return sum(server.output.count("new certificate") for server in running)
    client.wait_until(count, "the line, which comes after the report to the supervisor")
    assert count() == 1


@pytest.mark.parametrize("text,words", [
    ('directory "http://ca.example/dir"', "production, staging, or a URL that begins with https://"),
    ('directory "https://a b"', "production, staging, or a URL that begins with https://"),
    ('email "me"', "an address such as me@example.org"),
    ('email "-o@x.example"', "an address such as me@example.org"),
    ('email "a@b.example,c@d.example"', "an address such as me@example.org"),
])
def test_wrong_values_are_refused(program, place, text, words):  # noqa: F811
    done = check(program, written(place, 'host "a.example.org" { root "/"\ntls { automatic on; %s } }\n' % text))
    assert done.returncode == 1 and words in done.stderr and ":2:" in done.stderr, done.stderr


@pytest.mark.parametrize("listen,challenge,warned", [
    ('"https://:443"', "auto", False), ('"https://:443"', "tls-alpn-01", False), ('"https://:443"', "http-01", True),
    ('["https://:443", ":80"]', "http-01", False)])
def test_missing_plain_address_is_warned_of(program, place, listen, challenge, warned):  # noqa: F811
    text = 'listen %s\nacme-challenge %s\nhost "a.example.org" { root "/"; tls { automatic on } }\nhost "b.example.org" { root "/"; tls { automatic on; %s } }\n'
    for first, second in (("auto", "challenge %s" % challenge), (challenge, "")):
        done = check(program, written(place, text % (listen, first, second)))
        assert done.returncode == 0 and ("port 80" in done.stderr) == warned, done.stderr


@pytest.mark.parametrize("text,words", [
    ('tls { certificate "x"; email "me@example.org" }', "are for automatic on"),
    ('tls { certificate "x"; challenge http-01 }', "are for automatic on"),
    ('tls { automatic on; challenge dns-01 }', "auto, http-01 or tls-alpn-01"),
    ('tls { automatic on }\nhost "*.example.org" { root "/" }', "by DNS only"),
    ('tls { automatic on }\nhost "a.example.org" { root "/"; name "a.internal" }', "need different authorities"),
])
def test_wrong_blocks_are_refused(program, place, text, words):  # noqa: F811
    done = check(program, written(place, text + "\n"))
    assert done.returncode == 1 and words in done.stderr, done.stderr
