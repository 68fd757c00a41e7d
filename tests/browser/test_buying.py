"""Buying as people do it: each way to pay, in success and in failure, with the simulated Razorpay in the page."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from campaigns.payments.counter import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from tests.support.checkout import METHODS, pay
from tests.support.cluster import TestDatabase
from tests.support.razorpay import Simulated, simulated
from tests.support.stage import LAPTOP, PHONE, Stage, stage_on

ACCOUNT = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}
_NO_MODEL = {"TESTKASE_MODEL_PORT": "1", "TESTKASE_MODEL_API_KEY": "none"}


@pytest.fixture(scope="module")
def razorpay() -> Iterator[Simulated]:
    """A Razorpay whose webhooks get lost: what the pages show, they show without them."""
    with simulated(**ACCOUNT) as running:
        yield running


@pytest.fixture(scope="module")
def running(
    module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory, razorpay: Simulated, demo: dict[str, Any]
) -> Iterator[Stage]:
    keys = {f"RAZORPAY_{name.upper()}": value for name, value in ACCOUNT.items()}
    environ = {**_NO_MODEL, **keys, "RAZORPAY_API_URL": razorpay.url}
    folder = tmp_path_factory.mktemp("stage")
    with stage_on(module_database, folder, environ, demo, allowed=(razorpay.url,)) as made:
        yield made


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    yield running
    complaints = list(running.complaints)
    running.leave()
    assert complaints == []


def chosen(page: Page, stage: Stage, bundle: str = "Starter") -> FrameLocator:
    """The checkout, open over the page of a new purchase."""
    page.goto(f"{stage.url}/settings/ai-credits/buy")
    page.get_by_role("row", name=bundle).get_by_role("button", name="Buy").click()
    expect(page.get_by_role("heading", name=bundle)).to_be_visible()
    return page.frame_locator("iframe")


def balance_in_bar(page: Page) -> float:
    """Credits, as the navigation bar shows them."""
    text = page.get_by_role("banner").get_by_role("link", name=re.compile("credits")).inner_text()
    return float(re.sub(r"[^0-9.]", "", text))


@pytest.mark.requirement("R23", "R24", "R25", "R26", "R27", "R28", "R29", "R30", "R32")
@pytest.mark.parametrize("method", METHODS)
def test_each_way_to_pay_brings_the_credits_at_once(stage: Stage, method: str) -> None:
    page = stage.signed_in("owner", viewport=PHONE if method == "wallet" else LAPTOP)
    page.goto(f"{stage.url}/settings/ai-credits")
    before = balance_in_bar(page)
    watching = stage.signed_in("member")
    watching.goto(f"{stage.url}/settings/ai-credits")
    pay(chosen(page, stage), method)
    expect(page.get_by_text("They were added")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^R-20"))).to_be_visible()
    for each in (page, watching):
        expect(each.get_by_role("banner")).to_contain_text(f"{before + 1_000:,.2f}")


@pytest.mark.requirement("R33")
@pytest.mark.parametrize("method", METHODS)
def test_each_way_to_fail_adds_nothing_and_says_what_to_do(stage: Stage, razorpay: Simulated, method: str) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/ai-credits")
    before = balance_in_bar(page)
    frame = chosen(page, stage)
    pay(frame, method, fails=True)
    expect(frame.get_by_role("alert")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    frame.get_by_role("button", name="Close Checkout").click()
    expect(page.get_by_text("No credits were added")).to_be_visible()
    expect(page.get_by_role("button", name="Try again: pay $10.00")).to_be_visible()
    assert balance_in_bar(page) == before


@pytest.mark.requirement("R33", "P9")
def test_a_failed_payment_is_tried_again_on_the_same_order(stage: Stage) -> None:
    page = stage.signed_in("owner")
    frame = chosen(page, stage, "Professional")
    pay(frame, "upi", "USD 50.00", fails=True)
    expect(frame.get_by_role("alert")).to_be_visible()
    pay(frame, "netbanking", "USD 50.00")
    expect(page.get_by_role("link", name=re.compile("^R-20"))).to_be_visible()


@pytest.mark.requirement("R31", "R32", "R73")
def test_going_to_another_organization_in_another_tab_ends_no_payment(stage: Stage) -> None:
    """The checkout was gone within seconds, and with it what it would have brought back."""
    page = stage.signed_in_anew("owner")
    frame = chosen(page, stage)
    other = page.context.new_page()
    other.goto(f"{stage.url}/organizations/new")
    other.get_by_label("Organization", exact=True).fill("Elsewhere")
    other.get_by_role("button", name="Create organization").click()
    expect(other.get_by_text("Elsewhere is open")).to_be_visible()
    other.close()
    page.evaluate(
        "document.dispatchEvent(new Event('visibilitychange'))"
    )  # the page finds out at once, not in a minute
    with page.expect_response(re.compile("/look$")):
        pass
    pay(frame, "upi")
    expect(page.get_by_text("Paid: 1,000 credits were added to Northwind Labs.")).to_be_visible()


@pytest.mark.requirement("R33")
def test_leaving_without_paying_adds_nothing_and_the_purchase_waits(stage: Stage) -> None:
    page = stage.signed_in("owner")
    frame = chosen(page, stage)
    page.once("dialog", lambda dialog: dialog.accept())
    frame.get_by_role("button", name="Close Checkout").click()
    expect(page.get_by_text("Closed. If you confirmed a payment, its credits come by themselves")).to_be_visible()
    page.goto(f"{stage.url}/settings/billing")
    expect(page.get_by_role("row", name=re.compile("Starter.*Waiting for payment")).first).to_be_visible()


@pytest.mark.requirement("R25")
def test_without_scripts_the_providers_own_page_is_paid_on(stage: Stage) -> None:
    page = stage.signed_in("owner")
    plain = stage.page(java_script_enabled=False)
    plain.context.add_cookies([one for one in page.context.cookies() if one.get("name") == "sessionid"])  # type: ignore[misc]
    plain.goto(f"{stage.url}/settings/ai-credits/buy")
    plain.get_by_role("row", name="Starter").get_by_role("button", name="Buy").click()
    plain.get_by_role("button", name="Pay $10.00").click()
    plain.get_by_role("button", name="Pay USD 10.00").click()
    plain.get_by_role("button", name="Continue to the shop").click()
    expect(plain.get_by_text("They were added")).to_be_visible()


@pytest.mark.requirement("R78")
def test_long_names_and_long_facts_keep_to_their_place_on_a_phone(stage: Stage) -> None:
    page = stage.signed_in("owner", viewport=PHONE)
    page.goto(f"{stage.url}/settings/billing")
    page.get_by_label("Name").fill("Donaudampfschifffahrtsgesellschaft" * 3)
    page.get_by_label("Address").fill("x" * 200)
    page.locator("#buyer").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Receipts of further payments say this")).to_be_visible()
    next_reset = page.locator("#plan dd").last
    next_reset.evaluate("one => one.textContent = '300 credits on 1 Dec 2026, which cover what is owed first'")
    for name in page.locator("#plan dt").all():
        assert name.evaluate("one => one.offsetWidth") > 100, "some words a line, not one letter"
    pay(chosen(page, stage), "upi")
    page.get_by_role("link", name=re.compile("^R-20")).click()
    expect(page.get_by_role("heading", name="Buyer")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.requirement("R36", "R38", "R39")
def test_a_member_sees_the_balance_and_nothing_to_buy_with(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/settings/ai-credits")
    expect(page.get_by_text("Available Credits")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Buy"))).to_have_count(0)
    assert page.goto(f"{stage.url}/settings/ai-credits/buy").status == 403  # type: ignore[union-attr]
    assert page.goto(f"{stage.url}/settings/billing").status == 403  # type: ignore[union-attr]
