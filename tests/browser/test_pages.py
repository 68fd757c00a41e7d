"""What people do with the frame around pages, with the switch, and as somebody new. How each page looks and what it
loads: see `test_every_page.py`."""

import json

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.support.cluster import TestDatabase
from tests.support.stage import PHONE, Stage


def test_the_theme_can_be_chosen_and_stays_chosen(stage: Stage) -> None:
    page = stage.signed_in("member", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(background) != light
    page.goto(f"{stage.url}/settings/ai-credits")
    assert page.evaluate(background) != light


def test_the_keyboard_reaches_the_content_first(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/settings/ai-credits")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_no_page_goes_sideways_on_a_tablet_in_half_a_window_or_with_large_letters(stage: Stage) -> None:
    page = stage.signed_in("owner")
    for address in ("/projects/SHOP/reports/schedule", "/settings/ai-credits", "/help/ai-credits"):
        page.goto(stage.url + address)
        page.locator("#nav-balance strong").evaluate("one => { one.textContent = '1,234,567.89'; }")
        for width in range(320, 1281, 60):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, width)
            expect(page.locator("summary[aria-label^='Account of']")).to_be_in_viewport()


def test_what_stands_at_the_end_of_a_row_can_be_pressed_on_a_tablet(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/api-keys")
    for width in (720, 768, 834, 912, 1000):
        page.set_viewport_size({"width": width, "height": 2_000})
        expect(page.get_by_role("button", name="Revoke").first).to_be_in_viewport(ratio=1)


@pytest.mark.requirement("R10", "R18")
def test_the_advice_beside_the_bundles_does_not_lie_over_them(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/ai-credits/buy")
    for width in (720, 800, 900, 1040, 1160):
        page.set_viewport_size({"width": width, "height": 900})
        table, advice = (page.locator(part).bounding_box() for part in (".bundles--buy", ".buy__advice"))
        assert table is not None
        assert advice is not None
        assert advice["x"] > table["x"] + table["width"] or advice["y"] > table["y"] + table["height"], width


def test_where_one_is_can_be_seen_in_the_colours_of_the_system(stage: Stage) -> None:
    page = stage.signed_in("owner", forced_colors="active")
    page.goto(f"{stage.url}/projects/SHOP")
    for row in (".bar__nav", ".tabs"):
        colour = "one => getComputedStyle(one).borderBottomColor"
        here, elsewhere = (
            page.locator(f"{row} a{which}").first for which in ("[aria-current]", ":not([aria-current])")
        )
        assert here.evaluate(colour) != elsewhere.evaluate(colour)


@pytest.mark.requirement("R39", "R40", "P15")
def test_a_member_sees_no_door_that_is_not_theirs(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/settings/ai-credits")
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    expect(page.get_by_role("heading", name="AI is on")).to_be_visible()
    expect(page.get_by_role("link", name="Switch AI off")).to_have_count(0)


def test_a_dialog_is_announced_by_what_it_is_about(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/ai-credits")
    for link, title in (("Switch AI off", "Switch AI off for Northwind Labs?"), ("Buy credits", "Buy credits")):
        page.get_by_role("link", name=link).first.click()
        expect(page.get_by_role("dialog", name=title)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name=link).first).to_be_focused()


@pytest.mark.requirement("R40", "R53", "R59", "R62", "R76")
def test_the_owner_switches_ai_off_and_on_and_the_balance_follows(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/ai-credits")
    page.get_by_role("link", name="Switch AI off").click()
    expect(page.get_by_role("button", name="Leave it on")).to_be_focused()
    page.get_by_role("button", name="Switch AI off for everyone").click()
    expect(page.locator("#nav-balance")).to_be_hidden()
    page.get_by_role("button", name="switch AI on for everyone").click()
    expect(page.locator("#nav-balance")).to_be_visible()


@pytest.mark.requirement("R5", "P14")
def test_somebody_new_signs_up_and_starts_with_300_credits(stage: Stage) -> None:
    page = stage.page()
    page.goto(f"{stage.url}/accounts/signup/")
    page.get_by_label("Your name").fill("Nora Newcomer")
    page.get_by_label("Organization").fill("Newcomer GmbH")
    page.get_by_label("Email").fill("nora@newcomer.example")
    page.get_by_label("Password").fill("quiet-lantern-42")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("No projects yet")).to_be_visible()
    page.goto(f"{stage.url}/settings/ai-credits")
    expect(page.locator("#summary")).to_contain_text("300.00")
    page.locator("summary[aria-label^='Account of']").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


@pytest.mark.requirement("P15")
@pytest.mark.parametrize("leaving", ["sent", "seen"])
def test_what_was_typed_when_the_session_had_ended_is_there_again_for_the_same_person_alone(
    stage: Stage, leaving: str
) -> None:
    page, text = stage.signed_in("owner"), "A customer pays with a voucher."
    address, field = f"{stage.url}/projects/SHOP/generate", page.get_by_role("textbox", name="Requirement")

    def lose_the_session() -> None:
        page.goto(address)
        field.fill(text)
        page.context.clear_cookies(name="sessionid")
        if leaving == "sent":
            page.get_by_role("button", name="Generate").click()
        else:
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_url("**/accounts/login/**")

    lose_the_session()
    sign_in(stage, page, "owner")
    page.wait_for_url(address)
    expect(field).to_have_value(text)
    expect(page.locator("#toasts")).to_contain_text("What you had typed is here again")
    page.reload()
    expect(field).to_have_value("")
    lose_the_session()
    sign_in(stage, page, "admin")
    page.wait_for_url(address)
    expect(field).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('typed')") is None


def sign_in(stage: Stage, page: Page, role: str) -> None:
    page.get_by_label("Email").fill(stage.demo["users"][role]["email"])
    page.get_by_label("Password").fill(stage.demo["users"][role]["password"])
    page.get_by_role("button", name="Sign in").click()


def test_a_key_or_a_secret_is_made_once_however_often_its_form_is_sent(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/api-keys")
    page.get_by_label("Name").fill("Night build")
    page.get_by_role("button", name="Create key").dblclick()
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your new key")).to_have_count(0)
    expect(page.get_by_role("row", name="Night build")).to_have_count(1)
    page.goto(f"{stage.url}/settings/webhooks")
    page.get_by_label("Address").fill("https://hooks.example/testkase")
    page.get_by_role("button", name="Add endpoint").dblclick()
    expect(page.get_by_role("heading", name="The endpoint’s secret")).to_be_visible()
    page.get_by_role("button", name="Make a new secret").dblclick()
    expect(page.get_by_role("heading", name="The new secret")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="hooks.example")).to_be_visible()
    expect(page.get_by_role("heading", name="The new secret")).to_have_count(0)


@pytest.mark.requirement("B4")
def test_staff_read_the_invariants_on_a_phone(stage: Stage, module_database: TestDatabase) -> None:
    with psycopg.connect(module_database.owner_url) as owner:
        owner.execute("UPDATE app_user SET is_staff = true WHERE email = %s", [stage.demo["users"]["owner"]["email"]])
    page = stage.signed_in("owner", viewport=PHONE)
    page.goto(f"{stage.url}/staff/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Invariants").click()
    code = page.get_by_role("cell", name="history", exact=True)
    sentence = page.get_by_role("cell", name="Every record of the")
    beside, below = code.bounding_box(), sentence.bounding_box()
    assert beside is not None
    assert below is not None
    assert beside["height"] < 40  # on one line, not a letter on each
    assert below["y"] >= beside["y"] + beside["height"]


@pytest.mark.requirement("B5")
def test_staff_read_on_a_phone_which_payment_does_not_agree(stage: Stage, module_database: TestDatabase) -> None:
    fault = {
        "kind": "surplus", "payment_id": "pay_Ofq1xLXJHtcvwF", "order_id": "order_BQVEIYbCq9UTgD", "amount": 531,
        "currency": "USD", "refunded": 0, "org_id": 1, "purchase_id": "bill_01M8M9EVZZ59TBXMMVZNGPA061",
    }  # fmt: skip
    with psycopg.connect(module_database.owner_url) as owner:
        owner.execute("UPDATE app_user SET is_staff = true WHERE email = %s", [stage.demo["users"]["owner"]["email"]])
        owner.execute(
            "INSERT INTO match_report (day, captured, matched, taken, faults) VALUES ('2026-11-28', 1, 0, '{}', %s)",
            [json.dumps([fault])],
        )
    page = stage.signed_in("owner", viewport=PHONE)
    page.goto(f"{stage.url}/staff/payments")
    row = page.locator("#faults-title").locator("xpath=ancestor::section").get_by_role("row").last
    for text in ("2026-11-28", fault["payment_id"], fault["order_id"], fault["purchase_id"]):
        cell = row.get_by_role("cell").filter(has_text=str(text)).bounding_box()
        assert cell is not None
        assert cell["height"] < 40, text
    assert row.get_by_role("cell").first.evaluate("one => one.scrollWidth <= one.clientWidth")
