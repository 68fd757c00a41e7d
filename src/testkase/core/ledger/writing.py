"""What a batch decided, as the one statement that writes it: each table's rows as one array of composite values, which
PostgreSQL reads at a sixth of what rows of JSON cost it, and one statement serves a batch of any size.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import asdict

from testkase.core.ledger.book import Book
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.limits.rows import changed_rows
from testkase.core.ledger.model import UNTOUCHED, Entry, Hold, Lot
from testkase.core.ledger.reading import named
from testkase.core.ledger.terms import Terms
from testkase.foundation.composites import (
    FLAG,
    N,
    Record,
    Row,
    array,
    blob,
    first_numbers,
    iso_date,
    lines,
    number,
    numbers,
    record,
    small,
    text,
    word,
)
from testkase.foundation.database import Statement

APPEND = (
    "SELECT ledger.append_many(%(decided_at)s, %(new_accounts)s, %(accounts)s, %(new_lots)s, %(lots)s, %(opened)s,"
    " %(extended)s, %(closed)s, %(entries)s, %(usages)s, %(usage_days)s, %(limits)s)"
)

APPEND_ONE = (
    "SELECT ledger.append_one(%(decided_at)s, %(moved)s, %(lot)s, %(opened)s, %(closed)s, %(posted)s, %(recorded)s,"
    " %(added)s)"
)

_encode = msgspec.json.Encoder().encode


def append_statement(books: Sequence[Book]) -> Statement | None:
    """The statement that writes what changed in these books; None where nothing did."""
    if not books:
        return None
    return _statement(books, None)


def append_known_statement(books: Sequence[Book], decided_at: int | None) -> Statement:
    """The statement that writes what was decided from memory, if memory was right. `decided_at`: what was taken for the
    time, to be compared with the database's."""
    if len(books) == 1 and _is_lone(books[0]):
        return Statement(APPEND_ONE, {"decided_at": decided_at, **_lone_rows(books[0])})
    return _statement(books, decided_at)


def _is_lone(book: Book) -> bool:
    """Whether one row of each table at most is written, and the hold is a new one."""
    return (
        len(book.posted) == 1
        and not book.new_lots
        and len(book.changed_lots) <= 1
        and len(book.opened_holds) + len(book.closed_holds) <= 1
        and book.loaded_holds.isdisjoint(book.opened_holds)
        and (book.limits is None or not changed_rows([book.limits]))
    )


def _lone_rows(book: Book) -> dict[str, Any]:
    """Each row by itself."""
    (entry,) = book.posted
    usage = entry.usage is not None
    return {
        "moved": Row(_known_account(book)),
        "lot": next((Row(_lot(book.lots[lot_id])) for lot_id in book.changed_lots), None),
        "opened": next((Row(_hold(book.holds[hold_id])) for hold_id in book.opened_holds), None),
        "closed": next(iter(book.closed_holds), None),
        "posted": Row(_entry(entry)),
        "recorded": Row(_usage(entry)) if usage else None,
        "added": Row(_usage_days([book])[0].row()) if usage else None,
    }


def _statement(books: Sequence[Book], decided_at: int | None) -> Statement:
    """Accounts are locked in the order in which they stand."""
    books = sorted(books, key=_order)
    entries = [entry for book in books for entry in book.posted]
    return Statement(APPEND, {
        "decided_at": decided_at,
        "new_accounts": _json([asdict(account) for book in books if book.is_new and (account := book.account)]),
        "accounts": array([_known_account(book) for book in books if not book.is_new]),
        "new_lots": _json([asdict(book.lots[lot_id]) for book in books for lot_id in book.new_lots]),
        "lots": array([_lot(book.lots[lot_id]) for book in books for lot_id in book.changed_lots - book.new_lots]),
        "opened": array([
            _hold(book.holds[hold_id]) for book in books for hold_id in book.opened_holds
            if hold_id not in book.loaded_holds
        ]),
        "extended": array([
            _hold(book.holds[hold_id]) for book in books for hold_id in book.opened_holds
            if hold_id in book.loaded_holds
        ]),
        "closed": array([row for book in books for row in _closed(book)]),
        "entries": array([_entry(entry) for entry in entries]),
        "usages": array([_usage(entry) for entry in entries if entry.usage is not None]),
        "usage_days": array([day.row() for day in _usage_days(books)]),
        "limits": _json(changed_rows(book.limits for book in books if book.limits is not None)),
    })  # fmt: skip


