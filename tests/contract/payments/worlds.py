"""Two providers and what can happen at each: the one in memory, and the real adapter at a simulator.

A contract test asks a world for a provider and says what people do there; what the provider then answers must not
depend on the world.
"""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config
from razorpay_simulator.faults import Fault
from razorpay_simulator.server import running
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.fake_provider import FakeProvider

Disputed = Literal["created", "lost", "won"]
WEBHOOK_SECRET = "contract-webhook-secret"


class World(Protocol):
    """What the rest of the world does."""

    provider: Provider

    def pay(self, order_id: str) -> None: ...

    def fail(self, order_id: str) -> None: ...

    def authorize(self, order_id: str) -> None:
        """The money is set aside and not taken."""

    def pay_and_refund(self, order_id: str, amount: int) -> None:
        """Paid, and part of it given back on the dashboard."""

    def pay_and_dispute(self, order_id: str, status: Disputed) -> None: ...

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

    def pay_and_refund(self, order_id: str, amount: int) -> None:
        self.fake.refund_by_hand(self.fake.pay(order_id).payment_id, amount)

    def pay_and_dispute(self, order_id: str, status: Disputed) -> None:
        dispute = self.fake.dispute(self.fake.pay(order_id).payment_id)
        if status != "created":
            self.fake.decide_dispute(dispute.dispute_id, status)

    def pay_link(self, link_id: str) -> None:
        self.fake.pay_link(link_id)

    def silent(self, *, after: bool) -> None:
        self.fake.silent(after=after)


class Simulated:
    """The real adapter, and a browser that fills in the simulator's Checkout."""

    def __init__(self, url: str, faults: "Faults", account: RazorpayAccount) -> None:
        self.url = url
        self.faults = faults
        self.account = account
        self.provider: Provider = RazorpayProvider(account, timeout=(5.0, 5.0))

    def pay(self, order_id: str) -> None:
        self._check_out(order_id, method="upi", vpa="success@razorpay")

    def fail(self, order_id: str) -> None:
        self._check_out(order_id, method="upi", vpa="failure@razorpay")

    def authorize(self, order_id: str) -> None:
        self.faults.add(Fault(fault="F8", order_id=order_id))
        self.pay(order_id)

    def pay_and_refund(self, order_id: str, amount: int) -> None:
        self.faults.add(Fault(fault="F14", mode="partial", order_id=order_id, amount=amount))
        self.pay(order_id)

    def pay_and_dispute(self, order_id: str, status: Disputed) -> None:
        self.faults.add(Fault(fault="F15", mode=status, order_id=order_id))
        self.pay(order_id)

    def pay_link(self, link_id: str) -> None:
        self._pay(_opened(f"{self.url}/l/{link_id}"), method="upi", vpa="success@razorpay")

    def silent(self, *, after: bool) -> None:
        self.faults.add(Fault(fault="F13", mode="reset-after" if after else "reset", method="POST"))

    def _check_out(self, order_id: str, **instrument: str) -> None:
        fields = {"key_id": self.account.key_id, "order_id": order_id, "callback_url": "http://127.0.0.1/back"}
        self._pay(_opened(f"{self.url}/v1/checkout/embedded", **fields), **instrument)

    def _pay(self, session: str, **instrument: str) -> None:
        _opened(f"{session}/pay", **instrument)


class Faults(Protocol):
    """The simulator's switches."""

    def add(self, fault: Fault) -> Fault: ...


@contextmanager
def simulated() -> Iterator[Simulated]:
    """A simulator in this process."""
    config = Config(key_id="rzp_test_contract0001", key_secret="contract-key-secret")
    app = create_app(config)
    with running(app) as port:
        url = f"http://127.0.0.1:{port}"
        account = RazorpayAccount(
            key_id=config.key_id, key_secret=config.key_secret, webhook_secret=WEBHOOK_SECRET, api_url=url
        )
        yield Simulated(url, app.state.simulator.faults, account)


def _opened(url: str, **fields: str) -> str:
    """Where a form, or a link, leads to."""
    body = urllib.parse.urlencode(fields).encode() if fields else None
    with urllib.request.urlopen(url, data=body, timeout=10) as page:
        return str(page.url)
