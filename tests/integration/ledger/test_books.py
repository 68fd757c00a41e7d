"""The books on real PostgreSQL: who may touch them, what a transaction takes along, and that tampering is found."""

import random

import psycopg
import pytest
from django.db import connection as django_connection
from django.db import transaction

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import execute, execute_one
from testkase.core.ledger.queries import Balance, balance
from testkase.core.ledger.verify import Deviation, verify
from testkase.foundation.database import Operation, SyncDatabase, named_statements, run, tenant
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, organization, settle

MONTH = 31 * 86_400 * MICRO
START = 1_767_225_600 * MICRO  # 2026-01-01T00:00:00Z


def test_the_synchronous_driver_commits_and_rolls_back_with_the_callers_transaction(
    django_database: TestDatabase,
) -> None:
    kept, undone = fresh_org(), fresh_org()
    with transaction.atomic():
        run(django_connection.connection, execute_one(open_account(kept)))
    with transaction.atomic():
        run(django_connection.connection, execute_one(open_account(undone)))
        transaction.set_rollback(True)
    with transaction.atomic():
        run(django_connection.connection, _context(kept))
        assert run(django_connection.connection, balance(kept)).available == 300 * MICRO
        answers = run(django_connection.connection, execute([hold(undone, "a")]))
    assert answers[0].code == "account_not_found"  # type: ignore[union-attr]


async def test_both_drivers_post_the_same_entries(engine: Engine, app_url: str) -> None:
    one, other = await organization(engine), fresh_org()
    commands = [hold(one, "a", 5), settle(one, "a", 2), hold(one, "b", 7)]
    posted = [(await engine.submit(command)).entry for command in commands]
    database = SyncDatabase(app_url)
    database.run(execute_one(open_account(other)))
    same = database.run(execute([hold(other, "a", 5), settle(other, "a", 2), hold(other, "b", 7)]))
    database.close()
    assert [(e.seq, e.kind, e.deltas, e.lots) for e in posted] == [
        (a.entry.seq, a.entry.kind, a.entry.deltas, a.entry.lots)  # type: ignore[union-attr]
        for a in same
    ]


TABLES = (
    "account", "lot", "open_hold", "entry", "usage", "usage_day", "usage_closed", "usage_part_day", "usage_part_period",
    "budget", "pause",
)  # fmt: skip


@pytest.mark.requirement("I13")
async def test_the_application_role_sees_nothing_without_the_organizations_context(
    engine: Engine, app_url: str
) -> None:
    """Cyoda/cyoda-go#363: row security that is written but inert."""
    mine, foreign = await organization(engine), await organization(engine)
    await engine.submit(hold(mine, "a"))
    await engine.submit(settle(mine, "a", 1))
    await engine.submit(hold(mine, "b"))
    with psycopg.connect(app_url) as app:
        for context in (None, "", str(foreign)):
            if context is not None:
                app.execute("SELECT set_config('app.org_id', %s, false)", [context])
            for table in TABLES:
                assert app.execute(f"SELECT * FROM ledger.{table} WHERE org_id = %s", [mine]).fetchall() == []


@pytest.mark.requirement("B4", "I13")
async def test_the_application_cannot_slip_code_of_its_own_into_the_ledgers_functions(
    engine: Engine, app_url: str
) -> None:
    """Temporary types are found before PostgreSQL's own unless a function's search path says otherwise."""
    org_id = await organization(engine)
    with psycopg.connect(app_url) as app:
        app.execute(
            "CREATE FUNCTION pg_temp.spy(v pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$"
        )
        for name in ("text", "int8", "bool"):
            app.execute(
                f"CREATE DOMAIN pg_temp.{name} AS pg_catalog.{name} CHECK (pg_temp.spy(VALUE::pg_catalog.text))"
            )
        named = f'{{"({org_id},x)"}}'
        app.execute(
            "SELECT * FROM ledger.load(%s, %s, %s, null, %s, null, null)", [f"{{{org_id}}}", named, named, named]
        )
        others = app.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef"
            " AND ('search_path=pg_catalog, pg_temp' = ANY (proconfig)) IS NOT TRUE"
        )
        assert others.fetchall() == []


@pytest.mark.requirement("B4")
@pytest.mark.parametrize("table", TABLES)
async def test_the_application_role_cannot_write_the_books(engine: Engine, app_url: str, table: str) -> None:
    org_id = await organization(engine)
    for statement in (
        f"UPDATE ledger.{table} SET org_id = org_id",
        f"DELETE FROM ledger.{table}",
        f"INSERT INTO ledger.{table} (org_id) VALUES ({org_id})",
        f"TRUNCATE ledger.{table}",
    ):
        with psycopg.connect(app_url) as app:
            app.execute("SELECT set_config('app.org_id', %s, false)", [str(org_id)])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


