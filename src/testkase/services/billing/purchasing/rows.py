"""Purchases as rows: begun at the terms of a moment, opened with the provider's order, listed, and found again."""

import re
from datetime import datetime
from typing import Any

import msgspec

from testkase.core.pricing import Bundle, PriceBook
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.billing.model import Buyer, PaymentMismatch, Purchase, PurchaseNotFound
from testkase.services.billing.provider import Order

SQL = named_statements("testkase.services.billing.sql", "purchases.sql")
WATCH = named_statements("testkase.services.billing.sql", "watching.sql")

FIRST_LOOK_SECONDS = 120
"""After an order is made; whoever pays is usually done by then, and told by the browser's return."""

MOST_WAITING = 100
"""Purchases of one organization that wait for money at once. Each is asked about every few minutes for days, and others
wait for their turn meanwhile."""

_REQUEST_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_FIELDS = Purchase.__struct_fields__


class RequestReused(Conflict):
    """The id began another purchase before."""

    code = "id_reused"
    title = "The id came before with another input"


class TooManyWaiting(Conflict):
    """So many purchases of the organization wait for money already."""

    code = "too_many_purchases"
    title = "Too many purchases wait for their payment"


class Became(msgspec.Struct, frozen=True, kw_only=True):
    """Of a paid purchase's credits, in micro-credits: what went to what was owed, and not to the balance (P10), what
    expired, and what was taken back unspent."""

    covered: int = 0
    expired: int = 0
    reversed: int = 0

    def expired_before(self, clawed: int) -> int:
        """What of `clawed` had expired before its money went back: neither taken from the balance nor owed."""
        return min(max(0, clawed - self.reversed), self.expired)


NOT_LOOKED_FOR = Became()


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One payment of a purchase or bill, as the history shows it. `went_back`: what refunds and lost disputes took of
    it, `amount_refunded` what the provider calls refunded. `contested`: a dispute is under way. `at` in seconds since
    1970."""

    payment_id: str
    status: str
    verdict: str
    amount: int
    currency: str
    amount_refunded: int
    went_back: int
    contested: bool
    method: str
    instrument: str
    failure: str
    at: int


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the payment history: the purchase, its receipt's number and what was tried."""

    purchase: Purchase
    receipt: str | None
    attempts: tuple[Attempt, ...]


def begin_purchase(
    org_id: int, buyer: Buyer, *, request_id: str, book: PriceBook, bundle_key: str, currency: str
) -> Operation[Purchase]:
    """The purchase of this request: begun now, or the one it began before.

    Whether the buyer may buy is for the caller to ask (settings.check_may_buy), in the same transaction. Raises
    UnknownBundle, UnknownCurrency, RequestReused for an id that began the purchase of something else, and
    TooManyWaiting.
    """
    row = begin_row(
        org_id, buyer, purchase_id=new_id("pur"), request_id=_checked(request_id), bundle=book.bundle(bundle_key),
        price_book=book.version, currency=currency,
    )  # fmt: skip
    if (yield Statement(SQL["begin"], row)):
        yield from _check_waiting(org_id)
    (found,) = yield Statement(SQL["by_request"], {"org_id": org_id, "request_id": request_id})
    purchase = read_purchase(found)
    if (purchase.bundle, purchase.currency) != (row["bundle"], currency):
        raise RequestReused("This id began another purchase. Use a new id for a new one.", field="id")
    return purchase


def _check_waiting(org_id: int) -> Operation[None]:
    """With the one that was just begun."""
    (row,) = yield Statement(SQL["waiting"], {"org_id": org_id, "most": MOST_WAITING + 1})
    if row["waiting"] > MOST_WAITING:
        raise TooManyWaiting(f"{MOST_WAITING} purchases wait for their payment already. Pay one of them, or wait.")


def request_came_before(org_id: int, request_id: str) -> Operation[bool]:
    """Whether this id has begun a purchase."""
    return bool((yield Statement(SQL["by_request"], {"org_id": org_id, "request_id": request_id})))


def _checked(request_id: str) -> str:
    if not _REQUEST_ID.fullmatch(request_id):
        raise InvalidInput("An id has 1 to 128 letters, digits and signs, without spaces.", field="id")
    return request_id


def begin_row(
    org_id: int, buyer: Buyer, *, purchase_id: str, request_id: str, bundle: Bundle, price_book: str, currency: str
) -> dict[str, Any]:
    """A purchase as it begins, for the statement `begin`. Raises UnknownCurrency."""
    return {
        "org_id": org_id, "purchase_id": purchase_id, "request_id": request_id, "buyer_kind": buyer.kind,
        "buyer_ref": buyer.ref, "buyer_name": buyer.name, "buyer_id": buyer.user_id, "bundle": bundle.key,
        "bundle_name": bundle.name, "credits": bundle.credits, "amount": bundle.price_in(currency),
        "currency": currency, "validity": bundle.validity.kind, "validity_months": bundle.validity.months,
        "price_book": price_book,
    }  # fmt: skip


