# SPDX-License-Identifier: GPL-2.0-or-later
"""Verified handlers: the good ones respond in the kernel, the verifier refuses the wrong ones, and each can be replaced and detached under load."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from client import wait_until
from conftest import Tux, age, ask
from test_kernel_modules import conversation, counters, kernel_counters, last
from tools import free_port

FOLDER = pathlib.Path("/modules.tux")
STRUCT_OPS = pathlib.Path("/proc/sys/kernel/osrelease").read_text().split(".")[:2] >= ["6", "12"] or \
    int(pathlib.Path("/proc/sys/kernel/osrelease").read_text().split(".")[0]) >= 7
BUDGET = pathlib.Path("/sys/module/tux_bpf/parameters/budget_us")
HERE = STRUCT_OPS and (FOLDER / "tux-bpf.ko").exists() and (FOLDER / "hello.bpf.o").exists()
CONFIG = """
root "%(root)s"
listen 127.0.0.1:%(port)d
threads 2
%(modules)s
route "=/status" { status on }
"""
verified = pytest.mark.skipif(not HERE, reason="this kernel has no struct_ops of modules, or clang or pahole were missing")


def messages():
    """Standard error of the newest program."""
    return pathlib.Path("/tmp/tux-error").read_text(encoding="utf-8")


def bpf_loaded():
    return "tux_bpf " in pathlib.Path("/proc/modules").read_text()


def rmmod_bpf():
    """The kernel frees the maps of a handler some time after the last descriptor was closed, and they hold the module."""
    if bpf_loaded():
        wait_until(lambda: subprocess.run(["rmmod", "tux_bpf"], capture_output=True, check=False).returncode == 0, "tux-bpf.ko is unloaded", 10)


@pytest.fixture(autouse=True)
def no_handler_left():
    if HERE and not bpf_loaded():
        subprocess.run(["insmod", str(FOLDER / "tux-bpf.ko")], check=True)
    if HERE:
        BUDGET.write_text("1000000")  # an emulated CPU on a busy machine is slow at times
    yield
    for tux in list(Tux.running):
        tux.stop()
    rmmod_bpf()


class Served:
    """The program with modules of a configuration, which may change."""

    def __init__(self, folder, root, port):
        self.conf, self.root, self.port = folder / "tux.conf", root, port
        self.tux = None

    def write(self, modules):
        self.conf.write_text(CONFIG % {"root": self.root, "port": self.port, "modules": modules})

    def start(self, modules):
        self.write(modules)
        age(self.root)
        self.tux = tux = Tux.__new__(Tux)
        Tux.__init__(tux, None, "--config", str(self.conf))
        tux.port, tux.address = self.port, ("127.0.0.1", self.port)
        return tux

    def reload(self, modules):
        before = messages().count("is in force")
        self.write(modules)
        self.tux.process.send_signal(signal.SIGHUP)
        wait_until(lambda: messages().count("is in force") > before, "the configuration is in force", 20)


@pytest.fixture
def served(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verified")
    os.chmod(folder, 0o755)
    (root / "private").mkdir(mode=0o755, exist_ok=True)
    (root / "private/a").write_bytes(b"a file\n")
    (root / "new").write_bytes(b"new\n")
    return Served(folder, root, free_port())


def module(name, file=None, more=""):
    return f'module {name} {{ bpf "/modules.tux/{file or name}.bpf.o"; {more} }}\n'


def in_kernel(tux, name):
    one = counters(tux, name)
    return one["kernel"] == "responds" and one["verified"] and one["kernel_requests"] == one["requests"]


def bpf_map(*arguments, text=None):
    return subprocess.run(["tux", "bpf", "map", *arguments], capture_output=True, text=True, input=text, check=False)


@verified
def test_three_builds_of_hello_respond_alike(served):
    """One source, without a change: as a shared object, in the kernel, and verified."""
    requests = [last("/hello"), last("/hello", "HEAD"), last("/hello?a=b", "DELETE"), last("/hello", "POST", "Content-Length: 3\r\n") + "abc",
                "GET /hello HTTP/1.0\r\n\r\n"]
    answers = []
    for place in ("user", "kernel", "verified"):
        if place == "kernel":
            subprocess.run(["insmod", "/modules.tux/hello.ko"], check=True)
        bpf = 'bpf "/modules.tux/hello.bpf.o";' if place == "verified" else ""
        tux = served.start(f'module hello {{ {bpf} file "/modules.tux/hello.so"; kernel on }}\nroute "/hello" {{ module hello }}')
        answers.append([conversation(tux, text) for text in requests])
        assert counters(tux, "hello")["kernel_requests"] == (0 if place == "user" else 4), place
        assert counters(tux, "hello")["verified"] == (place == "verified")
        listed = subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=True).stdout
        assert ("module hello (in the kernel, verified)" in listed) == (place == "verified"), listed
        tux.stop()
        if place == "kernel":
            subprocess.run(["rmmod", "hello"], check=True)
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0].endswith(b"hello\n")


@verified
def test_counter_lasts_over_a_reload(served):
    text = module("counter") + 'route "/count" { module counter }'
    tux = served.start(text)
    assert [tux.get("/count")[1] for _ in range(3)] == [b"%020d\n" % number for number in (1, 2, 3)]
    served.reload(text + "\n# changed")
    assert tux.get("/count")[1] == b"%020d\n" % 4
    assert in_kernel(tux, "counter")
    assert bpf_map().stdout == "counter hits: array of 1, key 4 bytes, value 8 bytes\n"
    assert bpf_map("counter", "hits").stdout == "0 4\n"
    assert bpf_map("counter", "hits", "0", "100").returncode == 0
    assert tux.get("/count")[1] == b"%020d\n" % 101
    assert bpf_map("counter", "hits", "0").stdout == "0 101\n"
    for wrong, problem in ((("counter", "none"), "no verified handler of a module counter has a map none"),
                           (("counter", "hits", "x"), '"x" is no key of 4 bytes'), (("counter", "hits", "0", "-1"), '"-1" is no value of 8 bytes'),
                           (("counter", "hits", "1"), "no 1: "), (("none",), "no verified handler of a module none has maps")):
        refused = bpf_map(*wrong)
        assert refused.returncode == 1 and problem in refused.stderr, (wrong, refused)


@verified
def test_refused_handler_leaves_the_one_before_it(served):
    """A reload with a handler that the verifier refuses: the former one responds, and its map stays for the next."""
    route = 'route "/count" { module counter }'
    tux = served.start(module("counter") + route)
    assert tux.get("/count")[1] == b"%020d\n" % 1
    served.reload(module("counter", "bad_leak") + route)
    assert "; the handler before it stays" in messages()
    assert tux.get("/count")[1] == b"%020d\n" % 2
    assert in_kernel(tux, "counter")
    served.reload(module("counter") + route)
    assert tux.get("/count")[1] == b"%020d\n" % 3
    served.reload('module counter { file "/modules.tux/hello.so" }\n' + route)
    assert tux.get("/count") == (200, b"hello\n")


@verified
def test_redirects_of_a_map_and_files_for_the_rest(served):
    tux = served.start(module("redirects") + 'route "/" { module redirects }')
    assert tux.get("/new") == (200, b"new\n")
    assert bpf_map("redirects", "table", "-", text="/old /new\n# a comment\n/far https://example.org/\n").returncode == 0
    answer = conversation(tux, last("/old"))
    assert answer.startswith(b"HTTP/1.1 308 ") and b"\r\nLocation: /new\r\n" in answer
    assert b"\r\nLocation: https://example.org/\r\n" in conversation(tux, last("/far"))
    assert bpf_map("redirects", "table").stdout.splitlines() in (["/old /new", "/far https://example.org/"], ["/far https://example.org/", "/old /new"])
    assert bpf_map("--remove", "redirects", "table", "/old").returncode == 0
    assert tux.get("/old")[0] == 404
    assert tux.get("/" + 200 * "x")[0] == 404
    assert tux.get("/new") == (200, b"new\n")
    assert counters(tux, "redirects")["ended"]["declined"] > 0


@verified
def test_token_in_front_of_files(served):
    """The file is sent by the kernel engine, with ranges and conditions; all builds respond alike."""
    requests = [last("/private/a"), last("/private/a", fields="Authorization: Bearer wrong\r\n"), last("/private/a", fields="Authorization: Bearer s3cret\r\n"),
                last("/private/a", fields="Authorization: Bearer s3cret\r\nRange: bytes=2-3\r\n"), last("/private/a", "HEAD", "Authorization: Bearer s3cret\r\n"),
                last("/private/a", fields="Authorization: Bearer s3cret2\r\n"), last("/private/a", fields="Authorization: " + 100 * "x" + "\r\n"),
                last("/private/none", fields="Authorization: Bearer s3cret\r\n")]
    answers = []
    for place in ("user", "kernel", "verified"):
        if place == "kernel":
            subprocess.run(["insmod", "/modules.tux/token.ko"], check=True)
        bpf = 'bpf "/modules.tux/token.bpf.o";' if place == "verified" else ""
        tux = served.start(f'module token {{ {bpf} file "/modules.tux/token.so"; kernel on; config {{ token = "s3cret" }} }}\nroute "/private/" {{ module token }}')
        answers.append([conversation(tux, text) for text in requests[:-1]])
        before = counters(tux, "token")
        answers[-1].append(conversation(tux, requests[-1]))
        after = counters(tux, "token")
        assert after["kernel_requests"] - before["kernel_requests"] == (place != "user"), place
        assert after["requests"] - before["requests"] == 1  # the program does not call its own build for one that was declined in the kernel
        tux.stop()
        if place == "kernel":
            subprocess.run(["rmmod", "token"], check=True)
    assert answers[0] == answers[1] == answers[2]
    assert [re.match(rb"HTTP/1.1 (\d+)", answer)[1] for answer in answers[1]] == [b"401", b"401", b"200", b"206", b"200", b"401", b"401", b"404"]


@verified
def test_other_configuration_is_in_force_while_the_old_process_still_sends(served):
    """A handler has no load(), so it needs no single configuration: without a file the new process would respond 503 until the old one has ended."""
    text = 'module token { bpf "/modules.tux/token.bpf.o"; config { token = "%s" } }\nroute "/private/" { module token }'
    (served.root / "private/large").write_bytes(bytes(8 << 20))
    tux = served.start(text % "first")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(tux.address)
        slow.sendall(b"GET /private/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer first\r\n\r\n")
        assert slow.recv(15) == b"HTTP/1.1 200 OK"
        served.reload(text % "second")
        assert tux.get("/private/a", "Authorization: Bearer second") == (200, b"a file\n")
        assert tux.get("/private/a", "Authorization: Bearer first")[0] == 401
        assert in_kernel(tux, "token")


@verified
def test_variant_of_a_file_by_cookie(served):
    """All builds respond alike: with a file of the cache, with one that is missing, and with one that the program sends."""
    for name in ("a", "b"):
        (served.root / f"{name}.txt").write_bytes(name.encode() + b" file\n")
    (served.root / "link.txt").symlink_to("a.txt")
    requests = [last("/start"), last("/start"), last("/start", "HEAD", "Cookie: x=1; variant=b\r\n"), last("/start", fields="Cookie: variant=b\r\n"),
                last("/start", fields="Cookie: variant=b; y=2\r\nRange: bytes=2-3\r\n"), last("/start", fields="Cookie: variant=b\r\nRange: bytes=0-0,2-2\r\n"),
                last("/start", fields="Cookie: variant=bc\r\n"), last("/start", fields="Cookie: variant=b; " + 320 * "x" + "\r\n"), last("/start", "PUT"),
                last("/start", fields="If-None-Match: *\r\n"), last("/b.txt"),
                last("/none", fields="Cookie: variant=b\r\n"), last("/none"), last("/none", "HEAD")]
    answers = []
    for place in ("user", "kernel", "verified", "verified alone"):
        if place == "kernel":
            subprocess.run(["insmod", "/modules.tux/variant.ko"], check=True)
        bpf = 'bpf "/modules.tux/variant.bpf.o";' if place.startswith("verified") else ""
        file = "" if place == "verified alone" else 'file "/modules.tux/variant.so"; kernel on;'
        tux = served.start(f'module variant {{ {bpf} {file} config {{ a = "/a.txt"; b = "/b.txt" }} }}\n'
                           f'module none {{ {bpf} {file} config {{ a = "/link.txt"; b = "/nowhere" }} }}\n'
                           'cache-control "max-age=60"\nroute "=/start" { module variant }\nroute "=/none" { module none }\nroute "=/b.txt" { hidden on }')
        answers.append([conversation(tux, text) for text in requests])
        one = counters(tux, "variant")
        assert one["ended"]["file"] == one["requests"] == 10 and one["kernel_requests"] == (0 if place == "user" else 10), (place, one)
        other = counters(tux, "none")
        assert other["requests"] == 3 and other["kernel_requests"] == (3 if place.startswith("verified") else 0), (place, other)
        tux.stop()
        if place == "kernel":
            subprocess.run(["rmmod", "variant"], check=True)
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert [re.match(rb"HTTP/1.1 (\d+)", answer)[1] for answer in answers[0]] == [b"200"] * 4 + [b"206"] * 2 + [b"200"] * 3 + [b"304", b"404", b"404", b"200", b"200"]
    assert answers[1][0].endswith(b"\r\n\r\na file\n") and answers[1][3].endswith(b"\r\n\r\nb file\n") and b"\r\nVary: Cookie\r\n" in answers[1][0]
    assert [answer.count(b"\r\nCache-Control: max-age=60\r\n") for answer in answers[1]] == [1] * 10 + [0, 0, 1, 1]


@verified
def test_functions_return_what_the_header_says(served):
    text = module("calls", more='config { letter = "q" }') + 'route "/" { module calls }'
    tux = served.start(text)
    fields = "X-One: 1\r\nX-Long: long\r\n"
    answer = conversation(tux, last("/ab?z", fields=fields))
    assert answer.endswith(b"\r\n\r\n13az1272yqzfbi\n") and b"\r\nContent-Type: text/x-calls\r\n" in answer, answer
    answer = conversation(tux, last("/n", "PUT", fields))
    assert answer.endswith(b"\r\n\r\n52nz1272yqelbi\n") and b"\r\nX-Added: yes\r\n" in answer, answer
    assert conversation(tux, last("/" + 20 * "x", fields=fields)).endswith(b"\r\n\r\n17\0z1272yqelbi\n")
    (served.root / "m").write_bytes(b"after 256 functions\n")
    assert tux.get("/m") == (200, b"after 256 functions\n")
    served.reload(text + "\n# changed")
    assert conversation(tux, last("/ab?z", fields=fields)).endswith(b"\r\n\r\n13az1272yqzfbi\n")  # variables begin anew
    assert in_kernel(tux, "calls")


WRONG = {  # handler: source line, and the verifier's reason on 6.12 and on 7
    "read_beyond": ("return *beyond == 7", r"access beyond struct tux_bpf_req|invalid.*access"),
    "write_request": ("*(volatile char *)req = '/'", r"only read is supported|beyond struct tux_bpf_req|cannot write"),
    "reply_more": ("tux_bpf_reply(reply, status, data", r"invalid (indirect |read |write )?.*stack.*size=4000"),
    "copy_more": ("tux_bpf_copy_text(tux_bpf_req(req)", r"invalid (indirect |read |write )?.*stack.*size=1024"),
    "endless": (None, r"infinite loop|back-edge|too (many|complex|large)"),
    "leak": (None, r"[Uu]nreleased reference"),
    "after_reply": ('tux_bpf_reply(reply, 200, "two', r"R1 (type=scalar|must be)|expect(ed|s)|!read_ok|must point to"),
    "helper": ("bpf_trace_printk(text", r"unknown func|cannot use helper|program of this type"),
    "kernel_function": ("bpf_rcu_read_lock();", r"bpf_rcu_read_lock\(\) is not a function that handlers have"),
    "no_check": ("return *number == 1", r"map_value_or_null"),
    "index": ("return text->at[", r"(invalid access to map value|max value is outside|unbounded)"),
    "kept": ("tux_bpf_reply_begin(tux_bpf_req(req))", r"type=scalar|expected|must be referenced or trusted|must point to"),
    "global": (None, r"function slow\(\) has to be static"),
    "forged": ("tux_bpf_method((struct tux_bpf_req *)forged)", r"pointer type STRUCT tux_bpf_req must point to|expected STRUCT tux_bpf_req"),
    "forged_reply": ("tux_bpf_reply_type((struct tux_bpf_reply *)forged", r"pointer type STRUCT tux_bpf_reply must point to|expected STRUCT tux_bpf_reply"),
    "context": ("tux_bpf_copy_text(tux_bpf_req(req)", r"pointer type STRUCT tux_bpf_req must point to|expected STRUCT tux_bpf_req"),
    "long": (None, r"it is too long: the kernel's verifier has followed \d{6} instructions, in all turns of its loops, and the limit is 65536"),
    "value": (None, r"map pages has a key of 4 and a value of 4096 bytes; the limits are 256 and 1024"),
    "seed": (None, r"map paths has BPF_F_ZERO_SEED: clients could choose keys that are slow"),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """One program whose configuration has all wrong handlers: what it says, what the status says of each module, and a response of each."""
    if not HERE:
        return None
    if not bpf_loaded():
        subprocess.run(["insmod", str(FOLDER / "tux-bpf.ko")], check=True)
    folder = tmp_path_factory.mktemp("refused")
    os.chmod(folder, 0o755)
    served = Served(folder, folder, free_port())
    tux = served.start("".join(
        f'module {name} {{ bpf "/modules.tux/bad_{name}.bpf.o"; file "/modules.tux/hello.so" }}\nroute "/{name}" {{ module {name} }}\n' for name in sorted(WRONG)))
    found = messages().splitlines(), {name: counters(tux, name) for name in WRONG}, {name: tux.get("/" + name) for name in WRONG}
    tux.stop()
    return found


@verified
@pytest.mark.parametrize("name", sorted(WRONG))
def test_verifier_refuses_a_wrong_handler(refusals, name):
    """The message names the line of the source and the reason, and the program responds."""
    line, reason = WRONG[name]
    lines, modules, answers = refusals
    message = [text for text in lines if f"bad_{name}.bpf.o" in text]
    assert len(message) == 1 and message[0].endswith("; its file responds"), message
    assert re.search(reason, message[0]), message
    if line:
        assert re.search(r"(bad_\w+\.c|bpf\.h):\d+: ", message[0]) and line in message[0], message
    assert answers[name] == (200, b"hello\n")
    assert modules[name]["kernel"] == "away" and not modules[name]["verified"] and modules[name]["kernel_requests"] == 0


@verified
def test_slow_handler_is_detached_and_the_program_responds(served):
    tux = served.start(module("slow", more='file "/modules.tux/hello.so"') + 'route "/slow" { module slow }')
    with tux.connect() as sock:
        assert ask(sock, "/slow") == (200, b"kernel\n")
        BUDGET.write_text("20")
        answers = [ask(sock, "/slow?slow") for _ in range(20)]
    assert answers[0] == (200, b"kernel\n") and answers[-1] == (200, b"hello\n"), answers
    assert {status for status, _ in answers} == {200}
    wait_until(lambda: counters(tux, "slow")["kernel"] == "too slow", "the handler is detached", 5)
    for _ in range(3):
        assert tux.get("/slow") == (200, b"hello\n")
    line = "tux: module slow: its verified handler was too slow, as the kernel log says; until the next reload its file responds\n"
    assert messages().count(line) == 1
    listed = subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=True).stdout
    assert "module slow (too slow in the kernel: this program responds)" in listed, listed
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"tux: module slow: handle\(\) took \d+ us, and its budget is 20 us: it is detached", log), log[-2000:]
    BUDGET.write_text("1000000")
    served.reload(served.conf.read_text().split("threads 2\n")[1].rsplit("route \"=", 1)[0])
    wait_until(lambda: tux.get("/slow") == (200, b"kernel\n"), "it responds again", 5)
    assert counters(tux, "slow")["kernel"] == "responds"


@verified
def test_replaced_and_detached_under_load_without_a_lost_request(served):
    """Each reload replaces the handler; at times the configuration has none."""
    route = 'route "/hello" { module hello }'
    both = module("hello", more='file "/modules.tux/hello.so"') + route
    only_file = 'module hello { file "/modules.tux/hello.so" }\n' + route
    tux = served.start(both)
    stop, statuses, broken = threading.Event(), {}, []

    def load():
        while not stop.is_set():
            try:
                with tux.connect() as sock:
                    for _ in range(200):
                        answer = ask(sock, "/hello")
                        statuses[answer] = statuses.get(answer, 0) + 1
                        if stop.is_set():
                            break
            except (OSError, AssertionError) as error:
                broken.append(error)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(4):
        served.reload((only_file if number == 1 else both) + f"\n# {number}")
        time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {(200, b"hello\n")}, (statuses, broken)
    assert sum(statuses.values()) > 100


@verified
def test_connection_gets_no_503_at_a_reload_without_a_file(served):
    """The process that takes over gives the connections that it gets to the kernel engine, before it reads anything: only that has the module."""
    text = module("hello") + 'route "/hello" { module hello }'
    tux = served.start(text)
    socks = [tux.connect() for _ in range(20)]
    for number in range(2):
        assert {ask(sock, "/hello") for sock in socks} == {(200, b"hello\n")}
        served.reload(text + f"\n# {number}")
        wait_until(lambda: kernel_counters(tux)["given_back"] >= len(socks), "the connections were passed", 20)
    assert {ask(sock, "/hello") for sock in socks} == {(200, b"hello\n")}
    for sock in socks:
        sock.close()


@verified
def test_modules_stay_while_a_handler_is_attached_and_kill_frees_all(served):
    tux = served.start(module("hello") + 'route "/hello" { module hello }')
    assert tux.get("/hello") == (200, b"hello\n")
    assert subprocess.run(["rmmod", "tux_bpf"], capture_output=True, check=False).returncode != 0
    assert subprocess.run(["rmmod", "tux"], capture_output=True, check=False).returncode != 0
    os.kill(tux.process.pid, signal.SIGKILL)  # the supervisor: its links close, and the other processes end
    tux.process.wait()
    Tux.running.remove(tux)
    rmmod_bpf()
    assert not bpf_loaded()


@pytest.fixture
def other(root, tmp_path_factory):
    """A second program, with a supervisor of its own."""
    folder = tmp_path_factory.mktemp("other")
    os.chmod(folder, 0o755)
    return Served(folder, root, free_port())


@verified
def test_handler_responds_for_its_own_program_alone(served, other):
    """Two programs have a handler of one name. The kernel has that of the first, and it does not respond to clients of the second, nor after a reload."""
    route = 'route "/count" { module counter }'
    one = served.start(module("counter") + route)
    two = other.start(module("counter") + route)
    assert "tux: module counter: cannot attach its handler: File exists; the kernel has a handler of this name, of another server" in messages()
    assert [one.get("/count")[1] for _ in range(2)] == [b"%020d\n" % number for number in (1, 2)]
    assert two.get("/count")[0] == 503
    assert counters(two, "counter")["kernel"] == "away" and not counters(two, "counter")["verified"]
    assert one.get("/count")[1] == b"%020d\n" % 3 and in_kernel(one, "counter")
    one.stop()
    assert two.get("/count")[0] == 503
    other.reload(module("counter") + route)
    assert two.get("/count")[1] == b"%020d\n" % 1 and in_kernel(two, "counter")


@verified
def test_detached_handler_leaves_its_clients_to_its_program(served, other):
    """The first program's handler was too slow. That of another program has its name now, and does not respond in its place."""
    text = module("slow", more='file "/modules.tux/hello.so"') + 'route "/slow" { module slow }'
    one = served.start(text)
    BUDGET.write_text("20")
    with one.connect() as sock:
        for _ in range(20):
            assert ask(sock, "/slow?slow")[0] == 200
    wait_until(lambda: counters(one, "slow")["kernel"] == "too slow", "the handler is detached", 5)
    BUDGET.write_text("1000000")
    two = other.start(text)
    assert two.get("/slow") == (200, b"kernel\n")
    assert one.get("/slow") == (200, b"hello\n")
    assert counters(one, "slow")["kernel"] == "too slow"


