"""One order for a receipt, one link for a reference, one refund for a key, however often Razorpay is asked for it."""

from collections.abc import Callable
from typing import Any

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.provider import Customer, Link, Order, ProviderRefused, ProviderSilent
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.scripted_razorpay import (
    Answer,
    Hang,
    Reset,
    Server,
    link,
    listing,
    order,
    payment,
    refund,
    refusal,
)

PAYMENT, KEY = "pay_A00000000000001", "refund-00001"
FIND, MAKE = "GET /v1/orders", "POST /v1/orders"
DUPLICATE = refusal("Order receipt should be unique.", field="receipt")
SERVER_ERROR = Answer(500, {"error": {"code": "SERVER_ERROR", "description": "We are facing some trouble."}})
UNKNOWN_OUTCOMES = pytest.mark.parametrize(
    "trouble", [Hang(), Reset(), SERVER_ERROR, Answer(502, b"<html>"), Answer(200, b""), refusal("Slow down", 429)]
)


def create(provider: RazorpayProvider, amount: int = 1000) -> Order:
    return provider.create_order(receipt="purchase_1", amount=amount, currency="USD", notes={"organization": "org_1"})


def create_link(provider: RazorpayProvider, **facts: Any) -> Link:
    about = {"reference": "bill_1", "amount": 1000, "currency": "USD", "description": "Overage of November"}
    more = {
        "customer": Customer(email="a@acme.example"),
        "expire_by": 1_800_000_000,
        "callback_url": "https://a.example",
    }
    return provider.create_link(**{**about, **more, **facts})


def test_an_order_says_what_is_to_become_of_the_money(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), Answer(200, order()))
    assert create(provider).order_id == "order_A00000000000001"
    assert server.requests[0].query == {"receipt": "purchase_1", "count": "100", "skip": "0"}
    body = server.requests[1].body
    assert body["unique_receipt"] is True
    assert body["payment"]["capture"] == "automatic"
    assert body["payment"]["capture_options"]["automatic_expiry_period"] >= 12
    assert body["payment"]["capture_options"]["manual_expiry_period"] <= 7_200
    assert {name: body[name] for name in ("amount", "currency", "receipt", "notes")} == {
        "amount": 1000,
        "currency": "USD",
        "receipt": "purchase_1",
        "notes": {"organization": "org_1"},
    }
    assert server.requests[1].credentials == "rzp_test_scripted000001:scripted-key-secret"


def test_an_order_made_before_is_found_and_not_made_again(server: Server, provider: RazorpayProvider) -> None:
    first = order(id="order_First", created_at=5)
    others = (
        order(id="order_Later", created_at=9),
        first,
        order(id="order_Other", receipt="purchase_12", created_at=1),
    )
    server.script(listing(*others))
    assert create(provider).order_id == "order_First"
    assert server.asked == [FIND]


def test_of_several_orders_the_paid_one_counts(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(order(created_at=5), order(id="order_Paid", status="paid", created_at=9)))
    assert create(provider).order_id == "order_Paid"


def test_a_receipt_refused_as_a_duplicate_is_looked_up(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), DUPLICATE, listing(order(id="order_There")))
    assert create(provider).order_id == "order_There"


def test_a_duplicate_that_is_not_listed_yet_is_no_refusal(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), DUPLICATE, listing())
    with pytest.raises(ProviderSilent, match="does not list it yet"):
        create(provider)
    server.script(listing(), refusal("payment link with given reference_id (bill_1) already exists"), listing())
    with pytest.raises(ProviderSilent, match="does not list it yet"):
        create_link(provider)


@UNKNOWN_OUTCOMES
def test_an_order_made_without_an_answer_is_found(server: Server, provider: RazorpayProvider, trouble: Any) -> None:
    server.script(listing(), trouble, listing(order(id="order_There")))
    assert create(provider).order_id == "order_There"
    assert server.asked == [FIND, MAKE, FIND]


@UNKNOWN_OUTCOMES
def test_an_order_that_cannot_be_found_either_is_left_open(
    server: Server, provider: RazorpayProvider, trouble: Any
) -> None:
    server.script(listing(), trouble, listing())
    with pytest.raises(ProviderSilent):
        create(provider)
    assert server.asked.count(MAKE) == 1


def test_a_refusal_stays_a_refusal(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), refusal("Order amount less than minimum amount allowed", field="amount"), listing())
    with pytest.raises(ProviderRefused) as refused:
        create(provider)
    assert refused.value.field == "amount"


def test_an_interface_that_knows_no_unique_receipts_is_asked_without_them(
    server: Server, provider: RazorpayProvider
) -> None:
    extra = refusal("unique_receipt is/are not required and should not be sent", reason="extra_field_sent")
    server.script(listing(), extra, Answer(200, order()), listing(), Answer(200, order()))
    create(provider)
    create(provider)
    bodies = [request.body for request in server.requests if request.method == "POST"]
    assert ["unique_receipt" in body for body in bodies] == [True, False, False]


@pytest.mark.parametrize("other", [{"amount": 999}, {"currency": "INR"}])
def test_a_receipt_of_another_amount_is_refused(
    server: Server, provider: RazorpayProvider, other: dict[str, Any]
) -> None:
    server.script(listing(), Answer(200, order(**other)), listing(order(**other)))
    for _ in range(2):
        with pytest.raises(ProviderRefused, match="another amount"):
            create(provider)


