# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges (RFC 9110 14) and If-Range (13.1.5)."""
import re

import pytest

import content

SIZE = len(content.BYTES)


def parts_of(response):
    """Returns the parts of multipart/byteranges: [(first, last, size, type, data)]."""
    match = re.match(r"multipart/byteranges; *boundary=\"?([^\";]+)\"?\Z", response.field("Content-Type"))
    assert match, response
    assert response.field("Content-Range") is None, "RFC 9110 15.3.7.2: no Content-Range beside the parts'"
    boundary = b"--" + match.group(1).encode()
    pieces = (b"\r\n" + response.body).split(b"\r\n" + boundary)
    assert pieces[0] in (b"", b"\r\n") and pieces[-1] in (b"--", b"--\r\n")
    parts = []
    for piece in pieces[1:-1]:
        head, data = piece.split(b"\r\n\r\n", 1)
        fields = dict(line.split(b":", 1) for line in head.split(b"\r\n") if line)
        fields = {name.lower(): value.strip() for name, value in fields.items()}
        span = re.match(rb"bytes (\d+)-(\d+)/(\d+)\Z", fields[b"content-range"])
        first, last, size = (int(number) for number in span.groups())
        assert len(data) == last - first + 1
        parts.append((first, last, size, fields.get(b"content-type"), data))
    return parts


@pytest.mark.parametrize("value, first, last", [
    ("0-0", 0, 0), ("0-499", 0, 499), ("500-999", 500, 999), ("0-", 0, 999), ("999-", 999, 999), ("-1", 999, 999),
    ("-500", 500, 999), ("-1000", 0, 999), ("-5000", 0, 999), ("990-2000", 990, 999), ("0-99999999999999999", 0, 999),
    ("0-18446744073709551615", 0, 999), ("0-99999999999999999999999", 0, 999), ("-99999999999999999999999", 0, 999),
    (" 1-2", 1, 2), ("1-2 ", 1, 2), ("1-2,", 1, 2), (",1-2", 1, 2), ("1-2,5000-", 1, 2), ("5000-,1-2", 1, 2),
    ("000001-0002", 1, 2)])
def test_one_range(conn, value, first, last):
    """RFC 9110 14.1.2, 15.3.7.1: one range is 206 with Content-Range."""
    response = conn.get("/bytes.bin", "Range: bytes=" + value)
    assert response.status == 206
    assert response.field("Content-Range") == "bytes %d-%d/%d" % (first, last, SIZE)
    assert response.body == content.BYTES[first:last + 1]


def test_range_has_the_fields_of_200(conn):
    """RFC 9110 15.3.7: 206 has the Date, ETag, Last-Modified and Content-Type of 200."""
    whole = conn.get("/bytes.bin")
    part = conn.get("/bytes.bin", "Range: bytes=1-2")
    for name in ("ETag", "Last-Modified", "Content-Type", "Vary"):
        assert part.field(name) == whole.field(name), name


def test_accept_ranges(conn):
    """RFC 9110 14.3: Accept-Ranges announces ranges."""
    assert conn.get("/bytes.bin").field("Accept-Ranges") == "bytes"


def test_range_unit_case(conn):
    """RFC 9110 14.1: unit names are case-insensitive."""
    assert conn.get("/bytes.bin", "Range: BYTES=1-2").status == 206


@pytest.mark.parametrize("value", ["items=0-1", "bytes=", "bytes", "bytes=a-b", "bytes=5-2", "bytes=1", "bytes=--1",
                                   "bytes=1-2-3", "bytes=-", "bytes=0x1-2", "bytes=1-2;3-4", "bytes=1-2,x",
                                   "bytes:1-2", "=1-2", "bytes=1.0-2", "bytes=+1-2"])
def test_invalid_range_is_ignored(conn, value):
    """RFC 9110 14.2: another unit or an invalid range set is ignored."""
    response = conn.get("/bytes.bin", "Range: " + value)
    assert response.status == 200 and response.body == content.BYTES


@pytest.mark.parametrize("value", ["1000-", "1000-2000", "99999999999999999999999-", "-0", "1000-,2000-", "1001-1001"])
def test_unsatisfiable_range(conn, value):
    """RFC 9110 15.5.17: all ranges are beyond the end: 416 with the size."""
    response = conn.get("/bytes.bin", "Range: bytes=" + value)
    assert response.status == 416
    assert response.field("Content-Range") == "bytes */1000"
    assert conn.get("/bytes.bin").body == content.BYTES


@pytest.mark.parametrize("value", ["0-", "0-99", "-5", "0-0,-1", "5-"])
def test_range_of_empty_file_is_ignored(conn, value):
    """RFC 9110 14.1.2, 14.2: "-5" is satisfiable, and a server may ignore Range: clients ask for "0-" before they know the size."""
    response = conn.get("/empty.txt", "Range: bytes=" + value)
    assert response.status == 200 and response.body == b""
    assert response.field("Content-Range") is None and response.field("Content-Length") == "0"


@pytest.mark.parametrize("value, wanted", [
    ("0-1,4-5", [(0, 1), (4, 5)]), ("0-0,-1", [(0, 0), (999, 999)]), ("500-600,100-200", [(500, 600), (100, 200)]),
    ("0-9, 20-29 ,\t40-49", [(0, 9), (20, 29), (40, 49)]), ("1-2,,5-6", [(1, 2), (5, 6)]),
    ("1-2,5000-,7-8", [(1, 2), (7, 8)])])
