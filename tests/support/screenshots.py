"""Pictures of the pages: `python -m tests.support.screenshots FOLDER`. Light and dark, laptop and phone.

What is on them is the demo organization after ten weeks of use, written to its journal by the ledger itself, and drafts
that the embedded model writes while the pictures are taken. The README's few are kept in docs/screenshots, smaller.
"""

import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from testkase.core.ledger.commands import Command, Grant, OpenAccount, RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.core.pricing import load_price_books
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import Cluster, TestDatabase
from tests.support.processes import embedded_model
from tests.support.stage import LAPTOP, PHONE, Stage, prepared, stage_on

PAGES = {
    "projects": "/projects",
    "test-cases": "/projects/SHOP",
    "test-case": "/projects/SHOP/cases/SHOP-1",
    "chat": "/projects/SHOP/chat",
    "test-case-form": "/projects/SHOP/cases/SHOP-1/edit",
    "cycles": "/projects/SHOP/cycles",
    "imports": "/projects/SHOP/imports",
    "ai-credits": "/settings/ai-credits",
    "buy": "/settings/ai-credits/buy",
    "billing": "/settings/billing",
    "switch": "/settings/ai-credits/switch",
    "api-keys": "/settings/api-keys",
    "members": "/settings/members",
    "project-members": "/projects/SHOP/members",
    "statements": "/settings/ai-credits/statements",
    "budgets": "/settings/ai-credits/budgets",
    "alerts": "/settings/ai-credits/alerts",
    "notifications": "/notifications",
    "activity": "/settings/activity",
    "account": "/settings/account",
    "guidelines": "/settings/guidelines",
    "help": "/help",
    "help-credits": "/help/ai-credits",
    "privacy": "/help/ai-privacy",
}
PATIENCE_MS = 240_000
OF_THE_README = ("laptop-light-ai-credits", "laptop-dark-ai-credits", "laptop-light-drafts", "laptop-dark-drafts")
README = Path(__file__).resolve().parents[2] / "docs/screenshots"
MOST_HEIGHT = 1_300
FIRST, WEEKS, FRIDAY = 1, 10, 4
HOUR = 3_600 * MICRO
DAY = 24 * HOUR
CALLS_A_DAY = (3, 5, 6, 8)
PEOPLE = ("owner@northwind.example", "admin@northwind.example", *(["member@northwind.example"] * 3))


def main(target: Path) -> None:
    """Start everything, generate once, take the pictures, stop everything."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder)
        try:
            database = cluster.fresh()
            live(database)
            with (
                embedded_model(folder) as model,
                stage_on(database, folder, model, prepared(database, folder)) as stage,
            ):
                generation = _generate(stage, target)
                for device, viewport in {"laptop": LAPTOP, "phone": PHONE}.items():
                    for scheme in ("light", "dark"):
                        _tour(stage, target, f"{device}-{scheme}", generation, viewport=viewport, color_scheme=scheme)
                stage.leave()
        finally:
            cluster.stop()
    for name in OF_THE_README:
        _shrunk(target / f"{name}.png", README / f"{name}.png")


def live(database: TestDatabase) -> None:
    """Ten weeks of the demo organization, before anybody has made it: its account stands at the first number."""
    chance, now = random.Random(11), int(time.time() * MICRO)
    books = SyncDatabase(database.app_url)

    def run(command: Command, at: int) -> None:
        books.run(execute_one(command, clock=at), org_id=FIRST)

    allowance = load_price_books(None).at(datetime.now(UTC)).monthly_allowance
    begin = now - WEEKS * 7 * DAY
    run(OpenAccount(org_id=FIRST, monthly_allowance=allowance, ai_enabled=True), begin)
    run(Grant(org_id=FIRST, grant_id="welcome", amount=900 * MICRO, expires_at=now + 200 * DAY), begin)
    for day in range(WEEKS * 7):
        for call in sorted(chance.randrange(8 * HOUR, 18 * HOUR) for _ in range(chance.choice(CALLS_A_DAY))):
            at = begin + day * DAY + call
            if at >= now or datetime.fromtimestamp(at / MICRO, UTC).weekday() > FRIDAY:
                continue
            use_case = chance.choice(("test_generation", "test_generation", "chat", "chat", "chat", "report"))
            subject = Subject(use_case=use_case, user=chance.choice(PEOPLE), project="SHOP")
            cost = chance.randrange(20, 260) * MICRO // 100
            run(RecordUsage(org_id=FIRST, usage_id=f"p{day}-{call}", subject=subject, credits=cost), at)
    books.close()


def _shrunk(source: Path, target: Path) -> None:
    """The top of a page in few colours: a picture for reading on the web, of a few dozen kilobytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as picture:
        width, height = picture.size
        top = picture.convert("RGB").crop((0, 0, width, min(height, MOST_HEIGHT)))
        top.quantize(256).save(target, optimize=True)


def _generate(stage: Stage, target: Path) -> str:
    """One generation by the demo member; answers its address."""
    page = stage.signed_in("member")
    page.goto(f"{stage.url}/projects/SHOP/generate")
    page.get_by_role("button", name="Use an example").click()
    page.locator("#guidance .hint--strong").wait_for()
    _keep(page, target / "generate.png")
    page.get_by_role("button", name="Generate").click()
    page.locator(".draft[id]").first.wait_for(timeout=PATIENCE_MS)
    _keep(page, target / "generating.png")
    page.locator(".cost").wait_for(timeout=PATIENCE_MS)
    page.locator("#draft-1").get_by_role("button", name="Accept").click()
    page.locator("#draft-1 .tag--on").wait_for()
    return page.url


def _tour(stage: Stage, target: Path, prefix: str, generation: str, **options: object) -> None:
    entrance = stage.page(**options)
    entrance.goto(f"{stage.url}/accounts/login/")
    _keep(entrance, target / f"{prefix}-sign-in.png")
    page = stage.signed_in("owner", **options)
    for name, address in {**PAGES, "drafts": generation.removeprefix(stage.url)}.items():
        page.goto(stage.url + address)
        _keep(page, target / f"{prefix}-{name}.png")
    page.locator(".cost a").click()
    page.locator("dialog[open]").wait_for()
    page.screenshot(path=target / f"{prefix}-receipt.png")


def _keep(page: Page, path: Path) -> None:
    page.evaluate("document.fonts.ready")  # the page is loaded; its live stream never falls silent
    page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
