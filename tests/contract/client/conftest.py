"""The client at the real server: of an installation that sells, with a scripted model behind its gateway."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from testkase.core.access import Scope
from testkase.entrypoints.api.app import application
from testkase.entrypoints.api.context import Context
from testkase_client import Client
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, api_settings, served
from tests.support.shop import SELLER, Shop, shop_on
from tests.support.upstream import Upstream, scripted_upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def shop(module_database: TestDatabase) -> Iterator[Shop]:
    with shop_on(module_database) as shop:
        yield shop


@pytest.fixture(scope="module")
def base_url(module_database: TestDatabase, shop: Shop, upstream: Upstream) -> Iterator[str]:
    settings = api_settings(module_database, model_port=upstream.port)
    context = replace(Context.from_settings(settings), provider=shop.provider, seller=SELLER)
    with served(application(context)) as url:
        yield url


@pytest.fixture
def org(shop: Shop) -> Organization:
    """300 credits, and a key of the Owner's with every scope."""
    made = shop.organizations.make()
    owner = shop.organizations.make_person(made.org_id, "owner")
    key = shop.organizations.make_key(made.org_id, scopes=frozenset(Scope), maker=owner)
    return Organization(made.org_id, key)


@pytest.fixture
def client(base_url: str, org: Organization) -> Iterator[Client]:
    with Client(base_url, org.key) as made:
        yield made
