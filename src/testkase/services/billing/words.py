"""What people are told of purchases, refunds and bills, and how the activity history calls them."""

from collections.abc import Collection
from zoneinfo import ZoneInfo

from testkase.core.access import Action, OrganizationRole, can
from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import format_credits, whole_credits
from testkase.core.pricing.money import decimal_money, money
from testkase.foundation.database import Operation
from testkase.services.audit import Activity, Actor, record
from testkase.services.billing.model import Bill, Purchase
from testkase.services.billing.provider import Dispute, Refund
from testkase.services.billing.purchasing import lifecycle
from testkase.services.notifications.telling import OWNER_AND_ADMINS, Notification

CREDITS_PAGE = "/settings/ai-credits"
BILLING_PAGE = "/settings/billing"
PAYMENTS = Actor(kind="system", ref="payments", name="Payments")
"""What happens because the payment provider reported it."""

_OWNER = tuple(role.value for role in OrganizationRole if can(role.value, Action.SET_OVERAGE))


def recorded(org_id: int, activity: Activity, *, event_id: str) -> Operation[None]:
    """In the activity history, once."""
    yield from record(org_id, activity, event_id=event_id)


def credits_added(purchase: Purchase, *, covered: int, expires_at: int | None, time_zone: str) -> Notification:
    """To whoever bought, and to those in charge: the payment has come. `covered`: what of its credits was owed."""
    credits, usable = whole_credits(purchase.credits), purchase.credits - covered
    owed = f" {whole_credits(covered)} of them cover what was owed." if covered else ""
    until = "They never expire." if expires_at is None else f"They expire on {_last_day(expires_at, time_zone)}."
    use = f" {whole_credits(usable)} credits are yours to use. {until}" if usable else ""
    return Notification(
        kind="purchase.paid", event_key=f"purchase.paid:{purchase.purchase_id}",
        title=f"{credits} credits added",
        body=f"{money(purchase.amount, purchase.currency)} for the {purchase.bundle_name} bundle of {credits} credits"
        f" was paid.{owed}{use}",
        link=f"{BILLING_PAGE}/purchases/{purchase.purchase_id}", link_label="Open the purchase",
        people=() if purchase.buyer_id is None else (purchase.buyer_id,), facts=_facts_of_purchase(purchase),
    )  # fmt: skip


def credits_taken_back(
    before: Purchase, after: Purchase, disputes: Collection[Dispute], *, gone: int, back: int, expired: int, late: int,
    debt: int,
) -> Notification:  # fmt: skip
    """To those in charge: a refund or a dispute changed what a purchase is worth. `disputes`: those of its payment;
    `gone`: what of its money has gone back in all, in minor units; `back`: credits that can be used again, and
    `expired`: those whose time was over meanwhile; below zero, `back` is what was set aside; `late`: what of those
    taken back, or of those that came back, had expired; `debt`: all that is owed now."""
    paid = f"the {after.bundle_name} bundle bought for {money(after.amount, after.currency)}"
    if after.frozen and not before.frozen:
        contested = lifecycle.is_contested(disputes)
        title = "A payment is disputed" if contested else "Money went back in another currency"
        body = _set_aside(paid, contested=contested) + (f": {whole_credits(-back)}." if back < 0 else ".")
    elif before.frozen and not after.frozen and after.clawed <= before.clawed:
        title = "A dispute is over" if disputes else "What went back is settled"
        body = _stays(after)
        body += f" {whole_credits(back)} credits are yours to use again." if back > 0 else ""
        body += f" {whole_credits(expired)} credits expired meanwhile." if expired else ""
    elif after.clawed > before.clawed:
        lost = before.frozen and not after.frozen and disputes
        title = "A dispute was lost" if lost else "Credits were taken back"
        body = f"{_went_back(after, gone)}{_with_it(before, after)}."
        body += f" Of these, {whole_credits(late)} had expired before." if late else ""
    else:
        title = "Credits came back"
        body = f"Money for {paid} stays after all, and {whole_credits(before.clawed - after.clawed)} credits with it."
        body += f" Of these, {whole_credits(late)} have expired." if late else ""
    if debt:
        body += (
            f" {whole_credits(debt)} credits that were already used are owed: AI rests until new credits cover them, or"
            " the Owner does from the balance."
        )
    return Notification(
        kind="purchase.reversed", event_key=f"purchase.reversed:{after.purchase_id}.{after.reversals}", title=title,
        body=body, link=BILLING_PAGE if debt else f"{BILLING_PAGE}/purchases/{after.purchase_id}",
        link_label="See what is owed" if debt else "Open the purchase",
        facts={
            **_facts_of_purchase(after), "taken_back": format_credits(after.clawed),
            "disputed": "yes" if after.frozen else "no", "debt": format_credits(debt),
        },
    )  # fmt: skip


