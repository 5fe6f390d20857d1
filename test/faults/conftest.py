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
sys.path[:0] = [HERE, os.path.join(HERE, "..", "http"), os.path.join(HERE, "..", "system")]

from program import make_place  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("server")
    group.addoption("--tux", help="the program; the library is in test/faults beside it")


def pytest_configure(config):
    if not config.getoption("tux") and not config.getoption("collectonly") and not config.getoption("help"):
        raise pytest.UsageError("--tux is needed")


@pytest.fixture(scope="session")
def path(request):
    """The program's."""
    return os.path.abspath(request.config.getoption("tux"))


@pytest.fixture(scope="module")
def place():
    directory = make_place()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
