"""What a project's pages ask the database, with ten thousand test cases as with a few."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.web.conftest import Visitors, visiting
from tests.integration.web.test_page_cost import statements
from tests.integration.web.test_workspace_pages import HOME, link, text
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

MANY = """
INSERT INTO test_case (org_id, project_id, key, title, steps, search, tags)
SELECT p.org_id, p.project_id, 'SHOP-' || n, 'Case ' || n,
       jsonb_build_array(jsonb_build_object('action', repeat('Do this ', 20), 'expected', 'See that')),
       'shop-' || n || ' case ' || n || ' ' || repeat('do this ', 60), ARRAY['bulk']
FROM project p, generate_series(1000, 10999) AS n WHERE p.key = 'SHOP'
"""
BUDGETS = {"": 14, "?text=case+5555": 14, "?tag=flaky&status=ready": 14, "?before=5000": 14, "/cases.csv?tag=flaky": 11}


@pytest.fixture(scope="module")
def large(module_database: TestDatabase) -> Iterator[Visitors]:
    """The demo organization with 10,000 test cases more."""
    with django_on(module_database):
        visitors = visiting()
        with psycopg.connect(module_database.owner_url) as owner:
            owner.execute(MANY)
            owner.execute("ANALYZE test_case")
        yield visitors


@pytest.mark.parametrize("address", BUDGETS)
def test_a_page_of_a_large_project_asks_no_more_often_than_of_a_small_one(large: Visitors, address: str) -> None:
    member = large.client_of("member")
    member.get(HOME)
    with statements() as asked:
        answer = member.get(HOME + address)
        assert answer.status_code == 200
        assert answer.getvalue()
    assert len(asked) <= BUDGETS[address], "\n".join(asked)


def test_a_cycle_of_many_asks_no_more_often(large: Visitors) -> None:
    member = large.client_of("member")
    cycle = link(text(member, f"{HOME}/cycles"), "Sprint 44")
    assert member.post(f"{cycle}/additions", {"folder": "top"}).status_code == 302
    with statements() as asked:
        assert "of 10,025 executed" in text(member, cycle).replace("10025", "10,025")
    assert len(asked) <= 16, "\n".join(asked)
