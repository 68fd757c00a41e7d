"""A tester's day: a folder, a test case, a cycle, its execution, and the results of the night."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.stage import PHONE, Stage

WAIT_MS = 30_000
"""For what the worker does: it may only just have been started."""
RESULTS = (
    '<testsuite><testcase classname="shop.ReturnsTest" name="sends_label" time="1.5"/>'
    '<testcase classname="shop.ReturnsTest" name="unknown"><failure message="No label"/></testcase></testsuite>'
)


def folder(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/projects/SHOP")
    page.get_by_role("link", name="New folder").click()
    page.get_by_label("Name").fill("Returns")
    page.get_by_role("button", name="Create folder").click()
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()


def case(page: Page) -> None:
    """Written with the keyboard and the buttons of the steps."""
    page.get_by_role("link", name="Write a test case").click()
    page.get_by_label("Title").fill("A label is sent for a return")
    page.get_by_label("Status").select_option("ready")
    page.get_by_label("Automation id").fill("shop.ReturnsTest.sends_label")
    page.get_by_label("Step 1: action").fill("Open the letter")
    page.get_by_role("button", name="Add a step").click()
    expect(page.get_by_label("Step 2: action")).to_be_focused()
    page.get_by_label("Step 2: action").fill("Ask for a return")
    page.get_by_label("Step 2: expected result").fill("A letter comes")
    page.get_by_role("button", name="Move step 2 up").press("Enter")
    expect(page.get_by_label("Step 1: action")).to_have_value("Ask for a return")
    expect(page.locator("[data-step-news]")).to_have_text("Now step 1")
    page.get_by_role("button", name="Write test case").click()
    expect(page.get_by_role("heading", name="A label is sent for a return")).to_be_visible()
    expect(page.locator(".steps li").first).to_contain_text("Ask for a return")


def chosen_into_a_cycle(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/projects/SHOP/cycles")
    page.get_by_role("link", name="New cycle").click()
    page.get_by_label("Name").fill("Returns, first round")
    page.get_by_label("Put in all test cases that are ready").uncheck()
    page.get_by_role("button", name="Create cycle").click()
    expect(page.get_by_role("heading", name="No test cases in this cycle yet")).to_be_visible()
    page.goto(f"{stage.url}/projects/SHOP?text=return")
    page.get_by_label("Choose all shown").check()
    expect(page.locator("[data-ticked]")).to_have_text("1")
    page.get_by_role("combobox", name="Test cycle").select_option(label="Returns, first round")
    page.get_by_role("button", name="Add to cycle").click()
    expect(page.get_by_text("1 test case added to the cycle.")).to_be_visible()


def executed(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/projects/SHOP/cycles")
    page.get_by_role("link", name="Returns, first round").click()
    page.get_by_role("link", name="A label is sent for a return").click()
    page.get_by_label("Comment").fill("No letter came")
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("1 of 1 executed")).to_be_visible()
    expect(page.get_by_text("No letter came")).to_be_visible()


def imported(page: Page, stage: Stage, file: Path) -> None:
    file.write_text(RESULTS)
    page.goto(f"{stage.url}/projects/SHOP/imports")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("Into the test cycle").select_option(label="Returns, first round")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Done: 2 lines of the file accounted for")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("No test case has the automation id shop.ReturnsTest.unknown")).to_be_visible()


@pytest.mark.requirement("R63")
def test_a_tester_writes_plans_executes_and_imports(stage: Stage, tmp_path: Path) -> None:
    page = stage.signed_in("member")
    folder(page, stage)
    case(page)
    chosen_into_a_cycle(page, stage)
    executed(page, stage)
    imported(page, stage, tmp_path / "night.xml")
    page.get_by_role("link", name="Returns, first round").click()
    expect(page.locator("tbody tr")).to_contain_text([re.compile("Passed.*2×", re.DOTALL)])
    page.get_by_role("button", name="Finish").click()
    expect(page.locator(".tag", has_text="Finished")).to_be_visible()


@pytest.mark.requirement("R63")
def test_steps_are_dragged_and_folders_fold_away_on_a_phone(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/cases/SHOP-1/edit")
    first = page.get_by_label("Step 1: action").input_value()
    page.locator("[data-step-handle]").first.hover()
    page.mouse.down()
    page.locator("[data-step-handle]").nth(2).hover(position={"x": 5, "y": 5})
    page.locator("[data-step-handle]").nth(2).hover(position={"x": 5, "y": 38})
    page.mouse.up()
    expect(page.get_by_label("Step 3: action")).to_have_value(first)
    expect(page.locator("[data-step-news]")).to_have_text("Now step 3")
    phone = stage.signed_in("member", viewport=PHONE)
    phone.goto(f"{stage.url}/projects/SHOP")
    expect(phone.get_by_role("link", name="Vouchers")).to_be_hidden()
    phone.locator("#filter-status").select_option("deprecated")
    expect(phone.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(phone.get_by_role("link", name="Vouchers")).to_be_hidden()
    phone.go_back()
    expect(phone.get_by_role("heading", name="Nothing here")).to_be_hidden()
    phone.locator(".tree summary").click()
    with phone.expect_response(f"{stage.url}/balance"):
        phone.evaluate("htmx.trigger(document.body, 'balance-changed')")
    phone.wait_for_timeout(200)
    phone.get_by_role("link", name="Vouchers").click()
    expect(phone.get_by_role("link", name="Voucher field rejects an expired code")).to_be_visible()
