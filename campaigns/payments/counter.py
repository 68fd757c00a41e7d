"""A shop counter for campaigns: the application and a worker, both buying from a Razorpay simulated on this machine."""

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from razorpay_simulator import events, signing
from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config
from razorpay_simulator.server import running
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.errand import Errand, run_errand
from testkase.services.billing.model import Purchase
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, serving, start
from tests.support.shop import Shop

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_campaign000001", "secret-of-the-campaign", "webhooks-of-the-campaign"


@dataclass(frozen=True)
class Paid:
    """A payment somebody made, as the simulator knows it."""

    purchase: Purchase
    payment_id: str
    signature: str
    reports: tuple[bytes, ...]
    """Bodies of every webhook about it."""


class Counter:
    """Orders at a simulated Razorpay, payments there, and the reports of them."""

    def __init__(self, database: TestDatabase, razorpay_url: str, folder: Path) -> None:
        self.shop = Shop(database)
        self.razorpay = httpx.Client(base_url=razorpay_url, timeout=30, trust_env=False)
        account = RazorpayAccount(
            key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET, api_url=razorpay_url,
            checkout_js=f"{razorpay_url}/v1/checkout.js",
        )  # fmt: skip
        self.provider = RazorpayProvider(account)
        self.environ = {
            **database.environ(), "RAZORPAY_KEY_ID": KEY_ID, "RAZORPAY_KEY_SECRET": KEY_SECRET,
            "RAZORPAY_WEBHOOK_SECRET": WEBHOOK_SECRET, "RAZORPAY_API_URL": razorpay_url,
            "RAZORPAY_CHECKOUT_JS": f"{razorpay_url}/v1/checkout.js", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        self._folder = folder
        self._worker: Running | None = None
        self.kills = 0

    def errand(self, errand: Errand[Any]) -> Any:
        """Run one as a view would, over the real SDK."""
        return run_errand(errand, self.provider, self.shop.organizations.database.run)

    def order(self, org_id: int, bundle: str) -> Purchase:
        """A purchase with an order at the simulator."""
        self.shop.errand = self.errand  # type: ignore[method-assign]
        return self.shop.order(org_id, bundle)

    def pay(self, purchase: Purchase, **how: Any) -> Paid:
        """Somebody pays, in one of the ways the simulator knows."""
        told = self._post("payments", order_id=purchase.order_id, method="card", **how)
        payment = told["payment"]
        return Paid(
            purchase, payment["id"], str(told.get("razorpay_signature", "")), tuple(self._reports(purchase, payment))
        )

    def stray(self) -> bytes:
        """A genuine report of a payment of the same account whose order is not one of ours."""
        order = self.provider.create_order(receipt=f"stray-{random.random()}", amount=1_000, currency="USD", notes={})
        payment = self._post("payments", order_id=order.order_id, method="card")["payment"]
        return report("payment.captured", {"payment": payment})

    def _reports(self, purchase: Purchase, payment: dict[str, Any]) -> Iterator[bytes]:
        order = {"id": purchase.order_id, "entity": "order", "amount": purchase.amount, "status": "paid"}
        yield report("payment.authorized", {"payment": {**payment, "status": "authorized", "captured": False}})
        yield report("payment.failed", {"payment": {**payment, "status": "failed", "captured": False}})
        yield report("payment.captured", {"payment": payment})
        yield report("order.paid", {"payment": payment, "order": order})

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.razorpay.post(f"/_sim/{path}", json=body)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def start_worker(self) -> None:
        self._worker = start("worker", environ=self.environ, folder=self._folder)

    def kill_worker(self) -> None:
        """kill -9, and another one."""
        assert self._worker is not None
        self._worker.process.kill()
        self._worker.process.wait()
        self.kills += 1
        self.start_worker()

    def close(self) -> None:
        if self._worker is not None:
            self._worker.stop(signal.SIGTERM)
        self.razorpay.close()
        self.shop.close()


def report(event: str, entities: dict[str, Any]) -> bytes:
    """A webhook's bytes."""
    return events.encode(events.build(event, entities, account_id="acc_Campaign000001", created_at=1_764_000_000))


def signed(body: bytes) -> str:
    """Its signature."""
    return signing.webhook_signature(body, WEBHOOK_SECRET)


@contextmanager
def simulator() -> Iterator[str]:
    """A simulated Razorpay that sends no webhooks itself: the campaign does. Its address."""
    with running(create_app(Config(key_id=KEY_ID, key_secret=KEY_SECRET, port=0))) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def counter(
    database: TestDatabase, folder: Path, *, processes: int = 1, worker: bool = True
) -> Iterator[tuple[Counter, list[str]]]:
    """The counter, a worker, and so many processes of the application with their addresses."""
    with simulator() as razorpay_url, ExitStack() as opened:
        made = Counter(database, razorpay_url, folder)
        opened.callback(made.close)
        urls = [opened.enter_context(serving(database, folder, made.environ)).url for _ in range(processes)]
        if worker:
            made.start_worker()
        yield made, urls
