# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock kernel in QEMU, without KVM: boots a file system made of this machine's programs, runs one script, and powers off."""
import gzip
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build-vm"

# What the guest has of this machine. Programs bring their libraries.
PROGRAMS = ["/usr/bin/python3", "/usr/sbin/nginx", "/usr/bin/curl", "/usr/bin/wrk", "/usr/bin/bash", "/usr/sbin/mkfs.ext4",
            "/usr/sbin/tc", "/usr/sbin/ip", "/usr/bin/openssl", "/usr/sbin/apache2", "/usr/sbin/lighttpd",
            "/usr/lib/lighttpd/mod_accesslog.so"] + [
            f"/usr/lib/apache2/modules/mod_{name}.so" for name in ("mpm_event", "authz_core")]
PYTHON_LEFT_OUT = {"test", "idlelib", "tkinter", "ensurepip", "lib2to3", "turtledemo", "distutils", "pydoc_data"}
PACKAGES = ["_pytest", "pytest", "pluggy", "iniconfig", "packaging", "attr", "attrs", "exceptiongroup", "py.py"]
# libgcc_s: glibc looks for it when a thread ends by pthread_exit, as Apache's do; ldd does not show that.
FILES = ["/etc/mime.types", "/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf", "/etc/nginx/mime.types", "/etc/protocols", "/etc/services", "/lib/x86_64-linux-gnu/libgcc_s.so.1"]
MODULES = ["ext4", "overlay", "loop", "fuse", "sch_netem", "veth", "tcp_bbr", "tls",
           "gcm", "ghash_generic", "ctr", "aesni_intel", "chacha20poly1305", "chacha_x86_64", "poly1305_x86_64"]  # ciphers of TLS

