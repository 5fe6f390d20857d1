# SPDX-License-Identifier: GPL-2.0-or-later
"""Precompressed siblings (RFC 9110 8.4, 12.5.3, 12.5.5) and media types (8.3)."""
import os

import pytest

import content


def expect(response, coding):
    if coding:
        assert response.field("Content-Encoding") == coding
        assert response.body == content.CODED[coding][1]
    else:
        assert response.field("Content-Encoding") is None
        assert response.body == content.PLAIN
    assert "accept-encoding" in response.tokens("Vary")
    assert response.field("Content-Type").startswith("text/plain")


@pytest.mark.parametrize("value, coding", [
    ("br", "br"), ("zstd", "zstd"), ("gzip", "gzip"), ("x-gzip", "gzip"), ("GZip", "gzip"), ("deflate", None),
    ("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("gzip;q=1, br;q=0.5", "gzip"),
    ("gzip;q=0.001, br;q=0", "gzip"), ("br;q=0, gzip;q=0, zstd;q=0", None), ("*", "br"), ("*;q=0.1, br;q=0", "zstd"),
    ("gzip ; q=0.8 , zstd ;Q=0.9", "zstd"), ("identity", None), ("", None), ("br;q=0.000", None),
    ("gzip, *;q=0", "gzip"), ("brr", None), ("gzip;q=nonsense", None)])
def test_coding(conn, value, coding):
    """RFC 9110 12.5.3, 12.4.2: the sibling with the greatest weight; all responses have Vary."""
    expect(conn.get("/coded.txt", "Accept-Encoding: " + value), coding)


def test_without_accept_encoding(conn):
    """RFC 9110 12.5.3: without the field the plain file, which still has Vary."""
    expect(conn.get("/coded.txt"), None)


def test_identity_preferred(conn):
    """RFC 9110 12.5.3: identity may have the greatest weight."""
    response = conn.get("/coded.txt", "Accept-Encoding: identity;q=1, br;q=0.5")
    assert response.field("Content-Encoding") in (None, "br")
    assert response.body == (content.CODED["br"][1] if response.field("Content-Encoding") else content.PLAIN)


def test_accept_encoding_on_two_lines(conn):
    """RFC 9110 5.3: a list may span several lines."""
    expect(conn.get("/coded.txt", "Accept-Encoding: gzip;q=0.5", "Accept-Encoding: zstd"), "zstd")


def test_no_vary_without_siblings(conn):
    """RFC 9110 12.5.5: a file without siblings has no Vary."""
    assert conn.get("/bytes.bin", "Accept-Encoding: br, gzip").field("Content-Encoding") is None
    assert conn.get("/bytes.bin").field("Vary") is None


def test_missing_siblings_are_not_sent(conn):
    """RFC 9110 8.4: only existing siblings are sent."""
    expect(conn.get("/gz-only.txt", "Accept-Encoding: br, zstd, gzip;q=0.1"), "gzip")
    expect(conn.get("/gz-only.txt", "Accept-Encoding: br, zstd"), None)


def test_stale_siblings_are_not_sent(conn):
    """A sibling older than its file is not sent."""
    response = conn.get("/stale.txt", "Accept-Encoding: br, gzip")
    assert response.field("Content-Encoding") is None and response.body == content.PLAIN


def test_sibling_older_than_rewritten_file_is_not_sent(server, conn, fresh_name):
    """A sibling is no longer sent after its file was rewritten."""
    name = fresh_name + ".txt"
    content.coded(server.root, name)
    assert conn.get("/" + name, "Accept-Encoding: gzip").field("Content-Encoding") == "gzip"
    server.write(name, b"newer")
    assert conn.get("/" + name, "Accept-Encoding: gzip").body == b"newer"


def test_created_and_removed_sibling(server, conn, fresh_name):
    """A sibling created while its file is cached is sent by the next request, and not sent after its removal."""
    name = fresh_name + ".txt"
    server.write(name, content.PLAIN, mtime=content.OLD)
    for _ in range(20):
        assert conn.get("/" + name, "Accept-Encoding: gzip").body == content.PLAIN
        server.write(name + ".gz", content.CODED["gzip"][1])
        assert conn.get("/" + name, "Accept-Encoding: gzip").body == content.CODED["gzip"][1]
        os.unlink(server.path(name + ".gz"))


def test_unreadable_sibling(server, conn, fresh_name):
    """An unreadable sibling is treated as missing."""
    name = fresh_name + ".txt"
    content.coded(server.root, name)
    os.chmod(server.path(name + ".gz"), 0o600)
    assert conn.get("/" + name, "Accept-Encoding: gzip").body == content.PLAIN


def test_tags_of_codings_differ(conn):
    """RFC 9110 8.8.3.3: each coding has its own strong tag."""
    tags = {conn.get("/coded.txt", "Accept-Encoding: " + coding).field("ETag") for coding in
            ("identity", "br", "zstd", "gzip")}
    assert len(tags) == 4 and not any(tag.startswith("W/") for tag in tags)


def test_condition_on_coding(conn):
    """RFC 9110 8.8.3.3: a tag validates only its own coding."""
    plain = conn.get("/coded.txt").field("ETag")
    coded = conn.get("/coded.txt", "Accept-Encoding: gzip").field("ETag")
    assert conn.get("/coded.txt", "Accept-Encoding: gzip", "If-None-Match: " + coded).status == 304
    assert conn.get("/coded.txt", "Accept-Encoding: gzip", "If-None-Match: " + plain).status == 200
    response = conn.get("/coded.txt", "Accept-Encoding: gzip", "If-None-Match: " + coded)
    assert "accept-encoding" in response.tokens("Vary")


def test_range_of_coding(conn):
    """RFC 9110 14.1.2: ranges refer to the coded representation."""
    data = content.CODED["gzip"][1]
    response = conn.get("/coded.txt", "Accept-Encoding: gzip", "Range: bytes=3-9")
    assert response.status == 206 and response.body == data[3:10]
    assert response.field("Content-Range") == "bytes 3-9/%d" % len(data)
    assert response.field("Content-Encoding") == "gzip"
    response = conn.get("/coded.txt", "Accept-Encoding: gzip", "Range: bytes=%d-" % len(data))
    assert response.status == 416 and response.field("Content-Range") == "bytes */%d" % len(data)


def test_sibling_by_its_own_name(conn):
    """RFC 9110 8.4: a compressed file requested by its own name has no coding."""
    response = conn.get("/coded.txt.gz", "Accept-Encoding: gzip")
    assert response.body == content.CODED["gzip"][1]
    assert response.field("Content-Encoding") is None
    assert "text/plain" not in response.field("Content-Type")


def test_index_has_siblings(server, conn, fresh_name):
    """The index of a directory is negotiated like any file."""
    content.coded(server.root, fresh_name + "/index.html")
    response = conn.get("/" + fresh_name + "/", "Accept-Encoding: gzip")
    assert response.field("Content-Encoding") == "gzip" and response.body == content.CODED["gzip"][1]


@pytest.mark.parametrize("name, media_type", [
    ("a.html", "text/html"), ("a.css", "text/css"), ("a.png", "image/png"), ("a.svg", "image/svg+xml"),
    ("a.json", "application/json"), ("a.mp4", "video/mp4"), ("a.wasm", "application/wasm"), ("a.webp", "image/webp"),
    ("a.woff2", "font/woff2")])
def test_media_type(conn, name, media_type):
    """RFC 9110 8.3: the file name's extension determines the type."""
    assert conn.get("/types/" + name).field("Content-Type").split(";")[0] == media_type


def test_javascript(conn):
    """RFC 9239: JavaScript is text/javascript, or the obsolete application/javascript."""
    assert conn.get("/types/a.js").field("Content-Type").split(";")[0] in ("text/javascript", "application/javascript")


@pytest.mark.parametrize("name", ["a.html", "a.css"])
def test_charset(conn, name):
    """RFC 9110 8.3.2: text has a charset."""
    assert "charset=utf-8" in conn.get("/types/" + name).field("Content-Type").lower().replace(" ", "")


@pytest.mark.parametrize("name", ["a.unknown-suffix", "noext"])
def test_unknown_type(conn, name):
    """RFC 9110 8.3: an unknown type is application/octet-stream, or missing."""
    assert conn.get("/types/" + name).field("Content-Type") in (None, "application/octet-stream")
