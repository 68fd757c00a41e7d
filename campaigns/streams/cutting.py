"""Cut streams: whatever was delivered is charged, nothing else is, and no hold outlives its time.

The client leaves at a random byte; the provider ends, resets, stalls, talks nonsense or reports an error at a random
event; a process of the gateway is killed or told to stop in the middle of its streams, and another takes its place. The
provider knows what it sent, the client what it got, and the rates are the campaign's own: what each stream must have
been charged follows without asking the product (plan.py, judge.py).
"""

import asyncio
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from campaigns.streams.client import converse
from campaigns.streams.gateways import Gateways, gateways
from campaigns.streams.judge import Told, faults
from campaigns.streams.plan import CutBy, Plan, plan
from campaigns.streams.provider import ScriptedProvider, scripted_provider
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.operations import execute_one
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, Organizations

AT_ONCE = 24
AT_ONE_END = 10
"""Streams of a process when it is ended."""
GRANTED = 1_000_000
"""Credits: more than all streams together can hold."""
SETTLED_SECONDS = 40.0
"""How long drained and recovered calls may take to be in the books."""
TTL_SECONDS = 60
_SIGNALS = (signal.SIGKILL, signal.SIGTERM)


class Cutting:
    """The streams of one run and what became of them."""

    def __init__(
        self, site: Gateways, provider: ScriptedProvider, org: Organization, dice: random.Random, tick: Tick
    ) -> None:
        self.site, self.provider, self.org, self.dice, self._tick = site, provider, org, dice, tick
        self.told: list[Told] = []
        self.counts: Counter[str] = Counter()

    async def cut(self, plans: list[Plan]) -> None:
        """Streams that client or provider cut, over all processes, so many at once."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(stream: Plan) -> None:
            async with room:
                await self._stream(stream, self.dice.choice(self.site.urls))

        await asyncio.gather(*map(one, plans))

    async def kill(self, plans: list[Plan], how: signal.Signals) -> None:
        """Streams of one process that is ended under them."""
        number = self.dice.randrange(len(self.site.urls))
        running = [asyncio.create_task(self._stream(stream, self.site.urls[number])) for stream in plans]
        await asyncio.sleep(0.1 + 2 * self.dice.random())
        self.counts["processes killed" if how is signal.SIGKILL else "processes stopped"] += 1
        await asyncio.to_thread(self.site.end, number, how)
        await asyncio.gather(*running)

    async def _stream(self, stream: Plan, url: str) -> None:
        self.provider.plans[stream.call_id] = stream
        got = await converse(url, self.org.key, stream)
        self.told.append(Told(stream, got, self.provider.written.get(stream.call_id)))
        self._tick(len(self.told))


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """So many streams over two processes on a PostgreSQL of their own."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return cut_streams(server.database, Path(folder), streams=size, seed=seed, tick=tick)


CUT_STREAMS = Campaign(
    name="cut-streams",
    about="streams cut by client, provider and kill -9 of the gateway: what was delivered is charged, no hold stays",
    counts="streams", full=1_000, small=200, run=run,
)  # fmt: skip


async def _cut(cutting: Cutting, *, streams: int, seed: int) -> None:
    """Two thirds of the streams are cut by client and provider, a tenth by nobody, and the rest by ending processes."""
    dice = cutting.dice
    ways: list[CutBy] = dice.choices(("client", "provider", "gateway", "nobody"), (35, 30, 25, 10), k=streams)
    plans = [plan(f"s{seed}-{number}", way, dice) for number, way in enumerate(ways)]
    cutting.counts.update(f"cut by {way}" for way in ways)
    await cutting.cut([one for one in plans if one.cut_by != "gateway"])
    doomed = [one for one in plans if one.cut_by == "gateway"]
    for number, start in enumerate(range(0, len(doomed), AT_ONE_END)):
        await cutting.kill(doomed[start : start + AT_ONE_END], _SIGNALS[number % 2])


def cut_streams(database: TestDatabase, folder: Path, *, streams: int, seed: int, tick: Tick = unheard) -> Outcome:
    """So many streams over two processes of the application on this database."""
    outcome, organizations = Outcome("cut streams", seed), Organizations(database)
    org = organizations.make(str(GRANTED))
    with scripted_provider() as provider, gateways(database, folder, provider.port) as site:
        cutting = Cutting(site, provider, org, random.Random(seed), tick)
        asyncio.run(_cut(cutting, streams=streams, seed=seed))
        lapsed = _wait_for_books(database, org)
    later = time.time_ns() // 1_000 + TTL_SECONDS * 1_000_000
    organizations.run(org.org_id, execute_one(Touch(org_id=org.org_id), clock=later))
    organizations.close()
    charges = _charges(database, org)
    for told in cutting.told:  # what had been sent by the end, not by the time the client was gone
        final = Told(told.plan, told.got, provider.written.get(told.plan.call_id))
        outcome.faults += faults(final, charges.pop(f"~{told.plan.call_id}", []))
    outcome.faults += [f"{usage_id} is usage of no stream" for usage_id in charges]
    outcome.faults += _sums(database, org) + deviations(database.owner_url)
    outcome.figures = {
        "streams": len(cutting.told),
        **cutting.counts,
        **_figures(cutting),
        "holds left to lapse": lapsed,
    }
    return outcome


def _figures(cutting: Cutting) -> dict[str, int]:
    reached = [told for told in cutting.told if told.written is not None]
    return {
        "events sent": sum(told.written or 0 for told in reached),
        "streams that ended early": sum(not told.got.ended for told in cutting.told),
    }


def _wait_for_books(database: TestDatabase, org: Organization) -> int:
    """How many holds are open when drained and recovered calls have had their time."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while (left := _open_holds(database, org)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def _open_holds(database: TestDatabase, org: Organization) -> int:
    return _number(database, "SELECT count(*) FROM ledger.open_hold WHERE org_id = %s", org)


def _charges(database: TestDatabase, org: Organization) -> dict[str, list[int]]:
    """Every row of usage, by the hold it stands for."""
    charges: dict[str, list[int]] = {}
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute("SELECT usage_id, charged FROM ledger.usage WHERE org_id = %s", [org.org_id])
        for usage_id, charged in rows:
            charges.setdefault(usage_id, []).append(charged)
    return charges


def _sums(database: TestDatabase, org: Organization) -> list[str]:
    """The balance is what was granted less what was charged, and nothing is held any more."""
    used = _number(database, "SELECT coalesce(sum(charged), 0) FROM ledger.usage WHERE org_id = %s", org)
    left = _number(database, "SELECT available FROM ledger.account WHERE org_id = %s", org)
    wrong = [f"{GRANTED} granted, {used} used, {left} left"] if left + used != GRANTED * 1_000_000 else []
    held = _open_holds(database, org)
    return wrong + ([f"{held} holds outlived their time"] if held else [])


def _number(database: TestDatabase, query: str, org: Organization) -> int:
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(query.encode(), [org.org_id]).fetchone()
    assert row is not None
    return int(row[0])
