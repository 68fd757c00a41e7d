"""A payment provider on loopback for everything that is bought meanwhile, and its reports, genuine and bent."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx

from campaigns.fuzz import bending
from campaigns.fuzz.request import Request
from campaigns.payments.counter import KEY_ID, KEY_SECRET, WEBHOOK_SECRET, report, signed, simulator
from razorpay_simulator.events import CONTAINS
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.tenants import till

_ENTITIES: dict[str, dict[str, Any]] = {
    "refund": {
        "id": "rfnd_Fuzz0000000001",
        "entity": "refund",
        "amount": 100,
        "currency": "USD",
        "status": "processed",
    },
    "dispute": {"id": "disp_Fuzz0000000001", "entity": "dispute", "amount": 100, "currency": "USD", "status": "open"},
    "payment_link": {"id": "plink_Fuzz000000001", "entity": "payment_link", "amount": 100, "status": "paid"},
    "order": {"id": "order_Fuzz00000001", "entity": "order", "amount": 100, "status": "paid"},
    "payment": {"id": "pay_Fuzz000000001", "entity": "payment", "amount": 100, "currency": "USD", "status": "captured"},
}


class Paying(RazorpayProvider):
    """The real adapter, at whose provider somebody pays at once."""

    def __init__(self, url: str) -> None:
        account = RazorpayAccount(
            key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET, api_url=url,
            checkout_js=f"{url}/v1/checkout.js",
        )  # fmt: skip
        super().__init__(account)
        self._there = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.payments: list[dict[str, Any]] = []
        """As the provider shows them."""
        self.environ = {
            "RAZORPAY_KEY_ID": KEY_ID, "RAZORPAY_KEY_SECRET": KEY_SECRET, "RAZORPAY_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "RAZORPAY_API_URL": url, "RAZORPAY_CHECKOUT_JS": f"{url}/v1/checkout.js",
        }  # fmt: skip

    def pay(self, order_id: str) -> None:
        """The whole order, with a card."""
        answer = self._there.post("/_sim/payments", json={"order_id": order_id, "method": "card"})
        answer.raise_for_status()
        self.payments.append(answer.json()["payment"])

    def close(self) -> None:
        """The connections of `pay`."""
        self._there.close()


@contextmanager
def open_till() -> Iterator[Paying]:
    """What the places of the tenants' tests buy is bought here."""
    with simulator() as url:
        paying = Paying(url)
        with patch.object(till, "PROVIDER", paying):
            yield paying
        paying.close()


def webhook(paying: Paying, dice: random.Random) -> Request:
    """A report. Most are signed over the very bytes that are sent, however bent they are."""
    event = dice.choice(list(CONTAINS))
    entities = {name: dict(_ENTITIES[name]) for name in CONTAINS[event]}
    if paying.payments and "payment" in entities:
        entities["payment"] = dice.choice(paying.payments)
    request = Request(door="webhooks", method="POST", path="/webhooks/razorpay", who="the provider")
    request.body = report(event, entities)
    request.set("Content-Type", b"application/json")
    chance = dice.random()
    if chance < 0.75:
        request.value = json.loads(request.body)
        for _ in range(dice.choice((1, 1, 2, 3))):
            request.bent.append(bending.bent_value(request, dice))
    elif chance < 0.85:
        request.bent.append(dice.choice((bending.bent_bytes, bending.bent_depth))(request, dice))
    signature = signed(request.body or b"").encode()
    request.set("X-Razorpay-Signature", signature)
    if dice.random() < 0.2:
        kind = dice.choice((bending.bent_header, bending.bent_method, bending.bent_query, bending.bent_length))
        request.bent.append(kind(request, dice))
    if dice.random() < 0.1:
        request.set(
            "X-Razorpay-Signature",
            dice.choice((None, b"", b"\xff", signature[:-1], signature.upper(), b"0" * 64, b"x" * 7_000)),
        )
        request.bent.append("signature")
    return request
