"""The Razorpay simulator on a thread, the real SDK pointed at it, and a shop that keeps the webhooks it gets.

with simulated() as razorpay:
    order = razorpay.client.order.create({"amount": 1000, "currency": "USD", "receipt": "purchase-1"})
    handler = razorpay.pay(order["id"])
    razorpay.deliver()
    assert razorpay.shop.events() == ["payment.authorized", "payment.captured", "order.paid"]
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import razorpay
import requests

from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config
from razorpay_simulator.server import running

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_shop0000000001", "key secret of the tests", "webhook secret"


@dataclass(frozen=True)
class Received:
    """A webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def event_id(self) -> str:
        return self.headers["x-razorpay-event-id"]

    @property
    def signature(self) -> str | None:
        return self.headers.get("x-razorpay-signature")


@dataclass
class Shop:
    """A webhook endpoint on loopback. `answer` gives the status for each request; 200 unless set."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], int] = lambda _: 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/razorpay"

    def events(self) -> list[str]:
        """Names of what was received, in order of arrival."""
        return [one.event["event"] for one in self.received]


@contextmanager
def shop() -> Iterator[Shop]:
    """A shop that listens for the length of the block."""
    made = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one = Received({name.lower(): value for name, value in self.headers.items()}, body)
            made.received.append(one)
            self.send_response(made.answer(one))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the test reads `received`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Simulated:
    """A running simulator and its callers."""

    url: str
    shop: Shop
    client: Any
    """razorpay.Client, which has no types."""
    http: httpx.Client

    def order(self, amount: int = 1000, currency: str = "USD", **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.client.order.create({"amount": amount, "currency": currency, **more})
        return made

    def pay(self, order_id: str, **more: Any) -> dict[str, Any]:
        """Pay without a browser: the handler's three fields, or `error`; and `payment`."""
        return self.sim("payments", order_id=order_id, **more)

    def sim(self, path: str, /, **body: Any) -> dict[str, Any]:
        """POST to /_sim; what is refused is an AssertionError."""
        answer = self.http.post(f"/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        value: dict[str, Any] = answer.json()
        return value

    def look(self, path: str, /, **query: Any) -> dict[str, Any]:
        """GET from /_sim."""
        value: dict[str, Any] = self.http.get(f"/_sim/{path}", params=query).json()
        return value

    def fault(self, name: str, mode: str = "", **more: Any) -> None:
        self.sim("faults", fault=name, mode=mode, **more)

    def deliver(self) -> None:
        """Have every webhook that is due delivered or tried."""
        self.sim("deliver")

    def advance(self, seconds: float) -> None:
        """Let simulated time pass, with all that happens in it."""
        self.sim("clock", advance_seconds=seconds)


@contextmanager
def simulated(**settings: Any) -> Iterator[Simulated]:
    """A simulator with a shop that listens; `settings` are those of its Config."""
    with shop() as listening:
        usual = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "port": 0}
        hook = {"webhook_url": listening.url, "webhook_secret": WEBHOOK_SECRET}
        config = Config(**{**usual, **hook, **settings})
        with running(create_app(config)) as port, requests.Session() as session:
            url = f"http://127.0.0.1:{port}"
            session.trust_env = False
            client = razorpay.Client(session=session, auth=(config.key_id, config.key_secret), base_url=url)
            with httpx.Client(base_url=url, timeout=10, trust_env=False) as http:
                yield Simulated(url=url, shop=listening, client=client, http=http)
