# SPDX-License-Identifier: GPL-2.0-or-later
"""Verified handlers on a machine without tux-bpf.ko: the file of the module responds. test/vm/inside/test_verified.py has the rest."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from client import wait_until
from hosted import TOP

pytestmark = pytest.mark.skipif(os.path.exists("/sys/module/tux_bpf"), reason="this machine has tux-bpf.ko")
EXAMPLE = os.path.join(TOP, "examples/modules/hello.c")


@pytest.fixture
def built(place):
    """hello.bpf.o, and hello.so beside it."""
    if not shutil.which("clang"):
        pytest.skip("there is no clang")
    include = ["-I", os.path.join(TOP, "include")]
    subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", *include, "-c", EXAMPLE, "-o", os.path.join(place, "hello.bpf.o")], check=True)
    subprocess.run(["cc", "-shared", "-fPIC", *include, EXAMPLE, "-o", os.path.join(place, "hello.so")], check=True)
    return place


def configure(place, bpf="hello.bpf.o", more=""):
    path = pathlib.Path(place, "tux.conf")
    path.write_text(f'module hello {{ bpf "{place}/{bpf}"; file "{place}/hello.so" }}\nroute "/hello" {{ module hello }}\n{more}', encoding="utf-8")
    return str(path)


def test_without_the_kernel_module_the_file_responds(tux, root, built):
    """The supervisor loads handlers in another process; start, reload and end go on as without them."""
    server = tux(root, "--config", configure(built))
    message = "tux: module hello: %s/hello.bpf.o: tux-bpf.ko is not loaded: modprobe tux-bpf, " % built
    assert server.get("/hello").body == b"hello\n"
    assert server.output.count(message) == 1 and "; its file responds\n" in server.output
    configure(built, more="# changed\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.output.count("is in force") == 2, "the configuration is in force")
    assert server.output.count(message) == 2
    assert server.get("/hello").body == b"hello\n"
    server.end()


def test_check_reads_the_object(request, built):
    damaged = pathlib.Path(built, "damaged.bpf.o")
    damaged.write_bytes(pathlib.Path(built, "hello.bpf.o").read_bytes()[:600])
    for name, problem in (("hello.bpf.o", None), ("damaged.bpf.o", "its table of sections is damaged"), ("none.bpf.o", "No such file or directory"),
                          ("hello.so", "it is not an object file of the target bpf")):
        found = subprocess.run([os.path.abspath(request.config.getoption("tux")), "check", configure(built, name)], capture_output=True, text=True, check=False)
        assert (found.returncode == 0) == (problem is None), found
        if problem:
            assert re.search(r"tux\.conf:1: module hello: \S+%s: %s" % (re.escape(name), re.escape(problem)), found.stderr), found.stderr