def _facts_of_purchase(purchase: Purchase) -> dict[str, str]:
    """As the API shows it."""
    return {
        "purchase_id": purchase.purchase_id, "credits": format_credits(purchase.credits),
        "amount": decimal_money(purchase.amount, purchase.currency), "currency": purchase.currency,
    }  # fmt: skip


def _facts_of_bill(bill: Bill) -> dict[str, str]:
    """As the API shows it."""
    return {
        "bill_id": bill.bill_id, "credits": format_credits(bill.credits),
        "amount": decimal_money(bill.amount, bill.currency), "currency": bill.currency,
    }  # fmt: skip


def _set_aside(paid: str, *, contested: bool) -> str:
    left = "What is left of its credits is set aside until"
    if contested:
        return f"The bank contests {paid}. {left} that is decided"
    return (
        f"Money for {paid} went back in another currency. {left} whoever runs this installation has said how much of it"
        " that was"
    )


def _stays(purchase: Purchase) -> str:
    """After a dispute that took nothing more. Where all had gone back before, it may have been lost as well."""
    price, bundle = money(purchase.amount, purchase.currency), f"the {purchase.bundle_name} bundle"
    if purchase.clawed == purchase.credits:
        return f"The {price} paid for {bundle} had gone back before, and its credits with it."
    return f"{'What was contested of' if purchase.clawed else 'The money for'} {bundle} bought for {price} stays."


def _went_back(purchase: Purchase, gone: int) -> str:
    price, bundle = money(purchase.amount, purchase.currency), f"for the {purchase.bundle_name} bundle"
    if gone >= purchase.amount:
        return f"The {price} paid {bundle} went back"
    return f"{money(gone, purchase.currency)} of the {price} paid {bundle} went back"


def _with_it(before: Purchase, after: Purchase) -> str:
    """The credits that went, of the same moments as the money: in all, and where that differs, now."""
    if not before.clawed:
        return f", and {whole_credits(after.clawed)} credits with it"
    now = whole_credits(after.clawed - before.clawed)
    return f" in all, and {whole_credits(after.clawed)} credits with it, {now} of them now"


def was_paid(purchase: Purchase) -> Activity:
    """In the history under whoever set out to buy."""
    buyer = Actor(kind=purchase.buyer_kind, ref=purchase.buyer_ref, name=purchase.buyer_name)
    details = {
        "credits": whole_credits(purchase.credits), "price": money(purchase.amount, purchase.currency),
        "purchase": purchase.purchase_id,
    }  # fmt: skip
    return Activity(action="purchase.paid", actor=buyer, target=purchase.bundle_name, details=details)


def was_reversed(before: Purchase, after: Purchase, disputes: Collection[Dispute]) -> Activity:
    """In the history under the provider's reports: who asked for a refund there is not known here."""
    frozen = "yes" if lifecycle.is_contested(disputes) else "in another currency"
    details = {
        "taken back": whole_credits(after.clawed), "before": whole_credits(before.clawed),
        "disputed": frozen if after.frozen else "no", "purchase": after.purchase_id,
    }  # fmt: skip
    return Activity(action="purchase.reversed", actor=PAYMENTS, target=after.bundle_name, details=details)


def why_reversed(refunds: Collection[Refund], disputes: Collection[Dispute]) -> str:
    """The entry's note: what stands against the purchase now."""
    refunded = sum(refund.amount for refund in refunds if refund.status != "failed")
    parts = [f"refunded {refunded}"] if refunded else []
    if lifecycle.is_contested(disputes):
        parts.append("dispute open")
    parts += [f"dispute {dispute.status}" for dispute in disputes if dispute.status in ("lost", "won", "closed")]
    return ", ".join(parts)[:200] or "nothing stands against it"


def billed_month(bill: Bill, time_zone: str) -> str:
    """The days a bill is for, as the organization is billed: "15 October to 14 November 2026"."""
    first = from_micros(bill.period_start).astimezone(ZoneInfo(time_zone))
    last = from_micros(bill.period_end - 1).astimezone(ZoneInfo(time_zone))
    return f"{first:%-d %B}{f' {first.year}' if first.year != last.year else ''} to {last:%-d %B %Y}"


