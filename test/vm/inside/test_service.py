# SPDX-License-Identifier: GPL-2.0-or-later
"""What packaging/kernel lets tux.service do: the kernel engine for a user who is not root."""
import ctypes
import os
import pathlib

import pytest

from conftest import Tux

CAP_NET_ADMIN = 12
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
USER = 33  # www-data
libc = ctypes.CDLL(None, use_errno=True)


def become(capabilities):
    """As systemd starts a service with User= and AmbientCapabilities=."""
    def call(*arguments):
        if libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)) < 0:
            raise OSError(ctypes.get_errno(), "a system call failed")

    def now():
        mask = sum(1 << capability for capability in capabilities)
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        call(126, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))  # capset
        for capability in capabilities:
            if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "no ambient capability")
    return now


@pytest.fixture
def device():
    """The device as the rule of udev makes it."""
    os.chown("/dev/tux", 0, USER)
    os.chmod("/dev/tux", 0o660)
    yield
    os.chown("/dev/tux", 0, 0)
    os.chmod("/dev/tux", 0o600)


@pytest.fixture
def site(tmp_path):
    for path in (tmp_path, *list(tmp_path.parents)[:-1]):
        os.chmod(path, 0o755 if str(path) != "/tmp" else 0o1777)
    (tmp_path / "a.txt").write_text("hello")
    os.chmod(tmp_path / "a.txt", 0o644)
    return tmp_path


def test_the_service_serves_from_the_kernel(device, site):
    tux = Tux(site, preexec_fn=become([CAP_NET_ADMIN]))
    try:
        assert tux.get("/a.txt") == (200, b"hello")
        status = pathlib.Path(f"/proc/{tux.pid}/status").read_text(encoding="utf-8")
        fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == [str(USER)] * 4
        assert all(int(fields[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")), status
    finally:
        tux.stop()


def test_without_the_capability_the_program_serves_alone(device, site):
    tux = Tux(site, engine="auto", preexec_fn=become([]))
    try:
        assert tux.get("/a.txt") == (200, b"hello")
        assert "no kernel engine" in pathlib.Path("/tmp/tux-error").read_text(encoding="utf-8")
    finally:
        tux.stop()
