# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditional requests (RFC 9110 13) and validators (8.8)."""
import email.utils
import os

import pytest

import content
from client import STRONG_TAG

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"


@pytest.fixture
def tag(conn):
    return conn.get("/text.txt").field("ETag")


def test_validators(conn):
    """RFC 9110 8.8.2, 8.8.3: Last-Modified is the file's mtime, and the tag is strong."""
    response = conn.get("/text.txt")
    assert response.field("Last-Modified") == DATE
    assert STRONG_TAG.match(response.field("ETag"))


def test_tags_differ(conn):
    """RFC 9110 8.8.3: other content, another tag; the same content, the same tag."""
    assert conn.get("/text.txt").field("ETag") != conn.get("/bytes.bin").field("ETag")
    assert conn.get("/text.txt").field("ETag") == conn.get("/text.txt").field("ETag")


def test_tag_does_not_leak_the_inode(server, conn):
    """The inode number does not appear in the tag."""
    tag = conn.get("/text.txt").field("ETag").strip('"')
    inode = os.stat(server.path("text.txt")).st_ino
    assert str(inode) != tag and "%x" % inode not in tag.lower().split("-")


@pytest.mark.parametrize("value, status", [
    ("%s", 304), ("W/%s", 304), ("*", 304), ('"x", %s', 304), ('"x",,%s , W/"y"', 304), ('W/"x", W/%s', 304),
    ('"x"', 200), ('W/"x"', 200), ('"x", "y"', 200), ('"a,b", "c"', 200), ('""', 200)])
def test_if_none_match(conn, tag, value, status):
    """RFC 9110 13.1.2: 304 if a tag of the list is the same, by weak comparison."""
    response = conn.get("/text.txt", "If-None-Match: " + (value.replace("%s", tag)))
    assert response.status == status
    assert conn.get("/bytes.bin").body == content.BYTES


def test_if_none_match_on_two_lines(conn, tag):
    """RFC 9110 5.3: a list may span several lines."""
    assert conn.get("/text.txt", 'If-None-Match: "x"', "If-None-Match: " + tag).status == 304


def test_not_modified(conn, tag):
    """RFC 9110 15.4.5: 304 has the validators and no content, and no length that differs from 200's."""
    response = conn.get("/text.txt", "If-None-Match: " + tag)
    assert response.status == 304 and response.field("ETag") == tag
    assert response.field("Content-Length") in (None, str(len(content.TEXT)))
    assert conn.get("/text.txt").body == content.TEXT


@pytest.mark.parametrize("value, status", [
    ("%s", 200), ("*", 200), ('"x", %s', 200), ('"x"', 412), ("W/%s", 412), ('"x", W/%s', 412), ('W/"x"', 412)])
def test_if_match(conn, tag, value, status):
    """RFC 9110 13.1.1: 412 unless a tag of the list is the same, by strong comparison."""
    assert conn.get("/text.txt", "If-Match: " + value.replace("%s", tag)).status == status
    assert conn.get("/bytes.bin").body == content.BYTES


@pytest.mark.parametrize("value, status", [
    (DATE, 304), (LATER, 304), (EARLIER, 200),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 304), ("Sunday, 06-Nov-94 08:49:36 GMT", 200),
    ("Sun Nov  6 08:49:37 1994", 304), ("Sun Nov  6 08:49:36 1994", 200)])
def test_if_modified_since(conn, value, status):
    """RFC 9110 13.1.3, 5.6.7: 304 if not modified since; all three formats of dates."""
    assert conn.get("/text.txt", "If-Modified-Since: " + value).status == status


@pytest.mark.parametrize("value", ["", "nonsense", "0", "-1", "Sun, 06 Nov 1994", "Sun, 31 Feb 2030 08:49:37 GMT",
                                   "Sun, 06 Nov 2030 25:49:37 GMT", "Sun, 06 Xyz 2030 08:49:37 GMT",
                                   DATE + "x", DATE + ", " + DATE])
def test_invalid_date_is_ignored(conn, value):
    """RFC 9110 13.1.3, 13.1.4: an invalid date is ignored."""
    assert conn.get("/text.txt", "If-Modified-Since: " + value).status == 200
    assert conn.get("/text.txt", "If-Unmodified-Since: " + value).status == 200


