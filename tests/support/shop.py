"""A shop on a test's database: organizations that buy, a provider that does what the test says, and errands run."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg

from testkase.core.access import OrganizationRole
from testkase.core.ledger.queries import Balance, balance
from testkase.core.pricing import PriceBook, PriceBooks, load_price_books
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.services.billing.errand import Errand, run_errand
from testkase.services.billing.model import Buyer, Purchase
from testkase.services.billing.purchasing.buying import buy, look_at
from testkase.services.billing.purchasing.fulfilment import Fulfilled
from testkase.services.billing.purchasing.rows import purchase_by_id
from testkase.services.billing.reports.inbox import claim_reports, handled, receive
from testkase.services.billing.reports.working import work_on
from testkase.services.billing.seller import Seller
from tests.support.cluster import TestDatabase
from tests.support.fake_provider import FakeProvider
from tests.support.programs import Organization, Organizations

T = TypeVar("T")

SELLER = Seller(name="Acme Testing")
BUYER = Buyer(kind="person", ref="ada@example.com", name="Ada")
_numbers = itertools.count(1)


def allowed() -> Operation[None]:
    """Whoever asks may buy."""
    yield Statement("SELECT 1")


class Shop:
    """Everything around a purchase, without pages."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self.organizations = Organizations(database)
        self.provider = FakeProvider()
        self.books = _books()

    @property
    def book(self) -> PriceBook:
        return self.books.at(utc_now())

    def close(self) -> None:
        self.organizations.close()

    def organization(self, credits: str = "300", **options: Any) -> Organization:
        """A new organization with an owner who can be told of things."""
        made = self.organizations.make(credits, **options)
        with psycopg.connect(self.database.owner_url, autocommit=True) as connection:
            email = f"owner-{next(_numbers)}@example.com"
            (user,) = connection.execute(
                "INSERT INTO app_user (email, ref, display_name, password, is_active, is_staff, is_superuser,"
                " date_joined) VALUES (%s, %s, 'Ada', '!', true, false, false, now()) RETURNING id",
                (email, email),
            ).fetchone() or (0,)
            connection.execute(
                "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)",
                (user, made.org_id, OrganizationRole.OWNER.value),
            )
        return made

    def errand(self, errand: Errand[T]) -> T:
        """Run one as a view would."""
        return run_errand(errand, self.provider, self.organizations.database.run)

    def run(self, org_id: int, operation: Operation[T]) -> T:
        return self.organizations.database.run(operation, org_id=org_id)

    def order(self, org_id: int, bundle: str = "starter", *, request_id: str | None = None) -> Purchase:
        """A purchase that waits for money."""
        request = request_id or f"request-{next(_numbers)}"
        return self.errand(
            buy(
                org_id, BUYER, request_id=request, book=self.book, bundle=bundle, currency="USD", may_buy=allowed
            )
        )  # fmt: skip

    def bought(self, org_id: int, bundle: str = "starter") -> Purchase:
        """A purchase that is paid and credited."""
        purchase = self.order(org_id, bundle)
        self.provider.pay(purchase.order_id or "")
        return self.look(purchase).purchase

    def look(self, purchase: Purchase, *disputes: str) -> Fulfilled:
        """Look at a purchase as it now stands in our rows."""
        current = self.purchase(purchase)
        return self.errand(look_at(current, SELLER, dispute_ids=disputes))

    def purchase(self, purchase: Purchase) -> Purchase:
        return self.run(purchase.org_id, purchase_by_id(purchase.org_id, purchase.purchase_id))

    def balance(self, org_id: int) -> Balance:
        return self.run(org_id, balance(org_id))

    def report(self, event: str, **about: str) -> str:
        """A webhook arrives, is kept and worked on; what came of it. Empty: these bytes came before."""
        body, signature = self.provider.webhook(event, **about)
        assert self.provider.is_webhook_signature(body, signature)
        database = self.organizations.database
        if not database.run(receive(body, self.provider.read_event(body))):
            return ""
        outcome = ""
        for report in database.run(claim_reports(limit=10)):
            outcome = self.errand(work_on(report, SELLER, self.books))
            database.run(handled([report.digest], outcome))
        return outcome

    def rows(self, org_id: int, sql: str, **params: Any) -> list[dict[str, Any]]:
        return self.organizations.rows(org_id, sql, **params)

    def grants(self, org_id: int) -> int:
        """How many purchases the ledger has credited."""
        return len(self.rows(org_id, "SELECT 1 FROM ledger.lot WHERE source = 'purchase'"))


def _books() -> PriceBooks:
    """The packaged books, the first of them in force since long ago: tests go back in time."""
    books = load_price_books()
    first = copy(books.books[0])
    first.effective_from = datetime(2020, 1, 1, tzinfo=UTC)
    return PriceBooks((first, *books.books[1:]))


@contextmanager
def shop_on(database: TestDatabase) -> Iterator[Shop]:
    shop = Shop(database)
    try:
        yield shop
    finally:
        shop.close()
