"""Open pages follow what happens elsewhere, without being reloaded."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import answer
from tests.support.stage import Stage
from tests.support.upstream import Upstream

REQUIREMENT = "A signed-in customer applies a voucher code at checkout. A code can be used once per customer."


def spend(stage: Stage, credits: str, key: str) -> None:
    """A program of the organization uses credits."""
    body = {"use_case": "chat", "user": "bot@example.com", "credits": credits}
    headers = {"Authorization": f"Bearer {stage.demo['api_key']}", "Idempotency-Key": key}
    sent = httpx.post(f"{stage.url}/api/v1/usage", json={"id": key, **body}, headers=headers, trust_env=False)
    assert sent.status_code < 300, sent.text


def switch_off(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/settings/ai-credits")
    page.get_by_role("link", name="Switch AI off").click()
    page.get_by_role("button", name="Switch AI off for everyone").click()
    expect(page.get_by_role("heading", name="AI is off for this organization")).to_be_visible()


def stays(page: Page) -> None:
    """From here on, a reload would lose the mark."""
    page.evaluate("window.notReloaded = true")


def stayed(page: Page) -> bool:
    return bool(page.evaluate("window.notReloaded === true"))


@pytest.mark.requirement("R40", "R53", "R59", "R60", "R62", "P13")
def test_the_owner_switches_ai_off_and_everybodys_open_pages_follow(stage: Stage, model: Upstream) -> None:
    model.default = answer(delay=1.5)
    writing, running = stage.signed_in("member"), stage.signed_in("admin")
    for page in (writing, running):
        page.goto(f"{stage.url}/projects/SHOP/generate")
        page.get_by_label("Requirement").fill(REQUIREMENT)
    running.get_by_role("button", name="Generate").click()
    running.wait_for_url("**/generations/*")
    expect(running.locator("#progress")).to_contain_text("of", timeout=15_000)
    cases = writing.context.new_page()
    cases.goto(f"{stage.url}/projects/SHOP")
    entry = cases.get_by_role("link", name="Generate test cases")
    expect(entry).to_be_visible()
    for page in (writing, running, cases):
        stays(page)

    owner = stage.signed_in("owner")
    switch_off(owner, stage)

    expect(entry).to_be_hidden()
    expect(cases.locator("#nav-balance")).to_be_hidden()
    expect(cases.get_by_text("AI was switched off for")).to_be_visible()
    expect(writing.get_by_role("button", name="Generate")).to_be_hidden()
    expect(writing.get_by_text("What you wrote stays on this page")).to_be_visible()
    expect(writing.get_by_label("Requirement")).to_have_value(REQUIREMENT)
    expect(running.locator("#progress")).to_contain_text("0 credits: AI was switched off", timeout=15_000)

    owner.get_by_role("button", name="switch AI on for everyone").click()
    expect(entry).to_be_visible()
    expect(cases.locator("#nav-balance")).to_be_visible()
    expect(writing.get_by_role("button", name="Generate")).to_be_visible()
    assert all(stayed(page) for page in (writing, running, cases))


@pytest.mark.requirement("R53", "R46")
def test_balance_and_usage_follow_a_call_of_a_program(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/settings/ai-credits")
    before = page.locator("#nav-balance strong").inner_text()
    usage = page.get_by_role("region", name="Usage")
    expect(usage.get_by_text("1.25")).to_have_count(0)
    stays(page)
    spend(stage, "1.25", "a-call-of-a-program")
    expect(page.locator("#nav-balance strong")).not_to_have_text(before)
    after = page.locator("#nav-balance strong").inner_text()
    assert round(float(before) - float(after), 2) == 1.25
    expect(page.locator("#summary .figure__value").first).to_contain_text(after)
    expect(usage.get_by_role("row").filter(has_text="1.25")).to_be_visible()
    assert stayed(page)


@pytest.mark.requirement("P15")
def test_a_page_left_open_in_another_tab_does_not_outlive_the_session(stage: Stage) -> None:
    page = stage.signed_in("member")
    left = page.context.new_page()
    left.goto(f"{stage.url}/projects/SHOP")
    page.context.clear_cookies(name="sessionid")
    left.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # what looking at it again does
    left.wait_for_url("**/accounts/login/**")


@pytest.mark.requirement("P15")
def test_a_page_left_open_does_not_stay_for_whoever_signs_in_next(stage: Stage) -> None:
    left, member = stage.signed_in("owner"), stage.signed_in("member")
    left.goto(f"{stage.url}/settings/members")
    expect(left.get_by_role("button", name="Send invitation")).to_be_visible()
    left.context.clear_cookies(name="sessionid")
    left.context.add_cookies([one for one in member.context.cookies() if one.get("name") == "sessionid"])  # type: ignore[misc]
    left.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(left.get_by_role("button", name="Send invitation")).to_have_count(0)
    expect(left.locator("summary[aria-label^='Account of']")).to_have_text("ML")


def test_only_what_a_page_tries_again_by_itself_is_promised_where_the_server_cannot_be_reached(stage: Stage) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/chat")
    part = "<div id='part' hx-get='/balance' hx-trigger='every 100ms'></div>"
    page.evaluate(
        f'document.body.insertAdjacentHTML("beforeend", "{part}"); htmx.process(document.getElementById("part"))'
    )
    page.context.set_offline(True)
    toasts = page.locator("#toasts")
    expect(toasts).to_have_text("The server cannot be reached. The page tries again by itself.")
    page.get_by_label("Your question").fill("Which test cases failed lately?")
    page.get_by_role("button", name="Ask").click()
    expect(toasts).to_contain_text("may not have heard of this. Try it again in a moment.")
    page.context.set_offline(False)
    with page.expect_response("**/balance"):  # the part is heard again; the question is not on its way yet
        pass
    expect(toasts).to_contain_text("Try it again in a moment.")
    page.get_by_label("Your question").fill(" ")
    page.get_by_role("button", name="Ask").click()
    expect(toasts).to_have_text("")
    expect(page.locator("#chat-refusal")).not_to_have_text("")
    stage.complaints.clear()  # the browser's own


def test_a_page_listens_again_however_long_the_server_was_away(stage: Stage) -> None:
    """After a quarter of a minute without one, it asked for tickets instead until somebody reloaded it."""
    page = stage.signed_in("member")
    page.clock.install()
    page.goto(f"{stage.url}/settings/ai-credits")
    page.route("**/live**", lambda route: route.fulfill(status=404))  # as a proxy answers that has nobody to ask
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    for _ in range(7):
        with page.expect_response("**/live/ticket"):
            page.clock.fast_forward(20_000)
    page.unroute("**/live**")
    with page.expect_request("**/live?ticket=*", timeout=10_000):
        page.clock.fast_forward(20_000)
