# SPDX-License-Identifier: GPL-2.0-or-later
"""The self-test at load: a core that does not give the known answers is not loaded, and the kernel log says what is wrong."""
import subprocess

from conftest import load, loaded, unload

BROKEN = "/broken.ko"  # its dates have no leap day in 2000: see test/vm/check


def test_a_core_that_answers_otherwise_is_refused():
    assert unload().returncode == 0
    try:
        found = subprocess.run(["insmod", BROKEN], capture_output=True, text=True, check=False)
        assert found.returncode != 0 and not loaded()
        log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
        assert 'tux: self-test: the date of "Tue, 29 Feb 2000 00:00:00 GMT" is not what it must be; the module is not loaded' in log, log[-2000:]
    finally:
        load()
    assert loaded()
