"""A scripted OpenAI-compatible upstream on loopback, so that tests and benches need no model.

    with scripted_upstream() as upstream:
        upstream.script(Reply(chunks=("Hel", "lo"), cut_after=1, cut="broken"))
        ...  # point a provider, or the embedded model's port, at upstream.port
        assert upstream.requests[-1].body["store"] is False

Every POST takes the next scripted reply, or the default one when the script is used up. The server is raw asyncio on a
thread of its own: it can break a chunk in the middle, which no framework lets one do. `python -m tests.support.upstream
--port 9000` runs it alone, answering at once, for benches in another process.
"""

import argparse
import asyncio
import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.support.replies import Reply, completion, events

__all__ = ["Reply", "Request", "Upstream", "scripted_upstream"]


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Upstream:
    """The server and its script. Thread-safe enough for tests: deque appends and pops are atomic."""

    def __init__(self, default: Reply | None = None) -> None:
        self.default = default or Reply()
        self.requests: list[Request] = []
        self.disconnected = threading.Event()
        """Set when a client left before its answer was complete."""
        self.port = 0
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self.record = True
        self._script: deque[Reply] = deque()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *replies: Reply) -> None:
        """Queue replies for the next requests."""
        self._script.extend(replies)

    def unscript(self) -> None:
        """Forget the replies nobody has asked for."""
        self._script.clear()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive between requests."""
        self.connections += 1
        self._writers.add(writer)
        try:
            # Cancelled when the block ends; asyncio's own callback would log that as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._turn(reader, writer):
                    pass
        finally:
            writer.close()
            self._writers.discard(writer)

    async def hang_up(self) -> None:
        """End every connection, so that nothing is left to the garbage collector."""
        await asyncio.sleep(0.01)  # connections just accepted get to their first line
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # closed transports are closed by the loop's next turns

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection must close."""
        request = await _read_request(reader)
        if self.record:
            self.requests.append(request)
        if request.method == "GET":
            _send_json(
                writer,
                200,
                {"object": "list", "data": [{"id": "scripted", "object": "model"}]},
            )
            await writer.drain()
            return True
        reply = self._script.popleft() if self._script else self.default
        try:
            return await _answer(writer, request, reply) and not reply.close
        except ConnectionError:
            self.disconnected.set()
            return False


@contextmanager
def scripted_upstream(default: Reply | None = None, *, tls: ssl.SSLContext | None = None) -> Iterator[Upstream]:
    """An upstream listening on a free loopback port for the length of the block."""
    upstream = Upstream(default)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(upstream.handle, "127.0.0.1", 0, limit=2**22, ssl=tls)
        upstream.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        await upstream.hang_up()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True, name="scripted-upstream")
    thread.start()
    ready.wait(60)
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(body) if body else {})


async def _answer(writer: asyncio.StreamWriter, request: Request, reply: Reply) -> bool:
    """Send the reply; False when the connection must close."""
    if reply.delay_headers:
        await asyncio.sleep(reply.delay_headers)
    if reply.status != 200:
        error = reply.error or {"error": {"message": "scripted failure", "type": "server_error"}}
        _send_json(writer, reply.status, error, reply.headers, reply.raw_body)
    elif request.body.get("stream") or "alt=sse" in request.path:
        return await _stream(writer, reply)
    else:
        if reply.delay_first:
            await asyncio.sleep(reply.delay_first)
        if reply.cut_after is not None:
            writer.write(_head(200, "application/json", (("Content-Length", "4096"),)) + b'{"choices":[{"mess')
            await writer.drain()
            return False
        _send_json(writer, 200, completion(reply), reply.headers, reply.raw_body)
    await writer.drain()
    return True


async def _stream(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    writer.write(_head(200, "text/event-stream", (("Transfer-Encoding", "chunked"), *reply.headers)))
    for number, event in enumerate(events(reply)):
        delay = reply.delay_chunk if number else reply.delay_first
        if delay:
            await writer.drain()
            await asyncio.sleep(delay)
        if reply.cut_after is not None and number >= reply.cut_after:
            if reply.error is not None:
                _send_chunk(writer, b"data: " + json.dumps(reply.error).encode() + b"\n\n")
            if reply.cut == "broken":
                writer.write(b"ff\r\ndata: {")
                await writer.drain()
                return False
            break
        if reply.comments:
            _send_chunk(writer, b": PROCESSING\n\n")
        _send_chunk(writer, event)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _head(status: int, content_type: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _send_json(
    writer: asyncio.StreamWriter,
    status: int,
    body: dict[str, Any],
    headers: tuple[tuple[str, str], ...] = (),
    raw_body: bytes | None = None,
) -> None:
    data = raw_body if raw_body is not None else json.dumps(body).encode()
    writer.write(_head(status, "application/json", (("Content-Length", str(len(data))), *headers)) + data)


def main() -> None:
    """Answer at once, for benches; requests are not recorded."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=9000)
    upstream = Upstream()
    upstream.record = False

    async def serve(port: int) -> None:
        server = await asyncio.start_server(upstream.handle, "127.0.0.1", port)
        print(f"scripted upstream on 127.0.0.1:{port}", flush=True)
        await server.serve_forever()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
