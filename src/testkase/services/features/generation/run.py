"""The job: one generation from request to drafts, under one hold, with one row of usage.

Finished drafts are kept as they come, and a run goes on with those that are missing (features/running).
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from testkase.core.access import Action
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Database, Operation, Statement
from testkase.foundation.problems import NotFound, Problem
from testkase.services.features.generation.model import USE_CASE, GenerationView, Options, Progress, brief_of
from testkase.services.features.generation.operations import SQL, generation
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.steps.work import StepWork
from testkase.services.features.generation.work import CaseWork, Work
from testkase.services.features.running.cancelling import Cancelled, cut_off_on_cancel
from testkase.services.features.running.carrying_out import carry_out
from testkase.services.features.running.job import Attempt, Ending, Most, Worked
from testkase.services.features.running.rights import NoLongerAllowed, may_still
from testkase.services.inference import Catalog, ModelEntry
from testkase.services.workspace.cases import find_case

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

NO_DRAFTS = "The model wrote nothing usable. Nothing was charged; describing the requirement in more detail may help."
NOT_ALLOWED = "Whoever asked for this may no longer generate test cases in the project. Nothing was charged."


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one generation."""

    generation_id: int
    attempt: Attempt
    project_id: int
    user_id: int | None
    brief: str
    case_key: str | None
    options: Options
    stop_asked: bool

    @property
    def org_id(self) -> int:
        return self.attempt.org_id

    @property
    def twins_in(self) -> int | None:
        """The project whose test cases drafts are compared with; suggested steps are compared with none."""
        return self.project_id if self.case_key is None else None

    @property
    def key(self) -> dict[str, int]:
        return {"org_id": self.org_id, "generation_id": self.generation_id, "attempt": self.attempt.number}


async def run_generation(org_id: int, generation_id: int, meter: "Meter", database: Database) -> None:
    """Write the drafts of a queued or interrupted generation; nothing to do when it is finished.

    Raises as `carry_out` does.
    """
    run = await database.run(_begin(org_id, generation_id), org_id=org_id)
    if run is not None:
        await carry_out(_Generating(run, meter.catalog, database), meter, database)


class _Generating:
    """A generation as a job."""

    def __init__(self, run: Run, catalog: Catalog, database: Database) -> None:
        self.attempt = run.attempt
        self._run, self._catalog, self._database = run, catalog, database
        self._entry: ModelEntry
        self._work: Work
        self._view: GenerationView
        self._todo: list[int] = []
        self._cancelled = run.stop_asked

    def allowed(self) -> Operation[None]:
        run = self._run
        if not (yield from may_still(run.org_id, run.project_id, run.user_id, Action.GENERATE_CASES)):
            raise NoLongerAllowed(NOT_ALLOWED)

    async def prepare(self) -> Most | None:
        run = self._run
        if self._cancelled:
            return None
        self._entry = self._catalog.find(run.options.model)
        self._view = await self._database.run(generation(run.org_id, run.generation_id), org_id=run.org_id)
        self._work = await self._database.run(_work(run), org_id=run.org_id)
        taken = {draft.position for draft in self._view.drafts}
        self._todo = [at for at in range(1, self._work.total(self._entry) + 1) if at not in taken]
        if not self._todo:
            return None
        size = self._work.size(self._entry, self._todo)
        return Most(input_tokens=size.most_input, output_tokens=size.most_output)

    def name_hold(self) -> Operation[bool]:
        return bool((yield Statement(SQL["name_hold"], {**self._run.key, "hold_id": self.attempt.hold_id})))

    async def work(self, interaction: "Interaction") -> Worked:
        """What was written until it ended stays and is charged, also where it ended early. A Cancel that comes when all
        is written changes nothing."""
        run, known = self._run, tuple(draft.content for draft in self._view.drafts)
        progress = Progress(done=len(known), total=len(known) + len(self._todo))
        report = Reporter(self._database, run.key, progress, twins_in=run.twins_in)
        error: str | None = None
        try:
            asked = Statement(SQL["is_to_stop"], run.key)
            async with cut_off_on_cancel(interaction, self._database, run.org_id, asked):
                await self._work.write(self._entry, self._todo, known, interaction, report)
        except Cancelled:
            self._cancelled = True
            return Worked()
        except Problem as problem:
            error = problem.detail
        useless = report.progress.done == len(known)  # drafts of a run before this one are not what it brought
        return Worked(error=error or (NO_DRAFTS if useless and not known else None), useless=useless)

    def finish(self, ending: Ending) -> Operation[None]:
        with suppress(NotFound):  # erased meanwhile: there is nothing left to finish
            yield from _finish(self._run, ending, cancelled=self._cancelled)


def _work(run: Run) -> Operation[Work]:
    """What is to be written: of a test case as it stands now. Raises NotFound when it is gone."""
    if run.case_key is None:
        return CaseWork(org_id=run.org_id, brief=run.brief, options=run.options)
    case = yield from find_case(run.org_id, run.project_id, run.case_key)
    return StepWork(org_id=run.org_id, case=case.content, options=run.options)


def _begin(org_id: int, generation_id: int) -> Operation[Run | None]:
    rows = yield Statement(SQL["begin_attempt"], {"org_id": org_id, "generation_id": generation_id})
    if not rows:
        return None
    row = rows[0]
    options = msgspec.json.decode(row["options"], type=Options)
    attempt = Attempt(
        org_id=org_id,
        name=f"generation-{generation_id}",
        number=row["attempt"],
        earlier_hold=row["earlier_hold"],
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
        model=options.model,
    )
    return Run(
        generation_id=generation_id,
        attempt=attempt,
        project_id=row["project_id"],
        user_id=row["requested_by"],
        brief=brief_of(row["requirement"], row["criteria"]),
        case_key=row["case_key"],
        options=options,
        stop_asked=row["stop_asked"],
    )


def _finish(run: Run, ending: Ending, *, cancelled: bool) -> Operation[None]:
    view = yield from generation(run.org_id, run.generation_id)
    done = len(view.drafts)
    progress = Progress(done=done, total=max(done, view.progress.total))
    params = {
        **run.key,
        "state": "succeeded" if done else "failed",
        "charged": ending.charged,
        "receipt": ending.receipt,
        "ending": "cancelled" if cancelled else "",
        "error": ending.error if done or cancelled else ending.error or NO_DRAFTS,
        "progress": msgspec.json.encode(progress).decode(),
    }
    yield Statement(SQL["finish"], params)
