"""Purchases our books have forgotten: a database that was restored is older than what the provider knows.

The order itself says what was bought, in notes only we can write: they hold whose it is and which bundle of which price
book. What that bundle gives and costs stands in the book, and the order's amount must be its price, so that notes can
name nothing the money did not pay for. An order of another installation on the same account bears another mark, and
one older than the organization of its number belonged to somebody else.
"""

from collections.abc import Mapping

import msgspec
import structlog

from testkase.core.pricing import Bundle, PriceBooks
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Problem
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Buyer, Purchase
from testkase.services.billing.provider import Order, ProviderRefused
from testkase.services.billing.purchasing.rows import SQL, begin_row, open_purchase, owner_of, read_purchase

UNKNOWN_BUYER = Buyer(kind="person", ref="recovered", name="Not known any more")
_MOST_SKEW_SECONDS = 300

_log = structlog.get_logger(__name__)

Owner = tuple[int, str]
"""An organization and a purchase or bill of it."""


class _Sold(msgspec.Struct, frozen=True, kw_only=True):
    """What the notes of an order lead to."""

    org_id: int
    bundle: Bundle
    price_book: str


def notes_of(purchase: Purchase, installation: str) -> dict[str, str]:
    """What an order says of its purchase: enough to begin it again, and nobody's name."""
    return {
        "purchase": purchase.purchase_id, "bundle": purchase.bundle_name, "organization": str(purchase.org_id),
        "terms": f"{purchase.price_book}/{purchase.bundle}", "installation": installation,
    }  # fmt: skip


def owner_of_order(order_id: str, books: PriceBooks) -> Errand[Owner | None]:
    """Whose an order is, recovered where our books have forgotten it; None: not ours, as far as can be told. Raises
    ProviderSilent."""
    owner = yield from do(None, owner_of(order_id))
    if owner is not None:
        return owner
    try:
        order, installation = yield from ask(lambda provider: (provider.fetch_order(order_id), provider.installation))
    except ProviderRefused:
        return None
    sold = _sold(order, installation, books)
    if sold is None:
        return None
    try:
        recovered = yield from do(sold.org_id, _begun_again(order, sold))
    except Problem as problem:
        _log.warning("an order of ours could not be recovered", order=order_id, fault=problem.code)
        return None
    if recovered:
        _log.warning("a forgotten purchase was recovered", org_id=sold.org_id, purchase=order.receipt, order=order_id)
    return (sold.org_id, order.receipt) if recovered else None


def _sold(order: Order, installation: str, books: PriceBooks) -> _Sold | None:
    """None where the notes are not ours, or lead to something that costs another price."""
    said: Mapping[str, str] = order.notes
    number, (version, _, key) = said.get("organization", ""), said.get("terms", "").rpartition("/")
    ours = bool(installation) and (said.get("installation"), said.get("purchase")) == (installation, order.receipt)
    if not (ours and number.isascii() and number.isdigit() and len(number) < 19):
        return None
    try:
        bundle = books.version(version).bundle(key)
        costs = bundle.price_in(order.currency)
    except Problem:
        return None
    return _Sold(org_id=int(number), bundle=bundle, price_book=version) if costs == order.amount else None


def _begun_again(order: Order, sold: _Sold) -> Operation[bool]:
    """Whether the purchase stands, opened with its order. Needs the organization's context. Raises PaymentMismatch."""
    org_id, purchase_id = sold.org_id, order.receipt
    place = {"org_id": org_id, "before": order.created_at + _MOST_SKEW_SECONDS}
    if not (yield Statement(SQL["is_older"], place)):
        return False
    row = begin_row(
        org_id, UNKNOWN_BUYER, purchase_id=purchase_id, request_id=f"recovered:{purchase_id}", bundle=sold.bundle,
        price_book=sold.price_book, currency=order.currency,
    )  # fmt: skip
    known = yield Statement(SQL["by_id"], {"org_id": org_id, "purchase_id": purchase_id})
    if not known:
        yield Statement(SQL["begin"], row)
    elif not _waits_for(read_purchase(known[0]), order):
        return False
    yield from open_purchase(org_id, purchase_id, order)
    return True


def _waits_for(known: Purchase, order: Order) -> bool:
    """The backup was made between the purchase and its order; or somebody else has begun it again just now."""
    if known.order_id == order.order_id:
        return True
    return known.state == "created" and (known.amount, known.currency) == (order.amount, order.currency)
