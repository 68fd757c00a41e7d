"""An export's row and its parts. Parts lie in the database, so that any server hands them out, and go after a day."""

from datetime import datetime, timedelta

import msgspec

from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict, NotFound
from testkase.services.audit import Activity, Actor, record

LIFE = timedelta(days=1)
"""From when it is ready."""
PART_BYTES = 512 * 1024

_LOCK = "SELECT 1 FROM organization WHERE id = %(org_id)s FOR NO KEY UPDATE"
_UNDER_WAY = """
SELECT 1 FROM organization_export
WHERE org_id = %(org_id)s AND state = 'queued' AND asked_at > now() - interval '1 day'
"""
_ASK = """
INSERT INTO organization_export (org_id, export_id, asked_ref, asked_name)
VALUES (%(org_id)s, %(export_id)s, %(ref)s, %(name)s)
ON CONFLICT (org_id, export_id) DO NOTHING RETURNING 1
"""
_FORGET_OTHERS = "DELETE FROM organization_export_part WHERE org_id = %(org_id)s AND export_id <> %(export_id)s"
_FORGET = "DELETE FROM organization_export_part WHERE org_id = %(org_id)s AND export_id = %(export_id)s"
_BEGIN = """
UPDATE organization_export SET attempt = attempt + 1
WHERE org_id = %(org_id)s AND export_id = %(export_id)s AND state = 'queued' RETURNING attempt
"""
_KEEP = """
INSERT INTO organization_export_part (org_id, export_id, attempt, position, content)
SELECT org_id, export_id, attempt, %(position)s, %(content)s FROM organization_export
WHERE org_id = %(org_id)s AND export_id = %(export_id)s AND attempt = %(attempt)s AND state = 'queued' RETURNING 1
"""
_END = """
UPDATE organization_export SET state = %(state)s, size_bytes = %(size)s, finished_at = now()
WHERE org_id = %(org_id)s AND export_id = %(export_id)s AND attempt = %(attempt)s AND state = 'queued'
"""
_COLUMNS = """
SELECT e.export_id, e.state, e.attempt, e.size_bytes, e.asked_ref, e.asked_name, e.asked_at, e.finished_at,
       EXISTS (SELECT FROM organization_export_part AS p WHERE p.org_id = e.org_id AND p.export_id = e.export_id
               AND p.attempt = e.attempt) AS kept
FROM organization_export AS e WHERE e.org_id = %(org_id)s
"""
_NEWEST = _COLUMNS + "ORDER BY e.asked_at DESC LIMIT 5"
_FIND = _COLUMNS + "AND e.export_id = %(export_id)s"
_GIVE_UP = """
UPDATE organization_export SET state = 'failed', finished_at = now() WHERE org_id = %(org_id)s AND state = 'queued'
"""
_FORGET_ALL = "DELETE FROM organization_export_part WHERE org_id = %(org_id)s"
_PART = """
SELECT content FROM organization_export_part
WHERE org_id = %(org_id)s AND export_id = %(export_id)s AND attempt = %(attempt)s AND position = %(position)s
"""


class Superseded(Exception):
    """Another run of the job goes on with this export."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export and how far it is."""

    export_id: str
    state: str
    attempt: int
    size_bytes: int
    asked_ref: str
    asked_name: str
    asked_at: datetime
    finished_at: datetime | None
    kept: bool
    """Whether the file is still there: an erasure takes it away before its day is over."""

    @property
    def until(self) -> datetime | None:
        """Until when it can be downloaded."""
        return self.finished_at + LIFE if self.finished_at and self.state == "ready" else None

    @property
    def at_hand(self) -> bool:
        """Whether it can be downloaded now."""
        return self.kept and self.until is not None and utc_now() < self.until


def ask_export(org_id: int, *, export_id: str, actor: Actor) -> Operation[bool]:
    """Write down that an export is wanted; the caller defers the job in the same transaction. The file of an earlier
    one goes. Answers whether it is new. Raises Conflict while one is under way."""
    values = {"org_id": org_id, "export_id": export_id}
    yield Statement(_LOCK, values)
    if (yield Statement(_FIND, values)):
        return False
    if (yield Statement(_UNDER_WAY, values)):
        raise Conflict("An export is under way. Wait until it is ready.")
    yield Statement(_ASK, {**values, "ref": actor.ref, "name": actor.name[:120]})
    yield Statement(_FORGET_OTHERS, values)
    yield from record(org_id, Activity(action="export.asked", actor=actor), event_id=f"export:{export_id}")
    return True


def newest_exports(org_id: int) -> Operation[list[Export]]:
    """The latest five."""
    rows = yield Statement(_NEWEST, {"org_id": org_id})
    return [Export(**row) for row in rows]


def take_export(org_id: int, export_id: str, *, actor: Actor) -> Operation[Export]:
    """The export about to be downloaded, which is recorded. Raises NotFound where it is not at hand."""
    rows = yield Statement(_FIND, {"org_id": org_id, "export_id": export_id})
    found = Export(**rows[0]) if rows else None
    if found is None or not found.at_hand:
        raise NotFound("There is no such file any more. Ask for a new one.")
    yield from record(org_id, Activity(action="export.downloaded", actor=actor))
    return found


def part(org_id: int, export: Export, position: int) -> Operation[bytes]:
    """A part of the file, in order from 0; empty after the last."""
    values = {"org_id": org_id, "export_id": export.export_id, "attempt": export.attempt, "position": position}
    rows = yield Statement(_PART, values)
    return bytes(rows[0]["content"]) if rows else b""


def begin_export(org_id: int, export_id: str) -> Operation[int]:
    """Take it for a run of its job; answers the run's number, 0 where nothing is to be done. What an earlier run left
    goes."""
    rows = yield Statement(_BEGIN, {"org_id": org_id, "export_id": export_id})
    if not rows:
        return 0
    yield Statement(_FORGET, {"org_id": org_id, "export_id": export_id})
    return int(rows[0]["attempt"])


def keep_part(org_id: int, export_id: str, attempt: int, position: int, content: bytes) -> Operation[None]:
    """Raises Superseded."""
    values = {"org_id": org_id, "export_id": export_id, "attempt": attempt, "position": position}
    if not (yield Statement(_KEEP, {**values, "content": content})):
        raise Superseded


def end_export(org_id: int, export_id: str, attempt: int, *, state: str, size: int = 0) -> Operation[None]:
    """It is `ready` or has `failed`."""
    values = {"org_id": org_id, "export_id": export_id, "attempt": attempt, "state": state, "size": size}
    yield Statement(_END, values)


def forget_export(org_id: int, export_id: str) -> Operation[None]:
    """Its time is over: the file goes, that there was one stays."""
    yield Statement(_FORGET, {"org_id": org_id, "export_id": export_id})


def forget_exports(org_id: int) -> Operation[None]:
    """Every file goes, also one that is being packed: what was erased must not lie in it for another day."""
    yield Statement(_GIVE_UP, {"org_id": org_id})
    yield Statement(_FORGET_ALL, {"org_id": org_id})
