"""What a batch decided, as the one statement that writes it: each table's rows as one JSON parameter.

JSON because it is the cheapest way measured to hand PostgreSQL some hundred rows of mixed types from Python: encoding
takes a microsecond or two a row, and one statement serves a batch of any size.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from testkase.core.ledger.book import Book
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.limits.rows import changed_rows
from testkase.core.ledger.model import Entry
from testkase.foundation.database import Statement

APPEND = (
    "SELECT ledger.append(%(new_accounts)s, %(accounts)s, %(new_lots)s, %(lots)s, %(opened)s, %(closed)s,"
    " %(entries)s, %(usages)s, %(usage_days)s, %(limits)s)"
)

_encode = msgspec.json.Encoder().encode


def append_statement(books: Sequence[Book]) -> Statement | None:
    """The statement that writes what changed in these books; None where nothing did."""
    if not books:
        return None
    entries = [entry for book in books for entry in book.posted]
    rows: dict[str, list[Any]] = {
        "new_accounts": [book.account for book in books if book.is_new],
        "accounts": [book.account for book in books if not book.is_new],
        "new_lots": [book.lots[lot_id] for book in books for lot_id in book.new_lots],
        "lots": [book.lots[lot_id] for book in books for lot_id in book.changed_lots - book.new_lots],
        "opened": [book.holds[hold_id] for book in books for hold_id in book.opened_holds],
        "closed": [row for book in books for row in _closed(book)],
        "entries": [_entry_row(entry) for entry in entries],
        "usages": list(_usage_rows(entries)),
        "usage_days": _usage_days(books),
    }
    parameters = {name: _encode(items).decode() if items else None for name, items in rows.items()}
    changed = changed_rows(book.limits for book in books if book.limits is not None)
    return Statement(APPEND, {**parameters, "limits": _encode(changed).decode() if changed else None})


def _closed(book: Book) -> Iterable[dict[str, Any]]:
    """Holds to take away. One that was opened and resolved in the same batch was never written."""
    assert book.account is not None
    return ({"org_id": book.account.org_id, "hold_id": hold} for hold in book.closed_holds & book.loaded_holds)


class _UsageDay(msgspec.Struct):
    org_id: int
    day: str
    use_case: str
    user_ref: str
    project_ref: str
    interactions: int = 0
    charged: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


def _usage_days(books: Sequence[Book]) -> list[_UsageDay]:
    """What the batch adds to the days of its organizations, each day's row once."""
    days: dict[tuple[int, str, str, str, str], _UsageDay] = {}
    for book in books:
        account = book.account
        assert account is not None
        for entry in book.posted:
            usage = entry.usage
            if usage is None:
                continue
            subject, tokens = usage.subject, usage.tokens
            key = (
                entry.org_id, local_day(account.time_zone, entry.at), subject.use_case, subject.user,
                subject.project or "",
            )  # fmt: skip
            day = days.get(key)
            if day is None:
                day = days[key] = _UsageDay(*key)
            day.interactions += 1
            day.charged += entry.deltas.used
            day.input_tokens += tokens.input + tokens.cached_input + tokens.cache_write
            day.output_tokens += tokens.output + tokens.reasoning
    return list(days.values())


class _EntryRow(msgspec.Struct):
    org_id: int
    seq: int
    operation_id: str
    kind: str
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


def _entry_row(entry: Entry) -> _EntryRow:
    moved = entry.deltas
    return _EntryRow(
        entry.org_id, entry.seq, entry.operation_id, entry.kind, entry.at, moved.issued, moved.available, moved.held,
        moved.used, moved.expired, moved.reversed, moved.overage, moved.debt, entry.lots, entry.available_after,
        entry.held_after, entry.hold_id, entry.expires_at, entry.fingerprint, entry.note, entry.hash,
    )  # fmt: skip


def _usage_rows(entries: Iterable[Entry]) -> Iterable[dict[str, Any]]:
    for entry in entries:
        usage = entry.usage
        if usage is not None:
            subject, tokens = usage.subject, usage.tokens
            yield {
                "org_id": entry.org_id, "seq": entry.seq, "usage_id": usage.usage_id, "at": entry.at,
                "use_case": subject.use_case, "user_ref": subject.user, "project_ref": subject.project,
                "model": subject.model, "outcome": usage.outcome, "measurement": usage.measurement,
                "input": tokens.input, "cached_input": tokens.cached_input, "cache_write": tokens.cache_write,
                "output": tokens.output, "reasoning": tokens.reasoning, "cost": usage.cost,
                "charged": entry.deltas.used, "terms": usage.terms,
            }  # fmt: skip
