# SPDX-License-Identifier: GPL-2.0-or-later
"""
Runs in the guest: TUX and other servers over TLS 1.3, encrypted in the program and by the kernel (kTLS). Prints one line of JSON a measurement, with the
CPU time of the server's processes: with QEMU's icount one nanosecond of it is one instruction.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

import measure

ROWS = {  # name: file, connections, more options of the client
    "full": ("1k.bin", 4, ["--close"]), "resumed": ("1k.bin", 4, ["--close", "--resume"]), "1k": ("1k.bin", 8, []), "16k": ("16k.bin", 8, []), "1m": ("1m.bin", 4, []),
}
PEERS = {  # name: its arguments before the file of its configuration, the file here, a line of it
    "nginx": (["nginx", "-c"], "nginx-tls.conf", ""), "nginx-ktls": (["nginx", "-c"], "nginx-tls.conf", "ssl_conf_command Options KTLS;"),
    "h2o": (["h2o", "-m", "worker", "-c"], "h2o-tls.conf", ""), "lighttpd-ktls": (["lighttpd", "-D", "-f"], "lighttpd-tls.conf", ""),
}
OWN_KEYS = ["--key-process", "off"]  # no peer has such a process; h2o's is off, too
SERVERS = {  # name: options of TUX
    "uring": ["--engine", "uring", "--tls-kernel", "off", *OWN_KEYS], "uring-ktls": ["--engine", "uring", "--tls-kernel", "on", *OWN_KEYS],
    "epoll": ["--engine", "epoll", "--tls-kernel", "off", *OWN_KEYS], "epoll-ktls": ["--engine", "epoll", "--tls-kernel", "on", *OWN_KEYS],
    "uring-keys": ["--engine", "uring", "--tls-kernel", "off", "--key-process", "on"],
}
USERS = {"nginx": "user root;\n", "h2o": "user: root\n"}
NAMES = [*PEERS, *SERVERS]
PAIR = {"@CERTIFICATE@": "/root/bench.pem", "@KEY@": "/root/bench.key", "@BOTH@": "/root/bench-both.pem"}


def tree(pid):
    """Returns a process and its descendants."""
    found = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            parent = int(path.read_text().split("PPid:", 1)[1].split()[0])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found += tree(int(path.parent.name))
    return found


def cpu_ns(pids):
    total = 0
    for pid in pids:
        for path in pathlib.Path("/proc/%d/task" % pid).glob("*/schedstat"):
            total += int(path.read_text().split()[0])
    return total


def start(server):
    port = measure.port_free()
    if server in PEERS:
        run, (argv, name, line) = pathlib.Path("/tmp/" + server), PEERS[server]
        run.mkdir(exist_ok=True)
        text = pathlib.Path("/root/" + name).read_text(encoding="utf-8")
        words = {"@RUN@": run, "@ADDRESS@": "127.0.0.1", "@PORT@": port, "@ROOT@": measure.ROOT, "@CONNECTIONS@": 1024, "@DESCRIPTORS@": 65535,
                 "@FILES@": 20000, "@KTLS@": line, **PAIR}
        for word, value in words.items():
            text = text.replace(word, str(value))
        (run / "conf").write_text(USERS.get(argv[0], "") + text, encoding="utf-8")
        process = subprocess.Popen([*argv, str(run / "conf")])
    else:
        process = subprocess.Popen(["tux", "serve", measure.ROOT, "--listen", f"https://127.0.0.1:{port}", "--certificate", PAIR["@CERTIFICATE@"], "--key",
                                    PAIR["@KEY@"], "--threads", "1", "--log", "off", "--handshakes-per-client", "0", *SERVERS[server]])
    measure.await_port(server, port)
    return process, port


def load(pids, port, row, milliseconds):
    """Returns what the client says of a load, and the CPU time that processes took: without the handshakes if connections are kept alive."""
    file, connections, more = ROWS[row]
    command = ["client", "--port", str(port), "--length", str(measure.FILES[file]), "--path", "/" + file, "--connections", str(connections),
               "--milliseconds", str(milliseconds), *(more or ["--wait"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        if not more:
            client.stdout.readline()
        before = cpu_ns(pids)
        said, _ = client.communicate("\n")
        return json.loads(said), cpu_ns(pids) - before


def encrypted_by_kernel():
    return int(pathlib.Path("/proc/net/tls_stat").read_text().split("TlsTxSw", 1)[1].split()[0])


def main():
    rounds, milliseconds, rows, servers = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(",")
    measure.prepare()
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else servers[::-1]:
            process, port = start(server)
            for row in rows:
                pids = tree(process.pid)
                load(pids, port, row, milliseconds // 4)
                sealed = encrypted_by_kernel()
                result, used = load(pids, port, row, milliseconds)
                if (encrypted_by_kernel() > sealed) != server.endswith("-ktls"):
                    sys.exit(f"{server}: the kernel encrypts {'nothing' if server.endswith('-ktls') else 'what it should not'}")
                print("measured", json.dumps({"server": server, "row": row, "round": turn, "requests": result["requests"],
                                              "errors": result["errors"], "seconds": result["seconds"], "server_ns": used}), flush=True)
            process.terminate()
            process.wait()
            time.sleep(0.2)


if __name__ == "__main__":
    os.chdir("/")
    main()
