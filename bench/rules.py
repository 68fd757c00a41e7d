"""The rules alone: `decide` on books in memory, one core, no database."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.ledger import CREDITS, TOKENS, hold
from bench.measure import Sample
from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command, Grant, OpenAccount, SettleHold
from testkase.core.ledger.decide import decide

_NOW = 1_767_225_600_000_000
_AT_ONCE = 1_000


@dataclass(frozen=True)
class RulesCase:
    """Pairs of one organization. An operation is a hold or a settlement."""

    section: str = "rules"
    name: str = "decide and apply, plain Python, one core"
    key: str = "rules.decide"

    def run(self, seconds: float) -> Sample:
        book = Book()
        _carry_out(book, OpenAccount(org_id=1, monthly_allowance=0, ai_enabled=True))
        _carry_out(book, Grant(org_id=1, grant_id="bench", amount=CREDITS))
        count, number = 0, 0
        took, spent = 0.0, 0.0
        while took < seconds:
            holds = [hold(1, f"h{number + n}") for n in range(_AT_ONCE)]
            commands = [*holds, *(SettleHold(org_id=1, hold_id=each.hold_id, tokens=TOKENS) for each in holds)]
            began, before = time.perf_counter(), time.process_time()
            for command in commands:
                _carry_out(book, command)
            took += time.perf_counter() - began
            spent += time.process_time() - before
            count += len(commands)
            number += _AT_ONCE
            book.posted.clear()
            book.entries.clear()
        return Sample(count, took, app_cpu=spent / count * 1e6)


def _carry_out(book: Book, command: Command) -> None:
    for event in decide(book, command, _NOW).events:
        book.apply(event)


def rules_cases() -> Iterator[RulesCase]:
    """Just the one."""
    yield RulesCase()
