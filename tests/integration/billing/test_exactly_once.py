"""One grant per payment, whatever reports it, in whatever order, however often, and whoever dies in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.core.pricing import UnknownBundle, UnknownCurrency
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.billing.errand import Do, run_errand
from testkase.services.billing.model import MayNotBuy, PaymentMismatch, PurchaseNotFound
from testkase.services.billing.provider import Order, ProviderRefused, ProviderSilent
from testkase.services.billing.purchasing.buying import buy, order, returned_from_checkout
from testkase.services.billing.purchasing.rows import RequestReused, list_purchases, purchase_by_id
from testkase.services.billing.receipts import receipt_of
from tests.support.shop import BUYER, SELLER, Shop, allowed

STARTER = 1_000 * MICRO


@pytest.mark.requirement("R23", "R24", "R25", "R31", "R32")
def test_a_payment_becomes_credits_at_once(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    assert (purchase.state, purchase.amount, purchase.currency) == ("open", 1_000, "USD")
    assert shop.balance(org.org_id).available == 300 * MICRO
    payment = shop.provider.pay(purchase.order_id or "")
    back = shop.provider.checkout_return(payment)
    done = shop.errand(
        returned_from_checkout(
            org.org_id, purchase.purchase_id, payment_id=payment.payment_id, signature=back["razorpay_signature"],
            seller=SELLER,
        )
    )  # fmt: skip
    assert done is not None
    assert done.granted
    assert (done.purchase.state, done.purchase.payment_id) == ("paid", payment.payment_id)
    assert shop.balance(org.org_id).available == 300 * MICRO + STARTER


@pytest.mark.requirement("R33")
@pytest.mark.parametrize("signature", ["", "0" * 64, "ключ", "another order's"])
def test_a_return_that_was_not_signed_for_this_order_changes_nothing(shop: Shop, signature: str) -> None:
    org = shop.organization()
    purchase, other = shop.order(org.org_id), shop.order(org.org_id)
    payment = shop.provider.pay(other.order_id or "")
    signed = shop.provider.checkout_return(payment)["razorpay_signature"]
    done = shop.errand(
        returned_from_checkout(
            org.org_id, purchase.purchase_id, payment_id=payment.payment_id,
            signature=signed if signature == "another order's" else signature, seller=SELLER,
        )
    )  # fmt: skip
    assert done is None
    assert shop.purchase(purchase).state == "open"
    assert shop.grants(org.org_id) == 0


@pytest.mark.requirement("R33")
def test_failed_pending_and_merely_authorized_payments_grant_nothing(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    shop.provider.fail(purchase.order_id or "", "Your bank said no.")
    looked = shop.look(purchase)
    assert (looked.granted, looked.purchase.state, looked.purchase.failure) == (False, "open", "Your bank said no.")
    assert shop.grants(org.org_id) == 0


@pytest.mark.requirement("B5")
def test_an_authorized_payment_is_captured_and_then_credited(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.authorize(purchase.order_id or "")
    assert shop.look(purchase).granted
    assert shop.provider.payments[payment.payment_id].status == "captured"


@pytest.mark.requirement("B5")
@pytest.mark.parametrize("wrong", [{"amount": 999}, {"currency": "INR"}])
def test_an_authorized_payment_that_is_not_what_was_ordered_is_not_taken(shop: Shop, wrong: dict[str, object]) -> None:
    purchase = shop.order(shop.organization().org_id)
    payment = shop.provider.authorize(purchase.order_id or "", **wrong)
    assert not shop.look(purchase).granted
    assert shop.provider.payments[payment.payment_id].status == "authorized", "it goes back by itself"


@pytest.mark.requirement("B5")
def test_an_authorized_payment_that_cannot_be_taken_keeps_nothing_else_from_being_seen(shop: Shop) -> None:
    purchase = shop.order(shop.organization().org_id)
    shop.provider.authorize(purchase.order_id or "")
    with patch.object(shop.provider, "capture", side_effect=ProviderRefused("It has gone back.")):
        assert not shop.look(purchase).granted
    assert shop.look(purchase).granted


@pytest.mark.requirement("P9")
def test_a_paid_purchase_stays_so_where_its_order_is_asked_for_again(shop: Shop) -> None:
    """Two requests of one purchase: the slower one had read it before the faster one's was paid."""
    org = shop.organization()
    paid = shop.bought(org.org_id)
    again = shop.errand(order(replace(paid, state="created", order_id=None)))
    assert (again.state, shop.purchase(paid).state) == ("paid", "paid")