def test_multipart(conn, value, wanted):
    """RFC 9110 14.6, 15.3.7.2: several ranges are parts, each with its Content-Range, of the file's type."""
    whole = conn.get("/bytes.bin")
    response = conn.get("/bytes.bin", "Range: bytes=" + value)
    assert response.status == 206
    parts = parts_of(response)
    assert [(first, last) for first, last, _, _, _ in parts] == wanted
    for first, last, size, kind, data in parts:
        assert size == SIZE and data == content.BYTES[first:last + 1]
        assert kind is None or kind.decode() == whole.field("Content-Type")
    assert conn.get("/text.txt").body == content.TEXT


def test_multipart_of_large_file(conn):
    """RFC 9110 15.3.7.2: parts of a file too large for the memory cache."""
    response = conn.get("/big.bin", "Range: bytes=5-1000000,2000000-2500000,-7")
    assert response.status == 206
    parts = parts_of(response)
    assert len(parts) == 3
    for first, last, size, _, data in parts:
        assert size == len(content.BIG) and data == content.BIG[first:last + 1]


@pytest.mark.parametrize("value", [
    ",".join("%d-%d" % (i * 2, i * 2) for i in range(100)), ",".join(["0-"] * 50), ",".join(["0-999"] * 10),
    ",".join("%d-" % i for i in range(12)), "0-500,100-600,200-700,300-800,400-900"],
    ids=["many-small", "whole-50", "whole-10", "tails", "overlapping"])
def test_costly_sets_are_limited(conn, value):
    """RFC 9110 14.2, 17.15: many small or overlapping ranges are ignored, coalesced or refused: never more than 200."""
    response = conn.get("/bytes.bin", "Range: bytes=" + value)
    assert response.status in (200, 206, 416)
    assert len(response.body) <= 2 * SIZE


def test_two_range_fields(conn):
    """RFC 9110 5.3: Range is not a list field. Two of them are ignored or one set, never something else."""
    response = conn.get("/bytes.bin", "Range: bytes=0-1", "Range: bytes=5-6")
    assert response.status in (200, 206, 400)


def test_head_ignores_range(conn):
    """RFC 9110 14.2: Range is defined only for GET."""
    response = conn.get("/bytes.bin", "Range: bytes=0-1", method="HEAD")
    assert response.status == 200 and response.field("Content-Length") == str(SIZE)


def test_beyond_4_gib(conn):
    """RFC 9110 14: offsets beyond 32 bits."""
    first = content.HUGE_MARK_AT
    response = conn.get("/huge.bin", "Range: bytes=%d-%d" % (first, first + len(content.HUGE_MARK) - 1))
    assert response.body == content.HUGE_MARK
    assert response.field("Content-Range") == "bytes %d-%d/%d" % (first, first + len(content.HUGE_MARK) - 1,
                                                                content.HUGE_SIZE)
    assert conn.get("/huge.bin", "Range: bytes=-3").body == b"end"
    assert conn.get("/huge.bin", "Range: bytes=%d-" % content.HUGE_SIZE).status == 416
    assert conn.get("/huge.bin", method="HEAD").field("Content-Length") == str(content.HUGE_SIZE)
    assert len(parts_of(conn.get("/huge.bin", "Range: bytes=0-4,%d-%d" % (first, first + 2)))) == 2


def test_if_range_tag(conn):
    """RFC 9110 13.1.5: the range is sent if the strong tag matches, else the whole file."""
    tag = conn.get("/bytes.bin").field("ETag")
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: " + tag).status == 206
    assert conn.get("/bytes.bin", "Range: bytes=1-2", 'If-Range: "other"').body == content.BYTES
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: W/" + tag).status == 200


def test_if_range_date(conn):
    """RFC 9110 13.1.5: like test_if_range_tag, but for a date that equals Last-Modified."""
    date = conn.get("/bytes.bin").field("Last-Modified")
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: " + date).status == 206
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: Sun, 06 Nov 1994 08:49:36 GMT").status == 200
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: Sun, 06 Nov 1994 08:49:38 GMT").status == 200
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Range: nonsense").status == 200


def test_if_range_without_range(conn):
    """RFC 9110 13.1.5: If-Range without Range is ignored."""
    assert conn.get("/bytes.bin", 'If-Range: "other"').status == 200


def test_if_range_before_416(conn):
    """RFC 9110 13.1.5: a Range that does not apply cannot be unsatisfiable."""
    assert conn.get("/bytes.bin", "Range: bytes=5000-", 'If-Range: "other"').status == 200


def test_range_after_conditions(conn):
    """RFC 9110 13.2.2: conditions are evaluated before Range."""
    tag = conn.get("/bytes.bin").field("ETag")
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-None-Match: " + tag).status == 304
    assert conn.get("/bytes.bin", "Range: bytes=1-2", 'If-Match: "other"').status == 412
    assert conn.get("/bytes.bin", "Range: bytes=1-2", "If-Match: " + tag).status == 206
    assert conn.get("/bytes.bin", "Range: bytes=5000-", "If-None-Match: " + tag).status == 304


def test_range_of_missing(conn):
    """RFC 9110 14.2: Range applies only to responses that would be 200."""
    assert conn.get("/missing", "Range: bytes=0-1").status == 404
    assert conn.get("/sub", "Range: bytes=0-1").status == 301
