"""The chat assistant, as a member uses it: ask, watch the answer grow, close the page, stop, go on while AI is off."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.stage import LAPTOP, PHONE, Stage
from tests.support.upstream import Reply, Upstream

ARRIVAL_MS = 30_000
SENTENCE = json.dumps({"answer": "Look at the newest failures first, and talk to the developers."})


def sentence(*, delay: float = 0.05) -> Reply:
    pieces = tuple(SENTENCE[start : start + 6] for start in range(0, len(SENTENCE), 6))
    return Reply(chunks=pieces, delay_chunk=delay, usage={"prompt_tokens": 300, "completion_tokens": 30})


def spoken_badly() -> Reply:
    """A sentence about what nobody found."""
    return Reply(chunks=(json.dumps({"answer": "The weather in Tokyo will be a bit different than usual."}),))


def switch_off(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/settings/ai-credits")
    page.get_by_role("link", name="Switch AI off").click()
    page.get_by_role("button", name="Switch AI off for everyone").click()


def asked(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Your question").fill(question)
    page.keyboard.press("Enter")


def pictured(page: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look at it."""
    folder = os.environ.get("CHAT_PICTURES")
    if folder:
        for size in (LAPTOP, PHONE):
            for theme in ("light", "dark"):
                page.set_viewport_size({"width": size["width"], "height": size["height"]})
                page.emulate_media(color_scheme=theme)
                page.wait_for_timeout(150)
                page.screenshot(path=Path(folder) / f"{name}-{size['width']}-{theme}.png", full_page=True)
        page.set_viewport_size({"width": LAPTOP["width"], "height": LAPTOP["height"]})


@pytest.mark.requirement("R1", "R53", "R59", "R60", "B9", "P13")
def test_a_member_asks_watches_leaves_comes_back_and_stops(stage: Stage, model: Upstream) -> None:
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP")
    page.get_by_role("navigation", name=re.compile("shop", re.IGNORECASE)).get_by_role("link", name="Chat").click()
    expect(page.locator("#chat-cost")).to_contain_text("About")
    pictured(page, "empty")
    model.default = sentence(delay=0.25)
    page.get_by_role("button", name="Which test cases failed lately?").click()
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**/chat/*")
    answer = page.locator(".turn__answer").last
    expect(answer.locator(".turn__facts")).to_be_visible(timeout=ARRIVAL_MS)
    expect(answer.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    pictured(page, "writing")
    page.reload()
    expect(page.locator(".turn__answer").last).to_contain_text("talk to the developers", timeout=ARRIVAL_MS)
    foot = page.locator(".turn__foot").last
    expect(foot).to_contain_text(re.compile(r"\d+\.\d\d credits · receipt"), timeout=ARRIVAL_MS)

    page.evaluate("window.notReloaded = true")
    model.default = sentence(delay=0.3)
    asked(page, "How many test cases are there, and how far are the cycles?")
    expect(page.get_by_role("textbox", name="Your question")).to_have_value("")
    expect(page.locator(".chat__list")).to_contain_text("2 questions · answering")
    expect(page.locator(".turn__answer").last.locator(".turn__facts")).to_be_visible(timeout=ARRIVAL_MS)
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".turn__foot").last).to_contain_text("Stopped", timeout=ARRIVAL_MS)
    expect(page.locator(".turn__answer").last).to_be_focused()
    expect(page.locator(".chat__list")).not_to_contain_text("answering")
    assert page.evaluate("window.notReloaded") is True

    model.default = Reply(status=500)
    asked(page, "Which test cases failed lately?")
    expect(page.locator(".turn__answer").last).to_contain_text("0 credits: the model failed", timeout=ARRIVAL_MS)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("textbox", name="Your question")).to_have_value("Which test cases failed lately?")
    model.default = spoken_badly()
    asked(page, "Which test cases failed lately?")
    expect(page.locator(".turn__answer").last).to_contain_text("0 credits: the answer is what", timeout=ARRIVAL_MS)
    page.wait_for_function("document.documentElement.scrollHeight - innerHeight - scrollY < 2")
    pictured(page, "thread")
    long = "prose => { prose.innerHTML = `<ul><li>https://issues.example/${'LongName'.repeat(40)}</li></ul>` }"
    page.locator(".turn .prose").last.evaluate(long)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long address is broken"
    page.set_viewport_size({"width": LAPTOP["width"], "height": LAPTOP["height"]})

    owner = stage.signed_in("owner")
    switch_off(owner, stage)
    expect(page.get_by_role("textbox", name="Your question")).to_be_hidden(timeout=ARRIVAL_MS)
    expect(page.locator(".chat")).to_contain_text("Chats can be read and deleted; you can ask as soon")
    pictured(page, "off")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    owner.get_by_role("button", name="switch AI on for everyone").click()
    expect(page.get_by_role("textbox", name="Your question")).to_be_visible(timeout=ARRIVAL_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/chat")
    expect(page.locator(".chat__list")).to_contain_text("None yet")


@pytest.mark.requirement("P16")
def test_a_page_whose_chat_is_deleted_elsewhere_in_the_middle_says_so_once(stage: Stage, model: Upstream) -> None:
    """It asked on two times a second, and piled up as many messages over the page."""
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/chat")
    model.default = sentence(delay=1)
    asked(page, "How far are the test cycles?")
    page.wait_for_url("**/chat/*")
    running = page.locator(".turn__answer--running")
    expect(running).to_be_visible()

    second = page.context.new_page()
    second.goto(page.url)
    second.on("dialog", lambda dialog: dialog.accept())
    second.get_by_role("button", name="Delete").click()
    second.wait_for_url("**/chat")

    expect(page.locator("#toasts")).to_contain_text("There is no such chat.")
    expect(running).to_have_count(0)
    page.wait_for_timeout(2_500)  # in which a line of the list asks once more, and the answer six times
    expect(page.locator("#toasts .toast")).to_have_count(1)
    question = page.get_by_role("textbox", name="Your question")
    question.fill("And now?")
    page.get_by_role("button", name="Ask").focus()
    page.keyboard.press("Enter")
    expect(question).to_be_focused()
    expect(question).to_have_value("And now?")
