"""What the page of a test case asks: suggest further steps, show them, take one over. Needs the organization's context.

A suggestion is a generation for one case: the same hold, job and row of usage, and drafts of one step each.
"""

import msgspec

from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.features.generation.deciding import DraftDecided, decide_draft, locked_draft
from testkase.services.features.generation.estimate import Estimate, priced
from testkase.services.features.generation.model import GenerationView, Options
from testkase.services.features.generation.operations import SQL, generation, request_generation
from testkase.services.features.generation.steps.ideas import MOST_STEPS
from testkase.services.features.generation.steps.work import StepWork
from testkase.services.inference import ModelEntry
from testkase.services.workspace.cases import edit_case, find_case
from testkase.services.workspace.model import CaseContent, Project, Step, TestCase


def options_for(case: CaseContent, entry: ModelEntry, level: str | None) -> Options:
    """How steps are asked for."""
    return msgspec.convert(
        {"model": entry.name, "level": level, "cases": MOST_STEPS, "kinds": [case.kind]}, type=Options
    )


def step_work(case: CaseContent, options: Options) -> StepWork:
    """What would be written: for estimates, which are for no organization in particular."""
    return StepWork(org_id=0, case=case, options=options)


def step_estimate(case: CaseContent, options: Options, book: PriceBook, entry: ModelEntry) -> Estimate:
    """What suggesting will come to. Raises UnknownModel."""
    work = step_work(case, options)
    return priced(work.size(entry, range(1, work.total(entry) + 1)), book, options.model)


def request_steps(
    org_id: int, project: Project, case: TestCase, *, user_id: int, user_ref: str, options: Options, estimate: int
) -> Operation[int]:
    """Write the request down; the caller defers the job in the same transaction. Raises as `request_generation`."""
    return (
        yield from request_generation(
            org_id,
            project_id=project.project_id,
            project_key=project.key,
            user_id=user_id,
            user_ref=user_ref,
            requirement=case.content.title,
            options=options,
            case_key=case.key,
            estimate=estimate,
        )
    )


def latest_steps(org_id: int, case_key: str) -> Operation[GenerationView | None]:
    """The newest suggestions for a case; None: nobody has asked for any."""
    rows = yield Statement(SQL["latest_for_case"], {"org_id": org_id, "case_key": case_key})
    if not rows:
        return None
    return (yield from generation(org_id, rows[0]["generation_id"]))


def accept_step(org_id: int, generation_id: int, position: int, *, user_id: int) -> Operation[str]:
    """Put a suggested step into its case; answers the case's key. Accepting again changes nothing.

    Raises NotFound, DraftDecided, and Conflict when somebody else is faster.
    """
    row = yield from locked_draft(org_id, generation_id, position)
    case_key = str(row["for_case"])
    if row["state"] == "rejected":
        raise DraftDecided("This suggestion was rejected.", state="rejected")
    if row["state"] == "accepted":
        return case_key
    case = yield from find_case(org_id, row["project_id"], case_key)
    view = yield from generation(org_id, generation_id)
    (step,) = msgspec.json.decode(row["content"], type=CaseContent).steps
    earlier = sum(
        draft.state == "accepted" and ((draft.after_step or 0), draft.position) < (row["after_step"], position)
        for draft in view.drafts
    )
    content = msgspec.structs.replace(case.content, steps=_with(case.content.steps, step, row["after_step"] + earlier))
    yield from edit_case(
        org_id, row["project_id"], case_key, content, folder_id=case.folder_id, editor_id=user_id,
        version=case.version, origin="generation",
    )  # fmt: skip
    yield from decide_draft(org_id, generation_id, position, state="accepted", user_id=user_id, case_key=case_key)
    return case_key


def _with(steps: tuple[Step, ...], step: Step, at: int) -> tuple[Step, ...]:
    at = min(at, len(steps))
    return (*steps[:at], step, *steps[at:])
