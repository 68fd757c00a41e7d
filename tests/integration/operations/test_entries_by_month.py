"""Entries become a table of months while people work, whoever is killed at it; every id still leads to its entry."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from campaigns.oracle import deviations
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.queries import entries
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Operation, Row, Statement, SyncDatabase, run
from testkase.schema.ddl_migration import ddl_text, steps_of
from tests.support.cluster import Cluster, TestDatabase
from tests.support.ledger import fresh_org, open_account, settle
from tests.support.upgrades import code_of_before, empty_database, migrate_to, people_at_work, run_steps, spend
from tests.support.waiting import eventually

BEFORE = "0042"
STEPS = [step for name in ("0043_operations", "0044_entries_by_month") for step in steps_of(ddl_text(name))]
ROWS = "SELECT count(*), sum(hashtextextended(e::text, 0)) FROM ledger.entry AS e"
WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'ledger.open_hold'::regclass AND NOT granted"
OF_BEFORE = """
    SELECT count(*) FROM pg_indexes WHERE schemaname = 'ledger'
    AND indexname IN ('entry_until_operation_id_key', 'entry_until_switch')
"""


@pytest.fixture(scope="module")
def used(cluster: Cluster) -> Iterator[tuple[TestDatabase, int]]:
    """A database from before, and an organization that has used it."""
    org_id = fresh_org()
    with empty_database(cluster, "before_entries_by_month") as database:
        migrate_to(database, BEFORE)
        books = SyncDatabase(database.app_url)
        books.run(execute_one(open_account(org_id)), org_id=org_id)
        spend(books, org_id, "early", 20)
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
    before = books.run(entries(org_id, limit=500), org_id=org_id)
    again = books.run(execute_one(settle(org_id, "early3", 0.5)), org_id=org_id)
    assert isinstance(again, Answer)
    assert again.replayed, "an id from before is still answered as it was"
    spend(books, org_id, "late", 3)
    after = books.run(entries(org_id, limit=500), org_id=org_id)
    assert [row.seq for row in after] == list(range(before[0].seq + 6, 0, -1))
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
        assert owner.execute(OF_BEFORE).fetchone() == (2,), "processes of the code before look entries up by them"
    in_order(database, org_id)


def test_people_work_while_their_journal_becomes_one_of_months(old: tuple[TestDatabase, int]) -> None:
    database, org_id = old
    with (
        people_at_work(database, lambda books, name: spend(books, org_id, name, 1)),
        psycopg.connect(database.owner_url, autocommit=True) as owner,
    ):
        run_steps(owner, STEPS)
    in_order(database, org_id)


def test_processes_of_the_code_before_work_meanwhile_too(old: tuple[TestDatabase, int]) -> None:
    database, org_id = old
    with (
        code_of_before(),
        people_at_work(database, lambda books, name: spend(books, org_id, name, 1)),
        psycopg.connect(database.owner_url, autocommit=True) as owner,
    ):
        run_steps(owner, STEPS)
    in_order(database, org_id)


@pytest.mark.requirement("I5")
def test_a_function_that_had_begun_before_takes_its_ids_along(old: tuple[TestDatabase, int]) -> None:
    """It goes on as it was when it has what it waited for: by then each entry's id is written down by the trigger."""
    database, org_id = old
    last = next(number for number, step in enumerate(STEPS) if "DROP TRIGGER" in step.sql)
    with (
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        psycopg.connect(database.owner_url) as holding,
    ):
        holding.execute("LOCK TABLE ledger.open_hold IN SHARE MODE")  # a batch writes there before its entries
        with people_at_work(database, lambda books, name: spend(books, org_id, name, 1)):
            assert eventually(lambda: owner.execute(WAITING).fetchone() == (1,), seconds=20)
            run_steps(owner, STEPS, end=last)
            assert owner.execute(WAITING).fetchone() == (1,)
            holding.rollback()
            run_steps(owner, STEPS, first=last)
    in_order(database, org_id)


@pytest.mark.requirement("I5")
def test_a_call_that_knows_the_function_of_before_is_waited_for(old: tuple[TestDatabase, int]) -> None:
    """It looked the function up and reached no table yet: nothing but its transaction says that it is there."""
    database, org_id = old
    late = fresh_org()
    with (
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        psycopg.connect(database.app_url, row_factory=dict_row) as calling,
    ):
        run(calling, execute_one(open_account(fresh_org())))
        asking = execute_one(open_account(late))
        rows = run(calling, _one(next(asking)))
        calling.commit()
        calling.execute("SELECT")
        migrating = threading.Thread(target=run_steps, args=[owner, STEPS])
        migrating.start()
        migrating.join(0.5)
        run(calling, _one(asking.send(rows)))
        calling.commit()
        migrating.join(20)
    in_order(database, org_id)


def test_a_transaction_that_does_not_end_is_told_of(old: tuple[TestDatabase, int]) -> None:
    database, _ = old
    (last,) = [number for number, step in enumerate(STEPS) if "DROP TRIGGER" in step.sql]
    with (
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        psycopg.connect(database.app_url) as left_open,
    ):
        left_open.execute("SELECT")
        run_steps(owner, STEPS, end=last)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute(STEPS[last].sql.replace("1 minute", "0.1 seconds").encode())
        left_open.rollback()
        run_steps(owner, STEPS, first=last)


def test_what_is_tried_again_does_not_read_all_entries_again(old: tuple[TestDatabase, int]) -> None:
    database, _ = old
    (copying,) = [number for number, step in enumerate(STEPS) if step.name.startswith("the ids of earlier entries")]
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        run_steps(owner, STEPS, end=copying + 2)
        owner.execute("TRUNCATE ledger.operation")
        run_steps(owner, STEPS, first=copying, end=copying + 1)
        assert owner.execute("SELECT count(*) FROM ledger.operation").fetchone() == (0,)


def _one(statement: Statement) -> Operation[list[Row]]:
    return (yield statement)


def test_a_new_database_keeps_its_ids_once(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(OF_BEFORE).fetchone() == (0,)
