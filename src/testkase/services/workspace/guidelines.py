"""What an organization adds to the guidelines for its team (R66). Needs the organization's tenant context."""

from datetime import datetime
from typing import LiteralString

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor, record

LONGEST = 4_000

_READ: LiteralString = "SELECT text, written_by, written_at FROM team_guidelines WHERE org_id = %(org_id)s"
_WRITE: LiteralString = """
INSERT INTO team_guidelines (org_id, text, written_by) VALUES (%(org_id)s, %(text)s, %(written_by)s)
ON CONFLICT (org_id) DO UPDATE SET text = excluded.text, written_by = excluded.written_by, written_at = now()
"""


class Guidelines(msgspec.Struct, frozen=True, kw_only=True):
    """The organization's own text, by whom and when it was last written."""

    text: str
    written_by: str
    written_at: datetime


def team_guidelines(org_id: int) -> Operation[Guidelines | None]:
    """What the organization has added; None where nobody has written anything."""
    rows = yield Statement(_READ, {"org_id": org_id})
    return msgspec.convert(rows[0], Guidelines) if rows and rows[0]["text"] else None


def write_guidelines(org_id: int, text: str, *, actor: Actor) -> Operation[bool]:
    """Replace the organization's text; an empty one takes it away. Answers whether anything changed.

    Raises InvalidInput for more than LONGEST characters.
    """
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise InvalidInput(f"The text has {len(text):,} characters; {LONGEST:,} fit.", field="text")
    rows = yield Statement(_READ, {"org_id": org_id})
    if text == (rows[0]["text"] if rows else ""):
        return False
    yield Statement(_WRITE, {"org_id": org_id, "text": text, "written_by": actor.name[:120]})
    yield from record(org_id, Activity(action="guidelines.changed" if text else "guidelines.removed", actor=actor))
    return True
