"""The activity history is a chain: what a superuser does to its rows is found, and the application can only add."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import psycopg
import pytest

from testkase.foundation.database import SyncDatabase
from testkase.services.audit import Activity, Actor, record, verify_activity
from tests.support.cluster import TestDatabase

ANA = Actor(kind="person", ref="ana@example.com", name="Ana")
numbers = count(1)


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    database = SyncDatabase(module_database.app_url)
    yield database
    database.close()


def recorded(books: SyncDatabase, records: int = 4) -> int:
    """A new organization with so many records in its history."""
    org_id = next(numbers)
    for number in range(records):
        details = {"to": "admin", "from": "member", "note": f"№ {number} “ü”"}
        change = Activity(action="member.role_changed", actor=ANA, target=f"Ben {number}", details=details)
        books.run(record(org_id, change), org_id=org_id)
    return org_id


def found(books: SyncDatabase, org_id: int) -> list[int | None]:
    """Where the chain is broken; None: at its end."""
    return [broken.seq for broken in books.run(verify_activity(org_id), org_id=org_id)]


@pytest.mark.requirement("I12")
def test_an_untouched_history_verifies(books: SyncDatabase) -> None:
    assert found(books, recorded(books)) == []
    assert found(books, recorded(books, 0)) == []


TAMPERING = {
    "edit a name": "UPDATE activity SET actor_name = 'Eve' WHERE org_id = %(org)s AND seq = 2",
    "edit a detail": 'UPDATE activity SET details = details || \'{"to": "owner"}\' WHERE org_id = %(org)s AND seq = 2',
    "edit an instant": "UPDATE activity SET at = at + 1 WHERE org_id = %(org)s AND seq = 2",
    "edit the last": "UPDATE activity SET target = '' WHERE org_id = %(org)s AND seq = 4",
    "delete the first": "DELETE FROM activity WHERE org_id = %(org)s AND seq = 1",
    "delete one": "DELETE FROM activity WHERE org_id = %(org)s AND seq = 3",
    "delete one and close the gap": "DELETE FROM activity WHERE org_id = %(org)s AND seq = 3;"
    " UPDATE activity SET seq = 3 WHERE org_id = %(org)s AND seq = 4",
    "swap two": "UPDATE activity SET seq = 15 - seq WHERE org_id = %(org)s AND seq IN (2, 3);"
    " UPDATE activity SET seq = seq - 10 WHERE org_id = %(org)s AND seq IN (12, 13)",
    "cut off the tail": "DELETE FROM activity WHERE org_id = %(org)s AND seq = 4",
    "cut off everything": "DELETE FROM activity WHERE org_id = %(org)s",
    "forget the head": "DELETE FROM activity_head WHERE org_id = %(org)s",
    "move to another organization": "UPDATE activity SET org_id = 999999 WHERE org_id = %(org)s AND seq = 4",
}


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("act", TAMPERING)
def test_what_a_superuser_does_to_it_is_found(books: SyncDatabase, module_database: TestDatabase, act: str) -> None:
    org_id = recorded(books)
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        for statement in TAMPERING[act].split("; "):
            owner.execute(statement, {"org": org_id})
    assert found(books, org_id) != []


@pytest.mark.requirement("I12")
def test_the_application_can_only_add(books: SyncDatabase, module_database: TestDatabase) -> None:
    org_id = recorded(books, 1)
    for act in (
        "UPDATE activity SET target = ''",
        "DELETE FROM activity",
        "TRUNCATE activity",
        "DELETE FROM activity_head",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), books.transaction(org_id) as connection:
            connection.execute(act)


def test_an_event_is_recorded_once_however_often_it_is_reported(books: SyncDatabase) -> None:
    org_id = next(numbers)
    for _ in range(3):
        books.run(record(org_id, Activity(action="credits.granted", actor=ANA), event_id="grant:1"), org_id=org_id)
    with books.transaction(org_id) as connection:
        assert connection.execute("SELECT count(*) FROM activity").fetchone() == (1,)
    assert found(books, org_id) == []


@pytest.mark.requirement("P16")
@pytest.mark.parametrize("text", ["x" * 10_000, "two\nlines\x00\t", "", "\ud800 lone"])
def test_any_text_becomes_one_short_line(books: SyncDatabase, text: str) -> None:
    org_id = next(numbers)
    actor = Actor(kind="person", ref=text, name=text)
    change = Activity(
        action="ai.switched_on", actor=actor, target=text, project=text, use_case=text, details={"a": text, text: text}
    )
    books.run(record(org_id, change), org_id=org_id)
    assert found(books, org_id) == []


@pytest.mark.requirement("P16")
@pytest.mark.parametrize("details", ['{"a": "%s"}' % ("x" * 201), '{"a": {"b": "c"}}', '{"a": 1}', '["a"]'])
def test_no_column_can_hold_a_prompt(books: SyncDatabase, details: str) -> None:
    org_id = recorded(books, 1)
    with pytest.raises(psycopg.errors.CheckViolation), books.transaction(org_id) as connection:
        connection.execute(
            "INSERT INTO activity SELECT org_id, seq + 1, at, 'other', category, action, actor_kind, actor_ref,"
            " actor_name, target, project, use_case, %s::jsonb, hash FROM activity", [details]
        )  # fmt: skip


def test_records_written_at_once_make_one_chain(books: SyncDatabase) -> None:
    org_id = next(numbers)
    change = Activity(action="api_key.created", actor=ANA)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: books.run(record(org_id, change), org_id=org_id), range(24)))
    assert found(books, org_id) == []
