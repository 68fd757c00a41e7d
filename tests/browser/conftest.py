"""The product as people have it: application and worker on a free port, a scripted model, and Chromium."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.cluster import TestDatabase
from tests.support.processes import serving, start, working
from tests.support.upstream import Reply, Upstream, scripted_upstream

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}


def _draft() -> str:
    steps = [
        {"action": "Open the sign-in page.", "expected": "The page asks for the password."},
        {"action": "Then enter the password.", "expected": "The user is signed in again."},
    ]
    return json.dumps({"preconditions": "A user has an account.", "steps": steps})


def answer(*, delay: float = 0.05) -> Reply:
    """A draft as the embedded model writes it, piece by piece."""
    text = _draft()
    pieces = tuple(text[start : start + 20] for start in range(0, len(text), 20))
    return Reply(chunks=pieces, delay_chunk=delay, usage={"prompt_tokens": 400, "completion_tokens": 80})


@dataclass
class Stage:
    """The running product and its demo people."""

    url: str
    demo: dict[str, Any]
    upstream: Upstream
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, **options: Any) -> Page:
        """A fresh browser, on which anything the page complains about or asks of others fails the test."""
        context = self.browser.new_context(**{"viewport": LAPTOP, "timezone_id": "Europe/Berlin", **options})
        self.contexts.append(context)
        page = context.new_page()
        complaints: list[str] = []
        at_home = (self.url, "data:")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_ours(said.text, said.type) else None)
        page.on("request", lambda sent: None if sent.url.startswith(at_home) else complaints.append(sent.url))
        page.complaints = complaints  # type: ignore[attr-defined]
        return page

    def signed_in(self, role: str, **options: Any) -> Page:
        """A fresh browser with one of the demo people signed in through the form."""
        page = self.page(**options)
        page.goto(f"{self.url}/accounts/login/")
        page.get_by_label("Email").fill(self.demo["users"][role]["email"])
        page.get_by_label("Password").fill(self.demo["users"][role]["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects")
        return page


def _is_ours(text: str, kind: str) -> bool:
    """Errors and policy violations count; the browser's own note of a 4xx answer does not."""
    return kind in ("error", "warning") and "the server responded with a status of 4" not in text


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    assert CHROMIUM, "Chromium is not installed; CHROMIUM may name its path."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def running(
    module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Stage]:
    """Application and worker for all tests of a file; the model is scripted and stands where the embedded one would."""
    folder = tmp_path_factory.mktemp("stage")
    owner = {**module_database.environ(), "DATABASE_URL": module_database.owner_url}
    preparing = start("prepare", environ=owner, folder=folder)
    assert preparing.process.wait(90) == 0, preparing.output()
    with scripted_upstream(answer()) as upstream:
        environ = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_MODEL_API_KEY": "scripted"}
        with serving(module_database, folder, environ) as app, working(module_database, folder, environ):
            yield Stage(url=app.url, demo=_demo(folder), upstream=upstream, browser=chromium)


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The running product with a well-behaved model; afterwards every page of the test must have been content."""
    running.upstream.default = answer()
    yield running
    complaints = [text for context in running.contexts for page in context.pages for text in page.complaints]  # type: ignore[attr-defined]
    for context in running.contexts:
        context.close()
    running.contexts.clear()
    assert complaints == []


def _demo(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return found
