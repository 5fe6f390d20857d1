# SPDX-License-Identifier: GPL-2.0-or-later
"""/dev/tux as include/uapi/tux.h has it, without the program in between."""
import ctypes
import fcntl
import os
import signal
import struct
import threading

ABI = 16
RECORD_SIZE = 88
DEVICE = "/dev/tux"


def _number(direction, number, size):
    return direction << 30 | size << 16 | ord("T") << 8 | number


HELLO_FORMAT = "=II32s"
SETUP_FORMAT = "=IIiIIIIIIIIIIIQQQQQ16s"
HOST_FORMAT = "=IiHHHHIIQQQQIHHQ"
FIELDS_FORMAT = "=QQIIIIQQQIIHHHH"
MODULE_FORMAT = "=IIIIQ"
HANDED_UP_FORMAT = "=iIIHH"
HANDED_UP_SIZE = struct.calcsize(HANDED_UP_FORMAT)
HANDED_UP_ROOM = 16384  # for one with the longest text, or many without
HELLO = _number(3, 0xd0, struct.calcsize(HELLO_FORMAT))
SETUP = _number(1, 0xd1, struct.calcsize(SETUP_FORMAT))
LISTEN = _number(1, 0xd2, 8)
RUN = _number(0, 0xd3, 0)
ADOPT = _number(1, 0xd4, 8)
DRAIN = _number(0, 0xd5, 0)
SIZE = _number(2, 0xd6, 8)
STATUS = _number(3, 0xd7, 16 + 8 * (7 + 2 * 19))
RETIRE = _number(0, 0xd8, 0)
ROOM = _number(0, 0xd9, 0)
CALLS = [HELLO, SETUP, LISTEN, RUN, ADOPT, DRAIN, SIZE, STATUS, RETIRE, ROOM]

RECORDS = 1
MODULE_KERNEL, MODULE_VERIFIED = 1, 2  # flags of a module
DOT_FILES = 1  # of a host
OMIT_SERVER = 1
(NONE, REFUSED, METHOD, BODY, TARGET, MISSING, ABSENT, ANSWER, TIMEOUT, NO_RECORDS, MEMORY, DRAINING, PREFIX, ROUTE, BACKEND, AWAY, FAILED, UNLOADED,
 LATE) = range(19)


ROUTE_SIZE = 20
NAME_SIZE = 24


def route(text, prefix_len, suffix_len=0, handler=0, exact=0, link=0, depth=1, argument=0):
    """A struct tux_route of core/route.h. The routes of a table are in its order; link is 1 + number of the next one to try."""
    return struct.pack("=IIIHHHBB", text, link, argument, depth, prefix_len, suffix_len, handler, exact)


def file_type(extension, selects):
    """A struct tux_file_type of core/file_handler.h."""
    return struct.pack("=15sB", extension, selects)


def name_hash(name):
    """The hash of a name in lower case, as core/host.c has it."""
    value = 0
    for octet in reversed(name):
        value = (value + octet) * 2654435761 % (1 << 32)
    return value


def host_name(text, length, host, listeners=(1 << 64) - 1, value=0):
    """A struct tux_host_name of core/host.h."""
    return struct.pack("=QIIII", listeners, text, host, value, length)


def name_table(hosts):
    """The table of (name, host, listeners) and its text."""
    slots = [host_name(0, 0, 0, 0)] * (2 * len(hosts))
    text = b""
    for name, host, listeners in hosts:
        at = name_hash(name) * len(slots) >> 32
        while slots[at] != host_name(0, 0, 0, 0):
            at = (at + 1) % len(slots)
        slots[at] = host_name(len(text), len(name), host, listeners, name_hash(name))
        text += name
    return b"".join(slots), text


