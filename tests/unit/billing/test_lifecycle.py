"""Whatever is heard of a payment, in whatever order and however often: it ends where an oracle says."""

import pytest
from msgspec.structs import replace

from campaigns.payments.money_back import every_order
from testkase.core.ledger.credits import MICRO
from testkase.services.billing.provider import Dispute, Payment, Refund, RefundStatus
from testkase.services.billing.purchasing import lifecycle
from tests.support.heard import Known, oracle

AMOUNT, CREDITS = 5_000, 5_500 * MICRO
PAYMENT = Payment(
    payment_id="pay_1", order_id="order_1", amount=AMOUNT, currency="USD", status="captured", captured=True,
    amount_refunded=0, created_at=1,
)  # fmt: skip
DISPUTE = Dispute(
    dispute_id="disp_1", payment_id="pay_1", amount=AMOUNT, currency="USD", amount_deducted=0, status="open",
    phase="chargeback", created_at=1,
)  # fmt: skip


def refund(number: int, amount: int, status: RefundStatus = "processed") -> Refund:
    return Refund(
        refund_id=f"rfnd_{number}", payment_id="pay_1", amount=amount, currency="USD", status=status, created_at=1
    )


@pytest.mark.requirement("P9", "P10", "B6")
def test_every_order_of_reports_up_to_four_ends_where_the_oracle_says() -> None:
    """Every order of up to seven is a campaign's: `money-back`."""
    walked = 0
    for known, names in every_order(4):
        assert known.standing() == oracle(frozenset(names)), names
        walked += 1
    assert walked == sum(9**length for length in range(5))


def test_a_failed_payment_may_still_succeed_and_a_captured_one_never_fails() -> None:
    """A late event moved a paid order back: webrenew/memories#397, laravel/cashier-stripe#1201."""
    assert Known().hear("failed").hear("captured").standing()[0]
    assert Known().hear("captured").hear("failed").hear("authorized").standing()[0]


def test_a_failed_refund_leaves_the_money_and_the_credits() -> None:
    pending = refund(1, 1_250, "pending")
    failed = lifecycle.later(pending, refund(1, 1_250, "failed"))
    assert lifecycle.returned(AMOUNT, [pending], []) == 1_250
    assert lifecycle.returned(AMOUNT, [failed], []) == 0
    assert lifecycle.later(failed, pending) is failed


def test_a_dispute_that_comes_back_in_a_later_phase_counts_again() -> None:
    won = replace(DISPUTE, status="won")
    again = replace(DISPUTE, status="open", phase="pre_arbitration")
    assert lifecycle.later(won, again) is again
    assert lifecycle.later(again, won) is again


def test_an_inquiry_closed_with_money_kept_costs_that_money() -> None:
    closed = replace(DISPUTE, status="closed", phase="retrieval", amount_deducted=700)
    assert lifecycle.returned(AMOUNT, [], [closed]) == 700


def test_no_more_than_everything_goes_back() -> None:
    lost = replace(DISPUTE, status="lost", amount_deducted=AMOUNT)
    assert lifecycle.returned(AMOUNT, [refund(1, 4_000)], [lost]) == AMOUNT


def test_credits_follow_the_money_rounded_in_the_organizations_favour() -> None:
    assert lifecycle.clawed(1_000 * MICRO, 1_000, 333) == 333 * MICRO
    assert lifecycle.clawed(5_500 * MICRO, 424_900, 100_050) == 1_295_060_000, "rupees divide no credits evenly"
    assert lifecycle.clawed(100, 300, 1) == 0
    assert lifecycle.clawed(100, 300, 300) == 100


@pytest.mark.parametrize(
    "change", [{"amount": 4_999}, {"currency": "INR"}, {"order_id": "order_2"}, {"order_id": None}]
)
def test_only_the_ordered_amount_currency_and_order_count(change: dict[str, object]) -> None:
    ordered = {"order_id": "order_1", "amount": AMOUNT, "currency": "USD"}
    assert lifecycle.is_what_was_ordered(PAYMENT, **ordered)  # type: ignore[arg-type]
    assert not lifecycle.is_what_was_ordered(replace(PAYMENT, **change), **ordered)  # type: ignore[arg-type]
