"""Buying, Plans & Billing, receipts, and staff's page on payments. What they show is made in purchases.py."""

from typing import Any

from testkase.foundation.ids import new_id
from tests.support.tenants.roles import EVERYBODY, MANAGERS, NOBODY, OWNER_ONLY
from tests.support.tenants.row import Row
from tests.support.tenants.world import Tenant


def _bundle(_: Tenant) -> dict[str, Any]:
    return {"request_id": new_id("buy"), "bundle": "starter", "currency": "USD"}


_BILLING = "settings/billing"
_PURCHASE = f"{_BILLING}/purchases/<slug:purchase_id>"

ROWS = {
    "settings/ai-credits/buy": Row(get=OWNER_ONLY, post=OWNER_ONLY, form=_bundle),
    _BILLING: Row(get=MANAGERS),
    f"{_BILLING}/purchases": Row(get=MANAGERS),
    _PURCHASE: Row(get=MANAGERS),
    f"{_PURCHASE}/look": Row(post=MANAGERS),
    f"{_PURCHASE}/return": Row(post=MANAGERS),
    f"{_PURCHASE}/callback": Row(post=EVERYBODY),
    f"{_BILLING}/receipts/<slug:number>": Row(get=MANAGERS),
    f"{_BILLING}/receipts/<slug:number>.pdf": Row(get=MANAGERS),
    f"{_BILLING}/purchase-roles": Row(post=OWNER_ONLY, form={"purchase_roles": "owner_and_admins"}),
    f"{_BILLING}/overage": Row(post=OWNER_ONLY, form={"cap": "20"}),
    f"{_BILLING}/coverage": Row(post=OWNER_ONLY),
    f"{_BILLING}/buyer": Row(post=OWNER_ONLY, form={"name": "Cobalt Works Ltd"}),
    "staff/invariants": Row(get=NOBODY, post=NOBODY, refused=(302, 404, 405)),
    "staff/payments": Row(get=NOBODY, post=NOBODY, refused=(302, 404, 405)),
}
