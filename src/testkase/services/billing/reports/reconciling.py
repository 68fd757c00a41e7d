"""Looking without being told to (B5): open purchases until they are paid or days old, bills until they are paid, and
every dispute and every refund of late once a day.

A report that never comes costs minutes, not money: an open purchase is looked at every few minutes for as long as its
payment can still come, and closed three days after the last attempt, when the provider has given up too.
"""

from collections.abc import Sequence

import msgspec
import structlog

from testkase.core.pricing import PriceBooks
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Problem
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import is_bill
from testkase.services.billing.overage.allowing import bill_ended_periods
from testkase.services.billing.overage.collecting import collect, look_at_money_back
from testkase.services.billing.provider import Dispute, Event, ProviderRefused, ProviderSilent, Refund
from testkase.services.billing.purchasing.buying import look_at
from testkase.services.billing.purchasing.rows import SQL, WATCH, owner_of, purchase_by_id
from testkase.services.billing.reports.inbox import receive_found
from testkase.services.billing.seller import Seller

SOON_SECONDS = 60
MOST_PAUSE_SECONDS = 480
"""Under ten minutes with what the look itself takes: so late at most is a payment nobody reports."""

GIVE_UP_SECONDS = 3 * 86_400 + 3_600
"""The provider asks a silent bank for three days; an authorized payment goes back then."""

REFUND_LASTS_SECONDS = 10 * 86_400
"""A refund arrives, or fails, within so many days of being made."""

CLAIM_SECONDS = 300
"""Whoever takes something to look at and dies leaves it to the next after so long."""

_log = structlog.get_logger(__name__)


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at now."""

    org_id: int
    kind: str
    target_id: str
    age_seconds: int


def claim_watched(*, limit: int) -> Operation[list[Watched]]:
    """Take what is due. Needs no organization's context."""
    rows = yield Statement(WATCH["claim_watched"], {"limit": limit, "again": CLAIM_SECONDS})
    return [Watched(**row) for row in rows]


def everything_open() -> Operation[list[Watched]]:
    """All that is watched, due or not, as an operator looks at it. Needs no organization's context."""
    rows = yield Statement(WATCH["everything_open"])
    return [Watched(**row) for row in rows]


def look_again(due: Watched, seller: Seller, books: PriceBooks, *, public_url: str) -> Errand[str]:
    """Look at one of them, and set when to look next; answers how it stands, in a few words."""
    if due.kind == "purchase":
        return (yield from _purchase(due, seller))
    if due.kind == "bill":
        return (yield from collect(due.org_id, due.target_id, seller, public_url=public_url)).state
    made = yield from do(due.org_id, bill_ended_periods(due.org_id, books))
    for bill in made:
        yield from collect(due.org_id, bill.bill_id, seller, public_url=public_url)
    return "1 bill" if len(made) == 1 else f"{len(made)} bills"


def pause_seconds(age_seconds: int) -> int:
    """How long until the next look at a purchase of that age: a minute at first, eight after an hour."""
    return max(SOON_SECONDS, min(MOST_PAUSE_SECONDS, age_seconds // 8))


def _purchase(due: Watched, seller: Seller) -> Errand[str]:
    try:
        purchase = yield from do(due.org_id, purchase_by_id(due.org_id, due.target_id))
        looked = yield from look_at(purchase, seller)
    except ProviderSilent:  # whoever was not heard has not said that nobody paid
        yield from do(due.org_id, _again(due))
        raise
    except Problem:
        yield from do(due.org_id, _later(due))
        raise
    if looked.purchase.state == "paid":
        return "paid"
    yield from do(due.org_id, _later(due))
    return looked.purchase.state


def _later(due: Watched) -> Operation[None]:
    if due.age_seconds < GIVE_UP_SECONDS or (yield from _was_tried_of_late(due)):
        yield from _again(due)
        return
    yield Statement(SQL["close"], {"org_id": due.org_id, "purchase_id": due.target_id})
    yield Statement(WATCH["unwatch"], {"org_id": due.org_id, "kind": due.kind, "target_id": due.target_id})


def _again(due: Watched) -> Operation[None]:
    place = {"org_id": due.org_id, "kind": due.kind, "target_id": due.target_id}
    yield Statement(WATCH["watch_in"], {**place, "seconds": pause_seconds(due.age_seconds)})


def _was_tried_of_late(due: Watched) -> Operation[bool]:
    """A bank may still say yes to an attempt of the last days, however old the order is."""
    place = {"org_id": due.org_id, "purchase_id": due.target_id, "seconds": GIVE_UP_SECONDS}
    (row,) = yield Statement(SQL["tried_of_late"], place)
    return bool(row["tried"])


def look_at_disputes(seller: Seller) -> Errand[int]:
    """Every dispute the provider lists, so that none is missed with its report; answers how many were ours."""
    disputes = yield from ask(lambda provider: provider.disputes())
    ours = 0
    for dispute in disputes:
        try:
            ours += yield from _dispute(dispute, seller)
        except ProviderRefused:  # one that cannot be looked at must not hide the others
            _log.warning("a dispute could not be looked at", dispute=dispute.dispute_id)
    return ours


def look_at_refunds(seller: Seller, *, now: int) -> Errand[int]:
    """Every refund made of late, whoever made it, so that none is missed with its report; answers how many were ours.
    `now` in seconds since 1970."""
    refunds = yield from ask(lambda provider: provider.refunds_between(now - REFUND_LASTS_SECONDS, now + 1))
    ours = 0
    for payment_id in dict.fromkeys(refund.payment_id for refund in refunds):
        try:
            ours += yield from _money_back(payment_id, [one for one in refunds if one.payment_id == payment_id], seller)
        except ProviderRefused:  # as above
            _log.warning("a refund could not be looked at", payment=payment_id)
    return ours


def _dispute(dispute: Dispute, seller: Seller) -> Errand[bool]:
    return (yield from _money_back(dispute.payment_id, [dispute], seller))


def _money_back(payment_id: str, found: Sequence[Refund | Dispute], seller: Seller) -> Errand[bool]:
    """What staff must decide on is kept as if it had been reported: so it waits where they look."""
    dispute_ids = tuple(one.dispute_id for one in found if isinstance(one, Dispute))
    payment = yield from ask(lambda provider: provider.fetch_payment(payment_id))
    owner = (yield from do(None, owner_of(payment.order_id))) if payment.order_id else None
    if owner is None:
        return False
    if is_bill(owner[1]):
        _, unclear = yield from look_at_money_back(*owner, payment_id, seller, dispute_ids=dispute_ids)
    else:
        purchase = yield from do(owner[0], purchase_by_id(*owner))
        unclear = (yield from look_at(purchase, seller, dispute_ids=dispute_ids)).unclear
    for one in found if unclear else ():
        if one.currency != payment.currency:
            yield from do(None, receive_found(_event(one)))
    return True


def _event(found: Refund | Dispute) -> Event:
    if isinstance(found, Dispute):
        return Event(name="payment.dispute.found", payment_id=found.payment_id, dispute_id=found.dispute_id)
    return Event(name="refund.found", payment_id=found.payment_id, refund_id=found.refund_id)
