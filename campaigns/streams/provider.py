"""A provider that plays each call's plan, and writes down how far it came."""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from campaigns.streams.plan import Plan

STALL_SECONDS = 30.0
"""Longer than the gateway's patience with silence."""
_CALL = re.compile(rb"call ([a-z0-9-]+):")


class ScriptedProvider:
    """`plans` by call; `written` is how many events each may have delivered."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.written: dict[str, int] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive between requests."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(length[1]) if length else 0)
                found = _CALL.search(body)
                if found is None or not await self._play(self.plans[found[1].decode()], writer):
                    break
        writer.close()

    async def _play(self, plan: Plan, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may serve another request."""
        self.written[plan.call_id] = 0
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in plan.events[: plan.written]:
            if plan.delay:
                await asyncio.sleep(plan.delay)
            self.written[plan.call_id] += 1
            _send(writer, b"data: " + event.payload + b"\n\n")
            await writer.drain()
        return await _end(plan, writer)


async def _end(plan: Plan, writer: asyncio.StreamWriter) -> bool:
    if plan.ending == "well":
        _send(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
    elif plan.ending == "eof":
        writer.write(b"0\r\n\r\n")
    elif plan.ending == "broken chunk":
        writer.write(b"ff\r\ndata: {")
    elif plan.ending == "garbage":
        writer.write(b"zz\r\n\x00\x01\xfe broken\r\n")
    elif plan.ending == "error":
        _send(writer, b"data: " + json.dumps({"error": {"message": "overloaded", "code": 503}}).encode() + b"\n\n")
        writer.write(b"0\r\n\r\n")
    elif plan.ending == "reset":
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif plan.ending == "stall":
        await writer.drain()
        await asyncio.sleep(STALL_SECONDS)
    await writer.drain()
    return plan.ending in ("well", "eof", "error")


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n" % len(data) + data + b"\r\n")


@contextmanager
def scripted_provider() -> Iterator[ScriptedProvider]:
    """Listening on a free port of loopback, on a thread of its own."""
    provider, ready, loop = ScriptedProvider(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, limit=2**20)
        provider.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # closed transports go with the loop's next turns

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True, name="scripted-provider")
    thread.start()
    ready.wait(10)
    try:
        yield provider
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
