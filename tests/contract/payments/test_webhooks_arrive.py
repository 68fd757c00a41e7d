"""Webhooks as they come over the wire, and what the browser brings back: verified by our own hand, and read."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from testkase.services.billing.provider import Customer, Event
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.contract.payments.worlds import Simulated, simulated

Letter = tuple[bytes, str | None]


@pytest.fixture
def letters() -> list[Letter]:
    """The bodies that arrived, and their signatures."""
    return []


@pytest.fixture
def world(letters: list[Letter]) -> Iterator[Simulated]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            letters.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["X-Razorpay-Signature"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        with simulated(f"http://127.0.0.1:{server.server_address[1]}/webhooks/razorpay") as running:
            yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def paid(world: Simulated, *faults: dict[str, Any]) -> dict[str, Any]:
    """The three fields the browser brings back."""
    order = world.provider.create_order(receipt="purchase_1", amount=1_000, currency="USD", notes={})
    return world.say("payments", order_id=order.order_id, faults=list(faults))


def read(world: Simulated, letters: list[Letter]) -> dict[str, Event]:
    for body, signature in letters:
        assert world.provider.is_webhook_signature(body, signature)
    return {event.name: event for event in (world.provider.read_event(body) for body, _ in letters)}


@pytest.mark.requirement("R32", "R33")
def test_every_webhook_of_a_purchase_leads_to_it(world: Simulated, letters: list[Letter]) -> None:
    told = paid(world)
    payment_id, order_id = told["razorpay_payment_id"], told["razorpay_order_id"]
    world.provider.refund(payment_id, amount=400, refund_key="refund-00001", notes={})
    world.say("disputes", payment_id=payment_id)
    events = read(world, letters)
    for name in ("payment.authorized", "payment.captured", "order.paid"):
        assert (events[name].payment_id, events[name].order_id) == (payment_id, order_id)
        assert events[name].created_at > 0
    [refund], [dispute] = world.provider.refunds_of(payment_id), world.provider.disputes()
    refunded, disputed = events["refund.created"], events["payment.dispute.created"]
    assert (refunded.refund_id, refunded.payment_id) == (refund.refund_id, payment_id)
    assert (disputed.dispute_id, disputed.payment_id) == (dispute.dispute_id, payment_id)


@pytest.mark.requirement("R33")
def test_a_failed_payment_is_told_of(world: Simulated, letters: list[Letter]) -> None:
    order = world.provider.create_order(receipt="purchase_1", amount=1_000, currency="USD", notes={})
    world.fail(order.order_id)
    assert read(world, letters)["payment.failed"].order_id == order.order_id


@pytest.mark.requirement("R33")
@pytest.mark.parametrize("mode", ["wrong-signature", "no-signature", "wrong-secret", "tampered-body"])
def test_a_forged_webhook_is_known(world: Simulated, letters: list[Letter], mode: str) -> None:
    paid(world, {"fault": "F7", "mode": mode})
    assert letters
    assert not any(world.provider.is_webhook_signature(body, signature) for body, signature in letters)


@pytest.mark.parametrize("mode", ["unknown-event", "huge-body"])
def test_an_odd_webhook_is_read_all_the_same(world: Simulated, letters: list[Letter], mode: str) -> None:
    paid(world, {"fault": "F7", "mode": mode, "size_bytes": 500_000})
    assert read(world, letters)


def test_a_webhook_under_the_secret_of_yesterday_is_still_good(world: Simulated, letters: list[Letter]) -> None:
    paid(world)
    rotated = replace(world.account, webhook_secret="new", previous_webhook_secret=world.account.webhook_secret)
    body, signature = letters[0]
    assert RazorpayProvider(rotated).is_webhook_signature(body, signature)
    assert not RazorpayProvider(replace(rotated, previous_webhook_secret=None)).is_webhook_signature(body, signature)


@pytest.mark.requirement("R33")
def test_what_the_browser_brings_back_is_signed_for_our_order(world: Simulated) -> None:
    told = paid(world)
    facts = {"payment_id": told["razorpay_payment_id"], "signature": told["razorpay_signature"]}
    assert world.provider.is_checkout_signature(order_id=told["razorpay_order_id"], **facts)
    assert not world.provider.is_checkout_signature(order_id="order_00000000000000", **facts)


@pytest.mark.requirement("P7", "R33")
def test_what_the_browser_brings_back_from_a_link_is_signed_for_it(world: Simulated) -> None:
    link = world.provider.create_link(
        reference="bill_1", amount=2_000, currency="USD", description="Extra credits", customer=Customer(),
        expire_by=int(time.time()) + 86_400, callback_url=f"{world.url}/settings/billing",
    )  # fmt: skip
    world.pay_link(link.link_id)
    with urllib.request.urlopen(f"{world.url}/_sim/links?id={link.link_id}", timeout=10) as answer:
        back = dict(parse_qsl(urlsplit(json.load(answer)["callback"]).query))
    facts = {
        "link_id": link.link_id, "reference": "bill_1", "status": back["razorpay_payment_link_status"],
        "payment_id": back["razorpay_payment_id"], "signature": back["razorpay_signature"],
    }  # fmt: skip
    assert world.provider.is_link_signature(**facts)
    for name in facts:
        assert not world.provider.is_link_signature(**facts | {name: "another"})


@pytest.mark.requirement("R33")
def test_a_forged_return_of_the_browser_is_known(world: Simulated) -> None:
    told = paid(world, {"fault": "F7", "mode": "checkout-signature"})
    assert not world.provider.is_checkout_signature(
        order_id=told["razorpay_order_id"],
        payment_id=told["razorpay_payment_id"],
        signature=told["razorpay_signature"],
    )
