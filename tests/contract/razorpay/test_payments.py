"""Payments: their states, capture, and what expires."""

from typing import Any

import pytest
from razorpay.errors import BadRequestError

from tests.support.razorpay import Simulated, simulated

HANDLER = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")
HOUR, DAY = 3600, 86400
MANUAL: dict[str, Any] = {"payment": {"capture": "manual", "capture_options": {"manual_expiry_period": 7200}}}


def test_the_sdk_verifies_what_the_handler_gets(sim: Simulated) -> None:
    order = sim.order()
    handler = {name: value for name, value in sim.pay(order["id"]).items() if name in HANDLER}
    assert sim.client.utility.verify_payment_signature(handler)
    assert handler["razorpay_order_id"] == order["id"]


@pytest.mark.parametrize("method", ["upi", "card", "netbanking", "wallet", "international"])
def test_every_method_pays_an_order(sim: Simulated, method: str) -> None:
    order = sim.order(2500, "INR")
    payment = sim.client.payment.fetch(sim.pay(order["id"], method=method)["razorpay_payment_id"])
    paid = sim.client.order.fetch(order["id"])
    assert (payment["status"], payment["captured"], payment["amount"]) == ("captured", True, 2500)
    assert payment["method"] == ("card" if method == "international" else method)
    assert payment["international"] is (method == "international")
    assert (paid["status"], paid["amount_paid"], paid["amount_due"], paid["attempts"]) == ("paid", 2500, 0, 1)
    assert sim.client.order.payments(order["id"])["items"] == [payment]


def test_fee_and_tax_appear_with_the_capture(sim: Simulated) -> None:
    made = sim.pay(sim.order(100_000, "INR", **MANUAL)["id"])
    assert made["payment"]["status"] == "authorized"
    assert (made["payment"]["fee"], made["payment"]["tax"]) == (None, None)
    captured = sim.client.payment.capture(made["razorpay_payment_id"], 100_000, {"currency": "INR"})
    assert (captured["status"], captured["fee"], captured["tax"]) == ("captured", 2360, 360)


def test_a_foreign_amount_carries_its_rupees(sim: Simulated) -> None:
    payment = sim.pay(sim.order(1000, "USD")["id"], method="card")["payment"]
    assert (payment["base_amount"], payment["base_currency"], payment["international"]) == (84_000, "INR", True)
    assert "base_amount" not in sim.pay(sim.order(1000, "INR")["id"])["payment"]


def test_capture_takes_exactly_what_was_authorised_once(sim: Simulated) -> None:
    payment_id = sim.pay(sim.order(1000, "USD", **MANUAL)["id"])["razorpay_payment_id"]
    with pytest.raises(BadRequestError, match=r"Capture amount must be equal to the amount authorized\."):
        sim.client.payment.capture(payment_id, 999, {"currency": "USD"})
    with pytest.raises(BadRequestError, match="currency"):
        sim.client.payment.capture(payment_id, 1000, {"currency": "INR"})
    sim.client.payment.capture(payment_id, 1000, {"currency": "USD"})
    with pytest.raises(BadRequestError, match="This payment has already been captured"):
        sim.client.payment.capture(payment_id, 1000, {"currency": "USD"})


def test_a_failed_attempt_leaves_the_order_open(sim: Simulated) -> None:
    order = sim.order()
    failed = sim.pay(order["id"], method="card", outcome="insufficient_fund")
    assert failed["error"]["reason"] == "insufficient_fund"
    assert failed["error"]["metadata"] == {"payment_id": failed["payment"]["id"], "order_id": order["id"]}
    assert sim.client.order.fetch(order["id"])["status"] == "attempted"
    sim.pay(order["id"])
    paid = sim.client.order.fetch(order["id"])
    assert (paid["status"], paid["attempts"]) == ("paid", 2)


def test_a_paid_order_takes_no_more(sim: Simulated) -> None:
    order = sim.order()
    sim.pay(order["id"])
    answer = sim.http.post("/_sim/payments", json={"order_id": order["id"]})
    assert answer.status_code == 400
    assert "already paid" in answer.json()["error"]["description"]


def test_while_one_payment_is_authorised_no_other_starts(sim: Simulated) -> None:
    order = sim.order(**MANUAL)
    sim.pay(order["id"])
    assert "already authorized" in sim.http.post("/_sim/payments", json={"order_id": order["id"]}).text


def test_the_account_may_capture_by_hand() -> None:
    with simulated(capture="manual") as sim:
        assert sim.pay(sim.order()["id"])["payment"]["status"] == "authorized"
        order = sim.order(payment={"capture": "automatic"})
        assert sim.pay(order["id"])["payment"]["status"] == "captured"


