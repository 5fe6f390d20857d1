# SPDX-License-Identifier: GPL-2.0-or-later
"""TUX_BLOCKS and blocking(), and modules that the kernel may have, in the program: test/vm/modules/probe.c builds for both places."""
import os
import re

import pytest

from hosted import TOP
from test_modules import fails

SOURCE = os.path.join(TOP, "test/vm/modules/probe.c")


@pytest.fixture(params=["uring", "epoll"])
def serve(request, tux, place, build):
    """serve(more): TUX with the module at /probe/."""
    def start(more):
        os.makedirs(os.path.join(place, "root/probe"), exist_ok=True)
        with open(os.path.join(place, "root/probe/blocks"), "w", encoding="utf-8") as file:
            file.write("a file\n")
        path = os.path.join(place, "tux.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write('module probe { file "%s"; %s }\nroute "/probe/" { module probe }\n' % (build(SOURCE), more))
        return tux(os.path.join(place, "root"), "--config", path, "--engine", request.param, "--threads", "1")
    return start


@pytest.mark.parametrize("more", ["threads 2", "isolate on; memory 0"])
def test_blocking_continues_what_handle_leaves(serve, more):
    server = serve(more)
    assert server.get("/probe/blocks").body.startswith(b"1 GET /probe/blocks ?")
    assert len(server.get("/probe/blocks?big").body) == 1 << 20
    assert server.get("/probe/blocks?decline").body == b"a file\n"
    assert server.get("/probe/blocks?fail").status == 500
    assert server.get("/probe/blocks?again").status == 500
    assert server.get("/probe/show").status == 200


def test_module_that_may_wait_needs_threads(tux, place, build):
    assert "module a: its blocking() may wait, so it needs threads, or isolate on" in fails(tux, place, 'module a { file "%s" }' % build(SOURCE))


def test_module_of_the_kernel_without_file_is_503_here(tux, place):
    os.makedirs(os.path.join(place, "root"), exist_ok=True)
    path = os.path.join(place, "tux.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write('module only { kernel on }\nroute "/only" { module only }\nroute "=/status" { status on }\n')
    server = tux(os.path.join(place, "root"), "--config", path)
    assert server.get("/only").status == 503
    assert b'"kernel":"away","kernel_requests":0' in server.get("/status?format=json").body


def test_kernel_has_each_function_that_the_header_declares_there():
    """A function outside of #ifndef __KERNEL__ would be called through a null pointer otherwise."""
    with open(os.path.join(TOP, "include/tux/module.h"), encoding="utf-8") as file:
        header = re.sub(r"(?ms)^#ifndef __KERNEL__$.*?^#endif /\* !__KERNEL__ \*/$", "", file.read())
    with open(os.path.join(TOP, "kernel/call_api.c"), encoding="utf-8") as file:
        there = set(re.findall(r"^\t\.(\w+) = ", file.read(), re.M))
    declared = set(re.findall(r"tux_api_here->(\w+)\(", header))
    assert len(declared) > 15 and declared <= there, declared - there
