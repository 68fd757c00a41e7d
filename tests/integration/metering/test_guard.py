"""The runaway guard on a real journal: a week of calls, then a loop."""

from collections.abc import Iterator

import msgspec
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.changing import MAX_PAUSES
from testkase.core.ledger.limits.queries import pauses
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute, execute_one
from testkase.core.ledger.queries import entries
from testkase.core.ledger.refusals import Paused, TooManyPauses
from testkase.core.ledger.verify import verify
from testkase.entrypoints.worker.guard import Guard
from testkase.foundation.database import Database, Operation, SyncDatabase
from testkase.services.metering.limits import watching
from testkase.services.metering.limits.budgets import pause, resume
from testkase.services.metering.limits.guard import Burn
from testkase.services.metering.limits.setting import set_guard
from testkase.services.metering.limits.watching import GUARD, judge, now_there, suspects
from tests.support.cluster import TestDatabase
from tests.support.programs import Organizations
from tests.support.team import Team

pytestmark = pytest.mark.requirement("B13")
DAY = 86_400 * MICRO
START = 1_793_520_000 * MICRO  # 2026-11-01T08:00:00Z
NOW = START + 8 * DAY


class Journal:
    """One organization's calls at instants of the test's choosing."""

    def __init__(self, database: SyncDatabase, org_id: int) -> None:
        self.database, self.org_id, self.count = database, org_id, 0

    def run(self, operation: Operation[object]) -> object:
        return self.database.run(operation, org_id=self.org_id)

    def use(
        self, at: int | None, credits: float, *, user: str = "ada@example.com", use_case: str = "chat", times: int = 1
    ) -> None:
        commands: list[ask.Command] = []
        for _ in range(times):
            self.count += 1
            commands.append(
                ask.RecordUsage(org_id=self.org_id, usage_id=f"u{self.count}", credits=int(credits * MICRO),
                                subject=Subject(use_case=use_case, user=user))
            )  # fmt: skip
        self.run(execute(commands, clock=at))

    def watched(self, at: int) -> list[tuple[str, str]]:
        found: list[Burn] = self.run(suspects(self.org_id, at))  # type: ignore[assignment]
        return [(burn.kind, burn.ref) for burn in found if self.run(judge(self.org_id, burn, at))]


@pytest.fixture(scope="module")
def organizations(module_database: TestDatabase) -> Iterator[Organizations]:
    made = Organizations(module_database)
    yield made
    made.close()


@pytest.fixture
def journal(organizations: Organizations) -> Journal:
    org = organizations.make(credits="100000", opened_at=START)
    made = Journal(organizations.database, org.org_id)
    for day in range(7):
        for call in range(6):
            made.use(START + day * DAY + call * 700 * MICRO, 2, times=2)
            made.use(START + day * DAY + call * 700 * MICRO, 1, user="ben@example.com", use_case="report")
    return made


def test_a_loop_is_paused_alone_once_and_resumed_it_is_usual(journal: Journal) -> None:
    journal.use(NOW, 3, times=5)
    assert journal.watched(NOW) == []
    journal.use(NOW + 60 * MICRO, 1, times=45)
    assert journal.watched(NOW + 61 * MICRO) == [("user", "ada@example.com")]
    assert journal.watched(NOW + 62 * MICRO) == [], "paused already"
    with pytest.raises(Paused, match=r"60\.00 credits went in ten minutes; at most 4\.00 did"):
        journal.run(execute_one(_call(journal, "ada@example.com")))
    journal.run(execute_one(_call(journal, "ben@example.com")))
    journal.run(resume(journal.org_id, GUARD, kind="user", ref="ada@example.com", change_id="r"))
    (paused,) = journal.database.run(pauses(journal.org_id), org_id=journal.org_id)
    assert paused.resumed_at is not None
    again = paused.resumed_at
    journal.use(again + 100 * MICRO, 1, times=120)
    assert journal.watched(again + 101 * MICRO) == [], "the same again is what somebody called right"
    journal.use(again + 200 * MICRO, 1, times=190)
    assert journal.watched(again + 201 * MICRO) == [("user", "ada@example.com")]
    assert journal.run(verify(journal.org_id)) == []


def test_a_feature_that_no_single_user_burns_is_paused_as_a_feature(journal: Journal) -> None:
    for number in range(4):
        journal.use(NOW, 3, user=f"job-{number}", use_case="nightly", times=14)
    assert journal.watched(NOW + MICRO) == [("use_case", "nightly")]


def test_a_batch_of_reports_and_an_organization_without_a_guard_are_left_alone(journal: Journal) -> None:
    journal.use(NOW, 2.4, user="ben@example.com", use_case="report", times=20)
    assert journal.watched(NOW + MICRO) == []
    journal.run(set_guard(journal.org_id, GUARD, enabled=False))
    journal.use(NOW, 3, times=100)
    assert journal.watched(NOW + MICRO) == []
    journal.run(set_guard(journal.org_id, GUARD, enabled=True))
    assert journal.watched(NOW + MICRO) == [("user", "ada@example.com")]


def test_what_is_usual_is_the_busiest_ten_minutes_of_the_same_user(journal: Journal) -> None:
    journal.use(START + 6 * DAY + 7_200 * MICRO, 15, user="ada@example.com")
    journal.use(START + 6 * DAY + 14_400 * MICRO, 90, user="ben@example.com", use_case="report")
    journal.use(NOW, 3, times=20)
    assert journal.watched(NOW + MICRO) == [], "four times as much as once in the week"
    journal.use(NOW, 3, user="newcomer@example.com", use_case="report", times=20)
    assert journal.watched(NOW + MICRO) == [], "the first big batch is somebody's first, whoever else has a past"
    journal.use(NOW, 16)
    assert journal.watched(NOW + MICRO) == [("user", "ada@example.com")], "ben's busy hour is no excuse of hers"


