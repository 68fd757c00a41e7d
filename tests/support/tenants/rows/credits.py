"""The AI Credits page, the switch, and what is around every page."""

from datetime import UTC, datetime

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Subject
from testkase.foundation.ids import new_id
from tests.support.tenants.roles import MANAGERS, MEMBERS, OWNER, OWNER_ONLY
from tests.support.tenants.row import KeyRow, Place, Row
from tests.support.tenants.world import Tenant


def a_receipt(tenant: Tenant) -> int:
    """One interaction of the owner in the project; its number in the journal."""
    subject = Subject(use_case=tenant.word.lower(), user=tenant.emails[OWNER], project=tenant.project_key)
    command = RecordUsage(org_id=tenant.org_id, usage_id=new_id("usage"), subject=subject, credits=1_000_000)
    return int(tenant.run(ledger.execute_one(command)).entry.seq)


_READ = "credits:read"

ROWS = {
    "": Row(get=MEMBERS),
    "balance": Row(get=MEMBERS),
    "live/ticket": Row(get=MEMBERS),
    "settings/ai-credits": Row(get=MEMBERS, asks={"user": "email", "project": "project_key"}),
    "settings/ai-credits/usage": Row(get=MEMBERS, asks={"user": "email", "project": "project_key"}),
    "settings/ai-credits/usage.csv": Row(get=MANAGERS),
    "settings/ai-credits/receipts/<int:seq>": Row(get=MEMBERS),
    "settings/ai-credits/switch": Row(get=OWNER_ONLY, post=OWNER_ONLY, form={"enable": "0"}),
    "settings/ai-features": Row(get=MEMBERS),
}

KEY_ROWS = {
    "GET /api/v1/balance": KeyRow(scope=_READ),
    "GET /api/v1/lots": KeyRow(scope=_READ),
    "GET /api/v1/usage": KeyRow(scope=_READ),
    "GET /api/v1/usage/summary": KeyRow(scope=_READ),
    "GET /api/v1/usage/{usage_id}": KeyRow(scope=_READ),
    "GET /api/v1/bundles": KeyRow(scope=_READ),
    "GET /api/v1/statements": KeyRow(scope=_READ),
    "GET /api/v1/statements/{period}": KeyRow(scope=_READ),
    "GET /api/v1/openapi.json": KeyRow(scope=None),
    "GET /api/v1/problems/{code}": KeyRow(scope=None),
}

PLACES = {
    "seq": Place(make=a_receipt, absent=999_999),
    "usage_id": Place(make=a_receipt, absent=999_999),
    "email": Place(make=lambda tenant: tenant.emails[OWNER], absent="nobody@nowhere.example"),
    "period": Place(make=lambda _: datetime.now(UTC).strftime("%Y-%m")),
    "code": Place(make=lambda _: "not_found"),
}
