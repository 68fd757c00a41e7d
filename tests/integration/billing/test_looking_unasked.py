"""Lost reports cost minutes, not money; each day is matched; what must end, ends (B5)."""

from datetime import UTC, datetime, timedelta

import pytest

from testkase.core.ledger.credits import MICRO
from testkase.foundation.problems import InvalidInput, Problem
from testkase.services.billing.provider import ProviderRefused, ProviderSilent
from testkase.services.billing.reports.matching import match_day, match_reports, unmatched_days
from testkase.services.billing.reports.reconciling import (
    GIVE_UP_SECONDS,
    Watched,
    claim_watched,
    look_again,
    look_at_disputes,
    look_at_refunds,
    pause_seconds,
)
from tests.support.shop import SELLER, Shop


def look_at_what_is_due(shop: Shop, *, after: str) -> list[str]:
    """As the worker does, so much later."""
    database = shop.organizations.database
    with database.transaction() as connection:
        connection.execute(
            "UPDATE payment_watch SET due_at = due_at - %s::interval, since = since - %s::interval", (after, after)
        )
    due = database.run(claim_watched(limit=1_000))
    return [shop.errand(look_again(one, SELLER, shop.books, public_url="https://credits.test")) for one in due]


@pytest.mark.requirement("B5", "P9")
def test_a_payment_nobody_reports_is_found(shop: Shop) -> None:
    """Paid, never credited: razorpay/razorpay-node#430, razorpay/razorpay-magento#291."""
    org = shop.organization()
    purchase = shop.order(org.org_id)
    shop.provider.pay(purchase.order_id or "")
    assert "paid" in look_at_what_is_due(shop, after="3 minutes")
    assert shop.balance(org.org_id).available == 1_300 * MICRO
    assert "paid" not in look_at_what_is_due(shop, after="3 minutes")


@pytest.mark.requirement("B5")
def test_however_old_a_purchase_is_it_is_looked_at_within_ten_minutes() -> None:
    pauses = [pause_seconds(age) for age in range(0, GIVE_UP_SECONDS, 60)]
    assert (min(pauses), max(pauses)) == (60, 480)


