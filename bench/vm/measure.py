# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the guest: each server in turn, each row, several rounds in alternating order. Prints one line of JSON a measurement."""
import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = "/tmp/www"
FILES = {"1k.bin": 1 << 10, "16k.bin": 1 << 14, "1m.bin": 1 << 20, "hello": 13, "other": 13}
ROWS = {  # name: file, connections, more options of the client
    "1k-1": ("1k.bin", 1, []), "1k-16": ("1k.bin", 16, []), "1k-64": ("1k.bin", 64, []), "1k-256": ("1k.bin", 256, []),
    "16k": ("16k.bin", 16, []), "1m": ("1m.bin", 8, ["--discard"]), "close": ("1k.bin", 16, ["--close"]), "hello-1": ("hello", 1, []), "hello-8": ("hello", 8, []),
}
HOSTS = {"inline": "", "pool": "threads 1", "isolated": "isolate on"}  # servers that are TUX's user engine with a module, which answers /hello
# Servers that are TUX's kernel engine with a module: the file that is loaded into the kernel or None, and the module block.
TOKEN = 'module token { %s; config { token = "s3cret" } }'
VARIANT = 'module variant { %s; config { a = "/other"; b = "/hello" } }'
KERNEL = {
    "kernel-c": ("greet", 'module greet { file "/greet.so"; kernel on }'), "kernel-bpf": (None, 'module greet { bpf "/greet.bpf.o" }'),
    "token-c": ("token", TOKEN % 'file "/token.so"; kernel on'), "token-bpf": (None, TOKEN % 'bpf "/token.bpf.o"'),
    "variant-c": ("variant", VARIANT % 'file "/variant.so"; kernel on'), "variant-bpf": (None, VARIANT % 'bpf "/variant.bpf.o"'),
    **{f"worst-{kind}": (None, 'module worst { bpf "/worst-%d.bpf.o" }' % kind) for kind in range(1, 7)},
}
FIELDS = {"token": "Authorization: Bearer s3cret", "variant": "Cookie: variant=a", "worst": "X-Long: " + 15000 * "x"}  # of the client, by the first word of the server
BPF, NEXT_ID, FD_BY_ID, STRUCT_OPS = 321, 11, 13, "27"  # bpf(2): its number, BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, BPF_PROG_TYPE_STRUCT_OPS

FILE = ("token-file", "variant-file")  # the kernel engine without a module, whose client sends the field


def port_free():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Module:
    """constant.ko in place of a process."""

    def __init__(self, port):
        subprocess.run(["insmod", "/constant.ko", f"port={port}"], check=True)

    def send_signal(self, _):
        subprocess.run(["rmmod", "constant"], check=True)

    def wait(self):
        pass


