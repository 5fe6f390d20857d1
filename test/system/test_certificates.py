# SPDX-License-Identifier: GPL-2.0-or-later
"""Automatic certificates of TUX's own authority: the state directory, names, trust, and what is made anew."""
import os
import signal
import ssl
import stat
import subprocess

import pytest

import client
import tls
from tools import children, free_port, is_sanitized, need

from test_config import check, program, written  # noqa: F401 (a fixture)

AUTHORITY = "authority/authority.pem"
OF_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def state(place):
    """A state directory that does not exist yet, in one that only its owner can change."""
    os.chmod(place, 0o755)
    return os.path.join(place, "state")


@pytest.fixture
def own(tux, root, state):
    """own(*names): TUX with an automatic certificate. ready=False: without waiting for it."""
    def start(*names, options=(), ready=True, **more):
        port, plain = free_port(), free_port()
        arguments = [argument for name in names for argument in ("--tls", name)]
        server = tux(root, *arguments, "--listen", "https://127.0.0.1:%d" % port, "--listen", "127.0.0.1:%d" % plain, "--state-directory", state,
                     *options, listen=False, port=port, ready=False, **more)
        server.plain = plain
        if ready:
            server.wait_until(lambda: "sandbox:" in server.output, "it serves")
        else:
            server.end = lambda: server.stop() in (0, 1)
        return server
    return start


def trust(program, state):  # noqa: F811
    return subprocess.run([program, "trust", "--state-directory", state], capture_output=True, text=True, timeout=20, check=False)


def trusting(program, state, place):  # noqa: F811
    """A client's context that trusts what `tux trust` prints."""
    path = os.path.join(place, "authority.crt")
    with open(path, "w", encoding="ascii") as file:
        file.write(trust(program, state).stdout)
    return tls.trusting(tls.Pair(path, None))


def serial(server, context, name):
    with client.Connection(server.address, tls=context, name=name) as conn:
        assert conn.get("/file", host="[%s]" % name if ":" in name else name).body == b"data"
        return ssl.DER_cert_to_PEM_cert(conn.sock.ssl.getpeercert(binary_form=True))


def test_internal_names_are_trusted_with_the_authority(own, program, state, place):  # noqa: F811
    server = own("localhost", "*.shop.internal", "printer.local", "127.0.0.1", "::1")
    context = trusting(program, state, place)
    for name in ("localhost", "a.shop.internal", "printer.local", "127.0.0.1", "::1"):
        serial(server, context, name)
    for name in ("other.localhost", "a.b.shop.internal", "127.0.0.2"):
        with pytest.raises(ssl.SSLCertVerificationError):
            client.Connection(server.address, tls=context, name=name)
    with client.Connection(("127.0.0.1", server.plain)) as conn:
        assert conn.get("/file").body == b"data"


def test_localhost_is_trusted_by_its_addresses(own, program, state, place):  # noqa: F811
    """The start prints https://127.0.0.1 for `--tls localhost`."""
    server = own("localhost")
    context = trusting(program, state, place)
    for name in ("localhost", "127.0.0.1", "::1"):
        serial(server, context, name)