@pytest.mark.requirement("B5", "R33")
def test_an_order_nobody_pays_is_closed_after_three_days_and_a_late_payment_still_counts(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    look_at_what_is_due(shop, after="4 days")
    assert shop.purchase(purchase).state == "closed"
    assert shop.rows(org.org_id, "SELECT 1 FROM payment_watch WHERE org_id = %(org)s", org=org.org_id) == []
    payment = shop.provider.pay(purchase.order_id or "")
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "credits granted"


@pytest.mark.requirement("B5")
def test_no_order_is_closed_while_a_bank_may_still_say_yes(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.fail(purchase.order_id or "")
    look_at_what_is_due(shop, after="4 days")
    assert shop.purchase(purchase).state == "open"
    shop.provider.succeed_late(payment.payment_id)
    look_at_what_is_due(shop, after="1 hour")
    assert shop.purchase(purchase).state == "paid"


@pytest.mark.requirement("B5")
def test_no_order_is_closed_unheard(shop: Shop) -> None:
    """As after days without a worker, when the provider does not answer the first call."""
    org = shop.organization()
    purchase = shop.order(org.org_id)
    shop.provider.authorize(purchase.order_id or "")
    old = Watched(
        org_id=org.org_id, kind="purchase", target_id=purchase.purchase_id, age_seconds=2 * GIVE_UP_SECONDS
    )  # fmt: skip
    shop.provider.silent()
    with pytest.raises(ProviderSilent):
        shop.errand(look_again(old, SELLER, shop.books, public_url=""))
    assert shop.purchase(purchase).state == "open"
    assert "paid" in look_at_what_is_due(shop, after="10 minutes")


@pytest.mark.parametrize("answer", [ProviderSilent, ProviderRefused])
def test_a_provider_that_does_not_tell_is_asked_again_later(
    shop: Shop, answer: type[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at once, again and again, nor never."""
    org = shop.organization()
    purchase = shop.order(org.org_id)
    due = Watched(org_id=org.org_id, kind="purchase", target_id=purchase.purchase_id, age_seconds=300)
    if answer is ProviderSilent:
        shop.provider.silent()
    else:
        monkeypatch.setattr(shop.provider, "orders", {})
    with pytest.raises(answer):
        shop.errand(look_again(due, SELLER, shop.books, public_url=""))
    (row,) = shop.rows(
        org.org_id, "SELECT extract(epoch FROM due_at - now()) AS left FROM payment_watch WHERE org_id = %(org)s",
        org=org.org_id,
    )  # fmt: skip
    assert 30 < row["left"] <= 60


@pytest.mark.requirement("B6")
def test_a_dispute_whose_reports_are_all_lost_is_found_in_the_list(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    shop.provider.dispute(purchase.payment_id or "")
    assert shop.errand(look_at_disputes(SELLER)) >= 1
    assert shop.purchase(purchase).frozen


@pytest.mark.requirement("B5", "P10")
def test_a_refund_whose_reports_are_all_lost_is_found_and_so_is_its_failure(shop: Shop) -> None:
    """Made on the provider's page, or by whoever died before looking: money and credits must not both be kept."""
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    shop.provider.refund_status = "pending"
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 400)
    shop.provider.refund_status = "processed"
    now = given.created_at
    assert shop.errand(look_at_refunds(SELLER, now=now)) >= 1
    assert shop.balance(org.org_id).available == 600 * MICRO
    shop.provider.finish_refund(given.refund_id, "failed")
    shop.errand(look_at_refunds(SELLER, now=now + 3 * 86_400))
    assert shop.balance(org.org_id).available == 1_000 * MICRO


@pytest.mark.requirement("B6")
def test_a_dispute_that_cannot_be_looked_at_hides_no_other(shop: Shop) -> None:
    purchase = shop.bought(shop.organization("0").org_id)
    shop.provider.dispute(purchase.payment_id or "")
    gone = shop.bought(shop.organization("0").org_id)
    shop.provider.dispute(gone.payment_id or "")
    del shop.provider.payments[gone.payment_id or ""]
    shop.errand(look_at_disputes(SELLER))
    assert (shop.purchase(purchase).frozen, shop.purchase(gone).frozen) == (True, False)


@pytest.mark.requirement("B5")
def test_a_day_to_come_is_not_reported_on_because_none_before_it_would_be_any_more(shop: Shop) -> None:
    day = datetime.now(UTC).date() + timedelta(days=2)
    with pytest.raises(InvalidInput, match="has not begun yet"):
        shop.errand(match_day(day, SELLER, shop.books))
    assert day - timedelta(days=1) in shop.organizations.database.run(unmatched_days(day - timedelta(days=1)))


@pytest.mark.requirement("B5")
def test_the_days_report_credits_what_was_missed_and_names_what_it_cannot_explain(shop: Shop) -> None:
    org = shop.organization()
    shop.bought(org.org_id)
    missed, doubled, wrong = shop.order(org.org_id), shop.bought(org.org_id), shop.order(org.org_id)
    shop.provider.pay(missed.order_id or "")
    second = shop.provider.pay(doubled.order_id or "")
    other = shop.provider.pay(wrong.order_id or "", amount=7)
    stray = shop.provider.create_order(receipt="not ours", amount=500, currency="USD", notes={})
    unknown = shop.provider.pay(stray.order_id)
    today = datetime.now(UTC).date()
    report = shop.errand(match_day(today, SELLER, shop.books))
    faults = {fault.payment_id: fault.kind for fault in report.faults}
    assert faults.items() >= {
        (second.payment_id, "surplus"), (other.payment_id, "mismatch"), (unknown.payment_id, "unknown order"),
    }  # fmt: skip
    assert shop.purchase(missed).state == "paid"
    assert report.matched == report.captured - len(report.faults)
    assert sum(report.taken.values()) == sum(one.amount for one in shop.provider.payments.values() if one.captured)
    (kept, *_) = shop.organizations.database.run(match_reports(limit=1))
    assert (kept.day, kept.faults, kept.taken) == (today, report.faults, report.taken)


@pytest.mark.requirement("B5")
def test_what_was_given_back_whole_needs_nobody_any_more(shop: Shop) -> None:
    """Razorpay itself sends a second payment back, and a person did what the report said of the others."""
    org = shop.organization()
    doubled, wrong = shop.bought(org.org_id), shop.order(org.org_id)
    stray = shop.provider.create_order(receipt="nobody's", amount=500, currency="USD", notes={})
    orders = (doubled.order_id or "", wrong.order_id or "", stray.order_id)
    payments = [shop.provider.pay(order, amount=amount) for order, amount in zip(orders, (1_000, 7, 500), strict=True)]
    today = datetime.now(UTC).date()

    def told() -> set[str]:
        report = shop.errand(match_day(today, SELLER, shop.books))
        return {fault.kind for fault in report.faults if fault.payment_id in {one.payment_id for one in payments}}

    shop.provider.refund_by_hand(payments[0].payment_id, 999)
    assert told() == {"surplus", "mismatch", "unknown order"}
    shop.provider.refund_by_hand(payments[0].payment_id, 1)
    for payment in payments[1:]:
        shop.provider.refund_by_hand(payment.payment_id)
    assert told() == set()
