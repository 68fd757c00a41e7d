"""Holds, usage after the fact, and the gateway."""

from typing import Any

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import OpenHold
from testkase.core.ledger.model import Subject
from testkase.foundation.ids import new_id
from testkase.services.inference import EMBEDDED_MODEL
from tests.support.tenants.row import KeyRow, Place
from tests.support.tenants.world import Tenant


def an_open_hold(tenant: Tenant) -> str:
    """Of one credit; its id."""
    name = new_id("hold")
    subject = Subject(use_case="chat", user=tenant.word)
    command = OpenHold(org_id=tenant.org_id, hold_id=name, amount=1_000_000, ttl_seconds=3600, subject=subject)
    tenant.run(ledger.execute_one(command))
    return name


def _hold(_: Tenant) -> dict[str, Any]:
    return {"id": new_id("call"), "use_case": "chat", "user": "ada@example.com", "credits": "0.10"}


def _holds(tenant: Tenant) -> dict[str, Any]:
    return {"items": [_hold(tenant)]}


def _settlements(tenant: Tenant) -> dict[str, Any]:
    return {"items": [{"id": an_open_hold(tenant), "credits": "0.10"}]}


_ANSWER = {"model": EMBEDDED_MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
_WRITE = "credits:write"

KEY_ROWS = {
    "POST /api/v1/holds": KeyRow(scope=_WRITE, body=_hold),
    "GET /api/v1/holds/{hold_id}": KeyRow(scope="credits:read"),
    "DELETE /api/v1/holds/{hold_id}": KeyRow(scope=_WRITE),
    "POST /api/v1/holds/{hold_id}/settlement": KeyRow(scope=_WRITE, body={"credits": "0.10"}),
    "POST /api/v1/holds/{hold_id}/extension": KeyRow(scope=_WRITE, body={"ttl_seconds": 600}),
    "POST /api/v1/holds:batch": KeyRow(scope=_WRITE, body=_holds),
    "POST /api/v1/settlements:batch": KeyRow(scope=_WRITE, body=_settlements),
    "POST /api/v1/usage": KeyRow(scope=_WRITE, body=_hold),
    "POST /openai/v1/chat/completions": KeyRow(scope="models:call", body=_ANSWER),
    "GET /openai/v1/models": KeyRow(scope="models:call"),
    "GET /openai/v1/models/{model}": KeyRow(scope="models:call"),
}

PLACES = {
    "hold_id": Place(make=an_open_hold, absent="hold_none"),
    "model": Place(make=lambda _: EMBEDDED_MODEL),
}
