"""People of the demo organization, signed in to Django's test client on a real database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.test import Client

from tests.support.cluster import Cluster, TestDatabase
from tests.support.django import django_on
from tests.support.people import Demo, sign_in, staged_demo


@dataclass(frozen=True)
class Visitors:
    """The demo organization and a signed-in client for each role."""

    demo: Demo
    client_of: Callable[[str], Client]


def visiting() -> Visitors:
    """The demo organization, made in the database Django is connected to."""
    demo = staged_demo()
    return Visitors(demo=demo, client_of=lambda role: sign_in(demo, role))


@pytest.fixture(scope="session")
def staged(cluster: Cluster) -> tuple[TestDatabase, Demo]:
    """A database with the demo organization, of which tests get copies: that is quicker than to make it again."""
    made = cluster.fresh()
    with django_on(made):
        return made, staged_demo()


@pytest.fixture
def demo(staged: tuple[TestDatabase, Demo]) -> Demo:
    return staged[1]


@pytest.fixture
def database(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """With the demo organization where the test asks for its people."""
    has_demo = "demo" in request.fixturenames
    made = cluster.copy(request.getfixturevalue("staged")[0]) if has_demo else cluster.fresh()
    yield made
    cluster.drop(made)


@pytest.fixture
def visitors(django_database: TestDatabase, demo: Demo) -> Visitors:
    """Owner, admin and member of the demo organization: `visitors.client_of("member")`."""
    return Visitors(demo=demo, client_of=lambda role: sign_in(demo, role))


def press_cancel(client: Client, home: str, *, partial: bool) -> None:
    """On the page of a job under way, which says so then; pressed twice it says the same."""
    for _ in range(2):
        told = client.post(f"{home}/cancellation", headers={"HX-Request": "true"} if partial else {})
        page = told.content.decode() if partial else client.get(told.headers["Location"]).content.decode()
        assert 'id="cancel-button" type="submit" disabled>Cancelling</button>' in page
