# SPDX-License-Identifier: GPL-2.0-or-later
"""The network between client and servers: loopback, or a veth pair, in network namespaces of the bench's own."""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000

# What Linux comes with. Hosts differ, and BBR, which paces, turns the rows of large bodies around.
SOCKET_BUFFERS = {"tcp_rmem": "4096 131072 6291456", "tcp_wmem": "4096 16384 4194304"}
VETH_CLIENT, VETH_SERVER = "10.77.0.1", "10.77.0.2"


class Network:
    """Where servers listen: an address, and the descriptor of their namespace unless it is the bench's own."""

    def __init__(self, address, namespace=None):
        self.address, self.namespace = address, namespace


LOOPBACK = Network("127.0.0.1")


def setting_write(name, value):
    try:
        with open("/proc/sys/net/ipv4/" + name, "w") as f:
            f.write(value)
        return True
    except OSError:
        return False


def namespace_enter():
    """A namespace with loopback up and the kernel's own defaults whatever this host sets. Returns false without permission."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        return False
    with socket.socket() as s:  # SIOCSIFFLAGS: lo up, running
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
    for name, value in SOCKET_BUFFERS.items():
        setting_write(name, value)
    # a namespace may only choose what the host allows everybody; that is always reno, which without loss does what cubic does
    setting_write("tcp_congestion_control", "cubic") or setting_write("tcp_congestion_control", "reno")
    return True


def network_enter():
    """A network namespace of its own, as root: nobody else's traffic."""
    if namespace_enter():
        return "loopback in a network namespace with Linux's default socket buffers"
    return "the host's loopback (no root, no namespace)"


def congestion_control():
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as f:
        return f.read().strip()


def veth_create():
    """
    A pair of virtual cards with an MTU of 1500 from this namespace, which must be the bench's own, to a second one, for the servers.
    It disappears with the last process of the two. Returns None if it cannot be made.
    """
    libc = ctypes.CDLL(None)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    if not namespace_enter():
        os.close(own)
        return None
    other = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc.setns(own, CLONE_NEWNET)
    os.close(own)

    def ip(words, inside=False):
        def setup():
            if inside and libc.setns(other, CLONE_NEWNET):
                os._exit(126)
        subprocess.run(["ip"] + words.split(), check=True, capture_output=True, timeout=20, pass_fds=[other], preexec_fn=setup)
    try:
        ip("link add bench0 mtu 1500 type veth peer name bench1 mtu 1500 netns /proc/self/fd/%d" % other)
        for card, address, inside in (("bench0", VETH_CLIENT, False), ("bench1", VETH_SERVER, True)):
            ip("address add %s/24 dev %s" % (address, card), inside)
            ip("link set %s up" % card, inside)
    except (OSError, subprocess.SubprocessError):
        os.close(other)
        return None
    return Network(VETH_SERVER, other)
