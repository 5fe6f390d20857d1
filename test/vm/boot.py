#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Keeps a guest running while the host talks to it: test/vm/boot.py --kernel 6.1 --module X.ko --run 'uname -a; lsmod' prints
what the commands say and exits with their status, or 1 when the kernel complained. guest.py is the other way: one script,
then the end.
"""
import argparse
import base64
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import guest

NETWORK = ["virtio_pci", "virtio_net", "virtio_blk"]
CONSOLE_TAIL = 3000  # bytes of the console that an error quotes

# Commands come on the second serial line, "MARKER SECONDS BASE64", and what they say goes back before "MARKER STATUS". Their
# output passes through a file, so that what they leave running does not hold the answer back or write between the lines.
INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
ln -sf /proc/self/fd /dev/fd
hostname guest
ip link set lo up
for module in $(cat /modules/order); do insmod /modules/$module || echo "tux-vm: insmod $module failed"; done
if [ -d /sys/class/net/eth0 ]; then
	ip address add 10.0.2.15/24 dev eth0
	ip link set eth0 up
	ip route add default via 10.0.2.2
fi
dmesg -n 8
cd /root
sh /root/script || echo "tux-vm: the script ended with $?"
exec 3<>/dev/ttyS1
stty raw -echo <&3
echo ready >&3
while read -r marker seconds command <&3; do
	echo "$command" | base64 -d >/run/command
	limit="timeout -s KILL $seconds"
	[ "$seconds" != 0 ] || limit=
	$limit sh /run/command </dev/null >/run/output 2>&1 3>&-
	status=$?
	cat /run/output >&3
	echo "$marker $status" >&3
done
"""


class GuestError(RuntimeError):
    """The guest ended or did not answer in time; says what its console said last."""


class KernelComplained(AssertionError):
    """The guest's kernel reported something: the lines."""