@verified
@pytest.mark.parametrize("on", [False, True])
def test_module_of_the_kernel_in_place_of_a_detached_handler(served, on):
    """A .ko of its name responds if the configuration has `kernel on`, and only then. It is never called verified. The next handler responds in its place."""
    text = module("keeper", "slow", f'file "/modules.tux/keeper.so"; kernel {"on" if on else "off"}') + 'route "/keep/" { module keeper }'
    tux = served.start(text)
    assert tux.get("/keep/now") == (200, b"kernel\n") and in_kernel(tux, "keeper")
    BUDGET.write_text("20")
    with tux.connect() as sock:
        for _ in range(20):
            assert ask(sock, "/keep/now?slow")[0] == 200
    wait_until(lambda: counters(tux, "keeper")["kernel"] == "too slow", "the handler is detached", 5)
    BUDGET.write_text("1000000")
    try:
        subprocess.run(["insmod", "/modules.tux/keeper.ko"], check=True)
        before = counters(tux, "keeper")
        assert [tux.get("/keep/now") for _ in range(3)] == 3 * [(200, b"kernel\n" if on else b"user\n")]
        after = counters(tux, "keeper")
        assert after["kernel"] == ("responds" if on else "too slow") and not after["verified"]
        assert after["kernel_requests"] - before["kernel_requests"] == (3 if on else 0)
        listed = subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=True).stdout
        assert f'module keeper ({"in the kernel" if on else "too slow in the kernel: this program responds"})' in listed, listed
        served.reload(text + "\n# changed")
        wait_until(lambda: tux.get("/keep/now") == (200, b"kernel\n") and counters(tux, "keeper")["verified"], "the handler responds again", 5)
    finally:
        subprocess.run(["rmmod", "keeper"], check=True)
    assert tux.get("/keep/now") == (200, b"kernel\n") and counters(tux, "keeper")["verified"]


