"""What people are told of payments is so: what they can use, what expired, what is owed."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from testkase.core.ledger.commands import Touch
from testkase.core.ledger.operations import execute_one
from testkase.services.audit.history import Wanted, history_page
from testkase.services.audit.sentences import change_sentence
from testkase.services.billing.provider import DisputeStatus
from testkase.services.billing.purchasing.rows import listed_purchase
from testkase.services.billing.words import bill_is_due
from tests.integration.billing.test_money_back import counted, spend
from tests.integration.billing.test_overage import billed
from tests.support.shop import Shop


def told(shop: Shop, org_id: int) -> str:
    """The newest of what was told."""
    (row, *_) = shop.rows(org_id, "SELECT body FROM notification ORDER BY notification_id DESC LIMIT 1")
    return str(row["body"])


def history(shop: Shop, org_id: int) -> str:
    """The newest of what the history says of money."""
    found = shop.run(org_id, history_page(org_id, Wanted(kind="money"), limit=1, after=None))
    (record,) = (event.change.record for event in found.events if event.change)
    return change_sentence(record)


def test_credits_that_cover_a_debt_are_not_called_usable(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    first = shop.bought(org_id)
    assert "1,000 credits are yours to use" in told(shop, org_id)
    spend(shop, org_id, 1_000)
    shop.provider.refund_by_hand(first.payment_id or "", 900)
    shop.look(first)
    assert "900 credits that were already used are owed" in told(shop, org_id)
    shop.bought(org_id)
    assert "900 of them cover what was owed. 100 credits are yours to use." in told(shop, org_id)


def test_where_everything_covers_a_debt_nothing_is_called_usable(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    first = shop.bought(org_id)
    spend(shop, org_id, 1_000)
    shop.provider.refund_by_hand(first.payment_id or "")
    shop.look(first)
    shop.bought(org_id)
    assert told(shop, org_id).endswith("1,000 of them cover what was owed.")


@pytest.mark.requirement("P10")
@pytest.mark.parametrize("expired", [False, True])
def test_credits_that_expired_while_a_payment_was_contested_are_not_called_usable(shop: Shop, expired: bool) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    spend(shop, org_id, 400)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.look(purchase, dispute.dispute_id)
    if expired:
        shop.run(org_id, execute_one(Touch(org_id=org_id), clock=shop.balance(org_id).period_end))
    shop.provider.decide_dispute(dispute.dispute_id, "won")
    shop.look(purchase, dispute.dispute_id)
    end = "600 credits expired meanwhile." if expired else "600 credits are yours to use again."
    assert told(shop, org_id) == f"The money for the Starter bundle bought for $10.00 stays. {end}"


@pytest.mark.requirement("P10")
def test_a_dispute_that_is_won_after_a_refund_does_not_promise_all_of_the_money(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    shop.provider.refund_by_hand(purchase.payment_id or "", 700)
    dispute = shop.provider.dispute(purchase.payment_id or "", 300)
    shop.look(purchase, dispute.dispute_id)
    shop.provider.decide_dispute(dispute.dispute_id, "won")
    shop.look(purchase, dispute.dispute_id)
    said = "What was contested of the Starter bundle bought for $10.00 stays. 300 credits are yours to use again."
    assert told(shop, org_id) == said


@pytest.mark.requirement("P10", "R74")
@pytest.mark.parametrize("verdict", ["lost", "won"])
def test_nothing_is_said_to_stay_where_all_of_the_money_had_gone_back_before(
    shop: Shop, verdict: DisputeStatus
) -> None:
    """A lost dispute over a payment that staff had given back was told as one that had been won."""
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    shop.provider.refund_by_hand(purchase.payment_id or "")
    shop.look(purchase)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.look(purchase, dispute.dispute_id)
    shop.provider.decide_dispute(dispute.dispute_id, verdict)
    shop.look(purchase, dispute.dispute_id)
    assert told(shop, org_id) == "The $10.00 paid for the Starter bundle had gone back before, and its credits with it."
    assert history(shop, org_id) == "saw the dispute over the Starter bundle end: nothing of it is set aside any more"


@pytest.mark.requirement("P8", "P10", "R74")
def test_a_refund_in_another_currency_is_not_told_as_a_dispute(shop: Shop) -> None:
    """The bank was said to contest the payment, and to have won once staff had said what the refund was."""
    purchase = shop.bought(shop.organization("0").org_id)
    org_id = purchase.org_id
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 1)
    shop.provider.refunds[given.refund_id] = replace(given, currency="INR", amount=40_000)
    shop.look(purchase)
    assert told(shop, org_id) == (
        "Money for the Starter bundle bought for $10.00 went back in another currency. What is left of its credits is"
        " set aside until whoever runs this installation has said how much of it that was: 1,000."
    )
    assert history(shop, org_id) == (
        "set aside what is left of the Starter bundle: money for it went back in another currency"
    )
    counted(shop, purchase, given.refund_id, 500)
    (row, *_) = shop.rows(org_id, "SELECT title FROM notification ORDER BY notification_id DESC LIMIT 1")
    assert row["title"] == "Credits were taken back"
    assert told(shop, org_id) == "$5.00 of the $10.00 paid for the Starter bundle went back, and 500 credits with it."


@pytest.mark.requirement("P7")
def test_a_bill_can_be_paid_until_the_end_of_the_day_that_is_named(shop: Shop) -> None:
    """Bills are made seconds after midnight, and so is their time over."""
    _, bill = billed(shop)
    due = replace(bill, due_at=datetime(2026, 12, 15, 0, 0, 4, tzinfo=UTC))
    assert "Please pay $8.00 by 14 December 2026" in bill_is_due(due, "UTC", reminder=False).body


@pytest.mark.requirement("P10")
def test_a_refund_in_parts_says_how_much_of_the_money_went_back(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    paid = "the $10.00 paid for the Starter bundle went back"
    for part, said in (
        (250, f"$2.50 of {paid}, and 250 credits with it."),
        (150, f"$4.00 of {paid} in all, and 400 credits with it, 150 of them now."),
        (600, f"T{paid[1:]} in all, and 1,000 credits with it, 600 of them now."),
    ):
        shop.provider.refund_by_hand(purchase.payment_id or "", part)
        shop.look(purchase)
        assert told(shop, org_id) == said


@pytest.mark.requirement("P10", "B6")
def test_a_refund_of_credits_that_had_expired_says_so(shop: Shop) -> None:
    """Credits were said to have gone that nobody had any more, and no statement had them."""
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    spend(shop, org_id, 300)
    for part in (100, 900):
        shop.provider.refund_by_hand(purchase.payment_id or "", part)
        shop.look(purchase)
        shop.run(org_id, execute_one(Touch(org_id=org_id), clock=shop.balance(org_id).period_end))
    said = "and 1,000 credits with it, 900 of them now. Of these, 600 had expired before. 300 credits that were already"
    assert said in told(shop, org_id)
    shop.provider.finish_refund(list(shop.provider.refunds)[-1], "failed")
    shop.look(purchase)
    assert told(shop, org_id).endswith("stays after all, and 900 credits with it. Of these, 600 have expired.")


@pytest.mark.requirement("P10")
def test_what_a_lost_dispute_cost_is_counted_beside_what_was_refunded(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    payment_id = purchase.payment_id or ""
    shop.provider.refund_by_hand(payment_id, 333)
    failed = shop.provider.refund_by_hand(payment_id, 50)
    shop.provider.finish_refund(failed.refund_id, "failed")
    dispute = shop.provider.dispute(payment_id, 500)
    for status, gone in (("under_review", 333), ("lost", 833)):
        shop.provider.decide_dispute(dispute.dispute_id, status)  # type: ignore[arg-type]
        shop.look(purchase, dispute.dispute_id)
        (attempt,) = shop.run(org_id, listed_purchase(org_id, purchase.purchase_id)).attempts
        assert (attempt.went_back, attempt.amount_refunded) == (gone, 333)
    assert "$8.33 of the $10.00 paid" in told(shop, org_id)


@pytest.mark.requirement("P10")
def test_whoever_owes_is_led_to_where_it_can_be_covered_and_not_straight_to_buying(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    spend(shop, org_id, 1_000)
    shop.provider.refund_by_hand(purchase.payment_id or "")
    shop.look(purchase)
    (row, *_) = shop.rows(
        org_id, "SELECT body, link, link_label, leads_to_buying FROM notification ORDER BY notification_id DESC LIMIT 1"
    )
    assert "The $10.00 paid for the Starter bundle went back, and 1,000 credits with it." in row["body"]
    assert "or the Owner does from the balance" in row["body"]
    assert (row["link"], row["link_label"], row["leads_to_buying"]) == ("/settings/billing", "See what is owed", False)


@pytest.mark.requirement("P10", "R74")
def test_a_dispute_is_told_and_recorded_as_what_it_is(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    spend(shop, org_id, 400)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.look(purchase, dispute.dispute_id)
    assert told(shop, org_id).endswith("What is left of its credits is set aside until that is decided: 600.")
    shop.provider.decide_dispute(dispute.dispute_id, "won")
    shop.look(purchase, dispute.dispute_id)
    found = shop.run(org_id, history_page(org_id, Wanted(kind="money"), limit=2, after=None))
    assert [change_sentence(event.change.record) for event in found.events if event.change] == [
        "saw the dispute over the Starter bundle end: nothing of it is set aside any more",
        "set aside what is left of the Starter bundle: its payment is disputed",
    ]


@pytest.mark.requirement("P10")
def test_a_lost_dispute_is_called_so(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    purchase = shop.bought(org_id)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.look(purchase, dispute.dispute_id)
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.look(purchase, dispute.dispute_id)
    (row, *_) = shop.rows(org_id, "SELECT title FROM notification ORDER BY notification_id DESC LIMIT 1")
    assert row["title"] == "A dispute was lost"
    assert told(shop, org_id) == "The $10.00 paid for the Starter bundle went back, and 1,000 credits with it."
