# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS: clients and networks that mean harm, and those that are very slow."""
import signal
import time

import pytest

from test_tls import content, everything, files, pair, raw, secure  # noqa: F401 (fixtures)


def test_stop_while_handshakes_end(secure, root):  # noqa: F811
    """A handshake that ends at its time limit while the server stops no longer counts as one: later handshakes take its room."""
    server = secure(root, "--max-connections", "4", "--threads", "1", "--head-timeout", "1", "--drain-delay", "4")
    pid = server.pid
    silent = [raw(server) for _ in range(2)]
    server.signal(signal.SIGTERM)
    for sock in silent:
        assert everything(sock) == b""
    for _ in range(3):
        later = [raw(server) for _ in range(3)]
        assert server.get("/file").body == b"data"
        for sock in later:
            sock.close()
    assert server.pid == pid
    for sock in silent:
        sock.close()


@pytest.mark.parametrize("line", ["GET /large HTTP/1.0\r\n\r\n", "GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"])
def test_slow_client_gets_close_notify(secure, files, line):  # noqa: F811
    """RFC 8446 6.1: the last bytes of the response fill the socket, and close_notify still follows them."""
    server = secure(files)
    for pause in (0.1, 0.3, 0.5):
        with server.connect(receive_buffer=4096) as conn:
            conn.send(line)
            time.sleep(pause)
            assert conn.response().body == content(files, "large")
            conn.assert_closed()
            assert not conn.sock.truncated
