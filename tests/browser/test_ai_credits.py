"""The AI Credits page in a browser: breakdown, chart and filters, on a laptop and on a phone, in light and dark."""

import random
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, expect

from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.stage import LAPTOP, PHONE, Stage

PAGE = "/settings/ai-credits"


@pytest.fixture(scope="module")
def month(running: Stage, module_database: TestDatabase) -> None:
    """120 interactions of the demo people and of somebody who is gone."""
    with psycopg.connect(module_database.owner_url) as owner:
        org_id = owner.execute("SELECT id FROM organization").fetchall()[0][0]
    people = [person["email"] for person in running.demo["users"].values()] + ["gone.with.a.long.name@example.com"]
    choose = random.Random(7)
    commands = [
        RecordUsage(
            org_id=org_id,
            usage_id=f"call-{number}",
            subject=Subject(
                use_case=choose.choice(["test_generation"] * 5 + ["chat", "chat", "report", "nightly_import"]),
                user=choose.choice(people),
                project=choose.choice(["SHOP", "SHOP", None, "APP"]),
            ),
            credits=choose.randrange(1, 300) * MICRO // 100,
        )
        for number in range(120)
    ]
    database = SyncDatabase(module_database.app_url)
    database.run(execute(commands), org_id=org_id)
    database.close()


@pytest.fixture
def busy(month: None, stage: Stage) -> Stage:
    """The running product with a month behind it."""
    return stage


_IN_THEIR_PLACE = "[...document.querySelectorAll('.filters .field')].every(one => one.scrollWidth <= one.clientWidth)"


def fits(page: Page) -> bool:
    return bool(page.evaluate(f"document.documentElement.scrollWidth <= window.innerWidth && {_IN_THEIR_PLACE}"))


@pytest.mark.requirement("R54")
def test_the_page_fits_with_a_chart_and_filters(busy: Stage) -> None:
    page = busy.signed_in("owner")
    for by in ("use_case", "user", "project"):
        page.goto(f"{busy.url}{PAGE}?by={by}")
        expect(page.get_by_role("img", name="Credits consumed day by day")).to_be_visible()
        page.get_by_text("Show the figures day by day").click()
        for viewport in (LAPTOP, PHONE):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            assert fits(page), (by, viewport)


@pytest.mark.requirement("R54")
def test_names_beside_the_chart_have_room_for_their_words(busy: Stage) -> None:
    """They broke into letters on a tablet and on the smallest phones."""
    page = busy.signed_in("owner")
    page.goto(f"{busy.url}{PAGE}")
    for width in (320, 720, 900, 1000):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".table--parts tbody th").first.evaluate("one => one.clientWidth") >= 110, width


@pytest.mark.requirement("R42")
@pytest.mark.parametrize("width", [320, PHONE["width"]])
def test_on_a_phone_the_buttons_at_the_top_leave_the_balance_in_sight(busy: Stage, width: int) -> None:
    """Two in a row and equally wide, below the one that matters most: five in a column hid the balance."""
    page = busy.signed_in("owner", viewport={"width": width, "height": PHONE["height"]})
    page.goto(busy.url + PAGE)
    buttons = page.locator(".page__head .button")
    expect(buttons).to_have_count(5)
    first, *others = buttons.evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())")
    assert len({round(each["width"]) for each in others}) == 1
    assert others[0]["width"] < first["width"] / 2
    assert len({each["top"] for each in others}) == 2
    assert all(buttons.evaluate_all("all => all.map(one => one.scrollWidth <= one.clientWidth)"))
    assert fits(page)
    balance = page.locator(".balance").first.bounding_box()
    assert balance is not None
    assert balance["y"] + balance["height"] <= PHONE["height"]


@pytest.mark.requirement("P11")
def test_filters_act_at_once_stand_in_the_address_and_can_be_cleared(busy: Stage) -> None:
    page = busy.signed_in("owner")
    page.goto(busy.url + PAGE)
    page.get_by_role("link", name="By user").click()
    expect(page.get_by_role("link", name="By user")).to_have_attribute("aria-current", "true")
    page.wait_for_url("**by=user*")
    page.get_by_label("Use case").select_option(label="Chat assistant")
    page.wait_for_url("**use_case=chat*")
    rows = page.locator(".table--usage tbody tr")
    expect(rows.filter(has_text="Chat assistant").first).to_be_visible()
    expect(rows.filter(has_text="Test case generation")).to_have_count(0)
    expect(page.get_by_role("link", name="By user")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.get_by_label("Use case")).to_have_value("chat")
    page.get_by_role("link", name="Clear filters").click()
    expect(rows.filter(has_text="Test case generation").first).to_be_visible()
    page.get_by_label("To", exact=True).fill("2020-01-01")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No interactions match")).to_be_visible()


@pytest.mark.requirement("P11")
def test_the_owner_downloads_what_the_filter_shows(busy: Stage) -> None:
    page = busy.signed_in("owner")
    page.goto(f"{busy.url}{PAGE}?use_case=report")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0].startswith("Date,Use Case,User")
    assert len(lines) > 1
    assert all("AI report" in line for line in lines[1:])


def test_the_keyboard_and_a_screen_reader_reach_the_figures(busy: Stage) -> None:
    page = busy.signed_in("member")
    page.goto(busy.url + PAGE)
    expect(page.get_by_role("img", name="Credits consumed day by day")).to_be_visible()
    page.get_by_text("Show the figures day by day").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Figures day by day")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Chat assistant").first).to_be_visible()