@verified
@pytest.mark.parametrize("on", [False, True])
def test_handler_responds_in_place_of_a_module_of_the_kernel_that_was_there_first(served, on):
    """The configuration orders them: the handler, then the .ko with `kernel on`, then the file. The .ko may come and go meanwhile."""
    route = 'route "/hello" { module hello }'
    kernel = f'kernel {"on" if on else "off"}'
    text = module("hello", more=f'file "/modules.tux/hello.so"; {kernel}') + route

    def way(tux):
        assert {tux.get("/hello") for _ in range(5)} == {(200, b"hello\n")}
        one = counters(tux, "hello")
        return "verified" if one["verified"] else one["kernel"]
    subprocess.run(["insmod", "/modules.tux/hello.ko"], check=True)
    try:
        tux = served.start(text)
        assert way(tux) == "verified" and "cannot attach" not in messages()
        served.reload(f'module hello {{ file "/modules.tux/hello.so"; {kernel} }}\n' + route)
        assert way(tux) == ("responds" if on else "off")
        served.reload(text)
        assert way(tux) == "verified" and "cannot attach" not in messages()
    finally:
        subprocess.run(["rmmod", "hello"], check=True)
    assert way(tux) == "verified"
    subprocess.run(["insmod", "/modules.tux/hello.ko"], check=True)
    try:
        assert way(tux) == "verified"
    finally:
        subprocess.run(["rmmod", "hello"], check=True)


