"""Buying, Plans & Billing, receipts, and staff's page on payments."""

from typing import Any

from testkase.foundation.ids import new_id
from testkase.services.billing.errand import run_errand
from testkase.services.billing.model import Purchase
from testkase.services.billing.purchasing.buying import look_at
from testkase.services.billing.receipts import receipt_of
from testkase.services.billing.seller import Seller
from tests.support.buying import an_open_purchase
from tests.support.fake_provider import FakeProvider
from tests.support.tenants.roles import EVERYBODY, MANAGERS, NOBODY, OWNER_ONLY
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant

PROVIDER = FakeProvider()
"""Of both organizations; the matrix's pages are connected to it."""


def a_purchase(tenant: Tenant) -> str:
    """One whose order waits for money; its id."""
    return _opened(tenant).purchase_id


def a_receipt(tenant: Tenant) -> str:
    """Of a purchase that was paid; its number."""
    from testkase.entrypoints.web.billing.till import transact

    purchase = _opened(tenant)
    assert purchase.order_id is not None
    PROVIDER.pay(purchase.order_id)
    run_errand(look_at(purchase, Seller()), PROVIDER, transact)
    return str(tenant.run(receipt_of(tenant.org_id, purchase.purchase_id)).number)


def _opened(tenant: Tenant) -> Purchase:
    found: Purchase = tenant.run(an_open_purchase(tenant.org_id, PROVIDER))
    return found


def _bought(_: Tenant) -> dict[str, Any]:
    return {"request_id": new_id("buy"), "bundle": "starter", "currency": "USD"}


_BILLING = "settings/billing"
_PURCHASE = f"{_BILLING}/purchases/<slug:purchase_id>"

ROWS = {
    "settings/ai-credits/buy": Row(get=OWNER_ONLY, post=OWNER_ONLY, form=_bought),
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
    "staff/payments": Row(get=NOBODY, post=NOBODY, refused=(404, 405)),
}

PLACES = {
    "purchase_id": Place(make=a_purchase, absent="pur_NONE"),
    "number": Place(make=a_receipt, absent="R-1999-000001"),
}
