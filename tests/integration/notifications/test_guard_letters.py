"""What the runaway guard tells people: names and figures written as pages write them."""

from collections.abc import Iterator

import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.limits.model import PauseKind
from testkase.core.ledger.limits.queries import pauses
from testkase.core.ledger.model import Subject
from testkase.foundation.database import SyncDatabase
from testkase.services.metering.limits.guard import Burn
from testkase.services.metering.limits.watching import judge, now_there
from tests.support.cluster import TestDatabase
from tests.support.team import Team


@pytest.fixture(scope="module")
def database(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    opened = SyncDatabase(module_database.app_url, max_size=6)
    yield opened
    opened.close()


@pytest.mark.requirement("B13", "P12")
def test_a_paused_person_is_called_by_name_and_what_went_is_written_as_on_pages(database: SyncDatabase) -> None:
    team = _burning(database, 1, "user", "member1@example.com")
    assert _told(team) == ("AI use of Member is paused", "1,000.50 credits went in ten minutes")
    (paused,) = team.run(pauses(team.org_id))
    assert paused.reason.startswith("1,000.50 credits went in ten minutes")


@pytest.mark.requirement("B13", "P12")
def test_a_paused_feature_is_called_as_the_breakdown_calls_it(database: SyncDatabase) -> None:
    team = _burning(database, 2, "use_case", "nightly-tests")
    assert _told(team) == ("AI use for Nightly tests is paused", "1,000.50 credits went in ten minutes")


def _burning(database: SyncDatabase, number: int, kind: PauseKind, ref: str) -> Team:
    team, amount = Team(database, number), 1_000_500_000
    team.grant(9_000)
    subject = Subject(
        use_case=ref if kind == "use_case" else "chat", user=ref if kind == "user" else "somebody@example.com"
    )
    team.do(ask.RecordUsage(org_id=team.org_id, usage_id="burn", subject=subject, credits=amount))
    burn = Burn(kind=kind, ref=ref, burned=amount, top_user=subject.user, top_burned=MICRO)
    assert team.run(judge(team.org_id, burn, team.run(now_there())))
    return team


def _told(team: Team) -> tuple[str, str]:
    (row,) = team.rows(
        "SELECT DISTINCT title, body FROM notification WHERE org_id = %(org_id)s AND kind = 'guard.paused'"
    )
    return row["title"], row["body"].split(", and")[0]
