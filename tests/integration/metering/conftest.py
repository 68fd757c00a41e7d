"""A real ledger, a scripted model, and a meter between them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from testkase.core.ledger.engine import Engine
from testkase.core.pricing import PriceBooks, load_price_books
from testkase.services.inference import Catalog
from tests.support.cluster import TestDatabase
from tests.support.metering import TOKENS, Bench
from tests.support.programs import Organization, Organizations, api_settings
from tests.support.upstream import Reply, Upstream, scripted_upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(Reply(usage=TOKENS)) as running:
        yield running


@pytest.fixture
def org(organizations: Organizations) -> Organization:
    return organizations.make()


@pytest.fixture(scope="session")
def price_books() -> PriceBooks:
    return load_price_books()


@pytest.fixture
async def bench(
    engine: Engine, price_books: PriceBooks, database: TestDatabase, upstream: Upstream, organizations: Organizations
) -> AsyncIterator[Bench]:
    catalog = Catalog.from_settings(api_settings(database, model_port=upstream.port), {})
    yield Bench(engine, price_books, catalog, organizations)
    await catalog.close()
