"""Simulate on PostgreSQL: stories of many organizations at once, in batches, by both drivers into a database each,
beside `decide` and the naive model.

Commands that meet at one instant are one batch: for the synchronous driver a list, for the engine what its writer finds
in its queue, at a third of the instants through a neighbour. The engine is not alone with its database: what a sixth of
the organizations ask for at an instant goes past it, by a synchronous driver of another process as it were. What the
engine can decide from memory it writes from memory, and what it remembers is wrong at times. Its connections are cut at
times while it writes; what it would refuse it may then call unknown, as it cannot take back what it accepted before.
Every other answer must be the one expected, hash by hash, and after every batch every row of accounts, lots, open
holds, budgets and pauses of those who had a part in it. At the end of a block `verify` and the judge's own SQL read the
books (oracle.py).
"""

import hashlib
import multiprocessing
import os
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any, cast

import msgspec

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.fast_cluster import fast_cluster
from campaigns.ledger.drivers import Drivers
from campaigns.ledger.rows import State, differences
from campaigns.ledger.simulate import Block, collected_once, gathered, shortened, simulation_figures, unseen, why
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from testkase.core.ledger import commands as ask
from testkase.core.ledger.decide import Decision
from testkase.core.ledger.operations import Answer
from testkase.core.ledger.operations import Outcome as Told
from testkase.foundation.problems import Problem, Unavailable
from tests.support.cluster import Cluster
from tests.support.random_commands import Script, Step
from tests.support.side_by_side import SideBySide

WIDTHS = (24, 48, 48, 120)
"""Organizations of one block, block by block: few with long stories, or so many that a batch has hundreds of
commands."""
BLOCK = 9_600
"""Commands of one block, all organizations together."""
MOST_AT_ONCE = 4
"""Commands of one organization in one batch."""
ALONE = 0.4
"""How often a command has its batch to itself: it is written by a function of its own then."""
RECONNECT = 0.04
"""How often both drivers are closed and opened again before a batch."""
SEEN_FROM_MEMORY = 1_200
"""Operations in which the engine must have written from memory, and been wrong about it."""


class Story(Script):
    """One organization of many."""

    def __init__(self, dice: Random, org_id: int, *, thorough: bool = False) -> None:
        self.side = SideBySide(thorough=thorough)
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


def told_block(drivers: Drivers, seed: int, number: int, *, shorten: bool = True) -> Block:
    """One block; both databases are empty afterwards. `shorten`: a story that fails is told shorter and shorter."""
    block, restarts, from_memory, refuted = Block(), drivers.restarts, drivers.from_memory, drivers.refuted
    cuts = drivers.cuts
    dice, width = Random(f"{seed}/{number}"), WIDTHS[number % len(WIDTHS)]
    stories = [Story(Random(f"{seed}/{number}/{org_id}"), org_id) for org_id in range(1, width + 1)]
    try:
        with collected_once():
            _live(drivers, stories, dice)
        for story in stories:
            story.side.close()
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
    block.told["organizations"] = len(stories)
    block.told["restarts"] = drivers.restarts - restarts
    block.told["connections cut"] = drivers.cuts - cuts
    drivers.empty()
    block.told["from memory"] = drivers.from_memory - from_memory
    block.told["refuted"] = drivers.refuted - refuted
    return block


def _live(drivers: Drivers, stories: Sequence[Story], dice: Random) -> None:
    """All stories at once: whoever's turn it is says when, the others act at that instant too."""
    batch(drivers, [(story, story.opening()) for story in stories], now=stories[0].now)
    done = 0
    while done < BLOCK:
        first = dice.choice(stories)
        command, now = first.next()
        company = [] if dice.random() < ALONE else stories
        turns = [story for story in company for _ in range(_turns(dice, story is first))]
        dice.shuffle(turns)  # what one organization asks for comes in several of the engine's batches
        others = [(story, story.at(now)) for story in turns]
        together = [(first, command), *others][: BLOCK - done]
        if dice.random() < RECONNECT:
            drivers.reopen()
        batch(drivers, together, now=now)
        done += len(together)


def _turns(dice: Random, has_had_one: bool) -> int:
    return dice.choice((0, 1, 1, 2, 3, MOST_AT_ONCE)) - has_had_one if dice.random() < 0.9 else 0


