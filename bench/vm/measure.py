# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the guest: each server in turn, each row, several rounds in alternating order. Prints one line of JSON a measurement."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = "/tmp/www"
FILES = {"1k.bin": 1 << 10, "16k.bin": 1 << 14, "1m.bin": 1 << 20, "hello": 13}
ROWS = {  # name: file, connections, more options of the client
    "1k-1": ("1k.bin", 1, []), "1k-16": ("1k.bin", 16, []), "1k-64": ("1k.bin", 64, []), "1k-256": ("1k.bin", 256, []),
    "16k": ("16k.bin", 16, []), "1m": ("1m.bin", 8, ["--discard"]), "close": ("1k.bin", 16, ["--close"]), "hello-8": ("hello", 8, []),
}
HOSTS = {"inline": "", "pool": "threads 1", "isolated": "isolate on"}  # servers that are TUX's user engine with a module, which answers /hello


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


def start(server, log):
    port = port_free()
    if server == "constant":
        return Module(port), port
    if server == "nginx":
        run = pathlib.Path("/tmp/nginx")
        run.mkdir(exist_ok=True)
        text = pathlib.Path("/root/nginx.conf").read_text(encoding="utf-8")
        words = {"RUN": run, "ADDRESS": "127.0.0.1", "PORT": port, "ROOT": ROOT, "CONNECTIONS": 1024, "DESCRIPTORS": 65535, "FILES": 20000,
                 "LOG": "/tmp/nginx/access.log combined buffer=64k" if log else "off"}
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        (run / "conf").write_text("user root;\n" + text, encoding="utf-8")
        process = subprocess.Popen(["nginx", "-c", str(run / "conf")], stderr=subprocess.DEVNULL)
    else:
        pathlib.Path("/tmp/tux.conf").write_text(
            'module hello { file "/hello.so"; %s }; route "=/hello" { module hello }' % HOSTS[server] if server in HOSTS else "", encoding="utf-8")
        engine = "uring" if server in HOSTS else server
        process = subprocess.Popen(["tux", "serve", ROOT, "--config", "/tmp/tux.conf", "--engine", engine, "--listen", f"127.0.0.1:{port}", "--threads", "1",
                                    "--log", "/tmp/tux.log" if log else "off"], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{server} does not start")


def measure(port, row, milliseconds):
    file, connections, more = ROWS[row]
    found = subprocess.run(["client", "--port", str(port), "--length", str(FILES[file]), "--path", "/" + file, "--connections",
                            str(connections), "--milliseconds", str(milliseconds), *more], capture_output=True, text=True, check=False)
    return json.loads(found.stdout)


def prepare():
    os.mkdir(ROOT)
    for name, size in FILES.items():
        pathlib.Path(ROOT, name).write_bytes(os.urandom(size))
    time.sleep(3)  # what boots still does


def main():
    rounds, milliseconds, log, rows = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "on", sys.argv[4].split(",")
    prepare()
    servers = ["nginx", "uring", "kernel", "constant"]
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else servers[::-1]:
            process, port = start(server, log)
            for row in rows:
                if server == "constant" and not row.startswith("1k-"):
                    continue
                measure(port, row, milliseconds // 4)
                result = measure(port, row, milliseconds)
                print("measured", json.dumps({"server": server, "row": row, "round": turn, "requests": result["requests"],
                                              "errors": result["errors"], "seconds": result["seconds"]}), flush=True)
            process.send_signal(signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    main()
