"""What a batch needs to know, as the statement that loads it, and the books made of what that answers."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command, Reverse, SwitchAi
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.rows import Asked, loaded_limits, scopes_parameter
from testkase.core.ledger.model import Account, Deltas, Entry, EntryKind, Hold, Lot
from testkase.foundation.composites import N, Record, array, first_numbers, record, text
from testkase.foundation.database import Row, Statement

LOAD = (
    "SELECT now, accounts, lots, holds, entries, budgets, pauses, spent"
    " FROM ledger.load(%(orgs)s, %(operations)s, %(held)s, %(every_hold)s, %(issued)s, %(clock)s, %(scopes)s)"
)

_org = first_numbers(1)


def load_statement(commands: Sequence[Command], asked: Asked, clock: int | None) -> Statement:
    """The statement that locks and loads. Each key is named once: two commands on one hold must not load it twice."""
    operations: dict[Record, None] = {}
    held: dict[Record, None] = {}
    issued: dict[Record, None] = {}
    every_hold: set[int] = set()
    for command in commands:
        org_id = command.org_id
        for operation_id in command.entries_needed:
            operations[named(org_id, operation_id)] = None
        if (hold_id := command.hold_id_needed) is not None:
            held[named(org_id, hold_id)] = None
        if isinstance(command, SwitchAi | SetBudget):
            every_hold.add(org_id)
        elif isinstance(command, Reverse):
            issued[named(org_id, f"grant:{command.grant_id}")] = None
    return Statement(
        LOAD,
        {
            "orgs": _numbers(sorted({command.org_id for command in commands})), "operations": array(list(operations)),
            "held": array(list(held)), "every_hold": _numbers(every_hold) if every_hold else None,
            "issued": array(list(issued)), "clock": clock, "scopes": scopes_parameter(asked),
        },
    )  # fmt: skip


def named(org_id: int, name: str) -> Record:
    return "named", record((_org(2, N, org_id), text(name)))


def _numbers(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


class _PastEntry(msgspec.Struct, array_like=True):
    org_id: int
    seq: int
    operation_id: str
    kind: EntryKind
    at: int
    issued: int
    available: int
    held: int
    used: int
    expired: int
    reversed: int
    overage: int
    debt: int
    lots: tuple[tuple[int, int, int], ...]
    available_after: int
    held_after: int
    hold_id: str | None
    expires_at: int | None
    fingerprint: bytes
    note: str
    hash: bytes

    def entry(self) -> Entry:
        return Entry(
            org_id=self.org_id, seq=self.seq, operation_id=self.operation_id, kind=self.kind, at=self.at,
            deltas=Deltas(
                issued=self.issued, available=self.available, held=self.held, used=self.used, expired=self.expired,
                reversed=self.reversed, overage=self.overage, debt=self.debt,
            ),
            lots=self.lots, available_after=self.available_after, held_after=self.held_after, hold_id=self.hold_id,
            expires_at=self.expires_at, fingerprint=self.fingerprint, note=self.note, hash=self.hash,
        )  # fmt: skip


_accounts = msgspec.json.Decoder(list[Account]).decode
_lots = msgspec.json.Decoder(list[Lot]).decode
_holds = msgspec.json.Decoder(list[Hold]).decode
_entries = msgspec.json.Decoder(list[_PastEntry]).decode

OfOrg = TypeVar("OfOrg", Lot, Hold, Entry)


def books_of(commands: Sequence[Command], asked: Asked, row: Row) -> tuple[dict[int, Book], int]:
    """The books of the organizations the commands are for, by id, and the instant at which they were read."""
    lots = _by_org(_lots(_listed(row["lots"]))) if row["lots"] else {}
    holds = _by_org(_holds(row["holds"])) if row["holds"] else {}
    entries = _by_org(past.entry() for past in _entries(row["entries"])) if row["entries"] else {}
    limits = loaded_limits(asked, row)
    books: dict[int, Book] = {}
    for account in _accounts(_listed(row["accounts"])) if row["accounts"] else ():
        org_id = account.org_id
        books[org_id] = Book(
            account, lots.get(org_id, ()), holds.get(org_id, ()), entries.get(org_id, ()), limits.get(org_id)
        )
    for command in commands:
        if command.org_id not in books:
            books[command.org_id] = Book(limits=limits.get(command.org_id))
    return books, int(row["now"])


def _listed(rows: str | bytes) -> bytes:
    """Rows that come one after the other, as a list. The engine hands over bytes, the synchronous driver text."""
    return b"[" + (rows.encode() if isinstance(rows, str) else rows) + b"]"


def _by_org(rows: Iterable[OfOrg]) -> dict[int, list[OfOrg]]:
    grouped: dict[int, list[OfOrg]] = {}
    for row in rows:
        if (found := grouped.get(row.org_id)) is None:
            grouped[row.org_id] = [row]
        else:
            found.append(row)
    return grouped
