"""The job: one generation from request to drafts, under one hold, with one row of usage.

It may be run again at any time. A run that was killed leaves its finished drafts, which the next run keeps, and a hold
that is released without a charge; so whatever happens, at most the run that finishes is paid for, and only once.
"""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from testkase.core.ledger.commands import VoidHold
from testkase.core.ledger.model import Subject
from testkase.core.ledger.queries import hold
from testkase.core.ledger.refusals import AiDisabled, HoldNotFound, HoldResolved
from testkase.foundation.database import Database, Operation, Row, Statement
from testkase.foundation.problems import NotFound, Problem, Unavailable
from testkase.services.features.generation.model import USE_CASE, GenerationView, Options, Progress, brief_of
from testkase.services.features.generation.operations import SQL, generation
from testkase.services.features.generation.progress import Reporter, Superseded
from testkase.services.features.generation.steps.work import StepWork
from testkase.services.features.generation.work import CaseWork, Work
from testkase.services.inference import ModelEntry
from testkase.services.metering.problems import SWITCHED_OFF, CutOff
from testkase.services.metering.settle import metered_id
from testkase.services.workspace.cases import find_case

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

log = logging.getLogger(__name__)

AGAIN = (Unavailable, psycopg.OperationalError, PoolTimeout)
"""The outcome is unknown or the database is away. A second run goes on where this one stopped."""

NO_DRAFTS = "The model wrote nothing usable. Nothing was charged; describing the requirement in more detail may help."
OUR_FAULT = "Something went wrong on our side. Nothing was charged; please try again."


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one generation."""

    org_id: int
    generation_id: int
    attempt: int
    project_id: int
    brief: str
    case_key: str | None
    options: Options
    subject: Subject

    @property
    def twins_in(self) -> int | None:
        """The project whose test cases drafts are compared with; suggested steps are compared with none."""
        return self.project_id if self.case_key is None else None

    @property
    def hold_id(self) -> str:
        return metered_id(f"generation-{self.generation_id}-{self.attempt}")


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended. `charged` in micro-credits."""

    charged: int = 0
    receipt: int | None = None
    error: str | None = None


async def run_generation(org_id: int, generation_id: int, meter: "Meter", database: Database) -> None:
    """Write the drafts of a queued or interrupted generation; nothing to do when it is finished.

    Raises one of AGAIN when the ledger or the database cannot be asked: run the job again.
    """
    begun = await database.run(_begin(org_id, generation_id), org_id=org_id)
    if begun is None:
        return
    run, earlier_hold = begun
    try:
        earlier = await _earlier_ending(run, earlier_hold, meter, database)
        ending = earlier if earlier.charged else await _write(run, earlier, meter, database)
    except Superseded:
        log.info("generation %s of organization %s goes on in another run", generation_id, org_id)
        return
    except AGAIN:
        raise
    except AiDisabled:
        ending = Ending(error=SWITCHED_OFF)
    except Problem as problem:
        ending = Ending(error=problem.detail)
    except Exception as error:
        # PostgreSQL quotes the row it refuses, and that holds the requirement: of its errors only the name is logged.
        quoting = isinstance(error, psycopg.Error)
        what = type(error).__name__
        log.exception("generation %s of organization %s: %s", generation_id, org_id, what, exc_info=not quoting)
        ending = Ending(error=OUR_FAULT)
    with suppress(NotFound):  # erased meanwhile: there is nothing left to finish
        await database.run(_finish(run, ending), org_id=org_id)


async def _earlier_ending(run: Run, earlier_hold: str | None, meter: "Meter", database: Database) -> Ending:
    """Clear up after a run that was killed: release its hold; if it had got as far as being charged, that was it."""
    if earlier_hold is None:
        return Ending()
    with suppress(HoldResolved, HoldNotFound):
        await meter.engine.submit(VoidHold(org_id=run.org_id, hold_id=earlier_hold))
    with suppress(HoldNotFound):
        state = await database.run(hold(run.org_id, earlier_hold), org_id=run.org_id)
        return Ending(charged=state.charged, receipt=state.receipt)
    return Ending()