@verified
def test_module_of_the_kernel_does_not_respond_in_place_of_a_refused_handler(served):
    """Without `kernel on` in the configuration."""
    subprocess.run(["insmod", "/modules.tux/hello.ko"], check=True)
    try:
        tux = served.start('module hello { bpf "/modules.tux/bad_leak.bpf.o"; file "/modules.tux/hello.so" }\nroute "/hello" { module hello }')
        assert tux.get("/hello") == (200, b"hello\n")
        assert counters(tux, "hello")["kernel"] == "away" and counters(tux, "hello")["kernel_requests"] == 0
        tux.stop()
    finally:
        subprocess.run(["rmmod", "hello"], check=True)


def test_without_tux_bpf_the_program_responds(served):
    """On 6.1, or where tux-bpf.ko is not loaded."""
    rmmod_bpf()
    tux = served.start(module("hello", more='file "/modules.tux/hello.so"') + 'route "/hello" { module hello }')
    assert tux.get("/hello") == (200, b"hello\n")
    assert counters(tux, "hello")["kernel"] == "away"
    listed = subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=True).stdout
    assert "module hello (not in the kernel: this program responds)" in listed
    assert "tux-bpf.ko is not loaded" in messages() and "its file responds" in messages()
    refused = bpf_map()
    assert refused.returncode == 1 and "tux-bpf.ko is not loaded" in refused.stderr
