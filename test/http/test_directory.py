# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories: redirects (RFC 9110 15.4.2, 10.2.2), indexes, listings; dot files, --spa, 404.html."""
import html.parser
import json
import os
import urllib.parse

import pytest

import content


@pytest.mark.parametrize("target, location", [
    ("/sub", "/sub/"), ("/sub?a=b&c=/d", "/sub/?a=b&c=/d"), ("/sub?", None), ("/dir%20with%20space",
    "/dir%20with%20space/"), ("//sub", "/sub/"), ("/./sub/../sub", "/sub/"), ("/sub/deep", "/sub/deep/")])
def test_redirect(conn, target, location):
    """RFC 9110 15.4.2: a directory without its slash is 301 to a path without a host, with the query."""
    response = conn.get(target)
    assert response.status == 301
    assert response.field("Location") in ((location,) if location else ("/sub/", "/sub/?"))
    assert conn.get("/text.txt").body == content.TEXT


@pytest.mark.parametrize("target", ["//example.org", "//example.org/", "//sub", "/%2fsub", "/sub/..//sub", "/%5csub"])
def test_no_open_redirect(conn, target):
    """RFC 3986 4.2: no Location is a reference to another host."""
    location = conn.get(target).field("Location")
    assert location is None or (location.startswith("/") and location[1:2] not in ("/", "\\"))


def test_redirect_does_not_split(conn):
    """RFC 9112 11.1: an escaped CR LF of the target does not become one of the response."""
    for target in ("/sub%0d%0aX:%20y", "/sub?%0d%0aX:%20y", "/%0d%0a/..//sub"):
        response = conn.get(target)
        assert response.field("X") is None


def test_index(conn):
    """A directory with an index responds with it."""
    assert conn.get("/").body == content.PAGE
    response = conn.get("/sub/")
    assert response.body == content.SUB_PAGE and response.field("Content-Type").startswith("text/html")


def test_no_index(conn):
    """A directory without index is not listed by default."""
    response = conn.get("/noindex/")
    assert response.status in (403, 404) and b"text.txt" not in response.body


def test_file_with_slash(conn):
    """RFC 3986 3.3: a file is not a directory."""
    assert conn.get("/text.txt/").status == 404
    assert conn.get("/text.txt/x").status == 404


def test_created_and_removed_index(server, conn, fresh_name):
    """A created or removed index takes effect in the next request."""
    os.mkdir(server.path(fresh_name))
    for _ in range(20):
        assert conn.get("/%s/" % fresh_name).status in (403, 404)
        server.write(fresh_name + "/index.html", b"here")
        assert conn.get("/%s/" % fresh_name).body == b"here"
        os.unlink(server.path(fresh_name + "/index.html"))


def test_index_option(start):
    """--index sets the names of indexes, in order of preference."""
    def fill(root, _):
        content.write(root, "a/one.html", b"one")
        content.write(root, "a/two.html", b"two")
        content.write(root, "b/two.html", b"two")
        content.write(root, "c/index.html", b"index")
    server = start("--index", "one.html", "--index", "two.html", fill=fill)
    assert server.get("/a/").body == b"one"
    assert server.get("/b/").body == b"two"
    assert server.get("/c/").status in (403, 404)


@pytest.mark.parametrize("target", ["/.hidden", "/.dir/text.txt", "/.dir/", "/.dir", "/sub/../.hidden", "/%2ehidden",
                                    "/.missing"])
def test_dot_files(conn, target):
    """Names that start with a dot are treated as missing."""
    response = conn.get(target)
    assert response.status == 404 and b"secret" not in response.body


def well_known(root, _):
    content.write(root, ".well-known/acme-challenge/token-1", b"token")
    content.write(root, ".well-known/security.txt", b"Contact: mailto:a@example.org\n")
    content.write(root, ".well-known/.secret", b"secret\n")
    content.write(root, ".well-known/.git/config", b"secret\n")
    content.write(root, ".well-known-not/a.txt", b"secret\n")
    content.write(root, "sub/.well-known/a.txt", b"secret\n")


