"""How a batch's rows travel to PostgreSQL and back: whatever people may write arrives as it is, and who waited for an
organization sees what the one before left."""

import threading

import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Entry, Subject
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase, run
from tests.support.ledger import TERMS, hold, organization, settle

AWKWARD = [
    'a "quoted" \\ word', "{a,b}", "(a,b)", "", "null", "\\", '"', '\\"', "tab\tand\nline", "é ☃ 🙂", "'; --", " ",
    "\\x00",
]  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
async def test_what_people_write_arrives_as_it_is(engine: Engine, owner_url: str, name: str) -> None:
    org_id, hold_id = await organization(engine), f"h{name}"
    subject = Subject(use_case=name, user=name, project=name, model=name)
    opened = ask.OpenHold(
        org_id=org_id, hold_id=hold_id, amount=MICRO, ttl_seconds=60, subject=subject, terms=TERMS
    )  # fmt: skip
    await engine.submit(opened)
    found = _row(owner_url, "SELECT hold_id, use_case, user_ref, project_ref, model FROM ledger.open_hold", org_id)
    assert found == (hold_id, name, name, name, name)
    settled = (await engine.submit(settle(org_id, hold_id, 1))).entry
    assert settled.usage is not None
    assert settled.usage.subject == subject, "read back before it was charged"
    found = _row(owner_url, "SELECT usage_id, use_case, user_ref, project_ref, model FROM ledger.usage", org_id)
    assert found == (hold_id, name, name, name, name)
    assert (await engine.submit(opened)).replayed


@pytest.mark.parametrize("name", [name for name in AWKWARD if name])
async def test_a_lots_reference_comes_back_as_it_was_written(engine: Engine, name: str) -> None:
    org_id = await organization(engine)
    purchase = ask.Grant(
        org_id=org_id, grant_id=name, amount=MICRO, source="purchase", paid=True, reference=name
    )  # fmt: skip
    posted = (await engine.submit(purchase)).entry
    again: Entry = (await engine.submit(purchase)).entry
    assert (again.note, again.hash) == (name, posted.hash)
    refunded = ask.Reverse(org_id=org_id, reversal_id="r", grant_id=name, clawed=MICRO)
    assert (await engine.submit(refunded)).entry.deltas.reversed == MICRO


@pytest.mark.requirement("I2")
async def test_who_waited_for_an_organization_sees_what_the_one_before_left(engine: Engine, app_url: str) -> None:
    org_id = await organization(engine, 10)
    answers: list[Entry] = []
    reader = SyncDatabase(app_url)

    def wait_and_hold() -> None:
        answers.append(reader.run(execute_one(hold(org_id, "second", 4))).entry)

    with psycopg.connect(app_url) as first:
        run(first, execute_one(hold(org_id, "first", 4)))
        second = threading.Thread(target=wait_and_hold)
        second.start()
        while not _waits(app_url):
            pass
    second.join()
    reader.close()
    assert [(answer.seq, answer.available_after, answer.held_after) for answer in answers] == [
        (4, 2 * MICRO, 8 * MICRO)
    ]  # fmt: skip


def _row(url: str, query: str, org_id: int) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute(f"{query} WHERE org_id = %s", [org_id]).fetchone()


def _waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%ledger.load%'"
        ).fetchone()
        return row is not None and row[0] > 0
