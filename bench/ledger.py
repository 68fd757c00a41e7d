"""(b) The engine in this process: authorizes and pairs by 1, 32 and 1,024 callers, over many organizations and
on one."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.measure import SCOPES, Sample, percentiles
from bench.server import Server
from testkase.core.ledger.commands import Grant, OpenAccount, OpenHold, SettleHold
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Subject
from testkase.core.ledger.terms import Rates, Terms, Tokens
from testkase.foundation.problems import Problem

CALLERS = (1, 32, 1024)
CREDITS = 10**15
_WORK = {"authorizes": "authorize", "pairs": "pair"}

SUBJECT = Subject(use_case="test_generation", user="ada@example.com", project="DEMO", model="bench")
RATES = Rates(
    above_input_tokens=0, input=200_000_000, cached_input=50_000_000, cache_write=200_000_000,
    output=1_500_000_000, reasoning=1_500_000_000,
)  # fmt: skip
TERMS = Terms(
    rate_card="2026-11-01",
    model="bench",
    tiers=(RATES,),
    charge_increment=10_000,
)
TOKENS = Tokens(input=600, output=120)
AMOUNT = 500_000

_numbers = itertools.count(1)


@dataclass(frozen=True)
class EngineCase:
    """A number of callers who each wait for one answer before they ask again."""

    server: Server
    loop: asyncio.AbstractEventLoop
    engine: Engine
    work: str
    callers: int
    scope: str
    org_ids: Sequence[int]
    section: str = "engine"

    @property
    def name(self) -> str:
        return f"{_WORK[self.work]}, {self.scope}, {self.callers:,} callers"

    @property
    def key(self) -> str:
        return f"engine.{self.work}.{self.callers}.{self.scope}"

    def run(self, seconds: float) -> Sample:
        return self.loop.run_until_complete(self._run(seconds))

    async def _run(self, seconds: float) -> Sample:
        once = _pair if self.work == "pairs" else authorize
        latencies: list[float] = []
        app, database = time.process_time(), self.server.cpu_seconds()
        began = time.perf_counter()
        until = began + seconds
        await asyncio.gather(*(self._caller(once, number, until, latencies) for number in range(self.callers)))
        took = time.perf_counter() - began
        app, database = time.process_time() - app, self.server.cpu_seconds() - database
        count = len(latencies)
        return Sample(count, took, *percentiles(latencies), app / max(count, 1) * 1e6, database / max(count, 1) * 1e6)

    async def _caller(
        self, once: Callable[[Engine, int], Awaitable[None]], number: int, until: float, latencies: list[float]
    ) -> None:
        place = number % len(self.org_ids) if self.scope == "many" else 0
        while (began := time.perf_counter()) < until:
            await once(self.engine, self.org_ids[place])
            latencies.append((time.perf_counter() - began) * 1000)
            if self.scope == "many":
                place = (place + 977) % len(self.org_ids)


async def authorize(engine: Engine, org_id: int) -> None:
    """One hold under an id of its own."""
    await engine.submit(hold(org_id, f"b{next(_numbers)}"))


async def _pair(engine: Engine, org_id: int) -> None:
    held = hold(org_id, f"b{next(_numbers)}")
    await engine.submit(held)
    await engine.submit(SettleHold(org_id=org_id, hold_id=held.hold_id, tokens=TOKENS))


def hold(org_id: int, hold_id: str) -> OpenHold:
    """The command most of the bench is made of."""
    return OpenHold(org_id=org_id, hold_id=hold_id, amount=AMOUNT, ttl_seconds=300, subject=SUBJECT, terms=TERMS)


async def prepare_ledger(engine: Engine, org_ids: Sequence[int]) -> None:
    """Every organization with an account, AI on, and credits for the whole run."""
    for first in range(0, len(org_ids), 500):
        part = org_ids[first : first + 500]
        opened = await engine.submit_many(
            [OpenAccount(org_id=n, monthly_allowance=10**8, ai_enabled=True) for n in part]
        )
        granted = await engine.submit_many([Grant(org_id=n, grant_id="bench", amount=CREDITS) for n in part])
        for outcome in (*opened, *granted):
            if isinstance(outcome, Problem):
                raise outcome


def engine_cases(
    server: Server, loop: asyncio.AbstractEventLoop, engine: Engine, org_ids: Sequence[int]
) -> Iterator[EngineCase]:
    """Authorizes and pairs, many and hot, at each number of callers."""
    for work in _WORK:
        for scope in SCOPES:
            for callers in CALLERS:
                yield EngineCase(server, loop, engine, work, callers, scope, org_ids)
