"""Checkout as a person without scripts has it: plain pages and forms."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.razorpay import KEY_ID, Simulated, simulated

SHOP = "http://127.0.0.1:1"
CARD = {"expiry": "12/34", "cvv": "123", "cardholder": "Mira"}
FORMS: dict[str, tuple[dict[str, str], tuple[str, dict[str, str]] | None]] = {
    "upi": ({"vpa": "success@razorpay"}, None),
    "card": ({"number": "4100 2800 0000 1007", **CARD}, ("otp", {"otp": "1234"})),
    "netbanking": ({"bank": "HDFC"}, ("bank", {"answer": "success"})),
    "wallet": ({"wallet": "mobikwik"}, ("bank", {"answer": "success"})),
    "international": ({"number": "4012 8888 8888 1881", **CARD}, ("bank", {"answer": "success"})),
}
FAILURES: dict[str, tuple[dict[str, str], tuple[str, dict[str, str]] | None, str]] = {
    "upi": ({"vpa": "failure@razorpay"}, None, "payment_failed"),
    "card": ({"number": "4100280000001007", **CARD}, ("otp", {"otp": "123"}), "invalid_otp"),
    "netbanking": ({"bank": "HDFC"}, ("bank", {"answer": "failure"}), "payment_failed"),
    "wallet": ({"wallet": "mobikwik"}, ("cancel", {}), "payment_cancelled"),
    "international": ({"number": "4012888888881881", **CARD}, ("bank", {"answer": "failure"}), "payment_failed"),
}


def opened(sim: Simulated, order_id: str, /, **more: str) -> httpx.Response:
    """The page after the shop's form was sent."""
    fields = {"key_id": KEY_ID, "order_id": order_id, "name": "Shop", "callback_url": f"{SHOP}/back?a=1", **more}
    return sim.http.post("/v1/checkout/embedded", data=fields, follow_redirects=True)


def submitted(sim: Simulated, page: httpx.Response, step: str, fields: dict[str, str]) -> httpx.Response:
    return sim.http.post(f"{page.url.path}/{step}", data=fields, follow_redirects=True)


def pay(sim: Simulated, page: httpx.Response, method: str, form: Any, following: Any) -> httpx.Response:
    shown = submitted(sim, page, "pay", {"method": method, **form})
    return submitted(sim, page, *following) if following else shown


