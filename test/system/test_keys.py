# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that holds the keys of TLS: handshakes with its signatures, its sandbox, its end, and hostile messages."""
import array
import base64
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import client
import tls
from tools import descendants, field, is_sanitized, is_there, need
from upstreams import Origin

from test_config import written
from test_tls import V12, V13, memory_of
from test_upstream_tls import forwarding, serving, trusted  # noqa: F401 (a fixture)

KINDS = {"ecdsa": tls.CURVE, "rsa": tls.RSA, "ed25519": tls.ED25519}
PIDFD_OPEN, PIDFD_GETFD = 434, 438
REQUEST = "=IIHH168s"  # struct tls_sign_request
REPLY_BYTES = 8 + 2048


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A certificate of each kind for test."""
    place = str(tmp_path_factory.mktemp("keys"))
    return {kind: tls.make(place, kind, "test", kind=arguments) for kind, arguments in KINDS.items()}


@pytest.fixture(params=["uring", "epoll"])
def held(request, tux, root):
    """held(*options): TUX whose keys are in a process of their own."""
    def start(*options, **more):
        return tux(root, "--engine", request.param, "--key-process", "on", "--threads", "1", *options, **more)
    return start


def of_root():
    if os.geteuid() != 0:
        pytest.skip("only root can look into the processes")


def holders(server):
    return [pid for pid, name in descendants(server.process.pid).items() if name == "tux keys"]


def holder(server):
    """Returns the pid of the process, when there is one only."""
    server.wait_until(lambda: len(holders(server)) == 1, "one process holds the keys")
    return holders(server)[0]


def secrets(path):
    """Returns the private numbers of a key, in both orders of their bytes, and a part of its text."""
    text = tls.openssl("pkey", "-in", path, "-text", "-noout")
    numbers = re.findall(r"(?:priv|privateExponent|prime1|prime2):\n((?:    .*\n)+)", text)
    assert numbers
    found = [bytes.fromhex("".join(number.split()).replace(":", "")).lstrip(b"\0")[-32:] for number in numbers]
    with open(path, "rb") as file:
        line = file.read().splitlines()[2]
    return found + [number[::-1] for number in found] + [line[:40]]


def has_key(pid, pair):
    memory = memory_of(pid)
    return any(number in memory for number in secrets(pair.key))


def holders_of(server, pair):
    """Returns the names of processes with a key in their memory."""
    everyone = {server.process.pid: "supervisor", **descendants(server.process.pid)}
    return {name for pid, name in everyone.items() if has_key(pid, pair)}


def handshake(server, context):
    with server.connect(tls=context) as conn:
        return conn.get("/file").body == b"data"


def fails(server, context):
    """True if a handshake fails."""
    try:
        server.connect(tls=context).close()
        return False
    except (OSError, ssl.SSLError, client.Closed):
        return True


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key(held, pairs, kind, version):
    context = tls.trusting(pairs[kind], version=version)
    server = held(*pairs[kind].options, tls=context)
    assert handshake(server, context)
    assert "; the keys are in a process of their own" in server.output and holder(server)


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("digest,salt", [("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_rsa_pss_key_for_one_digest(held, place, digest, salt, version):
    """RFC 4055 3.1, RFC 8446 4.2.3: a signature has the digest that the key permits."""
    kind = ["-newkey", "rsa-pss"]
    for option in ("rsa_keygen_bits:2048", "rsa_pss_keygen_md:" + digest, "rsa_pss_keygen_mgf1_md:" + digest, "rsa_pss_keygen_saltlen:%d" % salt):
        kind += ["-pkeyopt", option]
    pair = tls.make(place, "pss", "test", kind=kind)
    context = tls.trusting(pair, version=version)
    assert handshake(held(*pair.options, tls=context), context)


@pytest.mark.parametrize("version", [V12, V13])
def test_several_certificates(held, pairs, place, version):
    """Two kinds of one host, and another one by its name."""
    other = tls.make(place, "other", "other")
    trusts = tls.trusting(*pairs.values(), other, version=version)
    server = held("--config", written(place, 'root "%s/root"\nhost "test" { %s\n%s }\nhost "other" { %s }\n' % (
        place, pairs["ecdsa"].block, pairs["rsa"].block, other.block)), tls=trusts)
    for name, pair in (("test", pairs["ecdsa"]), ("other", other)):
        with server.connect(name=name) as conn:
            assert conn.sock.ssl.getpeercert(True) == pair.der
            assert conn.get("/file", host=name).body == b"data"
    if version == V12:
        with server.connect(tls=tls.trusting(pairs["rsa"], version=V12, ciphers="ECDHE-RSA-AES128-GCM-SHA256")) as conn:
            assert conn.get("/file", host="test").body == b"data"


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_server_process_has_no_key(held, pairs, kind):
    """Neither before nor after a handshake; no other process but the one that signs has it."""
    of_root()
    context = tls.trusting(pairs[kind])
    server = held(*pairs[kind].options, tls=context)
    if int(server.status("VmSize").split()[0]) > 1 << 30:
        pytest.skip("a sanitizer maps terabytes")
    assert handshake(server, context)
    assert holders_of(server, pairs[kind]) == {"tux keys"}


def test_key_that_does_not_fit_stays_nowhere(held, place):
    """The process that watches files judges a changed key in a process that ends."""
    of_root()
    mine, new = tls.make(place, "mine", "test"), tls.make(place, "new", "test")
    server = held(*mine.options, tls=tls.trusting(mine))
    if int(server.status("VmSize").split()[0]) > 1 << 30:
        pytest.skip("a sanitizer maps terabytes")
    assert handshake(server, server.tls)
    before = tls.Pair(mine.certificate, os.path.join(place, "before.key"))
    shutil.copy(mine.key, before.key)
    shutil.copy(new.key, os.path.join(place, "copy.key"))
    os.replace(os.path.join(place, "copy.key"), mine.key)
    server.wait_until(lambda: "so the files that were read before stay in use" in server.output, "it is judged", 30)
    assert holders_of(server, new) == set()
    assert holders_of(server, before) == {"tux keys"}


def test_without_the_process_the_server_has_the_key(tux, root, pairs):
    """So the search above finds keys."""
    of_root()
    server = tux(root, *pairs["ecdsa"].options, "--key-process", "off", tls=tls.trusting(pairs["ecdsa"]))
    assert not holders(server) and "process of their own" not in server.output
    assert int(server.status("VmSize").split()[0]) > 1 << 30 or has_key(server.pid, pairs["ecdsa"])


@pytest.mark.parametrize("option", [[], ["--key-process", "auto"]], ids=["default", "auto"])
def test_auto_follows_root(tux, root, pairs, option):
    server = tux(root, *pairs["ecdsa"].options, *option, tls=tls.trusting(pairs["ecdsa"]))
    assert len(holders(server)) == (os.geteuid() == 0)


def test_no_process_without_keys(tux, root):
    server = tux(root, "--key-process", "on")
    assert not holders(server)


def test_process_is_confined(held, pairs, request):
    """No privileges, files, sockets of others, dumps or system calls that it does not need."""
    of_root()
    server = held(*pairs["ecdsa"].options, tls=tls.trusting(pairs["ecdsa"]))
    pid = holder(server)
    assert re.search("^0+$", field(pid, "CapEff")) and field(pid, "Uid").split()[0] != "0" and field(pid, "NoNewPrivs") == "1"
    assert os.stat("/proc/%d/mem" % pid).st_uid == 0  # not dumpable
    if not is_sanitized(request.config.getoption("tux")):
        assert field(pid, "Seccomp") == "2"
    open_files = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid) if int(fd) > 2]
    assert sorted(name.split(":")[0] for name in open_files) == ["pipe", "socket"]
    assert int(field(pid, "Threads")) == 2


def test_kernel_without_a_sandbox_is_told(held, pairs, tmp_path, request):
    """Two lines at the start: the process of keys is less confined than documented."""
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("a sanitizer has no sandbox")
    source, path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "without_sandbox.c"), str(tmp_path / "without_sandbox")
    subprocess.run([need("cc"), "-D_GNU_SOURCE", source, "-lseccomp", "-o", path], check=True)
    server = held(*pairs["ecdsa"].options, tls=tls.trusting(pairs["ecdsa"]), wrapper=(path, "both"))
    assert handshake(server, server.tls) and holder(server)
    for lacks in ("landlock", "seccomp"):
        assert re.search("^tux: warning: the process that holds the keys has no %s " % lacks, server.output, re.M), server.output


def test_process_that_is_killed_is_replaced(held, pairs):
    """Handshakes fail meanwhile, with a line. Established connections stay."""
    context = tls.trusting(pairs["ecdsa"])
    server = held(*pairs["ecdsa"].options, tls=context)
    before = holder(server)
    with server.connect() as conn:
        assert conn.get("/file").body == b"data"
        server.process.send_signal(signal.SIGSTOP)  # nobody replaces it
        os.kill(before, signal.SIGKILL)
        client.wait_until(lambda: fails(server, context), "handshakes fail")
        server.wait_until(lambda: "the process that holds the keys has ended" in server.output, "a line says why")
        assert conn.get("/file").body == b"data"
        server.process.send_signal(signal.SIGCONT)
        server.wait_until(lambda: not fails(server, context), "another one signs")
    assert holder(server) != before
    assert "tux: the process that holds the keys of TLS has ended; another server process starts in 0.1 s\n" in server.output


def test_process_that_pauses(held, pairs):
    """A handshake waits a second, the next ones not at all, until it responds again."""
    context = tls.trusting(pairs["ecdsa"])
    server = held(*pairs["ecdsa"].options, tls=context)
    pid = holder(server)
    with server.connect() as conn:
        assert conn.get("/file").body == b"data"
        os.kill(pid, signal.SIGSTOP)
        client.wait_until(lambda: fails(server, context), "its threads have stopped")
        os.kill(pid, signal.SIGCONT)
        assert conn.get("/file").body == b"data"
        client.wait_until(lambda: not fails(server, context), "it signs again")
    assert "the process that holds the keys does not respond" in server.output


def der(tag, content):
    """Returns an element of DER."""
    length = len(content)
    return bytes([tag]) + (bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")) + content


def slow_pair(place):
    """A certificate with a key of RSA whose signature takes a quarter of a second or so. Its primes are known, so it is made at once."""
    p, q, e = 2**9941 - 1, 2**4423 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = [0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    key = der(0x30, b"".join(der(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers))
    pair = tls.Pair(os.path.join(place, "slow.pem"), os.path.join(place, "slow.key"))
    with open(pair.key, "w", encoding="ascii") as file:
        file.write("-----BEGIN RSA PRIVATE KEY-----\n%s-----END RSA PRIVATE KEY-----\n" % base64.encodebytes(key).decode())
    certify(pair)
    return pair


def certify(pair):
    """Makes a certificate for a key."""
    tls.openssl("req", "-x509", "-new", "-key", pair.key, "-out", pair.certificate, "-days", "30", "-subj", "/CN=test", "-addext", tls.alternatives(["test"]))


def test_slow_key_has_more_time(held, place):
    """Beside other work a signature takes several times its CPU time, which alone may be most of a second."""
    pair = slow_pair(place)
    context = tls.trusting(pair)
    server = held(*pair.options, tls=context)
    pid = holder(server)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(1.7, os.kill, (pid, signal.SIGCONT)).start()
    assert handshake(server, context)
    assert holder(server) == pid and "does not respond" not in server.output


DSA_PARAMETERS = """-----BEGIN DSA PARAMETERS-----
MIICKAKCAQEApg4wOYKQMcJ+usZhgfWt4Kvqr53kpyxI9fANpxiUUfCdnHXXPVPG
aY+ioaxIukaHCWMRmmfxdeJyf948pDKjSirTVuWrdMwaRuh1e20UL3/NrOnwOwlx
dE6z3RJgIhTAotIOxF9whIQhd0LH6RxXJr941ruUNZsCVJv2fstp/7tLW4RjmSui
LiK6WtzKLKHFGojNQctlHkBvlDLmZS8YmCQHzbIj8YfjPyrOakrs6fzWkHJDmzcs
vPGzvq6GELHjfEdy587Qqk1+KTrmJbYCZbWG/p5n3ZsvDNx+eXTHIB8QZQvwyfpd
2n4LBJHc+Dph+eRNie7Rh0WxRs8h1hG98wIdAJhl7vGqL/cMJgoUolaBr98BuK1c
XepHeZ6A1tMCggEAC9wa8W9/ylvgEkvNj/h9EqeZOiupTfg8EvDjrGO8+X+ZRYTV
MUrSGrVhx2y3cDD6mt1hWYfzlEPXbJ57q5vFOGFK/Dsmks/iQydDR+nAImytXEJ0
Xl+dYh/ig0dMPK2wUTmSD3mCo9ehSTYYJ2YyeFtKzFf/jxkJfzz2UXynkoykQo+8
/puWZxfWacnOIGqnAbCsWl1Ozk2SY7o2gMVaAyRzhKhUIcoDTNb+6dEB54M2h5O0
YQ26rN7OeQK0pCc0LEZZXGeT4KumnF/uSe+RUPOsqVm4nX4gYzC1cXQ4Mw+aCpIV
l8rTvaZTm2zvBardOCll6mI8LjnSqD4YgHiCdQ==
-----END DSA PARAMETERS-----
"""


@pytest.fixture
def foreign(place):
    """A certificate with a key of DSA, which the process of keys cannot have."""
    parameters, pair = os.path.join(place, "dsa.parameters"), tls.Pair(os.path.join(place, "dsa.pem"), os.path.join(place, "dsa.key"))
    with open(parameters, "w", encoding="ascii") as file:
        file.write(DSA_PARAMETERS)
    tls.openssl("genpkey", "-paramfile", parameters, "-out", pair.key)
    certify(pair)
    return pair


def test_auto_leaves_other_kinds_to_the_server(tux, root, place, pairs, foreign):
    """A start that is possible without the process is possible with the default."""
    of_root()
    config = written(place, 'root "%s"\nhost "test" { %s\n%s }\n' % (root, pairs["rsa"].block, foreign.block))
    server = tux(root, "--key-process", "auto", "--config", config, tls=tls.trusting(pairs["rsa"]))
    with server.connect() as conn:
        assert conn.get("/file", host="test").body == b"data"
    assert 'tux: warning: key "%s": it is of a kind that only the server process can have (DSA), so that has it\n' % foreign.key in server.output
    assert "; not all keys are in a process of their own\n" in server.output
    if int(server.status("VmSize").split()[0]) < 1 << 30:
        assert has_key(server.pid, foreign) and holders_of(server, pairs["rsa"]) == {"tux keys"}


def test_on_refuses_other_kinds(request, root, foreign):
    done = subprocess.run([request.config.getoption("tux"), "serve", root, *foreign.options, "--listen", "127.0.0.1:0", "--key-process", "on"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert 'key "%s": it is of a kind that only the server process can have (DSA): set key-process auto\n' % foreign.key in done.stderr


@pytest.mark.parametrize("choice", ["auto", "on"])
def test_check_reports_other_kinds(request, root, place, foreign, choice):
    """A start with the file says the same."""
    upstream = 'upstream app { server "https://127.0.0.1:9"; verify off; certificate "%s"; key "%s" }\nroute "/" { upstream app }' % (foreign.certificate, foreign.key)
    for lines in (foreign.block + '\nlisten "https://127.0.0.1:0"', upstream):
        config = written(place, 'root "%s"\nkey-process %s\n%s\n' % (root, choice, lines))
        done = subprocess.run([request.config.getoption("tux"), "check", config], capture_output=True, text=True, check=False, timeout=60)
        says = 'key "%s": it is of a kind that only the server process can have (DSA): set key-process auto\n' % foreign.key
        assert (done.returncode != 0) == (says in done.stdout + done.stderr) == (choice == "on"), done.stdout + done.stderr


LOST = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

/* The first two replies of a process that holds keys find no memory. */
ssize_t send(int fd, const void *data, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);
	static int lost;

	if (!real)
		real = (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
	if (len != REPLY_BYTES || lost++ >= 2)
		return real(fd, data, len, flags);
	errno = lost == 1 ? ENOBUFS : ENOMEM;
	return -1;
}
"""


