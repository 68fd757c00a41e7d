"""Simulate on PostgreSQL: stories of many organizations at once, in batches, by both drivers into a database each,
beside `decide` and the naive model.

Commands that meet at one instant are one batch: for the synchronous driver a list, for the engine what its writer finds
in its queue. Every answer must be the one expected, hash by hash, and after every batch every row of accounts, lots,
open holds, budgets and pauses. At the end of a block `verify` and the judge's own SQL read the books (oracle.py).
"""

import asyncio
import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import Any, cast

import msgspec
import psycopg

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.fast_cluster import fast_cluster
from campaigns.ledger.rows import State, differences, rows
from campaigns.ledger.simulate import Block, gathered, shortened, simulation_figures, unseen, why
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from testkase.core.ledger import commands as ask
from testkase.core.ledger.decide import Decision
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, execute
from testkase.core.ledger.operations import Outcome as Told
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Problem
from tests.support.cluster import Cluster, TestDatabase
from tests.support.random_commands import Script, Step
from tests.support.side_by_side import SideBySide

STORIES = 12
"""Organizations of one block."""
BLOCK = 1_200
"""Commands of one block, all organizations together."""
MOST_AT_ONCE = 4
"""Commands of one organization in one batch."""
RECONNECT = 0.02
"""How often both drivers are closed and opened again before a batch."""

_EMPTY = """
    TRUNCATE ledger.account, ledger.lot, ledger.open_hold, ledger.entry, ledger.usage, ledger.usage_day, ledger.budget,
        ledger.pause
"""


class Story(Script):
    """One organization of many."""

    def __init__(self, dice: Random, org_id: int) -> None:
        self.side = SideBySide()
        super().__init__(dice, self.side)
        self.org_id = org_id
        self.record: list[Step] = []

    def opening(self) -> ask.OpenAccount:
        return cast(ask.OpenAccount, self._ours(super().opening()))

    def at(self, now: int) -> ask.Command:
        return self._ours(super().at(now))

    def expect(self, command: ask.Command, now: int) -> Decision | Problem:
        """What `decide` and the naive model say."""
        self.record.append(Step(command, now))
        return self.side.submit(command, now)

    def _ours(self, command: ask.Command) -> ask.Command:
        return msgspec.structs.replace(command, org_id=self.org_id)


class Drivers:
    """Both ways into PostgreSQL, each with a database of its own."""

    def __init__(self, sync: TestDatabase, asynchronous: TestDatabase) -> None:
        self.databases = {"the synchronous driver": sync, "the engine": asynchronous}
        self.now = 0
        self.restarts = 0
        self._runner = asyncio.Runner()
        self.owners = {
            name: psycopg.connect(database.owner_url, autocommit=True) for name, database in self.databases.items()
        }
        self._open()

    def tell(self, commands: Sequence[ask.Command], now: int) -> Iterator[tuple[str, list[Told]]]:
        """What each driver answers to one batch."""
        self.now = now
        yield "the synchronous driver", self._books.run(execute(commands, clock=now))
        yield "the engine", self._runner.run(self._engine.submit_many(commands))

    def reopen(self) -> None:
        """A restart: nothing is remembered that is not in a row."""
        self.restarts += 1
        self._shut()
        self._open()

    def empty(self) -> None:
        for owner in self.owners.values():
            owner.execute(_EMPTY)

    def close(self) -> None:
        self._shut()
        self._runner.close()
        for owner in self.owners.values():
            owner.close()

    def _open(self) -> None:
        sync, asynchronous = self.databases.values()
        self._books = SyncDatabase(sync.app_url, max_size=1)
        self._engine = Engine(asynchronous.app_url, clock=lambda: self.now)
        self._runner.run(self._engine.start())

    def _shut(self) -> None:
        self._runner.run(self._engine.stop())
        self._books.close()


def told_block(drivers: Drivers, seed: int, number: int, *, shorten: bool = True) -> Block:
    """One block; both databases are empty afterwards. `shorten`: a story that fails is told shorter and shorter."""
    block, restarts = Block(), drivers.restarts
    dice = Random(f"{seed}/{number}")
    stories = [Story(Random(f"{seed}/{number}/{org_id}"), org_id) for org_id in range(1, STORIES + 1)]
    try:
        _live(drivers, stories, dice)
        _judge(drivers)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        told = _shortest(drivers, stories, error) if shorten else why(error)
        block.faults.append(f"block {seed}/{number}: {told}")
    for story in stories:
        block.told += story.side.told
        block.told["entries"] += len(story.side.journal)
        if story.side.journal:
            digest = hashlib.sha256(story.side.journal[-1].hash + story.org_id.to_bytes(8)).digest()
            block.digest ^= int.from_bytes(digest[:8])
    block.told["restarts"] = drivers.restarts - restarts
    drivers.empty()
    return block


def _live(drivers: Drivers, stories: Sequence[Story], dice: Random) -> None:
    """All stories at once: whoever's turn it is says when, the others act at that instant too."""
    batch(drivers, stories, [(story, story.opening()) for story in stories], now=stories[0].now)
    done = 0
    while done < BLOCK:
        first = dice.choice(stories)
        command, now = first.next()
        others = [(story, story.at(now)) for story in stories for _ in range(_turns(dice, story is first))]
        together = [(first, command), *others][: BLOCK - done]
        if dice.random() < RECONNECT:
            drivers.reopen()
        batch(drivers, stories, together, now=now)
        done += len(together)


def _turns(dice: Random, has_had_one: bool) -> int:
    return dice.choice((0, 1, 1, 2, 3, MOST_AT_ONCE)) - has_had_one if dice.random() < 0.9 else 0


