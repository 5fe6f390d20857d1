# SPDX-License-Identifier: GPL-2.0-or-later
"""Softirq interrupts processes in the middle of their own system calls: their connections keep every byte while the engine responds."""
import os
import pathlib
import select
import subprocess
import sys

import pytest

from conftest import Tux

RPS = pathlib.Path("/sys/class/net/lo/queues/rx-0/rps_cpus")


@pytest.fixture
def softirq_on_every_cpu():
    """Packets of the loopback device are received on all CPUs, not on their sender's alone."""
    if os.cpu_count() < 2 or not RPS.exists():
        pytest.skip("one CPU, or no RPS")
    before = RPS.read_text()
    RPS.write_text("3")
    yield
    RPS.write_text(before)


def start(*arguments):
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "streams.py")
    process = subprocess.Popen([sys.executable, program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("bytes_of_body", [1500, 20000])  # copied with the head, and sent by reference after it
@pytest.mark.usefixtures("softirq_on_every_cpu")
def test_interrupted_sender_keeps_its_bytes(root, bytes_of_body):
    """A response leaves current->task_frag alone: it is the interrupted process's, which may be copying into it."""
    (root / "file").write_bytes(os.urandom(bytes_of_body))
    server = Tux(root)
    programs = [start("unrelated"), start("answers", str(server.port), "/file"), start("answers", str(server.port), "/file")]
    told = [program.stdout.readline() if select.select([program.stdout], [], [], 120)[0] else "too slow" for program in programs]
    if told == ["enough\n"] * len(programs):
        told = [program.communicate()[0].strip() for program in programs]
    for program in programs:
        program.kill()
        program.wait()
    assert all(line.isdigit() for line in told), told
    server.stop()
