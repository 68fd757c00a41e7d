"""What an organization chose about buying: who may, what receipts say of it, use beyond the balance; and its bills."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from testkase.core.access import PurchaseRoles
from testkase.core.ledger.credits import format_credits
from testkase.core.pricing.money import decimal_money
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.fields import Credits, instant, matching
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.balance_views import current_balance
from testkase.entrypoints.api.v1.billing.schemas import BillPage, BillQuery, BillView, Money, rfc3339_or_none
from testkase.foundation.clock import rfc3339
from testkase.foundation.database import Operation
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Actor
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import list_bills, overage, set_overage
from testkase.services.billing.settings import billing_settings, set_buyer, set_purchase_roles

_DOLLARS = re.compile(r"(0|[1-9][0-9]{0,6})(?:\.([0-9]{1,2}))?", re.ASCII)
Dollars = Annotated[
    str,
    matching(
        _DOLLARS.pattern, 'Dollars are a decimal string with at most two decimals, such as "100.00"',
        "US dollars as a decimal string, at most two decimals.", "100.00",
    ),
]  # fmt: skip


class BuyerDetails(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What receipts say of the buyer from now on. An empty name: the organization's. `address` is one text of lines."""

    name: Annotated[str, Meta(max_length=120)] = ""
    address: Annotated[str, Meta(max_length=400)] = ""
    tax_id: Annotated[str, Meta(max_length=40)] = ""


class PurchasingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both are set as the body says."""

    purchase_roles: PurchaseRoles
    buyer: BuyerDetails


class OverageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`"0"` switches use beyond the balance off."""

    cap_usd: Dollars


class OverageView(Struct, frozen=True, kw_only=True):
    """Use beyond the balance in this billing month: `used` of `limit` credits, what calls under way have set aside
    included, and `cost_usd` if all of that is used. `blocked`: a bill whose time is over is not paid, and it cannot be
    allowed until that is done."""

    cap_usd: Money
    price_usd: Money
    limit: Credits
    used: Credits
    cost_usd: Money
    resets_at: str
    blocked: bool


async def get_purchasing(ask: Ask[None]) -> Reply:
    """200 with the settings."""
    return Reply(await current_purchasing(ask.context, ask.org_id))


async def put_purchasing(ask: Ask[PurchasingSettings]) -> Reply:
    """200 with the settings as they now are. Putting the same again changes nothing."""
    change = _set_purchasing(ask.org_id, ask.actor, ask.body)
    await ask.context.database.run(change, org_id=ask.org_id)
    return Reply(await current_purchasing(ask.context, ask.org_id))


async def get_overage(ask: Ask[None]) -> Reply:
    """200 with how use beyond the balance stands."""
    return Reply(await current_overage(ask.context, ask.org_id))


async def put_overage(ask: Ask[OverageSettings]) -> Reply:
    """200 with how it now stands. Putting the same again changes nothing."""
    change = set_overage(
        ask.org_id, ask.actor, setting_id=new_id("cap"), cap_cents=_cents(ask.body.cap_usd), book=ask.context.book(),
        billable=ask.context.provider is not None,
    )  # fmt: skip
    try:
        await ask.context.database.run(change, org_id=ask.org_id)
    except InvalidInput as refused:
        raise InvalidInput(refused.detail, field="cap_usd") from None
    return Reply(await current_overage(ask.context, ask.org_id))


async def list_overage_bills(ask: Ask[None]) -> Reply:
    """200 with a page."""
    query = ask.query(BillQuery)
    before = None if query.cursor is None else int(query.cursor)
    reading = list_bills(ask.org_id, limit=query.limit + 1, before=before)
    found = await ask.context.database.run(reading, org_id=ask.org_id)
    shown = found[: query.limit]
    more = str(shown[-1][0].period_number) if len(found) > query.limit else None
    return Reply(BillPage(items=[_bill(bill, receipt) for bill, receipt in shown], next_cursor=more))


def _set_purchasing(org_id: int, actor: Actor, wanted: PurchasingSettings) -> Operation[None]:
    buyer = wanted.buyer
    yield from set_purchase_roles(org_id, actor, wanted.purchase_roles)
    try:
        yield from set_buyer(org_id, actor, name=buyer.name, address=buyer.address, tax_id=buyer.tax_id)
    except InvalidInput as refused:
        raise InvalidInput(refused.detail, field=(refused.field or "").replace("buyer_", "buyer.", 1)) from None


async def current_purchasing(context: Context, org_id: int) -> PurchasingSettings:
    found = await context.database.run(billing_settings(org_id), org_id=org_id)
    return PurchasingSettings(
        purchase_roles=PurchaseRoles(found.purchase_roles),
        buyer=BuyerDetails(name=found.buyer_name, address=found.buyer_address, tax_id=found.buyer_tax_id),
    )


async def current_overage(context: Context, org_id: int) -> OverageView:
    await current_balance(context, org_id)
    found = await context.database.run(overage(org_id, context.book()), org_id=org_id)
    return OverageView(
        cap_usd=decimal_money(found.cap_cents, "USD"), price_usd=decimal_money(found.price_cents, "USD"),
        limit=format_credits(found.limit), used=format_credits(found.used),
        cost_usd=decimal_money(found.cost_cents, "USD"), resets_at=instant(found.resets_at), blocked=found.blocked,
    )  # fmt: skip


def _cents(dollars: str) -> int:
    whole, _, part = dollars.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def _bill(bill: Bill, receipt: str | None) -> BillView:
    return BillView(
        id=bill.bill_id, state=bill.state, period_start=instant(bill.period_start),
        period_end=instant(bill.period_end), credits=format_credits(bill.credits),
        amount=decimal_money(bill.amount, bill.currency), currency=bill.currency, payment_url=bill.link_url or None,
        receipt=receipt, made_at=rfc3339(bill.made_at), due_at=rfc3339(bill.due_at),
        paid_at=rfc3339_or_none(bill.paid_at),
    )  # fmt: skip
