"""Buying by programs: purchases, receipts, who may, use beyond the balance; and the provider's reports."""

from typing import Any

from testkase.foundation.ids import new_id
from testkase.services.billing.receipts import receipt_of
from tests.support.tenants.row import KeyRow, Place
from tests.support.tenants.till import a_paid_purchase, a_purchase
from tests.support.tenants.world import Tenant


def _a_purchase(tenant: Tenant) -> str:
    return a_purchase(tenant).purchase_id


def _a_receipt(tenant: Tenant) -> str:
    paid = a_paid_purchase(tenant)
    return str(tenant.run(receipt_of(tenant.org_id, paid.purchase_id)).number)


def _new_purchase(_: Tenant) -> dict[str, Any]:
    return {"id": new_id("req"), "bundle": "starter"}


_READ, _WRITE = "billing:read", "billing:write"

KEY_ROWS = {
    "GET /api/v1/purchases": KeyRow(scope=_READ),
    "POST /api/v1/purchases": KeyRow(scope=_WRITE, body=_new_purchase),
    "GET /api/v1/purchases/{purchase_id}": KeyRow(scope=_READ),
    "POST /api/v1/purchases/{purchase_id}/check": KeyRow(scope=_WRITE),
    "GET /api/v1/receipts/{number}": KeyRow(scope=_READ),
    "GET /api/v1/settings/purchasing": KeyRow(scope="settings:read"),
    "PUT /api/v1/settings/purchasing": KeyRow(
        scope="settings:write", body={"purchase_roles": "owner_and_admins", "buyer": {"name": "Buyers"}}
    ),
    "GET /api/v1/settings/overage": KeyRow(scope="settings:read"),
    "PUT /api/v1/settings/overage": KeyRow(scope="settings:write", body={"cap_usd": "20.00"}),
    "GET /api/v1/overage/bills": KeyRow(scope=_READ),
    "POST /webhooks/razorpay": KeyRow(scope=None, body={}, keyless=400),
}

PLACES = {
    "purchase_id": Place(make=_a_purchase, absent="pur_none"),
    "number": Place(make=_a_receipt, absent="R-none"),
}