@pytest.mark.requirement("R25")
def test_an_order_over_another_amount_is_not_paid_on(shop: Shop) -> None:
    org = shop.organization()
    made = Order(
        order_id="order_1", amount=1, amount_paid=0, currency="USD", status="created", receipt="", created_at=0
    )  # fmt: skip
    with patch.object(shop.provider, "create_order", return_value=made), pytest.raises(PaymentMismatch):
        shop.order(org.org_id)
    assert [row["state"] for row in shop.rows(org.org_id, "SELECT state FROM purchase")] == ["created"]


@pytest.mark.requirement("R33")
def test_what_went_wrong_with_one_purchase_is_said_of_that_one_alone(shop: Shop) -> None:
    org = shop.organization()
    failed, other = shop.order(org.org_id), shop.order(org.org_id)
    shop.provider.fail(failed.order_id or "", "Your bank said no.")
    shop.look(failed)
    assert [shop.purchase(one).failure for one in (failed, other)] == ["Your bank said no.", ""]


@pytest.mark.requirement("P9", "I8")
def test_captured_and_order_paid_and_the_browser_credit_once(shop: Shop) -> None:
    """credits twice on a retried webhook: anomalyco/opencode#28402, Vacademy-io/vacademy_platform#1973,
    ever-works/ever-works#2209, XortexAI/XMem#212."""
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.pay(purchase.order_id or "")
    about = {"order_id": purchase.order_id or "", "payment_id": payment.payment_id}
    assert shop.report("order.paid", **about) == "credits granted"
    assert shop.report("payment.captured", **about) == "known already"
    assert shop.report("payment.authorized", **about) == "known already"
    assert not shop.look(purchase).granted
    assert shop.grants(org.org_id) == 1
    assert shop.balance(org.org_id).available == 300 * MICRO + STARTER