def _order(book: Book) -> int:
    assert book.account is not None
    return book.account.org_id


def _json(rows: Any) -> str | None:
    return _encode(rows).decode() if rows else None


# Rows of the types of 0027_hot_path.sql, and of 0029_known_heads.sql, column by column.
_org, _org_and, _org_and_6 = map(first_numbers, (1, 2, 7))
_two, _four, _seven, _nine = map(numbers, (2, 4, 7, 9))


def _known_account(book: Book) -> Record:
    """An account, and by what it was known."""
    a, before = book.account, book.before
    assert a is not None
    assert before is not None
    return "known_account", record((
        _org_and_6(
            20, N, a.org_id, N, a.available, N, a.held, N, a.debt, N, a.covered, N, a.overage_limit, N, a.overage
        ),
        small(a.period_number), _four(N, a.period_start, N, a.period_end, N, a.period_used, N, a.due_at),
        FLAG[a.ai_enabled], number(a.off_seq), FLAG[a.limited], _two(N, a.last_seq, N, a.last_at), blob(a.last_hash),
        blob(before.last_hash), number(before.due_at),
    ))  # fmt: skip


def _lot(lot: Lot) -> Record:
    claw = lot.claw or UNTOUCHED
    return "moved_lot", record((
        _org_and_6(
            8, N, lot.org_id, N, lot.lot_id, N, lot.available, N, lot.held, N, claw.reversed, N, claw.expired,
            N, claw.clawed,
        ),
        FLAG[claw.frozen],
    ))  # fmt: skip


def _hold(hold: Hold) -> Record:
    subject = hold.subject
    return "opened_hold", record((
        _org(11, N, hold.org_id), text(hold.hold_id), number(hold.amount), lines(hold.lots),
        _two(N, hold.opened_at, N, hold.expires_at), word(subject.use_case), word(subject.user), word(subject.project),
        word(subject.model), word(_terms(hold.terms)),
    ))  # fmt: skip


def _closed(book: Book) -> Iterable[Record]:
    """Holds to take away. One that was opened and resolved in the same batch was never written."""
    assert book.account is not None
    org_id = book.account.org_id
    return (named(org_id, hold_id) for hold_id in book.closed_holds & book.loaded_holds)


def _entry(entry: Entry) -> Record:
    e, moved = entry, entry.deltas
    return "posted_entry", record((
        _org_and(21, N, e.org_id, N, e.seq), text(e.operation_id), word(e.kind),
        _nine(
            N, e.at, N, moved.issued, N, moved.available, N, moved.held, N, moved.used, N, moved.expired,
            N, moved.reversed, N, moved.overage, N, moved.debt,
        ),
        lines(e.lots), _two(N, e.available_after, N, e.held_after), text(e.hold_id), number(e.expires_at),
        blob(e.fingerprint), word(e.note), blob(e.hash),
    ))  # fmt: skip


def _usage(entry: Entry) -> Record:
    usage = entry.usage
    assert usage is not None
    subject, tokens, terms = usage.subject, usage.tokens, usage.terms
    return "recorded_usage", record((
        _org_and(19, N, entry.org_id, N, entry.seq), text(usage.usage_id), number(entry.at), word(subject.use_case),
        word(subject.user), word(subject.project), word(subject.model), word(usage.outcome), word(usage.measurement),
        _seven(
            N, tokens.input, N, tokens.cached_input, N, tokens.cache_write, N, tokens.output, N, tokens.reasoning,
            N, usage.cost, N, entry.deltas.used,
        ),
        word(terms.rate_card if terms is not None else None), word(_terms(terms)),
    ))  # fmt: skip


@lru_cache(maxsize=4_096)
def _terms(terms: Terms | None) -> str | None:
    """The same terms are written for call after call."""
    return None if terms is None else _encode(terms).decode()


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

    def row(self) -> Record:
        return "added_day", record((
            _org(9, N, self.org_id), iso_date(self.day), word(self.use_case), word(self.user_ref),
            word(self.project_ref),
            _four(N, self.interactions, N, self.charged, N, self.input_tokens, N, self.output_tokens),
        ))  # fmt: skip


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
