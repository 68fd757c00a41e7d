"""A shop for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.support.cluster import TestDatabase
from tests.support.shop import Shop, shop_on


@pytest.fixture(scope="module")
def shop(module_database: TestDatabase) -> Iterator[Shop]:
    with shop_on(module_database) as shop:
        yield shop
