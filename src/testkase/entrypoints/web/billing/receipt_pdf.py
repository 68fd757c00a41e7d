"""A receipt as PDF, in the look of the statements."""

from collections.abc import Iterable

from django.utils import timezone
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table, TableStyle

from testkase.core.ledger.credits import whole_credits
from testkase.core.pricing.money import decimal_money, money
from testkase.entrypoints.web.statements.lettering import can_write, written
from testkase.entrypoints.web.statements.sheet import WIDTH, document_of, escaped, fitting, styles, table
from testkase.services.billing.receipts import Receipt

WENT_BACK = "of this payment went back since. The receipt says what was paid."
"""After the amount."""


def receipt_pdf(receipt: Receipt, *, reference: str, page: str, went_back: int = 0) -> bytes:
    """The file; the same receipt makes the same bytes. `reference` stands for a buyer whose name the font lacks, and
    `page` is the address at which the receipt stands in all its letters. `went_back`: what of the payment did since, in
    minor units."""
    author, subject = written(receipt.seller.name, "Seller"), written(receipt.buyer_name, reference)
    return document_of(
        _flow(receipt, reference, page, went_back), title=f"Receipt {receipt.number}", subject=subject, author=author
    )


def _flow(receipt: Receipt, reference: str, page: str, went_back: int) -> Iterable[Flowable]:
    style = styles()
    yield Paragraph("Receipt", style["small"])
    yield Paragraph(escaped(receipt.number), style["title"])
    with timezone.override(receipt.time_zone):
        issued = timezone.localtime(receipt.issued_at)
    yield Paragraph(f"Paid on {issued.day} {issued:%B %Y}", style["lead"])
    if went_back:
        yield Paragraph(f"{escaped(_money(went_back, receipt))} {WENT_BACK}", style["lead"])
    yield Spacer(0, 6 * mm)
    yield _parties(receipt, reference)
    yield Spacer(0, 8 * mm)
    yield _sold(receipt)
    yield Spacer(0, 5 * mm)
    yield Paragraph("Payment", style["heading"])
    yield _payment(receipt)
    if not all(can_write(text) for text in _names(receipt)):
        yield Spacer(0, 5 * mm)
        note = (
            "This file is written in Latin, Greek and Cyrillic letters. Names and addresses in others stand in full at"
        )
        yield Paragraph(f"{note} {escaped(page)}", style["small"])


def _names(receipt: Receipt) -> tuple[str, ...]:
    seller = receipt.seller
    return (
        seller.name, *seller.address, receipt.buyer_name, *receipt.buyer_address, receipt.buyer_tax_id,
        receipt.ordered_by,
    )  # fmt: skip


def _parties(receipt: Receipt, reference: str) -> Table:
    seller = receipt.seller
    sold_by = [seller.name, *seller.address, seller.email, seller.tax_id and f"Tax ID {seller.tax_id}"]
    sold_to = [written(receipt.buyer_name, reference), *receipt.buyer_address]
    sold_to += [receipt.buyer_tax_id and f"Tax ID {receipt.buyer_tax_id}"]
    made = Table([[_party("Seller", sold_by), _party("Buyer", sold_to)]], colWidths=[WIDTH / 2, WIDTH / 2])
    made.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return made


def _party(heading: str, lines: list[str]) -> list[Flowable]:
    style = styles()
    written_out = [escaped(written(line, "")) for line in lines if line]
    return [Paragraph(heading, style["small"]), *(Paragraph(line, style["cell"]) for line in written_out)]


def _sold(receipt: Receipt) -> Table:
    rows: list[list[Flowable | str]] = [["Description", "Credits", "Amount"]]
    rows.append([fitting(written(receipt.description, "AI credits"), WIDTH * 0.6), whole_credits(receipt.credits),
                 _money(receipt.net, receipt)])  # fmt: skip
    rows += [[f"{written(tax.name, 'Tax')} {tax.percent} %", "", _money(tax.amount, receipt)] for tax in receipt.taxes]
    rows.append(["Total paid", "", _money(receipt.total, receipt)])
    return table(rows, (0.6, 0.17, 0.23), head=True, bold=(len(rows) - 1,))


def _payment(receipt: Receipt) -> Table:
    facts = (("Paid with", receipt.paid_with), ("Payment", receipt.payment_id), ("Ordered by", receipt.ordered_by))
    shown = [(name, written(value, "")) for name, value in facts if value]
    return table([[name, fitting(value, WIDTH * 0.7)] for name, value in shown], (0.3, 0.7))


def _money(amount: int, receipt: Receipt) -> str:
    """With the currency's sign where the font has it, else with its code."""
    return written(money(amount, receipt.currency), f"{decimal_money(amount, receipt.currency)} {receipt.currency}")
