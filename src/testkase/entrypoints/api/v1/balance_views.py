"""How the account stands: balance and lots."""

from msgspec import Struct

from testkase.core.ledger import queries
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.model import UNTOUCHED, Lot
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.fields import Credits, instant
from testkase.entrypoints.api.refusals import buy_url
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.lists import ListQuery, page_of


class BalanceView(Struct, frozen=True, kw_only=True):
    """The organization's credits. `this_month` is what AI calls used since `period_start`; what is left of the monthly
    allowance expires at `resets_at`, when the next one arrives. Calls may go beyond the balance by `overage_limit` in a
    period: `overage` of it is taken, `overage_used` of that is used and will be billed at `resets_at`."""

    available: Credits
    held: Credits
    debt: Credits
    overage_limit: Credits
    overage: Credits
    overage_used: Credits
    this_month: Credits
    monthly_allowance: Credits
    ai_enabled: bool
    period_start: str
    resets_at: str
    time_zone: str
    as_of: str
    buy_url: str


class LotView(Struct, frozen=True, kw_only=True):
    """Credits that came together and expire together. `reversed`: unspent, and taken back by a refund or out of reach
    while a dispute is open (`frozen`)."""

    id: str
    source: str
    paid: bool
    granted: Credits
    available: Credits
    held: Credits
    reversed: Credits
    frozen: bool
    granted_at: str
    expires_at: str | None


class LotList(Struct, frozen=True, kw_only=True):
    """Lots that still hold credits, or have them frozen by a dispute, in the order in which they are spent."""

    items: list[LotView]
    next_cursor: str | None


async def get_balance(ask: Ask[None]) -> Reply:
    """200 with the balance, past every boundary that has been crossed."""
    found = await current_balance(ask.context, ask.org_id)
    return Reply(
        BalanceView(
            available=format_credits(found.available),
            held=format_credits(found.held),
            debt=format_credits(found.debt),
            overage_limit=format_credits(found.overage_limit),
            overage=format_credits(found.overage),
            overage_used=format_credits(found.overage_used),
            this_month=format_credits(found.period_used),
            monthly_allowance=format_credits(found.monthly_allowance),
            ai_enabled=found.ai_enabled,
            period_start=instant(found.period_start),
            resets_at=instant(found.period_end),
            time_zone=found.time_zone,
            as_of=instant(found.last_at),
            buy_url=buy_url(ask.context.settings.public_url, ask.org_id),
        )
    )


async def list_lots(ask: Ask[None]) -> Reply:
    """200 with the lots."""
    await current_balance(ask.context, ask.org_id)
    found = await ask.context.database.run(queries.lots(ask.org_id), org_id=ask.org_id)
    shown, more = page_of(found, ask.query(ListQuery), lambda lot: str(lot.lot_id))
    return Reply(LotList(items=[_lot(lot) for lot in shown], next_cursor=more))


async def current_balance(context: Context, org_id: int) -> Balance:
    """The balance after whatever time has made due was posted. Raises AccountNotFound."""
    found = await context.database.run(queries.balance(org_id), org_id=org_id)
    if not found.due:
        return found
    await context.engine.submit(Touch(org_id=org_id))
    return await context.database.run(queries.balance(org_id), org_id=org_id)


def _lot(lot: Lot) -> LotView:
    claw = lot.claw or UNTOUCHED
    return LotView(
        id=str(lot.lot_id),
        source=lot.source,
        paid=lot.paid,
        granted=format_credits(lot.granted),
        available=format_credits(lot.available),
        held=format_credits(lot.held),
        reversed=format_credits(claw.reversed),
        frozen=claw.frozen,
        granted_at=instant(lot.granted_at),
        expires_at=instant(lot.expires_at) if lot.expires_at is not None else None,
    )
