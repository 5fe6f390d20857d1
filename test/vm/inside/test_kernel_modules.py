# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules in the kernel: each builds for both places, responds there alike, and can be unloaded at any time."""
import contextlib
import ctypes
import json
import mmap
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import abi
from client import wait_until
from conftest import Tux, age, answer, ask, loaded, unload
from tools import free_port

FOLDER = "/modules.tux"
ROUNDS = int(os.environ.get("TUX_MODULE_ROUNDS", "6"))
CONFIG = """
root "%(root)s"
listen 127.0.0.1:%(port)d
log "%(log)s"
threads 2
header { add "X-Always: yes"; set "X-Set: configured"; remove "X-None" }
cache-control "max-age=60"
module hello { file "/modules.tux/hello.so"; kernel on }
module picture { file "/modules.tux/picture.so"; kernel on }
module probe { file "/modules.tux/probe.so"; kernel on; threads 2; config { greeting = "%(greeting)s"; %(more)s } }
module keeper { file "/modules.tux/keeper.so"; kernel on; timeout %(timeout)s }
route "/hello" { module hello }
route "/picture" { module picture }
route "/probe/" { module probe }
route "/keep/" { module keeper }
route "/hidden/" { hidden on }
route "=/status" { status on }
"""
HEAD = " HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nx-one: 2\r\n"


def insmod(*names):
    for name in names:
        subprocess.run(["insmod", f"{FOLDER}/{name}.ko"], check=True)


def rmmod(*names):
    for name in names:
        subprocess.run(["rmmod", name], check=True)


def present():
    text = pathlib.Path("/proc/modules").read_text()
    return [name for name in ("hello", "picture", "probe", "keeper") if f"{name} " in text]


@pytest.fixture(autouse=True)
def no_module_left():
    yield
    rmmod(*present())


@pytest.fixture
def serve(root, tmp_path_factory):
    """serve(greeting, more, timeout): the program with all modules configured."""
    (root / "probe").mkdir(mode=0o755, exist_ok=True)
    (root / "probe/decline").write_bytes(b"a file\n")
    (root / "probe/blocks").write_bytes(b"another file\n")
    (root / "hidden").mkdir(mode=0o755, exist_ok=True)
    (root / "hidden/b.txt").write_bytes(b"hidden\n")
    folder = tmp_path_factory.mktemp("modules")
    os.chmod(folder, 0o755)

    def start(greeting="hi", more="", timeout="5", log="off"):
        conf = folder / "tux.conf"
        tux = Tux.__new__(Tux)
        port = free_port()
        conf.write_text(CONFIG % {"root": root, "port": port, "log": log, "greeting": greeting, "more": more, "timeout": timeout})
        age(root)
        Tux.__init__(tux, None, "--config", str(conf))
        tux.port, tux.address = port, ("127.0.0.1", port)
        return tux
    yield start
    for tux in list(Tux.running):
        tux.stop()


def counters(tux, name):
    """What the status says of a module."""
    status, body = tux.get("/status?format=json")
    assert status == 200, body
    return {module["module"]: module for module in json.loads(body)["modules"]["loaded"]}[name]


def had(tux, name, outcome):
    """The requests that the module has, and those with this outcome."""
    found = counters(tux, name)
    return found["active"] + found["ended"][outcome]


def kernel_counters(tux):
    """What the status says of the kernel engine. The status itself is handed up."""
    return json.loads(tux.get("/status?format=json")[1])["kernel"]


def conversation(tux, text):
    """Sends bytes and returns all that comes until the connection closes, without dates."""
    with tux.connect() as sock:
        sock.sendall(text.encode())
        data = b""
        while True:
            more = sock.recv(1 << 18)
            if not more:
                break
            data += more
    return re.sub(rb"Date: [^\r]*", b"Date: now", data)


def last(target, method="GET", fields=""):
    return method + " " + target + HEAD + fields + "Connection: close\r\n\r\n"


CONVERSATIONS = [last("/hello"), last("/hello", "HEAD"), last("/hello?a=b&c", "DELETE"), last("/hello", "OPTIONS"), last("/hello", "PURGE"),
                 last("/picture"), last("/picture", "HEAD"), last("http://other:81/probe/show?q=1"),
                 "GET /hello HTTP/1.0\r\n\r\n", "GET /probe/show HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + last("/hello"),
                 last("/hello") .replace("Connection: close\r\n", "") + last("/probe/show") .replace("Connection: close\r\n", "") + last("/a.txt"),
                 last("/probe/decline", fields="Range: bytes=2-3\r\n"), last("/probe/blocks?decline"), last("/probe/blocks?fail"),
                 last("/probe/blocks?again"), last("/hello", "POST", "Content-Length: 3\r\n") + "abc"]
