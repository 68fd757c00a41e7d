"""The job: one run from request to reports, under one hold, with one row of usage.

Facts and finished texts are kept as they come, and a run goes on with those that are missing (features/running).
"""

from typing import TYPE_CHECKING

import msgspec

from testkase.core.access import Action
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Database, Operation, Statement
from testkase.foundation.problems import Problem
from testkase.services.features.reports.estimate import size_of
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.reading import read_history
from testkase.services.features.reports.model import USE_CASE, Facts, Kind, Options, Progress
from testkase.services.features.reports.progress import Journal
from testkase.services.features.reports.requests import NO_CYCLE, SQL
from testkase.services.features.reports.texts import Todo, write_texts
from testkase.services.features.running.cancelling import Cancelled, cut_off_on_cancel
from testkase.services.features.running.carrying_out import OUR_FAULT, carry_out
from testkase.services.features.running.job import Attempt, Ending, Most, Worked
from testkase.services.features.running.rights import NoLongerAllowed, may_still
from testkase.services.inference import Catalog, ModelEntry

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

NOT_ALLOWED = "Whoever asked for this may no longer make reports in the project. Nothing was charged."


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one run."""

    run_id: int
    attempt: Attempt
    project_id: int
    user_id: int | None
    scheduled: bool
    options: Options
    stop_asked: bool

    @property
    def org_id(self) -> int:
        return self.attempt.org_id

    @property
    def key(self) -> dict[str, int]:
        return {"org_id": self.org_id, "run_id": self.run_id, "attempt": self.attempt.number}


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A report of the run. `facts` are there where an earlier attempt has computed them."""

    report_id: int
    kind: Kind
    done: bool
    facts: Facts | None


class Unreadable(Problem):
    """There is nothing left to report on."""

    code = "nothing_to_report"
    title = "Nothing to report on"


async def run_reports(org_id: int, run_id: int, meter: "Meter", database: Database) -> None:
    """Make the reports of a queued or interrupted run; nothing to do when it is finished. Raises as `carry_out`."""
    run = await database.run(_begin(org_id, run_id), org_id=org_id)
    if run is not None:
        await carry_out(_Reporting(run, meter.catalog, database), meter, database)


class _Reporting:
    """A run as a job."""

    def __init__(self, run: Run, catalog: Catalog, database: Database) -> None:
        self.attempt = run.attempt
        self._run, self._catalog, self._database = run, catalog, database
        self._entry: ModelEntry
        self._journal: Journal
        self._todo: Todo = []
        self._cancelled = run.stop_asked

    def allowed(self) -> Operation[None]:
        run = self._run
        action = Action.SCHEDULE_REPORTS if run.scheduled else Action.CREATE_REPORT
        if not (yield from may_still(run.org_id, run.project_id, run.user_id, action)):
            raise NoLongerAllowed(NOT_ALLOWED)

    async def prepare(self) -> Most | None:
        """Facts, all of them."""
        if self._cancelled:
            return None
        self._entry = self._catalog.find(self._run.options.model)
        waiting = await self._database.run(_waiting(self._run), org_id=self._run.org_id)
        done = sum(1 for one in waiting if one.done)
        self._journal = Journal(self._database, self._run.key, Progress(done=done, total=len(waiting)))
        self._todo = await self._found([one for one in waiting if not one.done])
        if not self._todo:
            return None
        size = size_of([facts for _, facts in self._todo], self._entry, self._run.org_id)
        return Most(input_tokens=size.input, output_tokens=size.output)

    def name_hold(self) -> Operation[bool]:
        return bool((yield Statement(SQL["name_hold"], {**self._run.key, "hold_id": self.attempt.hold_id})))

    async def work(self, interaction: "Interaction") -> Worked:
        """Texts that are finished stay. A Cancel that comes when all are written changes nothing."""
        org_id, asked = self._run.org_id, Statement(SQL["is_to_stop"], self._run.key)
        try:
            async with cut_off_on_cancel(interaction, self._database, org_id, asked):
                error = await write_texts(
                    org_id, self._todo, self._entry, interaction=interaction, journal=self._journal
                )
        except Cancelled:
            self._cancelled = True
            return Worked()
        return Worked(error=error, useless=not self._journal.texts)

    def finish(self, ending: Ending) -> Operation[None]:
        run = self._run
        params = {**run.key, "charged": ending.charged, "receipt": ending.receipt, "error": ending.error}
        if (yield Statement(SQL["finish"], params)):
            how, why = ("cancelled", None) if self._cancelled else ("", ending.error or OUR_FAULT)
            left = {"org_id": run.org_id, "run_id": run.run_id, "ending": how, "error": why}
            yield Statement(SQL["finish_reports"], left)

    async def _found(self, waiting: list[Waiting]) -> Todo:
        """The facts of every report to be written, each kept as soon as it is computed."""
        run, missing = self._run, [one for one in waiting if one.facts is None]
        facts = {one.report_id: one.facts for one in waiting if one.facts is not None}
        if missing:
            texts = any(one.kind == "optimisation" for one in missing)
            reading = read_history(
                run.org_id, run.project_id, cycles=run.options.cycles, cycle_id=run.options.cycle_id, texts=texts
            )
            history = await self._database.run(reading, org_id=run.org_id)
            if history.target is None:  # deleted since it was asked for
                raise Unreadable(NO_CYCLE)
            for one in missing:
                facts[one.report_id] = compute(one.kind, history)
                await self._journal.facts(one.report_id, facts[one.report_id])
        return [(one.report_id, facts[one.report_id]) for one in waiting]


def _begin(org_id: int, run_id: int) -> Operation[Run | None]:
    rows = yield Statement(SQL["begin_attempt"], {"org_id": org_id, "run_id": run_id})
    if not rows:
        return None
    row = rows[0]
    options = msgspec.json.decode(row["options"], type=Options)
    attempt = Attempt(
        org_id=org_id,
        name=f"report-{run_id}",
        number=row["attempt"],
        earlier_hold=row["earlier_hold"],
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
        model=options.model,
    )
    return Run(
        run_id=run_id,
        attempt=attempt,
        project_id=row["project_id"],
        user_id=row["requested_by"],
        scheduled=row["origin"] == "schedule",
        options=options,
        stop_asked=row["stop_asked"],
    )


def _waiting(run: Run) -> Operation[list[Waiting]]:
    rows = yield Statement(SQL["reports_of_run"], {"org_id": run.org_id, "run_id": run.run_id})
    return [
        Waiting(
            report_id=row["report_id"],
            kind=row["kind"],
            done=row["state"] in ("succeeded", "failed"),
            facts=msgspec.json.decode(row["facts"], type=Facts) if row["facts"] else None,
        )
        for row in rows
    ]
