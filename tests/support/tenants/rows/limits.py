"""Budgets, requests for more, pauses."""

from typing import Any

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.limits.commands import Pause, SetBudget
from testkase.foundation.ids import new_id
from tests.support.tenants.row import KeyRow, Place
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


def _new_budget(_: Tenant) -> dict[str, Any]:
    return {"id": new_id("budget"), **_SETTINGS}


def _paused(tenant: Tenant) -> dict[str, Any]:
    return {"kind": "use_case", "ref": a_pause(tenant)}


_READ, _WRITE = "settings:read", "settings:write"
_SETTINGS = {"name": "Everyone", "limit": "900.00", "period": "month"}

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

PLACES = {"budget_id": Place(make=a_budget, absent="budget_none")}
