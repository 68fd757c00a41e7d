"""Simulate: random stories of one organization, told to `decide` and to an independent naive model side by side.

Every command there is, at instants that jump over months and back, repeated with the same id and the same or another
input, with restarts in which everything is read from its stored form. After every step answers, journal and the whole
state must agree, and the invariants hold (tests/support/side_by_side.py). A story that fails is told again shorter and
shorter, until nothing can be left out.
"""

import gc
import hashlib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.outcome import Outcome
from campaigns.parallel import in_order
from campaigns.shrink import TRIES, shrink
from testkase.core.ledger.decide import _HANDLERS
from tests.support.random_commands import Step, retell, tell

LENGTHS = (30,) * 10 + (100,) * 4 + (300,)
"""Commands of the stories of one block."""
BLOCK = sum(LENGTHS)
ENOUGH = 3
"""Faulty stories, then the run ends: each takes seconds to shorten."""
SEEN_AFTER = {"accepted": 20_000, "refused": 20_000, "repeated": 1_000_000}
"""Operations after which every kind of command must have been."""


@dataclass(slots=True)
class Block:
    """What came of one block of stories."""

    told: Counter[str] = field(default_factory=Counter)
    digest: int = 0
    """Of the last hash of every story: the same seed, the same figure."""
    faults: list[str] = field(default_factory=list)


def simulate(
    *, operations: int, seed: int, after: int = 0, processes: int | None = None, tick: Tick = unheard
) -> Outcome:
    """Blocks of 1,000 operations, each from a seed of its own, on every core."""
    outcome, told = Outcome("simulate", seed), partial(told_block, seed)
    whole, done = gathered(outcome, told, size=operations, after=after, block=BLOCK, processes=processes, tick=tick)
    outcome.figures |= {"stories": done // BLOCK * len(LENGTHS), **simulation_figures(whole)}
    outcome.faults += unseen(whole.told, done)
    return outcome


def gathered(
    outcome: Outcome,
    told: Callable[[int], Block],
    *,
    size: int,
    after: int,
    block: int,
    processes: int | None,
    tick: Tick,
) -> tuple[Block, int]:
    """All blocks of a run in one, and how many operations they had. Ends early after some faults, or by Ctrl-C."""
    whole, began, first = Block(), monotonic(), after // block
    done = first
    try:
        for one in in_order(told, range(first, -(-size // block)), processes=processes):
            done += 1
            whole.told += one.told
            whole.digest ^= one.digest
            outcome.faults += one.faults
            tick(done * block)
            if len(outcome.faults) >= ENOUGH:
                break
    except KeyboardInterrupt:
        outcome.stopped_at = done * block
    operations = (done - first) * block
    outcome.figures |= {"operations": operations, "a second": round(operations / max(monotonic() - began, 1e-9))}
    return whole, operations


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """From the beginning."""
    return simulate(operations=size, seed=seed, tick=tick)


def go_on(size: int, seed: int, tick: Tick, *, after: int) -> Outcome:
    """From where an earlier run came to."""
    return simulate(operations=size, seed=seed, after=after, tick=tick)


SIMULATE = Campaign(
    name="simulate", about="random commands, time jumps, repetitions, restarts: decide beside a naive model",
    counts="operations", full=100_000_000, small=100_000, run=run, go_on=go_on,
)  # fmt: skip


def told_block(seed: int, number: int) -> Block:
    """The stories of one block."""
    block = Block()
    with collected_once():
        _tell_all(block, seed, number)
    return block


@contextmanager
def collected_once() -> Iterator[None]:
    """What stories leave behind is collected after the last of them, and not over and over while they are told."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)  # all that was made meanwhile is of the youngest generation
        gc.enable()


def _tell_all(block: Block, seed: int, number: int) -> None:
    for index, length in enumerate(LENGTHS):
        record: list[Step] = []
        try:
            world = tell(Random(f"{seed}/{number}/{index}"), length, record, thorough=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            block.faults.append(f"story {seed}/{number}/{index}: {shortened(record, error, retell)}")
            continue
        block.told += world.told
        block.told["entries"] += len(world.journal)
        block.told["restarts"] += sum(step.command is None for step in record)
        block.digest ^= int.from_bytes(hashlib.sha256(world.account().last_hash + bytes([index])).digest()[:8])


def shortened(
    record: Sequence[Step], error: Exception, again: Callable[[Sequence[Step]], object], *, tries: int = TRIES
) -> str:
    """Why it failed, and the shortest story found that fails in the same way."""

    def failure(steps: Sequence[Step]) -> Exception | None:
        try:
            again(steps)
        except Exception as found:  # noqa: BLE001 - what it is, is looked at
            return found if type(found) is type(error) else None
        return None

    if failure(record) is None:
        return f"{why(error)}; told alone it does not fail. It was: {lines(record)}"
    left = shrink(record, lambda steps: failure(steps) is not None, tries=tries)
    return f"{why(failure(left) or error)}. {len(left)} of {len(record)} steps are enough: {lines(left)}"


def why(error: Exception) -> str:
    """The last line of ours that it broke on, and what it said."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = f": {error}" if str(error) else ""
    return f"{type(error).__name__} at {frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} `{frame.line}`{said}"


def lines(steps: Sequence[Step]) -> str:
    """One step a line."""
    return "\n" + "\n".join(f"    {step}" for step in steps)


def unseen(told: Counter[str], operations: int) -> list[str]:
    """A long simulation that never saw some command accepted, repeated or refused would claim too much."""
    seen = [how for how, enough in SEEN_AFTER.items() if operations >= enough]
    wanted = {f"{kind.__name__} {how}" for kind in _HANDLERS for how in seen}
    return [f"never seen: {', '.join(sorted(missing))}"] if (missing := wanted - told.keys()) else []


def simulation_figures(whole: Block) -> dict[str, int | float | str]:
    """What happened, in numbers."""

    def ended(how: str) -> int:
        return sum(count for name, count in whole.told.items() if name.endswith(f" {how}"))

    return {
        "accepted": ended("accepted"), "repeated": ended("repeated"), "refused": ended("refused"),
        "entries": whole.told["entries"], "restarts": whole.told["restarts"], "digest": f"{whole.digest:016x}",
    }  # fmt: skip
