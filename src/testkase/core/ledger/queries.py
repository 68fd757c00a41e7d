"""Reading the ledger: balance, usage, receipts, lots and the journal.

Operations to be run in a transaction that has the organization's context; each also names the organization itself.
Amounts are micro-credits, instants microseconds UTC. Lists page by key (the sequence number), so that a page costs
the same whatever the history behind it.
"""

from datetime import date
from typing import Any, LiteralString

import msgspec

from testkase.core.ledger.book import NEVER
from testkase.core.ledger.calendar import first_day
from testkase.core.ledger.consumption import just_before, newest_rows, span_of, usage_rows
from testkase.core.ledger.lot_rows import charged_by_lot, lot_of, lots_by_id
from testkase.core.ledger.model import RESOLVED_AS, Lot, Measurement, Outcome
from testkase.core.ledger.refusals import AccountNotFound
from testkase.core.ledger.terms import Rates, Terms, Tokens, rates_for
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import NotFound

_SQL: dict[str, LiteralString] = named_statements("testkase.core.ledger.sql", "queries.sql")

MAX_PAGE = 500


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An organization's account as last posted. `due`: submit Touch first, time has something to post.

    `overage` of at most `overage_limit` is lent beyond the balance; `overage_used` of it is used, and billed when the
    period ends; the rest is set aside for calls under way.
    """

    org_id: int
    available: int
    held: int
    debt: int
    overage_limit: int
    overage: int
    overage_used: int
    period_number: int
    period_start: int
    period_end: int
    period_used: int
    monthly_allowance: int
    ai_enabled: bool
    anchor_day: int
    anchor_month: int
    """The calendar month (year × 12 + month − 1) in which the first period begins."""
    time_zone: str
    last_seq: int
    last_at: int
    due: bool

    @property
    def spendable(self) -> int:
        """What calls may still take: what is available, and how far they may go beyond it (P7)."""
        return self.available + self.beyond

    @property
    def beyond(self) -> int:
        """How far calls may still go beyond the balance in this period."""
        return max(0, self.overage_limit - self.overage)

    def first_day(self, number: int) -> date:
        """The day of the billing zone on which a period begins."""
        return first_day(self.anchor_day, self.anchor_month + number)


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One AI interaction of the usage table (R46–R52). `seq` names its receipt."""

    seq: int
    usage_id: str
    at: int
    use_case: str
    user: str
    project: str | None
    model: str | None
    outcome: Outcome
    measurement: Measurement
    tokens: Tokens
    cost: int
    charged: int
    rate_card: str | None


class FeatureUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one use case consumed in the current period (R54)."""

    use_case: str
    interactions: int
    charged: int
    input_tokens: int
    output_tokens: int


class LotLine(msgspec.Struct, frozen=True, kw_only=True):
    """Credits one lot gave to an interaction."""

    lot: Lot
    charged: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an interaction's charge follows from (B3): tokens × rates → credits, from which lots, balance
    around it.

    `balance_before` and `balance_after` count available and held credits together; before - charged - expired +
    reversed + lent = after. `reversed_on_release`: what a refund or dispute kept of what was released (below zero), or
    gave back. `lent`: beyond the balance, or given back unused (below zero).
    """

    usage: UsageRow
    kind: str
    terms: Terms | None
    rates: Rates | None
    lots: tuple[LotLine, ...]
    expired_on_release: int
    balance_before: int
    balance_after: int
    available_after: int
    held_after: int
    hash: str
    reversed_on_release: int = 0
    lent: int = 0


class OverageBill(msgspec.Struct, frozen=True, kw_only=True):
    """What one period used beyond the balance: `credits` to be invoiced, `at` its end. `seq` names the entry."""

    period_number: int
    seq: int
    at: int
    credits: int


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the journal, for people."""

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
    available_after: int
    held_after: int
    hold_id: str | None
    note: str


class HoldState(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as it stands: `open` (until `expires_at`), `settled` (`receipt` says for what), `voided` or `lapsed`."""

    hold_id: str
    state: str
    amount: int
    charged: int
    opened_at: int
    expires_at: int | None
    resolved_at: int | None = None
    receipt: int | None = None


def balance(org_id: int) -> Operation[Balance]:
    """Raises AccountNotFound."""
    rows = yield Statement(_SQL["balance"], {"org_id": org_id})
    if not rows:
        raise AccountNotFound("The organization has no credit account.")
    return Balance(**rows[0])


def usage_page(
    org_id: int,
    *,
    limit: int,
    before_seq: int | None = None,
    since: int | None = None,
    until: int | None = None,
    use_case: str | None = None,
    user: str | None = None,
    project: str | None = None,
) -> Operation[list[UsageRow]]:
    """At most `limit` interactions, newest first, older than `before_seq`; `since` is included, `until` is not.

    Every filter is optional; the project '' means none at all. The cost does not depend on the history.
    """
    before = NEVER if before_seq is None else before_seq
    rows = yield from usage_rows(
        org_id, limit=min(limit, MAX_PAGE), before_seq=before, since=since, until=until, use_case=use_case, user=user,
        project=project,
    )  # fmt: skip
    return [_usage_row(row) for row in rows]


