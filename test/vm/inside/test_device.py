# SPDX-License-Identifier: GPL-2.0-or-later
"""/dev/tux: what is not as include/uapi/tux.h says is refused, and nothing else happens."""
import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import pathlib
import random
import resource
import select
import socket
import struct
import threading
import time

import pytest

import abi
from conftest import ask


def error_of(call, *arguments, **named):
    with pytest.raises(OSError) as caught:
        call(*arguments, **named)
    return caught.value.errno


@pytest.fixture
def fresh():
    with abi.Instance() as made:
        yield made


@pytest.fixture
def ready(fresh, root):
    fresh.hello()
    fresh.setup(str(root))
    return fresh


def handed_up(instance):
    """Waits for the next connections that the instance hands up."""
    until = time.monotonic() + 5
    while True:
        try:
            return instance.take()
        except BlockingIOError:
            assert time.monotonic() < until
            time.sleep(0.005)


def test_versions_are_compared(fresh):
    assert error_of(fresh.hello, abi=abi.ABI + 1) == errno.EPROTO
    assert fresh.module[0] == abi.ABI and fresh.module[2].rstrip(b"\0") == b"0.1.0"
    assert error_of(fresh.hello, record_size=1) == errno.EPROTO
    fresh.hello()


def test_order(fresh, root):
    assert error_of(fresh.setup, str(root)) == errno.EBADMSG
    for call in (abi.LISTEN, abi.ADOPT, abi.RUN, abi.DRAIN, abi.SIZE, abi.ROOM):
        assert error_of(fcntl.ioctl, fresh.fd, call, b"\0" * 8) == errno.EBADMSG
    assert error_of(os.read, fresh.fd, abi.HANDED_UP_SIZE) == errno.EBADMSG
    fresh.hello()
    assert error_of(fresh.hello) == errno.EBADMSG
    fresh.setup(str(root))
    assert error_of(fresh.setup, str(root)) == errno.EBADMSG
    assert error_of(fresh.hello) == errno.EBADMSG


