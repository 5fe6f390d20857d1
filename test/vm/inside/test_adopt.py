# SPDX-License-Identifier: GPL-2.0-or-later
"""TUX_ADOPT consumes the descriptor: the program keeps nothing that reaches an adopted socket, and the module unloads in each state."""
import contextlib
import errno
import fcntl
import os
import pathlib
import resource
import select
import signal
import socket
import struct
import threading
import time

import pytest

import abi
from conftest import Counts, ask, load, same_again, unload
from pause import Pause

TCP_REPAIR = 19
TCP_ULP = 31
UNSPEC = struct.pack("=H14x", socket.AF_UNSPEC)
REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"


class Program:
    """An instance, and connections that it accepts itself."""

    def __init__(self, root, backend=None, served=False):
        self.instance = abi.Instance()
        self.instance.hello()
        self.instance.setup(str(root), port=backend.getsockname()[1] if backend else 0, idle_timeout_ms=60000, head_timeout_ms=60000)
        self.listener = socket.create_server(("127.0.0.1", 0))
        if served:
            self.instance.listen(self.listener)
        self.instance.lend()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.instance.close()
        self.listener.close()

    def connect(self):
        return socket.create_connection(self.listener.getsockname(), timeout=10)

    def pair(self):
        """A client, and the server's end of its connection."""
        client = self.connect()
        taken, _ = self.listener.accept()
        return client, taken

    def taken(self):
        """The socket of a connection that is handed up."""
        until = time.monotonic() + 20
        while True:
            try:
                (fd, _), = self.instance.take()
                return socket.socket(fileno=fd)
            except BlockingIOError:
                assert time.monotonic() < until
                time.sleep(0.005)


@pytest.fixture
def program(root):
    with Program(root) as made:
        yield made


def disconnect(fd):
    """connect(AF_UNSPEC), for which Python's socket has no address."""
    import ctypes  # pylint: disable=import-outside-toplevel
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(fd, UNSPEC, len(UNSPEC)) != 0:
        raise OSError(ctypes.get_errno(), "connect")


def adopt_number(program, fd):
    fcntl.ioctl(program.instance.fd, abi.ADOPT, bytearray(struct.pack("=iI", fd, 0)))


def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError as error:
        assert error.errno == errno.EBADF
        return False


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_adopted_descriptor_is_closed(program):
    client, taken = program.pair()
    with client:
        fd = taken.detach()
        adopt_number(program, fd)
        assert not is_open(fd)
        assert ask(client, "/a.txt") == (200, b"hello\n")
        with pytest.raises(OSError) as caught:
            adopt_number(program, fd)
        assert caught.value.errno == errno.EBADF


def duplicate(taken):
    return taken.dup()


def in_flight(taken):
    """Sent to a Unix socket, and not yet received."""
    one, two = socket.socketpair()
    socket.send_fds(one, [b"x"], [taken.fileno()])

    def close():
        one.close()
        two.close()
    return contextlib.closing(type("Pair", (), {"close": staticmethod(close)}))


def watched(taken):
    poll = select.epoll()
    poll.register(taken.fileno(), select.EPOLLIN)
    return poll


def watched_through_another(taken):
    """The item stays with the file when the descriptor that it was made with is closed."""
    poll = select.epoll()
    with taken.dup() as other:
        poll.register(other.fileno(), select.EPOLLIN)
    return poll


@contextlib.contextmanager
def signalled(taken):
    flags = fcntl.fcntl(taken.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(taken.fileno(), fcntl.F_SETFL, flags | os.O_ASYNC)
    yield
    fcntl.fcntl(taken.fileno(), fcntl.F_SETFL, flags)


@contextlib.contextmanager
def inherited(taken):
    child = os.fork()
    if child == 0:
        signal.pause()
    yield
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@contextlib.contextmanager
def received(taken):
    """Another thread waits in recv()."""
    taken.settimeout(None)
    got = []
    thread = threading.Thread(target=lambda: got.append(taken.recv(1)), daemon=True)
    thread.start()
    wait_for(lambda: pathlib.Path(f"/proc/self/task/{thread.native_id}/stat").read_text().split(")")[1].split()[0] == "S")
    yield
    thread.join(20)
    assert got == [b"x"]


@pytest.mark.parametrize("share", [duplicate, in_flight, watched, watched_through_another, signalled, inherited, received])
def test_socket_with_another_path_to_it_is_refused(program, share):
    client, taken = program.pair()
    with client, taken:
        with share(taken):
            with pytest.raises(OSError) as caught:
                adopt_number(program, taken.fileno())
            assert caught.value.errno == errno.EBUSY
            client.sendall(b"x")  # the program has it still
        if share is not received:
            assert taken.recv(1) == b"x"
            program.instance.adopt(taken)
            assert ask(client, "/a.txt") == (200, b"hello\n")


def listens_anew(fd):
    disconnect(fd)
    with socket.socket(fileno=os.dup(fd)) as again:
        again.listen()


def is_repaired(fd):
    """CAP_NET_ADMIN may set the sequence numbers of such a socket."""
    with socket.socket(fileno=os.dup(fd)) as again:
        again.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)


