"""Pictures of the pages: `python -m tests.support.screenshots docs/screenshots`. Light and dark, laptop and phone.

Everything on them is real: the demo organization, and drafts that the embedded model writes while they are taken.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.support.cluster import Cluster
from tests.support.processes import embedded_model
from tests.support.stage import LAPTOP, PHONE, Stage, stage_on

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


def main(target: Path) -> None:
    """Start everything, generate once, take the pictures, stop everything."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder)
        try:
            with embedded_model(folder) as model, stage_on(cluster.fresh(), folder, model) as stage:
                generation = _generate(stage, target)
                for device, viewport in {"laptop": LAPTOP, "phone": PHONE}.items():
                    for scheme in ("light", "dark"):
                        _tour(stage, target, f"{device}-{scheme}", generation, viewport=viewport, color_scheme=scheme)
                stage.leave()
        finally:
            cluster.stop()


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