CONVERSATIONS += [last("/probe/" + word, method) for method in ("GET", "HEAD", "PUT") for word in (
    "show", "decline", "fail", "error", "nothing", "mistakes", "redirect", "empty", "untyped", "missing", "refused", "broken", "page", "big",
    "fields", "resumed", "unsuspended", "blocks", "blocks?big", "sh%6fw?%41", "../probe/show", "de%63line")]
FILES = [  # targets with which the module replies, and fields of the client
    ("/a.txt", ""), ("/a.txt", "Range: bytes=1-2\r\n"), ("/a.txt", "Range: bytes=0-0,2-3\r\n"), ("/a.txt", "Range: bytes=9-\r\n"),
    ("/a.txt", "If-None-Match: *\r\n"), ("/a.txt", "If-Match: \"x\"\r\n"), ("/a%2Etxt", ""), ("/a.txt?v=1", ""), ("/", ""), ("/none", ""), ("/probe", ""),
    ("/probe/", ""), ("/hidden/b.txt", ""), ("/hidden/none", ""), ("/hello", ""), ("/probe/file?/a.txt", ""), ("/probe/decline", ""), ("/.dot", ""),
    ("/%00", ""), ("/../a.txt", ""), ("a.txt", ""), ("", ""), ("/big", "Range: bytes=1000000-1100000\r\n"), ("/" + 2000 * "x", "")]
CONVERSATIONS += [last(f"/probe/{word}?{target}", "GET", fields) for word in ("file", "file-fields", "file-resumed", "file-blocks") for target, fields in FILES]
CONVERSATIONS += [last(f"/probe/{word}?{target}", method) for word in ("file", "file-fields") for method in ("HEAD", "PUT") for target in ("/a.txt", "/none")]
CONVERSATIONS += ["GET /probe/file?/a.txt HTTP/1.0\r\n\r\n",
                  3 * last("/probe/file-fields?/a.txt").replace("Connection: close\r\n", "") + last("/a.txt").replace("Connection: close\r\n", "") + last("/hidden/b.txt")]


def without_ids(text):
    """Access log lines without times."""
    return [re.sub(r"\[[^]]*\]|127\.0\.0\.1:\d+", "", line) for line in text.splitlines() if "/status" not in line]


def test_both_builds_respond_alike(serve, tmp_path_factory):
    """The same bytes, and the same lines of the access log."""
    log = tmp_path_factory.mktemp("log")
    os.chmod(log, 0o777)
    answers, lines = [], []
    for place in ("user", "kernel"):
        if place == "kernel":
            insmod("hello", "picture", "probe")
        tux = serve(log=str(log / place))
        answers.append([conversation(tux, text) for text in CONVERSATIONS])
        requests = {name: counters(tux, name) for name in ("hello", "picture", "probe")}
        for name, module in requests.items():
            assert module["kernel"] == ("responds" if place == "kernel" else "away"), module
            assert (module["kernel_requests"] > 0) == (place == "kernel"), (name, module)
        listed = subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=True).stdout
        assert f"module hello ({'in the kernel' if place == 'kernel' else 'not in the kernel: this program responds'})" in listed, listed
        tux.stop()
        lines.append(without_ids((log / place).read_text()))
    for text, user, kernel in zip(CONVERSATIONS, *answers):
        assert kernel == user, text
    assert sorted(lines[1]) == sorted(lines[0])  # the program and the kernel engine write into rings of their own
    assert b"hello\n" in answers[0][0] and b"X-Always: yes" in answers[0][0] and b"Cache-Control: max-age=60" in answers[0][0]
    for word, value in (("file-fields?/a.txt", b"max-age=60"), ("file-resumed?/a.txt", b"no-store"), ("file-blocks?/a.txt", b"no-store"), ("fields", b"no-store")):
        assert re.findall(rb"Cache-Control: (.*)\r", answers[0][CONVERSATIONS.index(last("/probe/" + word))], re.IGNORECASE) == [value], word


