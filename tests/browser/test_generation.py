"""The main job, as a member does it: write a requirement, press Generate, watch, decide, see what it cost."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import answer
from tests.support.keyboard import tab_to
from tests.support.stage import Stage
from tests.support.upstream import Reply, Upstream

REQUIREMENT = "A user is locked out for 30 minutes after 5 failed attempts. Only an administrator can unlock them."
ARRIVAL_MS = 30_000


def start_generating(page: Page, stage: Stage, cases: int) -> None:
    page.goto(f"{stage.url}/projects/SHOP")
    page.get_by_role("link", name="Generate test cases").click()
    page.get_by_role("textbox", name="Requirement").fill(REQUIREMENT)
    page.get_by_label("Test cases").select_option(str(cases))
    expect(page.locator("#guidance")).to_contain_text("about")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url("**/generations/*")


def balance(page: Page) -> float:
    return float(re.sub(r"[^\d.]", "", page.locator("#nav-balance strong").inner_text()))


@pytest.mark.requirement("R1", "R53", "B3", "B9")
def test_a_member_generates_watches_and_sees_the_cost_without_a_reload(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    before = balance(page)
    model.default = answer(delay=0.15)
    start_generating(page, stage, 3)
    page.evaluate("window.notReloaded = true")
    drafts, progress = page.locator(".draft[id]"), page.locator("#progress")
    expect(progress.locator("progress")).to_be_visible()
    expect(progress.locator(".live")).to_contain_text("A user has", timeout=ARRIVAL_MS)
    expect(drafts).to_have_count(1, timeout=ARRIVAL_MS)
    expect(progress.locator("progress")).to_be_visible()
    expect(drafts).to_have_count(3, timeout=ARRIVAL_MS)
    cost = page.locator(".cost")
    expect(cost).to_have_text(re.compile(r"^\s*\d+\.\d\d credits · receipt\s*$"), timeout=ARRIVAL_MS)
    charged = float(cost.inner_text().split()[0])
    assert charged > 0
    expect(page.locator("#nav-balance strong")).to_have_text(f"{before - charged:.2f}")
    assert page.evaluate("window.notReloaded") is True
    cost.get_by_role("link", name="receipt").click()
    receipt = page.get_by_role("dialog")
    expect(receipt).to_contain_text(f"{charged:.2f} credits")
    expect(receipt).to_contain_text("Monthly allowance")
    page.keyboard.press("Escape")
    expect(receipt).to_be_hidden()


def test_accepted_drafts_become_test_cases_and_rejected_ones_do_not(stage: Stage) -> None:
    page = stage.signed_in("member")
    start_generating(page, stage, 2)
    expect(page.locator(".cost")).to_be_visible(timeout=ARRIVAL_MS)
    first, second = page.locator("#draft-1"), page.locator("#draft-2")
    first.get_by_role("button", name="Accept").click()
    expect(first).to_contain_text("Accepted")
    second.get_by_role("button", name="Reject").click()
    expect(second).to_contain_text("Rejected")
    first.locator("summary").click()
    first.get_by_role("link", name=re.compile(r"SHOP-\d+")).click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".steps li")).to_have_count(2)


@pytest.mark.requirement("P17", "B10")
def test_a_failure_says_that_it_cost_nothing(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    before = balance(page)
    model.default = Reply(status=500, error={"message": "out of order"})
    start_generating(page, stage, 1)
    expect(page.locator("#progress")).to_contain_text("0 credits: the model failed", timeout=ARRIVAL_MS)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("textbox", name="Requirement")).to_have_value(REQUIREMENT)
    expect(page.locator("#guidance")).to_contain_text("about")
    page.goto(f"{stage.url}/settings/ai-credits")
    assert balance(page) == before


@pytest.mark.requirement("R68", "B9")
def test_a_poor_requirement_gets_tips_and_a_better_one_fewer(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/generate")
    page.get_by_role("textbox", name="Requirement").fill("login")
    expect(page.locator(".hint--weak li")).to_have_count(3)
    page.get_by_role("button", name="Use an example").click()
    expect(page.locator(".hint--strong")).to_be_visible()
    page.goto(f"{stage.url}/projects/SHOP")
    page.go_back()
    expect(page.get_by_role("textbox", name="Requirement")).not_to_have_value("")
    expect(page.locator("#guidance")).to_contain_text("about")


def test_a_draft_is_edited_and_accepted_into_a_folder_and_the_rest_at_once(stage: Stage) -> None:
    page = stage.signed_in("member")
    start_generating(page, stage, 3)
    expect(page.locator(".cost")).to_be_visible(timeout=ARRIVAL_MS)
    expect(page.locator("#drafts-bar")).to_contain_text("3 drafts to decide on")
    page.locator("#draft-1").get_by_role("link", name="Edit").click()
    form = page.get_by_role("form", name="Edit draft 1")
    form.get_by_label("Title").fill("Locked out, and told why")
    page.locator("#draft-2").get_by_role("link", name="Edit").click()
    page.get_by_role("form", name="Edit draft 2").get_by_role("button", name="Cancel").click()
    expect(page.locator("#draft-2").get_by_role("link", name="Edit")).to_be_visible()
    expect(form.get_by_label("Title")).to_have_value("Locked out, and told why")
    form.get_by_role("button", name="Add a step").click()
    form.get_by_label("Step 3: action").fill("Wait for 31 minutes and sign in.")
    form.get_by_role("button", name="Remove step 2").click()
    folder = form.get_by_label("Folder").locator("option").nth(1).inner_text()
    form.get_by_label("Folder").select_option(label=folder)
    form.get_by_role("button", name="Accept as edited").click()
    first = page.locator("#draft-1")
    expect(first).to_contain_text("Accepted")
    expect(page.locator("#drafts-bar")).to_contain_text("2 drafts to decide on")
    page.get_by_role("button", name="Reject all").click()
    expect(page.locator("body")).to_contain_text("2 drafts rejected.")
    first.locator("summary").click()
    first.get_by_role("link", name=re.compile(r"SHOP-\d+")).click()
    expect(page.get_by_role("heading", name="Locked out, and told why")).to_be_visible()
    expect(page.locator(".steps li")).to_have_count(2)
    expect(page.locator(".crumbs")).to_contain_text(folder)
    expect(page.locator("main")).to_contain_text("edited and accepted by")


@pytest.mark.requirement("R1", "B9")
def test_suggested_steps_are_taken_over_one_by_one(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    step = {"action": "Reload the page and check the total.", "expected": "The page shows the lower total."}
    text = json.dumps(step)
    model.default = Reply(chunks=(text[:30], text[30:]), usage={"prompt_tokens": 400, "completion_tokens": 40})
    page.goto(f"{stage.url}/projects/SHOP/cases/SHOP-2")
    before = page.locator(".steps li").count()
    page.get_by_role("link", name="Suggest steps").click()
    expect(page.locator("#board")).to_contain_text("Estimate")
    page.get_by_role("button", name="Suggest steps").click()
    expect(page.locator(".cost")).to_be_visible(timeout=ARRIVAL_MS)
    suggestion = page.locator("#suggestion-1")
    expect(suggestion).to_contain_text("check the total")
    tab_to(page, suggestion.get_by_role("button", name="Accept"))
    page.keyboard.press("Enter")
    expect(suggestion).to_contain_text("Accepted")
    expect(suggestion).to_be_focused()
    expect(page.locator(".steps li")).to_have_count(before + 1)
    expect(page.locator(".steps li").last).to_contain_text("check the total")


def test_everything_is_done_without_a_mouse_and_the_focus_stays_where_one_works(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/generate")
    tab_to(page, page.get_by_role("textbox", name="Requirement"))
    page.keyboard.type(REQUIREMENT)
    tab_to(page, page.get_by_label("Test cases"))
    page.keyboard.press("2")
    tab_to(page, page.get_by_role("button", name="Generate"))
    page.keyboard.press("Enter")
    expect(page.locator(".cost")).to_be_visible(timeout=ARRIVAL_MS)
    first, second = page.locator("#draft-1"), page.locator("#draft-2")
    tab_to(page, first.get_by_role("button", name="Accept"))
    page.keyboard.press("Enter")
    expect(first).to_contain_text("Accepted")
    expect(first.locator("summary")).to_be_focused()
    page.keyboard.press("Tab")
    expect(second.locator("summary")).to_be_focused()
    tab_to(page, second.get_by_role("link", name="Edit"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("form", name="Edit draft 2").get_by_label("Title")).to_be_focused()
    page.keyboard.press("Enter")
    expect(second).to_contain_text("Accepted")
    expect(second.locator("summary")).to_be_focused()
    model.default = answer(delay=0.15)
    start_generating(page, stage, 8)
    tab_to(page, page.get_by_role("button", name="Cancel"))
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_contain_text("cancelled", timeout=ARRIVAL_MS)
    expect(page.locator("#progress-actions a, .cost a").first).to_be_focused()