@pytest.mark.parametrize("value, status", [
    (DATE, 200), (LATER, 200), (EARLIER, 412), ("Sunday, 06-Nov-94 08:49:36 GMT", 412),
    ("Sun Nov  6 08:49:36 1994", 412), ("Sun Nov  6 08:49:37 1994", 200)])
def test_if_unmodified_since(conn, value, status):
    """RFC 9110 13.1.4: 412 if modified since."""
    assert conn.get("/text.txt", "If-Unmodified-Since: " + value).status == status


@pytest.mark.parametrize("fields, status", [
    (["If-Match: %s", "If-Unmodified-Since: " + EARLIER], 200),        # step 1 before 2
    (['If-Match: "x"', "If-Unmodified-Since: " + LATER], 412),
    (['If-None-Match: "x"', "If-Modified-Since: " + LATER], 200),      # step 3 before 4
    (["If-None-Match: %s", "If-Modified-Since: " + EARLIER], 304),
    (['If-Match: "x"', "If-None-Match: %s"], 412),                     # step 1 before 3
    (["If-Match: %s", "If-None-Match: %s"], 304),
    (["If-Unmodified-Since: " + EARLIER, "If-None-Match: %s"], 412),   # step 2 before 3
    (["If-Unmodified-Since: " + DATE, "If-Modified-Since: " + DATE], 304),
    (["If-Match: %s", 'If-None-Match: "x"', "Range: bytes=0-1"], 206)])
def test_order(conn, tag, fields, status):
    """RFC 9110 13.2.2: the order in which conditions are evaluated."""
    assert conn.get("/text.txt", *[field.replace("%s", tag) for field in fields]).status == status


@pytest.mark.parametrize("fields, statuses", [
    (["If-None-Match: *"], (404,)), (["If-Modified-Since: " + LATER], (404,)), (['If-Match: "x"'], (404, 412))])
def test_conditions_on_missing(conn, fields, statuses):
    """RFC 9110 13.2.1: conditions do not change error responses."""
    assert conn.get("/missing", *fields).status in statuses


def test_tag_changes_with_content(server, conn, fresh_name):
    """RFC 9110 8.8.1: a strong tag changes with the content, even with the same size and mtime."""
    tags, path = set(), server.write(fresh_name, b"%08d" % 0, mtime=0)
    for i in range(100):
        with open(path, "r+b") as file:
            file.write(b"%08d" % i)
        mtime = (0, 1, content.OLD)[i // 10 % 3]
        os.utime(path, (mtime, mtime))
        response = conn.get("/" + fresh_name)
        assert response.body == b"%08d" % i
        tags.add(response.field("ETag"))
        assert STRONG_TAG.match(response.field("ETag"))
    assert len(tags) == 100


def test_tag_changes_with_replacement(server, conn, fresh_name):
    """RFC 9110 8.8.1: files that replace each other have different tags."""
    tags = set()
    for i in range(100):
        new = server.write(fresh_name + ".new", b"%08d" % i, mtime=1)
        os.rename(new, server.path(fresh_name))
        tags.add(conn.get("/" + fresh_name).field("ETag"))
    assert len(tags) == 100


@pytest.mark.parametrize("mtime", [0, 1])
def test_meaningless_mtime_gives_no_304(server, conn, fresh_name, mtime):
    """RFC 9110 8.8.2: a meaningless mtime gives no 304 for changed content."""
    path = server.write(fresh_name, b"one", mtime=mtime)
    first = conn.get("/" + fresh_name)
    server.write(fresh_name, b"two", mtime=mtime)
    fields = ["If-None-Match: " + first.field("ETag")]
    if first.field("Last-Modified"):
        fields.append("If-Modified-Since: " + first.field("Last-Modified"))
    assert conn.get("/" + fresh_name, *fields).body == b"two"
    os.unlink(path)


def test_time_in_the_future(server, conn, fresh_name):
    """RFC 9110 8.8.2.1: Last-Modified is never later than Date."""
    server.write(fresh_name, b"x", mtime=4000000000)
    response = conn.get("/" + fresh_name)
    assert response.status == 200
    modified = response.field("Last-Modified")
    assert modified is None or email.utils.parsedate_to_datetime(modified) <= email.utils.parsedate_to_datetime(
        response.field("Date"))
