"""Purchases by programs: begun here, paid by a person on a page of ours, looked at, listed; and their receipts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from testkase.core.ledger.credits import format_credits
from testkase.core.pricing.money import decimal_money
from testkase.entrypoints.api.fields import NO_CURSOR
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.billing import schemas
from testkase.foundation.clock import rfc3339
from testkase.foundation.database import Operation
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput
from testkase.services.billing.keys import maker_of
from testkase.services.billing.model import Buyer, Purchase
from testkase.services.billing.purchasing.buying import buy, look_at
from testkase.services.billing.purchasing.permission import key_may_buy
from testkase.services.billing.purchasing.rows import (
    Listed,
    list_purchases,
    listed_purchase,
    purchase_by_id,
    request_came_before,
)
from testkase.services.billing.receipts import Receipt, receipt_by_number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


async def list_all(ask: Ask[None]) -> Reply:
    """200 with a page. One purchase more than asked for is read, to know whether there is another page."""
    query = ask.query(schemas.PurchaseQuery)
    before = None if query.cursor is None else _place(query.cursor)
    reading = list_purchases(ask.org_id, limit=query.limit + 1, before=before, state=query.state)
    found = await ask.context.database.run(reading, org_id=ask.org_id)
    shown = found[: query.limit]
    more = _cursor(shown[-1].purchase) if len(found) > query.limit else None
    return Reply(schemas.PurchasePage(items=[_view(ask, one) for one in shown], next_cursor=more))


async def begin(ask: Ask[schemas.PurchaseRequest]) -> Reply:
    """201 with a purchase that waits for its payment."""
    request_id, caller = ask.effect_id(ask.body.id) or new_id("req"), ask.caller
    maker = await ask.context.database.run(maker_of(ask.org_id, caller.key_id), org_id=ask.org_id)
    buyer = Buyer(kind="api_key", ref=caller.key_id, name=caller.key_name, user_id=maker.user_id)
    came_before = False

    def may_buy() -> Operation[None]:
        nonlocal came_before
        yield from key_may_buy(ask.org_id, caller.key_id)
        came_before = yield from request_came_before(ask.org_id, request_id)

    buying = buy(
        ask.org_id, buyer, request_id=request_id, book=ask.context.book(), bundle=ask.body.bundle,
        currency=ask.body.currency, may_buy=may_buy,
    )  # fmt: skip
    purchase = await ask.context.run_errand(buying)
    return Reply(await _current(ask, purchase.purchase_id), 201, came_before)


async def get_one(ask: Ask[None]) -> Reply:
    """200; 404 for an id of another organization as for one that never was."""
    return Reply(await _current(ask, ask.path("purchase_id")))


async def check(ask: Ask[None]) -> Reply:
    """200 with the purchase as the provider says it stands now."""
    looked_for = purchase_by_id(ask.org_id, ask.path("purchase_id"))
    purchase = await ask.context.database.run(looked_for, org_id=ask.org_id)
    await ask.context.run_errand(look_at(purchase, ask.context.seller))
    return Reply(await _current(ask, purchase.purchase_id))


async def get_receipt(ask: Ask[None]) -> Reply:
    """200 with the receipt."""
    found = await ask.context.database.run(receipt_by_number(ask.org_id, ask.path("number")), org_id=ask.org_id)
    return Reply(_receipt(found))


async def _current(ask: Ask[Any], purchase_id: str) -> schemas.PurchaseView:
    found = await ask.context.database.run(listed_purchase(ask.org_id, purchase_id), org_id=ask.org_id)
    return _view(ask, found)


def _view(ask: Ask[Any], one: Listed) -> schemas.PurchaseView:
    url = ask.context.settings.public_url
    return schemas.PurchaseView.of(one.purchase, public_url=url, receipt=one.receipt, attempts=one.attempts)


def _cursor(last: Purchase) -> str:
    return f"{(last.created_at - _EPOCH) // _MICROSECOND}.{last.purchase_id}"


def _place(cursor: str) -> tuple[datetime, str]:
    at, _, purchase_id = cursor.partition(".")
    try:
        return _EPOCH + int(at) * _MICROSECOND, purchase_id
    except OverflowError:
        raise InvalidInput(NO_CURSOR, field="cursor") from None


def _receipt(one: Receipt) -> schemas.PaymentReceiptView:
    seller, currency = one.seller, one.currency
    return schemas.PaymentReceiptView(
        number=one.number, about=one.target_id, issued_at=rfc3339(one.issued_at),
        seller=schemas.SellerView(
            name=seller.name, address=list(seller.address), email=seller.email, tax_id=seller.tax_id
        ),
        buyer=schemas.BuyerView(name=one.buyer_name, address=list(one.buyer_address), tax_id=one.buyer_tax_id),
        ordered_by=one.ordered_by, description=one.description, credits=format_credits(one.credits),
        currency=currency, net=decimal_money(one.net, currency),
        taxes=[
            schemas.TaxView(name=tax.name, percent=tax.percent, amount=decimal_money(tax.amount, currency))
            for tax in one.taxes
        ],
        total=decimal_money(one.total, currency), payment_id=one.payment_id, paid_with=one.paid_with,
    )  # fmt: skip
