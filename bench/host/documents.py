# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents that the servers send: made before the first round, for the rows that are measured, and kept for the next run."""
import errno
import fcntl
import gzip
import json
import os
import random
import shutil

from rows import HELLO, LISTED, PAGE, TEXT
from servers import compiled

KIB, MIB = 1024, 1024 * 1024
PIECES = 8191
ALWAYS = (("/128.bin", 128), ("/1k.bin", KIB), ("/1m.bin", MIB))
WORDS = "the file server sends of a page what its client asks for and no more than that in as few system calls as it can".split()


def root_create(folder, scripts, rows):
    """
    The document root, readable by whichever user a server turns into. It stays for the next run, as some file systems take minutes to
    remove 100,000 files; a set of documents that is there already is not made again.
    """
    root = os.path.join(folder, "root")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sets = {"always": (ALWAYS, lambda: [file_create(root + path, os.urandom(length)) for path, length in ALWAYS])}
        for row in rows:
            if row.kind == "page":
                sets["page"] = (PAGE, lambda: page_create(root + "/page"))
            elif row.kind == "listing":
                sets["listing"] = (LISTED, lambda: listed_create(root + "/listing"))
            elif row.kind not in ("cgi", "upstream", "hello", "stream") and not row.paths[0].startswith("/by-name/") and row.paths[0] not in (path for path, _ in ALWAYS):
                sets[row.paths[0]] = ([len(row.paths), row.length], lambda row=row: random_files_create(root, row))
        sets_make(os.path.join(folder, "made"), sets)
        for name in ("/app", "/by-name", "/stream"):
            if not os.path.islink(root + name):
                os.symlink(".", root + name)
        scripts_create(scripts, root)
    return root


def sets_make(known, sets):
    """Makes the sets of documents that the file `known` does not describe as they shall be, and writes all to the disk."""
    made = {}
    if os.path.exists(known):
        with open(known) as f:
            made = json.load(f)
    wanted = {name: json.loads(json.dumps(description)) for name, (description, _) in sets.items()}
    missing = [name for name in sets if made.get(name) != wanted[name]]
    if not missing:
        return
    for name in missing:
        sets[name][1]()
        made[name] = wanted[name]
    os.sync()
    with open(known + ".new", "w") as out:
        json.dump(made, out)
    os.rename(known + ".new", known)


def file_create(name, content):
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    while content:
        content = content[os.write(file, content):]
    os.close(file)


def random_files_create(root, row):
    """Random bytes; those of many small files are pieces of one block, which is quicker."""
    block = memoryview(os.urandom(row.length + PIECES))
    for path in row.paths:
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
    for number, path in enumerate(row.paths):
        file_create(root + path, block[number % PIECES:][:row.length])


def page_create(folder):
    """
    Texts compress as texts do. The .br has the length of the .gz, so that servers that know only one of them send as many bytes:
    no row compares the two codes, and no client of the bench decodes them.
    """
    os.makedirs(folder, exist_ok=True)
    words = random.Random(4)
    for name, kib in PAGE:
        path = os.path.join(folder, name)
        if not name.endswith(TEXT):
            file_create(path, os.urandom(kib * KIB))
            continue
        text = " ".join(words.choice(WORDS) for _ in range(kib * KIB // 2)).encode()[:kib * KIB]
        packed = gzip.compress(text, 9, mtime=0)
        file_create(path, text)
        file_create(path + ".gz", packed)
        file_create(path + ".br", packed)


def page_lengths(root, path):
    """The lengths that a response may have: of the file, and of its compressed sibling."""
    names = [root + path] + ([root + path + ".gz"] if path.endswith(TEXT) else [])
    return [os.path.getsize(name) for name in names]


def mean_length(root, row):
    """The length that a floor's constant response has: of a page, what a client gets on average."""
    if row.length:
        return row.length
    return sum(min(page_lengths(root, path)) for path in row.paths) // len(row.paths)


def listed_create(folder):
    os.makedirs(folder, exist_ok=True)
    for i in range(LISTED):
        os.close(os.open("%s/entry-%05d.txt" % (folder, i), os.O_WRONLY | os.O_CREAT, 0o644))


def scripts_create(scripts, root):
    """CGI programs beside the root, and in it, to be compared with, what they write."""
    os.makedirs(scripts)
    os.makedirs(os.path.join(root, "cgi-bin"), exist_ok=True)
    shutil.copy(compiled("hello"), os.path.join(scripts, "hello"))
    with open(os.path.join(scripts, "hello.sh"), "w") as out:
        out.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: %d\\n\\n%s\\n'\n" % (len(HELLO), HELLO.decode().strip()))
    for name in ("hello", "hello.sh"):
        os.chmod(os.path.join(scripts, name), 0o755)
        file_create(os.path.join(root, "cgi-bin", name), HELLO)
    file_create(os.path.join(root, "hello"), HELLO)


# ---- the page cache ----

def pages_drop(root, paths):
    """Drops the pages of files, and of no other file of this machine. Returns false if some stay, as on tmpfs."""
    for path in paths:
        file = os.open(root + path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
    return not any(cached(root + path) for path in paths[::max(1, len(paths) // 16)])


def cached(name):
    """True if the file's first page is in memory."""
    file = os.open(name, os.O_RDONLY)
    try:
        return os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT) > 0
    except OSError as error:
        return error.errno != errno.EAGAIN
    finally:
        os.close(file)


def names_warm(folder):
    """Reads a directory and its files' inodes, so that the first server does not read them for the others."""
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat()
