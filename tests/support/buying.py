"""A payment provider in the place of the web's own, and purchases made through it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from testkase.core.pricing import load_price_books
from testkase.foundation.database import Operation
from testkase.foundation.ids import new_id
from testkase.services.billing.model import Buyer, Purchase
from testkase.services.billing.purchasing.rows import begin_purchase, open_purchase
from tests.support.fake_provider import FakeProvider

API, SCRIPT = "https://api.pay.test", "https://checkout.pay.test/v1/checkout.js"


@contextmanager
def paying_through(provider: FakeProvider) -> Iterator[FakeProvider]:
    """Pages of this process ask this provider."""
    from testkase.entrypoints.web.billing import till

    made = till.Till(provider=provider, api_url=API, checkout_js=SCRIPT)
    with patch.object(till, "_till", lambda: made):
        yield provider


def an_open_purchase(
    org_id: int, provider: FakeProvider, *, bundle: str = "professional", buyer: Buyer | None = None
) -> Operation[Purchase]:
    """A purchase whose order waits for money at the provider."""
    book = load_price_books(None).books[-1]
    who = buyer or Buyer(kind="person", ref="owner@example.com", name="Olivia Ortega")
    begun = yield from begin_purchase(
        org_id, who, request_id=new_id("buy"), book=book, bundle_key=bundle, currency="USD"
    )  # fmt: skip
    order = provider.create_order(receipt=begun.purchase_id, amount=begun.amount, currency=begun.currency, notes={})
    return (yield from open_purchase(org_id, begun.purchase_id, order))


def fields(page: str, action: str) -> list[dict[str, Any]]:
    """The hidden fields of every form of a page that posts to an address."""
    import re

    forms = re.findall(rf'<form[^>]*action="{re.escape(action)}[^"]*".*?</form>', page, re.DOTALL)
    return [dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)) for form in forms]
