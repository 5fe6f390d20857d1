# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents: lists of options are those of the table, every configuration is valid, and every command of the guide works."""
import os
import re
import shutil
import shlex
import shutil
import subprocess
import sys

import pytest

import tls
from test_config import check, program  # noqa: F401
from tools import free_port, need
from upstreams import Origin, response

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
DOCUMENTS = ["README.md"] + sorted("docs/" + name for name in os.listdir(TOP + "/docs") if name.endswith(".md"))
OF_FILE = {"top": "%s", "host": "host a.example {\n%s}\n", "route": 'route "/a" {\n%s}\n', "header": "header {\n%s}\n",
           "upstream": "upstream a {\n%s}\n", "cgi": "cgi a {\n%s}\n", "module": "module a {\n%s}\n", "tls": "tls {\n%s}\n", "tls-client": "tls-client {\n%s}\n"}


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def blocks(text):
    """(language, text) of each fenced block."""
    return re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)


def options(program):  # noqa: F811
    """(name, [place]) of each option."""
    text = subprocess.run([program, "help", "configuration"], capture_output=True, text=True, check=True, timeout=20).stdout
    return [(name, places.split(", ")) for name, places in re.findall(r"(?ms)^([a-z-]+)[^\n]*\n    (?:(?!\n\n).)*?^    place: ([^\n]*)$", text)]


