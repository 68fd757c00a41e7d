"""What Razorpay answers, as our values: nothing is believed that is not there, nobody's card or address kept whole."""

from typing import Any

import pytest

from testkase.services.billing.provider import ProviderSilent
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.scripted_razorpay import Answer, Server, link, listing, order, payment, refusal

PAYMENT = "pay_A00000000000001"


def test_a_listing_is_read_to_its_end_each_thing_once(server: Server, provider: RazorpayProvider) -> None:
    many = [payment(id=f"pay_{number}") for number in range(205)]
    server.script(listing(*many[:100]), listing(*many[99:199]), listing(*many[199:]))  # one came meanwhile
    found = provider.payments_between(1_700_000_000, 1_700_000_001)
    assert [one.payment_id for one in found] == [one["id"] for one in many]
    assert [request.query["skip"] for request in server.requests] == ["0", "100", "200"]
    assert server.requests[0].query == {"from": "1700000000", "to": "1700000000", "count": "100", "skip": "0"}


def test_a_listing_that_does_not_know_pages_ends(server: Server, provider: RazorpayProvider) -> None:
    page = listing(*[payment(id=f"pay_{number}") for number in range(100)])
    server.script(page, page)
    assert len(provider.payments_between(0, 2_000_000_000)) == 100


def test_the_payments_of_an_order_are_asked_for_plainly(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(payment()), Answer(200, payment()))
    provider.payments_of_order("order_A00000000000001")
    provider.fetch_payment(PAYMENT)
    assert [request.query for request in server.requests] == [{}, {"expand[]": "card"}]


def test_payments_of_an_order_that_look_cut_off_are_asked_for_in_pages(
    server: Server, provider: RazorpayProvider
) -> None:
    many = [payment(id=f"pay_{number}") for number in range(11)]
    server.script(listing(*many[:10]), listing(*many))
    assert len(provider.payments_of_order("order_A00000000000001")) == 11


def test_no_time_holds_no_payments(server: Server, provider: RazorpayProvider) -> None:
    assert provider.payments_between(5, 5) == []
    assert server.requests == []


def test_what_lies_outside_the_span_is_left_out(server: Server, provider: RazorpayProvider) -> None:
    server.script(listing(payment(id="pay_In", created_at=10), payment(id="pay_Out", created_at=20)))
    assert [one.payment_id for one in provider.payments_between(10, 20)] == ["pay_In"]


@pytest.mark.requirement("R33")
@pytest.mark.parametrize(
    ("facts", "captured"),
    [
        ({"status": "captured"}, True),
        ({"status": "captured", "captured": "1"}, True),
        ({"status": "refunded", "captured": True}, True),
        ({"status": "refunded", "captured": False}, False),  # set aside, and given back by Razorpay itself
        ({"status": "authorized", "captured": True}, False),
        ({"status": "failed", "captured": False}, False),
        ({"status": "created", "captured": False}, False),
        ({"status": "levitating", "captured": True}, False),
    ],
)
def test_money_was_taken_where_the_status_says_so(
    server: Server, provider: RazorpayProvider, facts: dict[str, Any], captured: bool
) -> None:
    server.script(Answer(200, payment(**facts)))
    assert provider.fetch_payment(PAYMENT).captured is captured


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "Visa •••• 1111"),
        ({"card": {"network": "RuPay", "last4": "4100280000001007"}}, "RuPay"),
        ({"card": {"last4": "0004"}}, "Card •••• 0004"),
        ({"card": None, "method": "upi", "vpa": "9876543210@okbank"}, "987•••@okbank"),
        ({"card": None, "method": "upi", "vpa": "abc@okbank"}, "a•••@okbank"),
        ({"card": None, "method": "netbanking", "bank": "HDFC"}, "HDFC"),
        ({"card": None, "method": "card", "bank": "HDFC"}, "HDFC card"),
        ({"card": None, "method": "card", "bank": None}, "Card"),
        ({"card": None, "method": "wallet", "wallet": "freecharge"}, "freecharge"),
        ({"card": None, "method": "netbanking", "bank": "B\n\x00ad" + "x" * 99}, "Bad" + "x" * 37),
        ({"card": None, "method": "emi"}, ""),
    ],
)
def test_an_instrument_is_recognised_and_never_whole(
    server: Server, provider: RazorpayProvider, facts: dict[str, Any], words: str
) -> None:
    server.script(Answer(200, payment(**facts)))
    assert provider.fetch_payment(PAYMENT).instrument == words