def batch(drivers: Drivers, told: Sequence[tuple[Story, ask.Command]], *, now: int) -> None:
    """One batch through everything, and the comparison of all that those who had a part in it have."""
    expected = [story.expect(command, now) for story, command in told]
    commands = [command for _, command in told]
    for driver, outcomes in drivers.tell(commands, now):
        for command, wanted, found in zip(commands, expected, outcomes, strict=True):
            answer = _as_known(wanted, found) if drivers.was_cut else found
            if answer is not None:
                same_answer(driver, command, wanted, answer)
    stories = list({story.org_id: story for story, _ in told}.values())
    wanted_rows = _rows(stories)
    for driver, rows in drivers.rows.items():
        stored = rows.of([story.org_id for story in stories])
        assert stored == wanted_rows, f"{driver}: {'; '.join(differences(stored, wanted_rows))}"


def _as_known(wanted: Decision | Problem, found: Told) -> Told | None:
    """What is told of a batch that was cut off, as far as anybody can know. None: no more than that it is not known.

    While the clock is back, two processes that decide the same on the same books come to the same entry, hash by hash:
    one whose connection was cut takes the other's for its own.
    """
    if isinstance(wanted, Problem):
        return None if isinstance(found, Unavailable) else found
    if wanted.replayed and isinstance(found, Answer):
        return msgspec.structs.replace(found, replayed=True)
    return found


def same_answer(driver: str, command: ask.Command, wanted: Decision | Problem, found: Told) -> None:
    """Entry by entry, hash by hash; a refusal in the same words and with the same facts."""
    if isinstance(wanted, Problem):
        refused = (type(wanted), str(wanted), wanted.facts)
        assert isinstance(found, Problem), f"{driver} accepted {command}: {found}, expected {wanted!r}"
        assert (type(found), str(found), found.facts) == refused, f"{driver} says {found!r}, expected {wanted!r}"
        found.with_traceback(None)  # it would keep the whole batch until garbage is collected
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
    found: State = {"account": {}, "lot": {}, "hold": {}, "budget": {}, "pause": {}}
    for story in stories:
        book, org_id = story.side.book, story.org_id
        if book.account is None:
            continue
        found["account"][(org_id,)] = book.account
        found["lot"].update({(org_id, lot_id): lot for lot_id, lot in story.side.lots.items()})
        found["hold"].update({(org_id, hold_id): hold for hold_id, hold in book.holds.items()})
        if book.limits is not None:
            found["budget"].update({(org_id, name): budget for name, budget in book.limits.budgets.items()})
            found["pause"].update({(org_id, *whom): pause for whom, pause in book.limits.pauses.items()})
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
    story = Story(Random(0), 0, thorough=True)
    waiting: list[ask.Command] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        assert step.command is not None
        story.org_id = step.command.org_id
        waiting.append(step.command)
        if following is None or following.now != step.now:
            batch(drivers, [(story, command) for command in waiting], now=step.now)
            waiting.clear()
    story.side.close()
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
    """Blocks of 9,600 operations, each from a seed of its own, on every core: one block more than there are, since each
    waits for PostgreSQL at times."""
    outcome, count = Outcome("simulate-postgres", seed), processes or (os.cpu_count() or 1) + 1
    _PLACES.append(multiprocessing.get_context("fork").SimpleQueue())
    for _ in range(count):
        _PLACES[-1].put((cluster.fresh(), cluster.fresh()))
    told = partial(_block_here, seed)
    whole, done = gathered(outcome, told, size=operations, after=after, block=BLOCK, processes=count, tick=tick)
    while _OPENED:
        _OPENED.pop().close()
    outcome.figures |= {
        "organizations": whole.told["organizations"], **simulation_figures(whole),
        "batches from memory": whole.told["from memory"], "of which memory was wrong about": whole.told["refuted"],
    }  # fmt: skip
    outcome.faults += unseen(whole.told, done)
    if done >= SEEN_FROM_MEMORY and not (whole.told["from memory"] and whole.told["refuted"]):
        outcome.faults.append("nothing was written from memory, or memory was never wrong")
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
