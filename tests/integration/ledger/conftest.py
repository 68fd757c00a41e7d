"""What tests of the ledger share."""

from collections.abc import Iterator

import pytest

from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase


@pytest.fixture
def elsewhere(database: TestDatabase) -> Iterator[SyncDatabase]:
    """Another process: its driver, on the same database."""
    books = SyncDatabase(database.app_url)
    yield books
    books.close()
