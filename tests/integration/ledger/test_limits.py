"""Budgets and pauses on real PostgreSQL: both drivers, callers at once, a batch that sets and spends, and tampering."""

import asyncio
import random
from collections.abc import AsyncIterator

import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.model import Budget, Scope
from testkase.core.ledger.limits.queries import budgets, pauses
from testkase.core.ledger.operations import Answer, execute, execute_one
from testkase.core.ledger.refusals import BudgetExceeded, Paused
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import SUBJECT, fresh_org, hold, open_account, organization, settle

pytestmark = pytest.mark.requirement("B8")
DAY = 86_400 * MICRO
START = 1_767_225_600 * MICRO  # 2026-01-01T00:00:00Z, a Thursday
MINE = Scope(user=SUBJECT.user)


@pytest.fixture
async def engine(module_database: TestDatabase) -> AsyncIterator[Engine]:
    running = Engine(module_database.app_url)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def books(module_database: TestDatabase) -> SyncDatabase:
    return SyncDatabase(module_database.app_url)


def budget(org_id: int, credits: int, *, change: str = "b", period: str = "month", **scope: str) -> limit.SetBudget:
    return limit.SetBudget(
        org_id=org_id, change_id=change, budget_id="b", name="Ours", limit=credits * MICRO,
        period=period, scope=Scope(**scope),  # type: ignore[arg-type]
    )  # fmt: skip


def only(books: SyncDatabase, org_id: int) -> Budget:
    (found,) = books.run(budgets(org_id), org_id=org_id)
    return found


async def test_a_budget_counts_what_is_held_and_used_already(engine: Engine, books: SyncDatabase) -> None:
    org_id = await organization(engine)
    for name, credits in (("a", 20), ("b", 7)):
        await engine.submit(hold(org_id, name, credits))
    await engine.submit(settle(org_id, "a", 12))
    await engine.submit(budget(org_id, 30, user=SUBJECT.user))
    assert (only(books, org_id).used, only(books, org_id).held) == (12 * MICRO, 7 * MICRO)
    with pytest.raises(BudgetExceeded) as refused:
        await engine.submit(hold(org_id, "c", 12))
    facts = refused.value.facts
    assert (facts["budget"], facts["limit"]) == ("Ours", 30 * MICRO)
    assert (facts["used"], facts["held"]) == (12 * MICRO, 7 * MICRO)
    await engine.submit(hold(org_id, "c", 11))
    assert books.run(verify(org_id), org_id=org_id) == []


def test_one_batch_may_spend_then_set_a_budget_then_meet_it(books: SyncDatabase) -> None:
    org_id = fresh_org()
    outcomes = books.run(
        execute([open_account(org_id), hold(org_id, "a", 5), settle(org_id, "a", 5), hold(org_id, "open", 1),
                 budget(org_id, 7), hold(org_id, "b", 2), hold(org_id, "c", 1), settle(org_id, "open", 0),
                 hold(org_id, "d", 1)])
    )  # fmt: skip
    refused = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, Answer)]
    assert refused == [5]
    assert type(outcomes[5]) is BudgetExceeded
    assert (only(books, org_id).used, only(books, org_id).held) == (5 * MICRO, 2 * MICRO)
    assert books.run(verify(org_id), org_id=org_id) == []


async def test_of_64_callers_for_the_last_credits_of_a_budget_exactly_as_many_get_in_as_fit(
    engine: Engine, module_database: TestDatabase
) -> None:
    org_id = await organization(engine)
    await engine.submit(budget(org_id, 10, project="DEMO"))
    other = Engine(module_database.app_url)
    await other.start()
    calls = [(engine, other)[n % 2].submit(hold(org_id, f"h{n}", 0.75)) for n in range(64)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    await other.stop()
    assert sum(isinstance(outcome, Answer) for outcome in outcomes) == 13  # ⌊10 / 0.75⌋
    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, Answer)} == {BudgetExceeded}