def test_a_link_is_made_once_and_writes_to_nobody(server: Server, provider: RazorpayProvider) -> None:
    server.script(
        listing(key="payment_links"),
        Answer(200, link()),
        listing(link(), link(reference_id="bill_12"), key="payment_links"),
    )
    assert create_link(provider) == create_link(provider)
    assert [request.method for request in server.requests] == ["GET", "POST", "GET"]
    body = server.requests[1].body
    assert body["reference_id"] == "bill_1"
    assert body["customer"] == {"email": "a@acme.example"}  # nothing invented
    assert body["notify"] == {"sms": False, "email": False}
    assert body["accept_partial"] is False
    assert body["callback_method"] == "get"


@pytest.mark.parametrize("trouble", [Hang(), refusal("payment link with given reference_id already exists")])
def test_a_link_that_is_there_already_is_found(server: Server, provider: RazorpayProvider, trouble: Any) -> None:
    server.script(listing(), trouble, listing(link()))
    assert create_link(provider).link_id == "plink_A00000000000001"


def test_a_reference_of_another_amount_is_refused(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(link()))
    with pytest.raises(ProviderRefused, match="another amount"):
        create_link(provider, amount=999)


@pytest.mark.parametrize("status", ["paid", "partially_paid", "cancelled", "expired"])
def test_a_link_that_cannot_be_cancelled_is_answered_as_it_stands(
    server: Server, provider: RazorpayProvider, status: str
) -> None:
    server.script(refusal("The link cannot be cancelled"), Answer(200, link(status=status)))
    assert provider.cancel_link("plink_A00000000000001").status == status


def test_a_link_that_stays_open_is_not_called_cancelled(server: Server, provider: RazorpayProvider) -> None:
    server.script(Hang(), Answer(200, link()))
    with pytest.raises(ProviderSilent):
        provider.cancel_link("plink_A00000000000001")


@pytest.mark.requirement("P10")
def test_a_refund_carries_its_key(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), Answer(200, refund()))
    provider.refund(PAYMENT, amount=400, refund_key=KEY, notes={})
    assert server.requests[1].headers["x-refund-idempotency"] == KEY


@pytest.mark.requirement("P10")
@pytest.mark.parametrize(
    "answers",
    [
        (listing(refund(receipt=KEY)),),
        (listing(refund(id="rfnd_Other", receipt="refund-00002")), Hang(), listing(refund(receipt=KEY))),
        (listing(), refusal("The total refund amount is greater than the payment"), listing(refund(receipt=KEY))),
    ],
)
def test_money_given_back_before_is_not_given_back_again(
    server: Server, provider: RazorpayProvider, answers: tuple[Any, ...]
) -> None:
    server.script(*answers)
    assert provider.refund(PAYMENT, amount=400, refund_key=KEY, notes={}).refund_id == "rfnd_A00000000000001"


def test_a_refund_still_being_made_is_not_refused(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(), refusal("The request is in progress", 409), listing())
    with pytest.raises(ProviderSilent):
        provider.refund(PAYMENT, amount=400, refund_key=KEY, notes={})


def test_a_key_used_for_something_else_is_refused(server: Server, provider: RazorpayProvider) -> None:
    words = "Different request with the same idempotency key has already been processed."
    server.script(listing(), refusal(words, 409), listing())
    with pytest.raises(ProviderRefused):
        provider.refund(PAYMENT, amount=400, refund_key=KEY, notes={})


@pytest.mark.parametrize("key", ["short", "a" * 41, "with blanks in it", "ünïcödé-key-0"])
def test_a_key_razorpay_would_not_take_is_not_sent(server: Server, provider: RazorpayProvider, key: str) -> None:
    with pytest.raises(InvalidInput):
        provider.refund(PAYMENT, amount=400, refund_key=key, notes={})
    assert server.requests == []


@pytest.mark.parametrize("trouble", [refusal("This payment has already been captured"), Hang(), SERVER_ERROR])
def test_a_payment_captured_already_is_answered_as_it_stands(
    server: Server, provider: RazorpayProvider, trouble: Any
) -> None:
    server.script(trouble, Answer(200, payment()))
    assert provider.capture(PAYMENT, amount=1000, currency="USD").captured


@pytest.mark.requirement("R33")
def test_a_payment_that_cannot_be_captured_is_refused(server: Server, provider: RazorpayProvider) -> None:
    words = "Capture amount must be equal to the amount authorized."
    server.script(refusal(words), Answer(200, payment(status="authorized", captured=False)))
    with pytest.raises(ProviderRefused, match=words):
        provider.capture(PAYMENT, amount=1, currency="USD")


@pytest.mark.parametrize(
    "call",
    [
        lambda provider: provider.fetch_order("order_../payments"),
        lambda provider: provider.payments_of_order("pay_A"),
        lambda provider: provider.fetch_payment("pay_A/refund"),
        lambda provider: provider.capture("pay_A?x=1", amount=1, currency="USD"),
        lambda provider: provider.refund("", amount=1, refund_key=KEY, notes={}),
        lambda provider: provider.refunds_of("pay_é"),
        lambda provider: provider.fetch_dispute("disp_"),
        lambda provider: provider.fetch_link("plink_A\n"),
        lambda provider: provider.cancel_link("plink_ A"),
    ],
)
def test_what_is_no_id_never_becomes_an_address(
    server: Server, provider: RazorpayProvider, call: Callable[[RazorpayProvider], object]
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        call(provider)
    assert refused.value.field == "id"
    assert server.requests == []