class Memory:
    """Memory that a message leads to; it stays as long as this."""

    def __init__(self):
        self.kept = []

    def at(self, data):
        self.kept.append(ctypes.create_string_buffer(data, len(data) or 1))
        return ctypes.addressof(self.kept[-1])

    def fields(self, lines=b"", omit=0, **wrong):
        types, text = wrong.get("types", b""), wrong.get("type_text", b"")
        errors, removed = wrong.get("error_lines", b""), wrong.get("removed", b"")
        return struct.pack(FIELDS_FORMAT, wrong.get("lines_at", self.at(lines)), wrong.get("error_lines_at", self.at(errors)),
                           wrong.get("len", len(lines)), wrong.get("error_len", len(errors)), omit, wrong.get("removed_len", len(removed)),
                           self.at(removed), wrong.get("types_at", self.at(types)), self.at(text), wrong.get("type_count", len(types) // 36),
                           wrong.get("type_text_len", len(text)), *wrong.get("every", (0, 0)), *wrong.get("fallback", (0, 0)))

    def host(self, root, **changes):
        """A struct tux_setup_host."""
        values = {"flags": 0, "allowed": 0o004, "forbidden": 0, "index": ["index.html"], "routes": b"", "text": b"", "fields": {},
                  "route_fields": [], "root_fd": root, "types": b"", "mode_cgi": 0, "mode_module": 0}
        values.update(changes)
        names, routes, text = values["index"], values["routes"], values["text"]
        index = values.get("index_text", b"".join(name.encode() + b"\0" for name in names))
        of_routes = b"".join(self.fields(**each) for each in values["route_fields"])
        return struct.pack(
            HOST_FORMAT, values["flags"], values["root_fd"], values["allowed"], values["forbidden"],
            values.get("index_count", len(names)), values.get("index_len", len(index)), values.get("route_count", len(routes) // ROUTE_SIZE),
            values.get("text_len", len(text)), values.get("index_at", self.at(index)), values.get("address", self.at(routes)), self.at(text), self.at(values["types"]),
            values.get("type_count", len(values["types"]) // 16), values["mode_cgi"], values["mode_module"],
            values.get("route_fields_at", self.at(of_routes) if of_routes else 0),
        ) + self.fields(**values["fields"])

    def module(self, name, values=(), **wrong):
        """A struct tux_setup_module."""
        text = wrong.get("text", b"".join(part.encode() + b"\0" for part in (name, *(text for pair in values for text in pair))))
        return struct.pack(MODULE_FORMAT, wrong.get("flags", MODULE_KERNEL), wrong.get("timeout_ms", 5000), wrong.get("value_count", len(values)),
                           wrong.get("text_len", len(text)), wrong.get("text_at", self.at(text)))

    def setup(self, hosts, **changes):
        """A struct tux_setup, of hosts that are packed already."""
        values = {"size": struct.calcsize(SETUP_FORMAT), "flags": 0, "event_fd": -1, "max_connections": 1000, "max_objects": 100,
                  "head_timeout_ms": 5000, "send_timeout_ms": 5000, "idle_timeout_ms": 5000, "port": 0, "names": b"",
                  "name_text": b"", "fallbacks": [0], "modules": []}
        values.update(changes)
        names, fallbacks = values["names"], values["fallbacks"]
        modules = [self.module(*each) if isinstance(each, tuple) else self.module(**each) for each in values["modules"]]
        return struct.pack(
            SETUP_FORMAT, values["size"], values["flags"], values["event_fd"], values["max_connections"], values["max_objects"],
            values["head_timeout_ms"], values["send_timeout_ms"], values["idle_timeout_ms"], values["port"],
            values.get("host_count", len(hosts)), values.get("name_count", len(names) // NAME_SIZE),
            values.get("name_text_len", len(values["name_text"])), values.get("listener_count", len(fallbacks)),
            values.get("module_count", len(modules)),
            values.get("hosts_at", self.at(b"".join(hosts))), values.get("names_at", self.at(names)), self.at(values["name_text"]),
            values.get("fallbacks_at", self.at(struct.pack(f"={len(fallbacks)}I", *fallbacks))),
            values.get("modules_at", self.at(b"".join(modules))), b"k" * 16)


HOST_CHANGES = ("host_flags", "allowed", "forbidden", "index", "index_count", "index_len", "index_text", "index_at", "routes", "text", "route_count", "text_len", "address",
                "fields", "route_fields", "route_fields_at", "root_fd", "types", "type_count", "mode_cgi", "mode_module")


class Instance:
    """An open /dev/tux. Threads that it is lent end with close()."""

    def __init__(self, blocking=False):
        self.fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | (0 if blocking else os.O_NONBLOCK))
        self.threads = []
        self.abandoned = False

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

    def setup(self, root, more=(), repeat=1, **changes):
        """Sets up a host of root, a path or a descriptor, and those of more: (root, changes). The changes are of the first, or of all. The
        hosts are repeated with the same addresses."""
        memory = Memory()
        first = {name: changes.pop(name) for name in HOST_CHANGES if name in changes}
        if "host_flags" in first:
            first["flags"] = first.pop("host_flags")
        fds = []
        try:
            hosts = []
            for place, said in [(root, first), *more]:
                if not isinstance(place, int):
                    fds.append(os.open(place, os.O_PATH | os.O_DIRECTORY))
                hosts.append(memory.host(place if isinstance(place, int) else fds[-1], **said))
            fcntl.ioctl(self.fd, SETUP, bytearray(memory.setup(hosts * repeat, **changes)))
        finally:
            for fd in fds:
                os.close(fd)

    def number(self, call, value, listener=0):
        fcntl.ioctl(self.fd, call, struct.pack("=iI", value, listener))

    def listen(self, sock, listener=0):
        self.number(LISTEN, sock.fileno(), listener)

    def adopt(self, sock, listener=0):
        """The descriptor is consumed: sock has none afterwards. After a failure it is still there."""
        self.number(ADOPT, sock.fileno(), listener)
        sock.detach()

    def size(self):
        return struct.unpack("=Q", fcntl.ioctl(self.fd, SIZE, b"\0" * 8))[0]

    def requests(self):
        """How many this process's instances have responded to; one of them is set up."""
        for index in range(100):
            status = bytearray(struct.pack("=I", index).ljust(STATUS >> 16 & 0x3fff, b"\0"))
            fcntl.ioctl(self.fd, STATUS, status)
            if struct.unpack_from("=I", status, 4)[0] == os.getpid():
                return struct.unpack_from("=Q", status, 16)[0]
        raise LookupError

    def drain(self):
        fcntl.ioctl(self.fd, DRAIN)

    def _run(self):
        while not self.abandoned:
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
        return [(fd, reason) for fd, reason, _ in self.take_all()]

    def take_all(self):
        """The same, with the listener's number."""
        data = os.read(self.fd, HANDED_UP_ROOM)
        taken, at = [], 0
        while at < len(data):
            *one, target_len, fields_len = struct.unpack_from(HANDED_UP_FORMAT, data, at)
            taken.append(tuple(one))
            at += HANDED_UP_SIZE + target_len + fields_len + 3 & ~3
        return taken

    def abandon(self):
        """Closes without a drain, after a signal has ended the threads that were lent. Of the main thread."""
        self.abandoned = True
        signal.signal(signal.SIGUSR1, lambda *_: None)
        for thread in self.threads:
            while thread.is_alive():
                signal.pthread_kill(thread.ident, signal.SIGUSR1)
                thread.join(0.01)
        os.close(self.fd)
        self.fd = -1

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