def test_reply_without_memory_is_sent_again(held, pairs, place, request):
    """A thread of the server waits for each reply, and would sign no more without one."""
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("a sanitizer has to be loaded first")
    source, library = os.path.join(place, "lost.c"), os.path.join(place, "lost.so")
    with open(source, "w", encoding="ascii") as file:
        file.write(LOST)
    subprocess.run(["cc", "-shared", "-fPIC", "-DREPLY_BYTES=%d" % REPLY_BYTES, "-o", library, source], check=True)
    context = tls.trusting(pairs["ecdsa"])
    server = held(*pairs["ecdsa"].options, tls=context, env={"LD_PRELOAD": library})
    pid = holder(server)
    for _ in range(3):
        assert not fails(server, context)
    assert holder(server) == pid and "does not respond" not in server.output


def test_process_that_hangs_is_replaced(held, pairs):
    """The supervisor kills it, because the sandbox of the server process permits no signals. Established connections stay."""
    context = tls.trusting(pairs["ecdsa"])
    server = held(*pairs["ecdsa"].options, tls=context)
    before = holder(server)
    with server.connect() as conn:
        assert conn.get("/file").body == b"data"
        os.kill(before, signal.SIGSTOP)
        client.wait_until(lambda: fails(server, context), "its threads have stopped")
        client.wait_until(lambda: not fails(server, context), "another one signs")
        assert conn.get("/file").body == b"data"
    assert "tux: the process that holds the keys of TLS does not respond, and is killed; another server process starts in 0.1 s\n" in server.output
    client.wait_until(lambda: not is_there(before), "it was killed")
    assert holder(server) != before


