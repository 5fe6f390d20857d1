# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of upstream servers: resolved at the start, and again and again."""
import os
import subprocess

import pytest

import client
from upstreams import Origin, response


@pytest.fixture(params=["uring", "epoll"])
def proxy(request, place, tux):
    """proxy(port, hosts): TUX with an upstream of one name, and an /etc/hosts of its own."""
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
    assert "cannot be found" in tux.output
    proxy.hosts("127.0.0.1 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").status == 200, "it is found")
    assert tux.get("/app/").body == b"found"


def test_a_name_that_moves_is_followed(proxy):
    server = Origin(lambda request: response(b"first"))
    tux = proxy(server.port, "127.0.0.1 app.tux.invalid\n")
    assert tux.get("/app/").body == b"first"
    proxy.hosts("127.0.0.2 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").status == 502, "the other address is asked, where no server is")
    proxy.hosts("127.0.0.1 app.tux.invalid\n")
    client.wait_until(lambda: tux.get("/app/").body == b"first", "it is back")
