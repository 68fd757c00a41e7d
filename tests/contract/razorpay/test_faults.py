"""Every fault of payments and webhooks that can be switched on: F1 to F12, F14 to F20."""

from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from razorpay.errors import BadRequestError, SignatureVerificationError

from razorpay_simulator.signing import webhook_signature
from tests.support.razorpay import KEY_SECRET, WEBHOOK_SECRET, Received, Simulated

HANDLER = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")
DAY = 86_400
TOLD = ["payment.authorized", "payment.captured", "order.paid"]


def paid(sim: Simulated, **more: Any) -> dict[str, Any]:
    """An order, paid, and all its webhooks sent."""
    answer = sim.pay(sim.order()["id"], **more)
    sim.deliver()
    return answer


def handler(answer: dict[str, Any]) -> dict[str, str]:
    return {name: answer[name] for name in HANDLER}


def test_f1_delivers_every_webhook_several_times(sim: Simulated) -> None:
    sim.fault("F1", count=3)
    paid(sim)
    assert sorted(sim.shop.events()) == sorted(TOLD * 3)
    assert len({one.event_id for one in sim.shop.received}) == 3
    assert len({one.body for one in sim.shop.received}) == 3


@pytest.mark.parametrize("mode", ["reversed", "shuffled"])
def test_f2_delivers_in_another_order(sim: Simulated, mode: str) -> None:
    sim.fault("F2", mode)
    paid(sim)
    assert sorted(sim.shop.events()) == sorted(TOLD)
    if mode == "reversed":
        assert sim.shop.events() == TOLD[::-1]


def test_f3_tells_of_the_payment_before_the_order_is_answered(sim: Simulated) -> None:
    sim.fault("F3", receipt="early")
    sim.order(receipt="another")
    assert sim.shop.events() == []
    order = sim.order(receipt="early")
    assert sim.shop.events() == TOLD
    assert order["status"] == "created"
    assert sim.client.order.fetch(order["id"])["status"] == "paid"


def test_f4_never_calls_the_handler(sim: Simulated) -> None:
    sim.fault("F4")
    answer = paid(sim)
    assert set(answer) == {"payment"}
    assert sim.shop.events() == TOLD


def test_f5_never_sends_a_webhook(sim: Simulated) -> None:
    sim.fault("F5")
    answer = paid(sim)
    assert sim.client.utility.verify_payment_signature(handler(answer))
    sim.advance(2 * DAY)
    assert sim.shop.received == []
    assert {one["state"] for one in sim.look("deliveries")["items"]} == {"suppressed"}


def test_f5_may_swallow_one_event_only(sim: Simulated) -> None:
    sim.fault("F5", event="order.*")
    paid(sim)
    assert sim.shop.events() == TOLD[:2]


def test_f6_answers_while_the_webhook_is_on_its_way(sim: Simulated) -> None:
    arrived, answered = Event(), Event()

    def slow(_: Received) -> int:
        arrived.set()
        answered.wait(5)
        return 200

    sim.shop.answer = slow
    sim.fault("F6")
    answer = sim.pay(sim.order()["id"])
    assert arrived.wait(5)
    assert not answered.is_set()
    answered.set()
    sim.deliver()
    assert sim.client.utility.verify_payment_signature(handler(answer))


@pytest.mark.parametrize("mode", ["wrong-signature", "wrong-secret", "tampered-body"])
def test_f7_sends_what_does_not_verify(sim: Simulated, mode: str) -> None:
    sim.fault("F7", mode)
    paid(sim)
    for one in sim.shop.received:
        assert one.signature is not None
        assert one.signature != webhook_signature(one.body, WEBHOOK_SECRET)
    with pytest.raises(SignatureVerificationError):
        sim.client.utility.verify_webhook_signature(one.body.decode(), one.signature, WEBHOOK_SECRET)


def test_f7_sends_without_a_signature(sim: Simulated) -> None:
    sim.fault("F7", "no-signature", event="order.paid")
    paid(sim)
    assert [one.signature is None for one in sim.shop.received] == [False, False, True]


def test_f7_sends_an_unknown_event_properly_signed(sim: Simulated) -> None:
    sim.fault("F7", "unknown-event", event="order.paid")
    paid(sim)
    odd = sim.shop.received[-1]
    assert odd.event["event"] == "payment.something_new"
    assert odd.signature == webhook_signature(odd.body, WEBHOOK_SECRET)


def test_f7_sends_a_huge_body_properly_signed(sim: Simulated) -> None:
    sim.fault("F7", "huge-body", event="order.paid", size_bytes=200_000)
    paid(sim)
    huge = sim.shop.received[-1]
    assert len(huge.body) > 200_000
    assert huge.event["event"] == "order.paid"
    assert huge.signature == webhook_signature(huge.body, WEBHOOK_SECRET)


def test_f7_gives_the_page_a_wrong_signature(sim: Simulated) -> None:
    sim.fault("F7", "checkout-signature")
    answer = paid(sim)
    with pytest.raises(SignatureVerificationError):
        sim.client.utility.verify_payment_signature(handler(answer))
    assert sim.shop.received[0].signature == webhook_signature(sim.shop.received[0].body, WEBHOOK_SECRET)


