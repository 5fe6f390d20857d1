# SPDX-License-Identifier: GPL-2.0-or-later
"""The segments of a long body are full, so that neither side handles more of them than necessary."""
import os
import socket
import struct
import threading

import pytest

SIZE = 1 << 20
CONNECTIONS = 8
RESPONSES = 20
ADVERTISED_MSS, DATA_SEGMENTS_IN = 84, 152  # offsets in struct tcp_info


def info(conn, offset):
    return struct.unpack_from("=I", conn.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), offset)[0]


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_long_body_has_full_segments(tux, root, engine):
    """An acknowledgement that arrives while a body is sent does not send a partly filled segment; the head shares the first one."""
    with open(os.path.join(root, "large"), "wb") as file:
        file.write(os.urandom(SIZE))
    server = tux(root, "--threads", "1", "--engine", engine)
    surplus = []

    def ask():
        with server.connect(timeout=60) as conn:
            for _ in range(RESPONSES):
                assert len(conn.get("/large").body) == SIZE
            least = -(-(SIZE + 300) // info(conn, ADVERTISED_MSS))
            surplus.append(info(conn, DATA_SEGMENTS_IN) / RESPONSES - least)
    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(surplus) == CONNECTIONS
    assert sum(surplus) / CONNECTIONS < 1.5, surplus