@pytest.mark.parametrize("change", [disconnect, listens_anew, is_repaired])
def test_socket_changed_between_check_and_close_is_refused(program, change):
    """Another thread changes it when it is checked, and still has its descriptor."""
    client, taken = program.pair()
    errors = []
    start = threading.Event()

    def adopt():
        start.wait()
        try:
            program.instance.adopt(taken)
        except OSError as error:
            errors.append(error.errno)

    thread = threading.Thread(target=adopt, daemon=True)
    with client, taken:
        thread.start()
        with Pause("ktux_descriptor_take", thread) as pause:
            start.set()
            pause.wait()
            change(taken.fileno())
        thread.join(20)
        assert errors == [errno.EINVAL]
        assert is_open(taken.fileno())


def test_refused_connection_stays_without_another_descriptor(program):
    """While the connection is out of the table, every number is taken. The program keeps it at its own number."""
    client, taken = program.pair()
    errors = []
    start = threading.Event()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    def adopt():
        start.wait()
        try:
            adopt_number(program, taken.fileno())
        except OSError as error:
            errors.append(error.errno)

    thread = threading.Thread(target=adopt, daemon=True)
    with client, taken:
        thread.start()
        try:
            with Pause("ktux_descriptor_take", thread) as pause:
                start.set()
                pause.wait()
                disconnect(taken.fileno())
                resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
            thread.join(20)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert errors == [errno.EINVAL]
        assert is_open(taken.fileno())


