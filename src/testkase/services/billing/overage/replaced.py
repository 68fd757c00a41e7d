"""Pages on which a bill was to be paid, and another of which took the place: a bank may say yes after they had ended.

Such a payment is the bill's without doubt: the page is on record as made for it, bears its id as its reference, and
names the payment. It counts once, and not where anything of it has gone back since.
"""

from functools import partial

import structlog

from testkase.foundation.database import Operation, Statement
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Bill, is_bill
from testkase.services.billing.overage.allowing import SQL
from testkase.services.billing.provider import Link, Payment, Provider, ProviderRefused, ProviderSilent
from testkase.services.billing.purchasing.rows import attempts_at

_log = structlog.get_logger(__name__)


def is_another(bill: Bill, reference: str) -> bool:
    """Whether a page of this reference took the place of another: it is named after the bill and the one before."""
    return reference.startswith(f"{bill.bill_id}-")


def paid_on_an_earlier_page(bill: Bill) -> Errand[Payment | None]:
    """A payment of the whole bill that was made on a page it does not have any more, and has paid for nothing yet."""
    known = yield from do(bill.org_id, _known(bill))
    for page in (yield from do(bill.org_id, _pages(bill))):
        link = yield from ask(partial(_fetch_link, page))
        if link.reference != bill.bill_id and not is_another(bill, link.reference):
            continue
        for payment_id in link.payment_ids:
            if payment_id in known:
                continue
            payment = yield from ask(partial(fetch_payment, payment_id))
            if pays(bill, payment) and not payment.amount_refunded:
                return payment
    return None


def pays(bill: Bill, payment: Payment) -> bool:
    """Exactly the bill's amount in its currency, and taken."""
    return payment.captured and (payment.amount, payment.currency) == (bill.amount, bill.currency)


def owner_of_page(payment: Payment) -> Errand[tuple[int, str] | None]:
    """The organization and the bill whose page a payment was made on, where the provider says the page's reference of
    its order. It only leads to the bill: whether that was paid, the bill's own pages say."""
    order_id = payment.order_id
    if order_id is None:
        return None
    try:
        order = yield from ask(lambda provider: provider.fetch_order(order_id))
    except ProviderRefused:
        return None
    bill_id = order.receipt.partition("-")[0]
    rows = (yield from do(None, _routed(bill_id))) if is_bill(bill_id) else []
    return (rows[0], bill_id) if rows else None


def _routed(bill_id: str) -> Operation[list[int]]:
    rows = yield Statement(SQL["bill_routed"], {"bill_id": bill_id})
    return [row["org_id"] for row in rows]


def close_page(link_id: str) -> Errand[None]:
    """Nobody is to pay on it as well. Where the provider does not let it be closed, a second payment is a surplus,
    which the match report names."""
    try:
        yield from ask(lambda provider: provider.cancel_link(link_id))
    except (ProviderRefused, ProviderSilent) as problem:
        _log.warning("the page of a paid bill could not be closed", link=link_id, fault=problem.code)


def close_page_of(bill: Bill) -> Errand[None]:
    """The page on which a bill could be paid until now, where it has one."""
    if bill.link_url and bill.link_id is not None:
        yield from close_page(bill.link_id)


def _pages(bill: Bill) -> Operation[list[str]]:
    place = {"org_id": bill.org_id, "bill_id": bill.bill_id, "link_id": bill.link_id}
    rows = yield Statement(SQL["earlier_pages"], place)
    return [row["ref"] for row in rows]


def _known(bill: Bill) -> Operation[set[str]]:
    """Payments that have paid the bill before, or of which something has gone back or is contested."""
    tried = yield from attempts_at(bill.org_id, bill.bill_id)
    return {one.payment_id for one in tried if one.verdict == "granted" or one.went_back or one.contested}


def _fetch_link(link_id: str, provider: Provider) -> Link:
    return provider.fetch_link(link_id)


def fetch_payment(payment_id: str, provider: Provider) -> Payment:
    return provider.fetch_payment(payment_id)
