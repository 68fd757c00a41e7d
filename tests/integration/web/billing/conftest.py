"""The demo organization with a payment provider that does what the test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.test import Client

from testkase.core.ledger.queries import Balance, balance
from testkase.foundation.database import Operation
from testkase.services.billing.model import Purchase
from testkase.services.billing.provider import Payment
from testkase.services.billing.purchasing.rows import Listed, list_purchases
from tests.integration.web.conftest import Visitors
from tests.support.buying import forms, paying_through
from tests.support.fake_provider import FakeProvider
from tests.support.people import Demo

BUY, BILLING = "/settings/ai-credits/buy", "/settings/billing"


@dataclass(frozen=True)
class Store:
    """People of the demo organization before the buy page, and the provider behind it."""

    demo: Demo
    client_of: Callable[[str], Client]
    provider: FakeProvider

    def run(self, operation: Operation[object]) -> object:
        from testkase.entrypoints.web.billing.till import transact

        return transact(operation, org_id=self.demo.org_id)

    def order(self, role: str = "owner", bundle: str = "professional") -> str:
        """Press Buy beside a bundle; the address of its purchase."""
        client = self.client_of(role)
        form = next(one for one in forms(client.get(BUY).content.decode(), BUY) if one["bundle"] == bundle)
        answer = client.post(BUY, form)
        assert answer.status_code == 303, answer.content
        return str(answer.headers["Location"]).partition("#")[0]

    def bought(self, bundle: str = "professional") -> str:
        """Paid and credited."""
        address = self.order(bundle=bundle)
        payment = self.pay(address)
        self.client_of("owner").post(f"{address}/return", self.provider.checkout_return(payment))
        return address

    def pay(self, address: str, **facts: object) -> Payment:
        """Somebody pays at the provider; nobody has told us yet."""
        return self.provider.pay(self.purchase(address).order_id or "", **facts)

    @property
    def purchases(self) -> list[Purchase]:
        found: list[Listed] = self.run(list_purchases(self.demo.org_id, limit=100))  # type: ignore[assignment]
        return [one.purchase for one in found]

    def purchase(self, address: str) -> Purchase:
        return next(one for one in self.purchases if address.endswith(one.purchase_id))

    @property
    def balance(self) -> Balance:
        return self.run(balance(self.demo.org_id))  # type: ignore[return-value]

    def policy(self, roles: str) -> None:
        assert self.client_of("owner").post(f"{BILLING}/purchase-roles", {"purchase_roles": roles}).status_code == 302


@pytest.fixture
def store(visitors: Visitors) -> Iterator[Store]:
    with paying_through(FakeProvider()) as provider:
        yield Store(demo=visitors.demo, client_of=visitors.client_of, provider=provider)
