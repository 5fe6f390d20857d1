# SPDX-License-Identifier: GPL-2.0-or-later
"""`tux check` and `tux module` with modules that are good, bad or hostile."""
import os
import subprocess

import pytest

from test_config import check, program, written  # noqa: F401

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
MODULE = """#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <tux/module.h>
static enum tux_result handle(struct tux_req *req) { return (enum tux_result)tux_reply(req, 200, 0, "", 0); }
%s
TUX_MODULE(odd, .handle = handle %s);"""


@pytest.fixture
def module(place):
    """module(name, declarations, members): builds a module. Returns its path."""
    def build(name, before="", members="", source=MODULE):
        path = os.path.join(place, name + ".so")
        subprocess.run(["cc", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), "-x", "c", "-", "-o", path],
                       input=(source % (before, members)).encode() if source else b"", check=True)
        return path
    return build


def constructor(text):
    return "__attribute__((constructor)) static void begin(void) { %s; }" % text


LOAD = "static int load(void) { %s; }"


def test_each_module_is_loaded_in_a_process_of_its_own(program, place, module):  # noqa: F811
    """A fault has its line, and neither a crash nor an exit ends the check; a module's output and its processes are not the check's."""
    user = "return getuid() == 0 ? -13 : 0"  # the server's user, not root
    cases = [
        (module("good", constructor('puts("noise")') + LOAD % user, ", .load = load"), None),
        (module("forks", constructor("if (fork() == 0) pause()")), None),
        (os.path.join(place, "none.so"), "none.so: No such file or directory"),
        (module("empty", source=""), "empty.so is no module of TUX: it lacks TUX_MODULE()"),
        (module("newer", members=", .abi = 2"), "it was built for version 2 of the module interface, and this TUX has 1"),
        (module("more", members=", .api_bytes = 100000"), "it needs functions that this TUX lacks: 100000 bytes of struct tux_api"),
        (module("unresolved", "void missing(void); void *use = (void *)missing;"), "undefined symbol: missing"),
        (module("refuses", LOAD % "return -28", ", .load = load"), "load() failed: No space left on device"),
        (module("crashes", constructor("abort()")), "it crashes when it is loaded: Aborted"),
        (module("exits", LOAD % "exit(3)", ", .load = load"), "it ends the process when it is loaded, with status 3"),
        (module("closes", constructor("for (int i = 3; i < 100; i++) close(i); _exit(0)")), "it ends the process when it is loaded, with status 0"),
    ]
    path = written(place, "".join('module m%d { file "%s" }\n' % (number, file) for number, (file, _) in enumerate(cases)))
    found = check(program, path)
    assert found.returncode == 1 and found.stdout == ""
    lines = [line for line in found.stderr.splitlines() if line != "noise"]
    wrong = [(number, text) for number, (_, text) in enumerate(cases) if text]
    assert len(lines) == len(wrong), found.stderr
    for line, (number, text) in zip(lines, wrong):
        assert line.startswith("%s:%d: module m%d: " % (path, number + 1, number)) and text in line, line


def test_a_module_that_hangs_when_it_is_loaded(program, place, module):  # noqa: F811
    path = written(place, 'module m { file "%s" }\n' % module("hangs", constructor("for (;;) pause()")))
    found = check(program, path)
    assert (found.returncode, found.stderr) == (1, path + ":1: module m: it is not loaded within 5 seconds\n")


def test_a_good_module_is_said_good(program, place, module):  # noqa: F811
    path = written(place, 'threads 1\nmodule m { file "%s"; config { a = 1 } }\n' % module("good", LOAD % 'return tux_conf("a") ? 0 : -2', ", .load = load"))
    found = check(program, path)
    assert (found.returncode, found.stdout, found.stderr) == (0, path + ": nothing is wrong with it\n", "")


def new(program, place, *args):  # noqa: F811
    return subprocess.run([program, "module", "new", *args], cwd=place, capture_output=True, text=True, timeout=30, check=False)


def test_a_new_module_builds_and_passes_its_test(program, place):  # noqa: F811
    """Its files need nothing of the source tree but the header, which an installation has."""
    found = new(program, place, "shop")
    assert found.returncode == 0 and "make -C shop check" in found.stdout, found.stderr
    assert sorted(os.listdir(place + "/shop")) == ["Makefile", "shop.c", "test.sh"]
    with open(place + "/shop/shop.c", encoding="ascii") as file:
        assert len(file.readlines()) <= 20
    env = dict(os.environ, TUX=program, TUX_INCLUDE=TOP + "/include", CFLAGS="-Wall -Wextra -Werror")
    done = subprocess.run(["make", "-C", "shop", "check"], cwd=place, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "shop: it works\n" in done.stdout, done.stdout + done.stderr
    with open(place + "/shop/shop.c", "r+", encoding="ascii") as file:
        text = file.read().replace("hello from", "good bye from")
        file.seek(0)
        file.write(text)
    done = subprocess.run(["make", "-C", "shop", "check"], cwd=place, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "unexpected: good bye from shop" in done.stderr, done.stdout + done.stderr


def test_a_new_module_overwrites_nothing(program, place):  # noqa: F811
    os.mkdir(place + "/there")
    with open(place + "/there/test.sh", "w", encoding="ascii") as file:
        file.write("mine")
    found = new(program, place, "shop", "there")
    assert (found.returncode, found.stdout, found.stderr) == (1, "", "tux: there/test.sh: File exists\n")
    assert os.listdir(place + "/there") == ["test.sh"]
    assert new(program, place, "shop", "there/a/b").stderr == "tux: there/a/b: No such file or directory\n"
    for name in ("a-b", "", "7a", "a/b", "a" * 65, '"', "a b"):
        found = new(program, place, name, "folder")
        assert found.returncode == 1 and "is not the name of a new module" in found.stderr, name
    assert not os.path.exists(place + "/folder")


@pytest.mark.parametrize("args, line", [
    ([], '"module" takes one of: tux module new NAME [FOLDER]'), (["new"], '"module" takes one of'), (["old", "a"], '"module" takes one of'),
    (["new", "a", "b", "c"], '"module" takes one of'), (["list", "--json"], '"module list" does not know --json'),
    (["list", "x"], '"module list" takes the number of one process, but there is "x"')])
def test_arguments_of_module(program, args, line):  # noqa: F811
    found = subprocess.run([program, "module", *args], capture_output=True, text=True, timeout=30, check=False)
    assert found.returncode == 2 and line in found.stderr
