"""Setting a schedule up, reading it, ending it. Who may is asked by the caller, with the roles it has just loaded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor, record
from testkase.services.features.reports.model import KINDS, NAMES, Kind

SQL = named_statements("testkase.services.features.reports.sql", "schedules.sql")

Every = Literal["week", "cycle"]
EVERY: dict[Every, str] = {"cycle": "when a cycle is finished", "week": "every week"}

WEEK_SECONDS = 7 * 24 * 3600
LOOK_SECONDS = 60
"""So soon after a cycle was finished its reports are begun."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A project's schedule. `last_told`: why the last time brought no reports, "" when it did."""

    project_id: int
    every: Every
    kinds: tuple[Kind, ...]
    set_by_name: str
    set_by_ref: str
    set_at: datetime
    stopped_because: str | None
    last_told: str
    last_ran_at: datetime | None
    due_at: datetime | None

    @property
    def when(self) -> str:
        return EVERY[self.every]

    @property
    def names(self) -> list[str]:
        return [NAMES[kind] for kind in self.kinds]


def find_schedule(org_id: int, project_id: int) -> Operation[Schedule | None]:
    """The project's schedule; None where nothing is made by the clock."""
    rows = yield Statement(SQL["find"], {"org_id": org_id, "project_id": project_id})
    return Schedule(**rows[0]) if rows else None


def set_schedule(
    org_id: int,
    project_id: int,
    *,
    project_key: str,
    every: str,
    kinds: Sequence[str],
    user_id: int,
    user_ref: str,
    actor: Actor,
) -> Operation[None]:
    """From now on as this person: the first time in a week, or with the next cycle that is finished. Raises
    InvalidInput."""
    if every not in get_args(Every):
        raise InvalidInput("Choose when reports are made.", field="every")
    chosen = [kind for kind in KINDS if kind in kinds]
    if not chosen:
        raise InvalidInput("Choose at least one report.", field="kinds")
    place = {"org_id": org_id, "project_id": project_id}
    yield Statement(SQL["set"], {**place, "every": every, "kinds": chosen, "user_id": user_id, "user_ref": user_ref})
    yield Statement(SQL["watch"], {**place, "seconds": WEEK_SECONDS if every == "week" else LOOK_SECONDS})
    names = ", ".join(NAMES[kind] for kind in chosen)
    details = {"every": EVERY["week" if every == "week" else "cycle"]}
    activity = Activity(
        action="report_schedule.set", actor=actor, target=names, project=project_key, use_case="report", details=details
    )
    yield from record(org_id, activity)


def remove_schedule(org_id: int, project_id: int, *, project_key: str, actor: Actor) -> Operation[None]:
    """End it. Ending what is not there changes nothing."""
    if (yield Statement(SQL["remove"], {"org_id": org_id, "project_id": project_id})):
        activity = Activity(action="report_schedule.removed", actor=actor, project=project_key, use_case="report")
        yield from record(org_id, activity)