def test_well_known_is_served_without_dotfiles(start):
    """RFC 8615 3: "/.well-known/" is public. Other names that start with a dot stay hidden, in it and elsewhere."""
    server = start(fill=well_known)
    for _ in range(2):
        assert server.get("/.well-known/acme-challenge/token-1").body == b"token"
        assert server.get("/%2ewell-known/security.txt").body.startswith(b"Contact:")
        assert server.get("/sub/../.well-known/security.txt").status == 200
        assert server.get("/.well-known/missing").status == 404
        assert server.get("/.well-known").field("Location") == "/.well-known/"
        for hidden in ("/.well-known/.secret", "/.well-known/.git/config", "/.well-known-not/a.txt", "/sub/.well-known/a.txt",
                       "/.well-known/../.hidden", "/.WELL-KNOWN/security.txt", "/.well-known/%2esecret", "/.hidden"):
            response = server.get(hidden)
            assert response.status == 404 and b"secret" not in response.body, hidden


def test_well_known_in_listings(start):
    """--browse: names in it that start with a dot are hidden, as the directory itself is in the root's listing."""
    server = start("--browse", fill=well_known)
    page = server.get("/.well-known/").body
    assert b"security.txt" in page and b".secret" not in page and b".git" not in page
    assert b".well-known" not in server.get("/sub/").body


def test_dotfiles_option(start):
    """--dotfiles serves them."""
    server = start("--dotfiles")
    assert server.get("/.hidden").body == b"secret\n"
    assert server.get("/.dir/text.txt").body == b"secret\n"
    assert server.get("/..").status == 400


def test_spa(start):
    """--spa: a missing path without an extension is the root's index."""
    server = start("--spa")
    for target in ("/app", "/app/route/7", "/missing", "/app?x=y"):
        response = server.get(target)
        assert response.status == 200 and response.body == content.PAGE
        assert response.field("Content-Type").startswith("text/html")
    assert server.get("/missing.css").status == 404
    assert server.get("/text.txt").body == content.TEXT
    assert server.get("/.hidden").status == 404
    assert server.get("/private.txt").status == 403


def own_404(root, _):
    content.write(root, "404.html", b"<!doctype html><p>own page\n")
    content.write(root, "text.txt", content.TEXT)