def splats(text):
    return [line for line in text.splitlines() if guest.SPLATS.search(line) or "leaked" in line]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Guest:
    """
    A running guest, ready for run() once made. files: (host, guest) pairs, folders too; programs bring their libraries.
    forward: (host port, guest port) pairs, where host port 0 takes a free one: ports[guest port]. init_script runs before the
    first command, on the console. full: with python3, nginx, curl and the rest of guest.py's; busybox's shell prefers its own
    applets, so say /usr/sbin/tc for the real one. Whatever happens it is killed after timeout_s, and when the thread that made
    it ends. Leaving `with` raises KernelComplained when the kernel had something to say.
    """

    def __init__(self, kernel="6.1", build=None, files=(), init_script="", forward=(), cpus=1, memory_mb=512, append="",
                 icount=False, timeout_s=300, modules=(), full=False, boot_timeout_s=60):
        if build:
            guest.BUILD = pathlib.Path(build).resolve()  # for the rest of this process
        self.release = self._release(kernel)
        self.icount = icount
        self.ports = {inside: outside or free_port() for outside, inside in forward}
        self._answer = b""
        self._last_log = None
        self._folder = tempfile.mkdtemp(prefix="tux-vm-")
        self._console = pathlib.Path(self._folder, "console")
        self._shell, theirs = socket.socketpair()
        self._process = self._timer = None
        self._end = time.monotonic() + timeout_s
        try:
            initrd = self._initramfs(kernel, files, init_script, [*NETWORK, *guest.MODULES, *modules], full)
            started = time.monotonic()
            command = self._command(kernel, initrd, cpus, memory_mb, append, theirs.fileno())
            with open(self._folder + "/qemu", "wb") as messages:
                # QEMU must not outlive us even when we are killed.
                self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                                                 stdout=messages, stderr=messages, pass_fds=[theirs.fileno()])
            theirs.close()
            self._timer = threading.Timer(timeout_s, self._process.kill)
            self._timer.daemon = True
            self._timer.start()
            self._receive(rb"ready\n", boot_timeout_s, "boot")
            self.boot_s = time.monotonic() - started
        except BaseException:
            theirs.close()
            self._kill()
            raise

    @staticmethod
    def _release(kernel):
        try:
            return (guest.BUILD / "kernels" / kernel / "release").read_text().strip()
        except FileNotFoundError:
            raise GuestError(f"no kernel {kernel}: tools/kernels {guest.BUILD}/kernels {kernel}") from None

    def _initramfs(self, kernel, files, script, modules, full):
        extra = guest.Archive(self._folder + "/extra.cpio")
        for folder in ("dev", "proc", "sys", "tmp", "run", "root", "mnt", "etc", "modules"):
            extra.directory(folder)
        if not full:
            extra.entry("dev/console", 0o020600, device=(5, 1))
            extra.copy("/bin/busybox", "bin/busybox")
            for tool in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
                extra.entry("bin/" + tool, 0o120777, b"busybox")
            extra.file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
            extra.file("etc/group", b"root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n")
        order = []
        for path in guest.module_files(kernel, modules):
            order.append(re.sub(r"\.ko.*$", ".ko", path.name))
            extra.file("modules/" + order[-1], guest.unpacked(path))
        extra.file("modules/order", "".join(name + "\n" for name in order).encode())
        extra.file("init", INIT.encode(), 0o755)
        extra.file("root/script", script.encode(), 0o755)
        for host, inside in files:
            if os.path.isdir(host):
                extra.tree(str(host).rstrip("/"), inside, {"__pycache__"})
            else:
                extra.program(host, inside)
        extra.close()
        if not full:
            return self._folder + "/extra.cpio"
        with open(self._folder + "/init.cpio", "wb") as whole:
            for part in (guest.base(), self._folder + "/extra.cpio"):
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)
        return self._folder + "/init.cpio"

    def _command(self, kernel, initrd, cpus, memory_mb, append, descriptor):
        forwarding = "".join(f",hostfwd=tcp:127.0.0.1:{outside}-:{inside}" for inside, outside in self.ports.items())
        # Not quiet: that would keep warnings off the console too.
        line = "console=ttyS0 loglevel=5 panic=-1 oops=panic "
        line += "nokaslr norandmaps random.trust_cpu=off " if self.icount else "slub_debug=FZPU "
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-M", "pc",
                   "-cpu", "max,-erms,-fsrm,-rdrand,-rdseed" if self.icount else "max",
                   "-accel", "tcg" + (",thread=multi" if cpus > 1 else ""), "-smp", str(cpus), "-m", str(memory_mb),
                   "-kernel", str(guest.BUILD / "kernels" / kernel / "vmlinuz"), "-initrd", initrd,
                   "-serial", f"file:{self._console}",
                   "-chardev", f"socket,id=shell,fd={descriptor}", "-serial", "chardev:shell",
                   "-netdev", "user,id=n0" + forwarding, "-device", "virtio-net-pci,netdev=n0,romfile=",
                   "-append", line + append]
        if self.icount:
            command += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
        return command

    def _error(self, what):
        ended = self._process is not None and self._process.poll() is not None
        messages = pathlib.Path(self._folder, "qemu")
        said = messages.read_text(errors="replace") if messages.exists() else ""
        return GuestError(f"{what}{' (QEMU has ended)' if ended else ''}\n{said}{self.log()[-CONSOLE_TAIL:]}")

    def _receive(self, pattern, seconds, what):
        """What came on the shell's line up to a match of the pattern, and the match."""
        started = time.monotonic()
        until = min(started + seconds, self._end)
        while True:
            found = re.search(pattern, self._answer)
            if found:
                before, self._answer = self._answer[:found.start()], self._answer[found.end():]
                return before, found
            left = until - time.monotonic()
            if left <= 0:
                raise self._error(f"{self.release}: no answer after {time.monotonic() - started:.0f} s: {what}")
            self._shell.settimeout(left)
            try:
                more = self._shell.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                more = b""
            if not more:
                self._process.wait(10)
                raise self._error(f"{self.release}: the guest ended: {what}")
            self._answer += more

    def run(self, command, timeout=60):
        """Runs a shell command: (exit status, output). One that takes too long is killed, status 137; what it started goes on."""
        marker = "end-" + secrets.token_hex(8)
        # Idle virtual time passes at once, so under icount no limit of the guest's own would mean anything.
        limit = 0 if self.icount else timeout
        try:
            self._shell.settimeout(timeout)
            self._shell.sendall(f"{marker} {limit} {base64.b64encode(command.encode()).decode()}\n".encode())
        except OSError:
            raise self._error(f"{self.release}: the guest has ended before: {command}") from None
        output, found = self._receive(marker.encode() + rb" (\d+)\n", timeout + (0 if self.icount else 20), command)
        return int(found[1]), output.decode(errors="replace")

    def wait_for(self, text, timeout=60):
        """Waits until the console has said it."""
        until = min(time.monotonic() + timeout, self._end)
        while text not in self.log():
            if time.monotonic() > until or self._process.poll() is not None:
                raise self._error(f"{self.release}: not said on the console: {text}")
            time.sleep(0.05)

    def log(self):
        """All that the console said: the kernel's log from its warnings on, all of it once booted, and the script."""
        if self._last_log is not None:
            return self._last_log
        try:
            return self._console.read_text(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def _kill(self):
        if self._timer:
            self._timer.cancel()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._shell.close()
        self._last_log = self.log()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self, timeout=15):
        """Powers off, and kills what does not. The lines in which the kernel complained."""
        if self._last_log is None:
            try:
                self._shell.settimeout(timeout)
                self._shell.sendall(b"off 0 %s\n" % base64.b64encode(b"sync; poweroff -f"))
                self._process.wait(timeout)
            except (OSError, subprocess.TimeoutExpired):
                pass
            self._kill()
        return splats(self._last_log)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        complaints = self.stop()
        if complaints and kind is None:
            raise KernelComplained("\n".join(complaints) + "\n\n" + self.log()[-CONSOLE_TAIL:])


