# SPDX-License-Identifier: GPL-2.0-or-later
"""The access log: its formats, its rotation, and that nothing is lost."""
import email.utils
import json
import os
import pwd
import time

import pytest

import client


@pytest.fixture
def root(place):
    root = os.path.join(place, "root")
    os.mkdir(root)
    with open(os.path.join(root, "file"), "wb") as file:
        file.write(b"data")
    return root


@pytest.fixture
def logs(place):
    """A directory that the program may write to, whoever it becomes."""
    logs = os.path.join(place, "logs")
    os.mkdir(logs, 0o755)
    if os.geteuid() == 0:
        os.chown(logs, pwd.getpwnam("www-data").pw_uid, -1)
    return logs


def records(path):
    """The lines of a log in JSON."""
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def test_quiet_server(tux, root, logs):
    """What comes to a server that was idle for longer than its timeouts is served, with true times."""
    log = os.path.join(logs, "log")
    server = tux(root, "--idle-timeout", "0.2", "--head-timeout", "0.2", "--log-format", "json", log=log)
    for _ in range(3):
        time.sleep(1.3)
        with server.connect() as conn:
            response = conn.get("/file?timed")
        assert response.status == 200
        date = email.utils.parsedate_to_datetime(response.field("Date")).timestamp()
        assert abs(date - time.time()) < 1.2
    server.end()
    timed = [record for record in records(log) if record["target"] == "/file?timed"]
    assert len(timed) == 3
    assert all(record["duration_us"] < 500000 for record in timed), timed