# What a kernel says when something is wrong with it, or with what was loaded into it.
SPLATS = re.compile(r"BUG:|WARNING:|Oops|KASAN|UBSAN|unreferenced object|possible (circular|recursive) locking|"
                    r"inconsistent lock state|suspicious RCU|sleeping function|refcount_t:|general protection|kernel panic|"
                    r"Kernel panic|Call Trace|Objects remaining|hung task|rcu_sched|soft lockup|slab-|list_(add|del) corruption")

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
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
ln -sf /proc/self/fd /dev/fd
ip link set lo up
hostname guest
for module in $(cat /modules/order); do insmod /modules/$module || echo "tux-vm: insmod $module failed"; done
cd /root
%(script)s
status=$?
sync
dmesg >/dev/ttyS1
echo "tux-vm: exit $status"
reboot -f
"""


class Archive:
    """An initramfs: cpio in the new ASCII format, written by hand, as nothing else is needed of it."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.names = set()
        self.inode = 1

    def entry(self, name, mode, data=b"", device=(0, 0), mtime=0):
        name = name.strip("/")
        if name in self.names:
            return
        if "/" in name:
            self.directory(name.rsplit("/", 1)[0])
        self.names.add(name)
        fields = [self.inode, mode, 0, 0, 1, mtime, len(data), 0, 0, *device, len(name) + 1, 0]
        self.inode += 1
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self.out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def directory(self, name, mode=0o755):
        self.entry(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644, mtime=0):
        self.entry(name, stat.S_IFREG | mode, data, mtime=mtime)

    def copy(self, host, name=None):
        """A file of this machine; links become what they point to. With its time: Python compares those of .py and .pyc, and to
        compile all that pytest imports once more takes an emulated CPU ten seconds each time."""
        host = pathlib.Path(host)
        self.file(str(name or host), host.read_bytes(), 0o755 if os.access(host, os.X_OK) else 0o644, int(host.stat().st_mtime))

    def program(self, host, name=None):
        self.copy(host, name)
        listed = subprocess.run(["ldd", str(host)], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self.copy(library)

    def tree(self, host, name, left_out=()):
        for folder, folders, files in os.walk(host):
            folders[:] = [each for each in folders if each not in left_out]
            self.directory(name + folder[len(str(host)):])
            for file in files:
                self.copy(os.path.join(folder, file), name + os.path.join(folder, file)[len(str(host)):])

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        self.out.close()


def build_base(path):
    """What is the same for every boot."""
    archive = Archive(path)
    for folder in ("dev", "proc", "sys", "tmp", "run", "root", "mnt", "var/lib/nginx", "var/log/nginx", "etc"):
        archive.directory(folder)
    archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.copy("/bin/busybox", "bin/busybox")
    for tool in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if tool != "busybox" and not any(program.endswith("/" + tool) for program in PROGRAMS):
            archive.entry("bin/" + tool, stat.S_IFLNK | 0o777, b"busybox")
    for program in PROGRAMS:
        if os.path.exists(program):
            archive.program(program)
    version = "python%d.%d" % sys.version_info[:2]
    archive.tree("/usr/lib/" + version, "usr/lib/" + version, PYTHON_LEFT_OUT)
    for extension in pathlib.Path("/usr/lib", version, "lib-dynload").glob("*.so"):
        archive.program(extension)
    for package in PACKAGES:
        host = pathlib.Path("/usr/lib/python3/dist-packages", package)
        if host.is_dir():
            archive.tree(host, str(host))
        elif host.exists():
            archive.copy(host)
    for file in FILES:
        if os.path.exists(file):
            archive.copy(file)
    archive.file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n")
    archive.file("etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n")
    archive.file("etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
    archive.close()


def base():
    key = hashlib.sha256(pathlib.Path(__file__).read_bytes() + sys.version.encode()).hexdigest()[:16]
    path = BUILD / f"base-{key}.cpio"
    if not path.exists():
        for old in BUILD.glob("base-*.cpio"):
            old.unlink(missing_ok=True)
        building = path.with_suffix(f".{os.getpid()}")  # others may be building it too
        build_base(building)
        building.rename(path)
    return path


def unpacked(path):
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    return gzip.decompress(data) if path.suffix == ".gz" else data


def module_files(kernel, names):
    """The files of modules with all that they need, in the order to load them. Built-in ones are left out."""
    folder = BUILD / "kernels" / kernel / "modules"
    needs, by_name = {}, {}
    dep = folder / "modules.dep"
    for line in dep.read_text().splitlines():
        path, _, wanted = line.partition(":")
        needs[path] = wanted.split()
        by_name[re.sub(r"\.ko(\.\w+)?$", "", os.path.basename(path)).replace("-", "_")] = path
    found = []
    for name in names:
        path = by_name.get(name.replace("-", "_"))
        if path:
            found += [each for each in reversed([path] + needs[path]) if each not in found]
    return [folder / each for each in found]


def test_modules(kernel):
    """The modules of test/vm that are built for a kernel. The debug kernel has no netfilter, which the witness needs."""
    return ["pause", "owner", "identity", "cover", "short"] + (["witness"] if kernel not in ("debug", "kcsan") else [])


def tux_modules():
    """The sources of modules of TUX that build for the program and for the kernel."""
    return [ROOT / "examples/modules" / (name + ".c") for name in ("hello", "picture", "variant")] + [ROOT / "examples/bpf/token.c"] + sorted((ROOT / "test/vm/modules").glob("*.c"))


def verified_handlers():
    """The sources of verified handlers: examples, and those of the tests."""
    return [ROOT / "examples/modules/hello.c", ROOT / "examples/modules/variant.c"] + sorted((ROOT / "examples/bpf").glob("*.c")) + sorted((ROOT / "test/vm/bpf").glob("*.c"))


def build_verified_handlers():
    """Builds them for the target bpf. Without clang there are none."""
    (BUILD / "bpf").mkdir(parents=True, exist_ok=True)
    for source in verified_handlers() if shutil.which("clang") else []:
        subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-ftrivial-auto-var-init=pattern", "-I",
                        str(ROOT / "include"), "-c", str(source), "-o", str(BUILD / "bpf" / (source.stem + ".bpf.o"))], check=True)


def tux_module_files(kernel):
    """The built modules of TUX, for files of run(): of the kernel, of the program, and verified ones, if they are there."""
    found = [(path, f"/modules.tux/{path.name}") for path in (BUILD / "bpf").glob("*.bpf.o")]
    if (BUILD / kernel / "kernel/bpf/tux-bpf.ko").exists():
        found.append((BUILD / kernel / "kernel/bpf/tux-bpf.ko", "/modules.tux/tux-bpf.ko"))
    for source in tux_modules():
        for ending in ("ko", "so"):
            path = BUILD / kernel / source.stem / f"{source.stem}.{ending}"
            if path.exists():
                found.append((path, f"/modules.tux/{path.name}"))
    return found


