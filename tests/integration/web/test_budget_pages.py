"""Budgets on the pages: the Owner sets one, a member meets it and asks for more, an admin approves once."""

import re
from collections.abc import Iterator
from typing import TypeVar

import pytest

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.limits.commands import Pause
from testkase.core.ledger.limits.queries import budgets, pauses
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation
from testkase.foundation.settings import Settings
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

pytestmark = pytest.mark.requirement("B8")
PAGE = "/settings/ai-credits/budgets"
CREDIT = 1_000_000
T = TypeVar("T")


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch, visitors: Visitors) -> None:
    """The embedded model is offered, as on a running installation; no page calls it."""
    from django.conf import settings

    from testkase.entrypoints.web import offer

    monkeypatch.setattr(settings, "VALUES", Settings.from_environ({"TESTKASE_MODEL_PORT": "9"}))
    offer._entries.cache_clear()


def run(visitors: Visitors, operation: Operation[T]) -> T:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        return run_here(operation)


def use(visitors: Visitors, name: str, credits: int) -> None:
    subject = Subject(use_case="test_generation", user=visitors.demo.emails["member"], project="SHOP")
    command = RecordUsage(org_id=visitors.demo.org_id, usage_id=name, subject=subject, credits=credits * CREDIT)
    run(visitors, ledger.execute_one(command))


def set_budget(visitors: Visitors, name: str, limit: str, **scope: str) -> str:
    """Set by the owner on the page; its id."""
    owner = visitors.client_of("owner")
    found = re.search(r'name="budget_id" value="([^"]+)"', owner.get(f"{PAGE}/new").content.decode())
    assert found is not None
    form = {"budget_id": found[1], "name": name, "limit": limit, "period": "week"} | scope
    for _ in range(2):  # a form sent twice sets one
        assert owner.post(f"{PAGE}/new", form).status_code == 302
    return found[1]


def test_a_refused_member_asks_and_an_admin_approves_once(visitors: Visitors) -> None:
    use(visitors, "before", 3)
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    budget_id = set_budget(visitors, "Trainees", "3", user=visitors.demo.emails["member"])
    form = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "2"}
    refused = member.post("/projects/SHOP/generate", form)
    assert refused.status_code == 402
    assert f"{PAGE}?ask={budget_id}" in refused.content.decode()
    page = member.get(f"{PAGE}?ask={budget_id}").content.decode()
    assert "0.00 left this week" in page
    assert "New budget" not in page
    asked = re.search(r'name="request_id" value="([^"]+)"', page)
    assert asked is not None
    more = {"request_id": asked[1], "amount": "1,000.50", "reason": "The release is tomorrow."}
    for _ in range(2):
        assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    assert admin.get(PAGE).content.decode().count("The release is tomorrow.") == 1
    for decision, status in (("period", 302), ("period", 302), ("decline", 409)):
        sent = admin.post(f"/settings/ai-credits/budget-requests/{asked[1]}/decision", {"decision": decision})
        assert sent.status_code == status
    (budget,) = run(visitors, budgets(visitors.demo.org_id))
    assert (budget.limit, budget.extra) == (3 * CREDIT, 1_000_500_000)
    assert "The release is tomorrow." not in admin.get(PAGE).content.decode()
    notices = member.get("/notifications").content.decode()
    assert "1000.50 more credits for “Trainees”" in notices
    admin.post(f"{PAGE}/{budget_id}/removal")


def test_members_see_the_budgets_that_concern_them_and_cannot_change_them(visitors: Visitors) -> None:
    mine = set_budget(visitors, "Mine", "50", user=visitors.demo.emails["member"], use_case="chat")
    foreign = set_budget(visitors, "Of the owner", "50", user=visitors.demo.emails["owner"])
    member = visitors.client_of("member")
    page = member.get(PAGE).content.decode()
    assert "Mine" in page
    assert "Of the owner" not in page
    assert member.post(f"{PAGE}/{foreign}/requests", {"amount": "5"}).status_code == 404
    assert member.post(f"{PAGE}/{mine}", {"name": "Mine", "limit": "9000", "period": "day"}).status_code == 403
    owner = visitors.client_of("owner")
    for budget_id in (mine, foreign):
        for _ in range(2):
            assert owner.post(f"{PAGE}/{budget_id}/removal").status_code == 302


@pytest.mark.parametrize(
    ("field", "value"),
    [("limit", "a lot"), ("limit", "-5"), ("limit", ""), ("name", " "), ("period", "year"), ("project", "NOPE"),
     ("user", "nobody@example.com"), ("use_case", "mining"), ("name", "\x00")],
)  # fmt: skip
def test_what_cannot_be_comes_back_into_the_form(visitors: Visitors, field: str, value: str) -> None:
    before = run(visitors, budgets(visitors.demo.org_id))
    form = {"name": "Web", "limit": "5", "period": "day"} | {field: value}
    sent = visitors.client_of("owner").post(f"{PAGE}/new", form)
    assert sent.status_code == 422
    assert 'aria-invalid="true"' in sent.content.decode()
    assert run(visitors, budgets(visitors.demo.org_id)) == before


@pytest.mark.requirement("B13")
def test_one_click_resumes_and_only_the_owner_switches_the_guard(visitors: Visitors) -> None:
    org_id, email = visitors.demo.org_id, visitors.demo.emails["member"]
    run(visitors, ledger.execute_one(
        Pause(org_id=org_id, change_id="p", kind="user", ref=email, reason="It burned 120 credits in ten minutes.")
    ))  # fmt: skip
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    form = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "2"}
    refused = member.post("/projects/SHOP/generate", form)
    assert refused.status_code == 403
    assert "It burned 120 credits in ten minutes." in refused.content.decode()
    whom = {"kind": "user", "ref": email}
    assert member.post("/settings/ai-credits/resumptions", whom).status_code == 403
    for _ in range(2):
        assert admin.post("/settings/ai-credits/resumptions", whom).status_code == 302
    assert run(visitors, pauses(org_id))[0].resumed_at is not None
    assert admin.post("/settings/ai-credits/guard", {"enabled": "0"}).status_code == 403
    owner = visitors.client_of("owner")
    owner.post("/settings/ai-credits/guard", {"enabled": "0"})
    assert "Switch the guard on" in owner.get(PAGE).content.decode()
    owner.post("/settings/ai-credits/guard", {"enabled": "1"})
    activity = owner.get("/settings/activity").content.decode()
    assert "runaway guard" in activity
