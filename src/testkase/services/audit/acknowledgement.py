"""The switch in the history, and with it who acknowledged the privacy advice (R76, P14)."""

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.audit.model import Activity, Actor
from testkase.services.audit.recording import record

ADVICE_VERSION = "2026-11-28"
"""Of the advice beside the switch. Change it with the advice's words: the record names what was read."""

_SQL = named_statements("testkase.services.audit.sql", "activity.sql")


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Who switched AI on after reading the advice; `at` in microseconds, `version` of the advice."""

    at: int
    name: str
    ref: str
    version: str


def record_switch(org_id: int, actor: Actor, *, enabled: bool, switch_id: str) -> Operation[None]:
    """Record that AI was switched; on means that the actor acknowledged the advice as it stands now."""
    action = "ai.switched_on" if enabled else "ai.switched_off"
    details = {"advice": ADVICE_VERSION} if enabled else {}
    yield from record(org_id, Activity(action=action, actor=actor, details=details), event_id=f"switch:{switch_id}")


def acknowledgement(org_id: int) -> Operation[Acknowledgement | None]:
    """The latest one; None where nobody has switched AI on yet (the demonstration starts with AI on)."""
    rows = yield Statement(_SQL["switched_on"], {"org_id": org_id})
    if not rows:
        return None
    details = msgspec.json.decode(rows[0]["details"], type=dict[str, str])
    return Acknowledgement(
        at=rows[0]["at"], name=rows[0]["actor_name"], ref=rows[0]["actor_ref"], version=details.get("advice", "")
    )