def test_lists_of_options_are_those_of_the_table(program):  # noqa: F811
    """tools/options writes docs/configuration.md and packaging/tux.1; nothing is missing, and nothing is left over."""
    done = subprocess.run([sys.executable, TOP + "/tools/options", program, "--check"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_option_is_known_in_its_places_and_nowhere_else(program, place):  # noqa: F811
    """Each place of the file and the command line know exactly the options that the table gives to them."""
    known = options(program)
    assert len(known) > 100 and {each for _, places in known for each in places} == {"command line", *OF_FILE}
    of_command = {name for name, places in known if "command line" in places}
    for name in {name for name, _ in known if name in of_command or not any(each.startswith(name) for each in of_command)}:
        done = subprocess.run([program, "serve", "--%s=" % name], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2 and ("unknown option" in done.stderr) == (name not in of_command), done.stderr
    for where, form in OF_FILE.items():
        path = os.path.join(place, where + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(form % "".join("%s { x = 1 }\n" % name for name in sorted({name for name, _ in known})))
        lines = check(program, path).stderr.splitlines()
        here = {name for name, places in known if where in places}
        wrong = (re.match(r'[^:]*:\d+: (?:unknown key "([a-z-]+)"|([a-z-]+) is (?:said (?:in a host|at the top)|not of a host))', line) for line in lines)
        refused = {match.group(1) or match.group(2) for match in wrong if match} - {"x"}  # x: in a block
        assert refused == {name for name, _ in known} - here, where


def looks_like_a_configuration(text):
    return re.search(r'(?m)^\s*(listen|root|host|route|upstream|cgi|module)\b.*["{]', text)


def module_made(place, kind):
    """The path of a module, which tux check loads. kind: the key of the configuration that names it."""
    source = {"file": "modules/hello.c", "historic": "historic/counter.c", "bpf": "modules/hello.c"}[kind]
    path = os.path.join(place, kind + ".so")
    if kind == "bpf" and not os.path.exists(path):
        subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-I", TOP + "/include", "-c", TOP + "/examples/" + source, "-o", path], check=True)
    if not os.path.exists(path):
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I", TOP + "/include", TOP + "/examples/" + source, "-o", path], check=True)
    return path


def with_places(text, place):
    """The configuration with this place in front of the paths that have to exist, and the directories of those."""
    def rewritten(match):
        path = place + match.group(3)
        os.makedirs(path if match.group(1) in ("root", "body-directory") else os.path.dirname(path), exist_ok=True)
        return match.group(1) + match.group(2) + path + '"'
    if not shutil.which("clang"):
        text = re.sub(r'\bbpf "[^"]*";?', "", text)
    text = re.sub(r'\b(file|historic|bpf)(\s+"|\s*=\s*")/[^"]*\.(?:so|bpf\.o)"',
                  lambda match: match.group(1) + match.group(2) + module_made(place, match.group(1)) + '"', text)
    for certificate, key in re.findall(r'certificate "(/etc/[^"]*)"(?:;|[^;\n]*\n)\s*key "(/etc/[^"]*)"', text):
        kind = tls.RSA if "rsa" in certificate else tls.CURVE
        pair = tls.make(place, os.path.basename(certificate), "example.org", "example.net", "intern.example.org", kind=kind)
        text = text.replace(certificate, pair.certificate).replace(key, pair.key)
        for response in re.findall(r'ocsp "(/etc/[^"]*)"', text):
            tls.respond(os.path.join(place, "response"), pair.certificate, pair)
            text = text.replace(response, os.path.join(place, "response"))
    for binding in re.findall(r'binding "(/etc/[^"]*)"', text):
        with open(os.path.join(place, "binding"), "w", encoding="ascii") as file:
            file.write("customer:a2V5\n")
        text = text.replace(binding, os.path.join(place, "binding"))
    for authorities in re.findall(r'\bca "(/etc/[^"]*)"', text):
        text = text.replace(authorities, tls.make(place, os.path.basename(authorities), "authority").certificate)
    text = re.sub(r'\b(root|log|control|body-directory)(\s+"|\s*=\s*")(/[^"]*)"', rewritten, text)
    return re.sub(r'"unix:(/run/[^"]*)"', lambda match: '"unix:%s/%s"' % (place, os.path.basename(match.group(1))), text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_configurations_are_valid(program, place, name):  # noqa: F811
    """tux check has no error for any block that is marked as a configuration, and no configuration lacks the mark."""
    for number, (language, text) in enumerate(blocks(read(name))):
        assert language or not looks_like_a_configuration(text), text
        if language != "conf":
            continue
        path = os.path.join(place, "%d.conf" % number)
        with open(path, "w", encoding="utf-8") as file:
            file.write(with_places(text, place))
        done = check(program, path)
        assert done.returncode == 0, done.stderr + text


@pytest.mark.parametrize("name", ["docs/guide.md", "docs/configuration.md"])
def test_commands_are_understood(program, place, name):  # noqa: F811
    """Each `tux` command is one that the program knows, with options that it knows."""
    commands = [line.split("#")[0].split() for language, text in blocks(read(name)) if language == "sh" for line in text.splitlines()
                if line.startswith("tux")]
    assert commands
    os.makedirs(place + "/srv/www")
    with open(place + "/tux.conf", "w", encoding="utf-8") as file:
        file.write("threads 1\n")
    for command in commands:
        args = [{"/etc/tux.conf": place + "/tux.conf", "/srv/www": place + "/srv/www"}.get(each, each) for each in command[1:]]
        serves = not args or args[0] == "serve" or os.path.isdir(args[0])
        done = subprocess.run([program, *args, *(["--help"] if serves else [])], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0 or (done.returncode == 1 and args[0] in ("status", "log")), (command, done.stderr)


def headings(text):
    """Anchors of the headings, as GitHub makes them."""
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.*)$", text)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    """Each relative link names a file of the repository, and a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        file, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(name), file)) if file else name
        assert "://" in target or os.path.exists(os.path.join(TOP, path)), target
        assert not anchor or "://" in target or anchor in headings(read(path)), target


FILES = {
    "A static site": {"srv/www/index.html": "page", "srv/www/404.html": "none", "srv/www/assets/site.css": "/* */"},
    "HTTPS": {"srv/www/index.html": "page"},
    "A single-page application": {"srv/app/index.html": "page"},
    "PHP": {"srv/php/index.php": "<?php", "srv/php/page.php": "<?php", "srv/php/style.css": "/* */"},
    "An application behind TUX": {"srv/www/down.html": "down", "srv/www/static/site.css": "/* */", "srv/www/private/file": "data"},
    "Git over HTTP": {"srv/www/index.html": "page"},
    "Large downloads": {"srv/downloads/disk.iso": "x" * 200000},
    "Behind a load balancer": {"srv/www/index.html": "page"},
    "The status": {"srv/www/index.html": "page"},
    "Many sites": {"srv/a/index.html": "page", "srv/b/only-b.txt": "data", "srv/intern/index.html": "page"},
}


def recipes():
    """[(heading, configuration, [(curl's arguments, status)])]"""
    found = []
    for heading, text in re.findall(r"(?ms)^## ([^\n]*)\n(.*?)(?=^## |\Z)", read("docs/guide.md")):
        configurations = [body for language, body in blocks(text) if language == "conf"]
        curls = [re.fullmatch(r"curl (.*?)\s+# (\d+)", line) for language, body in blocks(text) if language == "sh" for line in body.splitlines()
                 if line.startswith("curl")]
        if configurations:
            found.append((heading, configurations[0], [each.groups() for each in curls]))
    return found


def test_each_recipe_is_tested():
    assert {heading for heading, _, curls in recipes() if curls} == set(FILES)


@pytest.mark.parametrize("heading, text, curls", recipes(), ids=[heading.replace(" ", "-") for heading, _, _ in recipes()])
def test_recipe_gives_the_statuses_that_the_guide_promises(tux, place, heading, text, curls):
    """The server runs with the recipe's configuration; each request of the guide is made by curl."""
    if heading == "PHP" and os.geteuid() != 0:
        pytest.skip("programs must belong to root")
    for name, content in FILES[heading].items():
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, 0o755 if name.endswith(".php") else 0o644)
    os.makedirs(place + "/var/log/tux")
    os.chmod(place + "/var/log/tux", 0o777)
    with open(place + "/php", "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nprintf "Content-Type: text/html\\n\\n%s" "$SCRIPT_FILENAME"\n')
    os.chmod(place + "/php", 0o755)
    text = with_places(text, place).replace("/usr/bin/php-cgi", place + "/php").replace('"/srv/git"', '"%s/srv/git"' % place)
    if heading == "Git over HTTP":
        subprocess.run([need("git"), "init", "-q", "--bare", place + "/srv/git/one.git"], check=True)
        subprocess.run(["chmod", "-R", "a+rX", place + "/srv/git"], check=True)
        text = text.replace("env  { ", 'env { GIT_CONFIG_COUNT = 1; GIT_CONFIG_KEY_0 = safe.directory; GIT_CONFIG_VALUE_0 = "*"; ')
    origin = Origin(lambda request: response(b"page"), path=place + "/app.sock") if "app.sock" in text else None
    port, tls_port = free_port(), free_port()
    secure = re.search(r'(?m)^listen .*https://', text)
    addresses = '["https://127.0.0.1:%d", "127.0.0.1:%d"]' % (tls_port, port) if secure else '"127.0.0.1:%d"' % port
    connect = ["--connect-to", ":443:127.0.0.1:%d" % tls_port, "--cacert", re.search(r'certificate "([^"]*)"', text).group(1)] if secure else []
    text, listens = re.subn(r'(?m)^listen .*$', "listen " + addresses, text)
    assert listens == 1
    text = text.replace('listen "127.0.0.1:8001"', 'listen "127.0.0.1:%d"' % free_port())
    with open(place + "/tux.conf", "w", encoding="utf-8") as file:
        file.write(text)
    root = re.search(r'(?m)^root\s+"(.*?)"', text)
    tux(root.group(1) if root else place, "--config", place + "/tux.conf", "--drain-delay", "0", "--drain-timeout", "1", listen=False, port=port)
    for arguments, status in curls:
        got = subprocess.run([need("curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", *connect, "--connect-to", "::127.0.0.1:%d" % port, "--max-time", "20",
                              *(word for word in shlex.split(arguments) if word != "-i")], capture_output=True, text=True, timeout=30, check=False)
        assert got.stdout == status, (arguments, got.stdout, got.stderr)
    if heading == "Git over HTTP":
        subprocess.run([need("git"), "-c", "http.extraHeader=Host: git.example.org", "clone", "-q", "http://127.0.0.1:%d/git/one.git" % port, place + "/clone"],
                       check=True, capture_output=True, timeout=30)
        shutil.rmtree(place + "/clone")
    if origin:
        origin.close()
