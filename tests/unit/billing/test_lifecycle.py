"""Whatever is heard of a payment, in whatever order and however often: it ends where an oracle says."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.services.billing.provider import Dispute, Payment, Refund, RefundStatus
from testkase.services.billing.purchasing import lifecycle

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


HEARD: dict[str, Payment | Refund | Dispute] = {
    "authorized": replace(PAYMENT, status="authorized", captured=False),
    "failed": replace(PAYMENT, status="failed", captured=False, failure="declined"),
    "captured": PAYMENT,
    "order.paid": PAYMENT,
    "refund of 1,250": refund(1, 1_250),
    "refund of 2,000": refund(2, 2_000),
    "dispute created": DISPUTE,
    "dispute won": replace(DISPUTE, status="won"),
    "dispute lost": replace(DISPUTE, status="lost", amount_deducted=AMOUNT),
}


@dataclass
class Known:
    """What has been kept of everything heard, as the rows keep it."""

    things: dict[str, Payment | Refund | Dispute] = field(default_factory=dict)

    def hear(self, name: str) -> "Known":
        heard = HEARD[name]
        key = _key(heard)
        return Known({**self.things, key: lifecycle.later(self.things.get(key), heard)})  # type: ignore[type-var]

    def standing(self) -> tuple[bool, int, bool]:
        """Whether it is paid, the credits taken back, and whether the rest is frozen."""
        payment = self.things.get("pay_1")
        refunds = [thing for thing in self.things.values() if isinstance(thing, Refund)]
        disputes = [thing for thing in self.things.values() if isinstance(thing, Dispute)]
        money = lifecycle.returned(AMOUNT, refunds, disputes)
        paid = isinstance(payment, Payment) and payment.captured
        return paid, lifecycle.clawed(CREDITS, AMOUNT, money), lifecycle.is_contested(disputes)


def oracle(names: frozenset[str]) -> tuple[bool, int, bool]:
    """Written from the rules alone: what a set of reports comes to, whatever their order."""
    paid = bool(names & {"captured", "order.paid"})
    cents = 1_250 * ("refund of 1,250" in names) + 2_000 * ("refund of 2,000" in names)
    cents = AMOUNT if "dispute lost" in names else cents
    frozen = "dispute created" in names and not names & {"dispute won", "dispute lost"}
    return paid, CREDITS // AMOUNT * cents, frozen


def walk(depth: int, known: Known, names: tuple[str, ...] = ()) -> Iterator[tuple[Known, tuple[str, ...]]]:
    """Every sequence of reports up to a length, repetitions included."""
    yield known, names
    if depth:
        for name in HEARD:
            yield from walk(depth - 1, known.hear(name), (*names, name))


@pytest.mark.requirement("P9", "P10", "B6")
def test_every_order_of_reports_up_to_five_ends_where_the_oracle_says() -> None:
    """Every sequence up to seven is a campaign's: `campaigns reports`."""
    walked = 0
    for known, names in walk(5, Known()):
        assert known.standing() == oracle(frozenset(names)), names
        walked += 1
    assert walked == sum(9**length for length in range(6))


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
    assert lifecycle.clawed(100, 300, 1) == 0
    assert lifecycle.clawed(100, 300, 300) == 100


@pytest.mark.parametrize(
    "change", [{"amount": 4_999}, {"currency": "INR"}, {"order_id": "order_2"}, {"order_id": None}]
)
def test_only_the_ordered_amount_currency_and_order_count(change: dict[str, object]) -> None:
    ordered = {"order_id": "order_1", "amount": AMOUNT, "currency": "USD"}
    assert lifecycle.is_what_was_ordered(PAYMENT, **ordered)  # type: ignore[arg-type]
    assert not lifecycle.is_what_was_ordered(replace(PAYMENT, **change), **ordered)  # type: ignore[arg-type]


def _key(thing: Payment | Refund | Dispute) -> str:
    if isinstance(thing, Payment):
        return thing.payment_id
    return thing.refund_id if isinstance(thing, Refund) else thing.dispute_id