def batch(drivers: Drivers, stories: Sequence[Story], told: Sequence[tuple[Story, ask.Command]], *, now: int) -> None:
    """One batch through everything, and the comparison of everything."""
    expected = [story.expect(command, now) for story, command in told]
    commands = [command for _, command in told]
    for driver, outcomes in drivers.tell(commands, now):
        for command, wanted, found in zip(commands, expected, outcomes, strict=True):
            same_answer(driver, command, wanted, found)
    wanted_rows = _rows(stories)
    for driver, owner in drivers.owners.items():
        stored = rows(owner, [story.org_id for story in stories])
        assert stored == wanted_rows, f"{driver}: {'; '.join(differences(stored, wanted_rows))}"


def same_answer(driver: str, command: ask.Command, wanted: Decision | Problem, found: Told) -> None:
    """Entry by entry, hash by hash; a refusal in the same words and with the same facts."""
    if isinstance(wanted, Problem):
        refused = (type(wanted), str(wanted), wanted.facts)
        assert isinstance(found, Problem), f"{driver} accepted {command}: {found}, expected {wanted!r}"
        assert (type(found), str(found), found.facts) == refused, f"{driver} says {found!r}, expected {wanted!r}"
        return
    assert isinstance(found, Answer), f"{driver} refused {command}: {found!r}"
    assert found.replayed is wanted.replayed, f"{driver} says replayed = {found.replayed}: {command}"
    answer, entry = found.entry, wanted.entry
    if isinstance(command, ask.Touch):
        same = (answer.seq, answer.available_after, answer.held_after)
        assert same == (entry.seq, entry.available_after, entry.held_after), f"{driver}: {answer}, expected {entry}"
        return
    if found.replayed and answer.usage is None:  # what was recorded before the batch is not loaded again
        entry = msgspec.structs.replace(entry, usage=None)
    assert answer == entry, f"{driver}: {answer}, expected {entry}"


def _rows(stories: Sequence[Story]) -> State:
    """What must stand in the tables."""
    found: State = {"account": [], "lot": [], "hold": [], "budget": [], "pause": []}
    for story in stories:
        book = story.side.book
        if book.account is None:
            continue
        found["account"].append(book.account)
        found["lot"] += [lot for _, lot in sorted(story.side.lots.items())]
        found["hold"] += [book.holds[name] for name in sorted(book.holds)]
        if book.limits is not None:
            found["budget"] += [book.limits.budgets[name] for name in sorted(book.limits.budgets)]
            found["pause"] += [book.limits.pauses[whom] for whom in sorted(book.limits.pauses)]
    return found


def _judge(drivers: Drivers) -> None:
    for driver, database in drivers.databases.items():
        found = deviations(database.owner_url)
        assert found == [], f"{driver}: {'; '.join(found)}"


def _shortest(drivers: Drivers, stories: Sequence[Story], error: Exception) -> str:
    """The story of one organization that fails alone, as short as it can be."""
    drivers.reopen()
    guilty = next((story for story in stories if _fails(drivers, story.record)), stories[0])
    return shortened(guilty.record, error, lambda steps: _again(drivers, steps), tries=300)


def _fails(drivers: Drivers, record: Sequence[Step]) -> bool:
    try:
        _again(drivers, record)
    except Exception:  # noqa: BLE001 - why, is asked later
        return True
    return False


def _again(drivers: Drivers, steps: Sequence[Step]) -> None:
    """One organization's story alone, commands of one instant together."""
    drivers.empty()
    story = Story(Random(0), 0)
    waiting: list[ask.Command] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        assert step.command is not None
        story.org_id = step.command.org_id
        waiting.append(step.command)
        if following is None or following.now != step.now:
            batch(drivers, [story], [(story, command) for command in waiting], now=step.now)
            waiting.clear()
    _judge(drivers)


_PLACES: list[Any] = []
"""Where processes find a pair of databases each: a queue they inherit."""
_OPENED: list[Drivers] = []
"""This process's drivers."""


def _block_here(seed: int, number: int) -> Block:
    """The block, with this process's own databases."""
    if not _OPENED:
        _OPENED.append(Drivers(*_PLACES[-1].get()))
    return told_block(_OPENED[0], seed, number)


def simulate_postgres(
    cluster: Cluster, *, operations: int, seed: int, after: int = 0, processes: int | None = None, tick: Tick = unheard
) -> Outcome:
    """Blocks of 1,200 operations, each from a seed of its own, on every core."""
    outcome, count = Outcome("simulate-postgres", seed), processes or os.cpu_count() or 1
    _PLACES.append(multiprocessing.get_context("fork").SimpleQueue())
    for _ in range(count):
        _PLACES[-1].put((cluster.fresh(), cluster.fresh()))
    told = partial(_block_here, seed)
    whole, done = gathered(outcome, told, size=operations, after=after, block=BLOCK, processes=count, tick=tick)
    while _OPENED:
        _OPENED.pop().close()
    outcome.figures |= {"organizations": done // BLOCK * STORIES, **simulation_figures(whole)}
    outcome.faults += unseen(whole.told, done)
    return outcome


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """From the beginning."""
    return go_on(size, seed, tick, after=0)


def go_on(size: int, seed: int, tick: Tick, *, after: int) -> Outcome:
    """From where an earlier run came to."""
    with fast_cluster() as cluster:
        return simulate_postgres(cluster, operations=size, seed=seed, after=after, tick=tick)


SIMULATE_POSTGRES = Campaign(
    name="simulate-postgres", about="the same into PostgreSQL, by both drivers: every answer and row as expected",
    counts="operations", full=10_000_000, small=20_000, run=run, go_on=go_on,
)  # fmt: skip