def pair(text):
    left, separator, right = text.partition(":")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text}: wants a colon")
    return left, right


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default="6.1", help="6.1 or 6.12")
    parser.add_argument("--build", help="the folder with kernels/")
    parser.add_argument("--module", action="append", default=[], help="a .ko file to insert")
    parser.add_argument("--file", action="append", default=[], type=pair, metavar="HOST:GUEST", help="a file or folder to bring")
    parser.add_argument("--forward", action="append", default=[], type=pair, metavar="HOST:GUEST", help="a TCP port")
    parser.add_argument("--run", default="true", metavar="COMMANDS")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--memory", type=int, default=512, help="MB")
    parser.add_argument("--timeout", type=int, default=120, help="seconds")
    parser.add_argument("--append", default="", help="to the kernel's command line")
    parser.add_argument("--icount", action="store_true", help="one instruction is one nanosecond")
    parser.add_argument("--full", action="store_true", help="with python3, nginx, curl")
    parser.add_argument("--log", action="store_true", help="print the console, and how long the boot took")
    options = parser.parse_args()
    files = [(path, "/modules/" + os.path.basename(path)) for path in options.module] + options.file
    insert = "".join(f"insmod /modules/{os.path.basename(path)} || exit 1\n" for path in options.module)
    here = None
    try:
        here = Guest(options.kernel, options.build, files, cpus=options.cpus, memory_mb=options.memory, append=options.append,
                     forward=[(int(outside), int(inside)) for outside, inside in options.forward], icount=options.icount,
                     timeout_s=options.timeout + 60, full=options.full)
        status, output = here.run(insert + options.run, options.timeout)
        print(output, end="", flush=True)
    except GuestError as error:
        print("tux-vm:", error, file=sys.stderr)
        status = 1
    complaints = here.stop() if here else []
    if options.log and here:
        print(here.log() + f"tux-vm: {here.release} took {here.boot_s:.1f} s to boot", file=sys.stderr)
    for line in complaints:
        print("tux-vm: the kernel complains:", line, file=sys.stderr)
    return status or int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
