# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of upstream servers: resolved at the start, and then periodically."""
import os
import signal
import subprocess

import pytest

import client
from tools import descendants, is_there, kill_all
from upstreams import Origin, response


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(port, hosts): TUX with an upstream of one name, and a private /etc/hosts."""
    private = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')
    hosts = os.path.join(place, "hosts")

    def write(text):
        with open(hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n" + text)
    write("")
    if os.geteuid() != 0 or subprocess.run([*private, hosts, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace can be made")

    def start(port, text=""):
        write(text)
        config = os.path.join(place, "tux.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write('threads 2\nupstream app { server "app.tux.invalid:%d"; resolve 0.05 }\nroute "/app/" { upstream app }\n' % port)
        return tux(place, "--config", config, "--engine", request.param, wrapper=(*private, hosts))
    start.hosts = write
    return start


def test_unresolvable_name_is_502_until_it_resolves(proxy):
    server = Origin(lambda request: response(b"found"))
    tux = proxy(server.port)
    assert tux.get("/app/").status == 502
    client.wait_until(lambda: "cannot be found" in tux.output, "it is said")
    proxy.hosts("127.0.0.1 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").status == 200, "it is found")
    assert tux.get("/app/").body == b"found"


def test_changed_address_is_followed(proxy):
    server = Origin(lambda request: response(b"first"))
    tux = proxy(server.port, "127.0.0.1 app.tux.invalid\n")
    assert tux.get("/app/").body == b"first"
    proxy.hosts("127.0.0.2 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").status == 502, "the other address is asked, where no server is")
    proxy.hosts("127.0.0.1 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").body == b"first", "it is back")


@pytest.mark.parametrize("name", ["tux resolver", "tux names"])
def test_killed_resolver_is_replaced(proxy, name):
    """The resolving process and its parent: after either is killed, a name with a new address is still followed."""
    server = Origin(lambda request: response(b"first"))
    tux = proxy(server.port, "127.0.0.1 app.tux.invalid\n")
    assert tux.get("/app/").body == b"first"
    found = [pid for pid, one in descendants(tux.process.pid).items() if one == name]
    assert len(found) == 1
    os.kill(found[0], signal.SIGKILL)
    client.wait_until(lambda: "that resolves names was ended by signal 9" in tux.output or "takes its place" in tux.output, "it is said")
    proxy.hosts("127.0.0.2 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").status == 502, "another one resolves")
    proxy.hosts("127.0.0.1 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").body == b"first", "it is back")


@pytest.mark.parametrize("killed", [False, True])
def test_resolver_ends_with_the_server(proxy, killed):
    """Landlock keeps the signal of PR_SET_PDEATHSIG within the server's domain, so the resolver must detect the end itself."""
    server = Origin(lambda request: response(b"first"))
    tux = proxy(server.port, "127.0.0.1 app.tux.invalid\n")
    found = [pid for pid, name in descendants(tux.process.pid).items() if name == "tux resolver"]
    assert len(found) == 1
    if killed:
        kill_all(set(descendants(tux.process.pid)) - {found[0]})
        tux.process.kill()
        tux.process.wait()
        tux.end = lambda: None
    else:
        tux.end()
    client.wait_until(lambda: not is_there(found[0]), "the resolver ends")
