# SPDX-License-Identifier: GPL-2.0-or-later
"""/dev/tux as include/uapi/tux.h has it, without the program in between."""
import ctypes
import fcntl
import os
import struct
import threading

ABI = 4
RECORD_SIZE = 64
DEVICE = "/dev/tux"


def _number(direction, number, size):
    return direction << 30 | size << 16 | ord("T") << 8 | number


HELLO_FORMAT = "=II32s"
SETUP_FORMAT = "=IIiiIIIIII2048sIIIIQQ16s"
HELLO = _number(3, 0xd0, struct.calcsize(HELLO_FORMAT))
SETUP = _number(1, 0xd1, struct.calcsize(SETUP_FORMAT))
LISTEN = _number(1, 0xd2, 4)
RUN = _number(0, 0xd3, 0)
ADOPT = _number(1, 0xd4, 4)
DRAIN = _number(0, 0xd5, 0)
SIZE = _number(2, 0xd6, 8)
STATUS = _number(3, 0xd7, 16 + 8 * (7 + 2 * 15))
RETIRE = _number(0, 0xd8, 0)
ROOM = _number(0, 0xd9, 0)
CALLS = [HELLO, SETUP, LISTEN, RUN, ADOPT, DRAIN, SIZE, STATUS, RETIRE, ROOM]

RECORDS, DOT_FILES, ANY_MODE = 1, 2, 4
(NONE, REFUSED, METHOD, BODY, TARGET, MISSING, ABSENT, ANSWER, TIMEOUT, NO_RECORDS, MEMORY, DRAINING, PREFIX, ROUTE, BACKEND) = range(15)


def route(text, prefix_len, suffix_len=0, handler=0, exact=0):
    """A struct tux_route of core/route.h."""
    return struct.pack("=IHHHBB", text, prefix_len, suffix_len, 0, handler, exact)


class Instance:
    """An open /dev/tux. Threads that it is lent end with close()."""

    def __init__(self, blocking=False):
        self.fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | (0 if blocking else os.O_NONBLOCK))
        self.threads = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def hello(self, abi=ABI, record_size=RECORD_SIZE):
        buffer = bytearray(struct.pack(HELLO_FORMAT, abi, record_size, b""))
        try:
            fcntl.ioctl(self.fd, HELLO, buffer)
        finally:
            self.module = struct.unpack(HELLO_FORMAT, buffer)
        return self.module

    def setup(self, root, **changes):
        values = {"size": struct.calcsize(SETUP_FORMAT), "flags": 0, "event_fd": -1, "max_connections": 1000, "max_objects": 100,
                  "head_timeout_ms": 5000, "send_timeout_ms": 5000, "idle_timeout_ms": 5000, "index": ["index.html"], "port": 0, "routes": b"", "text": b"", "unused": 0}
        values.update(changes)
        names = values["index"]
        index = b"".join(name.encode().ljust(256, b"\0")[:256] for name in names).ljust(2048, b"\0")
        routes, text = (ctypes.create_string_buffer(values[name], len(values[name]) or 1) for name in ("routes", "text"))
        root_fd = root if isinstance(root, int) else os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(self.fd, SETUP, bytearray(struct.pack(
                SETUP_FORMAT, values["size"], values["flags"], values.get("root_fd", root_fd), values["event_fd"],
                values["max_connections"], values["max_objects"], values["head_timeout_ms"], values["send_timeout_ms"],
                values["idle_timeout_ms"], values.get("index_count", len(names)), index,
                values["port"], values.get("route_count", len(values["routes"]) // 12), values.get("text_len", len(values["text"])),
                values["unused"], values.get("address", ctypes.addressof(routes)), ctypes.addressof(text), b"k" * 16)))
        finally:
            if not isinstance(root, int):
                os.close(root_fd)

    def number(self, call, value):
        fcntl.ioctl(self.fd, call, struct.pack("=i", value))

    def listen(self, sock):
        self.number(LISTEN, sock.fileno())

    def adopt(self, sock):
        self.number(ADOPT, sock.fileno())

    def size(self):
        return struct.unpack("=Q", fcntl.ioctl(self.fd, SIZE, b"\0" * 8))[0]

    def drain(self):
        fcntl.ioctl(self.fd, DRAIN)

    def _run(self):
        while True:
            try:
                fcntl.ioctl(self.fd, RUN)
                return
            except InterruptedError:
                pass
            except OSError:
                return

    def lend(self, count=1):
        for _ in range(count):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self.threads.append(thread)

    def take(self):
        """What is handed up: [(fd, reason)]."""
        data = os.read(self.fd, 8 * 64)
        return [struct.unpack_from("=iI", data, at) for at in range(0, len(data), 8)]

    def close(self):
        if self.fd < 0:
            return
        if self.threads:
            self.drain()
            while any(thread.is_alive() for thread in self.threads):
                try:
                    for fd, _ in self.take():
                        os.close(fd)
                except BlockingIOError:
                    pass
                for thread in self.threads:
                    thread.join(0.01)
        os.close(self.fd)
        self.fd = -1
