"""What the pages ask of generation. Every operation needs the organization's tenant context and names it as well.

Whether the person may generate in the project is asked by the caller, with the roles it has just loaded (P15).
"""

import msgspec

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.limits.queries import check_admission
from testkase.core.ledger.model import Subject
from testkase.core.ledger.queries import balance
from testkase.core.ledger.refusals import AiDisabled, Indebted, InsufficientCredits
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
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
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.model import CaseContent

SQL = named_statements("testkase.services.features.generation.sql", "statements.sql")

MAX_UNDER_WAY = 3
"""Generations one person may have queued or running."""


class DraftDecided(Conflict):
    """The draft was already accepted or rejected (fact: `state`)."""

    code = "draft_decided"
    title = "The draft was already decided"


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
    estimate: int = 0,
) -> Operation[int]:
    """Write the request down and answer its id; the caller defers the job in the same transaction.

    `estimate`: micro-credits it can cost at most, refused here already when the balance does not cover it (P18).
    Raises InvalidInput, AiDisabled, Indebted, InsufficientCredits, Paused, BudgetExceeded, TooManyUnderWay.
    """
    text = _checked(requirement, options)
    account = yield from balance(org_id)
    if not account.ai_enabled:
        raise AiDisabled("AI is switched off for this organization.")
    if account.debt:
        raise Indebted("A refund or dispute left a debt: AI rests until it is covered.", debt=account.debt)
    if account.spendable < max(estimate, 1):
        raise InsufficientCredits(
            f"This generation can cost up to {format_credits(estimate)} credits;"
            f" {format_credits(account.spendable)} are available.",
            available=account.spendable,
            needed=estimate,
        )
    subject = Subject(use_case=USE_CASE, user=user_ref, project=project_key)
    yield from check_admission(org_id, subject, estimate)
    under_way = yield Statement(SQL["count_under_way"], {"org_id": org_id, "user_id": user_id})
    if under_way[0]["count"] >= MAX_UNDER_WAY:
        raise TooManyUnderWay(
            f"You have {MAX_UNDER_WAY} generations under way. Wait for one of them to finish.", limit=MAX_UNDER_WAY
        )
    rows = yield Statement(
        SQL["insert_generation"],
        {
            "org_id": org_id,
            "project_id": project_id,
            "project_ref": project_key,
            "requested_by": user_id,
            "user_ref": user_ref,
            "requirement": text,
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


def generations(
    org_id: int, project_id: int, *, limit: int, before: int | None = None
) -> Operation[list[GenerationRow]]:
    """A project's generations, newest first. `before`: only older than this id, for the next page."""
    params = {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before}
    rows = yield Statement(SQL["list_generations"], params)
    return [GenerationRow(**row) for row in rows]


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
    row = yield from _locked_draft(org_id, generation_id, position)
    if row["state"] == "rejected":
        raise DraftDecided("This draft was rejected.", state="rejected")
    if row["state"] == "accepted":
        return str(row["case_key"])
    content = edited or msgspec.json.decode(row["content"], type=CaseContent)
    key = yield from create_case(
        org_id,
        row["project_id"],
        content,
        author_id=user_id,
        folder_id=folder_id,
        draft=(generation_id, position),
    )
    yield from _decide(org_id, generation_id, position, state="accepted", user_id=user_id, case_key=key)
    return key


def reject_draft(org_id: int, generation_id: int, position: int, *, user_id: int) -> Operation[None]:
    """Put a draft aside. Rejecting again changes nothing. Raises NotFound, and DraftDecided when it was accepted."""
    row = yield from _locked_draft(org_id, generation_id, position)
    if row["state"] == "accepted":
        raise DraftDecided("This draft is already a test case.", state="accepted")
    if row["state"] == "proposed":
        yield from _decide(org_id, generation_id, position, state="rejected", user_id=user_id, case_key=None)


def _checked(requirement: str, options: Options) -> str:
    text = requirement.replace("\r\n", "\n").replace("\x00", "").strip()
    if not any(character.isalnum() for character in text):
        raise InvalidInput("Describe what is to be tested.", field="requirement")
    if len(text) > MAX_REQUIREMENT:
        raise InvalidInput(
            f"The requirement has {len(text):,} characters; {MAX_REQUIREMENT:,} are the most. Split it up.",
            field="requirement",
        )
    if not 1 <= options.cases <= MAX_CASES:
        raise InvalidInput(f"Ask for 1 to {MAX_CASES} test cases.", field="cases")
    return text


def _locked_draft(org_id: int, generation_id: int, position: int) -> Operation[Row]:
    """Two people who decide at once wait for each other here."""
    params = {"org_id": org_id, "generation_id": generation_id, "position": position}
    rows = yield Statement(SQL["lock_draft"], params)
    if not rows:
        raise NotFound("There is no such draft.")
    return rows[0]


def _decide(
    org_id: int, generation_id: int, position: int, *, state: str, user_id: int, case_key: str | None
) -> Operation[None]:
    yield Statement(
        SQL["decide_draft"],
        {
            "org_id": org_id,
            "generation_id": generation_id,
            "position": position,
            "state": state,
            "user_id": user_id,
            "case_key": case_key,
        },
    )


def _draft(row: Row) -> Draft:
    return Draft(
        position=row["position"],
        content=msgspec.json.decode(row["content"], type=CaseContent),
        state=row["state"],
        case_key=row["case_key"],
    )
