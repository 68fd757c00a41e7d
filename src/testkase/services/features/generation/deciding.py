"""What people decide about drafts: accept as they stand or edited, reject, one by one or all; and what a case that came
from one remembers of it. Needs the organization's tenant context."""

from datetime import datetime

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Conflict, NotFound
from testkase.services.features.generation.operations import SQL
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.model import CaseContent


class DraftDecided(Conflict):
    """The draft was already accepted or rejected (fact: `state`)."""

    code = "draft_decided"
    title = "The draft was already decided"


def accept_draft(
    org_id: int,
    generation_id: int,
    position: int,
    *,
    user_id: int,
    edited: CaseContent | None = None,
    folder_id: int | None = None,
) -> Operation[str]:
    """Make a test case of a draft, as it stands or as edited; answers the case's key. Accepting again answers the same.

    Raises NotFound, of the folder too, and DraftDecided when it was rejected.
    """
    row = yield from locked_draft(org_id, generation_id, position)
    if row["for_case"] is not None:
        raise NotFound("There is no such draft.")
    if row["state"] == "rejected":
        raise DraftDecided("This draft was rejected.", state="rejected")
    if row["state"] == "accepted":
        return str(row["case_key"])
    proposed = msgspec.json.decode(row["content"], type=CaseContent)
    content = edited or proposed
    key = yield from create_case(
        org_id,
        row["project_id"],
        content,
        author_id=user_id,
        folder_id=folder_id,
        draft=(generation_id, position),
    )
    yield from decide_draft(
        org_id, generation_id, position, state="accepted", user_id=user_id, case_key=key, edited=content != proposed
    )
    return key


def reject_draft(org_id: int, generation_id: int, position: int, *, user_id: int) -> Operation[None]:
    """Put a draft aside. Rejecting again changes nothing. Raises NotFound, and DraftDecided when it was accepted."""
    row = yield from locked_draft(org_id, generation_id, position)
    if row["state"] == "accepted":
        raise DraftDecided("This draft is already a test case.", state="accepted")
    if row["state"] == "proposed":
        yield from decide_draft(org_id, generation_id, position, state="rejected", user_id=user_id, case_key=None)


def accept_all(org_id: int, generation_id: int, *, user_id: int, folder_id: int | None) -> Operation[list[str]]:
    """Make test cases of all drafts nobody has decided on; answers their keys. Raises NotFound for the folder."""
    keys = []
    for position in (yield from _undecided(org_id, generation_id)):
        key = yield from accept_draft(org_id, generation_id, position, user_id=user_id, folder_id=folder_id)
        keys.append(key)
    return keys


def reject_all(org_id: int, generation_id: int, *, user_id: int) -> Operation[int]:
    """Put all drafts aside that nobody has decided on; answers how many."""
    positions = yield from _undecided(org_id, generation_id)
    for position in positions:
        yield from reject_draft(org_id, generation_id, position, user_id=user_id)
    return len(positions)


def _undecided(org_id: int, generation_id: int) -> Operation[list[int]]:
    rows = yield Statement(SQL["undecided_drafts"], {"org_id": org_id, "generation_id": generation_id})
    return [row["position"] for row in rows]


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a generated test case came from. `user_ref` asked for it, `decided_by` accepted it."""

    model: str
    level: str | None
    user_ref: str
    created_at: datetime
    edited: bool
    decided_at: datetime
    decided_by: str | None


def provenance(org_id: int, generation_id: int, case_key: str) -> Operation[Provenance | None]:
    """None where its generation was erased."""
    params = {"org_id": org_id, "generation_id": generation_id, "case_key": case_key}
    rows = yield Statement(SQL["provenance"], params)
    return Provenance(**rows[0]) if rows else None


def locked_draft(org_id: int, generation_id: int, position: int) -> Operation[Row]:
    """Two people who decide at once wait for each other here."""
    params = {"org_id": org_id, "generation_id": generation_id, "position": position}
    rows = yield Statement(SQL["lock_draft"], params)
    if not rows:
        raise NotFound("There is no such draft.")
    return rows[0]


def decide_draft(
    org_id: int,
    generation_id: int,
    position: int,
    *,
    state: str,
    user_id: int,
    case_key: str | None,
    edited: bool = False,
) -> Operation[None]:
    """Write down who decided what about a locked draft."""
    yield Statement(
        SQL["decide_draft"],
        {
            "org_id": org_id,
            "generation_id": generation_id,
            "position": position,
            "state": state,
            "user_id": user_id,
            "case_key": case_key,
            "edited": edited,
        },
    )
