"""Budgets on the pages: the Owner sets one, a member meets it and asks for more, an admin approves once."""

import contextlib
import re
from collections.abc import Iterator
from typing import LiteralString, TypeVar

import pytest

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.limits.commands import Pause
from testkase.core.ledger.limits.queries import budgets, pauses
from testkase.core.ledger.model import Subject
from testkase.core.ledger.refusals import Paused
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.settings import Settings
from testkase.services.audit import Actor
from testkase.services.metering.limits.budgets import remove_budget
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import add_to, stranger

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
    offer.catalog.cache_clear()


@pytest.fixture(autouse=True)
def _no_budget_is_left(visitors: Visitors) -> Iterator[None]:
    """One database serves all tests of this file, in any order."""
    yield
    owner = Actor(kind="person", ref=visitors.demo.emails["owner"], name="Olga")
    for budget in run(visitors, budgets(visitors.demo.org_id)):
        run(visitors, remove_budget(visitors.demo.org_id, owner, budget_id=budget.budget_id))


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
    told = admin.get("/notifications").content.decode()
    assert "The release is tomorrow." not in told, "it is erased with the request, which a letter is not"
    for decision, status in (("period", 302), ("period", 302), ("good", 409), ("decline", 409)):
        sent = admin.post(f"/settings/ai-credits/budget-requests/{asked[1]}/decision", {"decision": decision})
        assert sent.status_code == status
        assert status == 302 or "approved already, until the budget begins anew" in sent.content.decode()
    (budget,) = run(visitors, budgets(visitors.demo.org_id))
    assert (budget.limit, budget.extra) == (3 * CREDIT, 1_000_500_000)
    assert "The release is tomorrow." not in admin.get(PAGE).content.decode()
    notices = member.get("/notifications").content.decode()
    assert "1,000.50 more credits for “Trainees”" in notices


def test_what_was_used_beyond_a_limit_is_told_to_who_asks_and_to_who_decides(visitors: Visitors) -> None:
    """As much more as the limit was overrun by would change nothing."""
    use(visitors, "beyond", 7)
    budget_id = set_budget(visitors, "Too late", "2.50", user=visitors.demo.emails["member"], project="SHOP")
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    page = member.get(f"{PAGE}?ask={budget_id}").content.decode()
    card = page[page.index("Too late") :]
    used, beyond = re.search(r"([\d.]+) used, ([\d.]+) of it beyond the limit", card).groups()  # type: ignore[union-attr]
    assert float(beyond) == float(used) - 2.5
    assert f"{beyond} were used beyond the limit already" in card
    asked = {"request_id": "ask_beyond", "amount": "1", "reason": "One more."}
    assert member.post(f"{PAGE}/{budget_id}/requests", asked).status_code == 302
    assert f"{beyond} were used beyond its limit already" in admin.get(PAGE).content.decode()


