"""What billing relies on, whichever provider it is: one suite over the fake, and over the SDK at a simulator."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.provider import (
    Customer,
    Link,
    Order,
    Payment,
    Provider,
    ProviderRefused,
    ProviderSilent,
)
from testkase.services.billing.providers.razorpay.signatures import sign
from tests.contract.payments.worlds import Decision, Fake, World, simulated

KEY = "refund-00001"


@pytest.fixture(params=["fake", "simulator"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield Fake()
    else:
        with simulated() as running:
            yield running


@pytest.fixture
def provider(world: World) -> Provider:
    return world.provider


def ordered(provider: Provider, receipt: str = "purchase_1") -> Order:
    return provider.create_order(receipt=receipt, amount=1_000, currency="USD", notes={"organization": "org_1"})


def test_what_was_written_beside_an_order_is_read_again(provider: Provider) -> None:
    made = ordered(provider)
    assert provider.fetch_order(made.order_id).notes == {"organization": "org_1"}
    bare = provider.create_order(receipt="purchase_2", amount=1_000, currency="USD", notes={})
    assert provider.fetch_order(bare.order_id).notes == {}


def linked(provider: Provider) -> Link:
    return provider.create_link(
        reference="bill_1",
        amount=2_000,
        currency="USD",
        description="Overage of November",
        customer=Customer(name="Acme", email="billing@acme.example"),
        expire_by=int(time.time()) + 86_400,
        callback_url="http://127.0.0.1:8000/settings/billing",
    )


def paid(world: World) -> Payment:
    order = ordered(world.provider)
    world.pay(order.order_id)
    return world.provider.payments_of_order(order.order_id)[0]


def test_a_new_order_is_to_be_paid(provider: Provider) -> None:
    order = ordered(provider)
    assert (order.amount, order.amount_paid, order.currency) == (1_000, 0, "USD")
    assert (order.status, order.receipt) == ("created", "purchase_1")
    assert provider.fetch_order(order.order_id) == order
    assert provider.payments_of_order(order.order_id) == []


def test_a_receipt_has_one_order(provider: Provider) -> None:
    assert ordered(provider) == ordered(provider)
    assert ordered(provider, "purchase_2").order_id != ordered(provider).order_id
    with pytest.raises(ProviderRefused):
        provider.create_order(receipt="purchase_1", amount=999, currency="USD", notes={})


def test_a_receipt_has_one_order_for_all_threads(provider: Provider) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: ordered(provider), range(8)))
    assert len({order.order_id for order in made}) == 1


@pytest.mark.parametrize("after", [False, True])
def test_an_order_asked_for_again_after_silence_is_the_same(world: World, after: bool) -> None:
    world.silent(after=after)
    made = []
    for _ in range(3):
        try:
            made.append(ordered(world.provider))
        except ProviderSilent:
            continue
    assert len(made) >= 2
    assert len({order.order_id for order in made}) == 1


@pytest.mark.requirement("R25", "R33")
def test_a_paid_order_has_a_captured_payment(world: World) -> None:
    payment = paid(world)
    assert payment.status == "captured"
    assert payment.captured
    assert (payment.amount, payment.currency, payment.amount_refunded) == (1_000, "USD", 0)
    assert payment.fee is not None
    order = world.provider.fetch_order(payment.order_id or "")
    assert (order.status, order.amount_paid) == ("paid", 1_000)
    assert world.provider.fetch_payment(payment.payment_id) == payment


@pytest.mark.requirement("R33")
def test_a_failed_payment_leaves_the_order_open(world: World) -> None:
    order = ordered(world.provider)
    world.fail(order.order_id)
    [failed] = world.provider.payments_of_order(order.order_id)
    assert failed.status == "failed"
    assert not failed.captured
    assert failed.failure
    assert world.provider.fetch_order(order.order_id).status == "attempted"
    with pytest.raises(ProviderRefused):
        world.provider.capture(failed.payment_id, amount=1_000, currency="USD")
    world.pay(order.order_id)
    assert [one.captured for one in world.provider.payments_of_order(order.order_id)].count(True) == 1


def test_money_set_aside_is_taken_once(world: World) -> None:
    order = ordered(world.provider)
    world.authorize(order.order_id)
    [aside] = world.provider.payments_of_order(order.order_id)
    assert (aside.status, aside.captured, aside.fee) == ("authorized", False, None)
    with pytest.raises(ProviderRefused):
        world.provider.capture(aside.payment_id, amount=999, currency="USD")
    taken = world.provider.capture(aside.payment_id, amount=1_000, currency="USD")
    assert taken.captured
    assert world.provider.capture(aside.payment_id, amount=1_000, currency="USD") == taken
    assert world.provider.fetch_order(order.order_id).status == "paid"


@pytest.mark.requirement("P10")
def test_a_key_gives_money_back_once(world: World) -> None:
    payment, provider = paid(world), world.provider
    assert provider.refund_made(payment.payment_id, KEY) is None
    first = provider.refund(payment.payment_id, amount=400, refund_key=KEY, notes={})
    assert provider.refund_made(payment.payment_id, KEY) == provider.refunds_of(payment.payment_id)[0]
    again = provider.refund(payment.payment_id, amount=400, refund_key=KEY, notes={})
    assert again.refund_id == first.refund_id
    assert (first.payment_id, first.amount, first.currency) == (payment.payment_id, 400, "USD")
    assert [one.refund_id for one in provider.refunds_of(payment.payment_id)] == [first.refund_id]
    half = provider.fetch_payment(payment.payment_id)
    assert (half.status, half.captured, half.amount_refunded) == ("captured", True, 400)
    provider.refund(payment.payment_id, amount=600, refund_key="refund-00002", notes={})
    whole = provider.fetch_payment(payment.payment_id)
    assert (whole.status, whole.captured, whole.amount_refunded) == ("refunded", True, 1_000)
    assert provider.fetch_order(payment.order_id or "").status == "paid"
    with pytest.raises(ProviderRefused):
        provider.refund(payment.payment_id, amount=1, refund_key="refund-00003", notes={})


@pytest.mark.requirement("I5", "P10")
def test_a_key_gives_back_one_amount_and_no_other(world: World) -> None:
    payment, provider = paid(world), world.provider
    provider.refund(payment.payment_id, amount=400, refund_key=KEY, notes={})
    with pytest.raises(ProviderRefused, match="another amount"):
        provider.refund(payment.payment_id, amount=500, refund_key=KEY, notes={})
    assert provider.fetch_payment(payment.payment_id).amount_refunded == 400


@pytest.mark.requirement("P10")
@pytest.mark.parametrize("after", [False, True])
def test_a_refund_asked_for_again_after_silence_is_the_same(world: World, after: bool) -> None:
    payment, provider = paid(world), world.provider
    world.silent(after=after)
    for _ in range(3):
        try:
            provider.refund(payment.payment_id, amount=400, refund_key=KEY, notes={})
        except ProviderSilent:
            continue
    assert len(provider.refunds_of(payment.payment_id)) == 1
    assert provider.fetch_payment(payment.payment_id).amount_refunded == 400


def test_a_key_the_provider_would_not_take_is_invalid(world: World) -> None:
    payment = paid(world)
    with pytest.raises(InvalidInput):
        world.provider.refund(payment.payment_id, amount=400, refund_key="short", notes={})


@pytest.mark.requirement("B6")
def test_a_refund_made_on_the_dashboard_is_seen(world: World) -> None:
    payment = paid(world)
    world.refund_by_hand(payment.payment_id, 300)
    [refund] = world.provider.refunds_of(payment.payment_id)
    assert (refund.amount, refund.status) == (300, "processed")
    assert world.provider.fetch_payment(payment.payment_id).amount_refunded == 300


@pytest.mark.requirement("B6")
@pytest.mark.parametrize(("status", "deducted"), [("under_review", 0), ("lost", 1_000), ("won", 0)])
def test_a_dispute_is_seen_and_its_end(world: World, status: Decision, deducted: int) -> None:
    payment = paid(world)
    world.dispute(payment.payment_id)
    [dispute] = world.provider.disputes()
    assert (dispute.payment_id, dispute.amount, dispute.currency) == (payment.payment_id, 1_000, "USD")
    assert (dispute.status, dispute.amount_deducted, dispute.phase) == ("open", 0, "chargeback")
    assert dispute.respond_by is not None
    world.decide_dispute(dispute.dispute_id, status)
    decided = world.provider.fetch_dispute(dispute.dispute_id)
    assert (decided.status, decided.amount_deducted) == (status, deducted)
    assert world.provider.disputes() == [decided]


@pytest.mark.requirement("B5")
def test_every_payment_of_a_span_of_time_is_listed(world: World) -> None:
    first = paid(world)
    second = ordered(world.provider, "purchase_2")
    world.fail(second.order_id)
    [failed] = world.provider.payments_of_order(second.order_id)
    until = failed.created_at + 1
    ids = {one.payment_id for one in world.provider.payments_between(first.created_at, until)}
    assert ids == {first.payment_id, failed.payment_id}
    assert world.provider.payments_between(until, until + 60) == []
    assert world.provider.payments_between(first.created_at - 60, first.created_at) == []


def test_refunds_of_a_span_of_time_are_listed_of_whatever_payment(world: World) -> None:
    first = paid(world)
    world.refund_by_hand(first.payment_id, 300)
    (made,) = world.provider.refunds_of(first.payment_id)
    assert world.provider.refunds_between(made.created_at, made.created_at + 1) == [made]
    assert world.provider.refunds_between(made.created_at + 1, made.created_at + 60) == []
    assert world.provider.refunds_between(made.created_at, made.created_at) == []


@pytest.mark.requirement("P7")
def test_a_bill_has_one_link_and_says_what_paid_it(world: World) -> None:
    link, provider = linked(world.provider), world.provider
    assert linked(provider) == link
    assert (link.amount, link.currency, link.status, link.reference) == (2_000, "USD", "created", "bill_1")
    assert (link.amount_paid, link.payment_ids) == (0, ())
    assert link.url.startswith("http")
    world.pay_link(link.link_id)
    done = provider.fetch_link(link.link_id)
    assert (done.status, done.amount_paid) == ("paid", 2_000)
    [payment_id] = done.payment_ids
    assert provider.fetch_payment(payment_id).captured
    assert provider.cancel_link(link.link_id) == done


@pytest.mark.requirement("P7")
def test_a_cancelled_link_stays_cancelled(provider: Provider) -> None:
    link = linked(provider)
    assert provider.cancel_link(link.link_id).status == "cancelled"
    assert provider.cancel_link(link.link_id).status == "cancelled"
    assert linked(provider).status == "cancelled"


def test_what_is_not_there_is_refused(provider: Provider) -> None:
    with pytest.raises(ProviderRefused):
        provider.fetch_order("order_00000000000000")
    with pytest.raises(ProviderRefused):
        provider.fetch_payment("pay_00000000000000")
    with pytest.raises(ProviderRefused):
        provider.refunds_of("pay_00000000000000")
    with pytest.raises(ProviderRefused):
        provider.fetch_dispute("disp_00000000000000")
    with pytest.raises(ProviderRefused):
        provider.fetch_link("plink_00000000000000")


@pytest.mark.requirement("R33")
def test_signatures_are_the_accounts_own(provider: Provider) -> None:
    assert provider.name == "razorpay"
    assert provider.is_test
    assert provider.key_id.startswith("rzp_test_")
    forged = sign("guessed", b"order_A|pay_B")
    assert not provider.is_checkout_signature(order_id="order_A", payment_id="pay_B", signature=forged)
    assert not provider.is_webhook_signature(b"{}", sign("guessed", b"{}"))
    assert not provider.is_webhook_signature(b"{}", None)
