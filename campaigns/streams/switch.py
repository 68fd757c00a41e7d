"""The switch under load: programs stream, hold and settle over HTTP while the Owner switches AI off and on at random.

Nothing may be charged between an entry that switches off and the next that switches on. A stream that is running when
AI is switched off must end soon, with the reason and without a charge; how soon is measured.
"""

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from tests.support.cluster import TestDatabase
from tests.support.processes import serving
from tests.support.programs import MODEL, Organization, Organizations
from tests.support.upstream import Reply, Upstream, scripted_upstream

PROCESSES = 2
STREAMS = 12
PAIRS = 4
TOO_LATE_SECONDS = 5.0
"""A stream that goes on for so long is a fault on any machine; the figure to look at is the slowest."""

SHORT = Reply(chunks=("word ",) * 5, delay_chunk=0.02, usage={"prompt_tokens": 1000, "completion_tokens": 200})
LONG = Reply(chunks=("word ",) * 1200, delay_chunk=0.05)
"""A minute: nothing but the switch ends it while the campaign runs."""

_CALL = {"use_case": "report", "user": "ada@example.com"}
_QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "A test?"}], "max_tokens": 900, "stream": True}
_SPENT_WHILE_OFF = """
    SELECT e.seq FROM ledger.entry AS e WHERE e.org_id = %(org)s AND e.used > 0 AND (
        SELECT s.note FROM ledger.entry AS s
        WHERE s.org_id = e.org_id AND s.kind = 'switch' AND s.seq < e.seq ORDER BY s.seq DESC LIMIT 1) = 'off'
"""


class Office:
    """The organization, its switch, and what its programs saw."""

    def __init__(self, organizations: Organizations, urls: Sequence[str], upstream: Upstream, seed: int) -> None:
        self.organizations, self.urls, self.upstream = organizations, urls, upstream
        self.org: Organization = organizations.make("1000000")
        self.dice = random.Random(seed)
        self.stop = asyncio.Event()
        self.off_at = 0.0
        self.cuts: list[float] = []
        """Seconds from the switch to the end of each stream that it cut."""
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    async def stream(self, client: httpx.AsyncClient) -> None:
        """Completions, one after another; every second one would last a minute."""
        while not self.stop.is_set():
            self.upstream.script(self.dice.choice((SHORT, LONG)))
            self._note(await self._complete(client))
            await asyncio.sleep(self.dice.random() / 20)

    async def pair(self, client: httpx.AsyncClient, number: int) -> None:
        """Holds and their settlements; while AI is off both are refused."""
        for count in range(1_000_000):
            if self.stop.is_set():
                return
            hold_id = f"pair-{number}-{count}"
            await client.post("/api/v1/holds", json=_CALL | {"id": hold_id, "credits": "0.50"})
            await asyncio.sleep(self.dice.random() / 10)
            settled = await client.post(f"/api/v1/holds/{hold_id}/settlement", json={"credits": "0.50"})
            self.counts["settled" if settled.status_code == 200 else "refused"] += 1

    async def flip(self, times: int, tick: Tick) -> None:
        """The Owner's hand."""
        for number in range(times):
            await asyncio.sleep(0.2 + self.dice.random())
            await self._off()
            await asyncio.sleep(self.dice.choice((0.0, 1.5, 1.5 * self.dice.random())))
            await asyncio.to_thread(self.organizations.switch_ai, self.org.org_id, True)
            tick(number + 1)
        await asyncio.sleep(1)
        self.stop.set()
        await self._off()  # ends the long ones

    async def _off(self) -> None:
        self.off_at = time.monotonic()
        await asyncio.to_thread(self.organizations.switch_ai, self.org.org_id, False)

    async def _complete(self, client: httpx.AsyncClient) -> tuple[int, list[str]]:
        async with client.stream("POST", "/openai/v1/chat/completions", json=_QUESTION) as answer:
            return answer.status_code, [line async for line in answer.aiter_lines() if line][-3:]

    def _note(self, answer: tuple[int, list[str]]) -> None:
        status, last = answer
        told: dict[str, Any] = next(
            (json.loads(line.removeprefix(": testkase ")) for line in last if line.startswith(": t")), {}
        )
        if status == 200 and any("ai_disabled" in line for line in last):
            self.cuts.append(time.monotonic() - self.off_at)
            self.counts["cut"] += 1
            if told.get("charged") != "0.00":
                self.faults.append(f"a stream that was cut off says {last}")
        else:
            self.counts["completed" if status == 200 and last[-1:] == ["data: [DONE]"] else "refused"] += 1


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """So many times off and on, over two processes whose model is scripted."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        upstream = opened.enter_context(scripted_upstream())
        model = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_MODEL_API_KEY": "scripted"}
        apps = [opened.enter_context(serving(server.database, Path(folder), model)) for _ in range(PROCESSES)]
        urls = [app.url for app in apps]
        return asyncio.run(switch(server.database, urls, upstream, flips=size, seed=seed, tick=tick))


SWITCH = Campaign(
    name="switch", about="AI off and on under load: nothing is charged while it is off, running streams end soon",
    counts="switches", full=1_000, small=30, run=run,
)  # fmt: skip


async def switch(
    database: TestDatabase, urls: Sequence[str], upstream: Upstream, *, flips: int, seed: int, tick: Tick = unheard
) -> Outcome:
    """`urls`: one or several processes whose embedded model is `upstream`; programs are spread over them."""
    organizations = Organizations(database)
    office = Office(organizations, urls, upstream, seed)
    options: dict[str, Any] = {"headers": office.org.headers, "timeout": 90, "trust_env": False}
    clients = [httpx.AsyncClient(base_url=url, **options) for url in urls]
    programs = [office.stream(clients[number % len(clients)]) for number in range(STREAMS)]
    programs += [office.pair(clients[number % len(clients)], number) for number in range(PAIRS)]
    await asyncio.gather(office.flip(flips, tick), *programs)
    for client in clients:
        await client.aclose()
    outcome = Outcome("switch", seed, faults=office.faults)
    spent = organizations.rows(office.org.org_id, _SPENT_WHILE_OFF, org=office.org.org_id)
    outcome.faults += [f"entry {row['seq']} charged while AI was off" for row in spent]
    outcome.faults += [f"a stream went on for {late:.1f} s" for late in office.cuts if late > TOO_LATE_SECONDS]
    outcome.faults += deviations(database.owner_url)
    organizations.close()
    slowest = max(office.cuts, default=0.0)
    outcome.figures = {"switches": 2 * flips + 1, **office.counts, "slowest cut": f"{slowest:.2f} s"}
    return outcome
