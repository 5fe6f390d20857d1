# SPDX-License-Identifier: GPL-2.0-or-later
"""Isolated modules: a process that ends, hangs or lies costs its requests, and nothing else. modules/hostile.c does what the path says.
test_modules.py has their replies."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

import client
from hang import POLL, hang  # noqa: F401
from hosted import HERE, source
from tools import descendants, is_sanitized, is_there, make_place
from upstreams import Origin, response

@pytest.fixture
def hostile(build):
    return build(source("hostile"))


@pytest.fixture(params=["uring", "epoll"])
def serve(request, place, tux, hostile):
    """serve(more of the module block, more of the file): TUX with the module, isolated, at /m/."""
    def start(more="", top="", **options):
        os.makedirs(os.path.join(place, "root"), exist_ok=True)
        with open(os.path.join(place, "root/file.txt"), "w", encoding="utf-8") as file:
            file.write("a file")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('module hostile { file "%s"; isolate on; %s }\nroute "/m/" { module hostile }\n%s' % (hostile, more, top))
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1", **options)
    return start


@pytest.fixture
def confined(request):
    """Skips a test of the sandbox or of the limit of memory, which a sanitizer does not have."""
    if is_sanitized(request.config.getoption("tux")):
        pytest.skip("built with a sanitizer")


def process(server):
    """The number of the module's process, as it says itself. A process that is starting may take longer than the time limit of a request."""
    found = client.wait_until(lambda: [got.body for got in [server.get("/m/pid-")] if got.status == 200], "a process responds")
    return int(found[0].split()[0])


def is_replaced(server, before):
    """Waits until another process responds."""
    def other():
        found = server.get("/m/pid-")
        return found.status == 200 and int(found.body.split()[0]) != before
    client.wait_until(other, "another process responds")


