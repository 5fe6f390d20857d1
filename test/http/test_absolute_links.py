# SPDX-License-Identifier: GPL-2.0-or-later
"""Links with an absolute target: a target beneath the root is followed like a relative one; others are not."""
import json
import os

import pytest

import content


@pytest.fixture
def link(server, fresh_name):
    """link(target): makes a unique link in the root, removes it after the test, returns its request path."""
    made = set()

    def make(target, suffix=""):
        content.link(server.root, target, fresh_name + suffix)
        made.add(server.path(fresh_name + suffix))
        return "/" + fresh_name + suffix

    yield make
    for path in made:
        os.unlink(path)


@pytest.mark.parametrize("target, path, data", [
    ("text.txt", "", content.TEXT), ("big.bin", "", content.BIG), ("sub", "/", content.SUB_PAGE), ("sub/", "/text.txt", content.TEXT),
    ("sub/..//./sub/deep/deeper/../../text.txt", "", content.TEXT), ("", "/", content.PAGE), ("", "/sub/text.txt", content.TEXT),
    ("link-dir", "/deep/../text.txt", content.TEXT), ("link-inside", "", content.TEXT)],
    ids=["file", "large", "directory", "below", "dots", "root", "below-root", "link-to-directory", "link-to-link"])
def test_inside(server, conn, link, target, path, data):
    """A target beneath the root is served twice, the second time from the cache."""
    name = link(server.path(target))
    for _ in range(3):
        response = conn.get(name + path)
        assert response.status == 200 and response.body == data


def test_directory_is_redirected(server, conn, link):
    """A link to the root, or to a directory in it, is redirected."""
    name = link(server.root)
    response = conn.get(name)
    assert response.status == 301 and response.field("Location").endswith(name + "/")


def test_chain(server, conn, link):
    """Absolute, relative, absolute, and through a linked directory: each link continues from its own place."""
    last = link(server.path("text.txt"), "-last")
    middle = link("sub/../link-dir/.." + last, "-middle")
    first = link(server.path("link-dir/..") + middle, "-first")
    assert conn.get(first).body == content.TEXT


def test_precompressed(server, conn, link):
    """A precompressed sibling is found through a link to its directory, and beside a link to its file if it is a link, too."""
    directory = link(server.root)
    file = link(server.path("coded.txt"), ".txt")
    link(server.path("coded.txt.gz"), ".txt.gz")
    for target in (directory + "/coded.txt", file, file):
        response = conn.get(target, "Accept-Encoding: gzip")
        assert response.field("Content-Encoding") == "gzip" and response.body == content.CODED["gzip"][1]


@pytest.mark.parametrize("way", ["{outside}/secret.txt", "{outside}", "{root}/../{outside_name}/secret.txt",
                                 "{root}/sub/../../{outside_name}/secret.txt", "/", "/..", "{parent}", "{root}/link-outside",
                                 "{root}/link-outside-relative", "{root}/link-outside-dir/secret.txt"])
def test_outside(server, conn, link, way):
    """A target outside the root is refused, even if its path goes through the root."""
    outside = os.path.relpath(server.outside, os.path.dirname(server.root))
    name = link(way.format(root=server.root, outside=server.outside, outside_name=outside, parent=os.path.dirname(server.root)))
    for target in (name, name + "/", name + "/secret.txt"):
        response = conn.get(target)
        assert response.status in (403, 404) and b"secret" not in response.body


def test_root_is_no_prefix(server, conn, link):
    """A directory beside the root is outside, even if its name starts with the root's."""
    beside = server.root + "2"
    content.write(beside, "secret.txt", b"secret\n")
    try:
        for name in (link(beside + "/secret.txt", "-file"), link(beside, "-dir") + "/secret.txt"):
            response = conn.get(name)
            assert response.status == 403 and b"secret" not in response.body
    finally:
        os.unlink(beside + "/secret.txt")
        os.rmdir(beside)


@pytest.mark.parametrize("target, path", [("nowhere", ""), ("text.txt/", ""), ("text.txt", "/x"), ("text.txt/../text.txt", ""),
                                          ("private.txt", ""), ("fifo", ""), ("socket", ""), ("x" * 300, "")])
