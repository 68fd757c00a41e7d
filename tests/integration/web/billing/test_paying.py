"""One purchase in the browser: paid, failed, pending, forged; whatever comes back, only the provider's word counts."""

import re

import pytest
from django.test import Client
from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.services.billing.provider import Payment
from tests.integration.web.billing.conftest import Store
from tests.support.buying import API, SCRIPT
from tests.support.people import models, stranger

HX = {"HX-Request": "true"}


def read(store: Store, address: str, role: str = "owner") -> str:
    return store.client_of(role).get(address).content.decode()


def look(store: Store, address: str, seen: str = "waiting.0.0.") -> str:
    answer = store.client_of("owner").post(f"{address}/look", {"seen": seen, "step": "2"}, headers=HX)
    assert answer.status_code == 200
    return answer.content.decode()


def stage(page: str) -> str:
    found = re.search(r'data-stage="(\w+)"', page)
    assert found is not None, page
    return found[1]


@pytest.mark.requirement("R25")
def test_the_page_carries_all_that_the_checkout_needs(store: Store) -> None:
    address = store.order()
    purchase, answer = store.purchase(address), store.client_of("owner").get(address)
    page = answer.content.decode()
    fields = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.index("data-checkout") :])
    )
    assert fields == {
        "key_id": store.provider.key_id,
        "order_id": purchase.order_id,
        "amount": "5000",
        "currency": "USD",
        "name": "TestKase",
        "description": "Professional bundle: 5,500 AI credits",
        "prefill[name]": "Olivia Ortega",
        "prefill[email]": store.demo.emails["owner"],
        "notes[purchase]": purchase.purchase_id,
        "callback_url": f"http://127.0.0.1:8000{address}/callback",
        "cancel_url": f"http://127.0.0.1:8000{address}",
    }
    assert f'action="{API}/v1/checkout/embedded"' in page
    nonce = re.search(r'<script nonce="([^"]+)" src="' + re.escape(SCRIPT), page)
    assert nonce is not None
    assert f"'nonce-{nonce[1]}'" in answer.headers["Content-Security-Policy"]


@pytest.mark.requirement("R25")
def test_only_the_page_with_the_checkout_may_reach_the_provider(store: Store) -> None:
    address, owner = store.order(), store.client_of("owner")
    answer = owner.get(address)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    hosts = "https://checkout.pay.test https://api.pay.test"
    for name in ("script-src", "frame-src", "connect-src", "form-action"):
        assert policy[name].endswith(hosts), name
    assert policy["default-src"] == "'none'"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    for page in ("/settings/billing", "/settings/ai-credits/buy", "/settings/ai-credits"):
        assert "pay.test" not in owner.get(page).headers["Content-Security-Policy"]
    payment = store.pay(address)
    owner.post(f"{address}/return", store.provider.checkout_return(payment))
    assert "pay.test" not in owner.get(address).headers["Content-Security-Policy"]


@pytest.mark.requirement("R31", "R32", "R33", "P9")
def test_a_signed_return_credits_at_once_and_once(store: Store) -> None:
    address = store.order()
    payment, owner = store.pay(address), store.client_of("owner")
    assert store.balance.available == 300 * MICRO
    signed = store.provider.checkout_return(payment)
    answer = owner.post(f"{address}/return", signed, headers=HX)
    page = answer.content.decode()
    assert answer.headers["HX-Trigger"] == "balance-changed"
    assert 'id="purchase"' in page
    assert 'hx-swap-oob="true"' in page
    assert "5,500 credits are yours" in page
    assert owner.post(f"{address}/return", signed).headers["Location"] == address
    assert look(store, address)
    assert store.balance.available == 5_800 * MICRO
    shown = read(store, address)
    assert "expire on" in shown
    assert re.search(r"R-\d{4}-000001", shown)