@pytest.mark.requirement("I1", "I2", "I3", "I4", "I7", "I9", "I11", "I12")
@pytest.mark.parametrize("seed", range(3))
def test_a_random_year_leaves_nothing_to_find(app_url: str, seed: int) -> None:
    dice, org_id, database = random.Random(seed), fresh_org(), SyncDatabase(app_url)
    now = START
    database.run(execute_one(open_account(org_id, anchor_day=31, time_zone="Europe/Berlin"), clock=now))
    for step in range(120):
        now += dice.choice([0, MICRO, 3600 * MICRO, MONTH // 2])
        database.run(execute([_random_command(dice, org_id, step, now) for _ in range(dice.randint(1, 6))], clock=now))
    assert database.run(balance(org_id), org_id=org_id).last_seq > 100
    assert database.run(verify(org_id), org_id=org_id) == []
    database.close()


def _random_command(dice: random.Random, org_id: int, step: int, now: int) -> ask.Command:
    name = f"h{dice.randint(max(0, step - 4), step)}"
    return dice.choice(
        [
            hold(org_id, name, dice.randint(0, 120), ttl_seconds=dice.choice([1, 60, 86_400])),
            settle(org_id, name, dice.randint(0, 150)),
            ask.VoidHold(org_id=org_id, hold_id=name),
            ask.ExtendHold(org_id=org_id, hold_id=name, extension_id=str(step), ttl_seconds=900, amount=5 * MICRO),
            ask.Grant(
                org_id=org_id, grant_id=name, amount=50 * MICRO, expires_at=now + dice.choice([1, 40]) * 86_400 * MICRO
            ),
            ask.Touch(org_id=org_id),
            ask.Reverse(
                org_id=org_id,
                reversal_id=str(step),
                grant_id=name,
                clawed=dice.randint(0, 50) * MICRO,
                frozen=dice.random() < 0.2,
            ),
            ask.WriteOff(org_id=org_id, writeoff_id=str(step), note="a courtesy"),
            ask.SetOverage(org_id=org_id, setting_id=str(step), limit=dice.choice([0, 90 * MICRO])),
        ]
    )


_REST = (
    "usage_id, use_case, user_ref, project_ref, model, outcome, measurement, input, cached_input, cache_write, output,"
    " reasoning, cost, charged, rate_card, terms"
)
_USAGE = f"org_id, seq, at, {_REST}"
_AGAIN = f"SELECT org_id, {{seq}}, {{at}}, {_REST} FROM ledger.usage"

TAMPERINGS = [
    ("I12", "UPDATE ledger.entry SET note = 'edited' WHERE seq = 4"),
    ("I12", "UPDATE ledger.usage SET user_ref = 'someone else' WHERE seq = 4"),
    ("I12", "DELETE FROM ledger.entry WHERE seq = 3"),
    ("I12", "DELETE FROM ledger.entry WHERE seq = (SELECT max(seq) FROM ledger.entry)"),
    ("I12", "UPDATE ledger.entry SET at = at + 1 WHERE seq = 3"),
    ("I2", "UPDATE ledger.account SET available = available + 1"),
    ("I2", "UPDATE ledger.lot SET available = available - 1"),
    ("I3", "DELETE FROM ledger.open_hold"),
    ("I11", "DELETE FROM ledger.usage WHERE seq = 4"),
    ("I2", "UPDATE ledger.account SET period_used = 0"),
    ("I14", "UPDATE ledger.account SET ai_enabled = NOT ai_enabled"),
    ("I14", "UPDATE ledger.account SET off_seq = off_seq + 1"),
    ("I9", "UPDATE ledger.account SET period_end = period_end + 315360000000000"),
    ("I9", "UPDATE ledger.account SET anchor_month = anchor_month + 1"),
    ("I9", "UPDATE ledger.account SET monthly_allowance = monthly_allowance * 9"),
    ("I9", "UPDATE ledger.account SET due_at = due_at + 315360000000000"),
    ("I11", "UPDATE ledger.usage_day SET charged = charged + 1"),
    ("I11", "UPDATE ledger.usage_day SET interactions = interactions + 1"),
    ("I11", "UPDATE ledger.usage_day SET day = day - 40"),
    ("I11", "UPDATE ledger.usage_day SET output_tokens = output_tokens + 1"),
    ("I11", "UPDATE ledger.usage SET at = at + 1"),
    ("I11", "UPDATE ledger.usage SET rate_card = 'another'"),
    ("I11", f"INSERT INTO ledger.usage ({_USAGE}) {_AGAIN.format(seq='seq + 1000', at='at')}"),
    ("I11", f"INSERT INTO ledger.usage ({_USAGE}) {_AGAIN.format(seq='seq', at='at + 1')}"),
    ("I3", "UPDATE ledger.open_hold SET expires_at = expires_at + 1"),
    ("I3", "UPDATE ledger.open_hold SET opened_at = opened_at - 1"),
    ("I3", "UPDATE ledger.open_hold SET lots = '{{99,5000000}}'"),
    ("I3", "UPDATE ledger.open_hold SET user_ref = 'someone else'"),
    ("I3", "UPDATE ledger.open_hold SET terms = NULL"),
    ("I12", "UPDATE ledger.open_hold SET terms = 'no terms'"),
    ("I12", "UPDATE ledger.account SET time_zone = 'Nowhere/Land'"),
    ("I2", "DELETE FROM ledger.account"),
]


LEFT_BY_A_REFUND = [
    ("I2", "UPDATE ledger.account SET debt = debt + 1"),
    ("I2", "UPDATE ledger.account SET covered = covered + 1"),
    ("I2", "UPDATE ledger.account SET overage = overage - 1"),
    ("I2", "UPDATE ledger.account SET overage_limit = overage_limit * 2"),
    ("I2", "DELETE FROM ledger.lot WHERE available = 0 AND held = 0"),
    ("P10", "UPDATE ledger.lot SET reversed = reversed - 1 WHERE reversed > 0"),
    ("P10", "UPDATE ledger.lot SET clawed = 0 WHERE clawed > 0"),
    ("P10", "UPDATE ledger.lot SET frozen = NOT frozen WHERE clawed > 0"),
    ("P10", "UPDATE ledger.lot SET expired = 1 WHERE available > 0 OR clawed > 0"),
    ("I12", "UPDATE ledger.entry SET note = replace(note, '40000000', '30000000') WHERE kind = 'reverse'"),
    ("I12", "UPDATE ledger.entry SET note = '0' WHERE kind = 'overage_limit'"),
]


@pytest.mark.requirement("B4", "P7", "P10")
@pytest.mark.parametrize(("invariant", "tampering"), LEFT_BY_A_REFUND)
async def test_tampering_with_what_a_refund_and_overage_left_is_found(
    engine: Engine, database: TestDatabase, invariant: str, tampering: str
) -> None:
    org_id = await organization(engine, 0)
    refund = ask.Reverse(org_id=org_id, reversal_id="r", grant_id="pack", clawed=40 * MICRO)
    for command in (
        ask.SetOverage(org_id=org_id, setting_id="s", limit=9 * MICRO),
        ask.Grant(org_id=org_id, grant_id="pack", amount=40 * MICRO, source="purchase", paid=True),
        hold(org_id, "a", 43),
        settle(org_id, "a", 20),
        refund,
        ask.Grant(org_id=org_id, grant_id="gift", amount=5 * MICRO),
    ):
        await engine.submit(command)
    stands = _account(database, org_id)
    assert (stands.debt, stands.overage, stands.available) == (15 * MICRO, 0, 0)
    await engine.submit(ask.WriteOff(org_id=org_id, writeoff_id="w", note="a courtesy", amount=14 * MICRO))
    await engine.submit(ask.Grant(org_id=org_id, grant_id="more", amount=2 * MICRO))
    await engine.submit(hold(org_id, "b", 5))
    assert _account(database, org_id).overage == 4 * MICRO
    assert _verify(database, org_id) == []
    with psycopg.connect(database.owner_url) as superuser:
        superuser.execute(tampering)
    assert invariant in {deviation.invariant for deviation in _verify(database, org_id)}


def _account(database: TestDatabase, org_id: int) -> Balance:
    reader = SyncDatabase(database.app_url)
    try:
        return reader.run(balance(org_id), org_id=org_id)
    finally:
        reader.close()


@pytest.mark.requirement("I12", "B4")
@pytest.mark.parametrize(("invariant", "tampering"), TAMPERINGS)
async def test_tampering_by_a_superuser_is_found(
    engine: Engine, database: TestDatabase, invariant: str, tampering: str
) -> None:
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "a", 5))
    await engine.submit(settle(org_id, "a", 2))
    await engine.submit(hold(org_id, "b", 5))
    assert _verify(database, org_id) == []
    with psycopg.connect(database.owner_url) as superuser:
        superuser.execute(tampering)
    assert invariant in {deviation.invariant for deviation in _verify(database, org_id)}


def _verify(database: TestDatabase, org_id: int) -> list[Deviation]:
    reader = SyncDatabase(database.app_url)
    try:
        return reader.run(verify(org_id), org_id=org_id)
    finally:
        reader.close()


def _context(org_id: int) -> Operation[None]:
    yield tenant(org_id)


def test_interactions_are_compared_with_entries_by_no_join(app_url: str) -> None:
    """Statistics are as old as the last ANALYZE: planned by them, one organization of a hundred thousand calls that had
    just been made had each compared with every entry, for nine minutes of a processor."""
    database, looking = SyncDatabase(app_url), named_statements("testkase.core.ledger.sql", "verify.sql")
    with database.transaction() as connection, connection.cursor() as on:
        on.execute(tenant(1).sql, {"org_id": "1"})
        on.execute(f"EXPLAIN (COSTS OFF) {looking['usage_without_entry']}", {"org_id": 1})
        plan = "\n".join(line for (line,) in on)
    database.close()
    assert "Except" in plan
    assert not any(word in plan for word in ("Join", "Nested Loop", "SubPlan"))
