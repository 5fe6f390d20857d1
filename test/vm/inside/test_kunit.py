# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of test/vm/kunit, in the kernel: by KUnit where it is, else when the parameters of the module are written."""
import pathlib
import re
import subprocess

from conftest import load, unload

SUITES = ["connection", "log_ring", "object", "recv_queue"]
PARAMETERS = pathlib.Path("/sys/module/tux/parameters")


def test_suites():
    with open("/dev/kmsg", "w", encoding="ascii") as log:
        log.write("tux-vm: the suites begin\n")
    assert unload().returncode == 0
    load()  # KUnit runs them now
    for suite in SUITES:
        parameter = PARAMETERS / ("tux_" + suite)
        if parameter.exists():
            parameter.write_text("1")
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout.rsplit("tux-vm: the suites begin", 1)[-1]
    found = {name: result for result, name in re.findall(r"^(?:\[[ 0-9.]+\] )?((?:not )?ok)(?: \d+)? tux_(\w+)", log, re.MULTILINE)}
    assert found == {suite: "ok" for suite in SUITES}, log[-6000:]