def test_a_failed_payment_says_why(server: Server, provider: RazorpayProvider) -> None:
    server.script(Answer(200, payment(status="failed", captured=False, error_description="Declined.\n", fee=None)))
    failed = provider.fetch_payment(PAYMENT)
    assert (failed.failure, failed.fee) == ("Declined.", None)


@pytest.mark.parametrize("payments", [{"payment_id": PAYMENT}, [{"payment_id": PAYMENT}, {"payment_id": PAYMENT}, 5]])
def test_a_link_names_what_paid_it(server: Server, provider: RazorpayProvider, payments: Any) -> None:
    server.script(Answer(200, link(status="paid", payments=payments)), Answer(200, link(payments=[])))
    assert provider.fetch_link("plink_A00000000000001").payment_ids == (PAYMENT,)
    assert provider.fetch_link("plink_A00000000000001").payment_ids == ()


def test_disputes_come_newest_first(server: Server, provider: RazorpayProvider) -> None:
    about = {"payment_id": PAYMENT, "amount": 1000, "currency": "USD", "phase": "chargeback", "status": "open"}
    server.script(listing({**about, "id": "disp_Old", "created_at": 1}, {**about, "id": "disp_New", "created_at": 2}))
    assert [one.dispute_id for one in provider.disputes()] == ["disp_New", "disp_Old"]


@pytest.mark.parametrize(
    "facts",
    [
        {"amount": 10.0},
        {"amount": "1000"},
        {"amount": -1},
        {"amount": True},
        {"amount": None},
        {"amount": 2**60},
        {"currency": "usd"},
        {"currency": None},
        {"status": None},
        {"id": "pay_A1"},
        {"created_at": "yesterday"},
    ],
)
def test_an_answer_that_cannot_be_read_is_no_answer(
    server: Server, provider: RazorpayProvider, facts: dict[str, Any]
) -> None:
    server.script(Answer(200, order(**facts)))
    with pytest.raises(ProviderSilent, match="cannot be read"):
        provider.fetch_order("order_A00000000000001")


@pytest.mark.parametrize("answer", [Answer(200, []), Answer(200, {"items": None}), Answer(200, {"items": [5]})])
def test_a_listing_that_is_none_is_no_answer(server: Server, provider: RazorpayProvider, answer: Answer) -> None:
    server.script(answer)
    with pytest.raises(ProviderSilent, match="cannot be read"):
        provider.disputes()


def test_a_redirect_is_not_followed(server: Server, provider: RazorpayProvider) -> None:
    server.script(Answer(302, b"", {"Location": "/v1/elsewhere"}), Answer(200, payment()))
    with pytest.raises(ProviderSilent):
        provider.fetch_payment(PAYMENT)
    assert server.asked == [f"GET /v1/payments/{PAYMENT}"]


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_the_environments_proxies_are_not_asked(
    server: Server, provider: RazorpayProvider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    server.script(Answer(200, payment()))
    assert provider.fetch_payment(PAYMENT).payment_id == PAYMENT


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, {"error": {"code": "SERVER_ERROR", "description": "x"}}),
        refusal("The bank did not answer", code="GATEWAY_ERROR"),
        Answer(404, {"message": "no such route"}),
        Answer(400, {"error": "text"}),
    ],
)
def test_what_is_no_refusal_of_razorpays_may_have_happened(
    server: Server, provider: RazorpayProvider, answer: Answer
) -> None:
    server.script(answer)
    with pytest.raises(ProviderSilent):
        provider.fetch_payment(PAYMENT)
