"""A small HTTP/1.1 server for loopback. A simulator must also be able to break a connection in the middle, and an
application cannot ask that of an ordinary server; h11 does the protocol."""

import asyncio
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

import h11
from litestar import Litestar

from razorpay_simulator.api.door import BREAK

HOST = "127.0.0.1"
_GRACE_SECONDS = 3.0
_READ_BYTES = 65536


async def serve(app: Litestar, port: int, *, started: Any = None, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let answers under way end. Calls `started` with the port once it listens."""
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_Connection(app, reader, writer, stop).run())
        connections.add(task)
        task.add_done_callback(connections.discard)

    async with app.lifespan():
        server = await asyncio.start_server(accept, HOST, port)
        port = server.sockets[0].getsockname()[1]
        app.state.simulator.url = f"http://{HOST}:{port}"
        if started is not None:
            started(port)
        await stop.wait()
        server.close()
        if connections:
            await asyncio.wait(connections, timeout=_GRACE_SECONDS)
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def run(app: Litestar, port: int, *, started: Any = None) -> None:
    """Serve in this thread until SIGTERM or Ctrl-C."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(app, port, started=started, stop=stop)

    asyncio.run(until_signalled())


@contextmanager
def running(app: Litestar, port: int = 0) -> Iterator[int]:
    """Serve in a thread for the length of the block; yields the port. For tests."""
    ready, loop, stop, ports = Event(), asyncio.new_event_loop(), asyncio.Event(), [0]

    def started(number: int) -> None:
        ports[0] = number
        ready.set()

    def work() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serve(app, port, started=started, stop=stop))
        loop.close()

    thread = Thread(target=work, daemon=True)
    thread.start()
    if not ready.wait(10):
        raise TimeoutError("The simulator did not start.")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


class _Connection:
    """One connection, kept open between requests."""

    def __init__(
        self, app: Litestar, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
    ) -> None:
        self.app = app
        self.reader = reader
        self.writer = writer
        self.stop = stop
        self.protocol = h11.Connection(h11.SERVER)
        self.broken = False

    async def run(self) -> None:
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            with suppress(ConnectionError, h11.RemoteProtocolError, h11.LocalProtocolError):
                while not self.stop.is_set() and await self._turn(stopping):
                    self.protocol.start_next_cycle()
        finally:
            stopping.cancel()
            self.writer.close()
            with suppress(ConnectionError):
                await self.writer.wait_closed()

    async def _turn(self, stopping: asyncio.Future[Any]) -> bool:
        """One request and its answer; whether another may come."""
        first = asyncio.ensure_future(self._event())
        await asyncio.wait({first, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            return False
        request = first.result()
        if not isinstance(request, h11.Request):
            return False
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
        await self._answer(request, bytes(body))
        return not self.broken and self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE

    async def _event(self) -> Any:
        while (event := self.protocol.next_event()) is h11.NEED_DATA:
            if self.protocol.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self.protocol.receive_data(await self.reader.read(_READ_BYTES))
        return event

    async def _answer(self, request: h11.Request, body: bytes) -> None:
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.Event().wait()  # nobody needs to know that the caller left
            raise AssertionError

        async def send(message: Any) -> None:
            if self.broken:
                return
            if message["type"] == "http.response.start":
                self._write(h11.Response(status_code=message["status"], headers=list(message.get("headers", []))))
            elif message["type"] == "http.response.body":
                self._write(h11.Data(data=message.get("body", b"")))
                if not message.get("more_body", False):
                    self._write(h11.EndOfMessage())
            await self.writer.drain()

        scope: Any = self._scope(request)
        await self.app(scope, receive, send)  # type: ignore[arg-type]

    def _scope(self, request: h11.Request) -> dict[str, Any]:
        raw_path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.http_version.decode(),
            "method": request.method.decode(),
            "scheme": "http",
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": self.writer.get_extra_info("peername"),
            "server": self.writer.get_extra_info("sockname"),
            "extensions": {BREAK: self._break},
        }

    def _write(self, event: Any) -> None:
        if data := self.protocol.send(event):
            self.writer.write(data)

    def _break(self) -> None:
        """Reset the connection: the peer reads an error, not an end."""
        self.broken = True
        plain: socket.socket | None = self.writer.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
