# SPDX-License-Identifier: GPL-2.0-or-later
"""One call fails while the program starts, stops or reloads: it serves or reports the reason, and never hangs or crashes."""
import os
import pwd
import signal
import tempfile

import pytest

import client
from cases import Site
from faults import ERRORS, EVERY
from program import Program

POINTS = 100000 if EVERY else 2  # failing calls of one kind, evenly distributed
SERVED_SECONDS = 60


def spread(calls):
    """Returns evenly distributed numbers of calls from 1 to calls."""
    step = max(1, -(-calls // POINTS))
    return range(1, calls + 1, step)


@pytest.fixture(params=["uring", "epoll"])
def site(request, place):
    made = Site(tempfile.mkdtemp(dir=place))
    made.engine = request.param
    yield made
    made.close()


def make(path, site):
    return Program(path, site.place, "serve", site.root, "--config", site.config, "--browse", "--engine", site.engine)


def await_start(program):
    """True if it serves; False if it has ended."""
    return client.wait_until(lambda: program.process.poll() is not None and "ended" or program.answers() and "serves", "it starts or ends",
                             SERVED_SECONDS) == "serves"


def assert_left_alone(program):
    """Checks that none of its processes remains."""
    def gone():
        try:
            os.killpg(program.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return True
        return False
    client.wait_until(gone, "its processes end", SERVED_SECONDS)


def assert_confined(program):
    """Checks that no server process runs as root, if the program was started as root."""
    if os.geteuid() == 0:
        with open("/proc/%d/status" % program.serving(), encoding="ascii") as file:
            ids = next(line for line in file if line.startswith("Uid:")).split()[1:]
        assert set(ids) == {str(pwd.getpwnam("www-data").pw_uid)}, "it serves as %s" % ids


def assert_sound(program):
    """Checks that no sanitizer reported an error."""
    for word in ("AddressSanitizer", "runtime error", "stack smashing", "corrupted", "free():", "malloc():"):
        assert word not in program.output, program.output


def counted(program, run):
    """Returns kind -> calls during run()."""
    program.page.count(True)
    run()
    program.page.count(False)
    return program.page.calls()


def start_and_end(program):
    program.start()
    assert await_start(program), program.output
    assert program.stop(SERVED_SECONDS) == 0, program.output


def fail_start(program, kind, at, error):
    before = len(program.output)
    program.page.arm(kind, at, error)
    program.start()
    serves = await_start(program)
    fired = program.page.disarm()
    if serves:
        assert_confined(program)
        status = program.stop(SERVED_SECONDS)
        assert status == 0, "it ends with %d" % status
    else:
        status = program.process.returncode
        assert status > 0, "it ends with %d" % status
        assert "tux: " in program.output[before:] or ".conf" in program.output[before:], "it says nothing"
    assert_left_alone(program)
    assert_sound(program)
    return fired > 0


def fail_stop(program, kind, at, error):
    program.start()
    assert await_start(program), program.output
    program.page.arm(kind, at, error)
    status = program.stop(SERVED_SECONDS)
    fired = program.page.disarm()
    assert status == 0, "it ends with %d" % status
    assert_left_alone(program)
    assert_sound(program)
    return fired > 0


def times(program):
    return program.output.count("is in force"), program.output.count("is not taken")


def reload(program):
    """True if the file is accepted."""
    before = times(program)
    program.process.send_signal(signal.SIGHUP)
    client.wait_until(lambda: times(program) > before or times(program)[1] > before[1], "it says what becomes of it", SERVED_SECONDS)
    client.wait_until(lambda: alone(program), "one process serves", SERVED_SECONDS)
    return times(program)[0] > before[0]


def alone(program):
    try:
        return program.serving() > 0
    except AssertionError:
        return False


def fail_reload(program, kind, at, error):
    program.page.arm(kind, at, error)
    reload(program)
    fired = program.page.disarm()
    assert program.process.poll() is None, "it has ended"
    assert program.answers(), "a plain request is not answered"
    assert_confined(program)
    assert_sound(program)
    if fired:
        assert reload(program), "the next reload fails, too"
    return fired > 0


def each(program, kinds, inject):
    for kind in sorted(kinds):
        for error in ERRORS[kind]:
            for at in spread(kinds[kind]):
                try:
                    inject(program, kind, at, error)
                except AssertionError as reason:
                    raise AssertionError("call %d of %s with %s fails in %s: %s\n%s" % (
                        at, kind, os.strerror(error) if error else "fewer bytes", program.page.where(), reason, program.output[-3000:])) from None


def test_start(path, site):
    program = make(path, site)
    kinds = counted(program, lambda: (program.start(), await_start(program)))
    program.stop()
    each(program, kinds, fail_start)


def test_stop(path, site):
    program = make(path, site)
    program.start()
    assert await_start(program), program.output
    each(program, counted(program, program.stop), fail_stop)


def test_reload(path, site):
    program = make(path, site)
    program.start()
    try:
        assert await_start(program), program.output
        each(program, counted(program, lambda: reload(program)), fail_reload)
    finally:
        status = program.stop()
    assert status == 0, program.output