def test_curl_trusts_what_tux_trust_prints(own, program, state, place):  # noqa: F811
    server = own("localhost")
    trusting(program, state, place)
    done = subprocess.run([need("curl"), "-sS", "--cacert", os.path.join(place, "authority.crt"), "https://localhost:%d/file" % server.port],
                          capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (0, "data"), done.stderr
    done = subprocess.run([need("curl"), "-sS", "https://localhost:%d/file" % server.port], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 60, "a client that does not trust it"


def test_trust_names_the_fingerprint_and_has_no_key(own, program, state):  # noqa: F811
    own("localhost")
    done = trust(program, state)
    fingerprint = tls.openssl("x509", "-noout", "-fingerprint", "-sha256", input=done.stdout).split("=")[1].strip()
    assert fingerprint in done.stderr and "update-ca-certificates" in done.stderr
    assert "KEY" not in done.stdout and done.stdout.count("BEGIN CERTIFICATE") == 1


def test_trust_before_the_first_start_says_how_to_make_an_authority(program, place, state):  # noqa: F811
    done = trust(program, state)
    assert done.returncode == 1 and "No such file" in done.stderr
    os.mkdir(state, 0o700)
    done = trust(program, state)
    assert done.returncode == 1 and "tux serve --tls localhost" in done.stderr


def test_files_are_the_owners_alone(own, state):
    own("localhost")
    for folder, folders, files in os.walk(state):
        for name in folders + files:
            path = os.path.join(folder, name)
            assert stat.S_IMODE(os.lstat(path).st_mode) & 0o077 == 0, path
    assert sorted(os.listdir(state)) == ["authority", "certificates", "lock"]


def test_restart_and_reload_keep_certificate_and_authority(own, program, state, place):  # noqa: F811
    server = own("localhost")
    context = trusting(program, state, place)
    before = serial(server, context, "localhost")
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "tux: reloaded" in server.output, "it has reloaded")
    assert serial(server, context, "localhost") == before
    server.end()
    again = own("localhost")
    assert serial(again, context, "localhost") == before
    assert "made an authority" not in again.output


def replace(state, authority, *names, days, begin=None):
    """Puts another certificate for localhost into the store, signed by the authority there."""
    path = os.path.join(state, "certificates/local/localhost.pem")
    pair = tls.Pair(authority, authority)
    request, extensions = path + ".csr", path + ".ext"
    key = tls.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    with open(path, "w", encoding="ascii") as file:
        file.write(key)
    tls.openssl("req", "-new", "-key", path, "-out", request, "-subj", "/O=old")
    with open(extensions, "w", encoding="ascii") as file:
        file.write(tls.alternatives(names) + "\n")
    made = tls.openssl("x509", "-req", "-in", request, "-CA", pair.certificate, "-CAkey", pair.key, "-set_serial", "1", "-days", str(days),
                       "-extfile", extensions)
    os.unlink(request)
    os.unlink(extensions)
    with open(path, "a", encoding="ascii") as file:
        file.write(made)
    return made


@pytest.mark.parametrize("names,days,kept", [(["localhost"], 30, True), (["localhost"], -1, False), (["other.localhost"], 30, False)],
                         ids=["good", "expired", "another-name"])
def test_certificate_is_made_anew_at_a_reload(own, program, state, place, names, days, kept):  # noqa: F811
    server = own("localhost")
    context = trusting(program, state, place)
    old = replace(state, os.path.join(state, AUTHORITY), *names, days=days)
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "tux: reloaded" in server.output, "it has reloaded")
    assert (serial(server, context, "localhost").strip() == old[old.index("-----BEGIN"):].strip()) == kept


