"""Collecting a bill for overage: a page of the provider to pay on, reminders, and what happens where nobody pays."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec.structs import asdict, replace

from testkase.core.ledger import commands as ledger
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.queries import balance
from testkase.core.pricing.money import money
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.foundation.links import page_of
from testkase.services.audit import Activity
from testkase.services.billing import words
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Bill, BillingSettings
from testkase.services.billing.overage.allowing import DUE_DAYS, SQL, bill_by_id, look_soon
from testkase.services.billing.overage.replaced import (
    close_page,
    close_page_of,
    fetch_payment,
    is_another,
    paid_on_an_earlier_page,
    pays,
)
from testkase.services.billing.overage.surplus import renew_surplus
from testkase.services.billing.provider import Customer, Link, LinkStatus, Payment, ProviderRefused
from testkase.services.billing.purchasing import lifecycle
from testkase.services.billing.purchasing.fulfilment import Facts, known_disputes, known_refunds
from testkase.services.billing.purchasing.rows import SQL as PURCHASES
from testkase.services.billing.purchasing.rows import WATCH, attempts_at
from testkase.services.billing.receipts import issue_receipt
from testkase.services.billing.seller import Seller
from testkase.services.billing.settings import SQL as PAYMENTS
from testkase.services.billing.settings import keep_settings, settings_locked
from testkase.services.notifications.telling import notify

LOOK_AGAIN_SECONDS, LOOK_AGAIN_LATE_SECONDS = 3_600, 86_400
"""At a bill that is to be paid, and at one whose time is over: a late payment is reported as well."""

REMIND_BEFORE = (timedelta(days=7), timedelta(days=2))
LINK_LASTS = timedelta(days=180)
"""Long after the bill is due: a late payment is still welcome."""

_DEAD = ("cancelled", "expired")
_MARK = 8
"""So much of a link's id, with the bill's, is as long as a reference may be."""

_log = structlog.get_logger(__name__)


def collect(org_id: int, bill_id: str, seller: Seller, *, public_url: str) -> Errand[Bill]:
    """Move a bill on: make its link, see whether it was paid, remind, or give up waiting. Safe to repeat. Raises
    ProviderRefused and ProviderSilent; refused, the bill has been moved on all the same."""
    bill = yield from do(org_id, bill_by_id(org_id, bill_id))
    if bill.is_settled:
        return bill
    try:
        if not bill.link_url:
            bill = yield from _link(bill, public_url)
        bill, status = yield from _look(bill, seller)
        if status in _DEAD and not bill.is_settled:
            bill = yield from _link(bill, public_url)
    except ProviderRefused:  # it will not say yes tomorrow: nobody may go on using what cannot be billed
        yield from do(org_id, _press(org_id, bill_id))
        raise
    return bill if bill.is_settled else (yield from do(org_id, _press(org_id, bill_id)))


def _link(bill: Bill, public_url: str) -> Errand[Bill]:
    """A page to pay on; another one where nobody can pay on the one before, named after that."""
    customer = yield from do(bill.org_id, _owner(bill.org_id))
    account = yield from do(bill.org_id, balance(bill.org_id))
    reference = f"{bill.bill_id}{'-' + bill.link_id[-_MARK:] if bill.link_id else ''}"
    link = yield from ask(
        lambda provider: provider.create_link(
            reference=reference, amount=bill.amount, currency=bill.currency,
            description=f"AI credits used beyond the balance, {words.billed_month(bill, account.time_zone)}:"
            f" {money(bill.amount, bill.currency)}", customer=customer,
            expire_by=int((utc_now() + LINK_LASTS).timestamp()),
            callback_url=page_of(bill.org_id, public_url, words.BILLING_PAGE),
        )
    )  # fmt: skip
    after = yield from do(bill.org_id, _linked(bill, link))
    if after.is_settled:  # meanwhile
        yield from close_page(link.link_id)
    return after


def _owner(org_id: int) -> Operation[Customer]:
    rows = yield Statement(SQL["owner"], {"org_id": org_id})
    return Customer(**rows[0]) if rows else Customer()


def _linked(bill: Bill, link: Link) -> Operation[Bill]:
    place = {"org_id": bill.org_id, "bill_id": bill.bill_id}
    page = {"link_id": link.link_id, "link_url": link.url, "before": bill.link_id, "due_days": DUE_DAYS}
    yield Statement(SQL["linked"], {**place, **page})
    yield Statement(PURCHASES["route"], {"ref": link.link_id, "org_id": bill.org_id, "target_id": bill.bill_id})
    after = yield from bill_by_id(bill.org_id, bill.bill_id)
    if not after.is_settled:
        account = yield from balance(bill.org_id)
        yield from notify(bill.org_id, words.bill_is_due(after, account.time_zone, reminder=False))
    return after


def look_at_link(org_id: int, bill_id: str, seller: Seller) -> Errand[Bill]:
    """Ask the provider whether a bill was paid, and keep that it was."""
    bill, _ = yield from _look((yield from do(org_id, bill_by_id(org_id, bill_id))), seller)
    return bill


def _look(bill: Bill, seller: Seller) -> Errand[tuple[Bill, LinkStatus | None]]:
    org_id, link_id = bill.org_id, bill.link_id
    if link_id is None or not bill.link_url or bill.is_settled:
        return bill, None
    link = yield from ask(lambda provider: provider.fetch_link(link_id))
    if link.status == "paid" and (link.amount, link.currency) == (bill.amount, bill.currency):
        for payment_id in link.payment_ids:
            payment = yield from ask(partial(fetch_payment, payment_id))
            if pays(bill, payment):
                return (yield from do(org_id, _paid(org_id, bill.bill_id, payment, seller))), link.status
    if is_another(bill, link.reference) and (late := (yield from paid_on_an_earlier_page(bill))) is not None:
        bill = yield from do(org_id, _paid(org_id, bill.bill_id, late, seller))
        yield from close_page(link_id)
    return bill, link.status


def _paid(org_id: int, bill_id: str, payment: Payment, seller: Seller) -> Operation[Bill]:
    bill = yield from bill_by_id(org_id, bill_id, lock=True)
    if bill.state == "paid":
        return bill
    verdict: lifecycle.Verdict = "granted"
    row = {"org_id": org_id, "target_id": bill_id, "verdict": verdict}
    yield Statement(PAYMENTS["keep_payment"], {**asdict(payment), **row})
    yield Statement(SQL["bill_paid"], {"org_id": org_id, "bill_id": bill_id, "payment_id": payment.payment_id})
    if payment.order_id is not None:  # the link's own: reports and the match report name it, not the link
        yield Statement(PURCHASES["route"], {"ref": payment.order_id, "org_id": org_id, "target_id": bill_id})
    yield Statement(WATCH["unwatch"], {"org_id": org_id, "kind": "bill", "target_id": bill_id})
    after = yield from bill_by_id(org_id, bill_id)
    yield from notify(org_id, words.bill_was_paid(after, overdue=bill.state == "unpaid"))
    yield from issue_receipt(after, payment, seller)
    details = {"price": money(after.amount, after.currency), "bill": bill_id}
    paid = Activity(action="overage.paid", actor=words.PAYMENTS, details=details)
    yield from words.recorded(org_id, paid, event_id=f"overage.paid:{bill_id}.{payment.payment_id}")
    return after


def look_at_money_back(
    org_id: int, bill_id: str, payment_id: str, seller: Seller, *, dispute_ids: tuple[str, ...] = ()
) -> Errand[tuple[Bill, bool]]:
    """Somebody reports that money of a bill went back. Where all of it did, the bill is to be paid again; a part that
    staff gave back is a kindness, and an open dispute waits for its end. What went back is kept: it may be all of it
    together with what is heard of later. A refund that fails gives it to us after all, and the bill is paid by it.
    Answers also whether staff must say what went back, as it did in another currency."""
    bill = yield from look_at_link(org_id, bill_id, seller)
    refunds = yield from ask(lambda provider: provider.refunds_of(payment_id))
    disputes = yield from ask(lambda provider: [provider.fetch_dispute(dispute_id) for dispute_id in dispute_ids])
    facts = Facts(refunds=tuple(refunds), disputes=tuple(disputes))
    if (yield from renew_surplus(bill, payment_id, facts)):
        return bill, False
    after, unclear = yield from do(org_id, follow_the_money(org_id, bill_id, payment_id, facts))
    if bill.state != "paid" and after.state == "paid":
        yield from close_page_of(bill)
    return after, unclear


def follow_the_money(
    org_id: int, bill_id: str, payment_id: str, facts: Facts, *, counted_at: str = ""
) -> Operation[tuple[Bill, bool]]:
    """Bring a bill to where the refunds and disputes of a payment that paid it stand; where another has paid it since,
    they are kept, and it stays where it is. Answers the bill, and whether money went back in another currency that
    nobody has counted yet: until then nothing moves. `counted_at`: staff have just counted it, which they may do
    again."""
    settings = yield from settings_locked(org_id)
    bill = yield from bill_by_id(org_id, bill_id, lock=True)
    known = yield Statement(PAYMENTS["payments"], _place(bill))
    paid_by = {row["payment_id"] for row in known if row["verdict"] == "granted"}
    if payment_id not in paid_by:
        return bill, False
    place = {"org_id": org_id, "payment_ids": [payment_id]}
    counted = {row["thing_id"]: row["amount"] for row in (yield Statement(PAYMENTS["counted_back"], place))}
    refunds = lifecycle.as_counted(bill.currency, (yield from known_refunds(place, facts)), counted)
    disputes = lifecycle.as_counted(bill.currency, (yield from known_disputes(place, facts)), counted)
    gone = lifecycle.returned(bill.amount, refunds, disputes) >= bill.amount
    if bill.state == "paid" and bill.payment_id != payment_id:
        if not gone:
            _log.warning("a payment paid for nothing", org_id=org_id, bill=bill_id, payment=payment_id)
        return bill, False
    if lifecycle.is_unclear(bill.currency, refunds, disputes):
        _log.error("money went back in another currency", org_id=org_id, bill=bill_id)
        return bill, True
    # Each time that money came back after all, a refund more had failed.
    failed = sum(refund.status == "failed" for refund in refunds)
    turn = f"{payment_id}{f'.{failed}' if failed else ''}{counted_at}"
    if gone and bill.state == "paid":
        other = yield from _another(bill)
        yield from (_went_back(settings, bill, turn) if other is None else _paid_by_another(bill, other, turn))
    elif not gone and bill.state != "paid":
        yield from _stays(bill, payment_id, turn)
    return (yield from bill_by_id(org_id, bill_id)), False


def _went_back(settings: BillingSettings, bill: Bill, turn: str) -> Operation[None]:
    org_id, bill_id = bill.org_id, bill.bill_id
    yield Statement(SQL["bill_reopened"], {"org_id": org_id, "bill_id": bill_id})
    if bill.waived_at is not None:
        yield from notify(org_id, words.bill_was_waived(bill, overdue=False, turn=turn))
        return
    yield from look_soon(org_id, bill_id)
    yield from _switch_off(settings, bill, setting_id=f"reopened.{turn}")
    yield from notify(org_id, words.bill_money_went_back(bill, turn))
    yield from _record(bill, "overage.reopened", bill.payment_id or "", turn)


def _another(bill: Bill) -> Operation[str | None]:
    """A payment that had paid the bill before, and whose money stayed after all: whoever paid twice and was given one
    payment back, whichever it was, has paid once."""
    tried = yield from attempts_at(bill.org_id, bill.bill_id)
    others = (one for one in tried if one.verdict == "granted" and one.payment_id != bill.payment_id)
    return next((one.payment_id for one in others if one.went_back < one.amount), None)


def _paid_by_another(bill: Bill, payment_id: str, turn: str) -> Operation[None]:
    place = {"org_id": bill.org_id, "bill_id": bill.bill_id}
    yield Statement(SQL["bill_reopened"], place)
    yield Statement(SQL["bill_paid"], {**place, "payment_id": payment_id})
    yield from _record(bill, "overage.one_of_two", payment_id, turn)


def _stays(bill: Bill, payment_id: str, turn: str) -> Operation[None]:
    org_id, bill_id = bill.org_id, bill.bill_id
    yield Statement(SQL["bill_paid"], {"org_id": org_id, "bill_id": bill_id, "payment_id": payment_id})
    yield Statement(WATCH["unwatch"], {"org_id": org_id, "kind": "bill", "target_id": bill_id})
    yield from notify(org_id, words.bill_money_stays(bill, turn))
    yield from _record(bill, "overage.stays", payment_id, turn)


def _record(bill: Bill, action: str, payment_id: str, turn: str) -> Operation[None]:
    details = {"price": money(bill.amount, bill.currency), "bill": bill.bill_id, "payment": payment_id}
    happened = Activity(action=action, actor=words.PAYMENTS, details=details)
    yield from words.recorded(bill.org_id, happened, event_id=f"{action}:{bill.bill_id}.{turn}")


def _place(bill: Bill) -> dict[str, object]:
    return {"org_id": bill.org_id, "target_id": bill.bill_id}


def _switch_off(settings: BillingSettings, bill: Bill, *, setting_id: str) -> Operation[None]:
    if settings.overage_cap_cents:
        yield from execute_one(ledger.SetOverage(org_id=bill.org_id, setting_id=setting_id, limit=0))
        yield from keep_settings(bill.org_id, replace(settings, overage_cap_cents=0))


def _press(org_id: int, bill_id: str) -> Operation[Bill]:
    """Remind as the day comes nearer; after it, switch overage off and tell the Owner (dunning)."""
    bill = yield from bill_by_id(org_id, bill_id, lock=True)
    (clock,) = yield Statement(PAYMENTS["now"])
    now: datetime = clock["now"]
    if bill.state in ("due", "open") and now >= bill.due_at:
        yield from _give_up(bill)
    elif bill.state == "open" and bill.reminders < sum(now >= bill.due_at - before for before in REMIND_BEFORE):
        yield Statement(SQL["reminded"], {"org_id": org_id, "bill_id": bill_id})
        again = yield from bill_by_id(org_id, bill_id)
        account = yield from balance(org_id)
        yield from notify(org_id, words.bill_is_due(again, account.time_zone, reminder=True))
    after = yield from bill_by_id(org_id, bill_id)
    pause = timedelta(seconds=LOOK_AGAIN_LATE_SECONDS if after.state == "unpaid" else LOOK_AGAIN_SECONDS)
    place = {"org_id": org_id, "kind": "bill", "target_id": bill_id}
    if not after.is_settled:
        yield Statement(WATCH["watch_until"], {**place, "due_at": now + pause})
    return after


def _give_up(bill: Bill) -> Operation[None]:
    org_id = bill.org_id
    settings, what = (yield from settings_locked(org_id)), f"{bill.bill_id}.{bill.link_id or ''}"
    yield Statement(SQL["bill_unpaid"], {"org_id": org_id, "bill_id": bill.bill_id})
    yield from _switch_off(settings, bill, setting_id=f"unpaid.{what}")
    yield from notify(org_id, words.bill_was_not_paid(bill))
    details = {"bill": bill.bill_id, "price": money(bill.amount, bill.currency)}
    off = Activity(action="overage.unpaid", actor=words.PAYMENTS, details=details)
    yield from words.recorded(org_id, off, event_id=f"overage.unpaid:{what}")