def usage_summary(org_id: int) -> Operation[list[FeatureUsage]]:
    """The current period by use case, largest first; its sum is the account's `period_used` (P11, I11)."""
    account = yield from balance(org_id)
    asked = {"org_id": org_id, "first_day": account.first_day(account.period_number)}
    return [FeatureUsage(**row) for row in (yield Statement(_SQL["usage_summary"], asked))]


def receipt(org_id: int, seq: int) -> Operation[Receipt]:
    """Raises NotFound where the organization has no such interaction."""
    posted = yield Statement(_SQL["instant"], {"org_id": org_id, "before": just_before(seq), "seq": seq})
    rows = (yield Statement(_SQL["receipt"], {"org_id": org_id, "at": posted[0]["at"], "seq": seq})) if posted else []
    if not rows:
        raise NotFound("There is no such receipt.", field="id")
    row = rows[0]
    moved: list[tuple[int, int, int]] = msgspec.json.decode(row["lots"])
    charged = yield from charged_by_lot(org_id, row, moved)
    lots = yield from lots_by_id(org_id, list(charged))
    usage = _usage_row(row)
    terms = msgspec.json.decode(row["terms"], type=Terms) if row["terms"] else None
    prompt = usage.tokens.input + usage.tokens.cached_input + usage.tokens.cache_write
    after = row["available_after"] + row["held_after"]
    return Receipt(
        usage=usage,
        kind=row["kind"],
        terms=terms,
        rates=rates_for(terms, prompt) if terms else None,
        lots=tuple(LotLine(lot=lot, charged=charged[lot.lot_id]) for lot in lots),
        expired_on_release=row["expired"],
        reversed_on_release=-(row["reversed"] + row["debt"] + row["issued"]),
        lent=-row["overage"],
        balance_before=after - row["available"] - row["held"],
        balance_after=after,
        available_after=row["available_after"],
        held_after=row["held_after"],
        hash=row["hash"],
    )


def lots(org_id: int) -> Operation[list[Lot]]:
    """Lots that still hold credits, or have them frozen by a dispute, in burn order (P5)."""
    rows = yield Statement(_SQL["lots"], {"org_id": org_id})
    return [lot_of(org_id, row) for row in rows]


def overage_bills(org_id: int, *, first: int = 0) -> Operation[list[OverageBill]]:
    """What periods that are over are to be billed for overage, oldest first, from the period of that number on."""
    rows = yield Statement(_SQL["overage_bills"], {"org_id": org_id, "first": first})
    return [OverageBill(**row) for row in rows]


def overage_limits_set(org_id: int, *, since: int, until: int) -> Operation[list[int]]:
    """When the limits of overage that held between two instants were set, the one that held at the first included."""
    rows = yield Statement(_SQL["overage_limits_set"], {"org_id": org_id, "since": since, "until": until})
    return [row["at"] for row in rows]


def entries(org_id: int, *, limit: int, before_seq: int | None = None) -> Operation[list[JournalRow]]:
    """The journal, newest first."""
    before = NEVER if before_seq is None else before_seq
    first, latest = yield from span_of(org_id, before)
    wanted = {"org_id": org_id, "limit": min(limit, MAX_PAGE), "before_seq": before}
    found = yield from newest_rows(_SQL["entries_page"], wanted, since=first, latest=latest)
    return [JournalRow(**row) for row in found]


def hold(org_id: int, hold_id: str) -> Operation[HoldState]:
    """Raises NotFound where the organization has no such hold."""
    rows = yield Statement(_SQL["open_hold"], {"org_id": org_id, "hold_id": hold_id})
    if rows:
        return HoldState(state="open", charged=0, **rows[0])
    rows = yield Statement(_SQL["resolution"], {"org_id": org_id, "hold_id": hold_id})
    if not rows:
        raise NotFound("There is no such hold.", field="id")
    row = rows[0]
    state = RESOLVED_AS[row["kind"]]
    return HoldState(
        hold_id=hold_id, state=state, amount=-row["held"], charged=row["used"], opened_at=row["opened_at"],
        expires_at=None, resolved_at=row["at"], receipt=row["seq"] if state == "settled" else None,
    )  # fmt: skip


def due_accounts(limit: int) -> Operation[list[int]]:
    """Organizations that time has something to post for: send each a Touch. Needs no organization's context."""
    rows = yield Statement(_SQL["due_accounts"], {"limit": limit})
    return [row["org_id"] for row in rows]


def _usage_row(row: Row) -> UsageRow:
    tokens: dict[str, Any] = {name: row[name] for name in Tokens.__struct_fields__}
    return UsageRow(
        seq=row["seq"], usage_id=row["usage_id"], at=row["at"], use_case=row["use_case"], user=row["user_ref"],
        project=row["project_ref"], model=row["model"], outcome=row["outcome"], measurement=row["measurement"],
        tokens=Tokens(**tokens), cost=row["cost"], charged=row["charged"], rate_card=row["rate_card"],
    )  # fmt: skip
