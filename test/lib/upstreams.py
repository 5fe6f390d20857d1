# SPDX-License-Identifier: GPL-2.0-or-later
"""An origin server for tests: it records each received request byte by byte, and responds as the test specifies."""
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
        self.connection = connection  # number of its connection
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
    """
    answer(request) returns bytes, or a function of the socket that sends the response; None closes the connection. With context, an
    SSLContext, it speaks TLS; before(sock) reads what comes before the handshake. It never sends close_notify by itself.
    """

    def __init__(self, answer=None, path=None, context=None, before=None):
        self.context = context
        self.before = before
        self.answer = answer or (lambda request: response())
        self.requests = []
        self.broken = []  # input that is not a request
        self.is_left_early = False  # True: a request may end before it is whole
        self.connections = 0
        self.sockets = []
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o777)
            self.listener.listen(100)
            self.name = "unix:" + path
            self.url = "https://" + self.name
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
            self.port = self.listener.getsockname()[1]
            self.name = "127.0.0.1:%d" % self.port
            self.url = "https://" + self.name
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
            if self.before:
                self.before(sock)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)  # in the one thread that uses it
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
            if buffer and not self.is_left_early:
                self.broken.append(buffer)
        finally:
            sock.close()

    def close(self):
        self.listener.close()

    def stop(self):
        """Closes everything, as if the process had ended."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


TOKEN = rb"[!#$%&'*+.^`|~0-9A-Za-z-]+"  # without the '_' that TUX does not forward
HEAD = re.compile(rb"(" + TOKEN + rb") (/[!-~]*|\*) HTTP/1\.1\r\n((?:" + TOKEN + rb": (?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?\r\n)*)\r\n\Z")
CHUNK = re.compile(rb"[1-9a-f][0-9a-f]{0,15}\Z")
LENGTH = re.compile(r"(0|[1-9][0-9]{0,18})\Z")
REQUESTS_IN_IT = re.compile(r"(^|[, ])(h2c?|h3|http|tls)([,/ ]|$)", re.IGNORECASE)  # protocols that TUX never tunnels
NOT_SENT_ON = {"te", "keep-alive", "expect", "proxy", "proxy-connection", "proxy-authorization", "trailer"}


class Broken(Exception):
    """A request that differs from TUX's format."""


class Strict(Origin):
    """A strict origin: a request that differs from TUX's format is broken, and closes the connection. unfinished: truncated input,
    which was never a request."""

    def __init__(self, answer=None, path=None):
        self.unfinished = []
        super().__init__(answer, path)

    def _serve(self, sock, number, peer):
        data = b""
        try:
            while True:
                found = self.parse(data, number, peer)
                if found is None:
                    more = sock.recv(65536)
                    if not more:
                        return
                    data += more
                    continue
                request, used = found
                data = data[used:]
                self.requests.append(request)
                answer = self.answer(request)
                if callable(answer):
                    answer = answer(sock)
                if answer is None:
                    return
                sock.sendall(answer)
        except (Broken, OSError) as error:
            self.broken += [data] if isinstance(error, Broken) else []
        finally:
            self.unfinished += [data] if data else []
            sock.close()

    @staticmethod
    def parse(data, number, peer):
        """Returns the request at the start of data and its length; None while it is incomplete."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return None
        if not HEAD.match(data[:end]):
            raise Broken
        request = Request(data[:end - 4], b"", number, peer)
        names = [name.lower() for name, _ in request.fields]
        length, coding = request.all("Content-Length"), request.all("Transfer-Encoding")
        if (names.count("host") != 1 or len(length) + len(coding) > 1 or NOT_SENT_ON.intersection(names) - ({"trailer"} if coding else set()) or
                coding not in ([], ["chunked"]) or not all(LENGTH.match(value) for value in length) or
                any(REQUESTS_IN_IT.search(value) for value in request.all("Upgrade")) or bool(request.all("Upgrade")) != (request.all("Connection") == ["Upgrade"]) or
                request.all("Connection") not in ([], ["Upgrade"], ["close"])):
            raise Broken
        at = end
        if length:
            at += int(length[0])
            request.body = data[end:at]
        while coding:
            line = data.find(b"\r\n", at)
            size = data[at:line] if line >= 0 else b""
            if line < 0 or (size == b"0" and len(data) < line + 4):
                return None
            at = line + 2 + (int(size, 16) if CHUNK.match(size) else 0) + 2
            if (size != b"0" and not CHUNK.match(size)) or (len(data) >= at and data[at - 2:at] != b"\r\n"):
                raise Broken
            if size == b"0":
                break
            request.body += data[line + 2:at - 2]
        return (request, at) if len(data) >= at else None
