"""The product as people have it: application, worker and a browser, on a database with the demo organization."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.support.browsers import found
from tests.support.cluster import TestDatabase
from tests.support.processes import serving, start, working

_PATIENCE_MS = 20_000
"""For what a page is expected to show. What comes in time costs no more, however busy the machine."""
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Stage:
    """The running product and its demo people."""

    url: str
    demo: dict[str, Any]
    browser: Browser
    folder: Path
    """Where the product keeps its state; without a mail server, letters too."""
    allowed: tuple[str, ...] = ()
    """Addresses elsewhere that pages may ask: the payment provider's, where it is simulated."""
    complaints: list[str] = field(default_factory=list)
    """What pages said on the console, and addresses elsewhere that they asked for."""
    _contexts: list[BrowserContext] = field(default_factory=list)
    _sessions: dict[str, list[Any]] = field(default_factory=dict)
    """Session cookies of the demo people who have signed in."""

    def page(self, **options: Any) -> Page:
        """A fresh browser of somebody in Berlin at a laptop, unless the options say otherwise."""
        context = self.browser.new_context(**{"viewport": LAPTOP, "timezone_id": "Europe/Berlin", **options})
        self._contexts.append(context)
        page = context.new_page()
        at_home = (self.url, "data:", *self.allowed)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(_told(said)) if _counts(said.text, said.type) else None)
        page.on("request", lambda sent: None if sent.url.startswith(at_home) else self.complaints.append(sent.url))
        return page

    def signed_in(self, role: str, **options: Any) -> Page:
        """A fresh browser of one of the demo people: signed in through the form the first time, with that session
        later, unless it has ended."""
        page = self.page(**options)
        page.context.add_cookies(self._sessions.get(role, []))
        page.goto(f"{self.url}/projects")
        if "/accounts/login/" in page.url:
            self._sign_in(page, role)
            self._sessions[role] = [one for one in page.context.cookies() if one.get("name") == "sessionid"]
        return page

    def signed_in_anew(self, role: str, **options: Any) -> Page:
        """The same in a session of its own, for whoever changes what it remembers, such as the organization."""
        page = self.page(**options)
        page.goto(f"{self.url}/projects")
        self._sign_in(page, role)
        return page

    def _sign_in(self, page: Page, role: str) -> None:
        page.get_by_label("Email").fill(self.demo["users"][role]["email"])
        page.get_by_label("Password").fill(self.demo["users"][role]["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects")

    def letters(self) -> list[str]:
        """The e-mails sent so far, oldest first."""
        return [path.read_text() for path in sorted((self.folder / "mail").glob("*.eml"))]

    def leave(self) -> None:
        """Close every browser opened since the last time."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self.complaints.clear()


def _told(said: ConsoleMessage) -> str:
    return f"{said.text} ({said.location.get('url')})"


def _counts(text: str, kind: str) -> bool:
    """Errors and policy violations count; the browser's own note of a 4xx answer does not, nor htmx's that a page was
    left while a part of it was being renewed. A request that failed is told by another name as well."""
    left = text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
    return kind in ("error", "warning") and "the server responded with a status of 4" not in text and not left


def prepared(database: TestDatabase, folder: Path) -> dict[str, Any]:
    """Make the demo organization in the database as the product does; answers what `demo.json` says of it."""
    preparing = start("prepare", environ={**database.environ(), "DATABASE_URL": database.owner_url}, folder=folder)
    assert preparing.process.wait(90) == 0, preparing.output()
    demo: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return demo


@contextmanager
def stage_on(
    database: TestDatabase, folder: Path, environ: Mapping[str, str], demo: dict[str, Any], *,
    allowed: tuple[str, ...] = (),
) -> Iterator[Stage]:  # fmt: skip
    """Application and worker on a database that was prepared; `environ` says where the model and the payment provider,
    or what stands in for them, are reached."""
    with chromium() as browser, serving(database, folder, environ) as app, working(database, folder, environ):
        yield Stage(url=app.url, demo=demo, browser=browser, folder=folder, allowed=allowed)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium; `CHROMIUM` may name its path."""
    path = found()
    assert path, "Chromium is not installed: run scripts/chromium.sh, or name its path in CHROMIUM."
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()