def test_whoever_was_resumed_is_judged_by_their_own_burn_since(journal: Journal) -> None:
    journal.use(NOW, 3, times=20)
    assert journal.watched(NOW + MICRO) == [("user", "ada@example.com")]
    resumed = limit.Resume(org_id=journal.org_id, change_id="r", kind="user", ref="ada@example.com")
    journal.run(execute_one(resumed, clock=NOW + 2 * MICRO))
    journal.use(NOW + 3 * MICRO, 400, user="ben@example.com", use_case="report")
    assert journal.watched(NOW + 4 * MICRO) == [("user", "ben@example.com")]


def test_nobody_is_paused_while_ai_is_off(journal: Journal) -> None:
    journal.use(NOW, 3, times=100)
    journal.run(execute_one(ask.SwitchAi(org_id=journal.org_id, switch_id="off", enabled=False), clock=NOW + MICRO))
    assert journal.watched(NOW + 2 * MICRO) == []


def test_a_user_who_was_resumed_explains_a_features_burn_for_a_week(journal: Journal) -> None:
    paused = limit.Pause(org_id=journal.org_id, change_id="p", kind="user", ref="job", reason="By hand.")
    journal.run(execute_one(paused, clock=NOW))
    resumed = limit.Resume(org_id=journal.org_id, change_id="r", kind="user", ref="job")
    journal.run(execute_one(resumed, clock=NOW + MICRO))
    journal.use(NOW + 3 * DAY, 30, user="job", use_case="weekly")
    journal.use(NOW + 6 * DAY, 11, user="job", use_case="nightly", times=10)
    assert journal.watched(NOW + 6 * DAY + MICRO) == []
    journal.use(NOW + 8 * DAY, 11, user="job", use_case="hourly", times=10)
    assert journal.watched(NOW + 8 * DAY + MICRO) == [("use_case", "hourly")]


async def test_the_workers_guard_finds_whoever_burns_now(journal: Journal) -> None:
    database = Database(journal.database.url)
    await database.open()
    guard = Guard(database)
    assert await guard.look() == 0
    for _ in range(3):
        journal.use(None, 9, user="loop@example.com", times=4)
    assert await guard.look() == 1
    assert await guard.look() == 0
    await database.close()


def _call(journal: Journal, user: str) -> ask.RecordUsage:
    return ask.RecordUsage(
        org_id=journal.org_id, usage_id=f"c-{user}", credits=MICRO, subject=Subject(use_case="chat", user=user)
    )


async def test_names_nobody_can_print_are_paused_as_recorded_once_by_the_databases_clock(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller chooses `user`: no spelling may switch the guard off or make it pause again and again."""
    monkeypatch.setattr("time.time", lambda: 4e9)  # an application's clock decades ahead
    database = Database(journal.database.url)
    await database.open()
    guard = Guard(database)
    names = ["lo\u200bop", "lo  op", " loop"]
    for number, name in enumerate(names):
        journal.use(None, 9, user=name, use_case=f"job-{number}", times=12)
    for _ in range(2):
        await guard.look()
    await database.close()
    posted = journal.database.run(entries(journal.org_id, limit=10), org_id=journal.org_id)
    assert sum(entry.kind == "pause" for entry in posted) == len(names)
    found = journal.database.run(pauses(journal.org_id), org_id=journal.org_id)
    assert sorted(pause.ref for pause in found) == sorted(names)
    for name in names:
        with pytest.raises(Paused):
            journal.run(execute_one(_call(journal, name)))


async def test_one_burn_in_trouble_leaves_the_others_judged(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def troubled(org_id: int, *args: object, **facts: object) -> Operation[bool]:
        if facts["ref"] == "first@example.com":
            raise RuntimeError("nobody foresaw it")
        return pause(org_id, *args, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(watching, "pause", troubled)
    database = Database(journal.database.url)
    await database.open()
    for name in ("first@example.com", "second@example.com"):
        journal.use(None, 9, user=name, times=12)
    await Guard(database).look()
    await database.close()
    journal.run(set_guard(journal.org_id, GUARD, enabled=False))  # the burn that is left concerns no other test
    found = journal.database.run(pauses(journal.org_id), org_id=journal.org_id)
    users = [pause.ref for pause in found if pause.kind == "user"]
    assert users == ["second@example.com"]


def test_where_nobody_else_can_be_paused_the_guard_tells_the_owner_once(organizations: Organizations) -> None:
    team = Team(organizations.database, 1)
    journal = Journal(team.database, team.org_id)
    by_hand: list[ask.Command] = [
        limit.Pause(org_id=team.org_id, change_id=str(n), kind="user", ref=f"job-{n}", reason="By hand.")
        for n in range(MAX_PAUSES)
    ]
    journal.run(execute(by_hand))
    with pytest.raises(TooManyPauses):
        journal.run(execute_one(msgspec.structs.replace(by_hand[0], change_id="more", ref="one more")))
    journal.use(None, 9, times=12)
    now = journal.database.run(now_there())
    assert journal.watched(now) == journal.watched(now) == []
    assert (team.told("owner"), team.told("admin")) == (["The runaway guard can pause nobody else"], [])
    journal.run(resume(team.org_id, GUARD, kind="user", ref="job-7", change_id="r"))
    assert journal.watched(now) == [("user", "ada@example.com")]
