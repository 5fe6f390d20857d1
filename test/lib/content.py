# SPDX-License-Identifier: GPL-2.0-or-later
"""The files in the document root of the suite."""
import gzip
import os
import socket

PAGE = b"<!doctype html>\n<title>index</title>\n<p>the root's index\n"
SUB_PAGE = b"<!doctype html>\n<title>sub</title>\n<p>sub's index\n"
TEXT = b"The quick brown fox jumps over the lazy dog.\n"
BYTES = bytes(i * 7 % 251 for i in range(1000))
BIG = bytes(range(256)) * 12288  # 3 MiB: too large for the memory cache
OLD = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 5.6.7
HUGE_SIZE = 5 << 30
HUGE_MARK = b"behind four GiB"
HUGE_MARK_AT = (4 << 30) + 12345
SPARSE_SIZE = 16 << 20  # more than the buffers of two sockets hold: Linux's limits are 4 and 6 MB
PLAIN = b"plain text, as it is\n" * 30
CODED = {"br": (".br", b"(these octets stand for brotli)" * 3), "zstd": (".zst", b"(these octets stand for zstd)" * 4),
         "gzip": (".gz", gzip.compress(PLAIN, mtime=0))}
FUNNY = ["with space.txt", "per%cent.txt", "quest?ion.txt", "ha#sh.txt", "pl+us.txt", "semi;colon.txt", "am&p.txt",
         "quo\"te.txt", "ap'os.txt", "<b>.txt", "gr\u00fc\u00dfe.txt", "colon:.txt", "back\\slash.txt"]


def write(root, name, data, mtime=None, mode=0o644):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def sparse(root, name, size, marks=()):
    path = write(root, name, b"")
    with open(path, "r+b") as file:
        file.truncate(size)
        for offset, data in marks:
            file.seek(offset)
            file.write(data)
    return path


def coded(root, name, codings=("br", "zstd", "gzip"), older=()):
    """Writes a file with precompressed siblings: newer than the file, or older for those in older."""
    write(root, name, PLAIN, OLD + 1000)
    for coding in codings:
        suffix, data = CODED[coding]
        write(root, name + suffix, data, OLD if coding in older else OLD + 2000)


def link(root, target, name):
    path = os.path.join(root, name)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def populate(root, outside):
    """Fills root. outside is a directory beside it, whose files must never be served."""
    old_mask = os.umask(0o022)
    try:
        write(root, "index.html", PAGE, OLD)
        write(root, "text.txt", TEXT, OLD)
        write(root, "bytes.bin", BYTES, OLD)
        write(root, "empty.txt", b"", OLD)
        write(root, "big.bin", BIG, OLD)
        write(root, "sub/index.html", SUB_PAGE, OLD)
        write(root, "sub/text.txt", TEXT, OLD)
        write(root, "noindex/text.txt", TEXT, OLD)
        write(root, "dir with space/index.html", SUB_PAGE, OLD)
        write(root, ".hidden", b"secret\n")
        write(root, ".dir/text.txt", b"secret\n")
        write(root, "private.txt", b"secret\n", mode=0o600)
        write(root, "group.txt", b"secret\n", mode=0o640)
        write(root, "sub/deep/deeper/text.txt", TEXT, OLD)
        for name in FUNNY:
            write(root, "funny/" + name, name.encode(), OLD)
        for name in ("a.html", "a.css", "a.js", "a.png", "a.svg", "a.json", "a.webp", "a.mp4", "a.wasm", "a.woff2",
                     "a.unknown-suffix", "noext"):
            write(root, "types/" + name, b"x", OLD)
        coded(root, "coded.txt")
        coded(root, "gz-only.txt", ("gzip",))
        coded(root, "stale.txt", ("br", "gzip"), older=("br", "gzip"))
        sparse(root, "huge.bin", HUGE_SIZE, [(0, b"start"), (HUGE_MARK_AT, HUGE_MARK), (HUGE_SIZE - 3, b"end")])
        sparse(root, "sparse.bin", SPARSE_SIZE, [(SPARSE_SIZE - 3, b"end")])
        write(outside, "secret.txt", b"secret\n")
        os.chmod(outside, 0o755)
        link(root, "text.txt", "link-inside")
        link(root, "sub", "link-dir")
        link(root, os.path.join(outside, "secret.txt"), "link-outside")
        link(root, os.path.relpath(os.path.join(outside, "secret.txt"), root), "link-outside-relative")
        link(root, outside, "link-outside-dir")
        link(root, "link-loop", "link-loop")
        link(root, "nowhere", "link-broken")
        if not os.path.exists(os.path.join(root, "fifo")):
            os.mkfifo(os.path.join(root, "fifo"), 0o644)
        if not os.path.exists(os.path.join(root, "socket")):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                here = os.getcwd()
                os.chdir(root)  # the path of a socket is short
                try:
                    sock.bind("socket")
                finally:
                    os.chdir(here)
            os.chmod(os.path.join(root, "socket"), 0o666)
    finally:
        os.umask(old_mask)
