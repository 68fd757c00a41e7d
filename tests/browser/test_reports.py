"""All reports of a project in one go, as a member makes them at the end of a sprint."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.keyboard import tab_to
from tests.support.stage import Stage
from tests.support.upstream import Reply, Upstream

ARRIVAL_MS = 30_000


def advice(*, delay: float = 0.02) -> Reply:
    """A sentence as the embedded model writes it, piece by piece."""
    text = json.dumps({"text": "Check the environment first, and look at what changed since the last cycle."})
    pieces = tuple(text[start : start + 20] for start in range(0, len(text), 20))
    return Reply(chunks=pieces, delay_chunk=delay, usage={"prompt_tokens": 400, "completion_tokens": 30})


def balance(page: Page) -> float:
    return float(re.sub(r"[^\d.]", "", page.locator("#nav-balance strong").inner_text()))


@pytest.mark.requirement("R67", "R53", "B9", "P11")
def test_a_member_makes_all_reports_at_once_and_reads_them(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    before = balance(page)
    model.default = advice(delay=0.1)
    page.goto(f"{stage.url}/projects/SHOP")
    page.get_by_role("link", name="Reports", exact=True).click()
    page.locator("#report-actions").get_by_role("link", name="New report").click()
    estimate = page.locator("#report-estimate")
    for name in ("Flaky tests", "Suite optimisation", "Release readiness"):
        page.get_by_role("checkbox", name=re.compile(name)).check()
    expect(estimate).to_contain_text("3 reports")
    expect(estimate).to_contain_text("At most")
    page.goto(f"{stage.url}/projects/SHOP")
    page.go_back()
    expect(estimate).to_contain_text("3 reports")
    page.get_by_role("button", name="Make reports").click()
    page.wait_for_url(re.compile(r"/reports/\d+"))
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_role("heading", name="What was found")).to_be_visible(timeout=ARRIVAL_MS)
    expect(page.locator("#report .live")).to_contain_text("Check the", timeout=ARRIVAL_MS)
    cost = page.locator(".cost")
    expect(cost).to_contain_text("for 3 reports", timeout=ARRIVAL_MS)
    charged = float(cost.inner_text().split()[0])
    expect(page.locator("#nav-balance strong")).to_have_text(f"{before - charged:.2f}")
    assert page.evaluate("window.notReloaded") is True
    expect(page.get_by_text("Check the environment first").first).to_be_visible()
    page.get_by_role("link", name="Release readiness").click()
    expect(page.get_by_role("heading", name="What stands in the way")).to_be_visible()
    page.get_by_text("Show the figures").click()
    expect(page.get_by_role("cell", name=re.compile(r"^\d+$")).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.suggested_filename.startswith("shop-readiness-")
    page.locator(".cost").get_by_role("link", name="receipt").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"{charged:.2f} credits")


@pytest.mark.requirement("P17", "B10")
def test_a_report_without_a_text_shows_its_figures_and_costs_nothing(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    model.default = Reply(status=500, error={"message": "out of order"})
    page.goto(f"{stage.url}/projects/SHOP/reports/new")
    tab_to(page, page.get_by_role("checkbox", name=re.compile("Risk")))
    page.keyboard.press("Space")
    expect(page.locator("#report-estimate")).to_contain_text("1 report")
    expect(page.get_by_role("checkbox", name=re.compile("Risk"))).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Make reports"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("0 credits: no text")).to_be_visible(timeout=ARRIVAL_MS)
    expect(page.get_by_role("heading", name="Folders by risk")).to_be_visible()


@pytest.mark.requirement("P17")
def test_reports_are_cancelled_without_a_mouse_and_without_a_reload(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    model.default = advice(delay=2)
    page.goto(f"{stage.url}/projects/SHOP/reports/new?kinds=flaky&kinds=risk")
    page.get_by_role("button", name="Make reports").click()
    expect(page.locator("#report .live")).to_contain_text("Check the", timeout=ARRIVAL_MS)
    page.evaluate("window.notReloaded = true")
    cancel = page.get_by_role("button", name="Cancel")
    tab_to(page, cancel)
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+\.\d\d credits for 2 reports: it was cancelled$"))).to_be_visible(
        timeout=ARRIVAL_MS
    )
    expect(cancel).to_have_count(0)
    expect(page.get_by_role("heading", name="What was found")).to_be_visible()
    assert page.evaluate("window.notReloaded && document.activeElement !== document.body")
    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cancelled")
