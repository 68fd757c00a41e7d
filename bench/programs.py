"""(c) Over HTTP: single holds and settlements, and batches of 500, with one process of the real application; and with
two that share the load."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.cpu import process_seconds
from bench.measure import SCOPES, Sample, percentiles
from bench.server import Server
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
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

    apps: Sequence[App]
    """Processes of one database; connections take turns."""
    work: str
    """`single`, `batches`; single by `two` processes that are neighbours, or by two that are `apart`, as on two
    machines."""
    scope: str
    section: str = "HTTP"

    @property
    def name(self) -> str:
        what = f"batches of {BATCH}" if self.work == "batches" else "single"
        processes = {"two": ", two neighbours", "apart": ", two processes apart"}.get(self.work, "")
        return f"pairs, {what}, {self.scope}, {self.connections} connections{processes}"

    @property
    def key(self) -> str:
        return f"http.{self.work}.{self.scope}"

    @property
    def organizations(self) -> Sequence[Organization]:
        return self.apps[0].organizations

    @property
    def connections(self) -> int:
        return BATCH_CONNECTIONS if self.work == "batches" else CONNECTIONS

    def run(self, seconds: float) -> Sample:
        return self.apps[0].loop.run_until_complete(self._run(seconds))

    async def _run(self, seconds: float) -> Sample:
        each = BATCH if self.work == "batches" else 1
        once = _batch if self.work == "batches" else single_pair
        wires = [
            await Wire.connect(self.apps[n % len(self.apps)].url, self._organization(n).key)
            for n in range(self.connections)
        ]
        latencies: list[float] = []
        spent, database, began = self._spent(), self.apps[0].server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(_repeat(once, wire, began + seconds, latencies) for wire in wires))
        took = time.perf_counter() - began
        spent, database = self._spent() - spent, self.apps[0].server.cpu_seconds() - database
        for wire in wires:
            wire.close()
        count = max(len(latencies) * each, 1)
        return Sample(count, took, *percentiles(latencies), spent / count * 1e6, database / count * 1e6)

    def _spent(self) -> float:
        return sum(process_seconds(app.pid) for app in self.apps)

    def _organization(self, number: int) -> Organization:
        return self.organizations[number % len(self.organizations) if self.scope == "many" else 0]


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
            yield HttpCase((app,), work, scope)


def check_books(server: Server, org_ids: Iterable[int]) -> None:
    """Every organization's books add up to the last micro-credit, whoever wrote them. Raises RuntimeError."""
    database = SyncDatabase(server.app_url)
    try:
        for org_id in {*org_ids}:
            if found := database.read(verify(org_id), org_id=org_id):
                raise RuntimeError(f"the books deviate: {found}")
    finally:
        database.close()