def test_own_404(start):
    """404.html in the root is the body of 404, with that status and its own length."""
    server = start("--own-404", fill=own_404)
    with server.connect() as conn:
        response = conn.get("/missing")
        assert response.status == 404 and response.body == b"<!doctype html><p>own page\n"
        assert response.field("Content-Type").startswith("text/html")
        assert conn.get("/missing", "Range: bytes=0-1", "If-None-Match: *").status == 404
        head = conn.get("/missing", method="HEAD")
        assert head.status == 404 and head.field("Content-Length") == str(len(response.body))
        assert conn.get("/text.txt").body == content.TEXT
        content.write(server.root, "404.html", b"another")
        assert conn.get("/missing").body == b"another"
        os.unlink(server.path("404.html"))
        response = conn.get("/missing")
        assert response.status == 404 and response.body != b"another"


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.hrefs, self.rels, self.tags, self.text = [], [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "a":
            self.hrefs.append(dict(attrs)["href"])
            self.rels.append(dict(attrs).get("rel", ""))

    def handle_data(self, data):
        self.text += data


def listing_content(root, _):
    content.write(root, "list/b.txt", b"x" * 300, 1000000000)
    content.write(root, "list/a.txt", b"x" * 200, 1300000000)
    content.write(root, "list/c.txt", b"x" * 100, 1200000000)
    content.write(root, "list/.hidden", b"secret\n")
    content.write(root, "list/z-dir/file", b"")
    content.write(root, "list/y-dir/file", b"")
    for name in content.FUNNY:
        content.write(root, "funny/" + name, name.encode())
    os.mkdir(os.path.join(root, "empty"))
    content.write(root, "indexed/index.html", b"index")
    content.link(root, "/etc/passwd", "list/outside")
    for i in range(3000):
        content.write(root, "many/file-%04d" % i, b"")


@pytest.fixture
def browse(start_once):
    return start_once("--browse", fill=listing_content)


def names_in(response):
    """The entries of a listing in their order."""
    names = []
    for href in Links(response.body.decode()).hrefs:
        parts = urllib.parse.urlsplit(href)
        name = urllib.parse.unquote(parts.path)
        if not parts.query and name.strip("./") and not name.startswith(("../", "/")):
            names.append(name[2:] if name.startswith("./") else name)
    return names


def test_listing(browse):
    """--browse: a directory without index is listed, directories first, by name; dot files are hidden."""
    response = browse.get("/list/")
    assert response.status == 200 and response.field("Content-Type").startswith("text/html")
    assert names_in(response) == ["y-dir/", "z-dir/", "a.txt", "b.txt", "c.txt"]
    assert b".hidden" not in response.body


def test_listing_needs_no_script(browse):
    """A listing works without JavaScript and loads no other resource."""
    tags = Links(browse.get("/list/").body.decode()).tags
    assert not tags & {"script", "img", "link", "iframe"}


def test_listing_is_small(browse):
    """Under 4 KB of markup beside the entries."""
    assert len(browse.get("/empty/").body) < 4096


@pytest.mark.parametrize("query, order", [
    ("sort=name&order=asc", "abc"), ("sort=name&order=desc", "cba"), ("sort=size&order=asc", "cab"),
    ("sort=size&order=desc", "bac"), ("sort=time&order=asc", "bca"), ("sort=time&order=desc", "acb"),
    ("sort=nonsense", "abc"), ("nonsense", "abc")])
def test_listing_sorts(browse, query, order):
    """Sorted by name, size or time through links, directories first."""
    names = names_in(browse.get("/list/?" + query))
    assert [name for name in names if name.endswith(".txt")] == [letter + ".txt" for letter in order]
    assert all(name.endswith("/") for name in names[:2])


def test_listing_has_sort_buttons(browse):
    """It contains the sort buttons."""
    body = browse.get("/list/").body
    for key in (b"name", b"size", b"time"):
        assert b'<button name="sort" value="%s">' % key in body


def test_listing_escapes(browse):
    """Names are escaped: each link leads to its file, and no name becomes markup."""
    response = browse.get("/funny/")
    names = names_in(response)
    assert sorted(names) == sorted(content.FUNNY)
    assert "b" not in Links(response.body.decode()).tags
    for href in Links(response.body.decode()).hrefs:
        name = urllib.parse.unquote(urllib.parse.urlsplit(href).path)
        name = name[2:] if name.startswith("./") else name
        if name in content.FUNNY:
            file = browse.get(urllib.parse.urljoin("/funny/", href))
            assert file.body == name.encode()


def test_listing_as_json(browse):
    """RFC 9110 12.5.1: Accept: application/json gets the entries as JSON."""
    response = browse.get("/list/", "Accept: application/json")
    assert response.field("Content-Type").split(";")[0] == "application/json"
    assert "accept" in response.tokens("Vary")
    entries = json.loads(response.body)
    assert [entry["name"] for entry in entries] == ["y-dir", "z-dir", "a.txt", "b.txt", "c.txt"]
    assert [entry["type"] for entry in entries] == ["directory"] * 2 + ["file"] * 3
    assert [entry["size"] for entry in entries[2:]] == [200, 300, 100]
    assert entries[3]["mtime"] in (1000000000, "2001-09-09T01:46:40Z")
    entries = json.loads(browse.get("/list/?sort=size&order=desc", "Accept: application/json").body)
    assert [entry["name"] for entry in entries][2:] == ["b.txt", "a.txt", "c.txt"]
    entries = json.loads(browse.get("/funny/", "Accept: application/json").body)
    assert sorted(entry["name"] for entry in entries) == sorted(content.FUNNY)
    assert json.loads(browse.get("/empty/", "Accept: application/json").body) == []


@pytest.mark.parametrize("accept", ["application/json, text/plain, */*", "application/json, */*", "application/json;q=0.5, */*;q=0.5"])
def test_listing_as_json_for_equal_weights(browse, accept):
    """RFC 9110 12.5.1: of two types with equal weight the named one is preferred, as for axios and Angular."""
    assert browse.get("/list/", "Accept: " + accept).field("Content-Type") == "application/json"


def test_listing_as_json_has_links(browse):
    """Each entry has a link that leads to its file, for any octets in its name."""
    name = os.path.join(os.fsencode(browse.root), b"octets", b"caf\xe9 %\xff?.txt")
    os.makedirs(os.path.dirname(name), exist_ok=True)
    os.makedirs(os.path.join(os.path.dirname(name), b"sub"), exist_ok=True)
    with open(name, "wb") as file:
        file.write(b"octets")
    directory, file = json.loads(browse.get("/octets/", "Accept: application/json").body)
    assert directory["href"] == "sub/" and file["href"] == "caf%E9%20%25%FF%3F.txt"
    assert browse.get("/octets/" + file["href"]).body == b"octets"
    for entry in json.loads(browse.get("/funny/", "Accept: application/json").body):
        assert browse.get("/funny/" + entry["href"]).body == entry["name"].encode()


@pytest.mark.parametrize("query", ["", "?sort=name&order=desc", "?sort=size&order=desc", "?sort=time&order=asc"])
def test_listing_links_have_no_query(browse, query):
    """No link has a query, so a mirror (wget -r) gets each listing once. Forms sort, and the default order has no query."""
    response = browse.get("/list/" + query)
    links = Links(response.body.decode())
    assert not any("?" in href for href in links.hrefs)
    assert response.body.count(b'<form rel="nofollow">') == (3 if query == "" else 2)
    assert "./" in links.hrefs or query == ""


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/html, application/json;q=0.5",
                                    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"])
def test_listing_as_html(browse, accept):
    """RFC 9110 12.5.1: browsers and all others get HTML, with Vary."""
    response = browse.get("/list/", "Accept: " + accept)
    assert response.field("Content-Type").startswith("text/html")
    assert "accept" in response.tokens("Vary")


def test_listing_head(browse):
    """RFC 9110 9.3.2: HEAD of a listing."""
    with browse.connect() as conn:
        get = conn.get("/list/")
        head = conn.get("/list/", method="HEAD")
        assert head.status == 200
        assert head.field("Content-Length") in (None, str(len(get.body)))
        assert conn.get("/list/b.txt").body == b"x" * 300


def test_listing_omits_links_out_of_the_root(browse):
    """A link out of the root is not listed."""
    assert "outside" not in names_in(browse.get("/list/"))


def test_listing_of_many(browse):
    """A directory of 3,000 files."""
    assert len(names_in(browse.get("/many/"))) == 3000


def test_listing_is_current(browse):
    """A created or removed file shows in the next listing."""
    with browse.connect() as conn:
        for i in range(20):
            name = "new-%d" % i
            path = content.write(browse.root, "empty/" + name, b"")
            assert names_in(conn.get("/empty/")) == [name]
            os.unlink(path)
            assert names_in(conn.get("/empty/")) == []


def test_listing_yields_to_index(browse):
    """A directory with an index is not listed."""
    assert browse.get("/indexed/").body == b"index"


def test_listing_redirect(browse):
    """RFC 9110 15.4.2: with --browse, too, a directory needs its slash."""
    response = browse.get("/list?sort=size")
    assert response.status == 301 and response.field("Location") == "/list/?sort=size"
