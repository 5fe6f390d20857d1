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


def test_bench_measures_tux_beside_the_floor(request, place):
    if not uring_permitted() or os.cpu_count() < 2:
        pytest.skip("the bench's client needs io_uring and a second CPU")
    results = os.path.join(place, "results.json")
    subprocess.run([os.path.join(BENCH, "run"), "--rounds", "1", "--seconds", "0.1", "--rows", ",".join(ROWS), "--servers", ",".join(SERVERS),
                    "--folder", place, "--json", results, "--tux", os.path.abspath(request.config.getoption("tux"))],
                   check=True, timeout=120, stdout=subprocess.DEVNULL)
    with open(results, encoding="utf-8") as file:
        result = json.load(file)
    assert result["failures"] == []
    for row in ROWS:
        assert set(result["summary"][row]) == set(SERVERS)
        assert all(entry["requests_s"] > 0 and entry["server_us"] > 0 for entry in result["summary"][row].values())
        assert result["summary"][row]["tux-epoll"]["server_us_by_floor"] > 0
    subprocess.run([os.path.join(BENCH, "report"), results, os.path.join(place, "docs")], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with open(os.path.join(place, "docs/performance.md"), encoding="utf-8") as file:
        assert "| TUX over epoll | floor |" in file.read()