@pytest.mark.parametrize("word, line", [("crash", "was ended by signal 11"), ("exit", "ended with status 3")])
def test_process_that_ends_is_502_and_replaced(serve, word, line):
    server = serve()
    before = process(server)
    kept = server.connect()
    kept.send("GET /m/keep HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: server.get("/m/pid-").body.endswith(b" 1\n"), "the module keeps a request")
    with server.connect() as conn:
        assert conn.get("/m/" + word).status == 502
        assert conn.get("/file.txt").body == b"a file"
    assert kept.response("GET").status == 502
    kept.close()
    is_replaced(server, before)
    if not is_sanitized(server.process.args[0]) or word != "crash":  # a sanitizer ends the process otherwise
        assert "tux: module hostile: process %d %s\n" % (before, line) in server.output
    assert re.search("502: the process of the module ended before it responded", server.output)


def test_process_that_ends_before_the_server_knows_that_it_was_ready(serve, hang):  # noqa: F811
    """That is no start that has failed, so the next request waits for another process."""
    server = serve(env=hang.env)
    before = process(server)
    with server.connect() as conn:
        assert conn.get("/m/exit").status == 502
    server.wait_until(lambda: "process %d ended" % before in server.output, "its end is known, and the next start is due")

    def starts():
        """Lets the thread hang that reads what the process says. If that is before it starts the process, none responds."""
        hang.off()
        hang.on(POLL)
        with contextlib.suppress(TimeoutError), server.connect(timeout=1) as conn:
            found = conn.get("/m/pid-")
            return int(found.body.split()[0]) if found.status == 200 else None
    second = client.wait_until(starts, "the process responds")
    assert second != before
    with server.connect() as conn:
        conn.send("GET /m/exit HTTP/1.1\r\nHost: a\r\n\r\n")
        client.wait_until(lambda: not is_there(second), "the process has ended")
        hang.off()
        assert conn.response("GET").status == 502
        assert conn.get("/m/pid-").status == 200


def test_kill(serve):
    server = serve()
    before = process(server)
    os.kill(before, signal.SIGKILL)
    is_replaced(server, before)


def test_spawner_that_is_killed_is_replaced(serve):
    """Another server process takes over with another spawner; the pause doubles."""
    server = serve()
    for pause in ("0.1", "0.2"):
        before = process(server)
        spawners = [pid for pid, name in descendants(server.process.pid).items() if name == "tux spawner" and is_there(pid)]
        assert len(spawners) == 1
        os.kill(spawners[0], signal.SIGKILL)
        is_replaced(server, before)
        assert "tux: a process that starts programs or modules has ended; another server process starts in %s s\n" % pause in server.output


def test_hang_is_504_and_the_process_is_replaced(serve):
    server = serve("timeout 0.3")
    before = process(server)
    assert server.get("/m/hang").status == 504
    is_replaced(server, before)
    assert "does not read on after a request has passed its time limit, and is killed" in server.output


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_nonsense_in_the_rings_is_502_and_one_line(serve):
    server = serve('root "/"')  # where the module finds its memory, in /proc
    before = process(server)
    assert server.get("/m/fill").status == 502
    is_replaced(server, before)
    assert server.output.count("its process has written nonsense, and is killed") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_request_after_nonsense_waits_for_another_process(serve, hang):  # noqa: F811
    """Also before the thread that starts processes knows of the nonsense."""
    server = serve('root "/"', env=hang.env)
    before = process(server)
    hang.on(POLL)
    assert server.get("/m/fill").status == 502
    client.wait_until(lambda: hang.hung == 1, "the thread hangs that starts processes")
    with server.connect() as conn:
        conn.send("GET /m/pid- HTTP/1.1\r\nHost: a\r\n\r\n")
        assert server.get("/file.txt").body == b"a file"  # by the same thread, which has read the request before it
        hang.off()
        found = conn.response("GET")
    assert found.status == 200 and int(found.body.split()[0]) != before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_records_about_a_file(serve):
    """The lies below are different from these records."""
    server = serve('root "/"')
    assert server.get("/m/lies?lookup=/file.txt;wait;read=5,1;begin=4;file=2,4;end=").body == b"file"


FOUND = "lookup=/file.txt;wait;begin=6;"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("lies", [
    "lookup=file.txt", "lookup=/../file.txt", "lookup=/file.txt;lookup=/file.txt", "lookup=/file.txt;read=0,1", "read=0,1", "begin=6;file=0,1",
    "lookup=/file.txt;wait;file=0,1", FOUND + "file=0,7", FOUND + "file=0,0", FOUND + "file=18446744073709551615,2",
    FOUND + "file=2,18446744073709551615", FOUND + "file=0,6;file=0,1", FOUND + "read=5,2", "lookup=/none;wait;read=0,1"])
def test_lies_about_a_file(serve, lies):
    """The server neither sends nor reads bytes that the process may not have, and kills it."""
    server = serve('root "/"')
    with server.connect() as conn:
        conn.send("GET /m/lies?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % lies)
        found = conn.rest()
    assert found.startswith(b"HTTP/1.1 502 ") or (b"Content-Length: 6\r\n" in found and found.partition(b"\r\n\r\n")[2] in (b"", b"a file"))
    client.wait_until(lambda: server.output.count("its process has written nonsense, and is killed") == 1, "the process is killed")


UPGRADE = "Connection: upgrade\r\nUpgrade: raw\r\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_records_about_fetches_and_tunnels(serve):
    """The lies below are different from these records."""
    origin = Origin(lambda request: response(b"an answer"))
    server = serve('root "/"', top='upstream app { server "%s" }' % origin.name)
    assert len(server.get("/m/lies?fetch=0,100,3,/x;body=3;wait;begin=16;data=1;end=").body) == 16
    assert origin.requests[0].body == b"xxx"
    server = serve('root "/"')
    with server.connect() as conn:
        conn.send("GET /m/lies?tunnel=raw;data=1;half=;end= HTTP/1.1\r\nHost: a\r\n%s\r\n" % UPGRADE)
        assert conn.head().status == 101
        assert len(conn.rest()) == 16


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("lies", [
    "fetch=1,10,0,/x", "fetch=0,4294967295,0,/x", "fetch=0,10,99999999999,/x", "fetch=0,10,0,x", "fetch=0,10,0,/x;fetch=0,10,0,/x",
    "fetch=0,10,3,/x;body=4", "fetch=0,10,3,/x;body=0", "fetch=0,10,3,/x;end=", "fetch=0,10,3,/x;fetch=0,10,0,/x", "body=1", "received=1", "received=0",
    "begin=6;fetch=0,10,3,/x;data=1", "taken=1", "taken=0", "tunnel=other", "tunnel=", "half=", "begin=6;half=", "tunnel=raw;half=;half=", "tunnel=raw;taken=1",
    "tunnel=raw;half=;data=1", "tunnel=raw;begin=6"])
def test_lies_about_fetches_and_tunnels(serve, lies):
    """The server kills a process that asks for a request which it may not send, or that writes about a tunnel which it does not have."""
    origin = Origin(lambda request: response(b"an answer"))
    server = serve('root "/"', top='upstream app { server "%s" }' % origin.name)
    with server.connect() as conn:
        conn.send("GET /m/lies?%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (lies, UPGRADE))
        client.wait_until(lambda: server.output.count("its process has written nonsense, and is killed") == 1, "the process is killed")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_position_past_the_ring_ends_the_process(serve):
    server = serve('root "/"; timeout 2')
    before = process(server)
    server.get("/m/tail")
    is_replaced(server, before)
    assert server.output.count("its process has written nonsense, and is killed") == 1


def test_second_message_on_the_socket_ends_the_process(serve):
    server = serve()
    before = process(server)
    server.get("/m/flod")
    is_replaced(server, before)
    assert server.output.count("its process has written nonsense, and is killed") == 1


def test_process_that_stays_and_fills_its_pipes_does_not_hold_up_the_end(serve):
    server = serve("config { unload = stays }")
    process(server)
    server.signal(signal.SIGTERM)
    assert server.wait(15) == 0  # it took 20 seconds if the server read all that came
    server.end = lambda: None


def test_unload_waits_for_threads_in_the_module(serve):
    server = serve()
    process(server)
    conn = server.connect()
    conn.send("GET /m/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    server.get("/file.txt")
    conn.close()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "unload() was called while" not in server.output
    server.end = lambda: None


def test_requests_do_not_end_a_process_that_loads_slowly(serve):
    server = serve("timeout 0.3; config { load = slow }")
    assert server.get("/m/pid-").status == 504
    client.wait_until(lambda: server.get("/m/pid-").status == 200, "the process has loaded")
    assert "is killed" not in server.output


def test_many_threads_fit_the_default_memory(serve):
    assert serve("threads 100").get("/m/pid-").status == 200


def test_replies_of_several_threads(serve):
    """Only the thread of the ring writes into it."""
    server = serve("threads 4")
    bad = []

    def ask():
        with server.connect() as conn:
            for _ in range(300):
                found = conn.get("/m/pid-")
                if found.status != 200:
                    bad.append(found.status)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bad and "is killed" not in server.output


def test_descriptor_for_a_response_without_content(serve):
    server = serve()
    before = process(server)
    assert server.get("/m/2043").status == 204
    assert process(server) == before


@pytest.mark.usefixtures("confined")
def test_load_starts_no_process(serve):
    server = serve("config { load = forks }")
    client.wait_until(lambda: "tux: module hostile: load() failed: Operation not permitted\n" in server.output, "load() may not fork")


def test_restarts_leak_no_descriptor(serve):
    server = serve()

    def descriptors():
        return len(os.listdir("/proc/%d/fd" % server.pid))

    def again():
        before = process(server)
        os.kill(before, signal.SIGKILL)
        is_replaced(server, before)
    again()
    first = descriptors()
    for _ in range(3):
        again()
    client.wait_until(lambda: descriptors() <= first, "no more descriptors are open than after the first restart")


@pytest.mark.parametrize("block, line", [
    ("user nobody", "module a has user, which is for a process of its own: isolate is off"),
    ("memory 64M; isolate off", "module a has memory, which is for a process of its own: isolate is off"),
    ("isolate on; writes on", "module a has writes, which needs a root"),
])
def test_options_of_isolated_modules_alone(tux, place, hostile, block, line):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module a { file "%s"; %s }' % (hostile, block))
    server = tux(place, "--config", path, ready=False)
    assert server.wait() != 0 and line in server.output
    server.end = lambda: None


def test_too_few_files_for_the_threads(tux, place, hostile):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module a { file "%s"; isolate on; files 64 }' % hostile)
    server = tux(place, "--config", path, "--threads", "32", ready=False)
    assert server.wait() == 1 and "module a: files is 64, and its process needs " in server.output
    server.end = lambda: None


def test_shared_memory_cannot_shrink(serve):
    server = serve()
    before = process(server)
    assert server.get("/m/trim").body.startswith(b"%d " % before)


def test_client_that_leaves_and_time_limit_while_suspended(serve):
    server = serve("timeout 0.3")
    before = process(server)
    conn = server.connect()
    conn.send("GET /m/keep HTTP/1.1\r\nHost: a\r\n\r\n")
    client.wait_until(lambda: server.get("/m/pid-").body.endswith(b" 1\n"), "the module keeps a request")
    conn.close()
    assert server.get("/m/keep").status == 504
    assert process(server) == before


def test_load_that_fails_is_503_with_a_line(serve):
    server = serve("config { load = fails }")
    client.wait_until(lambda: server.get("/m/pid-").status == 503, "no process can be started")
    client.wait_until(lambda: server.output.count("tux: module hostile: load() failed: No such file or directory\n") > 1, "it is tried again")
    assert server.get("/file.txt").body == b"a file"


@pytest.mark.usefixtures("confined")
def test_what_the_process_may_do(serve):
    server = serve()
    assert re.search(rb"passwd 0, own 0, made 0, net 0, fork 0, kill 0\n", server.get("/m/rights").body)


@pytest.mark.usefixtures("confined")
def test_what_it_may_do_with_more_rights(serve):
    server = serve("programs on; network on")
    assert re.search(rb"passwd 0, own 0, made 0, net 1, fork 1, kill ", server.get("/m/rights").body)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.usefixtures("confined")
def test_root_and_user(serve, place):
    home = os.path.join(place, "home")
    os.makedirs(home)
    os.chmod(home, 0o777)
    os.chmod(place, 0o755)
    with open(os.path.join(home, "own.txt"), "w", encoding="utf-8") as file:
        file.write("own")
    server = serve('user nobody; root "%s"' % home)
    assert server.get("/m/rights").body == b"uid 65534, passwd 0, own 1, made 0, net 0, fork 0, kill 0\n"
    with open("/proc/%d/status" % process(server), encoding="utf-8") as file:
        status = file.read()
    assert re.findall(r"Cap(?:Prm|Eff|Amb):\t(\w+)", status) == ["0" * 16] * 3 and "NoNewPrivs:\t1" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_with_writes(serve, place):
    home = os.path.join(place, "home")
    os.makedirs(home)
    os.chmod(home, 0o777)
    os.chmod(place, 0o755)
    server = serve('root "%s"; writes on' % home)
    assert b"made 1" in server.get("/m/rights").body and os.path.exists(os.path.join(home, "made.txt"))


def test_wrong_user(tux, place, hostile):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module a { file "%s"; isolate on; user no-such-user }' % hostile)
    server = tux(place, "--config", path, ready=False)
    assert server.wait() == 1 and "module a: " in server.output and "no-such-user" in server.output
    server.end = lambda: None


@pytest.mark.usefixtures("confined")
def test_memory(serve):
    server = serve("memory 64M")
    assert server.get("/m/many").body == b"lacks\n"


@pytest.mark.usefixtures("confined")
def test_leak_ends_the_process_alone(serve):
    """A module that leaks has its limit, and the server has none of its memory."""
    server = serve("memory 64M")
    before, memory = process(server), server.memory()
    client.wait_until(lambda: server.get("/m/leak").status == 502, "its memory is used up")
    is_replaced(server, before)
    assert server.memory() < memory + (16 << 20)


@pytest.fixture(scope="module")
def without():
    """Runs a program as on a kernel without Landlock, or with a further argument also without seccomp."""
    folder = make_place()
    path = os.path.join(folder, "without_sandbox")
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", os.path.join(HERE, "without_sandbox.c"), "-lseccomp", "-o", path], check=True)
    yield path
    shutil.rmtree(folder, ignore_errors=True)


STATUS = 'route "=/status" { status on }'


def sandbox(server):
    return json.loads(server.get("/status?format=json").body)["modules"]["loaded"][0]["process"]


@pytest.mark.usefixtures("confined")
@pytest.mark.parametrize("less, lacks, status", [
    ("files", "Landlock", "no landlock, seccomp"), ("both", "Landlock and seccomp", "no landlock, no seccomp")])
def test_kernel_without_a_sandbox_is_told(serve, without, less, lacks, status):
    """One line at the start, and the status. require-sandbox refuses such a kernel."""
    server = serve(top=STATUS, wrapper=(without, less))
    line = "tux: module hostile: its process runs without %s, which this kernel lacks; require-sandbox on would not start it\n" % lacks
    before = process(server)
    server.wait_until(lambda: line in server.output, "the line")  # the process may respond before
    server.wait_until(lambda: sandbox(server) == "in a process with " + status, "the status tells")
    os.kill(before, signal.SIGKILL)
    is_replaced(server, before)
    assert server.output.count(line) == 1
    server = serve("require-sandbox on", wrapper=(without, less))
    client.wait_until(lambda: server.get("/m/pid-").status == 503, "no process can be started")
    assert re.search("tux: module hostile: this kernel has no (Landlock|seccomp), and require-sandbox is on\n", server.output)


@pytest.mark.usefixtures("confined")
def test_required_sandbox(serve):
    server = serve("require-sandbox on", top=STATUS)
    if server.get("/m/pid-").status != 200:
        pytest.skip("this kernel has no sandbox")
    server.wait_until(lambda: "no process" not in sandbox(server), "the process tells of its sandbox")  # it may respond before
    assert re.fullmatch(r"in a process with landlock ABI \d+, seccomp", sandbox(server)) and "which this kernel lacks" not in server.output


def test_required_sandbox_beside_no_sandbox(tux, place, hostile):
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module a { file "%s"; isolate on; require-sandbox on }' % hostile)
    server = tux(place, "--config", path, "--no-sandbox", ready=False)
    assert server.wait() == 1 and "module a: require-sandbox is on, and so is no-sandbox" in server.output
    server.end = lambda: None


def test_output_of_the_process(serve):
    server = serve()
    assert server.get("/m/says").status == 200
    client.wait_until(lambda: "tux: module hostile: a line of its own\n" in server.output and "tux: module hostile: another\n" in server.output, "lines")


def test_reload_and_end_leave_no_process(serve):
    server = serve()
    before = process(server)
    server.signal(signal.SIGHUP)
    is_replaced(server, before)
    client.wait_until(lambda: not os.path.exists("/proc/%d" % before), "the old process has ended")
    after = process(server)
    server.end()
    server.end = lambda: None
    client.wait_until(lambda: not os.path.exists("/proc/%d" % after), "the process has ended")
