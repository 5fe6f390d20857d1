# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems whose files change without this machine's doing: the kernel engine leaves them to the program."""
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

from conftest import Tux, ask

BIG = bytes(range(256)) * 1200


@pytest.mark.parametrize("kind", ["fuse", "9p"])
def test_files_that_change_elsewhere(tmp_path, kind):
    """FUSE and 9p: handed up, and the answer is right."""
    if f"\t{kind}\n" not in pathlib.Path("/proc/filesystems").read_text():
        pytest.skip(f"this kernel has no {kind}")
    for above in (tmp_path, *tmp_path.parents)[:-1]:
        above.chmod(0o755)
    server = subprocess.Popen([sys.executable, f"{os.path.dirname(__file__)}/fileserver.py", kind, str(tmp_path)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert server.stdout.readline() == "mounted\n"
        tux = Tux(tmp_path)
        expected = b"hello\n"
        with tux.connect() as sock:
            for _ in range(4):
                for _ in range(3):
                    assert ask(sock, "/a.txt") == (200, expected)
                    time.sleep(0.02)
                assert ask(sock, "/big") == (200, BIG)
                assert ask(sock, "/big", "Range: bytes=100000-199999") == (206, BIG[100000:200000])
                assert ask(sock, "/sub/b.txt") == (200, b"below\n")
                assert ask(sock, "/missing")[0] == 404
                server.stdin.write("\n")
                assert server.stdout.readline() == "changed\n"
                expected += b"and more\n"
                assert ask(sock, "/a.txt") == (200, expected)
        found = subprocess.run(["/usr/bin/tux", "status"], capture_output=True, text=True, check=True).stdout
        ours = found[found.index("tux.ko for process"):]
        assert "other file" in ours and not re.search(r"^\s*requests\s+[1-9]", ours, re.MULTILINE), found
        tux.stop()
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
