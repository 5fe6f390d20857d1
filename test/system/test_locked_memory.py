# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites on a machine where the user's other processes use all lockable memory: tests skip with the reason."""
import ctypes
import os
import resource
import subprocess
import sys

import pytest

HTTP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http")
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24


def without_locked_memory():
    """Leaves a page of locked memory, and drops the right to raise the limit."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (4096, 4096))
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)


def test_suite_without_locked_memory_skips(request):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist", os.path.join(HTTP, "test_methods.py"), "-k", "head",
         "--tux", os.path.abspath(request.config.getoption("tux")), "--tux-args=--engine uring"],
        preexec_fn=without_locked_memory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    last = done.stdout.strip().split("\n")[-1]
    if "io_uring is forbidden" in done.stdout or (" passed" in last and "skipped" not in last):
        pytest.skip("this kernel does not count rings as locked memory, or has none for us")
    assert done.returncode == 0 and "failed" not in last and "error" not in last, done.stdout
    assert "locked memory has run out (ulimit -l is 4 KiB" in done.stdout, done.stdout
