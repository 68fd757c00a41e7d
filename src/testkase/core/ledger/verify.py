"""Verify an organization's books from its journal alone (B4): the invariants of README.md, recomputed entry by entry.

The walk shares no code with the rules that wrote the entries: it adds up what stands there and compares. Operations,
to be run in one transaction with the organization's context, so that it sees one consistent state.
"""

import secrets
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from testkase.core.ledger.audit import Audit
from testkase.core.ledger.calendar import first_day
from testkase.core.ledger.lot_rows import lot_of
from testkase.core.ledger.model import Deltas, Entry, Subject, Usage
from testkase.core.ledger.queries import balance
from testkase.core.ledger.statement import first_days, statements
from testkase.core.ledger.terms import Terms, Tokens
from testkase.foundation.database import Operation, Row, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.sql", "verify.sql")
_PAGE = 5_000
_BEFORE_ALL = -(2**63)
"""Nothing keeps a superuser from writing an entry that comes before the first."""
_lines = msgspec.json.Decoder(tuple[tuple[int, int, int], ...]).decode
_UNUSED = {"usage_id": None, "charged": None}
"""In place of the usage of an entry that has none."""


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """An invariant that does not hold, where, and what was found."""

    org_id: int
    invariant: str
    seq: int | None
    found: str


def account_ids(after: int = 0, limit: int = 1_000) -> Operation[list[int]]:
    """Organizations with an account, in order of id. Needs no organization's context."""
    rows = yield Statement(_SQL["account_ids"], {"after": after, "limit": limit})
    return [row["org_id"] for row in rows]


UNREADABLE = (msgspec.MsgspecError, ValueError, LookupError, TypeError, ArithmeticError)
"""What rows can lead to in which something stands that was never written there."""


def verify(org_id: int) -> Operation[list[Deviation]]:
    """Everything that is wrong with one organization's books; empty when nothing is."""
    rows = yield Statement(_SQL["account"], {"org_id": org_id})
    if not rows:
        return (yield from _without_account(org_id))
    try:
        return (yield from _verified(org_id, rows[0]))
    except UNREADABLE as fault:
        return [unreadable(org_id, fault)]


def unreadable(org_id: int, fault: Exception) -> Deviation:
    """Books that cannot even be read were changed."""
    words = f"the books cannot be read: {type(fault).__name__}"
    return Deviation(org_id=org_id, invariant="I12", seq=None, found=words)


def _without_account(org_id: int) -> Operation[list[Deviation]]:
    """Whoever never had an account has no books either."""
    (left,) = yield Statement(_SQL["left_behind"], {"org_id": org_id})
    if not left["there"]:
        return []
    return [Deviation(org_id=org_id, invariant="I2", seq=None, found="there are books, but no account")]


def _verified(org_id: int, account: Row) -> Operation[list[Deviation]]:
    lots = yield Statement(_SQL["lots"], {"org_id": org_id})
    audit = Audit({row["lot_id"]: lot_of(org_id, row) for row in lots}, account["time_zone"])
    walked = yield from _walk(org_id, audit)
    yield from _ids(org_id, audit, walked)
    open_holds = yield Statement(_SQL["open_holds"], {"org_id": org_id})
    orphans = yield from _orphans(org_id, audit)
    expiries = [row["expires_at"] for row in open_holds]
    audit.found += audit.account.compare({**account, "org_id": org_id}, list(audit.lots.values()), expiries)
    audit.found += audit.claws.compare(account)
    audit.found += audit.births.compare()
    audit.found += audit.opened.compare(open_holds, audit.claws.holds)
    audit.close(account, {row["hold_id"]: row["amount"] for row in open_holds}, [row["seq"] for row in orphans])
    yield from _days(org_id, account, audit)
    yield from _sums(org_id, audit)
    audit.found += yield from audit.limits.compare(org_id, account)
    yield from _statements(org_id, audit)
    return list(_deviations(org_id, audit))


def _orphans(org_id: int, audit: Audit) -> Operation[Sequence[Row]]:
    """Interactions without an entry: looked for where there are more than entries have."""
    (usage,) = yield Statement(_SQL["usage_rows"], {"org_id": org_id})
    if usage["found"] == audit.usage.rows:
        return []
    return (yield Statement(_SQL["usage_without_entry"], {"org_id": org_id}))


def _days(org_id: int, account: Row, audit: Audit) -> Operation[None]:
    """The days that pages read add up to the interactions and to this month's usage (I11)."""
    audit.found += audit.usage.compare((yield Statement(_SQL["days"], {"org_id": org_id})))
    began = first_day(account["anchor_day"], account["anchor_month"] + account["period_number"])
    rows = yield Statement(_SQL["used_since"], {"org_id": org_id, "first_day": began})
    if rows[0]["used"] != account["period_used"]:
        audit.found.append(("I11", None, f"the days since {began} add up to {rows[0]['used']}"))


