"""Organizations that buy and spend, and the self-audit beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core import mail

from testkase.entrypoints.worker.selfaudit import SelfAudit
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.shop import Shop, shop_on


@pytest.fixture
def shop(django_database: TestDatabase) -> Iterator[Shop]:
    mail.outbox.clear()
    with shop_on(django_database) as shop:
        yield shop


@pytest.fixture
def books(shop: Shop) -> SyncDatabase:
    return shop.organizations.database


@pytest.fixture
def audit(shop: Shop, tmp_path: Path) -> Iterator[SelfAudit]:
    """As the worker runs it, except that every journal counts as a long one."""
    made = SelfAudit(shop.database.app_url, tmp_path, "https://credits.test", short=0)
    yield made
    made.close()
