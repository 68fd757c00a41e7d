"""HTTP/1.1 as providers may speak it, byte by byte: what is read, what is refused, and what ends a connection."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest

from testkase.services.inference import Catalog, ProviderError, ProviderTimeout
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream

BODY = {"messages": [{"role": "user", "content": "Hello"}]}
COMPLETION = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
LENGTH = b"Content-Length: %d\r\n\r\n" % len(COMPLETION)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\n" + LENGTH + COMPLETION

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


class Server:
    """Whoever asks is given the same bytes, one request after another."""

    def __init__(self, *parts: bytes, close: bool = False) -> None:
        self.parts = parts
        self.close = close
        self.heads: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                for part in self.parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.001)
                if self.close:
                    break
        writer.close()


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    connected: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected[asyncio.ensure_future(serve(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for task, writer in connected.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*connected, return_exceptions=True)
        await asyncio.sleep(0.01)


async def ask(catalog: Catalog, question: str = "Hello") -> bytes:
    body = {"messages": [{"role": "user", "content": question}]}
    async with catalog.open("m", body, stream=False) as call:
        return await call.read()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((WHOLE,), id="at once"),
        pytest.param(tuple(bytes([byte]) for byte in WHOLE), id="byte by byte"),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", WHOLE), id="interim"),
        pytest.param(
            (CHUNKED, b"%x\r\n%b" % (len(COMPLETION), COMPLETION), b"\r\n0\r\nX-Trailer: later\r\n\r\n"),
            id="chunked, with a trailer",
        ),
    ],
)
async def test_answers_are_the_same_however_they_come_and_leave_the_connection(
    lab: Lab, parts: tuple[bytes, ...]
) -> None:
    server = Server(*parts)
    async with listening(server.serve) as address:
        catalog = lab.catalog(base_url=address)
        assert [await ask(catalog), await ask(catalog)] == [COMPLETION, COMPLETION]
        assert server.connections == 1


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", id="ended by the connection's end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + LENGTH, id="closing"),
        pytest.param(b"HTTP/1.0 200 OK\r\n" + LENGTH, id="of a server that keeps no connection"),
    ],
)
async def test_a_connection_that_will_be_closed_is_not_kept(lab: Lab, head: bytes) -> None:
    server = Server(head + COMPLETION, close=True)
    async with listening(server.serve) as address:
        catalog = lab.catalog(base_url=address)
        assert [await ask(catalog), await ask(catalog)] == [COMPLETION, COMPLETION]
        assert server.connections == 2


async def test_what_comes_after_an_answer_is_nobodys_answer(lab: Lab) -> None:
    server = Server(WHOLE + b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    async with listening(server.serve) as address:
        catalog = lab.catalog(base_url=address)
        assert [await ask(catalog), await ask(catalog)] == [COMPLETION, COMPLETION]
        assert server.connections == 2


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b"220 mail.example ESMTP\r\n",), id="another protocol"),
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nHello",), id="two lengths"),
        pytest.param((b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",), id="upgrade"),
        pytest.param((CHUNKED + b"zz\r\n",), id="a chunk of no length"),
        pytest.param(
            (b"HTTP/1.1 200 OK\r\n", *(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(100))), id="an endless head"
        ),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000,), id="interim answers without end"),
    ],
)
async def test_what_is_no_answer_ends_the_connection(lab: Lab, parts: tuple[bytes, ...]) -> None:
    server = Server(*parts)
    async with listening(server.serve) as address:
        with pytest.raises(ProviderError, match=r"broke off \(not HTTP\)"):
            await ask(lab.catalog(base_url=address))


async def test_a_server_that_refuses_before_it_has_read_everything_is_heard(lab: Lab) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        await asyncio.sleep(60)

    async with listening(refuse) as address:
        with pytest.raises(ProviderError) as refused:
            await ask(lab.catalog(base_url=address), "x" * 20_000_000)
        assert refused.value.status == 413


async def test_a_server_that_stops_reading_is_given_up(lab: Lab) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with listening(ignore) as address:
        catalog = lab.catalog(base_url=address, write_timeout=0.1)
        with pytest.raises(ProviderTimeout):
            await ask(catalog, "x" * 20_000_000)


async def test_a_provider_that_writes_faster_than_it_is_read_has_to_wait(lab: Lab) -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        with suppress(ConnectionError):
            while sent < 100_000_000:
                writer.write(b": waiting\n\n" * 1_000)
                await writer.drain()
                sent += 11_000
        writer.transport.abort()

    async with listening(pour) as address:
        async with lab.catalog(base_url=address).open("m", BODY, stream=True):
            seen = -1
            while seen != sent:  # until the sockets' own buffers are full
                seen = sent
                await asyncio.sleep(0.1)
            assert 0 < sent < 50_000_000
        await asyncio.sleep(0.05)


async def test_the_request_is_one_well_formed_head_and_body(lab: Lab) -> None:
    server = Server(WHOLE)
    async with listening(server.serve) as address:
        await ask(lab.catalog(base_url=address + "/a path/ü"))
    first, *headers = server.heads[0].decode("ascii").split("\r\n")
    assert first == "POST /v1/a%20path/%C3%BC/chat/completions HTTP/1.1"
    assert "authorization: Bearer sk-scripted-key" in headers
    assert headers[0] == "host: " + address.removeprefix("http://").removesuffix("/v1")


@pytest.mark.parametrize("wait", ["²", "7" * 5_000, "-7", "soon"])
async def test_a_wait_that_is_no_number_of_seconds_is_not_passed_on(lab: Lab, upstream: Upstream, wait: str) -> None:
    """A digit to Python, though not to `int`, and one longer than `int` takes: each was answered as a fault of ours."""
    upstream.script(Reply(status=429, headers=(("Retry-After", wait),)))
    with pytest.raises(ProviderError) as refused:
        async with lab.catalog().open("m", BODY, stream=False):
            pass
    assert (refused.value.status, refused.value.facts.get("retry_after_seconds")) == (429, None)
