"""Writing the history: one record a change, in the transaction of the change itself.

The end of the organization's chain stays locked until that transaction ends, so record last: what comes after makes
others wait, and the order of locks (people, then the account, then the chain) is the same everywhere.
"""

from collections.abc import Mapping

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.services.audit.chain import record_hash
from testkase.services.audit.model import Activity, Record

_SQL = named_statements("testkase.services.audit.sql", "activity.sql")
_LONGEST = {"ref": 254, "name": 120, "target": 254, "project": 200, "use_case": 64, "detail": 200}
_MOST_DETAILS = 8


def record(org_id: int, activity: Activity, *, event_id: str | None = None) -> Operation[None]:
    """Add a change to the history. Needs the organization's context and an open transaction.

    With an `event_id` (at most 160 characters) it is recorded once however often it is reported. Texts are cut to one
    short line: a change never fails because its record would be long.
    """
    (head,) = yield Statement(_SQL["lock_head"], {"org_id": org_id})
    if event_id is not None and (yield Statement(_SQL["known"], {"org_id": org_id, "event_id": event_id})):
        return
    made = _record(org_id, activity, event_id or new_id("act"), seq=head["seq"] + 1, at=head["now"])
    values = {**msgspec.structs.asdict(made), "details": msgspec.json.encode(made.details).decode()}
    yield Statement(_SQL["append"], {**values, "hash": record_hash(bytes(head["hash"]), made)})


def _record(org_id: int, activity: Activity, event_id: str, *, seq: int, at: int) -> Record:
    actor = activity.actor
    return Record(
        org_id=org_id,
        seq=seq,
        at=at,
        event_id=event_id,
        category=activity.category,
        action=activity.action,
        actor_kind=actor.kind,
        actor_ref=_line(actor.ref, "ref") or "unknown",
        actor_name=_line(actor.name, "name") or _line(actor.ref, "name") or "Unknown",
        target=_line(activity.target, "target"),
        project=_line(activity.project or "", "project"),
        use_case=_line(activity.use_case or "", "use_case"),
        details=_details(activity.details),
    )


def _details(details: Mapping[str, str]) -> dict[str, str]:
    return {_line(name, "use_case"): _line(str(text), "detail") for name, text in list(details.items())[:_MOST_DETAILS]}


def _line(text: str, what: str) -> str:
    """One line of what people can read, no longer than its column."""
    line = "".join(letter for letter in text if letter.isprintable())
    longest = _LONGEST[what]
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