def form_back(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where the form to the shop goes, and its fields."""
    form = re.search(r'<form method="post" action="(http[^"]+)".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    pairs = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return unescape(form[1]), {unescape(name): unescape(value) for name, value in pairs}


@pytest.mark.parametrize("method", FORMS)
def test_each_method_pays_and_sends_the_browser_back(sim: Simulated, method: str) -> None:
    order = sim.order()
    done = pay(sim, opened(sim, order["id"]), method, *FORMS[method])
    action, fields = form_back(done)
    assert action == f"{SHOP}/back?a=1"
    assert set(fields) == {"razorpay_payment_id", "razorpay_order_id", "razorpay_signature"}
    assert sim.client.utility.verify_payment_signature(fields)
    assert sim.client.order.fetch(order["id"])["status"] == "paid"


@pytest.mark.parametrize("method", FAILURES)
def test_each_method_can_fail_and_be_tried_again(sim: Simulated, method: str) -> None:
    form, following, reason = FAILURES[method]
    order = sim.order()
    page = opened(sim, order["id"])
    failed = pay(sim, page, method, form, following)
    assert "The payment failed." in failed.text
    fields = form_back(failed)[1]
    assert fields["error[reason]"] == reason
    assert fields["error[code]"] == "BAD_REQUEST_ERROR"
    assert json.loads(fields["error[metadata]"])["order_id"] == order["id"]
    assert "Payment successful" in pay(sim, page, "upi", *FORMS["upi"]).text
    paid = sim.client.order.fetch(order["id"])
    assert (paid["status"], paid["attempts"]) == ("paid", 2)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4100280000090000", "payment_timed_out"),
        ("4100280000080001", "insufficient_fund"),
        ("4100280000070002", "payment_cancelled"),
        ("4100280000060003", "card_declined"),
        ("4100280000030006", "card_disabled_for_online_payments"),
        ("4100280000010008", "card_number_invalid"),
        ("4100280000020007", "gateway_technical_error"),
        ("4100280000000009", "authentication_failed"),
    ],
)
def test_cards_that_always_fail_say_why(sim: Simulated, number: str, reason: str) -> None:
    order = sim.order()
    failed = pay(sim, opened(sim, order["id"]), "card", {"number": number, **CARD}, None)
    assert form_back(failed)[1]["error[reason]"] == reason
    assert sim.client.order.payments(order["id"])["items"][0]["error_reason"] == reason


@pytest.mark.parametrize(
    ("method", "form", "words"),
    [
        ("upi", {"vpa": "mira@bank"}, "only success@razorpay"),
        ("card", {"number": "4242 4242 4242 4242", **CARD}, "Use one of the test cards"),
        ("card", {"number": "4100280000001007", "expiry": "13/34", "cvv": "123"}, "expiry"),
        ("card", {"number": "340256001004007", "expiry": "12/34", "cvv": "123"}, "The CVV has 4 digits"),
        ("international", {"number": "4100280000001007", **CARD}, "pay with it under Card"),
        ("international", {"number": "5105105105105100", **CARD}, "billing address"),
        ("netbanking", {"bank": "NONE"}, "Choose a bank"),
        ("wallet", {}, "Choose a wallet"),
        ("cheque", {}, "Choose a way to pay"),
    ],
)
def test_a_form_filled_in_wrongly_starts_no_payment(
    sim: Simulated, method: str, form: dict[str, str], words: str
) -> None:
    order = sim.order()
    answer = submitted(sim, opened(sim, order["id"]), "pay", {"method": method, **form})
    assert answer.status_code == 400
    assert words in unescape(answer.text)
    assert sim.client.order.fetch(order["id"])["attempts"] == 0


def test_an_otp_is_a_number(sim: Simulated) -> None:
    page = opened(sim, sim.order()["id"])
    pay(sim, page, "card", FORMS["card"][0], None)
    assert "An OTP has up to 10 digits" in submitted(sim, page, "otp", {"otp": "12345678901"}).text
    assert "Payment successful" in submitted(sim, page, "otp", {"otp": "1234567890"}).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key_id": "rzp_test_other00000001"}, "api key provided is invalid"),
        ({"key_id": "rzp_live_000000000001"}, "live keys are refused"),
        ({"order_id": "order_unknown0000000"}, "The id provided does not exist"),
        ({"amount": "999"}, "different from your order amount"),
        ({"currency": "INR"}, "different from your order currency"),
        ({"callback_url": ""}, "callback url field is required"),
        ({"callback_url": "javascript:alert(1)"}, "format is invalid"),
    ],
)
def test_what_does_not_fit_the_order_does_not_open(sim: Simulated, fields: dict[str, str], words: str) -> None:
    answer = opened(sim, sim.order()["id"], **{"amount": "1000", "currency": "USD", **fields})
    assert answer.status_code in {400, 401}
    assert words in answer.text


def test_a_paid_order_does_not_open_again(sim: Simulated) -> None:
    order = sim.order()
    sim.pay(order["id"])
    assert "already paid" in opened(sim, order["id"]).text


def test_two_windows_pay_one_order_once(sim: Simulated) -> None:
    order = sim.order()
    first, second = opened(sim, order["id"]), opened(sim, order["id"])
    pay(sim, first, "upi", *FORMS["upi"])
    late = submitted(sim, second, "pay", {"method": "upi", **FORMS["upi"][0]})
    assert late.status_code == 400
    assert "already paid" in late.text


def test_leaving_goes_to_the_cancel_address(sim: Simulated) -> None:
    page = opened(sim, sim.order()["id"], cancel_url=f"{SHOP}/cancelled?p=1")
    assert f'<a class="close" href="{SHOP}/cancelled?p=1"' in page.text


def test_without_retry_the_failure_goes_straight_to_the_shop(sim: Simulated) -> None:
    page = opened(sim, sim.order()["id"], **{"retry[enabled]": "false"})
    assert "data-at-once" in pay(sim, page, "upi", {"vpa": "failure@razorpay"}, None).text


def test_what_the_shop_said_reaches_the_payment(sim: Simulated) -> None:
    more = {"prefill[email]": "mira@example.com", "prefill[contact]": "+4915112345678", "notes[org]": "o1"}
    order = sim.order()
    page = opened(sim, order["id"], **more, description="<b>1,000 credits</b>")
    assert "&lt;b&gt;1,000 credits&lt;/b&gt;" in page.text
    pay(sim, page, "upi", *FORMS["upi"])
    payment = sim.client.order.payments(order["id"])["items"][0]
    assert (payment["email"], payment["contact"]) == ("mira@example.com", "+4915112345678")
    assert payment["notes"] == {"org": "o1"}


def test_a_closed_browser_is_sent_nowhere(sim: Simulated) -> None:
    sim.fault("F4")
    page = pay(sim, opened(sim, sim.order()["id"]), "upi", *FORMS["upi"])
    assert "fault F4" in page.text
    assert SHOP not in page.text


def test_mixed_up_keys_know_no_order(sim: Simulated) -> None:
    order = sim.order()
    sim.fault("F19", order_id=order["id"])
    assert "The id provided does not exist" in opened(sim, order["id"]).text


def test_only_our_files_run_and_only_the_shop_gets_the_form(sim: Simulated) -> None:
    page = opened(sim, sim.order()["id"])
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert f"form-action 'self' {SHOP}; frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bonclick=", page.text)
    assert "no money moves" in page.text


def test_a_modal_is_shown_only_in_the_page_that_asked(sim: Simulated) -> None:
    query = {"key": KEY_ID, "order_id": sim.order()["id"], "parent": f"{SHOP}/buy?x=1"}
    frame = sim.http.get("/v1/checkout/frame", params=query, follow_redirects=True)
    assert f"frame-ancestors {SHOP}" in frame.headers["content-security-policy"]
    assert f'data-parent="{SHOP}"' in frame.text
    assert sim.http.get("/v1/checkout/frame", params={**query, "parent": "evil"}).status_code == 400


def test_rupee_rails_may_be_kept_to_rupees() -> None:
    with simulated(inr_rails_for_all_currencies=False) as sim:
        dollars, rupees = opened(sim, sim.order(1000, "USD")["id"]), opened(sim, sim.order(1000, "INR")["id"])
        assert set(re.findall(r"\?method=(\w+)", dollars.text)) == {"card", "international"}
        assert set(re.findall(r"\?method=(\w+)", rupees.text)) == set(FORMS)
        assert submitted(sim, dollars, "pay", {"method": "upi", "vpa": "success@razorpay"}).status_code == 400


def test_the_page_for_people_shows_what_there_is(sim: Simulated) -> None:
    order = sim.order(receipt="<script>")
    sim.pay(order["id"])
    sim.deliver()
    page = sim.http.get("/").text
    assert order["id"] in page
    assert "&lt;script&gt;" in page
    assert "order.paid" in page
    assert urlsplit(sim.shop.url).path in page