CLOCK = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
time_t time(time_t *out)
{
	struct timeval now;
	FILE *file = fopen(getenv("TUX_TEST_CLOCK"), "r");
	long ahead = 0;

	gettimeofday(&now, NULL);
	if (file && fscanf(file, "%ld", &ahead) != 1)
		ahead = 0;
	if (file)
		fclose(file);
	if (out)
		*out = now.tv_sec + ahead;
	return now.tv_sec + ahead;
}
"""


def test_certificate_is_made_anew_while_the_server_runs(own, program, place):  # noqa: F811
    """After 19 days 11 are left, and after 21 there are 9. The supervisor looks when it wakes; SIGCHLD wakes it."""
    if is_sanitized(program):
        pytest.skip("the sanitizer has to be the first library")
    source, library, ahead = (os.path.join(place, name) for name in ("clock.c", "clock.so", "ahead"))
    with open(source, "w", encoding="ascii") as file:
        file.write(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE

    def days(count):
        with open(ahead + ".new", "w", encoding="ascii") as file:
            file.write("%d" % (count * 86400))
        os.rename(ahead + ".new", ahead)
        server.signal(signal.SIGCHLD)
        client.wait_until(lambda: server.pid != pid, "another process serves")
        return serial(server, anyone, "localhost")

    server = own("localhost", env={"LD_PRELOAD": library, "TUX_TEST_CLOCK": ahead})
    first, pid = serial(server, anyone, "localhost"), server.pid
    assert days(19) == first
    pid = server.pid
    client.wait_until(lambda: len([name for name in children(server.process.pid).values() if name == "tux"]) == 1, "the older process has ended")
    client.wait_until(lambda: days(26) != first, "another certificate serves")
    assert "tux: reloaded" not in server.output


def test_another_authority_signs_anew(own, program, state, place):  # noqa: F811
    server = own("localhost")
    os.unlink(os.path.join(state, AUTHORITY))
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: "tux: reloaded" in server.output, "it has reloaded")
    serial(server, trusting(program, state, place), "localhost")


def test_authority_permits_no_public_name(own, state, place):
    """RFC 5280 4.2.1.10: a certificate for another name is invalid, even if the authority has signed it."""
    own("localhost")
    authority = os.path.join(state, AUTHORITY)
    issuer = tls.Pair(authority, authority)
    good = tls.make_signed(place, "good", issuer, "a.localhost", "10.1.2.3")
    bad = [tls.make_signed(place, "bad%d" % i, issuer, name) for i, name in enumerate(["example.org", "9.9.9.9", "localhost.example"])]
    assert "OK" in tls.openssl("verify", "-CAfile", authority, good.certificate)
    for pair in bad:
        done = subprocess.run(["openssl", "verify", "-CAfile", authority, pair.certificate], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "permitted subtree violation" in done.stderr


def test_key_of_the_authority_is_in_no_process(own, state):
    server = own("localhost")
    with open(os.path.join(state, AUTHORITY), encoding="ascii") as file:
        secret = file.read().split("-----BEGIN PRIVATE KEY-----\n")[1].split("\n")[1][:40].encode()
    for pid in [server.process.pid, server.pid] if os.geteuid() == 0 else []:
        with open("/proc/%d/maps" % pid, encoding="ascii") as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                first, last = (int(part, 16) for part in span.split("-"))
                if mode.startswith("rw") and last - first < 1 << 28:
                    memory.seek(first)
                    try:
                        assert secret not in memory.read(last - first), line
                    except OSError:
                        pass


def test_directory_that_others_can_change_is_refused(own, state):
    os.mkdir(state, 0o700)
    os.chmod(state, 0o777)
    server = own("localhost", ready=False)
    assert server.wait() == 1 and "other users" in server.output
    assert os.listdir(state) == []


@OF_ROOT
def test_root_uses_no_directory_of_another_user(own, state):
    os.mkdir(state, 0o700)
    os.chown(state, 33, 33)
    server = own("localhost", ready=False)
    assert server.wait() == 1 and "other users own it" in server.output
    assert os.listdir(state) == []


@OF_ROOT
@pytest.mark.parametrize("what", ["state", "certificates", AUTHORITY, "certificates/local/localhost.pem"])
def test_no_link_is_followed(own, program, state, place, what):  # noqa: F811
    """A link that another user has made, in a place that this user owns, or anywhere in the store."""
    theirs = os.path.join(place, "theirs")
    os.mkdir(theirs)
    if what == "state":
        os.symlink(theirs, state)
        os.lchown(state, 33, 33)
        os.chown(place, 33, 33)
    else:
        path = os.path.join(state, what)
        os.makedirs(os.path.dirname(path), 0o700)
        os.chmod(state, 0o700)
        target = theirs if what == "certificates" else os.path.join(theirs, "file")
        if target != theirs:
            with open(target, "wb"):
                pass
        os.symlink(target, path)
    server = own("localhost", ready=False)
    if what == "certificates/local/localhost.pem":  # the new certificate takes the name of the link
        server.wait_until(lambda: "sandbox:" in server.output, "it serves")
        assert not os.path.islink(path)
    else:
        assert server.wait() == 1 and state in server.output.splitlines()[-1], server.output
    assert all(os.stat(os.path.join(theirs, name)).st_size == 0 for name in os.listdir(theirs))


@OF_ROOT
@pytest.mark.parametrize("name,user,addresses", [
    ("localhost", None, ["https://127.0.0.1/", "http://127.0.0.1/", "https://[::1]/", "http://[::1]/"]),
    ("localhost", "33", ["https://127.0.0.1:8443/", "http://127.0.0.1:8080/", "https://[::1]:8443/", "http://[::1]:8080/"]),
    ("shop.internal", None, ["https://127.0.0.1/", "http://127.0.0.1/"]),
    ("shop.internal", "33", ["https://127.0.0.1:8443/", "http://127.0.0.1:8080/"]),
])
def test_default_addresses(tux, root, state, name, user, addresses):
    os.mkdir(state, 0o700)
    os.chown(state, int(user or 0), int(user or 0))
    become = 'exec setpriv --reuid %s --regid %s --clear-groups "$@"' % (user, user) if user else 'exec "$@"'
    server = tux(root, "--tls", name, "--state-directory", state, listen=False, ready=False,
                 wrapper=(need("unshare"), "-n", "sh", "-c", need("ip") + " link set lo up; echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start; " + become, "sh"))
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    assert [line.strip() for line in server.output.splitlines() if line.startswith("  http")] == addresses or name == "shop.internal"
    assert all(address in server.output for address in addresses)
    assert ("this user may not listen on ports 443 and 80" in server.output) == bool(user)


@OF_ROOT
@pytest.mark.parametrize("options,addresses", [
    ("--listen :443 --tls localhost", ["https://127.0.0.1/", "https://[::1]/", "http://127.0.0.1/", "http://[::1]/"]),
    ("--listen [::1]:8443 --tls localhost", ["https://[::1]:8443/", "http://[::1]:8080/"]),
    ("--listen https://127.0.0.1:443 --tls localhost", ["https://127.0.0.1/"]),
    ("--listen 127.0.0.1:443 --certificate PEM --key KEY", ["https://127.0.0.1/"]),
])
def test_plain_address_beside_the_one_of_tls(tux, root, state, place, options, addresses):
    """Issue 18: `--listen :443 --tls NAME` and nothing more redirects plain requests, too."""
    pair = tls.make(place, "test", "test")
    words = [{"PEM": pair.certificate, "KEY": pair.key}.get(word, word) for word in options.split()]
    server = tux(root, *words, "--state-directory", state, listen=False, ready=False,
                 wrapper=(need("unshare"), "-n", "sh", "-c", need("ip") + ' link set lo up; exec "$@"', "sh"))
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    assert sorted(line.strip() for line in server.output.splitlines() if line.startswith("  http")) == sorted(addresses)
    for url in addresses:
        if url.startswith("http:"):
            done = subprocess.run([need("nsenter"), "-t", str(server.process.pid), "-n", need("curl"), "-s", "-o", os.devnull, "-w",
                                   "%{http_code} %{redirect_url}", url + "a?b"], capture_output=True, text=True, check=False, timeout=30)
            assert done.stdout == "308 " + url.replace("http:", "https:").replace("8080", "8443") + "a?b"


@OF_ROOT
@pytest.mark.parametrize("listen,words", [
    ("--listen :443", "no address speaks TLS, so the certificates have no use: listen at https://ADDRESS:PORT"),
    ("--listen 127.0.0.1:443 --listen https://127.0.0.1:8443", "port 443 does not speak TLS: clients expect that of it, at https://ADDRESS:443"),
    ("--listen http://:80", "no address speaks TLS"), ("--listen https://:443 --listen :80", None),
])
def test_addresses_without_tls_are_told(tux, root, place, listen, words):
    """Certificates of a file do not change what an address of the command line speaks."""
    pair = tls.make(place, "test", "test")
    config = written(place, 'tls { certificate "%s"; key "%s" }\n' % (pair.certificate, pair.key))
    server = tux(root, "--config", config, *listen.split(), listen=False, ready=False,
                 wrapper=(need("unshare"), "-n", "sh", "-c", need("ip") + ' link set lo up; exec "$@"', "sh"))
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    assert ("tux: warning: %s" % words in server.output) if words else "speak" not in server.output


@OF_ROOT
def test_default_directory_of_a_user(tux, root, place):
    home = os.path.join(place, "home")
    os.mkdir(home)
    os.chown(home, 33, 33)
    port = free_port()
    wrapper = ("setpriv", "--reuid", "33", "--regid", "33", "--clear-groups")
    environment = {"HOME": home, "XDG_STATE_HOME": "", "STATE_DIRECTORY": ""}
    server = tux(root, "--tls", "localhost", "--port", str(port), listen=False, port=port, ready=False, wrapper=wrapper, env=environment)
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    assert os.path.exists(os.path.join(home, ".local/state/tux/certificates/local/localhost.pem"))


WRONG = [
    (["--tls", "8.8.8.8"], "a public address"),
    (["--tls", "printer"], "printer.internal"),
    (["--tls", "a b"], "is not a name"),
    (["--tls", "localhost", "--certificate", "x.pem"], "there is no other one"),
    (["--certificate", "x.pem", "--tls", "localhost"], "there is no other one"),
]


@pytest.mark.parametrize("options,words", WRONG)
def test_wrong_options(program, root, options, words):  # noqa: F811
    done = subprocess.run([program, "serve", root, *options], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


FILES = [
    ('tls { automatic on }\n', [(None, "needs a host with names")]),
    ('host "a.localhost" { root "/" }\nhost "b.localhost" { root "/"\ntls { automatic on; key "x" } }\n', [(3, "automatic is on")]),
    ('tls { automatic on }\nhost "a.internal" { root "/" }\nhost "8.8.8.8" { root "/" }\n', [(3, "a public address")]),
    ('tls { automatic on }\nhost "*.example.org" { root "/" }\n', [(2, "by DNS only")]),
    ('tls { automatic on }\nhost "all" { root "/srv/%h" }\n', [(2, "hosts that directories make")]),
    ('host "a.internal" { root "/" }\ntls { automatic on }\n', []),
    ('tls { automatic off }\n', [(1, "tls needs a certificate, or automatic on")]),
]


@pytest.mark.parametrize("text,expected", FILES, ids=range(len(FILES)))
def test_file_is_checked(program, place, text, expected):  # noqa: F811
    done = check(program, written(place, 'listen "https://127.0.0.1:8443"\n' + text))
    lines = done.stderr.splitlines()
    assert len(lines) == len(expected) and done.returncode == bool(expected), done.stderr
    for line, (number, words) in zip(lines, expected):
        assert words in line and (number is None or ":%d: " % (number + 1) in line), line


def test_each_host_of_a_file_has_a_certificate(tux, program, place, root, state):  # noqa: F811
    port = free_port()
    path = written(place, """
        listen "https://127.0.0.1:%d"
        root "%s"
        state-directory "%s"
        tls { automatic on }
        host "a.internal" { name "b.internal" }
        host "c.internal" { }
    """ % (port, root, state))
    server = tux(root, "--config", path, listen=False, port=port, ready=False)
    server.wait_until(lambda: "sandbox:" in server.output, "it serves")
    context = trusting(program, state, place)
    one, two, three = (serial(server, context, name) for name in ("a.internal", "b.internal", "c.internal"))
    assert one == two and one != three
    assert sorted(os.listdir(os.path.join(state, "certificates/local"))) == ["a.internal.pem", "c.internal.pem"]


def test_tls_option_beside_hosts_of_a_file_is_refused(program, place, root):  # noqa: F811
    path = written(place, 'host "a.internal" { root "%s" }\n' % root)
    done = subprocess.run([program, "serve", "--config", path, "--tls", "localhost"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and "without hosts in its file" in done.stderr
