"""Refunds, and the header that makes repeating one harmless."""

from typing import Any

import pytest
from razorpay.errors import BadRequestError

from tests.support.razorpay import Simulated

KEY = {"X-Refund-Idempotency": "refund-of-purchase-1"}


@pytest.fixture
def payment_id(sim: Simulated) -> str:
    """A captured payment of 10,000."""
    made: str = sim.pay(sim.order(10_000, "INR")["id"])["razorpay_payment_id"]
    return made


def test_parts_are_refunded_until_all_is(sim: Simulated, payment_id: str) -> None:
    first = sim.client.payment.refund(payment_id, {"amount": 4_000, "notes": {"why": "half"}, "receipt": "r1"})
    assert (first["status"], first["amount"], first["notes"], first["receipt"]) == (
        "processed",
        4_000,
        {"why": "half"},
        "r1",
    )
    payment = sim.client.payment.fetch(payment_id)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == ("captured", "partial", 4_000)
    rest = sim.client.payment.refund(payment_id, {})
    assert rest["amount"] == 6_000
    payment = sim.client.payment.fetch(payment_id)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == ("refunded", "full", 10_000)
    assert sim.client.order.fetch(payment["order_id"])["status"] == "paid"


def test_refunds_are_found_again(sim: Simulated, payment_id: str) -> None:
    made = sim.client.refund.create({"payment_id": payment_id, "amount": 500})
    assert sim.client.refund.fetch(made["id"]) == made
    assert sim.client.refund.all()["items"] == [made]
    assert sim.client.payment.fetch_multiple_refund(payment_id)["items"] == [made]
    assert sim.client.payment.fetch_refund_id(payment_id, made["id"]) == made
    assert sim.client.refund.edit(made["id"], {"notes": {"a": "b"}})["notes"] == {"a": "b"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"amount": 10_001}, "greater than the refund payment amount"),
        ({"amount": 99}, "at least 100"),
        ({"speed": "yesterday"}, "speed is invalid"),
        ({"colour": "red"}, "colour is/are not required"),
    ],
)
def test_what_cannot_be_refunded_is_refused(sim: Simulated, payment_id: str, body: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        sim.client.payment.refund(payment_id, body)


def test_nothing_is_refunded_twice_or_before_capture(sim: Simulated, payment_id: str) -> None:
    sim.client.payment.refund(payment_id, {})
    with pytest.raises(BadRequestError, match="fully refunded already"):
        sim.client.payment.refund(payment_id, {})
    waiting = sim.pay(sim.order(payment={"capture": "manual"})["id"])["razorpay_payment_id"]
    with pytest.raises(BadRequestError, match="should be captured"):
        sim.client.payment.refund(waiting, {})


def test_after_six_months_nothing_is_refunded(sim: Simulated, payment_id: str) -> None:
    sim.advance(181 * 86_400)
    with pytest.raises(BadRequestError, match="six months"):
        sim.client.payment.refund(payment_id, {})


def test_the_same_key_and_input_answer_as_the_first_time(sim: Simulated, payment_id: str) -> None:
    first = sim.client.payment.refund(payment_id, {"amount": 1_000}, headers=dict(KEY))
    assert sim.client.payment.refund(payment_id, {"amount": 1_000}, headers=dict(KEY)) == first
    assert sim.client.payment.fetch(payment_id)["amount_refunded"] == 1_000


def test_the_same_key_with_another_input_is_a_conflict(sim: Simulated, payment_id: str) -> None:
    sim.client.payment.refund(payment_id, {"amount": 1_000}, headers=dict(KEY))
    answer = sim.http.post(
        f"/v1/payments/{payment_id}/refund", auth=sim.client.auth, json={"amount": 2_000}, headers=KEY
    )
    assert answer.status_code == 409
    assert answer.json()["error"]["description"] == (
        "Different request with the same idempotency key has already been processed."
    )


def test_a_key_too_short_is_refused(sim: Simulated, payment_id: str) -> None:
    with pytest.raises(BadRequestError, match="at least 10 characters"):
        sim.client.payment.refund(payment_id, {}, headers={"X-Refund-Idempotency": "short"})


def test_an_instant_refund_may_become_a_normal_one(sim: Simulated, payment_id: str) -> None:
    instant = sim.client.payment.refund(payment_id, {"amount": 2_000, "speed": "optimum"})
    assert (instant["speed_requested"], instant["speed_processed"]) == ("optimum", "instant")
    slower = sim.client.payment.refund(payment_id, {"amount": 2_468, "speed": "optimum"})
    assert (slower["speed_requested"], slower["speed_processed"]) == ("optimum", "normal")
    sim.deliver()
    assert "refund.speed_changed" in sim.shop.events()
