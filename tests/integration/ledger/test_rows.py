"""How a batch's rows travel to PostgreSQL and back: whatever people may write arrives as it is, who waited for an
organization sees what the one before left, and no row that breaks a rule of its table is written."""

import threading

import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Entry, Subject
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase, run
from tests.support.cluster import TestDatabase
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


BROKEN = [
    "UPDATE ledger.account SET available = -1", "UPDATE ledger.account SET held = -1",
    "UPDATE ledger.account SET debt = -1", "UPDATE ledger.account SET covered = -1",
    "UPDATE ledger.account SET overage_limit = -1", "UPDATE ledger.account SET overage = -1",
    "UPDATE ledger.account SET period_used = -1", "UPDATE ledger.account SET monthly_allowance = -1",
    "UPDATE ledger.account SET off_seq = -1", "UPDATE ledger.account SET period_number = -1",
    "UPDATE ledger.account SET anchor_day = 0", "UPDATE ledger.account SET anchor_day = 32",
    "UPDATE ledger.account SET period_end = period_start", "UPDATE ledger.account SET last_seq = 0",
    "UPDATE ledger.account SET last_hash = ''",
    "UPDATE ledger.lot SET available = -1, held = 1", "UPDATE ledger.lot SET held = -1",
    "UPDATE ledger.lot SET reversed = -1", "UPDATE ledger.lot SET expired = -1", "UPDATE ledger.lot SET clawed = -1",
    "UPDATE ledger.lot SET clawed = granted + 1", "UPDATE ledger.lot SET granted = 0, available = 0, held = 0",
    "UPDATE ledger.lot SET available = granted + 1", "UPDATE ledger.lot SET expired = granted",
    "UPDATE ledger.lot SET expires_at = granted_at",
    "UPDATE ledger.open_hold SET amount = -1", "UPDATE ledger.open_hold SET expires_at = opened_at",
    "UPDATE ledger.open_hold SET hold_id = ''", "UPDATE ledger.open_hold SET hold_id = repeat('x', 129)",
    "UPDATE ledger.entry SET used = -1", "UPDATE ledger.entry SET expired = -1",
    "UPDATE ledger.entry SET available_after = -1", "UPDATE ledger.entry SET held_after = -1",
    "UPDATE ledger.entry SET seq = 0 WHERE seq = 1", "UPDATE ledger.entry SET hash = ''",
    "UPDATE ledger.entry SET held = held + 1",
    "UPDATE ledger.usage_day SET charged = -1", "UPDATE ledger.usage_day SET interactions = 0",
    "UPDATE ledger.usage_day SET input_tokens = -1", "UPDATE ledger.usage_day SET output_tokens = -1",
]  # fmt: skip


@pytest.mark.requirement("I2", "I10")
async def test_no_table_takes_a_row_that_breaks_its_rules(engine: Engine, database: TestDatabase) -> None:
    org_id = await organization(engine)
    for command in (hold(org_id, "a", 5), settle(org_id, "a", 2), hold(org_id, "b", 5)):
        await engine.submit(command)
    with psycopg.connect(database.owner_url, autocommit=True) as superuser:
        for broken in BROKEN:
            with pytest.raises(psycopg.errors.CheckViolation):
                superuser.execute(broken)


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
