"""One application, one database and one scripted model for all contract tests of a file; organizations are separate."""

from collections.abc import Iterator

import httpx
import pytest

from testkase.entrypoints.api.app import create_app
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, Organizations, api_settings, served
from tests.support.upstream import Upstream, scripted_upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Stands where the embedded model would."""
    with scripted_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def organizations(module_database: TestDatabase) -> Iterator[Organizations]:
    made = Organizations(module_database)
    yield made
    made.close()


@pytest.fixture(scope="module")
def base_url(module_database: TestDatabase, upstream: Upstream) -> Iterator[str]:
    """The running application's address."""
    with served(create_app(api_settings(module_database, model_port=upstream.port))) as url:
        yield url


@pytest.fixture
def org(organizations: Organizations) -> Organization:
    """An organization of 300 credits, AI on."""
    return organizations.make()


@pytest.fixture
def api(base_url: str, org: Organization) -> Iterator[httpx.Client]:
    """The REST API as that organization's program."""
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as client:
        yield client