@pytest.mark.parametrize("word", ["file", "file-fields", "file-resumed", "file-blocks"])
def test_file_is_sent_by_the_kernel_engine(serve, word):
    """A file of a module's choice stays in the kernel, and one that is missing goes to the program, which does not call its build."""
    insmod("probe")
    tux = serve()
    with tux.connect() as sock:
        assert ask(sock, f"/probe/{word}?/hidden/b.txt") == (200, b"hidden\n")
        before = kernel_counters(tux)
        for _ in range(20):
            assert ask(sock, f"/probe/{word}?/hidden/b.txt") == (200, b"hidden\n")
        after = kernel_counters(tux)
        assert after["requests"] - before["requests"] >= 20 and sum(after["handed_up"].values()) <= sum(before["handed_up"].values()) + 1
        assert ask(sock, f"/probe/{word}?/none")[0] == 404
        assert ask(sock, "/hidden/b.txt")[0] == 404
    module = counters(tux, "probe")
    assert module["ended"]["file"] == 22 and module["requests"] == module["kernel_requests"] == 22, module


def test_request_with_body_goes_to_the_program(serve):
    insmod("hello")
    tux = serve()
    with tux.connect() as sock:
        sock.sendall(b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        assert sock.recv(4096).endswith(b"hello\n")
    assert counters(tux, "hello")["kernel_requests"] == 0 and counters(tux, "hello")["requests"] == 1


def test_tux_ko_is_not_unloaded_while_a_module_is_registered(root):
    insmod("hello")
    assert unload().returncode != 0 and loaded()
    rmmod("hello")


def test_name_is_registered_once():
    """A second module of the name is refused. insmod itself refuses a second one of the same file name, so this one is a copy."""
    insmod("hello")
    assert subprocess.run(["insmod", f"{FOLDER}/hello.ko"], capture_output=True, check=False).returncode != 0
    assert present() == ["hello"]


def bodies(sock, count):
    """The bodies of so many responses of the keeper."""
    data = b""
    while len(found := re.findall(rb"\r\n\r\n(user|kernel)\n", data)) < count:
        more = sock.recv(1 << 16)
        assert more, data
        data += more
    return found


@pytest.mark.parametrize("log", ["off", "/tmp/return.log"])
@pytest.mark.parametrize("at_once", [1, 2])
def test_connection_returns_when_the_module_is_there_again(serve, at_once, log):
    """A busy connection that was handed up while the module was away goes back to the kernel without an idle moment."""
    tux = serve(log=log)
    with tux.connect() as sock:
        for _ in range(20):
            assert ask(sock, "/keep/now") == (200, b"user\n")
        insmod("keeper")
        seen = []
        for _ in range(60):
            sock.sendall(b"GET /keep/now HTTP/1.1\r\nHost: x\r\n\r\n" * at_once)
            seen += bodies(sock, at_once)
            if seen[-1] == b"kernel":
                break
        assert seen[-1] == b"kernel", seen
        assert ask(sock, "/keep/now") == (200, b"kernel\n")
        rmmod("keeper")
        assert ask(sock, "/keep/now") == (200, b"user\n")


class Load:
    """Clients that keep their connections and expect each request to be answered with one of some bodies."""

    def __init__(self, tux, targets, bodies, statuses=(200,), count=6):
        self.tux, self.targets, self.bodies, self.statuses = tux, targets, bodies, statuses
        self.ended, self.wrong, self.seen = False, [], {}
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        sock = self.tux.connect()
        turn = number
        while not self.ended:
            turn += 1
            try:
                status, body = ask(sock, self.targets[turn % len(self.targets)])
            except (OSError, AssertionError) as error:
                self.wrong.append(repr(error))
                return
            self.seen[body] = self.seen.get(body, 0) + 1
            if status not in self.statuses or (status == 200 and body not in self.bodies):
                self.wrong.append((status, body))
        sock.close()

    def stop(self):
        self.ended = True
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        assert not self.wrong, self.wrong[:5]


def test_loaded_and_unloaded_under_load(serve):
    """Each request gets a response, of one build or the other; 503 if the module had it when it was unloaded."""
    tux = serve()
    load = Load(tux, ["/keep/now", "/keep/later", "/keep/blocks"], (b"user\n", b"kernel\n"), (200, 503))
    for turn in range(ROUNDS):
        insmod("keeper")
        time.sleep(0.15 if turn < 5 else turn % 8 / 50)
        rmmod("keeper")
        time.sleep(0.05 if turn < 5 else turn % 3 / 50)
    load.stop()
    assert load.seen.get(b"user\n", 0) > 0 and load.seen.get(b"kernel\n", 0) > 0, load.seen


def test_suspended_requests_get_503_at_unloading(serve):
    insmod("keeper")
    tux = serve()
    socks = [tux.connect() for _ in range(5)]
    for sock in socks:
        sock.sendall(b"GET /keep/long HTTP/1.1\r\nHost: x\r\n\r\n")
    until = time.monotonic() + 10
    while counters(tux, "keeper")["active"] < 5:
        assert time.monotonic() < until
        time.sleep(0.02)
    rmmod("keeper")  # it returns after the module has given the requests back
    for sock in socks:
        assert answer(sock)[0] == 503
        assert ask(sock, "/keep/now") == (200, b"user\n")
        sock.close()
    assert counters(tux, "keeper")["ended"]["failed"] == 5


def test_module_that_keeps_requests_is_unloaded_after_its_time_limit(serve):
    """Its requests get 504 at their time limit or 503 at the unloading, and the kernel log says that it has not given them back."""
    insmod("keeper")
    tux = serve(timeout="1")
    assert tux.get("/keep/never")[0] == 504
    sock = tux.connect()
    sock.sendall(b"GET /keep/never HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: had(tux, "keeper", "timeout") == 2, "the module has the second one, or has had it")
    rmmod("keeper")
    assert answer(sock)[0] in (503, 504)
    sock.close()
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert "tux: module keeper: 2 requests were not given back before the module was unloaded" in log, log[-2000:]


def test_client_that_leaves_is_told_to_the_module(serve):
    insmod("keeper")
    tux = serve()
    for count, way in enumerate(("close", "shutdown"), 1):
        sock = tux.connect()
        sock.sendall(b"GET /keep/never HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda wanted=count: had(tux, "keeper", "gone") == wanted, "the module has it")
        if way == "close":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        else:
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
            sock.close()
    until = time.monotonic() + 10
    while tux.get("/keep/gone")[1] != b"2\n":
        assert time.monotonic() < until, tux.get("/keep/gone")
        time.sleep(0.05)
    assert counters(tux, "keeper")["ended"]["gone"] == 2


def test_module_is_called_once_for_a_request_that_a_reload_hands_up(serve, root):
    """It replies with a file that is not in the cache, while the kernel engine drains. The old process sends it, and the new one gets the next request."""
    (root / "cold").write_bytes(b"cold\n")
    insmod("keeper")
    tux = serve()
    with tux.connect() as sock:
        assert ask(sock, "/keep/now") == (200, b"kernel\n")
        sock.sendall(b"GET /keep/file HTTP/1.1\r\nHost: x\r\n\r\n")
        until = time.monotonic() + 10
        while counters(tux, "keeper")["active"] < 1:
            assert time.monotonic() < until
            time.sleep(0.02)
        tux.process.send_signal(signal.SIGHUP)
        assert answer(sock) == (200, b"cold\n")
        while "is in force" not in pathlib.Path("/tmp/tux-error").read_text(encoding="utf-8"):
            assert time.monotonic() < until + 20
            time.sleep(0.02)
    assert tux.get("/keep/files") == (200, b"1\n")


def test_program_killed_while_a_module_has_requests(serve):
    insmod("keeper")
    tux = serve()
    socks = [tux.connect() for _ in range(4)]
    for sock, target in zip(socks, ("never", "long", "later", "blocks")):
        sock.sendall(f"GET /keep/{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(0.05)
    tux.stop(9)
    for sock in socks:
        sock.close()
    again = serve(timeout="1")
    assert again.get("/keep/now") == (200, b"kernel\n" if counters(again, "keeper")["kernel"] == "responds" else b"user\n")


def test_configuration_changes_after_the_last_program_with_the_old_one(serve):
    """Programs with the same configuration share a module. With another one a program responds itself, until the old one has ended."""
    insmod("probe")
    one, same, other = serve("one"), serve("one"), serve("other")
    assert [counters(tux, "probe")["kernel"] for tux in (one, same, other)] == ["responds", "responds", "away"]
    assert [tux.get("/probe/show")[1].split()[-1] for tux in (one, same, other)] == [b"one", b"one", b"other"]
    one.stop()
    assert counters(other, "probe")["kernel"] == "away" and counters(same, "probe")["kernel"] == "responds"
    same.stop()
    assert counters(other, "probe")["kernel"] == "responds"
    assert other.get("/probe/show")[1].split()[-1] == b"other"


def test_configuration_of_a_container_does_not_reach_a_module(serve):
    """Its root has CAP_NET_ADMIN in its user namespace alone. Its program has an instance, and responds in the place of modules."""
    insmod("probe")
    script = ("import sys; sys.path.insert(0, '/test/vm/inside'); import abi\n"
              "instance = abi.Instance(); instance.hello()\n"
              "instance.setup('/tmp', modules=[('probe', [('greeting', 'container')])])\n"
              "print('set up', flush=True); sys.stdin.read()\n")
    in_container = ["unshare", "-U", "-r", "-n", "python3", "-c", script]
    with subprocess.Popen(in_container, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "set up\n"
        tux = serve("host")
        assert counters(tux, "probe")["kernel"] == "responds"
        assert tux.get("/probe/show")[1].split()[-1] == b"host"
        other.stdin.close()
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert subprocess.run(in_container, input="", capture_output=True, text=True, check=True).stdout == "set up\n"
    assert subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout == log


@pytest.mark.parametrize("first", ["module", "program"])
@pytest.mark.parametrize("flags, reason", [(0, abi.ROUTE), (abi.MODULE_KERNEL, None), (abi.MODULE_VERIFIED, abi.AWAY),
                                           (abi.MODULE_KERNEL | abi.MODULE_VERIFIED, None)])
def test_module_responds_where_the_set_up_names_more_than_a_verified_handler(root, flags, reason, first):
    """One that names a verified handler alone has no .ko respond in its place. No .ko is called verified."""
    age(root)
    with abi.Instance() as instance, socket.create_server(("127.0.0.1", 0)) as listener:
        if first == "module":
            insmod("keeper")
        instance.hello()
        instance.setup(str(root), routes=abi.route(0, 6, handler=7), text=b"/keep/", modules=[{"name": "keeper", "flags": flags}])
        if first == "program":
            insmod("keeper")
        instance.listen(listener)
        instance.lend()
        with mmap.mmap(instance.fd, instance.size()) as shared:
            assert shared[24] == (0 if reason else 1)  # tux_shared.modules
        with socket.create_connection(listener.getsockname(), timeout=10) as sock:
            if reason is None:
                assert ask(sock, "/keep/now") == (200, b"kernel\n")
            else:
                sock.sendall(b"GET /keep/now HTTP/1.1\r\nHost: x\r\n\r\n")
                assert handed_up(instance) == [reason]


def handed_up(instance):
    """The reasons of connections that are handed up, at least one."""
    until = time.monotonic() + 10
    while True:
        try:
            taken = instance.take()
        except BlockingIOError:
            assert time.monotonic() < until
            time.sleep(0.01)
            continue
        for fd, _ in taken:
            os.close(fd)
        return [reason for _, reason in taken]


def test_module_whose_load_fails_leaves_the_responses_to_the_program(serve):
    """The kernel log says so. The program refuses to start for that reason only if its own build fails, so the value is not in its file."""
    insmod("probe")
    with abi.Instance() as instance:
        instance.hello()
        instance.setup("/tmp", modules=[("probe", [("refuse", "yes")])])
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert "tux: module probe: load() or start() failed: -22" in log, log[-2000:]
    tux = serve()
    assert counters(tux, "probe")["kernel"] == "responds"


def test_reload_keeps_connections_and_module(serve):
    """A reload with the same configuration of the module shares it at once."""
    insmod("keeper")
    tux = serve()
    load = Load(tux, ["/keep/now", "/keep/later"], (b"kernel\n", b"user\n"), count=3)
    for number in range(3):
        tux.signal(1)
        tux.wait_until(lambda count=number + 2: tux.output.count("is in force") >= count, "the reload")
    time.sleep(0.2)
    load.ended = True
    assert tux.get("/keep/now") == (200, b"kernel\n")


WITHOUT_FILE = """
root "%(root)s"
listen 127.0.0.1:%(port)d
log off
threads 1
%(more)s
module keeper { kernel on }
route "/keep/" { module keeper }
route "=/status" { status on }
"""
PIDFD_GETFD = 438


@contextlib.contextmanager
def passing(tux):
    """The end of a socket on which a process that retires sends its connections: the second of a pair, which the supervisor has."""
    links = {int(link.name): os.readlink(link) for link in pathlib.Path(f"/proc/{tux.process.pid}/fd").iterdir()}
    inodes = {fd: int(link[8:-1]) for fd, link in links.items() if link.startswith("socket:[")}
    process = os.pidfd_open(tux.process.pid)
    found = None
    for fd in sorted(inodes):
        if found is None and inodes.get(fd + 1) == inodes[fd] + 1:
            found = socket.socket(fileno=ctypes.CDLL(None).syscall(PIDFD_GETFD, process, fd + 1, 0))
            if found.family != socket.AF_UNIX or found.type != socket.SOCK_SEQPACKET:
                found.close()
                found = None
    os.close(process)
    with found:
        yield found


def listening(port):
    """The inode of the socket that listens on a port."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(line[9]) for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"][0]


@contextlib.contextmanager
def passed(tux):
    """A client, and the descriptor of its connection that the process which has passed it still has."""
    with passing(tux) as sender, socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname(), timeout=20) as client:
        held, _ = listener.accept()
        with held:
            socket.send_fds(sender, [struct.pack("=Q", listening(tux.port))], [held.fileno()])
            yield client, held


def gets_nothing(sock, seconds=0.5):
    before = sock.gettimeout()
    sock.settimeout(seconds)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    sock.settimeout(before)


def head_of(target):
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture
def without_file(root, tmp_path_factory):
    """without_file(more): a program whose module has no other build."""
    folder = tmp_path_factory.mktemp("without")
    os.chmod(folder, 0o755)

    def start(more=""):
        tux = Tux.__new__(Tux)
        port = free_port()
        (folder / "tux.conf").write_text(WITHOUT_FILE % {"root": root, "port": port, "more": more})
        age(root)
        Tux.__init__(tux, None, "--config", str(folder / "tux.conf"))
        tux.port, tux.address = port, ("127.0.0.1", port)
        return tux
    insmod("keeper")
    yield start
    for tux in list(Tux.running):
        tux.stop()


IO_URING = pathlib.Path("/proc/sys/kernel/io_uring_disabled")


@pytest.fixture
def epoll():
    """Programs use epoll, because no process may use io_uring."""
    if not IO_URING.exists():
        pytest.skip("this kernel has no switch for io_uring")
    before = IO_URING.read_text()
    IO_URING.write_text("2")
    yield
    IO_URING.write_text(before)


@pytest.mark.parametrize("loop", ["io_uring", "epoll"])
def test_passed_connection_waits_unread_for_the_process_that_has_passed_it(request, without_file, loop):
    """The kernel engine takes a connection only after the other process has closed its descriptor. The program responds to other clients meanwhile."""
    if loop == "epoll":
        request.getfixturevalue("epoll")
    tux = without_file()
    assert f"and {loop}" in tux.output
    with passed(tux) as (client, held):
        client.sendall(head_of("/keep/now"))
        gets_nothing(client)
        began = time.monotonic()
        assert tux.get("/status")[0] == 200
        assert time.monotonic() - began < 2
        held.close()
        assert answer(client) == (200, b"kernel\n")
        assert ask(client, "/keep/now") == (200, b"kernel\n")


def test_passed_connection_is_read_after_a_while_by_the_program(without_file):
    """The other process never closes its descriptor, so the program responds. The connection goes to the kernel as soon as it can."""
    tux = without_file()
    with passed(tux) as (client, held):
        client.sendall(head_of("/keep/now"))
        gets_nothing(client, 3)
        assert answer(client)[0] == 503
        assert ask(client, "/a.txt") == (200, b"hello\n")
        held.close()
        assert ask(client, "/keep/now")[0] == 503
        assert ask(client, "/keep/now") == (200, b"kernel\n")


def test_passed_connection_over_the_limit_waits_for_the_kernel_engine(without_file):
    """It is unread until another connection closes, which may be one of the kernel engine."""
    tux = without_file("max-connections 1")
    with passed(tux) as (client, held):
        held.close()
        assert ask(client, "/keep/now") == (200, b"kernel\n")
        with passed(tux) as (other, held_of_other):
            held_of_other.close()
            other.sendall(head_of("/keep/now"))
            gets_nothing(other)
            client.close()
            assert answer(other) == (200, b"kernel\n")
