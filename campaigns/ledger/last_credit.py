"""The last credit: 64 callers at once ask, over HTTP, for more than there is. Exactly what there is must be given. Of
the processes they ask two pass on to each other, and one does its own.

In the same round one id is sent fifty times at once, as a hold and then as its settlement: one effect, one answer.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from tests.support.cluster import TestDatabase
from tests.support.processes import serving
from tests.support.programs import Organization, Organizations
from tests.support.wire import Wire

CALLERS = 64
REPETITIONS = 50
PROCESSES: Sequence[dict[str, str]] = ({}, {}, {"TESTKASE_LEDGER_NEIGHBOURS": "0"})
"""What is special about each."""

_CALL = {"use_case": "chat", "user": "ada@example.com"}


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """On a PostgreSQL of its own, with several processes of the application."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as apps:
        urls = [apps.enter_context(serving(server.database, Path(folder), each)).url for each in PROCESSES]
        return asyncio.run(last_credit(server.database, urls, rounds=size, seed=seed, tick=tick))


LAST_CREDIT = Campaign(
    name="last-credit", about="64 callers at once ask for more than there is: what there is is given, once",
    counts="rounds", full=10_000, small=100, run=run,
)  # fmt: skip


async def last_credit(
    database: TestDatabase, urls: Sequence[str], *, rounds: int, seed: int, tick: Tick = unheard
) -> Outcome:
    """`urls`: one or several processes of the application on the same database; callers are spread over them."""
    dice = random.Random(seed)
    outcome = Outcome("last credit", seed)
    organizations = Organizations(database)
    wires = [await Wire.connect(urls[number % len(urls)], "") for number in range(CALLERS)]
    counts: Counter[str] = Counter(accepted=0, refused=0, repeated=0)
    for number in range(rounds):
        await _last(organizations, wires, dice, counts, outcome)
        await _same_id(organizations.make("10"), wires, dice, counts, outcome)
        tick(number + 1)
    for wire in wires:
        wire.close()
    organizations.close()
    outcome.faults += deviations(database.owner_url)
    outcome.figures = {"rounds": rounds, "callers": CALLERS, "processes": len(urls), **counts}
    return outcome


async def _last(
    organizations: Organizations, wires: Sequence[Wire], dice: random.Random, counts: Counter[str], outcome: Outcome
) -> None:
    """accepted = floor(balance / amount), and the rest is refused for want of credits."""
    balance = Decimal(dice.randrange(0, 4_000)) / 100
    amount = Decimal(dice.randrange(40, 400)) / 100
    organization = organizations.make(str(balance))
    for wire in wires:
        wire.key = organization.key
    answers = await asyncio.gather(
        *(wire.post("/api/v1/holds", _CALL | {"id": f"h{n}", "credits": str(amount)}) for n, wire in enumerate(wires))
    )
    accepted = sum(answer.status == 201 for answer in answers)
    refused = sum(answer.status == 402 and answer.json()["code"] == "insufficient_credits" for answer in answers)
    possible = min(CALLERS, int(balance // amount))
    counts["accepted"] += accepted
    counts["refused"] += refused
    if (accepted, refused) != (possible, CALLERS - possible):
        outcome.faults.append(f"{balance} / {amount}: {accepted} accepted, {refused} refused, {possible} possible")
    left = Decimal((await wires[0].get("/api/v1/balance")).json()["available"])
    lowest = min((Decimal(answer.json()["balance"]) for answer in answers if answer.status == 201), default=left)
    if left != balance - accepted * amount or min(left, lowest) < 0:
        outcome.faults.append(f"{balance} - {accepted} x {amount} left {left}, lowest {lowest}")


async def _same_id(
    organization: Organization, wires: Sequence[Wire], dice: random.Random, counts: Counter[str], outcome: Outcome
) -> None:
    """Fifty times the same hold, then fifty times the same settlement."""
    for wire in wires:
        wire.key = organization.key
    charge = str(Decimal(dice.randrange(1, 200)) / 100)
    for path, body in (
        ("/api/v1/holds", _CALL | {"id": "once", "credits": "2"}),
        ("/api/v1/holds/once/settlement", {"credits": charge}),
    ):
        answers = await asyncio.gather(*(wire.post(path, body) for wire in wires[:REPETITIONS]))
        counts["repeated"] += REPETITIONS
        first = [answer for answer in answers if not answer.replayed]
        if len({(answer.status, answer.body) for answer in answers}) != 1 or len(first) != 1:
            told = Counter((answer.status, answer.replayed, answer.body) for answer in answers)
            outcome.faults.append(f"{path} repeated: {told.most_common(3)}")
    balance = (await wires[0].get("/api/v1/balance")).json()
    if Decimal(balance["available"]) != 10 - Decimal(charge) or Decimal(balance["held"]):
        outcome.faults.append(f"10 - {charge} once left {balance['available']}, held {balance['held']}")
