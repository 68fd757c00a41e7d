"""Operators and payments: give money back, look at everything that is open, match a day with the provider.

A refund carries an id of the operator's choosing: repeated with the same id the money goes back once.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from testkase.core.ledger.credits import grouped_credits
from testkase.core.pricing import load_price_books
from testkase.core.pricing.money import EXPONENTS, money
from testkase.entrypoints.cli.app import app, counted, database, out, provider
from testkase.entrypoints.cli.books import Identifier, Organization
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import InvalidInput, Problem
from testkase.foundation.settings import Settings
from testkase.services.audit import OPERATOR
from testkase.services.billing.errand import Errand, run_errand
from testkase.services.billing.model import is_bill
from testkase.services.billing.overage.allowing import bill_by_id
from testkase.services.billing.overage.counting import count_back_of_bill
from testkase.services.billing.overage.waiving import waive
from testkase.services.billing.purchasing.counting import count_back
from testkase.services.billing.purchasing.refunding import refund
from testkase.services.billing.purchasing.rows import purchase_by_id
from testkase.services.billing.reports.matching import Fault, MatchReport, match_day
from testkase.services.billing.reports.reconciling import Watched, everything_open, look_again
from testkase.services.billing.seller import Seller, load_seller


@app.command("refund")
def refund_purchase(
    context: typer.Context,
    organization: Organization,
    purchase: Annotated[str, typer.Argument(help="The purchase's id.")],
    amount: Annotated[str, typer.Option(help='Money in the currency it was paid in, such as "10.00".')],
    identifier: Identifier,
    reason: Annotated[str, typer.Option(help="Why; kept in the activity history, and told to the provider.")],
) -> None:
    """Give money of a purchase back; the credits it had paid for go with it."""
    with database(context) as writing:
        found = writing.run(purchase_by_id(organization, purchase), org_id=organization)
        wanted = _minor_units(amount, found.currency)
        errand = refund(
            organization, purchase, refund_id=identifier, amount=wanted, reason=reason, actor=OPERATOR, seller=_seller()
        )
        after = _carry_out(context, writing, errand).purchase
    out.print(
        f"{money(wanted, after.currency)} went back. Of the bundle's {grouped_credits(after.credits)} credits"
        f" {grouped_credits(after.clawed)} are taken back by now."
    )


@app.command("count-back")
def count_money_back(
    context: typer.Context,
    organization: Organization,
    purchase: Annotated[str, typer.Argument(help="The id of the purchase or bill.")],
    thing: Annotated[str, typer.Argument(help="The id of the refund or dispute in another currency.")],
    amount: Annotated[str, typer.Option(help='What of the payment it is, in its own currency, such as "4.00" or "0".')],
    reason: Annotated[str, typer.Option(help="How that is known; kept in the activity history.")],
) -> None:
    """Say what of a payment went back in another currency: no rate is made up, and the credits rest until then."""
    if is_bill(purchase):
        _count_back_of_bill(context, organization, purchase, thing, amount, reason)
        return
    with database(context) as writing:
        found = writing.run(purchase_by_id(organization, purchase), org_id=organization)
        counting = count_back(
            organization, purchase, thing_id=thing, amount=_minor_units(amount, found.currency), reason=reason,
            actor=OPERATOR, seller=_seller(),
        )  # fmt: skip
        after = writing.run(counting, org_id=organization).purchase
    stands = "What is left of them rests until a dispute is over." if after.frozen else "The rest can be used."
    out.print(
        f"Of the bundle's {grouped_credits(after.credits)} credits {grouped_credits(after.clawed)} are taken back by"
        f" now. {stands}"
    )


def _count_back_of_bill(
    context: typer.Context, organization: int, bill_id: str, thing: str, amount: str, reason: str
) -> None:
    with database(context) as writing:
        found = writing.run(bill_by_id(organization, bill_id), org_id=organization)
        counting = count_back_of_bill(
            organization, bill_id, thing_id=thing, amount=_minor_units(amount, found.currency), reason=reason,
            actor=OPERATOR,
        )  # fmt: skip
        after = _carry_out(context, writing, counting)
    stands = {"paid": "stays paid", "waived": "stays waived"}.get(after.state, "is to be paid again")
    out.print(f"The bill of {money(after.amount, after.currency)} {stands}.")


@app.command("waive-bill")
def waive_bill(
    context: typer.Context,
    organization: Organization,
    bill: Annotated[str, typer.Argument(help="The bill's id; `reconcile` lists those that are to be paid.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the activity history.")],
) -> None:
    """Let a bill for use beyond the balance go: nobody is to pay it any more."""
    with database(context) as writing:
        waiving = waive(organization, bill, reason=reason, actor=OPERATOR, seller=_seller())
        after = _carry_out(context, writing, waiving)
    out.print(f"The bill of {money(after.amount, after.currency)} is not to be paid.")


@app.command("reconcile")
def reconcile(context: typer.Context) -> None:
    """Look at every open purchase and bill now, and say how each stands; exit code 1 if one could not be looked at."""
    seller, settings = _seller(), Settings.from_environ()
    books = load_price_books(settings.price_book)
    table, failed = table_of_open(), 0
    with database(context) as looking:
        for due in looking.run(everything_open()):
            errand = look_again(due, seller, books, public_url=settings.public_url)
            stands, fault = _look(context, looking, errand)
            failed += fault
            table.add_row(str(due.org_id), due.kind, _name(due), stands)
    out.print(table)
    out.print(f"{table.row_count} looked at, {failed} in vain.")
    raise typer.Exit(1 if failed else 0)


@app.command("match-report")
def match_report(
    context: typer.Context,
    day: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="UTC; yesterday without it.")] = None,
) -> None:
    """Compare a day's payments at the provider with ours, put right what can be; exit code 1 if some do not agree."""
    wanted = (day or datetime.now(UTC) - timedelta(days=1)).date()
    books = load_price_books(Settings.from_environ().price_book)
    with database(context) as looking:
        report = _carry_out(context, looking, match_day(wanted, _seller(), books))
    for fault in report.faults:
        out.print(_said(fault), soft_wrap=True)
    out.print(_summary(report))
    raise typer.Exit(1 if report.faults else 0)