def await_port(server, port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{server} does not start")


def config_of(server):
    """The configuration of TUX, and its engine."""
    if server in HOSTS:
        return 'module hello { file "/hello.so"; %s }; route "=/hello" { module hello }' % HOSTS[server], "uring"
    if server in KERNEL:
        text = KERNEL[server][1]
        return f'{text}\nroute "=/hello" {{ module {text.split()[1]} }}', "kernel"
    return "", "kernel" if server in FILE else server


def wait_for_kernel():
    """Until a module responds in the kernel: a verified handler is loaded beside the start."""
    until = time.monotonic() + 60
    while "(in the kernel" not in subprocess.run(["tux", "module", "list"], capture_output=True, text=True, check=False).stdout:
        if time.monotonic() > until:
            raise SystemExit("the module does not respond in the kernel")
        time.sleep(0.05)


def verified():
    """The instructions that the verifier has followed of the handler."""
    call, attr = ctypes.CDLL(None).syscall, (ctypes.c_uint32 * 4)()
    found = None
    while call(BPF, NEXT_ID, attr, ctypes.sizeof(attr)) == 0:
        attr[:] = [attr[1], 0, 0, 0]
        fd = call(BPF, FD_BY_ID, attr, ctypes.sizeof(attr))
        info = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii").splitlines())
        os.close(fd)
        found = int(info["verified_insns"]) if info["prog_type"] == STRUCT_OPS else found
    return found


def load(server):
    """Loads what a server needs into the kernel, and unloads what others have left."""
    wanted = ["tux_bpf"] if server in KERNEL and not KERNEL[server][0] else [KERNEL[server][0]] if server in KERNEL else []
    there = [line.split()[0] for line in pathlib.Path("/proc/modules").read_text(encoding="ascii").splitlines()]
    for name in ["tux_bpf"] + [one[0] for one in KERNEL.values() if one[0]]:
        if name in there and name not in wanted:
            subprocess.run(["rmmod", name], check=False)
        elif name in wanted and name not in there:
            subprocess.run(["insmod", "/" + name.replace("_", "-") + ".ko"], check=True)
    if server.startswith("worst"):
        pathlib.Path("/sys/module/tux_bpf/parameters/budget_us").write_text("1000000000", encoding="ascii")


def start(server, log):
    port = port_free()
    load(server)
    if server == "constant":
        return Module(port), port
    if server in ("nginx", "return"):
        run = pathlib.Path("/tmp/nginx")
        run.mkdir(exist_ok=True)
        text = pathlib.Path("/root/nginx.conf").read_text(encoding="utf-8")
        words = {"RUN": run, "ADDRESS": "127.0.0.1", "PORT": port, "ROOT": ROOT, "CONNECTIONS": 1024, "DESCRIPTORS": 65535, "FILES": 20000,
                 "LOG": "/tmp/nginx/access.log combined buffer=64k" if log else "off"}
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        if server == "return":
            text = text.replace("root /tmp/www;", 'root /tmp/www; location = /hello { default_type text/plain; return 200 "hello, world\\n"; }')
        (run / "conf").write_text("user root;\n" + text, encoding="utf-8")
        process = subprocess.Popen(["nginx", "-c", str(run / "conf")], stderr=subprocess.DEVNULL)
    else:
        text, engine = config_of(server)
        pathlib.Path("/tmp/tux.conf").write_text(text, encoding="utf-8")
        process = subprocess.Popen(["tux", "serve", ROOT, "--config", "/tmp/tux.conf", "--engine", engine, "--listen", f"127.0.0.1:{port}", "--threads", "1",
                                    "--log", "/tmp/tux.log" if log else "off"], stderr=subprocess.DEVNULL)
    await_port(server, port)
    if server in KERNEL:
        wait_for_kernel()
    return process, port


def measure(port, row, milliseconds, server=""):
    file, connections, more = ROWS[row]
    field = FIELDS.get(server.split("-")[0])
    more = more + ["--field", field] if field else more
    found = subprocess.run(["client", "--port", str(port), "--length", str(FILES[file]), "--path", "/" + file, "--connections",
                            str(connections), "--milliseconds", str(milliseconds), *more], capture_output=True, text=True, check=False)
    return json.loads(found.stdout)


def prepare():
    os.mkdir(ROOT)
    for name, size in FILES.items():
        pathlib.Path(ROOT, name).write_bytes(os.urandom(size))
    time.sleep(3)  # what boots still does


def main():
    rounds, milliseconds, log, rows, servers = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "on", sys.argv[4].split(","), sys.argv[5].split(",")
    prepare()
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else servers[::-1]:
            process, port = start(server, log)
            if server in KERNEL and not KERNEL[server][0] and turn == 0:
                print("verified", server, verified(), flush=True)
            for row in rows:
                if server == "constant" and not row.startswith("1k-"):
                    continue
                measure(port, row, milliseconds // 4, server)
                result = measure(port, row, milliseconds, server)
                print("measured", json.dumps({"server": server, "row": row, "round": turn, "requests": result["requests"],
                                              "errors": result["errors"], "seconds": result["seconds"]}), flush=True)
            process.send_signal(signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    main()
