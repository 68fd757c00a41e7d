"""Reports of the payment provider: only signed ones are kept, each once, and nothing of them is believed."""

import hashlib
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from testkase.services.billing.providers.razorpay.signatures import sign
from tests.support.fake_provider import FakeProvider
from tests.support.shop import Shop

pytestmark = pytest.mark.requirement("P9", "R33")
SIGNATURE = "X-Razorpay-Signature"


@pytest.fixture
def door(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, timeout=20) as client:
        yield client


def sent(door: httpx.Client, body: bytes, signature: str, *, event_id: str = "evt_1") -> httpx.Response:
    headers = {SIGNATURE: signature, "X-Razorpay-Event-Id": event_id}
    return door.post("/webhooks/razorpay", content=body, headers=headers)


def kept(shop: Shop) -> list[tuple[bytes, str]]:
    with psycopg.connect(shop.database.owner_url) as connection:
        return connection.execute("SELECT digest, name FROM payment_event ORDER BY received_at").fetchall()


def a_report(shop: Shop, event: str = "payment.captured") -> tuple[bytes, str]:
    """Of a payment nobody has looked at."""
    purchase = shop.order(shop.organizations.make().org_id)
    payment = shop.provider.pay(purchase.order_id or "")
    return shop.provider.webhook(event, order_id=purchase.order_id, payment_id=payment.payment_id)


def test_a_signed_report_is_kept_once_and_answered_alike_every_time(door: httpx.Client, shop: Shop) -> None:
    before, (body, signature) = len(kept(shop)), a_report(shop)
    for event_id in ("evt_1", "evt_1", "evt_2"):  # the header is not signed: it decides nothing
        answer = sent(door, body, signature, event_id=event_id)
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert kept(shop)[before:] == [(hashlib.sha256(body).digest(), "payment.captured")]


def test_two_reports_under_one_event_id_are_both_kept(door: httpx.Client, shop: Shop) -> None:
    before = len(kept(shop))
    for _ in range(2):
        assert sent(door, *a_report(shop), event_id="evt_same").status_code == 200
    assert len(kept(shop)) == before + 2


@pytest.mark.parametrize(
    "forge",
    [
        lambda body, good: (body, None),
        lambda body, good: (body, ""),
        lambda body, good: (body, "0" * 64),
        lambda body, good: (body, good.upper()),
        lambda body, good: (body, good[:-1]),
        lambda body, good: (body, "ü" * 64),
        lambda body, good: (body[:-1] + b" }", good),
        lambda body, good: (body + b"\n", good),
        lambda body, good: (body.replace(b"captured", b"capturee"), good),
        lambda body, good: (b"", good),
        lambda body, good: (body, sign("another secret", body)),
        lambda body, good: (body, sign("", body)),
        lambda body, good: (body, sign("fake-key-secret", body)),
    ],
    ids=["none", "empty", "zeros", "upper case", "short", "not ascii", "a byte more", "a line more", "a byte changed",
         "no body", "another secret", "empty secret", "the API key's secret"],
)  # fmt: skip
def test_what_is_not_signed_is_refused_and_nothing_of_it_kept(door: httpx.Client, shop: Shop, forge: object) -> None:
    """Flexprice's webhook answered 200 to a bad signature."""
    before, (body, good) = len(kept(shop)), a_report(shop)
    assert callable(forge)
    forged, signature = forge(body, good)
    encoded = None if signature is None else signature.encode()
    headers = [] if encoded is None else [(SIGNATURE.encode(), encoded)]
    answer = door.post("/webhooks/razorpay", content=forged, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert len(kept(shop)) == before


def test_after_a_change_of_secret_the_previous_one_still_counts(
    door: httpx.Client, shop: Shop, provider: FakeProvider
) -> None:
    body, signature = a_report(shop)
    provider.previous_webhook_secret, provider.webhook_secret = provider.webhook_secret, "the new secret"
    try:
        assert sent(door, body, signature).status_code == 200
        assert sent(door, *a_report(shop)).status_code == 200
        provider.previous_webhook_secret = None
        assert sent(door, body + b" ", sign("fake-webhook-secret", body + b" ")).status_code == 400
    finally:
        provider.webhook_secret = "fake-webhook-secret"


def test_an_event_nobody_knows_is_kept_too_so_that_it_is_not_sent_again(door: httpx.Client, shop: Shop) -> None:
    body, signature = shop.provider.webhook("payment.downtime.started")
    assert sent(door, body, signature).status_code == 200
    assert kept(shop)[-1][1] == "payment.downtime.started"


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b"\xff\xfe", b'{"event": 5}'])
def test_signed_bytes_that_are_no_event_are_refused(door: httpx.Client, shop: Shop, body: bytes) -> None:
    before = len(kept(shop))
    answer = sent(door, body, sign(shop.provider.webhook_secret, body))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert len(kept(shop)) == before


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_body_is_refused_whoever_signed_it(door: httpx.Client, shop: Shop, declared: bool) -> None:
    before, body = len(kept(shop)), b" " * (1024 * 1024 + 1)
    content = body if declared else iter([body])
    headers = {SIGNATURE: sign(shop.provider.webhook_secret, body)}
    answer = door.post("/webhooks/razorpay", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert len(kept(shop)) == before


def test_it_takes_nothing_but_posts(door: httpx.Client) -> None:
    answer = door.get("/webhooks/razorpay")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_report_that_could_not_be_kept_is_answered_so_that_it_comes_again(door: httpx.Client, shop: Shop) -> None:
    """Flexprice's webhook answered 200 to what it had failed at, so no repetition ever came."""
    body, signature = a_report(shop)
    with psycopg.connect(shop.database.owner_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE payment_event RENAME TO payment_event_away")
        try:
            answer = sent(door, body, signature)
        finally:
            superuser.execute("ALTER TABLE payment_event_away RENAME TO payment_event")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert sent(door, body, signature).status_code == 200
    assert kept(shop)[-1][0] == hashlib.sha256(body).digest()