@pytest.mark.requirement("I6")
async def test_a_refusal_leaves_every_row_identical(engine: Engine, owner_rows: "Rows") -> None:
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "open", 3))
    await engine.submit(budget(org_id, 4))
    before = owner_rows.of(org_id)
    for command in (
        hold(org_id, "h", 2),
        ask.ExtendHold(org_id=org_id, hold_id="open", extension_id="1", ttl_seconds=900, amount=2 * MICRO),
        ask.RecordUsage(org_id=org_id, usage_id="u", subject=SUBJECT, credits=2 * MICRO),
    ):
        with pytest.raises(BudgetExceeded):
            await engine.submit(command)
    assert owner_rows.of(org_id) == before


class Rows:
    """Everything the ledger keeps of an organization."""

    def __init__(self, url: str) -> None:
        self.url = url

    def of(self, org_id: int) -> list[object]:
        tables = ("account", "lot", "open_hold", "entry", "usage", "usage_day", "budget", "pause")
        with psycopg.connect(self.url) as connection:
            return [
                connection.execute(f"SELECT t::text FROM ledger.{table} AS t WHERE org_id = %s", [org_id]).fetchall()
                for table in tables
            ]


@pytest.fixture
def owner_rows(module_database: TestDatabase) -> Rows:
    return Rows(module_database.owner_url)


@pytest.mark.requirement("I5")
def test_changing_limits_twice_under_one_id_changes_them_once(books: SyncDatabase) -> None:
    org_id = fresh_org()
    books.run(execute_one(open_account(org_id)))
    more = limit.RaiseBudget(org_id=org_id, change_id="more", budget_id="b", amount=5 * MICRO, for_good=True)
    for command in (budget(org_id, 10), more, more, budget(org_id, 10)):
        books.run(execute_one(command))
    assert only(books, org_id).allowed == 15 * MICRO
    for number in range(2):
        answer = books.run(execute_one(limit.RemoveBudget(org_id=org_id, change_id="off", budget_id="b")))
        assert answer.replayed is (number == 1)
    assert books.run(budgets(org_id), org_id=org_id) == []
    assert books.run(verify(org_id), org_id=org_id) == []


def test_a_hold_over_midnight_stays_held_and_is_charged_on_the_day_it_is_settled(books: SyncDatabase) -> None:
    org_id, evening = fresh_org(), START + DAY - MICRO
    for at, command in (
        (START, open_account(org_id)),
        (START, budget(org_id, 10, period="day")),
        (evening, limit.RaiseBudget(org_id=org_id, change_id="r", budget_id="b", amount=MICRO)),
        (evening, hold(org_id, "over", 6)),
        (evening, hold(org_id, "done", 5)),
        (evening, settle(org_id, "done", 5)),
    ):
        books.run(execute_one(command, clock=at))
    morning = START + DAY
    with pytest.raises(BudgetExceeded):  # the six are still held, the extra credit was yesterday's
        books.run(execute_one(hold(org_id, "next", 5), clock=morning))
    books.run(execute_one(settle(org_id, "over", 6), clock=morning))
    books.run(execute_one(hold(org_id, "next", 4), clock=morning))
    with psycopg.connect(books.url) as reader:
        reader.execute("SELECT set_config('app.org_id', %s, false)", [str(org_id)])
        row = reader.execute("SELECT used, held, extra_amount, period_start FROM ledger.budget").fetchone()
    assert row == (6 * MICRO, 4 * MICRO, 0, morning)
    assert books.run(verify(org_id), org_id=org_id) == []


@pytest.mark.requirement("B13")
async def test_a_pause_refuses_new_calls_of_that_user_only(engine: Engine, books: SyncDatabase) -> None:
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "running", 5))
    pause = limit.Pause(org_id=org_id, change_id="p", kind="user", ref=SUBJECT.user, reason="It burns 40 a minute.")
    await engine.submit(pause)
    with pytest.raises(Paused, match="burns 40 a minute"):
        await engine.submit(hold(org_id, "new", 1))
    await engine.submit(settle(org_id, "running", 5))
    other = ask.OpenHold(
        org_id=org_id, hold_id="o", amount=MICRO, ttl_seconds=60,
        subject=SUBJECT.__class__(use_case="chat", user="somebody@example.com"),
    )  # fmt: skip
    await engine.submit(other)
    await engine.submit(limit.Resume(org_id=org_id, change_id="r", kind="user", ref=SUBJECT.user))
    await engine.submit(hold(org_id, "new", 1))
    (was,) = books.run(pauses(org_id), org_id=org_id)
    assert was.resumed_at is not None
    assert books.run(verify(org_id), org_id=org_id) == []