@pytest.mark.parametrize("changes", [
    {"size": 0}, {"size": 10000}, {"flags": 2}, {"host_flags": 2}, {"flags": 1 << 31}, {"max_connections": 0}, {"max_connections": 1 << 25},
    {"max_objects": 0}, {"max_objects": 1 << 21}, {"head_timeout_ms": 0}, {"send_timeout_ms": 86400001}, {"idle_timeout_ms": 0},
    {"index_count": 9}, {"index": ["a/b"]}, {"index": [""]}, {"index": ["x" * 256]}, {"index_text": b"a"}, {"index_text": b"a\0b\0"},
    {"index_text": b"a\0\0"}, {"index_len": 0}, {"index_count": 0}, {"index_len": 65535}, {"index_count": 2},
    {"allowed": 0o10000}, {"forbidden": 0x8000}, {"port": 65536}, {"module_count": 257},
    {"routes": abi.route(0, 5), "text": b"/app"}, {"routes": abi.route(1 << 31, 1), "text": b"/"},
    {"routes": abi.route(0, 1, handler=255), "text": b"/"}, {"routes": abi.route(0, 1, exact=2), "text": b"/"},
    {"routes": abi.route(0, 1)}, {"routes": abi.route(0, 1), "text": b"/", "route_count": (1 << 17) + 1},
    {"routes": abi.route(0, 1), "text": b"/", "text_len": (1 << 23) + 1},
    {"host_count": 0}, {"host_count": (1 << 17) + 1}, {"listener_count": 0}, {"listener_count": 65, "fallbacks": [0] * 65}, {"fallbacks": [1]},
    {"fallbacks": [0, 1]}, {"names": abi.name_table([(b"a", 1, 1)])[0], "name_text": b"a"}, {"names": abi.host_name(0, 2, 0), "name_text": b"a"},
    {"names": abi.host_name(0, 1, 0), "name_text": b"a"}, {"names": abi.host_name(1 << 31, 1, 0), "name_text": b"a"},
    {"names": abi.host_name(0, 256, 0), "name_text": b"a" * 256}, {"names": abi.host_name(0, 1, 0)},
    {"names": abi.name_table([(b"a", 0, 1)])[0][abi.NAME_SIZE:] + abi.name_table([(b"a", 0, 1)])[0][:abi.NAME_SIZE], "name_text": b"a"}, {"name_count": (1 << 19) + 1},
    {"name_text_len": (1 << 23) + 1}, {"routes": abi.route(0, 1, link=1), "text": b"/"}, {"routes": abi.route(0, 1, depth=0), "text": b"/"},
    {"routes": abi.route(0, 1) + abi.route(0, 2), "text": b"/a"},
    {"routes": abi.route(0, 2) + abi.route(0, 1, link=1, depth=2), "text": b"/a"},
    {"fields": {"lines": b"A: b"}}, {"fields": {"lines": b"A: b\n"}}, {"fields": {"lines": b"A: b\r\n\r\n"}},
    {"fields": {"lines": b"\r\n"}}, {"fields": {"lines": b"A: \x01\r\n"}}, {"fields": {"lines": b"A: b\rc\r\n"}},
    {"fields": {"error_lines": b"A: b"}}, {"fields": {"error_len": 4097}}, {"fields": {"removed_len": 4097}}, {"fields": {"removed": b"x-a"}},
    {"modules": [{"name": "a", "flags": 4}]}, {"modules": [{"name": "a", "timeout_ms": 0}]}, {"modules": [{"name": "a", "timeout_ms": 86400001}]},
    {"modules": [{"name": ""}]}, {"modules": [{"name": "a" * 65}]}, {"modules": [{"name": "a", "value_count": 1}]},
    {"modules": [{"name": "a", "value_count": 257}]}, {"modules": [{"name": "a", "text": b"a"}]}, {"modules": [{"name": "a", "text_len": 0}]},
    {"modules": [{"name": "a", "text_len": (1 << 20) + 1}]}, {"modules": [("a", [("b", "c")]), {"name": "a", "text": b"a\0b\0", "value_count": 1}]},
    {"fields": {"len": 4097}}, {"fields": {"omit": 16}}, {"fields": {"omit": 1 << 31}},
    {"fields": {"type_count": 513}}, {"fields": {"type_text_len": 32769}}, {"fields": {"every": (0, 1)}},
    {"fields": {"type_text": b"a/b", "fallback": (1, 3)}}, {"fields": {"type_text": b"a" * 200, "every": (0, 128)}},
    {"fields": {"type_text": b"a/b\r\n", "every": (0, 3)}}, {"fields": {"type_text": b"a/b", "types": b"x".ljust(32, b"\0") + b"\1\0\3\0"}},
    {"routes": abi.route(0, 1), "text": b"/", "route_fields": [{"type_text": b"a/b", "every": (0, 4)}]},
    {"routes": abi.route(0, 1), "text": b"/", "route_fields": [{"lines": b"A"}]},
    {"routes": abi.route(0, 1), "text": b"/", "route_fields": [{"omit": 16}]}])
def test_set_up_with_nonsense(fresh, root, changes):
    fresh.hello()
    assert error_of(fresh.setup, str(root), **changes) == errno.EINVAL
    fresh.setup(str(root))


def test_set_up_with_other_descriptors(fresh, root):
    fresh.hello()
    for descriptor in (999, -2):  # -1 is a root that is missing
        assert error_of(fresh.setup, str(root), root_fd=descriptor) == errno.EBADF
    with open(root / "a.txt", "rb") as file:
        assert error_of(fresh.setup, file.fileno()) == errno.ENOTDIR
        assert error_of(fresh.setup, str(root), event_fd=file.fileno()) == errno.EINVAL
    fresh.setup(str(root))


