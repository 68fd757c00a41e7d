"""Whoever adds a way to change something says what the activity history calls it, or why it keeps silent."""

from collections.abc import Iterator

import pytest

from testkase.entrypoints.api.v1.routes import routes
from testkase.services.audit.sentences import has_sentence
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.tenants.book import all_rows, row_for
from tests.support.tenants.pages import page_routes
from tests.support.tenants.recorded import NOT_RECORDED, RECORDED


@pytest.fixture(scope="module", autouse=True)
def django(module_database: TestDatabase) -> Iterator[None]:
    with django_on(module_database):
        yield


def ways_to_change() -> set[str]:
    """Every route of pages that takes a POST, and every route of programs that writes. How somebody signs in changes on
    allauth's pages: recorded by its signals (services/organizations/security.py)."""
    rows = all_rows()
    pages = {
        route
        for route in page_routes()
        if (row := row_for(route, rows)) is not None
        and row.post is not None
        and not route.startswith(("accounts/", "staff/"))
    }
    return pages | {f"{route.method} {route.path}" for route in routes() if route.method != "GET"}


@pytest.mark.requirement("R74", "R75")
def test_every_way_to_change_something_is_recorded_or_says_why_not() -> None:
    known = RECORDED.keys() | NOT_RECORDED.keys()
    missing = ways_to_change() - known
    assert not missing, (
        "Say in tests/support/tenants/recorded.py which actions these leave in the activity history"
        f" (testkase.services.audit), or why none: {sorted(missing)}"
    )
    assert known - ways_to_change() == set(), "These routes are gone."
    assert RECORDED.keys() & NOT_RECORDED.keys() == set()


def test_every_recorded_action_has_words_of_its_own() -> None:
    actions = {action for actions in RECORDED.values() for action in actions}
    assert [action for action in sorted(actions) if not has_sentence(action)] == []
