"""Receipts: what was paid, by whom, to whom, with the taxes in it, under a number of a series without gaps.

A receipt is issued in the transaction of its payment, and says for ever what it said then. The last number of a series
is locked from here to the end of that transaction, so this comes late in it.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from testkase.core.ledger.credits import whole_credits
from testkase.core.ledger.queries import balance
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import NotFound
from testkase.services.billing.model import Bill, Purchase
from testkase.services.billing.provider import Payment
from testkase.services.billing.seller import Seller
from testkase.services.billing.settings import SQL, billing_settings
from testkase.services.billing.words import billed_month

_ORGANIZATION = "SELECT name FROM organization WHERE id = %(org_id)s"

_DAY = timedelta(days=1)


class ReceiptNotFound(NotFound):
    """No receipt of this organization has that number."""

    code = "receipt_not_found"
    title = "No such receipt"


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """A tax included in the total. `amount` in minor units."""

    name: str
    percent: str
    amount: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a receipt says. Amounts in minor units of `currency`."""

    number: str
    target_id: str
    issued_at: datetime
    seller: Seller
    buyer_name: str
    buyer_address: tuple[str, ...]
    buyer_tax_id: str
    ordered_by: str
    description: str
    credits: int
    """Micro-credits."""
    currency: str
    total: int
    taxes: tuple[TaxLine, ...]
    payment_id: str
    paid_with: str
    time_zone: str = "UTC"
    """Where the organization is billed, whose day it is dated. Those that were issued without one stay in UTC."""

    @property
    def net(self) -> int:
        """The total without the taxes in it."""
        return self.total - sum(tax.amount for tax in self.taxes)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Receipt).decode


def issue_receipt(sold: Purchase | Bill, payment: Payment, seller: Seller) -> Operation[Receipt]:
    """The receipt of what was just paid; the one there is already for this payment, whose money had gone back and stays
    after all. Needs the organization's context."""
    org_id = sold.org_id
    target_id = sold.purchase_id if isinstance(sold, Purchase) else sold.bill_id
    place = {"org_id": org_id, "target_id": target_id, "payment_id": payment.payment_id}
    known = yield Statement(SQL["receipt_of_payment"], place)
    if known:
        return _one(known)
    settings = yield from billing_settings(org_id)
    (organization,) = yield Statement(_ORGANIZATION, {"org_id": org_id})
    account = yield from balance(org_id)
    (clock,) = yield Statement(SQL["now"])
    at: datetime = clock["now"]
    number = yield from next_number(at.astimezone(ZoneInfo(account.time_zone)))
    receipt = Receipt(
        number=number,
        target_id=target_id,
        issued_at=at,
        seller=seller,
        buyer_name=settings.buyer_name or organization["name"],
        buyer_address=tuple(settings.buyer_address.splitlines()),
        buyer_tax_id=settings.buyer_tax_id,
        ordered_by=sold.buyer_name if isinstance(sold, Purchase) else "",
        description=_description(sold, account.time_zone),
        credits=sold.credits,
        currency=payment.currency,
        total=payment.amount,
        taxes=_included(payment.amount, seller),
        payment_id=payment.payment_id,
        paid_with=payment.instrument or payment.method,
        time_zone=account.time_zone,
    )
    row = {"org_id": org_id, "number": number, "target_id": receipt.target_id, "issued_at": at}
    yield Statement(SQL["keep_receipt"], {**row, "document": _encode(receipt).decode()})
    return receipt


def receipt_by_number(org_id: int, number: str) -> Operation[Receipt]:
    """Raises ReceiptNotFound, also for another organization's."""
    rows = yield Statement(SQL["receipt"], {"org_id": org_id, "number": number})
    return _one(rows)


def receipt_of(org_id: int, target_id: str) -> Operation[Receipt]:
    """Of a purchase or bill. Raises ReceiptNotFound for one that is not paid."""
    rows = yield Statement(SQL["receipt_of"], {"org_id": org_id, "target_id": target_id})
    return _one(rows)


def _one(rows: list[Row]) -> Receipt:
    if not rows:
        raise ReceiptNotFound("There is no such receipt.", field="number")
    return _decode(rows[0]["document"])


def next_number(at: datetime) -> Operation[str]:
    """R-2026-000001: one series a year, over all organizations. The year is that of the day which the receipt names,
    so `at` is where the organization is billed. After a restore the year goes on in a series named after that moment,
    R-2026-11281402-000001: which numbers were issued after the backup nobody here knows. At the end of a year two years
    are numbered for a day, and both go on so."""
    (books,) = yield Statement(SQL["restored"])
    restored_at: datetime | None = books["restored_at"]
    years = {(restored_at + day).year for day in (-_DAY, _DAY)} if restored_at is not None else set[int]()
    again = f"-{restored_at:%m%d%H%M}" if restored_at is not None and at.year in years else ""
    series = f"R-{at:%Y}{again}"
    (row,) = yield Statement(SQL["next_number"], {"series": series})
    return f"{series}-{row['last_number']:06d}"


def _description(sold: Purchase | Bill, time_zone: str) -> str:
    if isinstance(sold, Purchase):
        return f"{sold.bundle_name} bundle: {whole_credits(sold.credits)} AI credits"
    return f"AI credits used beyond the balance, {billed_month(sold, time_zone)}"


def _included(total: int, seller: Seller) -> tuple[TaxLine, ...]:
    """What of the total each tax is, all of them on the same net price, each rounded to the nearest minor unit."""
    whole = 10_000 + sum(tax.basis_points for tax in seller.taxes)
    return tuple(
        TaxLine(name=tax.name, percent=tax.percent, amount=(2 * total * tax.basis_points + whole) // (2 * whole))
        for tax in seller.taxes
    )