def bill_is_due(bill: Bill, time_zone: str, *, reminder: bool) -> Notification:
    """To the Owner: what was used beyond the balance is to be paid, until when, and where."""
    price = money(bill.amount, bill.currency)
    return Notification(
        kind="overage.reminded" if reminder else "overage.billed",
        event_key=f"overage.billed:{bill.bill_id}.{bill.reminders}",
        title=f"{'Still to be paid' if reminder else 'To be paid'}: {price} for extra credits",
        body=f"{whole_credits(bill.credits)} credits were used beyond the balance from {billed_month(bill, time_zone)}."
        f" Please pay {price} by {bill.last_day:%-d %B %Y}; after that, use beyond the balance is switched off.",
        link=BILLING_PAGE, link_label="Open the bill", roles=_OWNER, facts=_facts_of_bill(bill),
    )  # fmt: skip


def bill_was_paid(bill: Bill, *, overdue: bool) -> Notification:
    """To the Owner. `overdue`: it had switched use beyond the balance off, and nothing but the Owner switches it on."""
    price = money(bill.amount, bill.currency)
    again = " Use beyond the balance can be allowed again there." if overdue else ""
    return Notification(
        kind="overage.paid", event_key=f"overage.paid:{bill.bill_id}.{bill.payment_id}",
        title=f"{price} for extra credits was paid",
        body=f"Thank you. The receipt is under Plans & Billing.{again}", link=BILLING_PAGE,
        link_label="Open Plans & Billing", roles=_OWNER, facts=_facts_of_bill(bill),
    )  # fmt: skip


def bill_money_went_back(bill: Bill, turn: str) -> Notification:
    """To those in charge: what had paid a bill is gone again. `turn` names the payment, and which time that is."""
    price = money(bill.amount, bill.currency)
    return Notification(
        kind="overage.reopened", event_key=f"overage.reopened:{bill.bill_id}.{turn}",
        title=f"{price} for extra credits is to be paid again",
        body=f"The payment of {price} for {whole_credits(bill.credits)} extra credits went back. Use beyond the balance"
        " is off; once the bill is paid again under Plans & Billing, it can be allowed again.",
        link=BILLING_PAGE, link_label="Open the bill", roles=OWNER_AND_ADMINS, facts=_facts_of_bill(bill),
    )  # fmt: skip


def bill_money_stays(bill: Bill, turn: str) -> Notification:
    """To those who were told that it is to be paid again: it is not. `turn` as above."""
    price = money(bill.amount, bill.currency)
    return Notification(
        kind="overage.paid", event_key=f"overage.stays:{bill.bill_id}.{turn}",
        title=f"{price} for extra credits is not to be paid again",
        body=f"The {price} that had paid the bill did not go back after all: the bill is paid. Use beyond the balance"
        " can be allowed again under Plans & Billing.",
        link=BILLING_PAGE, link_label="Open Plans & Billing", roles=OWNER_AND_ADMINS, facts=_facts_of_bill(bill),
    )  # fmt: skip


def bill_was_waived(bill: Bill, *, overdue: bool, turn: str = "") -> Notification:
    """To those in charge: it is not to be paid. `overdue` as above. `turn`: again, as its payment went back."""
    price = money(bill.amount, bill.currency)
    again = " Use beyond the balance can be allowed again under Plans & Billing." if overdue else ""
    return Notification(
        kind="overage.waived", event_key=f"overage.waived:{bill.bill_id}{f'.{turn}' if turn else ''}",
        title=f"{price} for extra credits is not to be paid",
        body=f"The bill of {price} for {whole_credits(bill.credits)} extra credits was waived.{again}",
        link=BILLING_PAGE, link_label="Open Plans & Billing", roles=OWNER_AND_ADMINS, facts=_facts_of_bill(bill),
    )  # fmt: skip


def bill_was_not_paid(bill: Bill) -> Notification:
    what = f"bill of {money(bill.amount, bill.currency)} for {whole_credits(bill.credits)} extra credits"
    body = (
        f"The {what} was not paid in time. Pay it under Plans & Billing, then use beyond the balance can be allowed"
        " again."
        if bill.link_id else
        f"There is no page yet on which the {what} can be paid. Until there is, and it is paid, use beyond the balance"
        " stays off; whoever runs this installation can tell you more."
    )  # fmt: skip
    return Notification(
        kind="overage.unpaid", event_key=f"overage.unpaid:{bill.bill_id}.{bill.link_id or ''}",
        title="Use beyond the balance is off",
        body=body,
        link=BILLING_PAGE, link_label="Open the bill", roles=OWNER_AND_ADMINS, facts=_facts_of_bill(bill),
    )  # fmt: skip


def _last_day(expires_at: int, time_zone: str) -> str:
    """Credits that expire at midnight are last good on the day before."""
    return f"{from_micros(expires_at - 1).astimezone(ZoneInfo(time_zone)):%-d %B %Y}"
