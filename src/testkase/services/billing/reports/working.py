"""From a kept report to the look it asks for: whose it is, what to ask of the provider, and how it ended."""

from testkase.core.pricing import PriceBooks
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Bill, MoneyBackUndecided, Purchase, is_bill
from testkase.services.billing.overage.collecting import look_at_link, look_at_money_back
from testkase.services.billing.purchasing.buying import look_at
from testkase.services.billing.purchasing.fulfilment import Fulfilled
from testkase.services.billing.purchasing.recovering import owner_of_order
from testkase.services.billing.purchasing.rows import owner_of, purchase_by_id
from testkase.services.billing.reports.inbox import Report
from testkase.services.billing.seller import Seller

_ABOUT_MONEY_BACK = ("refund.", "payment.dispute.")


def work_on(report: Report, seller: Seller, books: PriceBooks) -> Errand[str]:
    """Look at what the report is about; answers what came of it, in a few words. Raises ProviderSilent,
    ProviderRefused and MoneyBackUndecided: it stays in the inbox and is tried again."""
    if report.link_id is not None:
        return (yield from _link(report.link_id, seller))
    order_id = report.order_id or (yield from _order_of(report))
    if order_id is None:
        return "names nothing of ours"
    owner = yield from owner_of_order(order_id, books)
    if owner is None:
        return "an order that is not ours"
    org_id, target_id = owner
    disputes = (report.dispute_id,) if report.dispute_id else ()
    if is_bill(target_id):
        bill, unclear = yield from _bill(report, org_id, target_id, disputes, seller)
        if unclear:
            raise _undecided(report, org_id, target_id)
        return f"bill {bill.state}"
    purchase = yield from do(org_id, purchase_by_id(org_id, target_id))
    if _is_known(report, purchase):
        return "known already"
    looked = yield from look_at(purchase, seller, dispute_ids=disputes)
    if looked.unclear:
        raise _undecided(report, org_id, target_id)
    return _in_words(looked)


def _undecided(report: Report, org_id: int, target_id: str) -> MoneyBackUndecided:
    thing = report.dispute_id or report.refund_id or "ID"
    return MoneyBackUndecided(
        f"Money went back in another currency: testkase count-back {org_id} {target_id} {thing} --amount … --reason …"
    )


def _bill(
    report: Report, org_id: int, bill_id: str, disputes: tuple[str, ...], seller: Seller
) -> Errand[tuple[Bill, bool]]:
    if report.payment_id is not None and report.name.startswith(_ABOUT_MONEY_BACK):
        return (yield from look_at_money_back(org_id, bill_id, report.payment_id, seller, dispute_ids=disputes))
    return (yield from look_at_link(org_id, bill_id, seller)), False


def _is_known(report: Report, purchase: Purchase) -> bool:
    """Once a purchase is paid, only what says that money went back can be news about its payment."""
    return (
        purchase.state == "paid"
        and report.payment_id in (None, purchase.payment_id)
        and not report.name.startswith(_ABOUT_MONEY_BACK)
    )


def _order_of(report: Report) -> Errand[str | None]:
    """Reports of refunds and disputes may name the payment alone."""
    payment_id = report.payment_id
    if payment_id is None:
        return None
    payment = yield from ask(lambda provider: provider.fetch_payment(payment_id))
    return payment.order_id


def _link(link_id: str, seller: Seller) -> Errand[str]:
    owner = yield from do(None, owner_of(link_id))
    if owner is None:
        return "a link that is not ours"
    bill = yield from look_at_link(owner[0], owner[1], seller)
    return f"bill {bill.state}"


def _in_words(done: Fulfilled) -> str:
    if done.granted:
        return "credits granted"
    if done.mismatched:
        return "a payment that does not match"
    if done.surplus:
        return "a second payment"
    return f"purchase {done.purchase.state}" + (", frozen" if done.purchase.frozen else "")
