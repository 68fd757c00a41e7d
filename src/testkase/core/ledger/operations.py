"""Load → decide → append, written once as a generator of statements.

The synchronous driver runs it inside the caller's transaction (Django's `atomic()`): the ledger's rows and the
caller's are committed or undone together. The engine runs the same generator for a whole batch on the event loop.
Either way it is two statements, and correctness rests on the row locks the first one takes, on constraints and on
the callers' ids.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command, Reverse, SwitchAi
from testkase.core.ledger.decide import decide
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.rows import Asked, loaded_limits, scopes_asked, scopes_parameter
from testkase.core.ledger.model import Account, Entry, Hold, Lot
from testkase.core.ledger.writing import append_statement
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Problem

LOAD = (
    "SELECT now, accounts, lots, holds, entries, budgets, pauses, spent"
    " FROM ledger.load(%(requests)s, %(clock)s, %(scopes)s)"
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The posted entry, or the one posted before for the same id (`replayed`; its usage is then not loaded)."""

    entry: Entry
    replayed: bool


Outcome = Answer | Problem


def execute(commands: Sequence[Command], *, clock: int | None = None) -> Operation[list[Outcome]]:
    """Decide the commands in order and write what they decide. Answers in the same order; a refusal is an answer of
    its own.

    `clock`: microseconds UTC in place of the database's clock (simulations and tests).
    """
    asked = scopes_asked(commands)
    rows = yield Statement(LOAD, {"requests": _requests(commands), "clock": clock, "scopes": scopes_parameter(asked)})
    books, now = _books(commands, asked, rows[0])
    outcomes = [_decide_one(books[command.org_id], command, now) for command in commands]
    statement = append_statement([book for book in books.values() if book.touched])
    if statement is not None:
        yield statement
    return outcomes


def execute_one(command: Command, *, clock: int | None = None) -> Operation[Answer]:
    """Execute a single command. Raises its refusal."""
    (outcome,) = yield from execute([command], clock=clock)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def _decide_one(book: Book, command: Command, now: int) -> Outcome:
    try:
        decision = decide(book, command, now)
    except Problem as refusal:
        return refusal
    for event in decision.events:
        book.apply(event)
    return Answer(entry=decision.entry, replayed=decision.replayed)


class _Request(msgspec.Struct, omit_defaults=True):
    org_id: int
    operation_id: str | None = None
    hold_id: str | None = None
    all_holds: bool = False
    lot_of: str | None = None
    """The operation that issued a lot to be loaded whatever is left of it."""


_encode = msgspec.json.Encoder().encode
_accounts = msgspec.json.Decoder(list[Account]).decode
_lots = msgspec.json.Decoder(list[Lot]).decode
_holds = msgspec.json.Decoder(list[Hold]).decode
_entries = msgspec.json.Decoder(list[Entry]).decode


def _requests(commands: Sequence[Command]) -> str:
    """What to load, each key once: two commands on one hold must not load it twice."""
    wanted: dict[tuple[int, str | None, str | None], _Request] = {}
    for command in commands:
        org_id = command.org_id
        for operation_id in command.entries_needed:
            wanted[org_id, operation_id, None] = _Request(org_id, operation_id)
        if (hold_id := command.hold_id_needed) is not None:
            wanted[org_id, None, hold_id] = _Request(org_id, None, hold_id)
        if isinstance(command, SwitchAi | SetBudget):
            wanted[org_id, None, None] = _Request(org_id, None, None, all_holds=True)
        if isinstance(command, Reverse):
            issued_by = f"grant:{command.grant_id}"
            wanted[org_id, issued_by, ""] = _Request(org_id, lot_of=issued_by)
    return _encode(list(wanted.values())).decode()


def _books(commands: Sequence[Command], asked: Asked, row: Row) -> tuple[dict[int, Book], int]:
    lots, holds, entries = _by_org(row, "lots", _lots), _by_org(row, "holds", _holds), _by_org(row, "entries", _entries)
    limits = loaded_limits(asked, row)
    books = {
        account.org_id: Book(
            account,
            tuple(lots.get(account.org_id, ())),
            tuple(holds.get(account.org_id, ())),
            tuple(entries.get(account.org_id, ())),
            limits.get(account.org_id),
        )
        for account in _accounts(row["accounts"] or "[]")
    }
    for command in commands:
        if command.org_id not in books:
            books[command.org_id] = Book(limits=limits.get(command.org_id))
    return books, int(row["now"])


def _by_org(row: Row, column: str, decode: Any) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    if row[column]:
        for item in decode(row[column]):
            grouped.setdefault(item.org_id, []).append(item)
    return grouped
