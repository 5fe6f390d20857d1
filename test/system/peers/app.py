# SPDX-License-Identifier: GPL-2.0-or-later
"""An application of WSGI as an upstream server of TUX."""
import base64
import hashlib
import json
import socket
import struct


def take(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def echo(sock, key):
    """RFC 6455, as much of it as an echo needs: on gunicorn's own socket, as WSGI has no word for it."""
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    sock.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept).encode())
    opcode = 0
    while opcode != 8:
        first, size = take(sock, 2)
        opcode, size = first & 15, size & 127
        if size > 125:
            size, = struct.unpack(">H" if size == 126 else ">Q", take(sock, 2 if size == 126 else 8))
        mask, payload = take(sock, 4), take(sock, size)
        payload = bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))
        head = bytes([size]) if size < 126 else struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size)
        sock.sendall(bytes([first]) + head + payload)


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
    if path == "/app/socket" and "HTTP_SEC_WEBSOCKET_KEY" in environ:
        sock = environ["gunicorn.socket"]
        try:
            echo(sock, environ["HTTP_SEC_WEBSOCKET_KEY"])
        except (EOFError, OSError):
            pass
        sock.shutdown(socket.SHUT_RDWR)  # so that the answer below, which WSGI wants, goes nowhere
        start_response("200 OK", [("Content-Length", "0")])
        return []
    if path == "/app/private":
        start_response("200 OK", [("X-Accel-Redirect", "/private/file"), ("Content-Length", "0")])
        return []
    if path == "/app/fails":
        raise RuntimeError("as it is meant to")
    start_response("404 Not Found", [("Content-Length", "3"), ("Content-Type", "text/plain")])
    return [b"no\n"]
