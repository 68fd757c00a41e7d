"""Two providers and what can happen at each: the one in memory, and the real adapter at a simulator.

A contract test asks a world for a provider and says what people do there; what the provider then answers must not
depend on the world.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config
from razorpay_simulator.server import running
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.fake_provider import FakeProvider

Decision = Literal["under_review", "won", "lost", "closed"]
WEBHOOK_SECRET = "contract-webhook-secret"


class World(Protocol):
    """What the rest of the world does."""

    provider: Provider

    def pay(self, order_id: str) -> None: ...

    def fail(self, order_id: str) -> None: ...

    def authorize(self, order_id: str) -> None:
        """The money is set aside and not taken."""

    def refund_by_hand(self, payment_id: str, amount: int) -> None:
        """On the provider's dashboard."""

    def dispute(self, payment_id: str) -> None: ...

    def decide_dispute(self, dispute_id: str, status: Decision) -> None: ...

    def pay_link(self, link_id: str) -> None: ...

    def silent(self, *, after: bool) -> None:
        """The next call that changes something is not answered."""


class Fake:
    """In memory."""

    def __init__(self) -> None:
        self.fake = FakeProvider()
        self.provider: Provider = self.fake

    def pay(self, order_id: str) -> None:
        self.fake.pay(order_id)

    def fail(self, order_id: str) -> None:
        self.fake.fail(order_id)

    def authorize(self, order_id: str) -> None:
        self.fake.authorize(order_id)

    def refund_by_hand(self, payment_id: str, amount: int) -> None:
        self.fake.refund_by_hand(payment_id, amount)

    def dispute(self, payment_id: str) -> None:
        self.fake.dispute(payment_id)

    def decide_dispute(self, dispute_id: str, status: Decision) -> None:
        self.fake.decide_dispute(dispute_id, status)

    def pay_link(self, link_id: str) -> None:
        self.fake.pay_link(link_id)

    def silent(self, *, after: bool) -> None:
        self.fake.silent(after=after)


class Simulated:
    """The real adapter, and the simulator's other side."""

    def __init__(self, url: str, account: RazorpayAccount) -> None:
        self.url = url
        self.account = account
        self.provider: Provider = RazorpayProvider(account, timeout=(5.0, 5.0))

    def pay(self, order_id: str) -> None:
        self.say("payments", order_id=order_id)

    def fail(self, order_id: str) -> None:
        self.say("payments", order_id=order_id, outcome="failed")

    def authorize(self, order_id: str) -> None:
        self.say("payments", order_id=order_id, faults=[{"fault": "F8"}])

    def refund_by_hand(self, payment_id: str, amount: int) -> None:
        self.say("refunds", payment_id=payment_id, amount=amount, status="processed")

    def dispute(self, payment_id: str) -> None:
        self.say("disputes", payment_id=payment_id)

    def decide_dispute(self, dispute_id: str, status: Decision) -> None:
        self.say(f"disputes/{dispute_id}/{status}")

    def pay_link(self, link_id: str) -> None:
        self.say("payments", payment_link_id=link_id)

    def silent(self, *, after: bool) -> None:
        self.say("faults", fault="F13", mode="reset-after" if after else "reset", method="POST", path="/v1/*")

    def say(self, address: str, **fields: Any) -> dict[str, Any]:
        """Have something happen there, and every webhook about it sent."""
        request = urllib.request.Request(
            f"{self.url}/_sim/{address}?wait=1",
            data=json.dumps(fields).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            said: dict[str, Any] = json.load(answer)
            return said


@contextmanager
def simulated(webhook_url: str | None = None) -> Iterator[Simulated]:
    """A simulator in this process, and the account it was made for."""
    config = Config(
        key_id="rzp_test_contract0001",
        key_secret="contract-key-secret",
        webhook_url=webhook_url,
        webhook_secret=WEBHOOK_SECRET,
    )
    with running(create_app(config)) as port:
        account = RazorpayAccount(
            key_id=config.key_id,
            key_secret=config.key_secret,
            webhook_secret=WEBHOOK_SECRET,
            api_url=f"http://127.0.0.1:{port}",
        )
        yield Simulated(account.api_url, account)
