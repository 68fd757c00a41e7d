"""A browser's walk through every page of the route table: what it asks for, what it weighs, whether all can use it.

Which pages there are and who may open them comes from the same rows as the matrix: a new page is walked without being
named here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from playwright.sync_api import BrowserContext, Page
from psycopg.sql import SQL, Identifier, Literal

from tests.support.stage import LAPTOP, PHONE, Stage
from tests.support.tenants.pages import address, page_routes
from tests.support.tenants.roles import ANONYMOUS, GUEST, HOMELESS, OWNER
from tests.support.tenants.row import Row
from tests.support.tenants.world import World

HEAVIEST_BYTES = 300_000
"""Of a page with everything it loads, unpacked."""
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
_SERIOUS = ("serious", "critical")
_RUN = """
async only => {
    const found = await axe.run(document, {resultTypes: ["violations"], ...(only ? {runOnly: only} : {})});
    return found.violations.flatMap(rule => rule.nodes.map(node => [rule.id, rule.impact, node.target.join(" ")]));
}
"""
_WEIGHT = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map(entry => [new URL(entry.name).pathname, entry.decodedBodySize])
"""
_FITS = """
() => document.documentElement.scrollWidth <= window.innerWidth
    && [...document.querySelectorAll(".card :is(h2, h3)")].filter(one => one.checkVisibility()).every(
        one => one.getBoundingClientRect().right <= one.closest(".card").getBoundingClientRect().right + 1)
"""
_SKIPPED = """() => {
  const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(one => one.checkVisibility());
  const levels = headings.map(one => Number(one.tagName[1]));
  return headings.filter((_, nth) => levels[nth] > (levels[nth - 1] ?? levels[nth]) + 1)
    .map(one => `skips a level before ${one.tagName} "${one.textContent}"`);
}"""
"""Whoever goes from heading to heading takes a level that is left out for a part that is missing."""

_MISSHAPEN = """
() => {
    const said = part => {
        const words = document.createRange();
        words.selectNodeContents([...part.childNodes].find(node => node.data && node.data.trim()) || part);
        return words;
    };
    const broken = [...document.querySelectorAll("td :is(a, button, .tag)")].filter(part => {
        const text = said(part).toString().trim();
        const boxes = [...said(part).getClientRects()].filter(box => box.width);
        const lines = new Set(boxes.map(box => Math.round(box.top)));
        return text && text.length < 12 && !text.includes(" ") && lines.size > 1;
    });
    const stretched = [...document.querySelectorAll(".tag")].filter(
        tag => tag.offsetWidth > said(tag).getBoundingClientRect().width + 60);
    return [["breaks a short word", broken], ["stretches a tag", stretched]].flatMap(
        ([what, parts]) => parts.map(part => `${what}: ${part.textContent.trim().slice(0, 40)}`));
}
"""
_LENGTHS = {
    "app_user.display_name": 120, "organization.name": 120, "api_key.name": 80, "project.name": 120,
    "case_folder.name": 120, "test_case.title": 300, "test_cycle.name": 120, "import_run.file_name": 200,
    "chat_thread.title": 120, "activity.actor_name": 120, "purchase.buyer_name": 120, "ledger.budget.name": 80,
}  # fmt: skip
"""What people name, and how many letters they may take for it."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A page of the walk, and as whom it is opened."""

    role: str
    path: str

    def __str__(self) -> str:
        return f"{self.path} as {self.role}"


def lengthen_names(owner_url: str) -> None:
    """As long as a name may be, and without a space at which a line could break: no page may become wider by it."""
    with psycopg.connect(owner_url) as owner:
        for place, length in _LENGTHS.items():
            table, _, column = place.rpartition(".")
            longer = SQL("UPDATE {table} SET {column} = rpad(replace({column}, ' ', ''), {length}, 'W')")
            names = {"table": Identifier(*table.split(".")), "column": Identifier(column), "length": Literal(length)}
            owner.execute(longer.format(**names))


def stops(world: World, rows: dict[str, Row]) -> list[Stop]:
    """Every route that shows a page to the owner, or else to whom it shows one; projects' pages to a guest as well.

    Asked of Django itself, before there is a browser: an address that answers a file, a part of a page or a redirect is
    no page.
    """
    found = []
    for route in page_routes():
        row = rows.get(route)
        ours = row is not None and row.get is not None and not route.startswith("staff/")
        for role in (OWNER, ANONYMOUS, HOMELESS) if ours else ():
            path = address(route, world.own.ids)
            if _is_page(world, role, path):
                found.append(Stop(role=role, path=path))
                if "project_key" in route and _is_page(world, GUEST, path):
                    found.append(Stop(role=GUEST, path=path))
                break
    return [*found, Stop(role=OWNER, path="/nowhere")]


def _is_page(world: World, role: str, path: str) -> bool:
    answer = world.client(role).get(path)
    return answer.status_code == 200 and b"</html>" in answer.getvalue()


def unusable(page: Page, *, contrast_in_dark: bool = True) -> Iterator[str]:
    """What keeps people from using a page as it stands, a dialog that is open included: in light on a laptop, then in
    dark on a phone. `contrast_in_dark`: of all that is asked, this takes longest."""
    if page.locator("h1").count() != 1:
        yield "has not exactly one h1"
    yield from page.evaluate(_SKIPPED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    yield from _axe(page, "light, laptop", None)
    yield from (f"light, laptop: {fault}" for fault in page.evaluate(_MISSHAPEN))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    colours = ["color-contrast"] if contrast_in_dark else []
    yield from _axe(page, "dark, phone", [*colours, "scrollable-region-focusable", "target-size"])


def _axe(page: Page, how: str, only: list[str] | None) -> Iterator[str]:
    if not page.evaluate(_FITS):
        yield f"{how}: wider than the screen, or a heading than its card"
    for rule, impact, target in page.evaluate(_RUN, only):
        if impact in _SERIOUS:
            yield f"{how}: {rule} ({impact}) at {target}"


class Walk:
    """Browsers signed in as each role, and what was wrong with each page."""

    def __init__(self, stage: Stage, cookies: dict[str, str], session_cookie: str) -> None:
        self._stage, self._cookies, self._session_cookie = stage, cookies, session_cookie
        self._pages: dict[str, Page] = {}

    def faults(self, stop: Stop, *, contrast_in_dark: bool = True) -> Iterator[str]:
        """Looked at in light on a laptop, then in dark on a phone."""
        page = self._page(stop.role)
        page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        answer = page.goto(self._stage.url + stop.path)
        if answer is None or answer.status not in (200, 404):
            yield f"is answered with {answer and answer.status}"
        yield from self._weight(page)
        yield from unusable(page, contrast_in_dark=contrast_in_dark)

    def _weight(self, page: Page) -> Iterator[str]:
        parts: list[tuple[str, int]] = page.evaluate(_WEIGHT)
        if sum(size for _, size in parts) > HEAVIEST_BYTES:
            yield f"weighs {sum(size for _, size in parts):,} bytes: {sorted(parts, key=lambda part: -part[1])[:4]}"

    def _page(self, role: str) -> Page:
        if role not in self._pages:
            self._pages[role] = self._signed_in(role)
        return self._pages[role]

    def _signed_in(self, role: str) -> Page:
        page = self._stage.page()
        context: BrowserContext = page.context
        context.add_init_script(AXE)  # sent once, not with each page
        if self._cookies[role]:
            cookie: Any = {"name": self._session_cookie, "value": self._cookies[role], "url": self._stage.url}
            context.add_cookies([cookie])
        return page