def test_asking_again_changes_the_request_and_tells_nobody_twice(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    budget_id = set_budget(visitors, "Nightly", "3", user=visitors.demo.emails["member"])
    for number in range(3):
        more = {"request_id": f"again-{number}", "amount": f"{number + 5}", "reason": ""}
        assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    assert admin.get("/notifications").content.decode().count("The budget “Nightly” is used up") == 1
    assert "<strong>7 more credits</strong>" in admin.get(PAGE).content.decode()
    decision = "/settings/ai-credits/budget-requests/again-2/decision"
    assert admin.post(decision, {"decision": "decline"}).status_code == 302
    assert member.post(f"{PAGE}/{budget_id}/requests", more | {"request_id": "later"}).status_code == 302
    assert admin.get("/notifications").content.decode().count("The budget “Nightly” is used up") == 2


def test_one_credit_is_one_credit_wherever_a_budget_is_shown(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    budget_id = set_budget(visitors, "Scarce", "1", user=visitors.demo.emails["member"])
    more = {"request_id": "one", "amount": "1", "reason": ""}
    assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    page = admin.get(PAGE).content.decode()
    assert "<strong>1 more credit</strong>" in page
    assert re.search(r"<strong>1</strong> <span[^>]*>credit per week", page)
    admin.post("/settings/ai-credits/budget-requests/one/decision", {"decision": "period"})
    assert re.search(r"<strong>2</strong> <span[^>]*>credits per week", admin.get(PAGE).content.decode())
    assert "For this period 1 more credit may be spent" in admin.get(f"{PAGE}/{budget_id}").content.decode()
    admin.post(f"{PAGE}/{budget_id}/removal")
    set_budget(visitors, "Ample", "1000", user=visitors.demo.emails["member"])
    assert re.search(r"<strong>1,000</strong> <span[^>]*>credits per week", admin.get(PAGE).content.decode())


def test_a_request_ends_with_its_budget_and_one_left_over_can_be_declined(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    budget_id = set_budget(visitors, "Short-lived", "3", user=visitors.demo.emails["member"])
    more = {"request_id": "ends", "amount": "5", "reason": "Soon gone."}
    assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    assert admin.post(f"{PAGE}/{budget_id}/removal").status_code == 302
    assert "Soon gone." not in admin.get(PAGE).content.decode()
    assert "The budget “Short-lived” was removed" in member.get("/notifications").content.decode()
    run(visitors, statement("UPDATE budget_request SET state = 'open', decided_at = NULL WHERE request_id = 'ends'"))
    decision = "/settings/ai-credits/budget-requests/ends/decision"
    assert admin.post(decision, {"decision": "period"}).status_code == 404
    assert admin.post(decision, {"decision": "decline"}).status_code == 302
    assert "Soon gone." not in admin.get(PAGE).content.decode()


def test_what_becomes_of_one_request_leaves_the_others_open(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    for name in ("Declined", "Removed", "Left"):
        budget_id = set_budget(visitors, name, "3")
        more = {"request_id": name.lower(), "amount": "5", "reason": f"{name} they are."}
        assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
        if name == "Removed":
            to_remove = budget_id
    admin.post("/settings/ai-credits/budget-requests/declined/decision", {"decision": "decline"})
    admin.post(f"{PAGE}/{to_remove}/removal")
    open_ones = "SELECT request_id FROM budget_request WHERE state = 'open'"
    assert [row["request_id"] for row in run(visitors, statement(open_ones))] == ["left"]


@pytest.mark.parametrize("way", ["removed", "left"])
def test_a_request_ends_with_who_asked(visitors: Visitors, way: str) -> None:
    """It raised the budget of those who stayed, and whoever had gone was said to have been told."""
    leaving, admin = stranger(None), visitors.client_of("admin")
    add_to(visitors.demo, leaving)
    budget_id = set_budget(visitors, "For all", "3")
    more = {"request_id": f"gone-{way}", "amount": "50", "reason": "For my last week."}
    assert leaving.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    if way == "removed":
        admin.post(f"/settings/members/{leaving.session['_auth_user_id']}/removal")
    else:
        leaving.post("/settings/members/departure")
    assert "For my last week." not in admin.get(PAGE).content.decode()
    decision = f"/settings/ai-credits/budget-requests/gone-{way}/decision"
    assert admin.post(decision, {"decision": "good"}).status_code == 409
    assert run(visitors, budgets(visitors.demo.org_id))[0].limit == 3 * CREDIT


def test_what_was_approved_while_a_budget_was_open_elsewhere_is_not_taken_back_unseen(visitors: Visitors) -> None:
    member, admin, owner = (visitors.client_of(role) for role in ("member", "admin", "owner"))
    budget_id = set_budget(visitors, "Two at once", "3", user=visitors.demo.emails["member"])
    opened = admin.get(f"{PAGE}/{budget_id}").content.decode()
    more = {"request_id": "meanwhile", "amount": "2", "reason": ""}
    assert member.post(f"{PAGE}/{budget_id}/requests", more).status_code == 302
    owner.post("/settings/ai-credits/budget-requests/meanwhile/decision", {"decision": "good"})
    form = {"name": "Renamed", "limit": "3", "period": "week", "user": visitors.demo.emails["member"]}
    refused = admin.post(f"{PAGE}/{budget_id}", form | shown(opened))
    assert refused.status_code == 422
    assert "Somebody has changed this budget since you opened it: 5 credits a week now" in refused.content.decode()
    assert run(visitors, budgets(visitors.demo.org_id))[0].limit == 5 * CREDIT
    again = form | shown(refused.content.decode())
    for _ in range(2):  # a form sent twice saves once
        assert admin.post(f"{PAGE}/{budget_id}", again).status_code == 302
    (saved,) = run(visitors, budgets(visitors.demo.org_id))
    assert (saved.name, saved.limit) == ("Renamed", 3 * CREDIT)
    counted = statement("SELECT count(*) AS n FROM activity WHERE action = 'budget.changed' AND target = 'Renamed'")
    assert run(visitors, counted) == [{"n": 1}], "what is saved as it was is no change"


def shown(page: str) -> dict[str, str]:
    found = re.search(r'name="shown" value="([^"]+)"', page)
    assert found is not None
    return {"shown": found[1]}


def test_two_who_remove_a_budget_at_once_are_one_removal_on_record(visitors: Visitors) -> None:
    budget_id, org_id = set_budget(visitors, "Twice", "3"), visitors.demo.org_id
    actor = Actor(kind="person", ref=visitors.demo.emails["owner"], name="Olga")
    late = remove_budget(org_id, actor, budget_id=budget_id)
    run(visitors, interrupted(late, remove_budget(org_id, actor, budget_id=budget_id)))
    counted = statement("SELECT count(*) AS n FROM activity WHERE action = 'budget.removed' AND target = 'Twice'")
    assert run(visitors, counted) == [{"n": 1}]


def statement(sql: LiteralString) -> Operation[list[Row]]:
    rows = yield Statement(sql, {})
    return list(rows)


def interrupted(slow: Operation[object], quick: Operation[object]) -> Operation[None]:
    """`slow` reads what it reads first; then all of `quick` happens; then `slow` goes on."""
    rows = yield next(slow)
    yield from quick
    with contextlib.suppress(StopIteration):
        while True:
            rows = yield slow.send(rows)


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
    [("limit", "a lot"), ("limit", "-5"), ("limit", ""), ("limit", "12,5"), ("name", " "), ("period", "year"),
     ("project", "NOPE"), ("user", "nobody@example.com"), ("use_case", "mining"), ("name", "\x00")],
)  # fmt: skip
def test_what_cannot_be_comes_back_into_the_form(visitors: Visitors, field: str, value: str) -> None:
    before = run(visitors, budgets(visitors.demo.org_id))
    form = {"name": "Web", "limit": "5", "period": "day"} | {field: value}
    sent = visitors.client_of("owner").post(f"{PAGE}/new", form)
    assert sent.status_code == 422
    assert 'aria-invalid="true"' in sent.content.decode()
    assert run(visitors, budgets(visitors.demo.org_id)) == before


def test_a_budget_may_be_called_what_people_write_in_their_script(visitors: Visitors) -> None:
    set_budget(visitors, "می\u200cخواهم \U0001f469\u200d\U0001f467", "5")
    assert run(visitors, budgets(visitors.demo.org_id))[0].name == "می\u200cخواهم \U0001f469\u200d\U0001f467"


def test_an_id_that_nothing_can_have_is_refused_where_it_comes_in(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    budget_id = set_budget(visitors, "Everyone", "50")
    more = {"amount": "5", "reason": "The release.", "request_id": "a\0b"}
    assert owner.post(f"{PAGE}/{budget_id}/requests", more).status_code == 422
    assert owner.post(f"{PAGE}/a%00b/removal").status_code == 404
    assert owner.get(f"{PAGE}/a%00b").status_code == 404
    decision = {"decision": "decline"}
    assert owner.post("/settings/ai-credits/budget-requests/a%00b/decision", decision).status_code == 404
    form = {"budget_id": "a\0b", "name": "Another", "limit": "5", "period": "day"}
    assert owner.post(f"{PAGE}/new", form).status_code == 302, "the form gets an id of its own"


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


@pytest.mark.requirement("B13", "P18")
def test_why_somebody_is_paused_ends_as_a_sentence_however_a_program_ended_it(visitors: Visitors) -> None:
    whom = {"kind": "user", "ref": visitors.demo.emails["member"]}
    loop = Pause(org_id=visitors.demo.org_id, change_id="q", kind="user", ref=whom["ref"], reason="A loop in the job")
    run(visitors, ledger.execute_one(loop))
    admin = visitors.client_of("admin")
    told = admin.get(PAGE).content.decode()
    with pytest.raises(Paused, match=r"A loop in the job\. Your Owner or an admin can resume it"):
        use(visitors, "paused", 1)
    assert admin.post("/settings/ai-credits/resumptions", whom).status_code == 302
    assert "A loop in the job. Calls that were running" in told


@pytest.mark.requirement("B8", "B9", "P18")
def test_beside_the_button_the_estimate_is_held_against_the_tightest_budget(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    form = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "2"}
    before = admin.post("/projects/SHOP/generate/estimate", form).content.decode()
    assert "The most it can cost is set aside" in before
    budget_id = set_budget(visitors, "Newcomers", "0.05", user=visitors.demo.emails["admin"])
    for page, sent in (("generate/estimate", form), ("reports/estimate", {"kinds": "flaky"})):
        told = admin.post(f"/projects/SHOP/{page}", sent).content.decode()
        assert '<dt>Left of “Newcomers”</dt><dd class="number">0.05</dd>' in told, page
        assert "The weekly budget “Newcomers” of 0.05 has 0.05 left" in told, page
        assert f"{PAGE}/{budget_id}" in told, page
        assert "The most it can cost is set aside" not in told, page
    assert "The weekly budget “Newcomers”" in admin.get("/projects/SHOP/chat").content.decode()
    other = visitors.client_of("owner").post("/projects/SHOP/generate/estimate", form).content.decode()
    assert "Newcomers" not in other
