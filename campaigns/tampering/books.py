"""Random books on PostgreSQL: a story of everything the ledger knows, and a history of changes beside it."""

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg

from campaigns.ledger.shadow import Shadow
from testkase.core.ledger.closing import close_days
from testkase.core.ledger.commands import Command, Grant, RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute
from testkase.foundation.database import Operation, run, tenant
from testkase.services.audit import Activity, Actor, record
from testkase.services.selfaudit.checking import check
from testkase.services.selfaudit.heads import Heads, compare, head_of, publish, read_published
from tests.support.random_commands import DAY, Script
from tests.support.side_by_side import SideBySide

AT_ONCE = 8
"""Commands of a batch, at most."""
CLOSED_AFTER = 0.1
"""The share of batches after which some days that are over are summed up, as the worker does meanwhile."""
DAYS_OF_USE = 40
"""Before the story, at most: it has hours, or years with a few calls."""
RECORDS = 12
"""Changes in the activity history of a book."""

_ACTIONS = ("credits.granted", "member.invited", "ai.switched_on", "api_key.made", "budget.set", "project.renamed")


def write_book(owner: psycopg.Connection[Any], org_id: int, dice: random.Random, operations: int) -> None:
    """A story of so many commands. Purchases stand as grants: there is no payment behind them."""
    shadow = Shadow()
    story = Script(dice, cast(SideBySide, shadow))
    opening = msgspec.structs.replace(story.opening(), monthly_allowance=300_000_000, ai_enabled=True)
    for day in _days_of_use(_theirs(opening, org_id), dice, story.now):
        _write(owner, org_id, day)
        for each, now in day:
            shadow.submit(each, now)
            story.now = now
    batch = list[tuple[Command, int]]()
    for _ in range(operations):
        if len(batch) >= dice.randint(1, AT_ONCE):
            _write(owner, org_id, batch)
            batch = []
            if dice.random() < CLOSED_AFTER:
                _run(owner, org_id, close_days(org_id, most=dice.randint(1, 92)))
        drawn, now = story.next()
        batch.append((_theirs(drawn, org_id), now))
        shadow.submit(*batch[-1])
    _write(owner, org_id, batch)
    while _run(owner, org_id, close_days(org_id)) and dice.random() < 0.9:
        pass
    for number in range(RECORDS):
        actor = Actor(kind="person", ref=f"person{number % 3}@example.com", name="A Person")
        change = Activity(action=dice.choice(_ACTIONS), actor=actor, target=f"thing {number}", details={"how": "so"})
        _run(owner, org_id, record(org_id, change))


def _days_of_use(opening: Command, dice: random.Random, since: int) -> Iterator[list[tuple[Command, int]]]:
    """The account, and some weeks with a few calls on most days."""
    yield [(opening, since)]
    for day in range(1, dice.randint(1, DAYS_OF_USE)):
        names = [f"day {day} call {number}" for number in range(dice.choice((0, 1, 2, 2)))]
        yield [(_call(opening.org_id, dice, name), since + day * DAY) for name in names]


def _call(org_id: int, dice: random.Random, usage_id: str) -> Command:
    subject = Subject(
        use_case=dice.choice(("chat", "report", "nightly")),
        user=f"person{dice.randrange(3)}@example.com",
        project=dice.choice(("WEB", "APP", None)),
    )
    return RecordUsage(org_id=org_id, usage_id=usage_id, subject=subject, credits=dice.randrange(MICRO))


def faults_of(owner: psycopg.Connection[Any], org_id: int, heads: Heads | None = None) -> list[str]:
    """What the self-audit finds in these books as this connection sees them, published heads included."""
    found = [f"{invariant} {seq}" for invariant, seq in _run(owner, org_id, check(org_id), commit=False).found]
    if heads is not None:
        found += [f"head {chain} {seq}" for chain, seq in _run(owner, org_id, compare(org_id, heads), commit=False)]
    return found


def published(owner: psycopg.Connection[Any], org_id: int, folder: Path) -> Heads:
    """The heads as they are kept outside the database."""
    head = _run(owner, org_id, head_of(org_id), commit=False)
    publish(folder, date(2026, 11, 28), [head] if head else [])
    return read_published(folder)[0]


def _write(owner: psycopg.Connection[Any], org_id: int, batch: list[tuple[Command, int]]) -> None:
    if batch:
        _run(owner, org_id, execute([command for command, _ in batch], clock=max(now for _, now in batch)))


def _run(owner: psycopg.Connection[Any], org_id: int, operation: Operation[Any], *, commit: bool = True) -> Any:
    owner.execute(tenant(org_id).sql, tenant(org_id).params)
    answer = run(owner, operation)
    if commit:
        owner.commit()
    return answer


def _theirs(command: Command, org_id: int) -> Command:
    if isinstance(command, Grant) and command.source == "purchase":
        command = msgspec.structs.replace(command, source="grant")
    return msgspec.structs.replace(command, org_id=org_id)
