"""What the SDK does when things go wrong, each shown on the SDK itself, and that our adapter is not caught by it."""

import contextlib
import io
import threading
from collections.abc import Iterator
from typing import Any

import certifi
import pytest
import razorpay
import requests

from testkase.services.billing.provider import Payment, ProviderRefused, ProviderSilent
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.contract.payments.conftest import TIMEOUT
from tests.support.scripted_razorpay import (
    KEY_ID,
    KEY_SECRET,
    WEBHOOK_SECRET,
    Answer,
    Hang,
    Reset,
    Server,
    listing,
    payment,
    refund,
    refusal,
)

PAYMENT = "pay_A00000000000001"


@pytest.fixture
def sdk(server: Server) -> Iterator[Any]:
    """The SDK as its manual has it."""
    with requests.Session() as session:
        yield razorpay.Client(session=session, auth=(KEY_ID, KEY_SECRET), base_url=server.url)


@contextlib.contextmanager
def heard() -> Iterator[io.StringIO]:
    """What reaches standard output meanwhile."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        yield said


def test_1_no_timeouts(server: Server, provider: RazorpayProvider, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[object] = []
    send = requests.Session.send

    def watched(self: requests.Session, *args: Any, **options: Any) -> requests.Response:
        timeouts.append(options["timeout"])
        return send(self, *args, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    server.script(Answer(200, payment()), Answer(200, payment()), Hang())
    sdk.payment.fetch(PAYMENT)
    provider.fetch_payment(PAYMENT)
    assert timeouts == [None, TIMEOUT]
    with pytest.raises(ProviderSilent, match="did not answer in time"):
        provider.fetch_payment(PAYMENT)


def test_2_one_session_for_all_threads(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    server.script(*[Answer(200, payment())] * 4)
    clients = []

    def ask() -> None:
        provider.fetch_payment(PAYMENT)
        clients.append(provider._api.client)
        sdk.payment.fetch(PAYMENT)
        sessions.append(sdk.session)

    sessions: list[object] = []
    for thread in (threading.Thread(target=ask), threading.Thread(target=ask)):
        thread.start()
        thread.join()
    assert sessions[0] is sessions[1]
    assert clients[0].session is not clients[1].session


def test_3_authorities_of_2015(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    assert sdk.cert_path.endswith("razorpay/ca-bundle.crt")
    with pytest.raises(TypeError, match="multiple values for keyword argument 'verify'"):
        sdk.payment.fetch(PAYMENT, verify=certifi.where())
    assert provider._api.client.cert_path == certifi.where()


def test_4_refusals_lose_all_but_their_description(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    no = refusal("The amount must be at least INR 1.00", field="amount", source="business", metadata={})
    server.script(no, no, refusal("Authentication failed", 401), refusal("Authentication failed", 401))
    with pytest.raises(razorpay.errors.BadRequestError) as bare:
        sdk.payment.fetch(PAYMENT)
    assert vars(bare.value) == {}
    with pytest.raises(ProviderRefused, match=r"at least INR 1\.00") as refused:
        provider.fetch_payment(PAYMENT)
    assert refused.value.field == "amount"
    assert refused.value.facts["status"] == 400
    assert refused.value.facts["provider_code"] == "BAD_REQUEST_ERROR"
    assert refused.value.facts["reason"] == "input_validation_failed"
    with pytest.raises(razorpay.errors.BadRequestError):  # as if it were the same
        sdk.payment.fetch(PAYMENT)
    with pytest.raises(ProviderRefused, match="does not accept this account's keys") as unknown:
        provider.fetch_payment(PAYMENT)
    assert unknown.value.facts["status"] == 401


def test_4_too_many_calls_look_like_a_refusal(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    many = refusal("Request failed, too many requests", 429)
    server.script(many, Answer(429, many.body, {"Retry-After": "7"}))
    with pytest.raises(razorpay.errors.BadRequestError):
        sdk.payment.fetch(PAYMENT)
    with pytest.raises(ProviderSilent) as silent:
        provider.fetch_payment(PAYMENT)
    assert silent.value.facts == {"status": 429, "retry_after_seconds": 7}


@pytest.mark.parametrize("body", [b"<html>502 Bad Gateway</html>", b""])
@pytest.mark.parametrize("status", [200, 400, 502])
def test_5_a_page_of_html_is_a_json_error(
    server: Server, provider: RazorpayProvider, sdk: Any, status: int, body: bytes
) -> None:
    server.script(*[Answer(status, body)] * 2)
    with heard(), pytest.raises(requests.exceptions.JSONDecodeError):
        sdk.payment.fetch(PAYMENT)
    with pytest.raises(ProviderSilent):
        provider.fetch_payment(PAYMENT)


def test_6_its_retries_send_a_refund_twice(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    sdk.enable_retry(True)
    sdk.initial_delay = 0
    server.script(Reset(), Answer(200, refund()))
    with heard():
        sdk.payment.refund(PAYMENT, {"amount": 400})
    assert server.asked == [f"POST /v1/payments/{PAYMENT}/refund"] * 2
    server.requests.clear()
    server.script(listing(), Reset(), listing())
    with pytest.raises(ProviderSilent):
        provider.refund(PAYMENT, amount=400, refund_key="refund-00001", notes={})
    assert [asked for asked in server.asked if asked.startswith("POST")] == [f"POST /v1/payments/{PAYMENT}/refund"]


@pytest.mark.parametrize("trouble", [Reset(), Hang(), Answer(500, b"")])
def test_7_it_prints(server: Server, provider: RazorpayProvider, sdk: Any, trouble: Answer | Hang | Reset) -> None:
    server.script(trouble, trouble)
    with heard() as said, pytest.raises(requests.RequestException):
        sdk.payment.fetch(PAYMENT, timeout=0.2)
    assert said.getvalue()
    with heard() as said, pytest.raises(ProviderSilent):
        provider.fetch_payment(PAYMENT)
    assert said.getvalue() == ""


def test_8_signatures_raise_whatever_they_meet(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    with pytest.raises(TypeError):
        sdk.utility.verify_webhook_signature(b"{}", "a" * 64, WEBHOOK_SECRET)
    with pytest.raises(TypeError):
        sdk.utility.verify_webhook_signature("{}", "é" * 64, WEBHOOK_SECRET)
    with pytest.raises(KeyError):
        sdk.utility.verify_payment_signature({})
    assert sdk.utility.verify_payment_link_signature({}) is False
    for signature in ("a" * 64, "é" * 64, "", None):
        assert not provider.is_webhook_signature(b"\xff{}", signature)
    assert not provider.is_checkout_signature(order_id="", payment_id="", signature="")


def test_9_nothing_is_answered_as_a_string(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    server.script(Answer(204), Answer(204))
    assert sdk.payment.fetch(PAYMENT) == "{}"
    with pytest.raises(ProviderSilent):
        provider.fetch_payment(PAYMENT)


def test_10_capture_writes_into_what_it_was_given(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    server.script(*[Answer(200, payment())] * 3)
    ours = {"currency": "USD"}
    sdk.payment.capture(PAYMENT, 1000, ours)
    assert ours == {"currency": "USD", "amount": 1000}
    for amount in (1000, 2000):
        provider.capture(PAYMENT, amount=amount, currency="USD")
    assert [request.body for request in server.requests[1:]] == [
        {"currency": "USD", "amount": 1000},
        {"currency": "USD", "amount": 2000},
    ]


def test_11_one_of_its_addresses_is_not_there(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    server.script(Answer(200, {}), Answer(200, payment()), listing(payment()))
    sdk.payment.fetchPaymentMethods()
    assert server.asked == ["GET /methods"]
    provider.fetch_payment(PAYMENT)
    provider.payments_between(0, 2_000_000_000)
    assert all(request.path.startswith("/v1/") for request in server.requests[1:])


def test_12_the_later_of_its_two_refunds_counts(server: Server, provider: RazorpayProvider, sdk: Any) -> None:
    server.script(Answer(200, refund()), listing(), Answer(200, refund()))
    sdk.payment.refund(PAYMENT, 400)  # the first of the two would have sent {"amount": 400}
    assert server.requests[0].body == 400
    provider.refund(PAYMENT, amount=400, refund_key="refund-00001", notes={"purchase": "1"})
    assert server.requests[-1].body == {
        "amount": 400,
        "speed": "normal",
        "receipt": "refund-00001",
        "notes": {"purchase": "1"},
    }


def test_empty_notes_are_a_list_and_others_an_object(server: Server, provider: RazorpayProvider) -> None:
    server.script(Answer(200, payment(notes=[])), Answer(200, payment(notes={"a": "b"})))
    answers: list[Payment] = [provider.fetch_payment(PAYMENT), provider.fetch_payment(PAYMENT)]
    assert answers[0] == answers[1]