def test_f8_authorises_without_capturing(sim: Simulated) -> None:
    sim.fault("F8")
    answer = paid(sim)
    assert answer["payment"]["status"] == "authorized"
    assert sim.shop.events() == ["payment.authorized"]
    assert sim.client.order.fetch(answer["razorpay_order_id"])["status"] == "attempted"


def test_f9_captures_what_had_failed(sim: Simulated) -> None:
    sim.fault("F9", seconds=90)
    answer = paid(sim)
    assert answer["error"]["reason"] == "payment_failed"
    assert sim.shop.events() == ["payment.failed"]
    sim.advance(91)
    assert sim.shop.events() == ["payment.failed", *TOLD]
    ids = {one.event["payload"]["payment"]["entity"]["id"] for one in sim.shop.received}
    assert ids == {answer["payment"]["id"]}


@pytest.mark.parametrize("days", [0, 2])
def test_f10_authorises_late(sim: Simulated, days: int) -> None:
    sim.fault("F10", seconds=days * DAY or None)
    answer = paid(sim)
    assert answer["error"]["reason"] == "payment_timed_out"
    assert sim.shop.received == []
    sim.advance(601)
    assert sim.shop.events() == ["payment.failed"]
    sim.advance(days * DAY or 300)
    assert sim.shop.events() == ["payment.failed", *TOLD]
    assert sim.client.payment.fetch(answer["payment"]["id"])["late_authorized"]


@pytest.mark.parametrize(("mode", "captures"), [("captured", 2), ("authorized", 1)])
def test_f11_returns_a_second_success(sim: Simulated, mode: str, captures: int) -> None:
    sim.fault("F11", mode)
    answer = paid(sim)
    first, second = sim.client.order.payments(answer["razorpay_order_id"])["items"]
    assert (first["status"], second["status"]) == ("captured", "refunded")
    assert sim.shop.events().count("payment.captured") == captures
    assert sim.shop.events().count("order.paid") == 1
    assert sim.shop.events()[-2:] == ["refund.created", "refund.processed"]
    assert sim.look("totals")["net"] == 1000


def test_f12_pays_another_amount(sim: Simulated) -> None:
    sim.fault("F12", "amount", amount=1)
    assert paid(sim)["payment"]["amount"] == 1
    assert sim.shop.received[-1].event["payload"]["payment"]["entity"]["amount"] == 1
    assert sim.shop.received[-1].event["payload"]["order"]["entity"]["amount"] == 1000


def test_f12_pays_in_another_currency(sim: Simulated) -> None:
    sim.fault("F12", "currency")
    assert paid(sim)["payment"]["currency"] == "INR"


def test_f12_hands_out_the_payment_of_another_order(sim: Simulated) -> None:
    sim.fault("F12", "other-order")
    order = sim.order()
    answer = sim.pay(order["id"])
    assert answer["razorpay_order_id"] != order["id"]
    assert sim.client.utility.verify_payment_signature(handler(answer))
    assert sim.client.payment.fetch(answer["razorpay_payment_id"])["order_id"] != order["id"]


def test_f12_tells_of_another_merchants_payment(sim: Simulated) -> None:
    sim.fault("F12", "other-merchant")
    answer = paid(sim)
    with pytest.raises(BadRequestError, match="does not exist"):
        sim.client.payment.fetch(answer["razorpay_payment_id"])
    accounts = {one.event["account_id"] for one in sim.shop.received}
    assert len(accounts) == 2
    assert all(one.signature == webhook_signature(one.body, WEBHOOK_SECRET) for one in sim.shop.received)


@pytest.mark.parametrize(("mode", "net", "status"), [("full", 0, "refunded"), ("partial", 500, "captured")])
def test_f14_refunds_in_the_dashboard(sim: Simulated, mode: str, net: int, status: str) -> None:
    sim.fault("F14", mode)
    payment_id = paid(sim)["payment"]["id"]
    assert sim.client.payment.fetch(payment_id)["status"] == status
    assert sim.shop.events() == [*TOLD, "refund.created", "refund.processed"]
    assert sim.look("totals")["net"] == net


def test_f14_fails_a_refund(sim: Simulated) -> None:
    payment_id = paid(sim)["payment"]["id"]
    sim.fault("F14", "failed")
    assert sim.client.payment.refund(payment_id, {})["status"] == "failed"
    sim.deliver()
    assert sim.shop.events()[-2:] == ["refund.created", "refund.failed"]
    assert sim.client.payment.fetch(payment_id)["status"] == "captured"
    assert sim.look("totals")["net"] == 1000


def test_f14_leaves_a_refund_pending_until_the_bank_decides(sim: Simulated) -> None:
    payment_id = paid(sim)["payment"]["id"]
    sim.fault("F14", "pending")
    made = sim.client.payment.refund(payment_id, {})
    assert made["status"] == "pending"
    sim.sim(f"refunds/{made['id']}/process")
    assert sim.client.refund.fetch(made["id"])["status"] == "processed"