def _carry_out(context: typer.Context, opened: SyncDatabase, errand: Errand[Any]) -> Any:
    return run_errand(errand, provider(context), opened.run)


def table_of_open() -> Table:
    """Ids are there to be copied into the next command: how long a sentence stands beside one, it is not cut off."""
    return Table("Organization", "What", Column("Id", no_wrap=True), "Stands")


def _look(context: typer.Context, opened: SyncDatabase, errand: Errand[str]) -> tuple[str, bool]:
    try:
        return str(_carry_out(context, opened, errand)), False
    except Problem as problem:
        return problem.detail, True


def _seller() -> Seller:
    return load_seller(Settings.from_environ().seller)


def _name(due: Watched) -> str:
    return due.target_id or "the billing month"


def _minor_units(text: str, currency: str) -> int:
    """Raises InvalidInput for what is no amount of the currency."""
    decimals = EXPONENTS.get(currency, 2)
    whole, point, part = text.partition(".")
    digits = whole + part.ljust(decimals, "0")
    if not digits.isascii() or not digits.isdigit() or not whole or len(part) > decimals or (point and not part):
        raise InvalidInput(f"An amount of money in {currency} is written like {money(1000, currency)}.", field="amount")
    return int(digits)


def _summary(report: MatchReport) -> str:
    taken = ", ".join(money(amount, currency) for currency, amount in sorted(report.taken.items())) or "nothing"
    faults = len(report.faults)
    agree = f"{report.matched} match, {faults} {'does' if faults == 1 else 'do'} not"
    return f"{report.day}: {counted(report.captured, 'payment')} taken ({taken}), {agree}."


def _said(fault: Fault) -> str:
    """A payment in lines, with what to do: ids are there to be looked up, and a table would cut them short."""
    back = f", {money(fault.refunded, fault.currency)} given back" if fault.refunded else ""
    facts = [f"{fault.kind}: {fault.payment_id}, {money(fault.amount, fault.currency)}{back}"]
    facts += [f"order {fault.order_id}"] if fault.order_id else []
    facts += [f"organization {fault.org_id}, {fault.purchase_id}"] if fault.org_id is not None else []
    return f"{', '.join(facts)}\n    {fault.next}"
