# SPDX-License-Identifier: GPL-2.0-or-later
"""The first minute: the quick form, ports, and hints for users of other servers."""
import os
import re
import shutil
import subprocess

import pytest

import client
from conftest import HERE
from process import Process
from tools import free_port, listens


@pytest.fixture
def quick(request, place):
    """quick(*arguments): starts `tux` with them, in a directory with a file and a directory."""
    os.mkdir(os.path.join(place, "inner"))
    with open(os.path.join(place, "file"), "wb") as file:
        file.write(b"data")
    running = []

    def start(*arguments):
        program = Process([os.path.abspath(request.config.getoption("tux")), *arguments], os.path.join(place, "output"), cwd=place).start()
        running.append(program)
        return program
    yield start
    for program in running:
        assert program.stop() in (0, 2)


@pytest.mark.parametrize("arguments", [["-p", "PORT"], [".", "--port", "PORT"], ["inner/..", "-pPORT", "--log", "off"]])
def test_quick_form_lists_a_directory(quick, arguments):
    """tux [DIR] is tux serve DIR --browse, on the loopback addresses."""
    port = free_port()
    program = quick(*[argument.replace("PORT", str(port)) for argument in arguments])
    program.wait_until(lambda: listens(port), "it serves")
    with client.Connection(("127.0.0.1", port)) as conn:
        listing = conn.get("/")
        assert listing.status == 200 and b'href="file"' in listing.body
        assert conn.get("/file").body == b"data"
    program.wait_until(lambda: "http://127.0.0.1:%d/" % port in program.output, "it says where")


def test_port_is_for_the_default_addresses(quick):
    """-p with --listen is an error that names both."""
    program = quick("serve", "-p", "8081", "--listen", ":8082")
    assert program.wait() == 2 and "--listen" in program.output


def test_directory_without_index_names_browse(tux, place):
    """A 403 for a directory without an index names the listing option in the error log."""
    root = os.path.join(place, "root")
    os.makedirs(os.path.join(root, "inner"))
    server = tux(root, ready=False)
    client.wait_until(lambda: listens(server.port), "it serves")
    assert server.get("/inner/").status == 403
    client.wait_until(lambda: re.search(r'(?m)^tux: request [0-9a-f]+: 403: the directory has no index; --browse lists it; .*"GET /inner/ ', server.output),
                      "it says so")


def test_serve_script_reports_its_build(place):
    """./serve reports what it does before the server's first line, and nothing if the build is current."""
    for name in ("tools", "build", "bin"):
        os.mkdir(os.path.join(place, name))
    shutil.copy(os.path.join(HERE, "..", "..", "serve"), place)

    def script(path, *lines):
        with open(os.path.join(place, path), "w", encoding="ascii") as file:
            file.write("\n".join(("#!/bin/sh",) + lines) + "\n")
        os.chmod(os.path.join(place, path), 0o755)
    script("tools/packages", "exit 0")
    script("tools/libucl", "exit 0")
    script("build/tux", "echo served")
    script("bin/meson", "touch build/build.ninja")
    script("bin/ninja", 'if [ "$1" = -n ]; then [ -e built ] && echo "ninja: no work to do."; exit 0; fi', "touch built")

    def run():
        return subprocess.run(["./serve"], cwd=place, env=dict(os.environ, PATH=os.path.join(place, "bin") + ":" + os.environ["PATH"]),
                              capture_output=True, text=True, timeout=30, check=True)
    first = run()
    assert "Configuring" in first.stderr and "Building" in first.stderr and first.stdout == "served\n"
    assert run().stderr == ""