def open_purchase(org_id: int, purchase_id: str, order: Order) -> Operation[Purchase]:
    """The provider has an order for it: from now on its reports find their way, and it is looked at unasked. Raises
    PaymentMismatch for an order that is another purchase's: one payment of it would be credited twice."""
    yield Statement(SQL["route"], {"ref": order.order_id, "org_id": org_id, "target_id": purchase_id})
    if (yield from owner_of(order.order_id)) != (org_id, purchase_id):
        raise PaymentMismatch("The provider's order is another purchase's. Nothing was charged; tell support.")
    yield Statement(SQL["open"], {"org_id": org_id, "purchase_id": purchase_id, "order_id": order.order_id})
    yield Statement(
        WATCH["watch"],
        {"org_id": org_id, "kind": "purchase", "target_id": purchase_id, "seconds": FIRST_LOOK_SECONDS},
    )
    return (yield from purchase_by_id(org_id, purchase_id))


def purchase_by_id(org_id: int, purchase_id: str) -> Operation[Purchase]:
    """Raises PurchaseNotFound, also for another organization's."""
    rows = yield Statement(SQL["by_id"], {"org_id": org_id, "purchase_id": purchase_id})
    return _one(rows)


def purchase_locked(org_id: int, purchase_id: str) -> Operation[Purchase]:
    """The same, which nobody else moves on until the transaction ends."""
    rows = yield Statement(SQL["locked"], {"org_id": org_id, "purchase_id": purchase_id})
    return _one(rows)


def owner_of(ref: str) -> Operation[tuple[int, str] | None]:
    """The organization and the purchase or bill that an order or link of the provider belongs to. Needs no context."""
    rows = yield Statement(SQL["routed"], {"ref": ref})
    return (rows[0]["org_id"], rows[0]["target_id"]) if rows else None


def list_purchases(
    org_id: int, *, limit: int, before: tuple[datetime, str] | None = None, state: str | None = None
) -> Operation[list[Listed]]:
    """Purchases newest first, below a place given as (created_at, purchase_id)."""
    before_at, before_id = before or (None, None)
    rows = yield Statement(
        SQL["page"], {"org_id": org_id, "limit": limit, "before_at": before_at, "before_id": before_id, "state": state}
    )
    attempts = yield from attempts_of(org_id, [row["purchase_id"] for row in rows])
    return [
        Listed(purchase=read_purchase(row), receipt=row["receipt"], attempts=attempts.get(row["purchase_id"], ()))
        for row in rows
    ]


def listed_purchase(org_id: int, purchase_id: str) -> Operation[Listed]:
    """One row of the history. Raises PurchaseNotFound, also for another organization's."""
    purchase = yield from purchase_by_id(org_id, purchase_id)
    receipts = yield Statement(SQL["receipt_of"], {"org_id": org_id, "purchase_id": purchase_id})
    attempts = yield from attempts_at(org_id, purchase_id)
    receipt = receipts[0]["number"] if receipts else None
    return Listed(purchase=purchase, receipt=receipt, attempts=attempts)


def became_of(org_id: int, payment_id: str) -> Operation[Became]:
    """Where the credits of a paid purchase went besides being used."""
    (row,) = yield Statement(SQL["became"], {"org_id": org_id, "payment_id": payment_id})
    return Became(**row)


def attempts_of(org_id: int, targets: list[str]) -> Operation[dict[str, tuple[Attempt, ...]]]:
    """What was tried for each of some purchases or bills, oldest first; those without are left out."""
    if not targets:
        return {}
    rows = yield Statement(SQL["payments_of"], {"org_id": org_id, "targets": targets})
    found: dict[str, tuple[Attempt, ...]] = {}
    for row in rows:
        found[row["target_id"]] = (*found.get(row["target_id"], ()), _attempt(row))
    return found


def attempts_at(org_id: int, target_id: str) -> Operation[tuple[Attempt, ...]]:
    """What was tried for one purchase or bill, oldest first."""
    return (yield from attempts_of(org_id, [target_id])).get(target_id, ())


def read_purchase(row: Row) -> Purchase:
    return Purchase(**{name: row[name] for name in _FIELDS})


def _one(rows: list[Row]) -> Purchase:
    if not rows:
        raise PurchaseNotFound("There is no such purchase.", field="id")
    return read_purchase(rows[0])


def _attempt(row: Row) -> Attempt:
    return Attempt(
        payment_id=row["payment_id"], status=row["status"], verdict=row["verdict"], amount=row["amount"],
        currency=row["currency"], amount_refunded=row["amount_refunded"], went_back=row["went_back"],
        contested=row["contested"], method=row["method"], instrument=row["instrument"], failure=row["failure"],
        at=row["created_at"],
    )  # fmt: skip
