"""A month of one organization as its four kinds of people live it, each in a browser of their own."""

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.stage import Stage

WAIT_MS = 30_000
"""For what the worker does: it looks every second or two, but may only just have been started."""


MANAGING = re.compile("Export|API keys|Generate|Switch AI|Set alerts")
"""Names of links that lead to what a guest may not do."""


def spend(stage: Stage, credits: str) -> None:
    """A program of the organization uses credits."""
    body = {"id": f"spent-{credits}", "use_case": "chat", "user": "bot@example.com", "credits": credits}
    headers = {"Authorization": f"Bearer {stage.demo['api_key']}"}
    sent = httpx.post(f"{stage.url}/api/v1/usage", json=body, headers=headers, trust_env=False)
    assert sent.status_code == 201, sent.text


def alert_at(admin: Page, stage: Stage, credits: str) -> None:
    admin.goto(f"{stage.url}/settings/ai-credits/alerts")
    admin.get_by_label("Another threshold in credits").fill(credits)
    admin.get_by_role("button", name="Add").click()
    expect(admin.get_by_role("button", name=f"Remove the threshold {credits}")).to_be_visible()


@pytest.mark.requirement("P12", "R55", "R56", "R39", "R74", "R75", "B12")
def test_credits_run_low_and_everybody_learns_it_their_own_way(stage: Stage) -> None:
    owner, admin, member = (stage.signed_in(role) for role in ("owner", "admin", "member"))
    alert_at(admin, stage, "290.00")
    owner.goto(f"{stage.url}/settings/ai-credits")
    spend(stage, "15.00")

    # The owner's open page says so, and the bell leads on.
    expect(owner.locator("#nav-balance")).to_contain_text("285.00")
    expect(owner.locator("#bell-count")).to_contain_text("1", timeout=WAIT_MS)
    owner.locator("#bell summary").click()
    owner.locator("#bell").get_by_role("button", name=re.compile("AI credits are low")).click()
    expect(owner.locator("#bell-count")).to_have_text("")

    # The member is told whom to ask, and can put the banner away.
    expect(member.get_by_text("Ask your Owner to buy credits.")).to_be_visible(timeout=WAIT_MS)
    member.get_by_role("button", name="Dismiss until the next alert").click()
    expect(member.get_by_text("Ask your Owner to buy credits.")).to_have_count(0)
    member.reload()
    expect(member.get_by_text("Ask your Owner to buy credits.")).to_have_count(0)

    # The letters, and the record of who set the alert.
    deadline = time.monotonic() + WAIT_MS / 1_000
    while not any("AI credits are low" in letter for letter in stage.letters()) and time.monotonic() < deadline:
        time.sleep(0.1)
    admin.goto(f"{stage.url}/mailbox")
    expect(admin.get_by_role("heading", name=re.compile("AI credits are low")).first).to_be_visible()
    admin.goto(f"{stage.url}/settings/activity")
    expect(admin.get_by_text(re.compile("set alerts at .*290"))).to_be_visible()

    # The statement adds up, and the owner takes it along.
    owner.goto(f"{stage.url}/settings/ai-credits")
    owner.get_by_role("link", name=re.compile(": statement")).first.click()
    expect(owner.get_by_text("It adds up")).to_be_visible()
    with owner.expect_download() as waiting:
        owner.get_by_role("link", name="Download PDF").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"%PDF")


@pytest.mark.requirement("P15", "R41", "R38")
def test_a_guest_reads_the_project_sees_the_balance_and_meets_no_ai(stage: Stage) -> None:
    admin, guest = stage.signed_in("admin"), stage.signed_in("member")
    guest.goto(f"{stage.url}/projects/SHOP")
    expect(guest.get_by_role("link", name="Generate test cases")).to_be_visible()
    admin.goto(f"{stage.url}/projects/SHOP/members")
    admin.get_by_label("Role of Mira Lindqvist").select_option("guest")
    admin.get_by_role("button", name=re.compile("Save.*Mira Lindqvist")).click()
    expect(admin.locator("#toasts")).to_contain_text("Saved")

    guest.reload()
    expect(guest.get_by_role("link", name=re.compile("Generate"))).to_have_count(0)
    expect(guest.locator("#nav-balance")).to_be_visible()
    guest.goto(f"{stage.url}/projects/SHOP/generate")
    expect(guest.locator("h1")).to_have_text("Not allowed")
    expect(guest.get_by_text("Ask a project admin")).to_be_visible()
    for address in ("/settings/ai-credits", "/settings/activity", "/projects/SHOP/cases/SHOP-1"):
        guest.goto(stage.url + address)
        expect(guest.get_by_role("link", name=MANAGING)).to_have_count(0)
