# SPDX-License-Identifier: GPL-2.0-or-later
"""--defer-accept: the kernel reports a connection when its client has sent data."""
import client
from test_reload import supervised, text  # noqa: F401
from test_waits import tcp_sockets

ESTABLISHED, HALF_OPEN = "01", "03"


def state(server):
    """Returns the server's state of a new silent connection."""
    with server.connect() as conn:
        port = conn.sock.getsockname()[1]
        found = [state for local, remote, state, _ in tcp_sockets() if (local, remote) == (server.port, port)]
    return found[0] if found else None


def test_silent_connection_is_not_accepted(tux, root):
    """Its client is connected, the server is not: it takes a second or data."""
    server = tux(root, "--defer-accept")
    client.wait_until(lambda: state(server) == HALF_OPEN, "the server has not accepted")
    with server.connect() as conn:
        for _ in range(2):
            assert conn.get("/file").body == b"data"


def test_default_accepts_at_once(tux, root):
    server = tux(root)
    client.wait_until(lambda: state(server) == ESTABLISHED, "the server has accepted")


def test_reload_turns_it_off(supervised, root):  # noqa: F811
    """A listener that stays open gets the new setting."""
    server = supervised(text(root, "defer-accept on"))
    client.wait_until(lambda: state(server) == HALF_OPEN, "the server has not accepted")
    server.reload(text(root).replace("PORT", str(server.port)))
    client.wait_until(lambda: state(server) == ESTABLISHED, "the server has accepted")