@pytest.mark.parametrize("seed", range(2))
def test_a_random_year_with_budgets_leaves_nothing_to_find(books: SyncDatabase, seed: int) -> None:
    dice, org_id, now = random.Random(seed), fresh_org(), START
    books.run(execute_one(open_account(org_id, anchor_day=31, time_zone="America/New_York"), clock=now))
    for step in range(60):
        now += dice.choice([0, MICRO, 3_600 * MICRO, 8 * DAY])
        commands = [_random(dice, org_id, step, number) for number in range(dice.randint(1, 6))]
        books.run(execute(commands, clock=now))
        if step % 10 == 0:
            assert books.run(verify(org_id), org_id=org_id) == []
    assert books.run(verify(org_id), org_id=org_id) == []


def _random(dice: random.Random, org_id: int, step: int, number: int) -> ask.Command:
    name, change = f"h{dice.randint(max(0, step - 4), step)}", f"{step}-{number}"
    scope: dict[str, str] = dice.choice([{}, {"user": SUBJECT.user}, {"project": "OTHER"}, {"use_case": "chat"}])
    period = dice.choice(["day", "week", "month"])
    return dice.choice(
        [
            hold(org_id, name, dice.randint(0, 60), ttl_seconds=dice.choice([1, 60, 86_400])),
            settle(org_id, name, dice.randint(0, 60)),
            ask.VoidHold(org_id=org_id, hold_id=name),
            budget(org_id, dice.randint(0, 200), change=change, period=period, **scope),
            limit.RaiseBudget(
                org_id=org_id, change_id=change, budget_id="b", amount=MICRO, for_good=dice.random() < 0.5
            ),
            limit.RemoveBudget(org_id=org_id, change_id=change, budget_id="b"),
            ask.SwitchAi(org_id=org_id, switch_id=change, enabled=dice.random() < 0.8),
            ask.Touch(org_id=org_id),
        ]
    )


@pytest.mark.requirement("B4")
@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE ledger.budget SET used = used + 1",
        "UPDATE ledger.budget SET held = 0",
        "UPDATE ledger.budget SET limit_amount = limit_amount * 2",
        "UPDATE ledger.budget SET user_ref = NULL",
        "DELETE FROM ledger.budget",
        "UPDATE ledger.account SET limited = false",
        "DELETE FROM ledger.pause",
        "UPDATE ledger.pause SET resumed_at = paused_at",
        "UPDATE ledger.pause SET reason = 'changed'",
        "UPDATE ledger.pause SET paused_at = paused_at - 5",
        "UPDATE ledger.budget SET period_end = period_end + 315360000000000",
        "UPDATE ledger.budget SET period_end = period_start + 1",
        "UPDATE ledger.budget SET used = 0, period_start = period_end - 1",
    ],
)
async def test_tampering_with_limits_is_found(
    engine: Engine, books: SyncDatabase, module_database: TestDatabase, tampering: str
) -> None:
    org_id = await organization(engine)
    await engine.submit(budget(org_id, 50, user=SUBJECT.user))
    for command in (hold(org_id, "a", 5), settle(org_id, "a", 2), hold(org_id, "b", 5)):
        await engine.submit(command)
    await engine.submit(limit.Pause(org_id=org_id, change_id="p", kind="use_case", ref="chat", reason="Too fast."))
    assert books.run(verify(org_id), org_id=org_id) == []
    with psycopg.connect(module_database.owner_url) as superuser:
        superuser.execute(f"{tampering} WHERE org_id = {org_id}")
    assert {each.invariant for each in books.run(verify(org_id), org_id=org_id)} & {"B8", "B13"}