async def _write(run: Run, earlier: Ending, meter: "Meter", database: Database) -> Ending:
    view = await database.run(generation(run.org_id, run.generation_id), org_id=run.org_id)
    entry = meter.catalog.find(run.options.model)
    work = await database.run(_work(run), org_id=run.org_id)
    taken = {draft.position for draft in view.drafts}
    todo = [position for position in range(1, work.total(entry) + 1) if position not in taken]
    if not todo:
        return earlier
    size = work.size(entry, todo)
    await database.run(_name_hold(run), org_id=run.org_id)
    interaction = await meter.open(
        run.org_id,
        run.subject,
        model=run.options.model,
        input_tokens=size.most_input,
        output_tokens=size.most_output,
        hold_id=run.hold_id,
    )
    progress = Progress(done=len(taken), total=len(taken) + len(todo))
    report = Reporter(database, run.org_id, run.generation_id, run.attempt, progress, twins_in=run.twins_in)
    error: str | None = None
    async with interaction:
        try:
            error = await _call_model(work, entry, view, todo=todo, interaction=interaction, report=report)
        except BaseException:
            # Killed, superseded or our own mistake: whoever goes on will charge, this run must not.
            await _give_up(run, interaction, meter)
            raise
        if not report.progress.done:
            interaction.fail()
            error = error or NO_DRAFTS
    settlement = await interaction.close()
    return Ending(charged=settlement.charged, receipt=settlement.receipt, error=error)


async def _give_up(run: Run, interaction: "Interaction", meter: "Meter") -> None:
    """Cut the model off and release the hold, so that this run leaves no row of usage."""
    interaction.fail()
    interaction.abort(CutOff("The generation goes on in another run."))
    with suppress(Problem):
        await meter.engine.submit(VoidHold(org_id=run.org_id, hold_id=run.hold_id))


async def _call_model(
    work: Work,
    entry: ModelEntry,
    view: GenerationView,
    *,
    todo: list[int],
    interaction: "Interaction",
    report: Reporter,
) -> str | None:
    """Write the drafts; answers why it ended early, if it did. What was written until then stays and is charged."""
    try:
        await work.write(entry, todo, tuple(draft.content for draft in view.drafts), interaction, report)
    except Problem as problem:
        return problem.detail
    return None


def _work(run: Run) -> Operation[Work]:
    """What is to be written: of a test case as it stands now. Raises NotFound when it is gone."""
    if run.case_key is None:
        return CaseWork(org_id=run.org_id, brief=run.brief, options=run.options)
    case = yield from find_case(run.org_id, run.project_id, run.case_key)
    return StepWork(org_id=run.org_id, case=case.content, options=run.options)


def _begin(org_id: int, generation_id: int) -> Operation[tuple[Run, str | None] | None]:
    rows = yield Statement(SQL["begin_attempt"], {"org_id": org_id, "generation_id": generation_id})
    if not rows:
        return None
    row = rows[0]
    run = Run(
        org_id=org_id,
        generation_id=generation_id,
        attempt=row["attempt"],
        project_id=row["project_id"],
        brief=brief_of(row["requirement"], row["criteria"]),
        case_key=row["case_key"],
        options=msgspec.json.decode(row["options"], type=Options),
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
    )
    return run, row["earlier_hold"]


def _name_hold(run: Run) -> Operation[None]:
    rows = yield Statement(SQL["name_hold"], {**_key(run), "hold_id": run.hold_id})
    if not rows:
        raise Superseded


def _finish(run: Run, ending: Ending) -> Operation[list[Row]]:
    view = yield from generation(run.org_id, run.generation_id)
    done = len(view.drafts)
    progress = Progress(done=done, total=max(done, view.progress.total))
    params = {
        **_key(run),
        "state": "succeeded" if done else "failed",
        "charged": ending.charged,
        "receipt": ending.receipt,
        "error": ending.error if done else ending.error or NO_DRAFTS,
        "progress": msgspec.json.encode(progress).decode(),
    }
    return (yield Statement(SQL["finish"], params))


def _key(run: Run) -> dict[str, int]:
    return {"org_id": run.org_id, "generation_id": run.generation_id, "attempt": run.attempt}
