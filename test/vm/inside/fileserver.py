# SPDX-License-Identifier: GPL-2.0-or-later
"""
fileserver.py KIND FOLDER: a file system whose files nobody on this side of it changes: FUSE, or 9P2000.L over a socket. Mounts
itself on FOLDER and says "mounted"; on each line of its input a.txt becomes another; at the end of its input it unmounts.
"""
import ctypes
import errno
import os
import socket
import stat
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
FILES = {"a.txt": b"hello\n", "big": bytes(range(256)) * 1200, "sub/b.txt": b"below\n"}
FOLDERS = {"": ["a.txt", "big", "sub"], "sub": ["b.txt"]}
NAMES = sorted(FOLDERS) + sorted(FILES)  # a node's number is its place here and 1, the root's number 1
changed_s = [int(time.time()) - 1000]


def mount(kind, folder, options):
    if libc.mount(kind.encode(), folder.encode(), kind.encode(), 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount of {kind}")


def is_folder(name):
    return name in FOLDERS


def mode(name):
    return stat.S_IFDIR | 0o755 if is_folder(name) else stat.S_IFREG | 0o644


def size(name):
    return 0 if is_folder(name) else len(FILES[name])


def below(name, child):
    """The name of a folder's child, None if there is none."""
    path = f"{name}/{child}" if name else child
    return path if path in FILES or path in FOLDERS else None


def number(name):
    return NAMES.index(name) + 1


class Fuse:
    """The messages of linux/fuse.h that reading needs; nothing is cached on the other side."""

    def __init__(self, folder):
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        mount("fuse", folder, f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other")

    def serve(self):
        while True:
            try:
                message = os.read(self.fd, 1 << 17)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                continue
            _, opcode, unique, node = struct.unpack_from("=IIQQ", message)
            answer = self.answer(opcode, NAMES[node - 1] if 1 <= node <= len(NAMES) else "", message[40:])
            if answer is None:
                continue
            error, data = (answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.fd, struct.pack("=IiQ", 16 + len(data), -error, unique) + data)

    def attributes(self, name):
        return struct.pack("=QQQQQQIIIIIIIIII", number(name), size(name), (size(name) + 511) // 512, changed_s[0], changed_s[0], changed_s[0],
                           0, 0, 0, mode(name), 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, name, data):
        if opcode == 26:  # INIT
            return struct.pack("=IIIIHHIIHHI", 7, 31, 1 << 16, 0, 16, 12, 1 << 16, 1, 32, 0, 0) + b"\0" * 24
        if opcode in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET
            return None
        if opcode == 1:  # LOOKUP
            child = below(name, data.rstrip(b"\0").decode())
            return errno.ENOENT if child is None else struct.pack("=QQQQII", number(child), 0, 0, 0, 0, 0) + self.attributes(child)
        if opcode == 3:  # GETATTR
            return struct.pack("=QII", 0, 0, 0) + self.attributes(name)
        if opcode in (14, 27):  # OPEN, OPENDIR
            return struct.pack("=QII", 0, 0, 0)
        if opcode == 15:  # READ
            _, offset, length = struct.unpack_from("=QQI", data)
            return FILES[name][offset:offset + length]
        if opcode in (18, 25, 29):  # RELEASE, FLUSH, RELEASEDIR
            return b""
        return errno.ENOSYS


class Plan9:
    """9P2000.L as its reader needs it."""

    def __init__(self, folder):
        ours, theirs = socket.socketpair()
        self.sock = ours
        self.fids = {}
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        mount("9p", folder, f"trans=fd,rfdno={theirs.fileno()},wfdno={theirs.fileno()},version=9p2000.L,cache=none,msize=65536")
        theirs.close()

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.sock.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self):
        try:
            while True:
                length, kind, tag = struct.unpack("<IBH", self.receive(7))
                answer = self.answer(kind, self.receive(length - 7))
                if isinstance(answer, int):
                    kind, answer = 6, struct.pack("<I", answer)
                self.sock.sendall(struct.pack("<IBH", 7 + len(answer), kind + 1, tag) + answer)
        except (EOFError, OSError):
            pass

    def qid(self, name):
        return struct.pack("<BIQ", 0x80 if is_folder(name) else 0, changed_s[0], number(name))

    def answer(self, kind, data):
        fid = struct.unpack_from("<I", data)[0] if len(data) >= 4 else 0
        name = self.fids.get(fid, "")
        if kind == 100:  # version
            return data[:4] + struct.pack("<H", 8) + b"9P2000.L"
        if kind == 104:  # attach
            self.fids[fid] = ""
            return self.qid("")
        if kind == 110:  # walk
            return self.walk(data)
        if kind == 24:  # getattr
            times = struct.pack("<QQ", changed_s[0], 0) * 4
            return (struct.pack("<Q", 0x7ff) + self.qid(name) + struct.pack("<IIIQQQQQ", mode(name), 0, 0, 1, 0, size(name), 4096,
                                                                         (size(name) + 511) // 512) + times + struct.pack("<QQ", 0, 0))
        if kind == 12:  # lopen
            return self.qid(name) + struct.pack("<I", 0)
        if kind == 116:  # read
            _, offset, count = struct.unpack_from("<IQI", data)
            part = FILES[name][offset:offset + count]
            return struct.pack("<I", len(part)) + part
        if kind == 120:  # clunk
            self.fids.pop(fid, None)
            return b""
        if kind == 8:  # statfs
            return struct.pack("<IIQQQQQQI", 0x01021997, 4096, 0, 0, 0, 0, 0, 0, 255)
        return errno.EOPNOTSUPP

    def walk(self, data):
        fid, new, count = struct.unpack_from("<IIH", data)
        at, name, qids = 10, self.fids[fid], []
        for _ in range(count):
            length = struct.unpack_from("<H", data, at)[0]
            child = below(name, data[at + 2:at + 2 + length].decode())
            at += 2 + length
            if child is None:
                break
            name = child
            qids.append(self.qid(name))
        if len(qids) == count:
            self.fids[new] = name
        elif not qids:
            return errno.ENOENT
        return struct.pack("<H", len(qids)) + b"".join(qids)


def main():
    server = {"fuse": Fuse, "9p": Plan9}[sys.argv[1]](sys.argv[2])
    if isinstance(server, Fuse):
        threading.Thread(target=server.serve, daemon=True).start()
    print("mounted", flush=True)
    for _ in sys.stdin:
        FILES["a.txt"] = FILES["a.txt"] + b"and more\n"
        changed_s[0] += 1
        print("changed", flush=True)
    os._exit(0 if libc.umount2(sys.argv[2].encode(), 2) == 0 else 1)


main()
