"""Rush: both drivers at once, on connections of their own, ask for the last credits of one organization.

The synchronous driver in threads and three engines on one event loop, which are never long in doubt of what they
remember and at times take it to be an hour earlier or later. One of them is alone, one writes and is asked by the
third, and at times these two lose each other in the middle of it. What there is is given, everybody is answered, now,
and one id that all of them send has one effect. The same over HTTP, in several processes, is `last-credit`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.fast_cluster import fast_cluster
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.neighbours import Neighbours
from testkase.core.ledger.operations import Answer, execute
from testkase.core.ledger.operations import Outcome as Told
from testkase.core.ledger.refusals import InsufficientCredits
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.cluster import TestDatabase
from tests.support.ledger import SUBJECT

THREADS = 6
CALLERS = 48
CUT = 0.5
"""In how many rounds neighbours lose each other."""
LONGEST_CUT = 0.02
"""Seconds after which they do at the latest: most of a round is over by then."""
WRONG_CLOCK = 0.2
"""How often an engine's idea of the time is an hour wrong when a round begins."""
HOUR = 3_600_000_000


def rush(database: TestDatabase, *, rounds: int, seed: int, tick: Tick = unheard) -> Outcome:
    """So many organizations, one after another."""
    outcome = Outcome("rush", seed)
    asyncio.run(_rounds(database, rounds, seed, outcome, tick))
    outcome.faults += deviations(database.owner_url)
    return outcome


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """On a PostgreSQL of its own."""
    with fast_cluster() as cluster:
        return rush(cluster.fresh(), rounds=size, seed=seed, tick=tick)


RUSH = Campaign(
    name="rush", about="both drivers on many connections ask for the last credits: what there is is given, once",
    counts="rounds", full=10_000, small=200, run=run,
)  # fmt: skip


async def _rounds(database: TestDatabase, rounds: int, seed: int, outcome: Outcome, tick: Tick) -> None:
    dice, counts = random.Random(seed), Counter[str]()
    books = SyncDatabase(database.app_url, max_size=THREADS)
    with TemporaryDirectory(prefix="tk-", dir="/tmp") as folder, ThreadPoolExecutor(THREADS) as threads:
        asked, asking = (Neighbours(Path(folder) / "engines", writes=writes) for writes in (True, False))
        engines = [Engine(database.app_url, neighbours=neighbours) for neighbours in (None, asked, asking)]
        for engine in engines:
            await engine.start()
            engine.heads.doubt_seconds = 0.0
        for number in range(1, rounds + 1):
            outcome.faults += await _round(number, dice, books, engines, asking, threads, counts)
            tick(number)
        for engine in reversed(engines):
            await engine.stop()
    for engine in engines:
        counts += Counter({"batches from memory": engine.heads.confirmed, "wrong memories": engine.heads.refuted})
    books.close()
    outcome.figures = {"rounds": rounds, "callers": CALLERS, **dict(sorted(counts.items()))}


async def _round(
    org_id: int,
    dice: random.Random,
    books: SyncDatabase,
    engines: Sequence[Engine],
    asking: Neighbours,
    threads: ThreadPoolExecutor,
    counts: Counter[str],
) -> list[str]:
    """accepted = floor(balance / amount), whoever asks how."""
    balance, amount = dice.randrange(30 * MICRO), dice.randrange(MICRO // 2, 3 * MICRO)
    await engines[0].submit(ask.OpenAccount(org_id=org_id, monthly_allowance=balance, ai_enabled=True))
    loop = asyncio.get_running_loop()
    if dice.random() < WRONG_CLOCK:  # of the engine that remembers the organization
        engines[0].heads.hear(_now() + dice.choice((-HOUR, HOUR)))
    nothing = [
        ask.OpenHold(org_id=org_id, hold_id=f"nothing {n}", amount=0, ttl_seconds=600, subject=SUBJECT)
        for n in range(1 + org_id % 2)  # one is written otherwise than two
    ]
    first = (await engines[0].submit_many(nothing))[0]

    def told(command: ask.Command) -> Told:
        return books.run(execute([command]), org_id=org_id)[0]

    await asking.look()
    engines[-1].heads.share([org_id])
    asked: list[asyncio.Future[Told]] = []
    names = ["the same" if number % 8 == 0 else f"{number}" for number in range(CALLERS)]
    for number, name in enumerate(names):
        command = ask.OpenHold(org_id=org_id, hold_id=name, amount=amount, ttl_seconds=600, subject=SUBJECT)
        if number % 2:
            asked.append(loop.run_in_executor(threads, told, command))
        else:
            asked.append(asyncio.ensure_future(_one(engines[number // 2 % len(engines)], command)))
    if cut := dice.random() < CUT:
        counts["neighbours lost"] += await _lose(asking, dice.random() * LONGEST_CUT)
    found = await asyncio.gather(*asked, return_exceptions=True)
    answers = [one for one in found if isinstance(one, Answer)]
    # Who asks again after a neighbour was lost is not told that it was the second, where it may have been the first.
    accepted = len({one.entry.hash for one in answers}) if cut else sum(not one.replayed for one in answers)
    replayed = len(answers) - accepted
    no = InsufficientCredits | Unavailable if cut else InsufficientCredits  # whoever is lost may accept it yet
    refused = sum(isinstance(one, no) for one in found)
    counts += Counter(accepted=accepted, refused=refused, repeated=replayed)
    apart = CALLERS - CALLERS // 8 + 1
    possible = min(balance // amount, apart)
    faults = [f"organization {org_id}: {one!r}" for one in found if not isinstance(one, Answer | no)]
    if not faults and (accepted != possible or accepted + refused + replayed != CALLERS):
        faults.append(f"{balance} / {amount}: {accepted} accepted, {replayed} repeated, {refused} refused")
    if any(
        isinstance(one, Answer) and one.replayed and name != names[0] for one, name in zip(found, names, strict=True)
    ):
        faults.append(f"organization {org_id}: what was asked for once is called a repetition")
    instants = [one.entry.at for one in (first, *found) if isinstance(one, Answer)]
    if any(abs(at - _now()) > HOUR // 2 for at in instants):
        faults.append(f"organization {org_id}: entries at {min(instants)} to {max(instants)}, and it is {_now()}")
    return faults


def _now() -> int:
    """Microseconds UTC: the database's clock is this machine's."""
    return time.time_ns() // 1_000


async def _lose(asking: Neighbours, seconds: float) -> int:
    """Nothing is heard any more of who is asked, and after so long they are not there. How many that were."""
    there = asking.met()
    for one in there:
        one._transport.pause_reading()  # noqa: SLF001 - as if it had gone
    await asyncio.sleep(seconds)
    for one in there:
        one.end()
    return len(there)


async def _one(engine: Engine, command: ask.Command) -> Told:
    (outcome,) = await engine.submit_many([command])
    return outcome