def test_f14_says_a_refund_is_in_progress(sim: Simulated) -> None:
    payment_id = paid(sim)["payment"]["id"]
    sim.fault("F14", "in-progress")
    key = {"X-Refund-Idempotency": "refund-0000001"}
    path = f"/v1/payments/{payment_id}/refund"
    assert sim.http.post(path, auth=sim.client.auth, json={}, headers=key).status_code == 409
    assert sim.http.post(path, auth=sim.client.auth, json={}, headers=key).status_code == 200


@pytest.mark.parametrize(("mode", "deducted"), [("created", 0), ("won", 0), ("lost", 1000)])
def test_f15_disputes_the_next_payment(sim: Simulated, mode: str, deducted: int) -> None:
    sim.fault("F15", mode)
    paid(sim)
    assert sim.shop.events()[-1] == f"payment.dispute.{mode}"
    assert sim.look("totals")["disputed"] == deducted


def test_f16_disables_an_endpoint_that_is_down_for_a_day(sim: Simulated) -> None:
    sim.fault("F16")
    answer = paid(sim)
    sim.advance(DAY + 3_600)
    assert sim.shop.received == []
    assert not sim.look("webhooks")["items"][0]["enabled"]
    assert sim.client.order.fetch(answer["razorpay_order_id"])["status"] == "paid"


def test_f17_replays_an_event_after_a_month(sim: Simulated) -> None:
    sim.fault("F17", event="order.paid")
    paid(sim)
    sim.advance(29 * DAY)
    assert sim.shop.events() == TOLD
    sim.advance(2 * DAY)
    assert sim.shop.events() == [*TOLD, "order.paid"]
    assert sim.shop.received[-1].body == sim.shop.received[-2].body
    assert sim.shop.received[-1].event_id == sim.shop.received[-2].event_id


def test_f17_tells_of_a_month_ago(sim: Simulated) -> None:
    sim.fault("F17", "backdated")
    paid(sim)
    first, last = sim.shop.received[0].event, sim.shop.received[-1].event
    assert last["event"] == "payment.captured"
    assert first["created_at"] - last["created_at"] == 30 * DAY


def test_f18_skews_the_clock_of_events(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.fault("F18", "skew", seconds=-7_200)
    paid(sim)
    assert sim.shop.received[0].event["created_at"] == sim.look("clock")["now"] - 7_200


def test_f18_stands_a_second_before_the_month_ends(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.fault("F18", "month-boundary")
    now = sim.look("clock")["now"]
    assert datetime.fromtimestamp(now, UTC).month != datetime.fromtimestamp(now + 1, UTC).month


def test_f18_stands_a_second_before_the_clocks_change(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.fault("F18", "dst")
    change = datetime.fromtimestamp(sim.look("clock")["now"] + 1, UTC)
    assert (change.month, change.hour, change.minute, change.second, change.isoweekday()) in {
        (3, 1, 0, 0, 7),
        (10, 1, 0, 0, 7),
    }


def test_f19_refuses_the_right_keys_of_the_wrong_mode(sim: Simulated) -> None:
    sim.fault("F19")
    with pytest.raises(BadRequestError, match="Authentication failed"):
        sim.order()
    assert sim.order()["status"] == "created"


def test_f20_replaces_the_secret_under_what_is_on_its_way(sim: Simulated) -> None:
    sim.shop.answer = lambda _: 500
    paid(sim, outcome="failed")
    sim.shop.answer = lambda _: 200
    sim.fault("F20", secret="fresh")
    sim.advance(10)
    paid(sim, outcome="failed")
    old, new = sim.shop.received[-2:]
    assert old.signature == webhook_signature(old.body, WEBHOOK_SECRET)
    assert new.signature == webhook_signature(new.body, "fresh")


def test_faults_may_be_meant_for_one_payment(sim: Simulated) -> None:
    assert "razorpay_signature" not in paid(sim, faults=["F4", {"fault": "F1", "count": 2}])
    assert "razorpay_signature" in paid(sim)
    assert len(sim.shop.received) == 9


def test_faults_strike_so_often_or_until_cleared(sim: Simulated) -> None:
    sim.fault("F8", times=2)
    sim.fault("F4", times=None)
    for _ in range(3):
        sim.pay(sim.order()["id"])
    on = sim.look("faults")["on"]
    assert [(fault["fault"], fault["struck"]) for fault in on] == [("F4", 3)]
    sim.http.delete("/_sim/faults")
    assert sim.look("faults")["on"] == []
    assert len(sim.look("faults")["known"]) == 20


@pytest.mark.parametrize("body", [{"fault": "F99"}, {"fault": "F1", "mode": "odd"}, {"fault": "F1", "colour": 1}, {}])
def test_what_is_no_fault_is_refused(sim: Simulated, body: dict[str, Any]) -> None:
    assert sim.http.post("/_sim/faults", json=body).status_code == 400


def test_the_key_secret_signs_the_handler(sim: Simulated) -> None:
    answer = paid(sim)
    message = f"{answer['razorpay_order_id']}|{answer['razorpay_payment_id']}".encode()
    assert answer["razorpay_signature"] == webhook_signature(message, KEY_SECRET)