def test_what_is_not_captured_in_time_goes_back(sim: Simulated) -> None:
    payment_id = sim.pay(sim.order(**MANUAL)["id"])["razorpay_payment_id"]
    sim.advance(4 * DAY)
    assert sim.client.payment.fetch(payment_id)["status"] == "authorized"
    sim.advance(DAY)
    payment = sim.client.payment.fetch(payment_id)
    assert (payment["status"], payment["captured"], payment["amount_refunded"]) == ("refunded", False, 1000)


def test_a_payment_no_bank_answers_for_fails_after_ten_minutes(sim: Simulated) -> None:
    payment_id = sim.pay(sim.order()["id"], outcome="pending")["payment"]["id"]
    assert sim.client.payment.fetch(payment_id)["status"] == "created"
    sim.advance(601)
    payment = sim.client.payment.fetch(payment_id)
    assert (payment["status"], payment["error_reason"]) == ("failed", "payment_timed_out")


def test_a_late_authorisation_is_captured_within_its_time(sim: Simulated) -> None:
    order = sim.order(payment={"capture": "automatic", "capture_options": {"automatic_expiry_period": 30}})
    payment_id = sim.pay(order["id"], outcome="pending")["payment"]["id"]
    sim.advance(15 * 60)
    sim.sim(f"payments/{payment_id}/authorize")
    payment = sim.client.payment.fetch(payment_id)
    assert (payment["status"], payment["late_authorized"]) == ("captured", True)
    assert sim.client.order.fetch(order["id"])["status"] == "paid"


def test_a_later_authorisation_waits_to_be_captured_by_hand(sim: Simulated) -> None:
    order = sim.order(payment={"capture": "automatic", "capture_options": {"automatic_expiry_period": 12}})
    payment_id = sim.pay(order["id"], outcome="pending")["payment"]["id"]
    sim.advance(HOUR)
    sim.sim(f"payments/{payment_id}/authorize")
    assert sim.client.payment.fetch(payment_id)["status"] == "authorized"


def test_a_payment_without_an_order_is_never_captured(sim: Simulated) -> None:
    made = sim.sim("payments", amount=5000, currency="INR")
    assert set(made) == {"razorpay_payment_id", "payment"}
    with pytest.raises(BadRequestError, match="without an order"):
        sim.client.payment.capture(made["razorpay_payment_id"], 5000, {"currency": "INR"})
    sim.advance(3 * DAY)
    assert sim.client.payment.fetch(made["razorpay_payment_id"])["status"] == "refunded"


def test_totals_are_kept_by_order_and_currency(sim: Simulated) -> None:
    dollars, rupees = sim.order(1000, "USD"), sim.order(5000, "INR")
    payment_id = sim.pay(dollars["id"])["razorpay_payment_id"]
    sim.pay(rupees["id"])
    sim.client.payment.refund(payment_id, {"amount": 400})
    totals = sim.look("totals")
    assert totals["currencies"] == {
        "INR": {"captured": 5000, "refunded": 0, "disputed": 0, "net": 5000},
        "USD": {"captured": 1000, "refunded": 400, "disputed": 0, "net": 600},
    }
    (one,) = sim.look("totals", order_id=dollars["id"])["orders"]
    assert (one["captured"], one["refunded"], one["net"], one["payments"]) == (1000, 400, 600, [payment_id])


def test_money_that_was_never_captured_is_not_counted(sim: Simulated) -> None:
    order = sim.order(**MANUAL)
    sim.pay(order["id"])
    sim.advance(6 * DAY)
    (total,) = sim.look("totals")["orders"]
    assert (total["captured"], total["refunded"], total["net"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "perhaps"},
        {"method": "cheque"},
        {"instrument": "card"},
        {"method": "card", "instrument": {"number": 4242}},
        {"faults": ["F99"]},
    ],
)
def test_a_payment_that_makes_no_sense_is_not_started(sim: Simulated, body: dict[str, Any]) -> None:
    order = sim.order()
    answer = sim.http.post("/_sim/payments", json={"order_id": order["id"], **body})
    assert answer.status_code == 400
    assert sim.client.order.fetch(order["id"])["attempts"] == 0


def test_notes_and_card_of_a_payment(sim: Simulated) -> None:
    payment_id = sim.pay(sim.order()["id"], method="card")["razorpay_payment_id"]
    assert sim.client.payment.edit(payment_id, {"notes": {"a": "1"}})["notes"] == {"a": "1"}
    card = sim.client.payment.fetchCardDetails(payment_id)
    assert (card["last4"], card["network"]) == ("1007", "Visa")
    assert sim.client.payment.all()["count"] == 1
