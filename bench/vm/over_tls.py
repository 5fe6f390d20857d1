# SPDX-License-Identifier: GPL-2.0-or-later
"""On the host: gives a guest what bench/vm/tls.py needs there."""
import pathlib
import subprocess

import servers
import tls

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
MORE = {"h2o": ["/usr/bin/h2o"], "lighttpd-ktls": ["/usr/lib/lighttpd/mod_openssl.so"]}


def files(folder):
    """The files for the guest, with a new certificate: (path here, path there)."""
    pair = servers.certificate_create(folder)
    return [(TOP / "bench/vm/measure.py", "/root/measure.py"), (TOP / "bench/vm/tls.py", "/root/tls.py"),
            *((TOP / "bench/host/peers" / name, "/root/" + name) for _, name, _ in tls.PEERS.values()),
            *((pair[word], path) for word, path in tls.PAIR.items())]


def programs(folder, tux, names):
    """TUX, the client, and those of the servers that the guest does not have."""
    return [(tux, "/usr/bin/tux"), (client(folder), "/usr/bin/client")] + [(path, path) for name in names for path in MORE.get(name, ())]


def client(folder):
    """Builds the client with its libraries in itself, so that a profile can tell them from those of the server."""
    subprocess.run(["gcc", "-O2", "-static", "-no-pie", "-w", "-o", folder + "/client", str(TOP / "bench/host/tls_client.c"), "-lssl", "-lcrypto"], check=True,
                   stderr=subprocess.DEVNULL)  # the linker warns that names of hosts want libraries
    return folder + "/client"
