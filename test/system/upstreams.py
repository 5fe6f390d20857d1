# SPDX-License-Identifier: GPL-2.0-or-later
"""An origin server for tests: it records each request that reaches it, to the byte, and answers as it is told."""
import os
import re
import socket
import threading


class Request:
    def __init__(self, head, body, connection, peer):
        lines = head.split(b"\r\n")
        self.head = head
        self.line = lines[0].decode("latin-1")
        self.method, self.target, self.version = self.line.split(" ")
        self.fields = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1)) for line in lines[1:] if line]
        self.body = body
        self.connection = connection  # a number: which of the connections it came on
        self.peer = peer

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def field(self, name):
        values = self.all(name)
        assert len(values) <= 1, "%s stands %d times" % (name, len(values))
        return values[0] if values else None


def response(body=b"hello", status="200 OK", *fields):
    """A plain response with Content-Length."""
    head = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + list(fields)
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class Origin:
    """answer(request) gives bytes, or a function of the socket that does the rest; None closes the connection."""

    def __init__(self, answer=None, path=None):
        self.answer = answer or (lambda request: response())
        self.requests = []
        self.broken = []  # what could not be read as a request
        self.connections = 0
        self.sockets = []
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o777)
            self.listener.listen(100)
            self.name = "unix:" + path
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
            self.port = self.listener.getsockname()[1]
            self.name = "127.0.0.1:%d" % self.port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock, self.connections, peer), daemon=True).start()

    def _serve(self, sock, number, peer):
        buffer = b""

        def more():
            nonlocal buffer
            data = sock.recv(65536)
            if not data:
                raise EOFError
            buffer += data

        def take(count):
            nonlocal buffer
            while len(buffer) < count:
                more()
            got, buffer = buffer[:count], buffer[count:]
            return got

        def line():
            while b"\r\n" not in buffer:
                more()
            return take(buffer.index(b"\r\n") + 2)[:-2]

        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    more()
                head = take(buffer.index(b"\r\n\r\n") + 4)[:-4]
                if not re.match(rb"[!-~]+ [!-~]+ HTTP/1\.1\r\n", head + b"\r\n"):
                    self.broken.append(head)
                    raise EOFError
                request = Request(head, b"", number, peer)
                if request.field("Transfer-Encoding") is not None:
                    assert request.field("Transfer-Encoding") == "chunked" and request.field("Content-Length") is None
                    size = int(line(), 16)
                    while size:
                        request.body += take(size)
                        assert line() == b""
                        size = int(line(), 16)
                    while line():
                        pass
                elif request.field("Content-Length") is not None:
                    request.body = take(int(request.field("Content-Length")))
                self.requests.append(request)
                answer = self.answer(request)
                if callable(answer):
                    answer(sock)
                    return
                if answer is None:
                    return
                sock.sendall(answer)
        except (EOFError, OSError):
            if buffer:
                self.broken.append(buffer)
        finally:
            sock.close()

    def close(self):
        self.listener.close()

    def stop(self):
        """As if its process had ended."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
