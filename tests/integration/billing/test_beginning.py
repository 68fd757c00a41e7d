"""What a purchase cannot begin with: another one's order, or a place in a queue that has no end."""

import pytest
from msgspec.structs import replace

from testkase.services.billing.model import PaymentMismatch
from testkase.services.billing.purchasing.rows import MOST_WAITING, TooManyWaiting
from tests.support.shop import Shop


@pytest.mark.requirement("P9", "I8", "I13")
def test_an_order_that_was_another_purchases_is_not_taken_again(shop: Shop) -> None:
    """As from a provider that lost its books and counts from the beginning: one payment, two grants."""
    org, other = shop.organization("0"), shop.organization("0")
    first = shop.order(org.org_id)
    again = shop.provider.orders.pop(first.order_id or "")

    class Forgetful(type(shop.provider)):  # type: ignore[misc]
        def create_order(self, *, receipt: str, **_: object) -> object:
            return self.orders.setdefault(again.order_id, replace(again, receipt=receipt))

    shop.provider.__class__ = Forgetful
    try:
        for buyer in (org, other):
            with pytest.raises(PaymentMismatch):
                shop.order(buyer.org_id)
    finally:
        shop.provider.__class__ = Forgetful.__base__
    shop.provider.pay(again.order_id)
    assert shop.look(first).granted
    assert shop.rows(other.org_id, "SELECT state, order_id FROM purchase") == [{"state": "created", "order_id": None}]


def test_only_so_many_purchases_wait_at_once_and_each_organization_has_its_own(shop: Shop) -> None:
    """Each is asked about for days: whoever may buy must not keep others waiting."""
    org, other = shop.organization("0"), shop.organization("0")
    waiting = [shop.order(org.org_id, request_id=f"r{number}") for number in range(MOST_WAITING)]
    with pytest.raises(TooManyWaiting):
        shop.order(org.org_id)
    assert shop.order(org.org_id, request_id="r0") == waiting[0]
    shop.order(other.org_id)
    shop.provider.pay(waiting[0].order_id or "")
    shop.look(waiting[0])
    shop.order(org.org_id)
