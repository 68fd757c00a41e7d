"""The simulator's modal in a browser, opened by a shop's page with a strict policy."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.support.checkout import METHODS, pay
from tests.support.razorpay import KEY_ID, Simulated, simulated
from tests.support.stage import LAPTOP, PHONE, chromium
from tests.support.tenants.tour import AXE

SCRIPT = """
const options = {options};
const heard = [], output = document.querySelector("output");
const hear = (...what) => {{
  heard.push(what);
  output.value = JSON.stringify(heard);
  output.dataset.count = heard.length;
}};
options.handler = (response) => hear("handler", response);
options.modal = Object.assign({{ ondismiss: () => hear("dismissed") }}, options.modal);
const checkout = new Razorpay(options);
checkout.on("payment.failed", (response) => hear("failed", response.error));
document.querySelector("button").addEventListener("click", () => checkout.open());
"""
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title></head>
<body><main><h1>Shop</h1><button>Pay</button><output></output></main>
<script src="{simulator}/v1/checkout.js"></script><script nonce="n0nce">{script}</script></body></html>"""


class Shop:
    """Pages of a shop on loopback, and the forms that came back to it."""

    def __init__(self, simulator: str) -> None:
        self.simulator = simulator
        self.options: dict[str, Any] = {}
        self.posted: list[dict[str, str]] = []
        self.url = ""

    def page(self) -> bytes:
        script = SCRIPT.format(options=json.dumps(self.options))
        return PAGE.format(simulator=self.simulator, script=script).encode()

    @property
    def policy(self) -> str:
        here = self.simulator
        return (
            f"default-src 'none'; script-src 'nonce-n0nce' {here}; frame-src {here}; connect-src {here}; "
            "style-src 'self'; form-action 'self'; base-uri 'none'"
        )


@contextmanager
def shop_pages(shop: Shop) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(shop.page() if self.path == "/" else b"")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            shop.posted.append({name: values[0] for name, values in form.items()})
            self.answer(b"<!doctype html><title>Back</title><h1>Thank you</h1>")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", shop.policy)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulated]:
    with simulated() as running:
        yield running


@pytest.fixture
def shop(sim: Simulated) -> Iterator[Shop]:
    made = Shop(sim.url)
    with shop_pages(made):
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser whose console must stay silent."""
    context = browser.new_context(viewport={"width": LAPTOP["width"], "height": LAPTOP["height"]})
    shown, complaints = context.new_page(), []
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    shown.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    yield shown
    context.close()
    assert [text for text in complaints if "status of 4" not in text and "favicon" not in text] == []


def opened(page: Page, shop: Shop, sim: Simulated, **options: Any) -> FrameLocator:
    """The modal of a new order."""
    order = sim.order(1000, "USD")
    shop.options = {
        "key": KEY_ID, "order_id": order["id"], "amount": 1000, "currency": "USD", "name": "TestKase",
        "description": "1,000 AI credits", "prefill": {"email": "mira@example.com", "contact": "+4915112345678"},
        "theme": {"color": "#2f5d50"}, **options,
    }  # fmt: skip
    page.goto(shop.url)
    page.get_by_role("button", name="Pay").click()
    return page.frame_locator("iframe")


def told(page: Page, count: int = 1) -> list[list[Any]]:
    """What the shop's page heard, once it has heard so much."""
    output = page.locator("output")
    expect(output).to_have_attribute("data-count", str(count))
    heard: list[list[Any]] = json.loads(output.text_content() or "")
    return heard


@pytest.mark.parametrize("method", METHODS)
def test_each_method_calls_the_handler(page: Page, shop: Shop, sim: Simulated, method: str) -> None:
    pay(opened(page, shop, sim), method)
    ((kind, response),) = told(page)
    assert kind == "handler"
    assert response["razorpay_order_id"] == shop.options["order_id"]
    assert sim.client.utility.verify_payment_signature(response)
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_role("button", name="Pay")).to_be_focused()


def test_a_failure_is_told_once_and_tried_again(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim)
    frame.get_by_role("button", name="failure@razorpay").click()
    frame.get_by_role("button", name="Pay USD 10.00").click()
    expect(frame.get_by_role("alert")).to_contain_text("The payment failed.")
    frame.get_by_role("link", name="Wallet").click()
    pay(frame, "wallet")
    first, second = told(page, 2)
    assert (first[0], first[1]["reason"]) == ("failed", "payment_failed")
    assert first[1]["metadata"]["order_id"] == shop.options["order_id"]
    assert second[0] == "handler"
    assert sim.client.order.fetch(shop.options["order_id"])["attempts"] == 2