@pytest.mark.parametrize("kill", [False, True])
def test_process_that_hangs_ends_with_the_server(held, pairs, kill):
    """At a stop, and when the server process crashes."""
    server = held(*pairs["ecdsa"].options, tls=tls.trusting(pairs["ecdsa"]))
    pid = holder(server)
    os.kill(pid, signal.SIGSTOP)
    if kill:
        os.kill(server.pid, signal.SIGKILL)
    else:
        server.process.terminate()
    client.wait_until(lambda: not is_there(pid), "it was killed")


def stopped_at_once(process):
    """Stops the process that holds the keys as soon as it is there. Returns its number, and whether it was reading: it is root's until it has read all."""
    client.wait_until(lambda: "tux keys" in descendants(process.pid).values(), "it reads keys")
    pid = next(pid for pid, name in descendants(process.pid).items() if name == "tux keys")
    os.kill(pid, signal.SIGSTOP)
    client.wait_until(lambda: field(pid, "State").startswith("T"), "it is stopped")
    return pid, field(pid, "Uid").split() == ["0"] * 4


def test_process_that_hangs_while_it_reads_ends_with_the_server(request, place, root, pairs):
    """As with files of a hung network file system: the supervisor does not know the process before it has read all keys."""
    of_root()
    hosts = "".join('host "h%d.test" { %s }\n' % (i, list(pairs.values())[i % 2].block) for i in range(2000))
    config = written(place, 'listen "https://127.0.0.1:0"\nroot "%s"\ncontrol off\n%s\n%s' % (root, pairs["rsa"].block, hosts))
    for _ in range(10):  # on a busy machine it may have read all before this test sees it
        with subprocess.Popen([request.config.getoption("tux"), "serve", "--config", config, "--key-process", "on"], stderr=subprocess.DEVNULL) as process:
            try:
                pid, was_reading = stopped_at_once(process)
            finally:
                process.terminate()
            process.wait(20)
        if was_reading:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert was_reading
    client.wait_until(lambda: not is_there(pid), "it was killed")


