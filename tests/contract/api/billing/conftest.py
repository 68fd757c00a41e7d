"""The API of an installation that sells: its provider does what the test says."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from testkase.entrypoints.api.app import application
from testkase.entrypoints.api.context import Context
from tests.support.cluster import TestDatabase
from tests.support.fake_provider import FakeProvider
from tests.support.market import Market, Program
from tests.support.programs import api_settings, served
from tests.support.shop import SELLER, Shop, shop_on


@pytest.fixture(scope="module")
def shop(module_database: TestDatabase) -> Iterator[Shop]:
    with shop_on(module_database) as shop:
        yield shop


@pytest.fixture
def provider(shop: Shop) -> FakeProvider:
    return shop.provider


@pytest.fixture(scope="module")
def base_url(module_database: TestDatabase, shop: Shop) -> Iterator[str]:
    context = replace(Context.from_settings(api_settings(module_database)), provider=shop.provider, seller=SELLER)
    with served(application(context)) as url:
        yield url


@pytest.fixture
def market(shop: Shop, base_url: str) -> Iterator[Market]:
    made = Market(shop, base_url)
    yield made
    made.close()


@pytest.fixture
def program(market: Market) -> Program:
    """Of the Owner, with every scope."""
    return market.program()