def test_without_retry_a_failure_closes(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim, retry={"enabled": False})
    frame.get_by_role("button", name="failure@razorpay").click()
    frame.get_by_role("button", name="Pay USD 10.00").click()
    assert [one[0] for one in told(page, 2)] == ["failed", "dismissed"]


@pytest.mark.parametrize("way", ["button", "escape", "timeout"])
def test_leaving_is_told_and_the_order_stays_open(page: Page, shop: Shop, sim: Simulated, way: str) -> None:
    frame = opened(page, shop, sim, **({"timeout": 1} if way == "timeout" else {}))
    if way != "timeout":  # after which it is gone, seen or not
        expect(frame.get_by_text("no money moves")).to_be_visible()
    if way == "button":
        frame.get_by_role("button", name="Close Checkout").click()
    elif way == "escape":
        frame.get_by_label("UPI ID").press("Escape")
    assert told(page) == [["dismissed"]]
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_leaving_may_have_to_be_confirmed(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim, modal={"confirm_close": True})
    answers = ["stay", "leave"]
    page.on("dialog", lambda dialog: dialog.dismiss() if answers.pop(0) == "stay" else dialog.accept())
    frame.get_by_role("button", name="Close Checkout").click()
    frame.get_by_role("button", name="Close Checkout").click()
    assert told(page) == [["dismissed"]]
    assert answers == []


@pytest.mark.parametrize("vpa", ["success@razorpay", "failure@razorpay"])
def test_the_browser_may_be_sent_to_the_shop_instead(page: Page, shop: Shop, sim: Simulated, vpa: str) -> None:
    frame = opened(page, shop, sim, callback_url=f"{shop.url}/back", redirect=True)
    frame.get_by_role("button", name=vpa).click()
    frame.get_by_role("button", name="Pay USD 10.00").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    (form,) = shop.posted
    if vpa.startswith("success"):
        assert sim.client.utility.verify_payment_signature(form)
    else:
        assert form["error[reason]"] == "payment_failed"
        assert json.loads(form["error[metadata]"])["order_id"] == shop.options["order_id"]


def test_a_browser_that_closes_tells_nothing(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim)
    sim.fault("F4")
    pay(frame, "upi")
    expect(frame.get_by_text("fault F4")).to_be_visible()
    expect(page.locator("output")).to_be_empty()
    assert sim.client.order.fetch(shop.options["order_id"])["status"] == "paid"


def test_what_does_not_fit_the_order_is_said(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim, amount=999)
    expect(frame.get_by_role("alert")).to_contain_text("different from your order amount")
    frame.get_by_role("button", name="Close Checkout").click()
    assert told(page) == [["dismissed"]]


def test_other_windows_cannot_pretend_to_be_checkout(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim)
    expect(frame.get_by_role("button", name="Pay USD 10.00")).to_be_visible()
    page.evaluate("window.postMessage({ from: 'razorpay-simulator', type: 'success', response: { forged: 1 } }, '*')")
    pay(frame, "upi")
    assert [sorted(one[1]) for one in told(page)] == [
        ["razorpay_order_id", "razorpay_payment_id", "razorpay_signature"]
    ]


def test_it_can_be_paid_with_the_keyboard_alone(page: Page, shop: Shop, sim: Simulated) -> None:
    frame = opened(page, shop, sim)
    field = frame.get_by_label("UPI ID")
    expect(field).to_be_visible()
    field.focus()
    page.keyboard.press("Enter")
    assert told(page)[0][0] == "handler"


def test_it_fits_a_phone(page: Page, shop: Shop, sim: Simulated) -> None:
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    frame = opened(page, shop, sim)
    expect(frame.get_by_role("button", name="Pay USD 10.00")).to_be_in_viewport()
    wide = frame.locator("html").evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def test_everybody_can_use_it(page: Page, sim: Simulated) -> None:
    """axe finds nothing serious on any page of Checkout, nor on the one that lists what there is."""
    link = sim.client.payment_link.create({"amount": 5000, "currency": "USD"})["short_url"]
    page.goto(link)
    checkout = page.url
    addresses = [f"{checkout}?method={method}" for method in ("upi", "card", "netbanking", "wallet", "international")]
    serious = [found for address in [*addresses, sim.url] for found in serious_on(page, address)]
    page.goto(f"{checkout}?method=wallet")
    page.get_by_role("button", name="Continue").click()
    serious += serious_on(page)
    page.get_by_role("button", name="Failure").click()
    serious += serious_on(page)
    assert serious == []


def serious_on(page: Page, address: str | None = None) -> list[str]:
    if address is not None:
        page.goto(address)
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [f"{page.url}: {one['id']}" for one in found if one["impact"] in {"serious", "critical"}]