@pytest.mark.requirement("R31", "R32", "R73")
@pytest.mark.parametrize("way", ["return", "look"])
def test_whoever_went_to_another_organization_while_paying_is_told_who_has_the_credits(store: Store, way: str) -> None:
    """They had paid, were told that nothing was done, and the page went on to the other one's start."""
    address, owner = store.order(), store.client_of("owner")
    owner.post("/organizations/new", {"name": "Elsewhere"})
    shown = {**HX, "X-Organization": str(store.demo.org_id)}
    waiting = owner.post(f"{address}/look", {"seen": "waiting.0.0.", "step": "0"}, headers=shown)
    assert (waiting.status_code, "HX-Redirect" in waiting.headers) == (200, False)
    signed = store.provider.checkout_return(store.pay(address))
    answer = owner.post(f"{address}/{way}", signed if way == "return" else {"seen": "waiting.0.0."}, headers=shown)
    assert answer.headers["HX-Redirect"] == "/"
    assert store.balance.available == 5_800 * MICRO
    owner.post(f"{address}/look", {"seen": "waiting.0.0."}, headers=shown)  # which was on its way as well
    page = owner.get("/projects").content.decode()
    assert page.count("Paid: 5,500 credits were added to Northwind Labs. You work in Elsewhere now.") == 1
    assert "nothing was done" not in page


@pytest.mark.requirement("R25", "R73")
def test_the_providers_own_page_leads_back_to_the_organization_it_was_opened_from(store: Store) -> None:
    """Whoever had gone to another one meanwhile was told, after paying, that there is no such purchase."""
    owner = store.client_of("owner")
    owner.post("/organizations/new", {"name": "Elsewhere"})
    owner.post("/organizations/current", {"organization": store.demo.org_id})
    address = store.order()
    page = owner.get(address).content.decode()
    back = re.search(rf'name="callback_url" value="[^"]*({address}/callback[^"]*)"', page)
    assert back is not None
    answer = Client().post(back[1], store.provider.checkout_return(store.pay(address)))
    assert answer.headers["Location"] == f"{address}?organization={store.demo.org_id}"
    elsewhere = next(one for one in models().Organization.objects.filter(name="Elsewhere"))
    owner.post("/organizations/current", {"organization": elsewhere.pk})
    assert "This is about Northwind Labs" in owner.get(answer.headers["Location"]).content.decode()


@pytest.mark.requirement("I13")
def test_a_page_of_an_organization_one_is_not_in_opens_no_purchase_of_it(store: Store) -> None:
    address, outsider = store.order(), stranger()
    signed = store.provider.checkout_return(store.pay(address))
    shown = {**HX, "X-Organization": str(store.demo.org_id)}
    for way in ("look", "return"):
        assert outsider.post(f"{address}/{way}", signed, headers=shown).headers["HX-Redirect"] == "/"
    assert store.balance.available == 300 * MICRO


@pytest.mark.requirement("R33")
@pytest.mark.parametrize(
    "forged",
    [
        {"razorpay_signature": "0" * 64},
        {"razorpay_signature": ""},
        {"razorpay_signature": "ü" * 64},
        {"razorpay_payment_id": "pay_Forged0000000"},
        {"razorpay_payment_id": "\x00"},
    ],
)
def test_a_forged_return_changes_nothing_and_says_what_to_do(store: Store, forged: dict[str, str]) -> None:
    address = store.order()
    sent = {**store.provider.checkout_return(store.pay(address)), **forged}
    answer = store.client_of("owner").post(f"{address}/return", sent)
    assert answer.headers["Location"] == f"{address}?unsigned"
    assert store.balance.available == 300 * MICRO
    assert "was not signed by the payment provider" in read(store, f"{address}?unsigned")
    called = Client().post(f"{address}/callback", sent)
    assert called.status_code == 303
    assert store.balance.available == 300 * MICRO


@pytest.mark.requirement("R33", "I13")
def test_a_payment_of_another_order_is_good_for_that_order_alone(store: Store) -> None:
    mine, other = store.order(), store.order(bundle="ultimate")
    signed = store.provider.checkout_return(store.pay(mine))
    assert store.client_of("owner").post(f"{other}/return", signed).headers["Location"] == f"{other}?unsigned"
    assert Client().post(f"{other}/callback", signed).headers["Location"] == f"{other}?unsigned"
    assert [one.state for one in store.purchases] == ["open", "open"]


