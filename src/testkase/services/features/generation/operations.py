"""What the pages ask of generation. Every operation needs the organization's tenant context and names it as well.

Whether the person may generate in the project is asked by the caller, with the roles it has just loaded (P15).
"""

import msgspec

from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.features.admission import admit
from testkase.services.features.generation.model import (
    MAX_CASES,
    MAX_REQUIREMENT,
    USE_CASE,
    Draft,
    GenerationRow,
    GenerationView,
    Options,
    Progress,
)
from testkase.services.workspace.model import CaseContent

SQL = named_statements("testkase.services.features.generation.sql", "statements.sql")

MAX_UNDER_WAY = 3
"""Generations one person may have queued or running."""


class TooManyUnderWay(Conflict):
    """The person has as many generations under way as one person may (fact: `limit`)."""

    code = "too_many_generations"
    title = "Wait for a generation to finish"


def request_generation(
    org_id: int,
    *,
    project_id: int,
    project_key: str,
    user_id: int,
    user_ref: str,
    requirement: str,
    options: Options,
    criteria: str = "",
    folder_id: int | None = None,
    case_key: str | None = None,
    estimate: int = 0,
) -> Operation[int]:
    """Write the request down and answer its id; the caller defers the job in the same transaction.

    `estimate`: micro-credits it can cost at most, refused here already when the balance does not cover it (P18).
    Raises InvalidInput, AiDisabled, Indebted, InsufficientCredits, Paused, BudgetExceeded, TooManyUnderWay.
    """
    text, criteria = _checked(requirement, "requirement"), _bounded(criteria, "acceptance criteria")
    if not 1 <= options.cases <= MAX_CASES:
        raise InvalidInput(f"Ask for 1 to {MAX_CASES} test cases.", field="cases")
    subject = Subject(use_case=USE_CASE, user=user_ref, project=project_key)
    yield from admit(org_id, subject, estimate, what="This generation")
    yield from _not_too_many(org_id, user_id)
    rows = yield Statement(
        SQL["insert_generation"],
        {
            "org_id": org_id,
            "project_id": project_id,
            "project_ref": project_key,
            "requested_by": user_id,
            "user_ref": user_ref,
            "requirement": text,
            "criteria": criteria,
            "folder_id": folder_id,
            "case_key": case_key,
            "options": msgspec.json.encode(options).decode(),
            "progress": msgspec.json.encode(Progress(total=options.cases)).decode(),
        },
    )
    return int(rows[0]["generation_id"])


def generation(org_id: int, generation_id: int) -> Operation[GenerationView]:
    """A generation with its drafts. Raises NotFound."""
    rows = yield Statement(SQL["find_generation"], {"org_id": org_id, "generation_id": generation_id})
    if not rows:
        raise NotFound("There is no such generation.")
    drafts = yield Statement(SQL["list_drafts"], {"org_id": org_id, "generation_id": generation_id})
    row = rows[0]
    return GenerationView(
        **{
            **row,
            "options": msgspec.json.decode(row["options"], type=Options),
            "progress": msgspec.json.decode(row["progress"], type=Progress),
        },
        drafts=tuple(_draft(one) for one in drafts),
    )


def ask_to_cancel(org_id: int, generation_id: int) -> Operation[None]:
    """End a generation that is under way: its drafts stay, and what was delivered is charged. One that has ended stays
    as it is."""
    yield Statement(SQL["ask_to_cancel"], {"org_id": org_id, "generation_id": generation_id})


def generations(
    org_id: int, project_id: int, *, limit: int, before: int | None = None
) -> Operation[list[GenerationRow]]:
    """A project's generations, newest first. `before`: only older than this id, for the next page."""
    params = {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before}
    rows = yield Statement(SQL["list_generations"], params)
    return [GenerationRow(**row) for row in rows]


def _not_too_many(org_id: int, user_id: int) -> Operation[None]:
    yield Statement(SQL["give_up_lost"], {"org_id": org_id, "user_id": user_id})
    under_way = yield Statement(SQL["count_under_way"], {"org_id": org_id, "user_id": user_id})
    if under_way[0]["count"] >= MAX_UNDER_WAY:
        raise TooManyUnderWay(
            f"You have {MAX_UNDER_WAY} generations under way. Wait for one of them to finish, or cancel it.",
            limit=MAX_UNDER_WAY,
        )


def _checked(text: str, name: str) -> str:
    text = _bounded(text, name)
    if not any(character.isalnum() for character in text):
        raise InvalidInput("Describe what is to be tested.", field="requirement")
    return text


def _bounded(text: str, name: str) -> str:
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(text) > MAX_REQUIREMENT:
        raise InvalidInput(
            f"{name.capitalize()}: {len(text):,} characters; {MAX_REQUIREMENT:,} are the most. Split it up.",
            field=name.rpartition(" ")[2],
        )
    return text


def _draft(row: Row) -> Draft:
    return Draft(
        position=row["position"],
        content=msgspec.json.decode(row["content"], type=CaseContent),
        state=row["state"],
        case_key=row["case_key"],
        twin_key=row["twin_key"],
        likeness=row["likeness"],
        after_step=row["after_step"],
    )
