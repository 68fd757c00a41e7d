"""Usage becomes a table of months while people work, whoever is killed at it, and not a row is lost."""

from collections.abc import Iterator

import psycopg
import pytest

from campaigns.oracle import deviations
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.queries import usage_page
from testkase.core.ledger.verify import verify
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

BEFORE, MONTHS = "0027", "0025_months"
STEPS = list(steps_of(ddl_text(MONTHS)))
ROWS = "SELECT count(*), sum(hashtextextended(u::text, 0)) FROM ledger.usage AS u"


@pytest.fixture(scope="module", autouse=True)
def _before() -> Iterator[None]:
    """Whoever works there runs the code of then."""
    with code_of_before():
        yield


@pytest.fixture(scope="module")
def used(cluster: Cluster) -> Iterator[tuple[TestDatabase, int]]:
    """A database from before, and an organization that has used it."""
    org_id = fresh_org()
    with empty_database(cluster, "before_months") as database:
        migrate_to(database, BEFORE)
        add_closed_days(database)
        add_journal(database)
        books = SyncDatabase(database.app_url)
        books.run(execute_one(open_account(org_id)), org_id=org_id)
        spend(books, org_id, "early", 40)
        books.close()
        yield database, org_id


@pytest.fixture
def old(cluster: Cluster, used: tuple[TestDatabase, int]) -> Iterator[tuple[TestDatabase, int]]:
    """The same for one test."""
    copied = cluster.copy(used[0])
    yield copied, used[1]
    cluster.drop(copied)


def in_order(database: TestDatabase, org_id: int) -> None:
    books = SyncDatabase(database.app_url)
    assert books.run(verify(org_id), org_id=org_id) == []
    seqs = [row.seq for row in books.run(usage_page(org_id, limit=500), org_id=org_id)]
    assert seqs == sorted(seqs, reverse=True)
    spend(books, org_id, "late", 3)
    assert len(books.run(usage_page(org_id, limit=500), org_id=org_id)) == len(seqs) + 3
    books.close()
    assert deviations(database.owner_url) == []


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
def test_whoever_was_killed_behind_any_step_is_followed_by_one_that_finishes(
    old: tuple[TestDatabase, int], done: int
) -> None:
    database, org_id = old
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        rows = owner.execute(ROWS).fetchone()
        run_steps(owner, STEPS, end=done)
        assert owner.execute(ROWS).fetchone() == rows
        run_steps(owner, STEPS)
        assert owner.execute(ROWS).fetchone() == rows
        run_steps(owner, STEPS)
    in_order(database, org_id)


def test_indexes_that_a_killed_run_left_unfinished_are_built_again(old: tuple[TestDatabase, int]) -> None:
    database, org_id = old
    names = ("usage_key", "usage_day_by_user", "usage_day_by_project")
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        run_steps(owner, STEPS, end=[step.name for step in STEPS].index("where a month begins"))
        owner.execute("SET allow_system_table_mods = on")
        for name in names:
            owner.execute(
                f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ledger.{name}'::regclass".encode()
            )
        run_steps(owner, STEPS)
        broken = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert owner.execute(broken).fetchone() == (0,)
    in_order(database, org_id)


def test_people_work_while_their_table_becomes_one_of_months(old: tuple[TestDatabase, int]) -> None:
    database, org_id = old
    with (
        people_at_work(database, lambda books, name: spend(books, org_id, name, 1)),
        psycopg.connect(database.owner_url, autocommit=True) as owner,
    ):
        run_steps(owner, STEPS)
    in_order(database, org_id)


def test_a_migration_left_half_done_for_weeks_decides_anew_where_the_first_month_ends(
    old: tuple[TestDatabase, int],
) -> None:
    database, org_id = old
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.usage ADD CONSTRAINT usage_until CHECK (at < 1577836800000000) NOT VALID")
        run_steps(owner, STEPS)
    in_order(database, org_id)