def test_racing_threads_lose_no_connection(program):
    """Others look the descriptor up all the time; adoption fails now and then, and nothing is lost."""
    stop, tries = threading.Event(), [0, 0]
    number = [-1]

    def look():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                os.readlink(f"/proc/self/fd/{number[0]}")
            with contextlib.suppress(OSError):
                os.close(os.dup(number[0]))

    threads = [threading.Thread(target=look, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        client, taken = program.pair()
        with client:
            number[0] = fd = taken.detach()
            until = time.monotonic() + 20
            while True:
                tries[0] += 1
                try:
                    adopt_number(program, fd)
                    break
                except OSError as error:
                    assert error.errno == errno.EBUSY and time.monotonic() < until
                    assert is_open(fd)
                    tries[1] += 1
            number[0] = -1
            assert ask(client, "/a.txt") == (200, b"hello\n")
    stop.set()
    for thread in threads:
        thread.join(20)
    print(f"{tries[0]} tries, {tries[1]} refused")


def listen_anew(fd):
    """connect(AF_UNSPEC), bind, listen: children would inherit the callbacks."""
    with contextlib.suppress(OSError):
        disconnect(fd)
        with socket.socket(fileno=os.dup(fd)) as again:
            again.bind(("127.0.0.1", 0))
            again.listen()
            return again.getsockname()
    return None


def use_tls(fd):
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")


@pytest.mark.parametrize("use", [listen_anew, use_tls])
def test_kept_number_is_harmless_after_unloading(root, use):
    """The program uses the number of what it gave away, with the module loaded and without."""
    before = Counts()
    program = Program(root)
    client, taken = program.pair()
    fd = taken.detach()
    adopt_number(program, fd)
    address = use(fd)
    assert address is None and not is_open(fd)
    program.close()
    assert unload().returncode == 0
    with contextlib.suppress(OSError):
        client.sendall(REQUEST)
    client.close()
    load()
    same_again(before)


def test_epoll_item_on_handed_over_connection(root):
    """An epoll item refers to the file without a reference, so a socket with one is never taken, nor emptied by a hand-over."""
    with socket.create_server(("127.0.0.1", 0)) as backend, Program(root, backend) as program, select.epoll() as poll:
        client, taken = program.pair()
        with client, taken:
            poll.register(taken.fileno(), select.EPOLLIN | select.EPOLLHUP)
            with contextlib.suppress(OSError):
                adopt_number(program, taken.fileno())
            client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert [fd for fd, _ in poll.poll(10)] == [taken.fileno()]
            assert taken.recv(1000).startswith(b"GET /missing")


@pytest.mark.parametrize("then", ["listen again", "connect", "shut down", "watch", "close"])
def test_program_that_keeps_using_its_listener(root, then):
    """A listener stays the program's, too. Whatever it does with it, nothing of the module is left behind."""
    before = Counts()
    program = Program(root, served=True)
    listener, poll = program.listener, select.epoll()
    with program.connect() as client:
        assert ask(client, "/a.txt") == (200, b"hello\n")
        if then == "watch":
            poll.register(listener.fileno(), select.EPOLLIN)
        elif then == "shut down":
            listener.shutdown(socket.SHUT_RDWR)
        elif then != "close":
            disconnect(listener.fileno())
        if then == "listen again":
            listener.listen()
            with program.connect() as other:
                assert ask(other, "/a.txt") == (200, b"hello\n")
        if then == "connect":
            with socket.create_server(("127.0.0.1", 0)) as other:
                listener.connect(other.getsockname())
                with pytest.raises(OSError) as caught:
                    program.instance.adopt(listener)
                assert caught.value.errno == errno.EBUSY
        if then == "close":
            listener.close()
        assert ask(client, "/a.txt") == (200, b"hello\n")
    program.instance.close()
    assert unload().returncode == 0
    if then == "listen again":
        with program.connect() as client:  # a child of it, without the module
            taken, _ = listener.accept()
            client.sendall(b"x")
            assert taken.recv(1) == b"x"
            taken.close()
    poll.close()
    listener.close()
    load()
    same_again(before)


def idle(program, client):
    assert ask(client, "/a.txt") == (200, b"hello\n")


def half_a_head(program, client):
    client.sendall(REQUEST[:-2])


def sending(program, client):
    """An answer that the client does not read."""
    client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(1)


def handed_up(program, client):
    client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: select.select([program.instance.fd], [], [], 0)[0])


def given_to_the_program(program, client):
    client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
    return program.taken()


def adopted(program, client):
    client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
    with program.taken() as taken:
        taken.recv(1000)
        taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert client.recv(1000)
        program.instance.adopt(taken)
    assert ask(client, "/a.txt") == (200, b"hello\n")


def adopted_and_handed_up(program, client):
    adopted(program, client)
    return given_to_the_program(program, client)


def lingering(program, client):
    client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + b"x" * 5000)
    assert client.recv(1000).startswith(b"HTTP/1.1 200")


def draining(program, client):
    sending(program, client)
    program.instance.drain()


def reset(program, client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("state", [idle, half_a_head, sending, handed_up, given_to_the_program, adopted, adopted_and_handed_up, lingering,
                                   draining, reset])
def test_unloading_with_connection_in_each_state(root, state, small_send_buffers):
    """The descriptor of /dev/tux is closed at once, without a drain; the peer goes on after the module is gone."""
    before = Counts()
    program = Program(root, served=True)
    client = program.connect()
    kept = state(program, client)
    program.instance.abandon()
    program.listener.close()
    found = unload()
    assert found.returncode == 0, found.stderr
    if kept is not None:
        with kept:
            client.sendall(b"after")
            data = b""
            while not data.endswith(b"after"):
                data += kept.recv(1000)
            kept.sendall(b"answer")
            assert client.recv(100) == b"answer"
    with contextlib.suppress(OSError):
        client.sendall(REQUEST)
    client.close()
    load()
    same_again(before)


def test_unloading_with_connection_handed_over(root):
    """The other server has it for good."""
    before = Counts()
    with socket.create_server(("127.0.0.1", 0)) as backend:
        program = Program(root, backend, served=True)
        with program.connect() as client:
            client.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
            taken, _ = backend.accept()
            program.close()
            assert unload().returncode == 0
            with taken:
                assert taken.recv(1000).startswith(b"GET /missing")
                taken.sendall(b"answer")
                assert client.recv(100) == b"answer"
                client.sendall(b"more")
                assert taken.recv(100) == b"more"
    load()
    same_again(before)


def test_drain_of_more_connections_than_a_batch(root):
    """TUX_DRAIN starts the timers of 256 at a time: all of them end."""
    with Program(root, served=True) as program:
        clients = [program.connect() for _ in range(600)]
        assert ask(clients[0], "/a.txt") == ask(clients[-1], "/a.txt") == (200, b"hello\n")
        program.instance.drain()
        for client in clients:
            assert client.recv(1) == b""
            client.close()