def test_missing_or_forbidden_target(server, conn, link, target, path):
    """The target is beneath the root, but is missing or not permitted."""
    response = conn.get(link(server.path(target)) + path)
    assert response.status in (403, 404) and b"secret" not in response.body


def test_loop(server, conn, link, fresh_name):
    """Circular links end: absolute ones and mixed ones."""
    for target in (link(server.path(fresh_name)), link(server.path(fresh_name + "-b"), "-a"), link(fresh_name + "-a", "-b")):
        assert conn.get(target).status in (403, 404)
        assert conn.get(target + "/x").status in (403, 404)


def test_too_many(server, conn, link):
    """Forty links on a path are followed, as by the kernel. More are refused, even if all are different."""
    name = link(server.path("text.txt"), "-0")
    for i in range(1, 40):
        name = link(server.path(name[1:]), "-%d" % i)
    assert conn.get(name).body == content.TEXT
    assert conn.get(link(server.path(name[1:]), "-40")).status in (403, 404)


def test_change(server, conn, link):
    """A changed link takes effect in the next request. A link to the outside is refused, even if it pointed inside before."""
    ways = ((server.path("text.txt"), content.TEXT), (server.path("bytes.bin"), content.BYTES), ("text.txt", content.TEXT))
    for _ in range(10):
        for target, data in ways:
            assert conn.get(link(target)).body == data
            assert conn.get(link(os.path.join(server.outside, "secret.txt"))).status == 403


def test_target_changes(server, conn, link, fresh_name):
    """A changed target file is served by the next request."""
    name = link(server.path("sub/" + fresh_name))
    for i in range(40):
        server.write("sub/" + fresh_name, b"%04d" % i)
        assert conn.get(name).body == b"%04d" % i


def listing_content(root, outside):
    content.write(root, "list/b.txt", b"four")
    content.write(root, "other/c.txt", b"x")
    content.write(outside, "secret.txt", b"secret\n")
    for name, target in (("file", root + "/list/b.txt"), ("directory", root + "/other"), ("self", root), ("chain", root + "/list/file"),
                         ("outside", outside + "/secret.txt"), ("way-out", root + "/../outside"), ("beside", root + "2"),
                         ("broken", root + "/nowhere"), ("loop", root + "/list/loop")):
        content.link(root, target, "list/" + name)


LISTED = {"b.txt": ("file", 4), "file": ("file", 4), "chain": ("file", 4), "directory": ("directory", 0), "self": ("directory", 0)}


def entries(response):
    return {entry["name"]: (entry["type"], entry["size"]) for entry in json.loads(response.body)}


@pytest.mark.parametrize("path", ["/list/", "/list/self/list/"])
def test_listing(start_once, path):
    """A listing shows links whose targets are beneath the root, and no others."""
    page = start_once("--browse", fill=listing_content).get(path).body.decode()
    assert all(">%s<" % name in page for name in ("b.txt", "file", "chain", "directory/", "self/"))
    assert not any(name in page for name in ("outside", "way-out", "beside", "broken", "loop"))


@pytest.mark.parametrize("path", ["/list/", "/list/self/list/"])
def test_listing_as_json(start_once, path):
    """Like test_listing, but as JSON, with the type and size of the link's target."""
    browse = start_once("--browse", fill=listing_content)
    assert entries(browse.get(path, "Accept: application/json")) == LISTED


def test_listing_of_link(start_once):
    """A link to a directory without an index is listed like the directory."""
    page = start_once("--browse", fill=listing_content).get("/list/directory/").body.decode()
    assert ">c.txt<" in page and ">b.txt<" not in page


def test_listing_is_current(start_once):
    """A link with a changed target takes effect in the next listing."""
    browse = start_once("--browse", fill=listing_content)
    os.mkdir(browse.path("changes"))
    with browse.connect() as conn:
        for _ in range(5):
            for target, found in ((browse.path("list/b.txt"), {"it": ("file", 4)}), (browse.outside + "/secret.txt", {}),
                                  (browse.path("other"), {"it": ("directory", 0)}), (browse.path("missing"), {})):
                content.link(browse.root, target, "changes/it")
                assert entries(conn.get("/changes/", "Accept: application/json")) == found
