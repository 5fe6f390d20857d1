#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An origin server in a separate process, so that it can be killed. soak_origin.py PORT"""
import asyncio
import sys

PART = bytes(range(256)) * 64


def answer(body, status="200 OK"):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


async def head_read(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return lines[0].split(" ")[:2], fields


async def body_read(reader, fields):
    if "transfer-encoding" not in fields:
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return body


async def parts_send(writer, chunked):
    """1 MB, slower than it could be if the client is."""
    writer.write(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (64 * len(PART))) + b"\r\n\r\n")
    for _ in range(64):
        writer.write(b"%x\r\n%s\r\n" % (len(PART), PART) if chunked else PART)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")


async def tunnel(reader, writer):
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def serve(reader, writer):
    try:
        while True:
            (method, target), fields = await head_read(reader)
            path = target.split("?")[0]
            body = await body_read(reader, fields)
            if "upgrade" in fields:
                await tunnel(reader, writer)
                return
            if path == "/app/slow":
                await asyncio.sleep(0.3)
            if path in ("/app/large", "/app/chunked"):
                await parts_send(writer, path == "/app/chunked")
            elif method == "HEAD":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            else:
                writer.write(answer(body or b"hello"))
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512, reuse_address=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
