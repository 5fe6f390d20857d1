# SPDX-License-Identifier: GPL-2.0-or-later
"""What several files of this suite need."""
import shutil
import socket

import pytest


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def need(program):
    """The path of a program; without it the test is skipped."""
    path = shutil.which(program)
    if not path:
        pytest.skip(program + " is not installed")
    return path
