# SPDX-License-Identifier: GPL-2.0-or-later
"""Media types that the configuration sets, and those of names that conventionally are text."""
import gzip
import os

import pytest

from test_config import check, program, written  # noqa: F401 (a fixture)

CONFIG = """
types { "application/x-top" = [top, "both"]; "text/x-one" = one }
default-type "text/x-default; charset=utf-8"
host "a.example" {
	root "%(place)s"
	types { "application/x-host" = .both }
	route "/v2/" { static on; types { "application/x-route" = [top] }; default-type "application/x-unknown" }
	route "=/v2/manifest.json" { static on; type "application/vnd.oci.image.manifest.v1+json" }
}
host "b.example" { root "%(place)s" }
"""
NAMES = ["f.top", "f.both", "f.ONE", "f.html", "f.what", "f", "v2/f.top", "v2/f.both", "v2/f.what", "v2/manifest.json"]


@pytest.fixture
def tree(place):
    os.mkdir(os.path.join(place, "v2"))
    os.chmod(os.path.join(place, "v2"), 0o755)
    for name in NAMES:
        with open(os.path.join(place, name), "wb") as file:
            file.write(b"x")
    return place


@pytest.mark.parametrize("host, name, media_type", [
    ("a", "f.top", "application/x-top"), ("a", "f.both", "application/x-host"), ("b", "f.both", "application/x-top"),
    ("a", "f.ONE", "text/x-one"), ("a", "f.html", "text/html; charset=utf-8"), ("a", "f.what", "text/x-default; charset=utf-8"),
    ("a", "f", "text/x-default; charset=utf-8"), ("a", "v2/f.top", "application/x-route"), ("b", "v2/f.top", "application/x-top"),
    ("a", "v2/f.both", "application/x-host"), ("a", "v2/f.what", "application/x-unknown"),
    ("a", "v2/manifest.json", "application/vnd.oci.image.manifest.v1+json"), ("b", "v2/manifest.json", "application/json")])
def test_types_of_top_host_and_route(tree, tux, host, name, media_type):
    """RFC 9110 8.3: the most specific setting for a file's extension is its Content-Type."""
    server = tux(tree, "--config", written(tree, CONFIG % {"place": tree}), "--log", "off")
    with server.connect() as conn:
        for _ in range(2):  # from the file, from the cache
            conn.send(b"GET /%s HTTP/1.1\r\nHost: %s.example\r\n\r\n" % (name.encode(), host.encode()))
            assert conn.response("GET").field("Content-Type") == media_type


@pytest.mark.parametrize("line, error", [
    ('types { "plain" = [x] }', '"plain" is not a media type'), ('types { "text/plain\\r\\nX: y" = [x] }', "is not a media type"),
    ('types { "text/%s" = [x] }' % ("p" * 130), "is not a media type of at most 127 bytes"),
    ('types { "text/plain" = ["a.b"] }', '"a.b" is not a file name extension'),
    ('types { "text/plain" = [x]; "text/html" = [X] }', 'extension "x" has the type "text/plain" already'),
    ('types { "text/plain" = { a = b } }', "needs extensions"), ("default-type plain", "default-type needs a media type"),
    ('route "/a" { static on; type 5 }', "type needs a media type"),
    ('route "/a" { static on; default-type "a" }', "default-type needs a media type")])
def test_invalid_media_types_are_errors(place, program, line, error):  # noqa: F811
    found = check(program, written(place, "log off\n" + line + "\n"))
    assert found.returncode != 0 and error in found.stderr and found.stderr.count("\n") == 1, found.stderr
    if "\\" not in line:  # libucl has no line number for a key with escapes
        assert ":2: " in found.stderr


def test_both_forms_of_types(tree, tux):
    """types [ ] selects programs, types { } sets media types; a file may have both."""
    server = tux(tree, "--config", written(tree, 'log off\ntypes [ "TUX/redirect=what" ]\ntypes { "text/x-one" = one }\n'))
    with server.connect() as conn:
        assert conn.get("/f.ONE").field("Content-Type") == "text/x-one"
        assert conn.get("/f.what").status == 403


def test_svgz_has_its_content_encoding(place, tux):
    """RFC 9110 8.4: the file is gzip, independent of Accept-Encoding; its siblings would be coded twice."""
    body = gzip.compress(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    for name in ("image.svgz", "image.svgz.gz"):
        with open(os.path.join(place, name), "wb") as file:
            file.write(body)
    server = tux(place, "--log", "off")
    with server.connect() as conn:
        for fields in ([], ["Accept-Encoding: gzip"], ["Accept-Encoding: identity"], ["Range: bytes=0-1"]):
            response = conn.get("/image.svgz", *fields)
            assert response.field("Content-Type") == "image/svg+xml" and response.field("Content-Encoding") == "gzip"
            assert response.body == (body[:2] if fields == ["Range: bytes=0-1"] else body)
