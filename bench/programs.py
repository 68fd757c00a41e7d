"""(c) Over HTTP, one process of the real application: single holds and settlements, and batches of 500."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.cpu import process_seconds
from bench.measure import SCOPES, Sample, percentiles
from bench.server import Server
from tests.support.programs import Organization, Organizations
from tests.support.wire import Wire

CONNECTIONS = 64
BATCH = 500
BATCH_CONNECTIONS = 4
RICH = "900000000"
"""Credits of an organization of the bench: more than any run spends."""

CALL = {"use_case": "test_generation", "user": "ada@example.com", "project": "DEMO", "model": "testkase-demo"}
SIZE = {"input_tokens": 600, "max_output_tokens": 200}
USED = {"usage": {"input_tokens": 580, "output_tokens": 120}, "outcome": "completed"}

_numbers = itertools.count(1)
_hold = json.dumps(CALL | SIZE)[1:].encode()
_used = json.dumps(USED).encode()


@dataclass(frozen=True)
class App:
    """The application process under load, and organizations to load it with."""

    server: Server
    loop: asyncio.AbstractEventLoop
    pid: int
    url: str
    organizations: Sequence[Organization]


@dataclass(frozen=True)
class HttpCase:
    """Connections that each wait for one answer before they ask again. An operation is a pair: hold and settlement."""

    app: App
    work: str
    scope: str
    section: str = "HTTP"

    @property
    def name(self) -> str:
        what = f"batches of {BATCH}" if self.work == "batches" else "single"
        return f"pairs, {what}, {self.scope}, {self.connections} connections"

    @property
    def key(self) -> str:
        return f"http.{self.work}.{self.scope}"

    @property
    def connections(self) -> int:
        return BATCH_CONNECTIONS if self.work == "batches" else CONNECTIONS

    def run(self, seconds: float) -> Sample:
        return self.app.loop.run_until_complete(self._run(seconds))

    async def _run(self, seconds: float) -> Sample:
        app, each = self.app, BATCH if self.work == "batches" else 1
        once = _batch if self.work == "batches" else single_pair
        wires = [await Wire.connect(app.url, self._organization(n).key) for n in range(self.connections)]
        latencies: list[float] = []
        spent, database, began = process_seconds(app.pid), app.server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(_repeat(once, wire, began + seconds, latencies) for wire in wires))
        took = time.perf_counter() - began
        spent, database = process_seconds(app.pid) - spent, app.server.cpu_seconds() - database
        for wire in wires:
            wire.close()
        count = max(len(latencies) * each, 1)
        return Sample(count, took, *percentiles(latencies), spent / count * 1e6, database / count * 1e6)

    def _organization(self, number: int) -> Organization:
        return self.app.organizations[number % len(self.app.organizations) if self.scope == "many" else 0]


async def _repeat(once: Callable[[Wire], Awaitable[None]], wire: Wire, until: float, latencies: list[float]) -> None:
    while (began := time.perf_counter()) < until:
        await once(wire)
        latencies.append((time.perf_counter() - began) * 1000)


async def single_pair(wire: Wire) -> None:
    """Hold and settlement of one call: two requests."""
    hold_id = f"h{next(_numbers)}"
    await _expect(wire, "/api/v1/holds", b'{"id":"%s",' % hold_id.encode() + _hold, 201)
    await _expect(wire, f"/api/v1/holds/{hold_id}/settlement", _used, 200)


async def _batch(wire: Wire) -> None:
    """Holds and settlements of 500 calls: two requests."""
    ids = [b'{"id":"b%d",' % next(_numbers) for _ in range(BATCH)]
    held = await _expect(wire, "/api/v1/holds:batch", _items(ids, _hold), 200)
    settled = await _expect(wire, "/api/v1/settlements:batch", _items(ids, _used[1:]), 200)
    if held.count(b'"status":201') != BATCH or settled.count(b'"status":200') != BATCH:
        raise RuntimeError(f"not every item was accepted: {held[:300]!r} {settled[:300]!r}")


def _items(ids: Sequence[bytes], rest: bytes) -> bytes:
    return b'{"items":[' + b",".join(each + rest for each in ids) + b"]}"


async def _expect(wire: Wire, path: str, body: bytes, status: int) -> bytes:
    response = await wire.request("POST", path, body)
    if response.status != status:
        raise RuntimeError(f"{path} answered {response.status}: {response.body[:300]!r}")
    return response.body


def make_organizations(server: Server, count: int) -> list[Organization]:
    """Rich organizations with a key each, made while nothing is measured."""
    organizations = Organizations(server.database)
    try:
        made = [organizations.make() for _ in range(count)]
        for organization in made:
            organizations.grant(organization.org_id, RICH)
        return made
    finally:
        organizations.close()


def http_cases(app: App) -> Iterator[HttpCase]:
    """Single requests and batches, over many organizations and on one."""
    for work in ("single", "batches"):
        for scope in SCOPES:
            yield HttpCase(app, work, scope)
