"""Where the organizations of these tests pay: one provider for their places and for the application that is tried."""

from typing import TypeVar

from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.foundation.ids import new_id
from testkase.services.billing.errand import Errand, run_errand
from testkase.services.billing.model import Buyer, Purchase
from testkase.services.billing.purchasing.buying import buy, look_at
from testkase.services.billing.seller import Seller
from tests.support.fake_provider import FakeProvider
from tests.support.shop import allowed
from tests.support.tenants.roles import OWNER
from tests.support.tenants.world import Tenant

T = TypeVar("T")

PROVIDER = FakeProvider()


def a_purchase(tenant: Tenant) -> Purchase:
    """Of the smallest bundle; it waits for money."""
    buyer = Buyer(kind="person", ref=tenant.emails[OWNER], name=tenant.word, user_id=tenant.people[OWNER])
    return _carried_out(
        tenant,
        buy(
            tenant.org_id, buyer, request_id=new_id("req"), book=load_price_books().at(utc_now()), bundle="starter",
            currency="USD", may_buy=allowed,
        ),
    )  # fmt: skip


def a_paid_purchase(tenant: Tenant) -> Purchase:
    """The same, paid and credited."""
    purchase = a_purchase(tenant)
    PROVIDER.pay(purchase.order_id or "")
    return _carried_out(tenant, look_at(purchase, Seller())).purchase


def _carried_out(tenant: Tenant, errand: Errand[T]) -> T:
    return run_errand(errand, PROVIDER, lambda operation, org_id: tenant.run(operation))