@pytest.mark.requirement("I13")
def test_nobody_elses_purchase_is_there(store: Store) -> None:
    address, outsider = store.order(), stranger()
    signed = store.provider.checkout_return(store.pay(address))
    assert outsider.get(address).status_code == 404
    assert outsider.post(f"{address}/look").status_code == 404
    assert outsider.post(f"{address}/return", signed).status_code == 404
    assert store.client_of("member").get(address).status_code == 403
    assert store.balance.available == 300 * MICRO


@pytest.mark.requirement("R25", "R32")
def test_the_providers_own_page_leads_back_without_a_session_or_a_token(store: Store) -> None:
    address = store.order()
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(f"{address}/callback", store.provider.checkout_return(store.pay(address)))
    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    assert store.balance.available == 5_800 * MICRO
    failed = {"error[code]": "BAD_REQUEST_ERROR", "error[metadata]": '{"order_id": "order_x"}'}
    assert browser.post(f"{address}/callback", failed).headers["Location"] == address
    assert browser.get(f"{address}/callback").status_code == 405
    assert Client(enforce_csrf_checks=True).post(f"{address}/return").status_code == 403


@pytest.mark.requirement("R33")
def test_a_failed_attempt_is_shown_in_the_banks_words_and_can_be_tried_again(store: Store) -> None:
    address = store.order()
    store.provider.fail(store.purchase(address).order_id or "", "Your card has too little money on it.")
    page = look(store, address)
    assert stage(page) == "failed"
    assert "Your card has too little money on it." in page
    assert "Try again: pay $50.00" in page
    assert store.balance.available == 300 * MICRO
    store.pay(address)
    assert stage(look(store, address, seen="failed.1.0.")) == "paid"


@pytest.mark.requirement("R33")
def test_a_begun_payment_waits_and_the_page_asks_less_and_less_often(store: Store) -> None:
    address = store.order()
    order = store.purchase(address).order_id or ""
    store.provider._attempt(order, status="created")
    page = look(store, address)
    assert stage(page) == "started"
    assert "$50.00 · not finished" in page
    assert ": not finished" in store.client_of("owner").get("/settings/billing").content.decode()
    again = look(store, address, seen="started.1.0.")
    assert 'id="purchase"' not in again, "what has not changed is left alone"
    pauses = [int(found) for step in range(14) for found in re.findall(
        r"load delay:(\d+)s", store.client_of("owner").post(
            f"{address}/look", {"seen": "started.1.0.", "step": str(step)}, headers=HX).content.decode())]  # fmt: skip
    assert pauses == sorted(pauses)
    assert len(pauses) == 12
    assert "Ask the provider now" in store.client_of("owner").post(
        f"{address}/look", {"seen": "started.1.0.", "step": "13"}, headers=HX).content.decode()  # fmt: skip


def test_what_the_bank_has_authorized_is_taken_or_waited_for(store: Store) -> None:
    address = store.order()
    store.provider.authorize(store.purchase(address).order_id or "")
    store.provider.refuse(0)
    assert stage(look(store, address)) == "paid"


def test_a_silent_provider_is_no_error_anywhere(store: Store) -> None:
    address = store.order()
    signed, owner = store.provider.checkout_return(store.pay(address)), store.client_of("owner")
    store.provider.silent(3)
    assert "does not answer just now" in owner.post(f"{address}/return", signed, headers=HX).content.decode()
    assert 'id="purchase"' not in look(store, address)
    assert Client().post(f"{address}/callback", signed).headers["Location"] == address
    assert stage(look(store, address)) == "paid"


@pytest.mark.requirement("R33", "B5")
def test_what_is_not_what_was_ordered_buys_nothing_and_says_whom_to_ask(store: Store) -> None:
    address = store.order()
    payment = store.pay(address, amount=100)
    page = look(store, address)
    assert stage(page) == "mismatch"
    assert "no credits were added" in page
    assert "data-checkout" not in page
    assert store.balance.available == 300 * MICRO
    store.provider.refund_by_hand(payment.payment_id, 40)
    assert stage(look(store, address, seen="begun")) == "mismatch", "some of it is still here"
    store.provider.refund_by_hand(payment.payment_id, 60)
    page = look(store, address, seen="mismatch.1.0.")
    assert stage(page) == "returned"
    assert "It was given back, and no credits were added" in page
    assert "Please do not pay again" not in page
    history = store.client_of("owner").get("/settings/billing").content.decode()
    assert "does not match, $1.00 went back" in history


