"""Statements (B12): what came, what went and what was left in each billing period, and that it adds up.

A period's statement is read from the journal, never kept beside it. Only entries that issue, expire, reverse or lend
credits are added up, a dozen a month, found by an index of their own; what the balance was when the period began stands
on the entry that began it. What was used follows from these, because the lines of every entry sum to zero (I1): so a
year of statements costs the same after ten calls as after ten million (docs/decisions/0005-statements.md).

Operations, to be run in the organization's context. Amounts are micro-credits, instants microseconds UTC.
"""

import re
from datetime import date

import msgspec

from testkase.core.ledger.book import NEVER
from testkase.core.ledger.calendar import day_start
from testkase.core.ledger.consumption import Part
from testkase.core.ledger.queries import Balance
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import NotFound

_SQL = named_statements("testkase.core.ledger.sql", "statement.sql")
_NAME = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
YEAR = 12
_WEEK = 7 * 86_400_000_000
"""By which entries are looked for before a period begins and after it ends: more than zones can be apart."""


class PeriodStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One billing period. It adds up:

    closing = opening + allowance + granted + bought + adjusted - used - expired - reversed + overage + debt

    Balances count available credits and those set aside for calls under way. `adjusted` is signed, and counts a debt
    that was forgiven; `reversed` was taken back by refunds and disputes, below zero where they gave back more;
    `overage` was lent beyond the balance, less what calls gave back; `debt` is what a claw-back left owing, below zero
    where it was covered or forgiven. A period that is not `closed` shows how it stands.
    """

    number: int
    name: str
    """Year and month in which it begins in the billing zone, such as 2026-11."""
    started_at: int
    """The instant it began; the organization's first one when its account was opened."""
    ends_at: int
    closed: bool
    opening: int
    allowance: int
    granted: int
    bought: int
    adjusted: int
    used: int
    expired: int
    reversed: int
    overage: int
    debt: int
    closing: int
    grants: tuple[tuple[int, int], ...] = ()
    """When credits were granted or bought, and what of them came to the balance; oldest first."""


class PartUsed(msgspec.Struct, frozen=True, kw_only=True):
    """What one use case, user or project ('': none) used in the period."""

    part: str
    interactions: int
    charged: int


class Expiry(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of one lot that expired in the period: its time was over, or a dispute let them go after that. Without a
    lot: a call gave them back when the lot had expired."""

    at: int
    expired: int
    lot_id: int | None = None
    source: str | None = None
    granted_at: int | None = None
    granted: int | None = None


class StatementDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A period in full: each breakdown adds up to what was used, the expiries to what expired."""

    period: PeriodStatement
    parts: dict[Part, list[PartUsed]]
    expiries: list[Expiry]

    @property
    def interactions(self) -> int:
        return sum(part.interactions for part in self.parts[Part.USE_CASE])


class _Part(PartUsed, frozen=True, kw_only=True):
    by: Part


_grants = msgspec.json.Decoder(tuple[tuple[int, int], ...]).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_expiries = msgspec.json.Decoder(list[Expiry]).decode


def statements(balance: Balance, *, periods: int = YEAR, before: str | None = None) -> Operation[list[PeriodStatement]]:
    """So many periods, newest first: from the one that runs, or from the one before a period that is named."""
    last = balance.period_number if before is None else min(_number_of(balance, before), balance.period_number + 1) - 1
    if last < 0:
        return []
    rows = yield from _read(balance, max(last - periods + 1, 0), last)
    return [_period(balance, row) for row in rows]


def statement(balance: Balance, name: str) -> Operation[StatementDetail]:
    """One period with its breakdowns. Raises NotFound for a period the organization does not have."""
    number = _number(balance, name)
    rows = yield from _read(balance, number, number, days=(balance.first_day(number), balance.first_day(number + 1)))
    parts = _parts(rows[0]["parts"] or "[]")
    return StatementDetail(
        period=_period(balance, rows[0]),
        parts={part: [one for one in parts if one.by == part] for part in Part},
        expiries=_expiries(rows[0]["expiries"] or "[]"),
    )


def first_days(balance: Balance) -> list[date]:
    """The day of the billing zone on which each period began, from the first to the one that runs."""
    return [balance.first_day(number) for number in range(balance.period_number + 1)]


def _read(balance: Balance, first: int, last: int, days: tuple[date, date] | None = None) -> Operation[list[Row]]:
    first_day, end_day = days or (None, None)
    until = NEVER if last >= balance.period_number else day_start("UTC", balance.first_day(last + 1)) + _WEEK
    return (
        yield Statement(
            _SQL["periods"],
            {
                "org_id": balance.org_id, "first": first, "last": last, "first_day": first_day, "end_day": end_day,
                "since": day_start("UTC", balance.first_day(first)) - _WEEK, "until": until,
            },
        )
    )  # fmt: skip


def _period(balance: Balance, row: Row) -> PeriodStatement:
    moved = {name: int(row[name]) for name in (
        "opening", "allowance", "granted", "bought", "adjusted", "expired", "reversed", "overage", "debt", "closing",
    )}  # fmt: skip
    came = sum(moved[name] for name in ("opening", "allowance", "granted", "bought", "adjusted", "overage", "debt"))
    went = sum(moved[name] for name in ("expired", "reversed", "closing"))
    month = balance.anchor_month + row["number"]
    return PeriodStatement(
        number=row["number"], name=f"{month // 12:04d}-{month % 12 + 1:02d}", started_at=row["started_at"],
        ends_at=balance.period_end if row["ended_at"] is None else row["ended_at"],
        closed=row["ended_at"] is not None, used=came - went, grants=_grants(row["grants"] or "[]"), **moved,
    )  # fmt: skip


def _number(balance: Balance, name: str) -> int:
    number = _number_of(balance, name)
    if not 0 <= number <= balance.period_number:
        raise NotFound("There is no statement of this month.", field="period")
    return number


def _number_of(balance: Balance, name: str) -> int:
    """The number a period of that name would have; below zero for what is no name."""
    match = _NAME.fullmatch(name)
    return -1 if match is None else int(match[1]) * 12 + int(match[2]) - 1 - balance.anchor_month