def locked_kib(pid):
    return int(field(pid, "VmLck").split()[0])


@pytest.mark.parametrize("process", ["on", "off"])
def test_memory_of_keys_is_locked(tux, root, pairs, process, request):
    """In the process of the keys, or else in the server process."""
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("a sanitizer has memory of its own")
    server = tux(root, *pairs["rsa"].options, "--key-process", process, tls=tls.trusting(pairs["rsa"]))
    assert "swap space" not in server.output
    assert locked_kib(holder(server) if process == "on" else server.pid) >= 100
    assert process == "off" or locked_kib(server.pid) == 0


def test_no_memory_is_locked_without_keys(tux, root):
    assert locked_kib(tux(root).pid) == 0


@pytest.mark.parametrize("process", ["on", "off"])
def test_limit_of_locked_memory(tux, root, place, process, request):
    """A user who may lock no memory gets a warning with the limit."""
    of_root()
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("a sanitizer has memory of its own")
    mine = tls.make(place, "mine", "test")
    os.chown(mine.key, 33, 33)
    server = tux(root, *mine.options, "--key-process", process, "--engine", "epoll", tls=tls.trusting(mine),
                 wrapper=(need("prlimit"), "--memlock=0", need("setpriv"), "--reuid", "33", "--regid", "33", "--clear-groups"))
    assert re.search(r"tux: warning: keys of TLS can get into swap space: 0 KiB of locked memory are permitted \(ulimit -l\), \d{2,} KiB are needed\n",
                     server.output)
    assert handshake(server, server.tls)