def test_site_without_root_has_no_files(fresh, root):
    fresh.hello()
    fresh.setup(str(root), root_fd=-1)
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as client:
        fresh.listen(listening)
        fresh.lend()
        client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        (fd, reason), = handed_up(fresh)
        os.close(fd)
        assert reason == abi.MISSING


def test_set_up_with_routes(fresh, root):
    fresh.hello()
    assert error_of(fresh.setup, str(root), index_at=8) == errno.EFAULT
    assert error_of(fresh.setup, str(root), routes=abi.route(0, 1), text=b"/", address=8) == errno.EFAULT
    assert error_of(fresh.setup, str(root), routes=abi.route(0, 1), text=b"/", route_fields_at=8) == errno.EFAULT
    assert error_of(fresh.setup, str(root), routes=abi.route(0, 1), text=b"/", route_fields=[{"lines_at": 8, "len": 1}]) == errno.EFAULT
    assert error_of(fresh.setup, str(root), fields={"error_lines_at": 8, "error_len": 1}) == errno.EFAULT
    assert error_of(fresh.setup, str(root), modules=[("a",)], modules_at=8) == errno.EFAULT
    assert error_of(fresh.setup, str(root), modules=[{"name": "a", "text_at": 8}]) == errno.EFAULT
    fresh.setup(str(root), routes=abi.route(0, 1, 4, handler=1) + abi.route(0, 5, link=1, depth=2), text=b"/.php")


@pytest.mark.parametrize("name", ["hosts_at", "names_at", "fallbacks_at"])
@pytest.mark.parametrize("address", [0, 8, 0xffffffff81000000])
def test_set_up_with_addresses_of_nothing(fresh, root, name, address):
    fresh.hello()
    assert error_of(fresh.setup, str(root), names=abi.host_name(0, 1, 0), name_text=b"a", **{name: address}) == errno.EFAULT
    fresh.setup(str(root))


def test_set_up_with_many_hosts(fresh, root):
    """A thousand, with a name each; the second broken one is found, and one that is too much altogether."""
    fresh.hello()
    table, text = abi.name_table([(b"%04d" % number, number, 1) for number in range(1024)])
    hosts = {"names": table, "name_text": text}
    descriptor = os.open(root, os.O_PATH)
    others = [(descriptor, {})] * 1023
    assert error_of(fresh.setup, str(root), [*others[1:], (descriptor, {"index": ["/"]})], **hosts) == errno.EINVAL
    assert error_of(fresh.setup, str(root), [*others[1:], (999, {})], **hosts) == errno.EBADF
    much = {"routes": abi.route(0, 1), "text": b"/" * (1 << 18)}
    assert error_of(fresh.setup, str(root), [(descriptor, much)] * 300, **hosts) == errno.EINVAL
    fresh.setup(str(root), others, **hosts)
    os.close(descriptor)


def test_set_up_with_shared_tables(fresh, root):
    """A hundred thousand hosts with the same addresses share one copy of their tables. Other tables between them are not shared."""
    fresh.hello()
    tables = {"index": ["a.txt", "b"], "routes": abi.route(0, 1), "text": b"/" * (1 << 18), "types": abi.file_type(b"x", 1),
              "fields": {"lines": b"A: b\r\n", "type_text": b"a/b", "every": (0, 3)},
              "route_fields": [{"lines": b"B: c\r\n", "type_text": b"c/d", "fallback": (0, 3)}]}
    descriptor = os.open(root, os.O_PATH)
    assert error_of(fresh.setup, descriptor, [(descriptor, {"index_text": b"a"})], repeat=50000, **tables) == errno.EINVAL
    fresh.setup(descriptor, repeat=100000, **tables)
    os.close(descriptor)


def test_set_up_with_alternating_tables(fresh, root):
    """A host that has other tables than the hosts before and after it."""
    fresh.hello()
    descriptor = os.open(root, os.O_PATH)
    fresh.setup(descriptor, [(descriptor, {"index": [], "fields": {"lines": b"A: b\r\n"}}), (descriptor, {})], repeat=100)
    os.close(descriptor)


