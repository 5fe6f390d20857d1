# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules for tests: their sources, compiled ones, and a server with one in each of its hosts. conftest.py has the fixtures."""
import os
import shutil
import subprocess

from tools import make_place

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
ATS = ("/m", "/pool", "/iso")  # routes of a module: in the server's threads, in threads of its own, in a process of its own


def source(name):
    return os.path.join(HERE, "modules", name + ".c")


def pattern(count):
    """Bytes that show where they belong."""
    return (b"abcdefghijklmnopqrstuvwxyz" * (count // 26 + 1))[:count]


class Builder:
    """Compiles each source once, as docs/modules.md says. Returns the path of the shared object, which the server may read."""

    def __init__(self):
        self.folder = make_place()
        self.built = {}

    def __call__(self, path):
        if path not in self.built:
            self.built[path] = os.path.join(self.folder, os.path.basename(path)[:-1] + "so")
            subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "include"), path, "-o", self.built[path]],
                           check=True)
        return self.built[path]

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


CONFIG = """
%(top)s
module %(name)s { file "%(file)s"; %(more)s }
module pooled { file "%(file)s"; threads 3; %(more)s }
module isolated { file "%(file)s"; isolate on; memory 0; %(more)s }
route "/m/" { module %(name)s }
route "/pool/" { module pooled }
route "/iso/" { module isolated }
"""


def names(name):
    """The name of the module at each route."""
    return dict(zip(ATS, (name, "pooled", "isolated")))
