"""Webhooks: signed over the bytes that are sent, repeated with the same id until taken, and given up after a day."""

import time
from itertools import pairwise

import pytest

from razorpay_simulator.signing import webhook_signature
from tests.support.razorpay import WEBHOOK_SECRET, Simulated, shop

DAY = 86_400


def pay(sim: Simulated) -> str:
    """An order is paid; its id."""
    order_id: str = sim.order(notes={"who": "Zoë / €"})["id"]
    sim.pay(order_id)
    return order_id


def test_a_payment_is_told_in_three_events(sim: Simulated) -> None:
    order_id = pay(sim)
    sim.deliver()
    assert sim.shop.events() == ["payment.authorized", "payment.captured", "order.paid"]
    paid = sim.shop.received[-1].event
    assert paid["entity"] == "event"
    assert paid["account_id"].startswith("acc_")
    assert paid["contains"] == ["payment", "order"]
    assert paid["payload"]["order"]["entity"]["id"] == order_id
    assert paid["payload"]["payment"]["entity"]["order_id"] == order_id


def test_an_event_shows_the_moment_it_tells_of(sim: Simulated) -> None:
    pay(sim)
    sim.deliver()
    seen = [one.event["payload"]["payment"]["entity"]["status"] for one in sim.shop.received]
    assert seen == ["authorized", "captured", "captured"]


def test_the_signature_is_over_the_raw_bytes(sim: Simulated) -> None:
    pay(sim)
    sim.deliver()
    for one in sim.shop.received:
        assert one.headers["content-type"] == "application/json"
        assert one.signature == webhook_signature(one.body, WEBHOOK_SECRET)
        assert sim.client.utility.verify_webhook_signature(one.body.decode(), one.signature, WEBHOOK_SECRET)
    assert len({one.event_id for one in sim.shop.received}) == 3


def test_without_a_secret_nothing_is_signed(sim: Simulated) -> None:
    with shop() as other:
        sim.sim("webhooks", url=other.url)
        pay(sim)
        sim.deliver()
        assert [one.signature for one in other.received] == [None, None, None]


def test_endpoints_hear_only_of_events_they_want(sim: Simulated) -> None:
    with shop() as other:
        sim.sim("webhooks", url=other.url, secret="other", events=["order.paid"])
        pay(sim)
        sim.deliver()
        assert other.events() == ["order.paid"]
        assert other.received[0].signature == webhook_signature(other.received[0].body, "other")
    assert len(sim.shop.received) == 3
    assert [one["url"] for one in sim.client.webhook.all()["items"]] == [other.url, sim.shop.url]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "http://localhost.evil/",
        "http://127.0.0.1:99999/",
        "http://[::1",
        "",
    ],
)
def test_webhooks_stay_on_this_machine(sim: Simulated, url: str) -> None:
    answer = sim.http.post("/_sim/webhooks", json={"url": url})
    assert answer.status_code == 400
    assert "this machine only" in answer.text


def test_what_is_not_taken_comes_again_with_the_same_id_and_bytes(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.shop.answer = lambda _: 500
    pay(sim)
    sim.deliver()
    assert len(sim.shop.received) == 3
    sim.advance(9)
    assert len(sim.shop.received) == 3
    sim.shop.answer = lambda _: 200
    sim.advance(1)
    assert len(sim.shop.received) == 6
    first, again = sim.shop.received[:3], sim.shop.received[3:]
    assert [one.event_id for one in first] == [one.event_id for one in again]
    assert [one.body for one in first] == [one.body for one in again]
    sim.advance(DAY)
    assert len(sim.shop.received) == 6


def test_the_waits_double_up_to_an_hour(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.shop.answer = lambda _: 302
    sim.pay(sim.order()["id"], outcome="failed")
    sim.deliver()
    sim.advance(5 * 3_600)
    attempts = [attempt["at"] for attempt in sim.look("deliveries")["items"][0]["attempts"]]
    waits = [after - before for before, after in pairwise(attempts)]
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


def test_after_a_day_the_endpoint_is_disabled(sim: Simulated) -> None:
    sim.sim("clock", frozen=True)
    sim.shop.answer = lambda _: 503
    sim.pay(sim.order()["id"], outcome="failed")
    sim.deliver()
    sim.advance(DAY - 3_600)
    assert sim.look("webhooks")["items"][0]["enabled"]
    sim.advance(2 * 3_600)
    endpoint = sim.look("webhooks")["items"][0]
    assert not endpoint["enabled"]
    assert "disabled" in endpoint["alerts"][0]
    assert sim.look("deliveries")["items"][0]["state"] == "failed"
    pay(sim)
    assert len(sim.look("deliveries")["items"]) == 1


def test_an_enabled_endpoint_can_have_events_replayed(sim: Simulated) -> None:
    pay(sim)
    sim.deliver()
    event = sim.look("events")["items"][-1]
    sim.sim(f"events/{event['id']}/replay")
    sim.deliver()
    assert sim.shop.events()[-1] == "order.paid"
    assert sim.shop.received[-1].event_id == sim.shop.received[-2].event_id
    assert sim.shop.received[-1].body == sim.shop.received[-2].body
    sim.advance(16 * DAY)
    assert sim.http.post(f"/_sim/events/{event['id']}/replay").status_code == 400
    sim.sim(f"events/{event['id']}/replay", force=True)
    sim.deliver()
    assert len(sim.shop.received) == 5


def test_a_retry_after_a_rotation_carries_the_old_secret(sim: Simulated) -> None:
    endpoint = sim.look("webhooks")["items"][0]["id"]
    sim.shop.answer = lambda _: 500
    sim.pay(sim.order()["id"], outcome="failed")
    sim.deliver()
    sim.shop.answer = lambda _: 200
    sim.sim(f"webhooks/{endpoint}/rotate", secret="new")
    sim.advance(10)
    retried = sim.shop.received[-1]
    assert retried.signature == webhook_signature(retried.body, WEBHOOK_SECRET)
    sim.pay(sim.order()["id"], outcome="failed")
    sim.deliver()
    fresh = sim.shop.received[-1]
    assert fresh.signature == webhook_signature(fresh.body, "new")


def test_webhooks_are_sent_without_being_asked(sim: Simulated) -> None:
    """The background sends by itself; waiting for its turn is all a caller can do."""
    pay(sim)
    patience = time.monotonic() + 20
    while sim.look("deliveries", state="pending")["items"] and time.monotonic() < patience:
        time.sleep(0.01)
    assert len(sim.shop.received) == 3
