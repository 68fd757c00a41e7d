"""Budgets, requests for more, pauses."""

from typing import Any

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.limits.commands import Pause, SetBudget
from testkase.foundation.ids import new_id
from testkase.services.audit import Actor
from testkase.services.metering.limits.asking import ask_for_more
from tests.support.tenants.roles import MANAGERS, MEMBERS, OWNER, OWNER_ONLY
from tests.support.tenants.row import KeyRow, Place, Row
from tests.support.tenants.world import Tenant


def a_budget(tenant: Tenant) -> str:
    """Of a thousand credits for everything; its id."""
    name = new_id("budget")
    command = SetBudget(
        org_id=tenant.org_id, change_id=name, budget_id=name, name=tenant.word, limit=10**9, period="month"
    )
    tenant.run(ledger.execute_one(command))
    return name


def a_pause(tenant: Tenant) -> str:
    """Of a use case nobody has; its name."""
    name = new_id("feature").lower()
    command = Pause(org_id=tenant.org_id, change_id=name, kind="use_case", ref=name, reason=tenant.word)
    tenant.run(ledger.execute_one(command))
    return name


def a_request(tenant: Tenant) -> str:
    """For ten more credits; its id."""
    name, asker = new_id("ask"), Actor(kind="person", ref=tenant.emails[OWNER], name=tenant.word)
    tenant.run(
        ask_for_more(
            tenant.org_id, asker, user_id=tenant.people[OWNER], request_id=name,
            budget_id=a_budget(tenant), amount=10**7, reason=tenant.word,
        )
    )  # fmt: skip
    return name


def _new_budget(_: Tenant) -> dict[str, Any]:
    return {"id": new_id("budget"), **_SETTINGS}


def _paused(tenant: Tenant) -> dict[str, Any]:
    return {"kind": "use_case", "ref": a_pause(tenant)}


def _feature(tenant: Tenant) -> dict[str, Any]:
    return {"kind": "use_case", "ref": tenant.ids["feature"]}


_READ, _WRITE = "settings:read", "settings:write"
_SETTINGS = {"name": "Everyone", "limit": "900.00", "period": "month"}

_FORM = {"name": "Everyone", "limit": "900", "period": "month"}

ROWS = {
    "settings/ai-credits/budgets": Row(get=MEMBERS),
    "settings/ai-credits/budgets/new": Row(get=MANAGERS, post=MANAGERS, form=_FORM),
    "settings/ai-credits/budgets/<str:budget_id>": Row(get=MANAGERS, post=MANAGERS, form=_FORM),
    "settings/ai-credits/budgets/<str:budget_id>/removal": Row(post=MANAGERS),
    "settings/ai-credits/budgets/<str:budget_id>/requests": Row(post=MEMBERS, form={"amount": "5", "reason": "More"}),
    "settings/ai-credits/budget-requests/<str:request_id>/decision": Row(post=MANAGERS, form={"decision": "decline"}),
    "settings/ai-credits/resumptions": Row(post=MANAGERS, form=_feature, asks={"ref": "feature"}),
    "settings/ai-credits/guard": Row(post=OWNER_ONLY, form={"enabled": "1"}),
}

KEY_ROWS = {
    "GET /api/v1/budgets": KeyRow(scope=_READ),
    "POST /api/v1/budgets": KeyRow(scope=_WRITE, body=_new_budget),
    "GET /api/v1/budgets/{budget_id}": KeyRow(scope=_READ),
    "PUT /api/v1/budgets/{budget_id}": KeyRow(scope=_WRITE, body=_SETTINGS),
    "DELETE /api/v1/budgets/{budget_id}": KeyRow(scope=_WRITE),
    "GET /api/v1/pauses": KeyRow(scope=_READ),
    "POST /api/v1/pauses": KeyRow(scope=_WRITE, body={"kind": "use_case", "ref": "nightly", "reason": "A loop."}),
    "POST /api/v1/resumptions": KeyRow(scope=_WRITE, body=_paused),
}

PLACES = {
    "budget_id": Place(make=a_budget, absent="budget_none"),
    "feature": Place(make=a_pause, absent="feature_none"),
    "request_id": Place(make=a_request, absent="ask_none"),
}
