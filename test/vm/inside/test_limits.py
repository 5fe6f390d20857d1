# SPDX-License-Identifier: GPL-2.0-or-later
"""What an instance takes: its memory is counted in its program's cgroup, its connections in one limit with the program's own."""
import os
import pathlib
import resource
import select
import socket
import subprocess
import sys
import time

import pytest

from conftest import Tux, answer, ask, free_port

CGROUP = pathlib.Path("/sys/fs/cgroup")
SLACK = 64 * 4096 * os.cpu_count()  # charged ahead of use: a batch of pages for each CPU


@pytest.fixture(scope="module")
def cgroup():
    """A memory cgroup of the second version, for processes that join() it."""
    if not CGROUP.exists() or subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUP)], capture_output=True, check=False).returncode != 0:
        pytest.skip("no cgroups of the second version")
    (CGROUP / "cgroup.subtree_control").write_text("+memory")
    folder = CGROUP / "tux"
    folder.mkdir()
    yield folder
    for _ in range(100):
        try:
            folder.rmdir()
            break
        except OSError:
            time.sleep(0.05)
    subprocess.run(["umount", str(CGROUP)], check=False)


def joins(folder):
    return lambda: (folder / "cgroup.procs").write_text("0")


def used(folder):
    return int((folder / "memory.current").read_text())


def kernel_bytes(folder):
    """Memory of the kernel's own that is charged, as exactly as it is told."""
    time.sleep(2.5)  # it is summed up every two seconds
    lines = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return int(lines["kernel"])


INSTANCES = 8
HOLDS_INSTANCES = f"""
import sys
sys.path.insert(0, "/test/vm/inside")
import abi
instances = []
sys.stdin.readline()
for _ in range({INSTANCES}):
    instances.append(abi.Instance())
    instances[-1].hello()
    instances[-1].setup(sys.argv[1])
print(sum(each.size() for each in instances), flush=True)
sys.stdin.readline()
for each in instances:
    each.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def test_mapped_memory_is_charged(cgroup, root):
    """Counters and access records: the usage goes up by their size with TUX_SETUP, and back when the instance ends."""
    with subprocess.Popen([sys.executable, "-c", HOLDS_INSTANCES, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          bufsize=1, preexec_fn=joins(cgroup)) as process:
        time.sleep(1)
        before = kernel_bytes(cgroup)
        process.stdin.write("\n")
        size = int(process.stdout.readline())
        assert size >= INSTANCES * os.cpu_count() * (1 << 18)
        up = kernel_bytes(cgroup) - before
        assert size - SLACK <= up <= size * 1.2 + SLACK, (before, size, up)
        assert used(cgroup) >= size
        process.stdin.write("\n")
        assert process.stdout.readline() == "closed\n"
        left = kernel_bytes(cgroup) - before
        assert left < size / 8 + SLACK, (before, size, left)
        process.stdin.write("\n")


def stuck(tux, fields, count, target="/big"):
    """Connections with an answer that does not go on: its record waits for its end."""
    socks = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", tux.port))
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        socks.append(sock)
    for sock in socks:
        sock.settimeout(30)
        sock.recv(1, socket.MSG_PEEK)  # its answer is under way
    return socks


@pytest.mark.usefixtures("small_send_buffers")
def test_what_softirq_allocates_is_charged(cgroup, root):
    """The record of an answer under way is made where the request arrives, which is in nobody's name."""
    texts = "".join(f"{name}: {'x' * 1000}\r\n" for name in ("User-Agent", "Referer"))
    usage = []
    for fields in ("", texts):
        tux = Tux(root, "--threads", "1", log="/dev/null", preexec_fn=joins(cgroup))
        tux.get("/big")
        before = kernel_bytes(cgroup)
        socks = stuck(tux, fields, 400)
        usage.append(kernel_bytes(cgroup) - before)
        for sock in socks:
            sock.close()
        tux.stop()
    assert usage[1] - usage[0] >= 400 * 1500, usage


MODULE = """
root "%s"
listen 127.0.0.1:%d
threads 1
log off
module probe { file "/modules.tux/probe.so"; kernel on; threads 2 }
route "/probe/" { module probe }
"""


