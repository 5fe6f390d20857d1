# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/host: it measures, and makes the page of what it measured."""
import json
import os
import subprocess

import pytest

from suite import uring_permitted

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BENCH = os.path.join(TOP, "bench/host")
SERVERS = ["tux-epoll", "floor-uring", "floor-epoll"]
ROWS = ["128", "open"]


def bench_run(request, place, *words):
    """Runs the bench, and returns its results. A failure of it says what the bench said."""
    results = os.path.join(place, "results.json")
    ended = subprocess.run([os.path.join(BENCH, "run"), *words, "--folder", place, "--json", results, "--tux", os.path.abspath(request.config.getoption("tux"))],
                           check=False, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 0, ended.stderr
    with open(results, encoding="utf-8") as file:
        return json.load(file)


def test_bench_measures_tux_beside_the_floor(request, place):
    if not uring_permitted() or os.cpu_count() < 2:
        pytest.skip("the bench's client needs io_uring and a second CPU")
    result = bench_run(request, place, "--rounds", "1", "--seconds", "0.1", "--rows", ",".join(ROWS), "--servers", ",".join(SERVERS))
    assert result["failures"] == []
    for row in ROWS:
        assert set(result["summary"][row]) == set(SERVERS)
        assert all(entry["requests_s"] > 0 and entry["server_us"] > 0 for entry in result["summary"][row].values())
        assert result["summary"][row]["tux-epoll"]["server_us_by_floor"] > 0
    subprocess.run([os.path.join(BENCH, "report"), os.path.join(place, "results.json"), os.path.join(place, "docs")],
                   check=True, timeout=60, stdout=subprocess.DEVNULL)
    with open(os.path.join(place, "docs/performance.md"), encoding="utf-8") as file:
        assert "| TUX over epoll | floor |" in file.read()


def test_bench_measures_tls(request, place):
    """Each request has a handshake of the row's kind, or the client counts an error."""
    if os.cpu_count() < 2:
        pytest.skip("server and client need a CPU each")
    result = bench_run(request, place, "--tls", "--rounds", "1", "--seconds", "0.3", "--rows", "full,resumed,16k", "--servers", "tux-epoll")
    assert result["failures"] == []
    assert all(result["summary"][row]["tux-epoll"]["requests_s"] > 0 for row in ("full", "resumed", "16k"))
