# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM: how a stopping server treats its clients. No request is lost."""
import ctypes
import json
import os
import select
import signal
import socket
import struct
import threading

import pytest

import client
from test_reload import supervised  # noqa: F401
from tools import listens

RUNS = int(os.environ.get("TUX_STOP_RUNS", "3"))
CLIENTS = 16
NOT_YET = 10  # requests per client before SIGTERM


@pytest.fixture
def serve(tux, root, place):
    """serve(*options): a server with a status at /status."""
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('route "=/status" { status on }\n')
    return lambda *options, **more: tux(root, "--config", path, *options, **more)


def ready(server):
    response = server.get("/status?format=ready")
    return response.status, response.body


def closing(response):
    return response.status == 200 and response.tokens("Connection") == ["close"]


def test_idle_connection_is_answered_after_the_listener_closes(tux, root):
    """RFC 9112 9.6: a request that crosses the stop gets a response with Connection: close."""
    server = tux(root)
    with server.connect() as idle, server.connect() as silent:
        assert idle.get("/file").body == b"data" and silent.get("/file").body == b"data"
        server.signal(signal.SIGTERM)
        client.wait_until(lambda: closing(idle.get("/file")), "a response says that the connection ends")
        idle.assert_closed()
        client.wait_until(lambda: not listens(server.port), "it stops listening")
        silent.assert_closed()
    assert server.wait() == 0


def test_drain_delay_accepts_and_says_not_ready(serve):
    """During --drain-delay: connections are accepted, responses have Connection: close, the status is "not ready"; a second SIGTERM
    ends it."""
    server = serve("--drain-delay", "600")
    assert ready(server) == (200, b"ready\n")
    assert json.loads(server.get("/status?format=json").body)["ready"] is True
    with server.connect() as idle:
        assert idle.get("/file").body == b"data"
        server.signal(signal.SIGTERM)
        client.wait_until(lambda: ready(server) == (503, b"not ready\n"), "it says so")
        assert closing(idle.get("/file"))
        idle.assert_closed()
    for _ in range(3):
        with server.connect() as conn:
            assert closing(conn.get("/file"))
            conn.assert_closed()
    assert json.loads(server.get("/status?format=json").body)["ready"] is False
    assert b"\ntux_ready 0\n" in server.get("/status").body
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_drain_delay_ends(serve):
    """After --drain-delay the listener closes, and the server ends."""
    server = serve("--drain-delay", "0.3")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    client.wait_until(lambda: not listens(server.port), "the port is free")


def test_drain_delay_under_a_service_manager(tux, root, place):
    """With NOTIFY_SOCKET the default is not 0: after STOPPING=1 connections are still accepted."""
    path = os.path.join(place, "notify")

    def is_accepted():
        server = tux(root, env={"NOTIFY_SOCKET": path})
        server.signal(signal.SIGTERM)
        while "STOPPING=1" not in manager.recv(4096).decode().splitlines():
            pass
        try:
            with server.connect() as conn:
                accepted = closing(conn.get("/file"))
        except (OSError, client.Closed):
            accepted = False
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        return accepted
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)
        manager.settimeout(client.TIMEOUT)
        # On a busy machine the delay may be over before the client runs.
        assert any(is_accepted() for _ in range(5))


def test_drain_delay_of_supervised_server(supervised, root, place):  # noqa: F811
    """With --config and a supervisor: TCP and Unix sockets accept during drain-delay, then both are closed."""
    path = os.path.join(place, "socket")
    server = supervised('root "%s"\nlisten ["127.0.0.1:PORT", "unix:%s"]\nlog off\ndrain-delay 600\n'
                        'route "=/status" { status on }\n' % (root, path))
    server.signal(signal.SIGTERM)
    client.wait_until(lambda: ready(server) == (503, b"not ready\n"), "it says so")
    for address in (server.address, path):
        with client.Connection(address) as conn:
            assert closing(conn.get("/file"))
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    client.wait_until(lambda: not listens(server.port), "the port is free")
    assert not os.path.exists(path)


SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
SYN_RECV = "03"


def drop_everything(sock):
    """Attaches a filter (BPF_RET 0): the socket receives no packet."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(code)))


def begins(address):
    """True if a connection is made. False if its SYN is dropped; a closed listener would refuse it."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(address)
        made = select.select([], [sock], [], 0.1)[1]
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert error == 0, os.strerror(error)
        return bool(made)


def test_handshake_in_progress_completes(tux, root):
    """RFC 9293 3.5: the server has sent SYN-ACK, so the client may assume a connection: it is accepted and gets a response."""
    server = tux(root)
    with socket.socket() as sock:
        sock.setblocking(False)
        drop_everything(sock)
        sock.connect_ex(server.address)  # SYN-ACK is dropped, the kernel repeats it after 1 s
        client.wait_until(lambda: listens(server.port, SYN_RECV), "the handshake begins")
        server.signal(signal.SIGTERM)
        client.wait_until(lambda: not begins(server.address), "no other handshake begins")
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        assert select.select([], [sock], [], client.TIMEOUT)[1]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.settimeout(client.TIMEOUT)
        with client.Connection.of(sock) as conn:
            assert closing(conn.get("/file"))
    assert server.wait() == 0


class Client(threading.Thread):
    """Sends each request after the previous response, until its connection is refused. It reconnects after a response with close.
    """

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.answered = 0
        self.lost = []

    def run(self):
        try:
            while True:
                self.converse()
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.lost.append(repr(error))

    def converse(self):
        with client.Connection(self.address) as conn:
            response = None
            while response is None or "close" not in response.tokens("Connection"):
                response = conn.get("/file")
                assert response.body == b"data"
                self.answered += 1


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_busy_clients_lose_no_request(tux, root, place, kind):
    """16 keep-alive clients without pauses: each request gets a response, or its connection is refused before it is sent."""
    for run in range(RUNS):
        path = os.path.join(place, "socket-%d" % run)
        server = tux(root, "--threads", "2", "--listen", "unix:" + path)
        clients = [Client(path if kind == "unix" else server.address) for _ in range(CLIENTS)]
        for one in clients:
            one.start()
        client.wait_until(lambda: all(one.answered >= NOT_YET or not one.is_alive() for one in clients), "all are busy")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        for one in clients:
            one.join(client.TIMEOUT)
            assert not one.is_alive()
        lost = [loss for one in clients for loss in one.lost]
        assert not lost, "run %d of %d lost %d requests: %s" % (run + 1, RUNS, len(lost), lost[:3])


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_response_cut_by_drain_timeout_has_a_record(tux, root, logs, engine):
    """A response that --drain-timeout cuts short is in the access log, with the bytes that were sent."""
    with open(os.path.join(root, "large"), "wb") as file:
        file.truncate(64 << 20)
    log = os.path.join(logs, "log")
    server = tux(root, "--engine", engine, "--drain-timeout", "0.2", "--log-format", "json", log=log)
    with server.connect(receive_buffer=4096) as conn:
        conn.send(client.request("/large"))
        assert conn.head().status == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    with open(log, encoding="ascii") as file:
        lines = [json.loads(line) for line in file]
    cut = [line for line in lines if line["target"] == "/large"]
    assert len(cut) == 1 and cut[0]["status"] == 200 and cut[0]["bytes"] < 64 << 20, lines
