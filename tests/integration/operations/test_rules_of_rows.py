"""The rules of the ledger's rows become conditions of policies while people work, and hold at every moment of it."""

from collections.abc import Iterator

import psycopg
import pytest

from campaigns.oracle import deviations
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase
from testkase.schema.ddl_migration import ddl_text, steps_of
from tests.support.cluster import Cluster, TestDatabase
from tests.support.ledger import fresh_org, open_account
from tests.support.upgrades import (
    add_closed_days,
    add_journal,
    code_of_before,
    empty_database,
    migrate_to,
    people_at_work,
    run_steps,
    spend,
)

BEFORE, RULES = "0025", "0028_rules_of_rows"
STEPS = list(steps_of(ddl_text(RULES)))
BROKEN = {
    "account": "debt", "lot": "clawed", "open_hold": "amount", "usage_day": "charged", "budget": "used",
    "entry": "used", "usage": "charged",
}  # fmt: skip
"""Of each table whose rows have rules, an amount that cannot be negative."""


@pytest.fixture(scope="module", autouse=True)
def _before() -> Iterator[None]:
    """Whoever works there runs the code of then."""
    with code_of_before():
        yield


@pytest.fixture(scope="module")
def used(cluster: Cluster) -> Iterator[tuple[TestDatabase, int]]:
    """A database from before, and an organization that has used it."""
    org_id = fresh_org()
    with empty_database(cluster, "before_rules") as database:
        migrate_to(database, BEFORE)
        add_closed_days(database)
        add_journal(database)
        books = SyncDatabase(database.app_url)
        books.run(execute_one(open_account(org_id)), org_id=org_id)
        spend(books, org_id, "early")
        books.close()
        yield database, org_id


@pytest.fixture
def old(cluster: Cluster, used: tuple[TestDatabase, int]) -> Iterator[tuple[TestDatabase, int]]:
    """The same for one test."""
    copied = cluster.copy(used[0])
    yield copied, used[1]
    cluster.drop(copied)


def ruled(owner: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
    """What forbids each table a negative amount: the conditions of its constraints, or of its writer's policy."""
    rows = owner.execute(
        "SELECT r.relname::text, coalesce(string_agg(pg_get_constraintdef(c.oid), ' '), '') || ("
        "  SELECT pg_get_expr(polwithcheck, r.oid) FROM pg_policy WHERE polrelid = r.oid AND polname = 'writer')"
        " FROM pg_class AS r LEFT JOIN pg_constraint AS c ON c.conrelid = r.oid AND c.contype = 'c'"
        " WHERE r.relnamespace = 'ledger'::regnamespace AND r.relname = ANY (%s) GROUP BY r.oid, r.relname",
        [list(BROKEN)],
    ).fetchall()
    return {str(table): str(conditions) for table, conditions in rows}


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
def test_killed_behind_any_step_every_table_has_its_rules_and_the_next_run_finishes(
    old: tuple[TestDatabase, int], done: int
) -> None:
    database, org_id = old
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        run_steps(owner, STEPS, end=done)
        rules = ruled(owner)
        assert rules.keys() == BROKEN.keys()
        assert all(BROKEN[table] in condition for table, condition in rules.items())
        run_steps(owner, STEPS)
        run_steps(owner, STEPS)
    books = SyncDatabase(database.app_url)
    spend(books, org_id, "late")
    books.close()
    assert deviations(database.owner_url) == []


def test_people_work_while_it_happens(old: tuple[TestDatabase, int]) -> None:
    database, org_id = old
    with (
        people_at_work(database, lambda books, name: spend(books, org_id, name)),
        psycopg.connect(database.owner_url, autocommit=True) as owner,
    ):
        run_steps(owner, STEPS)
    assert deviations(database.owner_url) == []
