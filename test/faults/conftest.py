# SPDX-License-Identifier: GPL-2.0-or-later
"""
One call of the program fails, and then the next one: what becomes of every kind of request, of a start, a reload and a stop.
shim.c is preloaded. README.md says more.

    pytest test/faults --tux PROGRAM
"""
import os
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
pytest_plugins = ["suite"]

from tools import make_place  # noqa: E402


@pytest.fixture(scope="session")
def path(request):
    """The path of the program; the library is in test/faults beside it."""
    return os.path.abspath(request.config.getoption("tux"))


@pytest.fixture(scope="module")
def place():
    directory = make_place()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