@pytest.mark.parametrize("listener", [2, 63, 64, 256, (1 << 32) - 1])
def test_listeners_that_there_are_not(fresh, root, listener):
    fresh.hello()
    fresh.setup(str(root), fallbacks=[0, 0])
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as client:
        taken, _ = listening.accept()
        with taken:
            assert error_of(fresh.listen, listening, listener) == errno.EINVAL
            assert error_of(fresh.adopt, taken, listener) == errno.EINVAL
            fresh.listen(listening, 1)
            fresh.adopt(taken, 1)
            client.sendall(b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n")
            until = time.monotonic() + 5
            while True:
                assert time.monotonic() < until
                try:
                    (fd, reason, number), = fresh.take_all()
                    break
                except BlockingIOError:
                    time.sleep(0.005)
            os.close(fd)
            assert (reason, number) == (abi.METHOD, 1)


def test_listening_on_other_things(ready, root):
    assert error_of(ready.number, abi.LISTEN, 999) == errno.EBADF
    with open(root / "a.txt", "rb") as file:
        assert error_of(ready.number, abi.LISTEN, file.fileno()) == errno.EINVAL
    for family, kind in ((socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET, socket.SOCK_STREAM)):
        with socket.socket(family, kind) as sock:
            assert error_of(ready.listen, sock) == errno.EINVAL


def test_adopting_other_things(ready):
    assert error_of(ready.number, abi.ADOPT, 999) == errno.EBADF
    one, two = socket.socketpair()
    assert error_of(ready.adopt, one) == errno.EINVAL
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert error_of(ready.adopt, listener) == errno.EINVAL
    one.close()
    two.close()


def test_unknown_calls(ready):
    for number in (0, 1, abi.RUN + 7, 0x5401, 0xffffffff):
        assert error_of(fcntl.ioctl, ready.fd, number, 0) in (errno.EINVAL, errno.ENOTTY)
    assert error_of(os.write, ready.fd, b"x") == errno.EINVAL
    assert error_of(os.read, ready.fd, abi.HANDED_UP_SIZE - 1) == errno.EINVAL
    assert error_of(os.read, ready.fd, abi.HANDED_UP_SIZE) == errno.EAGAIN


def test_bad_memory(ready, root):
    with abi.Instance() as other:
        libc = ctypes.CDLL(None, use_errno=True)
        for instance, call in ((other, abi.HELLO), (ready, abi.LISTEN), (ready, abi.ADOPT), (ready, abi.SIZE)):
            for address in (0, 8, 0xffffffff81000000):
                assert libc.ioctl(instance.fd, ctypes.c_ulong(call), ctypes.c_void_p(address)) == -1
                assert ctypes.get_errno() == errno.EFAULT


def test_needs_the_capability():
    child = os.fork()
    if child == 0:
        try:
            os.chmod(abi.DEVICE, 0o666)
            os.setresuid(65534, 65534, 65534)
            os.open(abi.DEVICE, os.O_RDWR)
        except PermissionError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_mapping(ready):
    size = ready.size()
    with mmap.mmap(ready.fd, size) as shared:
        cpus, first, stride, ring = struct.unpack_from("=IIII", shared)
        assert cpus >= os.cpu_count() and first + cpus * stride <= size and ring & (ring - 1) == 0
    for length, offset in ((size + 4096, 0), (4096, (size + 4095) // 4096 * 4096), (4096, 1 << 40)):
        assert error_of(mmap.mmap, ready.fd, length, offset=offset) in (errno.EINVAL, errno.ENXIO, errno.EPERM)


def test_what_the_program_writes_into_the_rings_is_not_trusted(root):
    with abi.Instance() as made, socket.create_server(("127.0.0.1", 0)) as listener:
        made.hello()
        made.setup(str(root), flags=abi.RECORDS)
        made.listen(listener)
        made.lend()
        shared = mmap.mmap(made.fd, made.size())
        cpus, first, stride, _ = struct.unpack_from("=IIII", shared)
        for value in (0, 1, 1 << 63, (1 << 64) - 1, 0xdeadbeefcafe):
            for cpu in range(cpus):
                for word in range(0, 512, 8):
                    struct.pack_into("=Q", shared, first + cpu * stride + word, value)
            with socket.create_connection(listener.getsockname(), timeout=5) as sock:
                sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
                until = time.monotonic() + 5
                while time.monotonic() < until:  # answered, or handed up as there is no room
                    try:
                        for fd, reason in made.take():
                            assert reason == abi.NO_RECORDS
                            os.close(fd)
                        break
                    except BlockingIOError:
                        pass
                    try:
                        sock.settimeout(0.05)
                        assert sock.recv(100).startswith(b"HTTP/1.1 200")
                        break
                    except TimeoutError:
                        pass
                else:
                    pytest.fail("neither answered nor handed up")
        shared.close()


def test_reasons(instance):
    """Each hand-up says why, and leaves the request unread."""
    cases = [(b"GET / HTTP/1.1\r\n\r\n", abi.REFUSED), (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", abi.METHOD),
             (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", abi.BODY),
             (b"GET /%2e%2e/ HTTP/1.1\r\nHost: x\r\n\r\n", abi.TARGET), (b"GET /.hidden HTTP/1.1\r\nHost: x\r\n\r\n", abi.TARGET),
             (b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n", abi.MISSING),
             (b"GET /a.txt HTTP/1.1\r\nHost: x\r\nIf-Match: \"x\"\r\n\r\n", abi.ANSWER)]
    for request, reason in cases:
        with socket.create_connection(("127.0.0.1", instance.port), timeout=5) as client:
            client.sendall(request)
            until = time.monotonic() + 5
            handed = []
            while not handed:
                assert time.monotonic() < until, request
                try:
                    handed = instance.take()
                except BlockingIOError:
                    time.sleep(0.01)
            (fd, why), = handed
            with socket.socket(fileno=fd) as taken:
                assert why == reason, request
                assert taken.recv(1000) == request
                taken.sendall(b"answered")
                assert client.recv(100) == b"answered"


@contextlib.contextmanager
def no_descriptors():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def no_files():
    """The system's limit of open files is reached. It holds for processes without CAP_SYS_ADMIN."""
    limit = pathlib.Path("/proc/sys/fs/file-max")
    before = limit.read_text(encoding="ascii")
    limit.write_text("0", encoding="ascii")  # 1 would be below the error of the counter of files
    os.seteuid(65534)
    try:
        yield errno.ENFILE
    finally:
        os.seteuid(0)
        limit.write_text(before, encoding="ascii")


@pytest.mark.parametrize("limit", [no_descriptors, no_files])
def test_hand_up_without_descriptor_or_file_stays_queued(instance, limit):
    """read() fails and keeps the connection. The next read() returns it, with its request."""
    poll = select.poll()
    poll.register(instance.fd, select.POLLIN)
    with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert poll.poll(10000)
        with limit() as expected:
            for _ in range(3):
                assert error_of(instance.take) == expected
        assert poll.poll(0)
        (fd, why), = instance.take()
        with socket.socket(fileno=fd) as taken:
            assert why == abi.METHOD
            assert taken.recv(1000).startswith(b"POST / ")
            taken.sendall(b"answered")
            assert client.recv(100) == b"answered"


def test_adopted_goes_on(instance):
    """Out of the kernel engine, answered by the program, and back into it."""
    with socket.create_connection(("127.0.0.1", instance.port), timeout=5) as client:
        for _ in range(20):
            assert ask(client, "/a.txt") == (200, b"hello\n")
            client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
            until = time.monotonic() + 5
            while True:
                assert time.monotonic() < until
                try:
                    (fd, _), = instance.take()
                    break
                except BlockingIOError:
                    time.sleep(0.005)
            with socket.socket(fileno=fd) as taken:
                taken.recv(1000)
                taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.1 204")
                instance.adopt(taken)


def test_fuzzed(root):
    """Random and mutated messages at every call, from several threads, with live connections."""
    seconds = float(os.environ.get("TUX_FUZZ_SECONDS", "10"))
    seed = int(os.environ.get("TUX_FUZZ_SEED", "1"))
    until = time.monotonic() + seconds
    counts = [0] * 4

    def client(port):
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                    sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
                    sock.recv(1000)
            except OSError:
                pass

    root_fd = os.open(root, os.O_PATH)

    def nearly(chance, memory):
        """A set-up of several hosts and names in which some bits may be wrong, whether in the message or in what it leads to."""
        def bent(data):
            data = bytearray(data)
            for _ in range(chance.choice([0, 0, 0, 1, 2]) if data else 0):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)

        hosts = [bent(memory.host(root_fd, routes=bent(abi.route(0, 1, 1) + abi.route(0, 2, link=1, depth=2)), text=b"/a",
                                  fields={"lines": bent(b"A: b\r\n")}, route_fields=[{"lines": bent(b"C: d\r\n")}, {"omit": 15}]))
                 for _ in range(chance.randrange(1, 4))]
        names, text = abi.name_table([(b"x", 0, 1), (b"yz", len(hosts) - 1, 1)])
        return bytearray(bent(memory.setup(hosts, names=bent(names), name_text=text,
                                           fallbacks=[len(hosts) - 1, 0])))

    def fuzz(which):
        chance = random.Random(seed * 100 + which)
        good = None
        while time.monotonic() < until:
            instance = abi.Instance()
            listener = socket.create_server(("127.0.0.1", 0))
            runner = None
            try:
                if chance.random() < 0.9:
                    instance.hello()
                if chance.random() < 0.9:
                    instance.setup(str(root), flags=chance.randrange(2), host_flags=chance.randrange(2), max_connections=chance.choice([1, 2, 1000]),
                                   idle_timeout_ms=chance.choice([1, 50, 5000]))
                    instance.listen(listener)
                    runner = threading.Thread(target=client, args=listener.getsockname()[1:], daemon=True)
                    runner.start()
                    instance.lend(chance.randrange(3))
            except OSError:
                pass
            for _ in range(chance.randrange(1, 60)):
                counts[which] += 1
                try:
                    call = chance.choice(abi.CALLS)
                    if chance.random() < 0.1:
                        call = chance.getrandbits(32)
                    if chance.random() < 0.1:
                        call ^= 1 << chance.randrange(32)
                    if call == abi.RUN:
                        continue  # its threads are lent above
                    choice = chance.random()
                    if choice < 0.15:
                        memory = abi.Memory()
                        fcntl.ioctl(instance.fd, abi.SETUP, nearly(chance, memory))
                    elif choice < 0.5:
                        fcntl.ioctl(instance.fd, call, bytearray(chance.randbytes(2200)))
                    elif choice < 0.7:
                        instance.number(call, chance.choice([instance.fd, listener.fileno(), 0, 1, 2, -1]), chance.choice([0, 0, 1, 64]))
                    elif choice < 0.8:
                        os.close(os.dup(instance.fd))
                    elif choice < 0.9:
                        for fd, _ in instance.take():
                            if chance.random() < 0.5:
                                with socket.socket(fileno=os.dup(fd)) as taken:
                                    instance.adopt(taken)
                            os.close(fd)
                    else:
                        mmap.mmap(instance.fd, chance.choice([4096, 1 << 20]), offset=4096 * chance.randrange(4)).close()
                except (OSError, ValueError, OverflowError):
                    pass
            listener.close()
            if instance.threads and chance.random() < 0.9:
                try:
                    instance.close()
                except OSError:
                    pass
            else:
                instance.close()
        return good

    threads = [threading.Thread(target=fuzz, args=(which,), daemon=True) for which in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
        assert not thread.is_alive()
    os.close(root_fd)
    assert sum(counts) > 100