def build_shared_objects(kernel):
    """Builds the modules of TUX for the program, and verified handlers."""
    build_verified_handlers()
    for source in tux_modules():
        (BUILD / kernel / source.stem).mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(ROOT / "include"), str(source), "-o",
                        str(BUILD / kernel / source.stem / (source.stem + ".so"))], check=True)


def run(kernel, script, files=(), programs=(), trees=(), modules=MODULES, cpus=1, memory_mb=1024, append="", icount=False,
        timeout=300, more=lambda console: ()):
    """
    Boots a kernel and runs a shell script in it: (exit status, output, kernel log). files: (host, guest) pairs; trees: folders
    likewise; programs likewise, with their libraries; more: further options of QEMU's, told the file that its console goes to.
    Status None: it ended otherwise, or took too long.
    """
    for host, _ in [*files, *programs]:
        if not os.path.exists(host):
            sys.exit(f"{host} is not there: `make all kernel` builds it")
    with tempfile.TemporaryDirectory(prefix="tux-vm-") as folder:
        extra = Archive(folder + "/extra.cpio")
        order = []
        extra.directory("modules")
        for path in module_files(kernel, modules):
            name = re.sub(r"\.ko.*$", ".ko", path.name)
            extra.file("modules/" + name, unpacked(path))
            order.append(name)
        extra.file("modules/order", "\n".join(order).encode() + b"\n")
        extra.file("init", (INIT % {"script": "sh /root/script"}).encode(), 0o755)
        extra.file("root/script", script.encode(), 0o755)
        for host, guest in files:
            extra.copy(host, guest)
        for host, guest in programs:
            extra.program(host, guest)
        for host, guest in trees:
            extra.tree(host, guest, {"__pycache__"})
        extra.close()
        with open(folder + "/init.cpio", "wb") as whole:
            for part in (base(), folder + "/extra.cpio"):
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)
        cpu = "max,-erms,-fsrm,-rdrand,-rdseed" if icount else "max"
        # The firmware's table of processors, all that a kernel without ACPI has, tells of one for each socket.
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-M", "pc", "-cpu", cpu,
                   "-accel", "tcg" + (",thread=multi" if cpus > 1 else ""), "-smp", f"{cpus},sockets={cpus}", "-m", str(memory_mb),
                   "-kernel", str(BUILD / "kernels" / kernel / "vmlinuz"), "-initrd", folder + "/init.cpio",
                   "-serial", "file:" + folder + "/console", "-serial", "file:" + folder + "/dmesg",
                   "-append", "console=ttyS0 loglevel=5 panic=-1 oops=panic no_timer_check " + ("nokaslr norandmaps random.trust_cpu=off " if icount
                                                                            else "slub_debug=FZPU ") + append]
        if icount:
            command += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
        command += more(folder + "/console")
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
            ended = ""
        except subprocess.TimeoutExpired:
            ended = f"\ntux-vm: the guest did not end within {timeout} s\n"
        console = pathlib.Path(folder, "console").read_text(errors="replace").replace("\r", "") + ended
        log = pathlib.Path(folder, "dmesg").read_text(errors="replace").replace("\r", "")
    status = re.search(r"^tux-vm: exit (\d+)$", console, re.MULTILINE)
    return int(status[1]) if status else None, console, log


def outcome(text):
    """What pytest said at its end: its last line ("" without one), and how many passed, failed and were left out."""
    lines = re.findall(r"^.*\b\d+ (?:passed|failed|error)\b.* in [0-9.]+s.*$", text, re.MULTILINE)
    line = lines[-1] if lines else ""
    return line, [sum(int(number) for number in re.findall(rf"(\d+) (?:{words})\b", line))
                  for words in ("passed", "failed|errors?", "skipped|xfailed|deselected")]


def splats(text):
    """
    The lines in which the kernel complained; that it had no memory for vmalloc() is what failing allocations are for. KCSAN tells of
    the kernel's own races as well: those count in which one of the two accesses is the module's.
    """
    lines = text.splitlines()
    return [line for i, line in enumerate(lines)
            if SPLATS.search(line) and not any("vmalloc error" in before for before in lines[max(0, i - 4):i])
            and not ("BUG: KCSAN" in line and not re.search(r"\[tux(_bpf)?\]", line))]
