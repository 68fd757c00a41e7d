"""The pages on which money is paid, each with its buttons and dialogs as they stand while somebody buys: usable by all.

The walk through every page knows no payment provider, so it sees none of these.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.payments.counter import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from tests.support.checkout import pay
from tests.support.cluster import TestDatabase
from tests.support.razorpay import simulated
from tests.support.stage import LAPTOP, Stage, stage_on
from tests.support.tenants.tour import unusable

ACCOUNT = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}


@pytest.fixture
def stage(
    module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory, demo: dict[str, Any]
) -> Iterator[Stage]:
    with simulated(**ACCOUNT) as razorpay:
        keys = {f"RAZORPAY_{name.upper()}": value for name, value in ACCOUNT.items()}
        environ = {"TESTKASE_MODEL_PORT": "1", **keys, "RAZORPAY_API_URL": razorpay.url}
        folder = tmp_path_factory.mktemp("stage")
        with stage_on(module_database, folder, environ, demo, allowed=(razorpay.url,)) as made:
            yield made
            made.leave()


class Looks:
    """What was wrong, stop by stop."""

    def __init__(self, page: Page) -> None:
        self._page, self.faults, self.stops = page, list[str](), list[str]()

    def at(self, what: str) -> None:
        self.stops.append(what)
        self.faults += [f"{what}: {fault}" for fault in unusable(self._page)]
        self._page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.requirement("R23", "R24", "R25", "R78")
def test_everybody_can_use_each_page_of_buying_with_its_buttons_and_dialogs(stage: Stage) -> None:
    page = stage.signed_in("owner")
    looks = Looks(page)
    page.goto(f"{stage.url}/settings/ai-credits")
    page.locator("main").get_by_role("link", name=re.compile("^Buy credits", re.IGNORECASE)).first.click()
    expect(page.get_by_role("dialog").get_by_role("button", name=re.compile("^Buy"))).to_have_count(4)
    looks.at("the dialog of bundles")
    page.goto(f"{stage.url}/settings/ai-credits/buy")
    expect(page.get_by_role("button", name=re.compile("^Buy"))).to_have_count(4)
    looks.at("the page of bundles")
    page.get_by_role("row", name="Starter").get_by_role("button", name="Buy").click()
    checkout = page.frame_locator("iframe")
    expect(checkout.get_by_role("button", name=re.compile("^Pay "))).to_be_visible()
    looks.at("the open checkout")
    page.once("dialog", lambda dialog: dialog.accept())
    checkout.get_by_role("button", name="Close Checkout").click()
    expect(page.get_by_role("button", name=re.compile(r"pay \$10\.00$", re.IGNORECASE))).to_be_visible()
    looks.at("a purchase that waits")
    page.goto(f"{stage.url}/settings/billing")
    expect(page.get_by_role("row", name=re.compile("Waiting for payment"))).to_be_visible()
    looks.at("plans and billing with something to pay")
    page.goto(f"{stage.url}/settings/ai-credits/buy")
    page.get_by_role("row", name="Starter").get_by_role("button", name="Buy").click()
    pay(page.frame_locator("iframe"), "upi", fails=True)
    expect(page.frame_locator("iframe").get_by_role("alert")).to_be_visible()
    pay(page.frame_locator("iframe"), "netbanking")
    expect(page.get_by_text("They were added")).to_be_visible()
    looks.at("a purchase that was paid at the second try")
    page.get_by_role("link", name=re.compile("^R-20")).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    looks.at("its receipt")
    assert looks.faults == [], "\n".join(looks.faults)
    assert len(looks.stops) == 7