def pidfd(pid, fd):
    """Returns a copy of another process's descriptor, as a socket; None if it is none."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    process = call(ctypes.c_long(PIDFD_OPEN), ctypes.c_long(pid), ctypes.c_long(0))
    copy = call(ctypes.c_long(PIDFD_GETFD), ctypes.c_long(process), ctypes.c_long(fd), ctypes.c_long(0))
    if process < 0 or copy < 0:
        pytest.skip("descriptors of other processes cannot be had: " + os.strerror(ctypes.get_errno()))
    os.close(process)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None


def sockets(pid):
    for fd in map(int, os.listdir("/proc/%d/fd" % pid)):
        try:
            link = os.readlink("/proc/%d/fd/%d" % (pid, fd))
        except FileNotFoundError:  # closed meanwhile, as of a client
            continue
        copy = pidfd(pid, fd) if fd > 2 and link.startswith("socket:") else None
        if copy:
            yield copy


def limited(sock):
    """True for the server's end of the socket, which has a time limit."""
    return sock.type == socket.SOCK_SEQPACKET and struct.unpack("ll", sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)) == (1, 0)


def test_hostile_messages(held, pairs):
    """A server that was broken into gets one reply for each message, no signature for a text that is not of TLS, and cannot end the process."""
    of_root()
    context = tls.trusting(pairs["ecdsa"])
    server = held(*pairs["ecdsa"].options, tls=context)
    pid = holder(server)
    sock = next(copy for copy in sockets(server.pid) if limited(copy))
    text = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + b"h" * 32
    wrong = [b"", b"x", os.urandom(180), os.urandom(5000), struct.pack(REQUEST, 7, 0, 0x0403, 32, b"d" * 32), struct.pack(REQUEST, 7, 0, 0x0403, 168, b""),
             struct.pack(REQUEST, 7, 1, 0x0403, len(text), text), struct.pack(REQUEST, 7, 0, 0x0804, len(text), text),
             struct.pack(REQUEST, 7, 0, 0x0403, 65535, text), struct.pack(REQUEST, 7, 0, 0x0403, len(text), text)[:-1]]
    for message in wrong:
        sock.send(message)
        got = sock.recv(1 << 16)
        assert len(got) == REPLY_BYTES and struct.unpack_from("=I", got, 4)[0] == 0 and not any(got[8:])
    with open(os.devnull, "rb") as file:  # a descriptor does not reach it
        sock.sendmsg([struct.pack(REQUEST, 8, 0, 0x0403, len(text), text)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))])
    identity, length = struct.unpack_from("=II", sock.recv(1 << 16))
    assert identity == 8 and 60 < length < 80
    assert not any(os.readlink("/proc/%d/fd/%s" % (pid, fd)) == os.devnull for fd in os.listdir("/proc/%d/fd" % pid) if int(fd) > 2)
    assert handshake(server, context) and holder(server) == pid
    mine = next(copy for copy in sockets(pid) if copy.type == socket.SOCK_SEQPACKET)
    for message in (b"x", os.urandom(REPLY_BYTES), os.urandom(5000)):  # nonsense for the server
        mine.send(message)
    assert handshake(server, context) and holder(server) == pid