@pytest.mark.requirement("P9")
def test_a_second_payment_is_named_and_buys_nothing(store: Store) -> None:
    address = store.bought()
    second = store.pay(address)
    settle(store, address)
    page, history = read(store, address), read(store, "/settings/billing")
    assert "This order was paid twice" in page
    assert "It is given back" in page
    assert "sent back" not in page + history, "nobody has given it back yet"
    assert "went back" not in page + history
    assert store.balance.available == 5_800 * MICRO
    store.provider.refund_by_hand(second.payment_id)
    settle(store, address)
    page, history = read(store, address), read(store, "/settings/billing")
    assert "bought nothing, and went back." in page
    assert "paid a second time, $50.00 went back" in history


@pytest.mark.requirement("R33")
def test_a_payment_that_nobody_took_in_time_is_not_called_unfinished(store: Store) -> None:
    """The buyer was told to wait for a payment that the provider had given back."""
    address = store.order()
    payment = store.provider.authorize(store.purchase(address).order_id or "")
    given_back = replace(payment, status="refunded", amount_refunded=payment.amount)
    store.provider.payments[payment.payment_id] = given_back
    page = look(store, address)
    assert stage(page) == "failed"
    assert "wait a moment" not in page
    assert "data-checkout" in page, "it can be paid again"
    assert store.balance.available == 300 * MICRO


@pytest.mark.requirement("P10", "B6")
def test_refunds_and_disputes_are_seen_where_the_purchase_is(store: Store) -> None:
    address = store.bought()
    payment = store.provider.payments[store.purchase(address).payment_id or ""]
    store.provider.refund_by_hand(payment.payment_id, 1000)
    settle(store, address)
    page = read(store, address)
    assert stage(page) == "reduced"
    assert "4,400 credits are yours" in page
    dispute = store.provider.dispute(payment.payment_id)
    settle(store, address, dispute.dispute_id)
    assert stage(read(store, address)) == "disputed"
    store.provider.decide_dispute(dispute.dispute_id, "lost")
    settle(store, address, dispute.dispute_id)
    assert stage(read(store, address)) == "refunded"
    assert store.balance.available == 300 * MICRO


@pytest.mark.requirement("P8", "P10")
def test_a_dispute_lost_in_another_currency_is_not_called_undecided(store: Store) -> None:
    """Whoever had paid was told to withdraw a dispute that was over."""
    address = store.bought()
    dispute = store.provider.dispute(store.purchase(address).payment_id or "")
    store.provider._disputes[dispute.dispute_id] = replace(dispute, currency="INR")
    settle(store, address, dispute.dispute_id)
    assert stage(read(store, address)) == "disputed"
    store.provider.decide_dispute(dispute.dispute_id, "lost")
    settle(store, address, dispute.dispute_id)
    page = read(store, address)
    assert stage(page) == "unclear"
    assert "withdraw the dispute" not in page
    assert "went back in another currency than it was paid in" in page


def settle(store: Store, address: str, *disputes: str) -> None:
    from testkase.entrypoints.web.billing.till import carry_out, seller
    from testkase.services.billing.purchasing.buying import look_at

    carry_out(look_at(store.purchase(address), seller(), dispute_ids=disputes))


@pytest.mark.requirement("R36")
def test_an_admin_who_may_not_buy_sees_the_purchase_and_has_no_way_to_pay_it(store: Store) -> None:
    address = store.order()
    page = read(store, address, "admin")
    assert "data-checkout" not in page
    assert "Ask your Owner" in page
    store.policy("owner_and_admins")
    assert "data-checkout" in read(store, address, "admin")


def test_roles_are_read_live_between_choosing_and_paying(store: Store) -> None:
    store.policy("owner_and_admins")
    address = store.order("admin")
    payment: Payment = store.pay(address)
    admin = store.client_of("admin")
    models().Membership.objects.filter(user__email=store.demo.emails["admin"]).update(role="member")
    assert admin.post(f"{address}/return", store.provider.checkout_return(payment)).status_code == 403
    assert Client().post(f"{address}/callback", store.provider.checkout_return(payment)).status_code == 303
    assert store.balance.available == 5_800 * MICRO, "whoever paid, the organization has its credits"
