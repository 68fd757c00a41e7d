"""Every page in light and dark, on a laptop and on a phone: nothing sticks out, nothing is fetched from elsewhere."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.stage import LAPTOP, PHONE, Stage

OWNERS_PAGES = (
    "/projects",
    "/projects/new",
    "/projects/SHOP",
    "/projects/SHOP/cases/SHOP-1",
    "/projects/SHOP/generate",
    "/settings/ai-credits",
    "/settings/ai-credits/switch",
    "/settings/api-keys",
    "/settings/members",
    "/settings/ownership",
    "/projects/SHOP/members",
    "/help/ai-privacy",
    "/accounts/password/change/",
    "/accounts/email/",
    "/nowhere",
)
ENTRANCES = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "viewport"), [("laptop", LAPTOP), ("phone", PHONE)])
def test_pages_fit_the_screen(stage: Stage, device: str, viewport: dict[str, int], scheme: str) -> None:
    page = stage.signed_in("owner", viewport=viewport, color_scheme=scheme)
    for address in OWNERS_PAGES:
        page.goto(stage.url + address)
        expect(page.locator("h1")).to_have_count(1)
        assert fits(page), address
    entrance = stage.page(viewport=viewport, color_scheme=scheme)
    for address in ENTRANCES:
        entrance.goto(stage.url + address)
        assert fits(entrance), address


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


@pytest.mark.requirement("R39", "R40", "P15")
def test_a_member_sees_no_door_that_is_not_theirs(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/settings/ai-credits")
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    expect(page.get_by_role("link", name="AI is on")).to_have_count(0)


@pytest.mark.requirement("R40", "R53", "R59", "R62", "R76")
def test_the_owner_switches_ai_off_and_on_and_the_balance_follows(stage: Stage) -> None:
    page = stage.signed_in("owner")
    page.goto(f"{stage.url}/settings/ai-credits")
    page.get_by_role("link", name="AI is on").click()
    page.get_by_role("button", name="Switch AI off for everyone").click()
    expect(page.locator("#nav-balance")).to_be_hidden()
    page.get_by_role("link", name="Switch AI on").click()
    page.get_by_label("I have read the privacy advice").check()
    page.get_by_role("button", name="Switch AI on for everyone").click()
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
    page.locator("details[data-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