@pytest.mark.usefixtures("small_send_buffers")
def test_replies_of_a_module_exceed_the_limit_by_4_mb(cgroup, root, tmp_path):
    """Forty clients do not read a reply of 1 MB, and the cgroup has 8 MB left. The program is in another one, so that no thread of it is out of memory."""
    conf, port = tmp_path / "tux.conf", free_port()
    tmp_path.chmod(0o755)
    conf.write_text(MODULE % (root, port))
    subprocess.run(["insmod", "/modules.tux/probe.ko"], check=True)
    try:
        tux = Tux(None, "--config", str(conf), preexec_fn=joins(cgroup))
        tux.port, tux.address = port, ("127.0.0.1", port)
        assert len(tux.get("/probe/big")[1]) == 1 << 20
        for pid in (cgroup / "cgroup.procs").read_text().split():
            (CGROUP / "cgroup.procs").write_text(pid)
        before = used(cgroup)
        (cgroup / "memory.max").write_text(str(before + (8 << 20)))
        socks = stuck(tux, "", 40, "/probe/big")
        time.sleep(0.5)
        most = used(cgroup) - before
        assert 6 << 20 <= most <= (12 << 20) + SLACK, most
        for sock in socks:
            sock.close()
        (cgroup / "memory.max").write_text("max")
        time.sleep(0.5)
        assert used(cgroup) - before <= 2 * SLACK
        assert len(tux.get("/probe/big")[1]) == 1 << 20
        tux.stop()
    finally:
        (cgroup / "memory.max").write_text("max")
        subprocess.run(["rmmod", "probe"], check=True)


def answered(sock, seconds):
    """Whether an answer comes."""
    sock.settimeout(seconds)
    try:
        return sock.recv(100).startswith(b"HTTP/1.1 200")
    except TimeoutError:
        return False


def asks(tux):
    sock = tux.connect()
    sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    return sock


def test_one_limit_for_both_engines(root):
    """What is handed up counts on; room that the program makes is seen as well as that which the kernel engine makes."""
    tux = Tux(root, "--max-connections", "6")
    inside = [tux.connect() for _ in range(3)]
    for sock in inside:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
    above = []
    for _ in range(3):  # several ranges are the program's, and nobody reads them
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", tux.port))
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1400000,1500000-2900000\r\n\r\n")
        above.append(sock)
    time.sleep(0.5)
    waiting = [asks(tux) for _ in range(2)]
    assert not any(answered(sock, 0.3) for sock in waiting)
    above.pop().close()
    first = select.select(waiting, [], [], 5)[0][0]  # there is a listening socket for each thread, so it may be either
    waiting.remove(first)
    assert answered(first, 5)
    assert not answered(waiting[0], 0.3)
    inside.pop().close()
    assert answered(waiting[0], 5)
    more = asks(tux)
    assert not answered(more, 0.3)
    for sock in [first, *waiting, *inside, *above]:
        sock.close()
    assert answered(more, 5)
    more.close()
    for _ in range(30):  # up, answered, given back: nothing is counted twice, or not at all
        assert tux.get("/missing")[0] == 404
    socks = [tux.connect() for _ in range(6)]
    for sock in socks:
        assert ask(sock, "/a.txt") == (200, b"hello\n")
    last = asks(tux)
    assert not answered(last, 0.3)
    for sock in [*socks, last]:
        sock.close()
    tux.stop()


def test_room_goes_round(root):
    """At the limit no listener gets all that becomes free."""
    tux = Tux(root, "--max-connections", "1", "--threads", "1", "--listen", f"127.0.0.1:{(other := free_port())}")
    held = tux.connect()
    assert ask(held, "/a.txt") == (200, b"hello\n")
    waiting = {}
    for port in (tux.port, other):
        for _ in range(3):
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            waiting[sock] = port
    served = []
    while waiting:
        held.close()
        held = select.select(list(waiting), [], [], 5)[0][0]
        assert answered(held, 5)
        served.append(waiting.pop(held))
        assert not select.select(list(waiting), [], [], 0.05)[0]
    held.close()
    tux.stop()
    for turn in (0, 2, 4):
        assert set(served[turn:turn + 2]) == {tux.port, other}, served


def reads(pid):
    """The number of read() calls that a process has made."""
    return int(dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())["syscr"])


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="this kernel does not count read() calls")
def test_no_descriptor_for_a_connection_that_is_handed_up(root):
    """It waits in the kernel engine. The program asks for it again now and then, not all the time, and gets it in the end."""
    tux = Tux(root)
    soft, hard = resource.prlimit(tux.pid, resource.RLIMIT_NOFILE)
    fds = pathlib.Path(f"/proc/{tux.pid}/fd")
    used = {int(fd.name) for fd in fds.iterdir()}
    resource.prlimit(tux.pid, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), hard))
    with tux.connect() as sock:
        sock.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        before = reads(tux.pid)
        assert select.select([sock], [], [], 2) == ([], [], [])
        assert reads(tux.pid) - before < 200
        resource.prlimit(tux.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert answer(sock)[0] in (403, 405)
    tux.stop()