@pytest.mark.requirement("P9")
def test_a_failed_payment_that_succeeds_after_all_is_credited(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.fail(purchase.order_id or "")
    assert shop.report("payment.failed", payment_id=payment.payment_id) == "purchase open"
    shop.provider.succeed_late(payment.payment_id)
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "credits granted"
    assert shop.purchase(purchase).failure == ""


@pytest.mark.requirement("P9")
def test_a_second_payment_of_one_order_is_no_second_grant(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.bought(org.org_id)
    second = shop.provider.pay(purchase.order_id or "")
    looked = shop.look(purchase)
    assert (looked.granted, looked.surplus) == (False, (second.payment_id,))
    assert shop.grants(org.org_id) == 1


@pytest.mark.requirement("R33", "P9")
@pytest.mark.parametrize("wrong", [{"amount": 999}, {"amount": 100_000}, {"currency": "INR"}])
def test_a_payment_that_is_not_what_was_ordered_grants_nothing(shop: Shop, wrong: dict[str, object]) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.pay(purchase.order_id or "", **wrong)
    looked = shop.look(purchase)
    assert (looked.granted, looked.mismatched, looked.purchase.state) == (False, (payment.payment_id,), "open")
    assert shop.grants(org.org_id) == 0


@pytest.mark.requirement("P9", "I8")
def test_sixty_four_reporters_at_once_credit_once(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    shop.provider.pay(purchase.order_id or "")
    ready = threading.Barrier(16)

    def report(_: int) -> int:
        ready.wait(timeout=30)
        return sum(shop.look(purchase).granted for _ in range(4))

    with ThreadPoolExecutor(16) as callers:
        granted = list(callers.map(report, range(16)))
    assert sum(granted) == 1
    assert shop.grants(org.org_id) == 1


@pytest.mark.requirement("P9")
@pytest.mark.parametrize("step", range(6))
def test_whoever_dies_between_two_steps_leaves_the_rest_to_the_next(shop: Shop, step: int) -> None:
    """As `kill -9` after each committed step: the same request again, and another look, end in one grant."""
    org = shop.organization()

    class Killed(BaseException):
        pass

    steps = 0

    def dying(operation: object, *, org_id: int | None) -> object:
        nonlocal steps
        if steps == step:
            raise Killed
        steps += 1
        return shop.organizations.database.run(operation, org_id=org_id)  # type: ignore[arg-type]

    request = {"request_id": "once", "book": shop.book, "bundle": "starter", "currency": "USD", "may_buy": allowed}
    try:
        purchase = run_errand(buy(org.org_id, BUYER, **request), shop.provider, dying)  # type: ignore[arg-type]
    except Killed:
        purchase = shop.errand(buy(org.org_id, BUYER, **request))  # type: ignore[arg-type]
    assert len(shop.rows(org.org_id, "SELECT 1 FROM purchase")) == 1
    payment = shop.provider.pay(purchase.order_id or "")
    signature = shop.provider.checkout_return(payment)["razorpay_signature"]
    back = {"payment_id": payment.payment_id, "signature": signature, "seller": SELLER}
    try:
        run_errand(
            returned_from_checkout(org.org_id, purchase.purchase_id, **back),  # type: ignore[arg-type]
            shop.provider, dying,
        )  # fmt: skip
    except Killed:
        shop.errand(returned_from_checkout(org.org_id, purchase.purchase_id, **back))  # type: ignore[arg-type]
    assert shop.grants(org.org_id) == 1
    assert len(shop.rows(org.org_id, "SELECT 1 FROM receipt")) == 1


def test_no_transaction_is_open_while_the_provider_is_asked(shop: Shop) -> None:
    org = shop.organization()
    errand = buy(org.org_id, BUYER, request_id="r-1", book=shop.book, bundle="starter", currency="USD", may_buy=allowed)
    assert isinstance(next(errand), Do)
    purchase = shop.order(org.org_id)
    shop.provider.pay(purchase.order_id or "")
    open_transactions = (
        "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' AND pid <> pg_backend_pid()"
    )
    seen: list[int] = []

    class Watching(type(shop.provider)):  # type: ignore[misc]
        def payments_of_order(self, order_id: str) -> object:
            seen.append(len(shop.rows(org.org_id, open_transactions)))
            return super().payments_of_order(order_id)

    shop.provider.__class__ = Watching
    try:
        assert shop.look(purchase).granted
    finally:
        shop.provider.__class__ = Watching.__base__
    assert seen == [0]


@pytest.mark.requirement("P9")
def test_an_order_made_without_an_answer_is_found_again(shop: Shop) -> None:
    org = shop.organization()
    shop.provider.silent(after=True)
    with pytest.raises(ProviderSilent):
        shop.order(org.org_id, request_id="again")
    before = len(shop.provider.orders)
    assert shop.order(org.org_id, request_id="again").state == "open"
    assert len(shop.provider.orders) == before
    assert len(shop.rows(org.org_id, "SELECT 1 FROM purchase")) == 1


def test_the_same_request_is_the_same_purchase_and_another_under_its_id_is_refused(shop: Shop) -> None:
    org = shop.organization()
    first = shop.order(org.org_id, "starter", request_id="mine")
    assert shop.order(org.org_id, "starter", request_id="mine") == first
    with pytest.raises(RequestReused):
        shop.order(org.org_id, "ultimate", request_id="mine")


@pytest.mark.parametrize(
    ("bundle", "currency", "request_id", "refusal"),
    [
        ("mega", "USD", "r", UnknownBundle),
        ("starter", "INR", "r", UnknownCurrency),
        ("starter", "usd", "r", UnknownCurrency),
        ("starter", "USD", "", InvalidInput),
        ("starter", "USD", "with space", InvalidInput),
        ("starter", "USD", "x" * 129, InvalidInput),
    ],
)
def test_what_cannot_be_bought_is_refused_and_leaves_nothing(
    shop: Shop, bundle: str, currency: str, request_id: str, refusal: type[Exception]
) -> None:
    org = shop.organization()
    asked = buy(
        org.org_id, BUYER, request_id=request_id, book=shop.book, bundle=bundle, currency=currency, may_buy=allowed
    )
    with pytest.raises(refusal):
        shop.errand(asked)
    assert shop.rows(org.org_id, "SELECT 1 FROM purchase") == []


@pytest.mark.requirement("R39")
def test_who_may_not_buy_begins_nothing(shop: Shop) -> None:
    org = shop.organization()

    def refused() -> Operation[None]:
        yield Statement("SELECT 1")
        raise MayNotBuy("Ask your Owner.")

    asked = buy(org.org_id, BUYER, request_id="r", book=shop.book, bundle="starter", currency="USD", may_buy=refused)
    with pytest.raises(MayNotBuy):
        shop.errand(asked)
    assert shop.rows(org.org_id, "SELECT 1 FROM purchase") == []


@pytest.mark.requirement("R73", "I13")
def test_another_organizations_purchase_is_as_absent(shop: Shop) -> None:
    org, other = shop.organization(), shop.organization()
    purchase = shop.order(org.org_id)
    with pytest.raises(PurchaseNotFound):
        shop.run(other.org_id, purchase_by_id(other.org_id, purchase.purchase_id))
    assert shop.run(other.org_id, list_purchases(other.org_id, limit=10)) == []


@pytest.mark.requirement("R78")
def test_receipts_are_numbered_without_gaps_and_say_what_was_paid(shop: Shop) -> None:
    org, other = shop.organization(), shop.organization()
    receipts = []
    for index in range(6):
        buyer = (org, other)[index % 2]
        purchase = shop.bought(buyer.org_id)
        receipts.append(shop.run(buyer.org_id, receipt_of(buyer.org_id, purchase.purchase_id)))
    numbers = [int(receipt.number.rpartition("-")[2]) for receipt in receipts]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    assert {(receipt.total, receipt.currency, receipt.seller.name) for receipt in receipts} == {
        (1_000, "USD", "Acme Testing")
    }