def test_supervisor_keeps_no_descriptor_of_a_server_process(held, pairs):
    """A server process that was broken into cannot exhaust those of the supervisor, which then could start no other one."""
    of_root()
    server = held(*pairs["ecdsa"].options, "--control", "off", tls=tls.trusting(pairs["ecdsa"]))
    supervisor = server.process.pid
    before = len(os.listdir("/proc/%d/fd" % supervisor))
    to_supervisor = [copy for copy in sockets(server.pid) if copy.family == socket.AF_UNIX and copy.type == socket.SOCK_SEQPACKET and not limited(copy)
                     and struct.unpack("3i", copy.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0] == supervisor]
    assert to_supervisor
    with open(os.devnull, "rb") as file:
        for sock in to_supervisor:
            for count in (1, 2, 3) * 4:
                sock.sendmsg([b"?"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()] * count))])
    os.kill(holder(server), signal.SIGKILL)  # the report comes after the messages above
    server.wait_until(lambda: "another server process starts in" in server.output, "the supervisor has read them")
    server.wait_until(lambda: len(os.listdir("/proc/%d/fd" % supervisor)) <= before, "it has closed what it got")


@pytest.mark.parametrize("kind", KINDS)
def test_keys_to_upstream_servers(forwarding, pairs, place, kind):  # noqa: F811
    """The key of TUX as a client is in the same process. RFC 8422 5.8: that of Ed25519 signs the whole handshake of TLS 1.2."""
    own = tls.make(place, "own", "tux", kind=KINDS[kind])
    pair = tls.make(place, "origin", "127.0.0.1")
    for version in (V12, V13):
        origin = Origin(context=serving(pair, version, clients=own))
        server = forwarding(trusted(origin, pair, 'certificate "%s"; key "%s"' % (own.certificate, own.key)), "--key-process", "on")
        assert server.get("/x").body == b"hello"
        pid = holder(server)
        if os.geteuid() == 0 and int(server.status("VmSize").split()[0]) < 1 << 30:
            assert has_key(pid, own) and not has_key(server.pid, own)


