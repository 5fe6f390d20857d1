# SPDX-License-Identifier: GPL-2.0-or-later
"""An application of WSGI as an upstream server of TUX."""
import json


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/app/echo":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return iter(lambda: environ["wsgi.input"].read(65536), b"")
    if path == "/app/fields":
        body = json.dumps({key: value for key, value in environ.items() if isinstance(value, str)}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
    if path == "/app/chunks":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"part %d\n" % i for i in range(100))
    if path == "/app/fails":
        raise RuntimeError("as it is meant to")
    start_response("404 Not Found", [("Content-Length", "3"), ("Content-Type", "text/plain")])
    return [b"no\n"]
