"""Monthly statements as programs see them (B12): the periods, and one of them in full."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from testkase.core.ledger.consumption import Part
from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.statement import Expiry, PartUsed, PeriodStatement, StatementDetail, statement, statements
from testkase.entrypoints.api.fields import Credits, SignedCredits, cursor, instant
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.balance_views import current_balance

_AMOUNTS = (
    "opening", "allowance", "granted", "bought", "adjusted", "used", "expired", "reversed", "overage", "debt",
    "closing",
)  # fmt: skip
Limit = Annotated[int, Meta(ge=1, le=200, description="Periods on a page.")]
Period = Annotated[str, cursor(r"[0-9]{4}-[0-9]{2}")]


class StatementQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Page of the list of statements."""

    limit: Limit = 12
    cursor: Period | None = None


class StatementItem(Struct, frozen=True, kw_only=True):
    """One billing period. It adds up: closing = opening + allowance + granted + bought + adjusted - used - expired
    - reversed + overage + debt. Balances include credits set aside for calls under way. A period that is not `closed`
    shows how it stands now."""

    period: str
    started_at: str
    ends_at: str
    closed: bool
    opening: Credits
    allowance: Credits
    granted: Credits
    bought: Credits
    adjusted: SignedCredits
    used: Credits
    expired: Credits
    reversed: SignedCredits
    overage: SignedCredits
    debt: SignedCredits
    closing: Credits

    @classmethod
    def of(cls, one: PeriodStatement) -> "StatementItem":
        return cls(**_fields(one))


class StatementPage(Struct, frozen=True, kw_only=True):
    """Newest first; the first of all is the period that runs. `next_cursor` is null on the last page."""

    items: list[StatementItem]
    next_cursor: str | None


class StatementPart(Struct, frozen=True, kw_only=True):
    """What one use case, user or project used; the project is null for calls that belong to none."""

    name: str | None
    interactions: int
    charged: Credits


class StatementExpiry(Struct, frozen=True, kw_only=True):
    """Credits of one lot that expired. Without a lot: a call gave them back when the lot had expired."""

    at: str
    expired: Credits
    lot: str | None
    source: str | None


class StatementView(StatementItem, frozen=True, kw_only=True):
    """A period in full: each of the three breakdowns adds up to `used`, the expiries to `expired`."""

    interactions: int
    by_use_case: list[StatementPart]
    by_user: list[StatementPart]
    by_project: list[StatementPart]
    expiries: list[StatementExpiry]


async def list_statements(ask: Ask[None]) -> Reply:
    """200 with a page. One period more than asked for is read, to know whether there is another page."""
    query = ask.query(StatementQuery)
    balance = await current_balance(ask.context, ask.org_id)
    page = statements(balance, periods=query.limit + 1, before=query.cursor)
    found = await ask.context.database.run(page, org_id=ask.org_id)
    shown = found[: query.limit]
    more = shown[-1].name if len(found) > query.limit else None
    return Reply(StatementPage(items=[StatementItem.of(one) for one in shown], next_cursor=more))


async def get_statement(ask: Ask[None]) -> Reply:
    """200 with one period."""
    balance = await current_balance(ask.context, ask.org_id)
    found = await ask.context.database.run(statement(balance, ask.path("period")), org_id=ask.org_id)
    return Reply(_view(found))


def _view(found: StatementDetail) -> StatementView:
    parts = {part: [_part(one, part) for one in found.parts[part]] for part in Part}
    return StatementView(
        **_fields(found.period),
        interactions=found.interactions,
        by_use_case=parts[Part.USE_CASE],
        by_user=parts[Part.USER],
        by_project=parts[Part.PROJECT],
        expiries=[_expiry(one) for one in found.expiries],
    )


def _fields(one: PeriodStatement) -> dict[str, Any]:
    return {
        "period": one.name, "started_at": instant(one.started_at), "ends_at": instant(one.ends_at),
        "closed": one.closed, **{name: format_credits(getattr(one, name)) for name in _AMOUNTS},
    }  # fmt: skip


def _part(one: PartUsed, part: Part) -> StatementPart:
    name = None if part is Part.PROJECT and not one.part else one.part
    return StatementPart(name=name, interactions=one.interactions, charged=format_credits(one.charged))


def _expiry(one: Expiry) -> StatementExpiry:
    lot = None if one.lot_id is None else str(one.lot_id)
    return StatementExpiry(at=instant(one.at), expired=format_credits(one.expired), lot=lot, source=one.source)