def test_reload_replaces_the_process(held, pairs, place):
    """The process that retires signs with its own keys until it ends."""
    mine = tls.make(place, "mine", "test")
    context = tls.trusting(mine)
    server = held("--config", written(place, "%s\n" % mine.block), tls=context)
    server.wait_until(lambda: "is in force" in server.output, "the supervisor has the descriptor of the process")
    before = holder(server)
    descriptors = len(os.listdir("/proc/%d/fd" % server.process.pid))
    with open(mine.certificate, "rb") as file:
        old = file.read()
    tls.make(place, "mine", "test")
    with open(mine.certificate, "rb") as file:
        assert file.read() != old
    reloads = server.output.count("is in force")
    server.signal(signal.SIGHUP)
    server.wait_until(lambda: server.output.count("is in force") > reloads, "it reloads")
    new = tls.trusting(mine)
    assert handshake(server, new)
    server.wait_until(lambda: before not in holders(server), "the process before has ended")
    assert holder(server) != before
    server.wait_until(lambda: len(os.listdir("/proc/%d/fd" % server.process.pid)) <= descriptors, "the supervisor has closed its descriptors")


def test_process_ends_with_the_server(held, pairs):
    server = held(*pairs["ecdsa"].options, tls=tls.trusting(pairs["ecdsa"]))
    pid = holder(server)
    os.kill(server.pid, signal.SIGKILL)
    client.wait_until(lambda: not is_there(pid), "it has ended")
    server.wait_until(lambda: handshake_or_none(server), "another server process serves")


def handshake_or_none(server):
    try:
        return handshake(server, server.tls)
    except (OSError, client.Closed):
        return False