def _sums(org_id: int, audit: Audit) -> Operation[None]:
    """What is summed up of days that are over agrees with them, by day and by billing month (I11)."""
    standing = yield from balance(org_id)
    for row in (yield Statement(_SQL["misplaced_end"], {"org_id": org_id})):
        audit.found.append(("I11", None, f"days are said to be summed up before {row['before']}, which cannot be"))
    days = yield Statement(_SQL["wrong_day_sums"], {"org_id": org_id})
    months = yield Statement(_SQL["wrong_month_sums"], {"org_id": org_id, "first_days": first_days(standing)})
    for what, rows in (("day", days), ("month from", months)):
        for row in rows:
            words = f"the sums of {row['by']} {row['part']!r} are not what the {what} {row['day']} comes to"
            audit.found.append(("I11", None, words))


def _statements(org_id: int, audit: Audit) -> Operation[None]:
    """Each month's statement says what its entries come to, one by one (B12)."""
    standing = yield from balance(org_id)
    told = yield from statements(standing, periods=standing.period_number + 1)
    said = {one.number: (one.opening, one.used, one.expired) for one in told}
    for number in range(max(len(said), len(audit.periods))):
        summed = audit.periods[number] if number < len(audit.periods) else None
        if said.get(number) != summed:
            found = (
                f"the statement of period {number} says {said.get(number)} opening, used, expired; its entries {summed}"
            )
            audit.found.append(("I11", None, found))


def _walk(org_id: int, audit: Audit) -> Operation[int]:
    """How many entries were read."""
    after, walked = _BEFORE_ALL, 0
    while True:
        rows = yield from journal_page(org_id, after=after, limit=_PAGE)
        walked += len(rows)
        for row in rows:
            audit.read(entry_of(org_id, row), row)
        if len(rows) < _PAGE:
            return walked
        after = rows[-1]["seq"]


def _ids(org_id: int, audit: Audit, walked: int) -> Operation[None]:
    """Each entry is found by its id, and by no other (I5). One by one only where they do not come to the same.

    No index keeps a number from being there in two months. Where a page ends between the two, only one was read.
    """
    asked = {"org_id": org_id, "salt": secrets.randbits(63)}
    posted = yield Statement(_SQL["ids_posted"], asked)
    if posted[0]["found"] != walked:
        audit.found.append(("I12", None, f"of {posted[0]['found']} entries {walked} have a number of their own"))
    if posted == (yield Statement(_SQL["ids_kept"], asked)):
        return
    for row in (yield Statement(_SQL["misplaced_ids"], {"org_id": org_id})):
        audit.found.append(("I5", row["seq"], f"the id {row['operation_id']} and its entry do not lead to each other"))


def journal_page(org_id: int, *, after: int, limit: int) -> Operation[list[Row]]:
    """Entries in order, from behind a sequence number: what `entry_of` needs, and `charged` and `hash`."""
    entries = yield Statement(_SQL["journal"], {"org_id": org_id, "after": after, "limit": limit})
    if not entries:
        return []
    instants = [row["at"] for row in entries]
    span = {"since": min(instants), "latest": max(instants), "first": entries[0]["seq"], "last": entries[-1]["seq"]}
    usage = {row["seq"]: row for row in (yield Statement(_SQL["usage"], {"org_id": org_id, **span}))}
    for row in entries:
        row.update(usage.get(row["seq"], _UNUSED))
    return entries


def _deviations(org_id: int, audit: Audit) -> Iterator[Deviation]:
    for invariant, seq, found in audit.found:
        yield Deviation(org_id=org_id, invariant=invariant, seq=seq, found=found)


def entry_of(org_id: int, row: Row) -> Entry:
    """The entry as it was hashed: without its hash."""
    deltas = Deltas(
        issued=row["issued"], available=row["available"], held=row["held"], used=row["used"], expired=row["expired"],
        reversed=row["reversed"], overage=row["overage"], debt=row["debt"],
    )  # fmt: skip
    return Entry(
        org_id=org_id, seq=row["seq"], operation_id=row["operation_id"], kind=row["kind"], at=row["at"],
        deltas=deltas, lots=_lines(row["lots"]),
        available_after=row["available_after"], held_after=row["held_after"], hold_id=row["hold_id"],
        expires_at=row["expires_at"], fingerprint=bytes(row["fingerprint"]), note=row["note"], usage=_usage(row),
    )  # fmt: skip


def _usage(row: Row) -> Usage | None:
    if row["usage_id"] is None:
        return None
    tokens = Tokens(
        input=row["input"], cached_input=row["cached_input"], cache_write=row["cache_write"], output=row["output"],
        reasoning=row["reasoning"],
    )  # fmt: skip
    return Usage(
        usage_id=row["usage_id"],
        subject=Subject(
            use_case=row["use_case"], user=row["user_ref"], project=row["project_ref"], model=row["model"]
        ),
        tokens=tokens, outcome=row["outcome"], measurement=row["measurement"], cost=row["cost"],
        terms=_terms(row["terms"]) if row["terms"] else None,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _terms(text: str) -> Terms:
    """The same terms stand beside interaction after interaction."""
    return msgspec.json.decode(text, type=Terms)
