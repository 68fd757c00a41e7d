"""The job: one run from request to reports, under one hold, with one row of usage.

It may be run again at any time, as a generation's may: a run that was killed leaves its facts and finished texts, which
the next attempt keeps, and a hold that is released without a charge. So at most the attempt that finishes is paid for.
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
from testkase.foundation.database import Database, Operation, Statement
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.features.reports.estimate import size_of
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.reading import read_history
from testkase.services.features.reports.model import USE_CASE, Facts, Kind, Options, Progress
from testkase.services.features.reports.progress import Journal, Superseded
from testkase.services.features.reports.requests import NO_CYCLE, SQL
from testkase.services.features.reports.texts import Todo, write_texts
from testkase.services.metering.problems import SWITCHED_OFF, CutOff
from testkase.services.metering.settle import metered_id

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

log = logging.getLogger(__name__)

AGAIN = (Unavailable, psycopg.OperationalError, PoolTimeout)
"""The outcome is unknown or the database is away. A second run goes on where this one stopped."""

OUR_FAULT = "Something went wrong on our side. Nothing was charged; please try again."


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one run."""

    org_id: int
    run_id: int
    attempt: int
    project_id: int
    options: Options
    subject: Subject

    @property
    def hold_id(self) -> str:
        return metered_id(f"report-{self.run_id}-{self.attempt}")

    @property
    def key(self) -> dict[str, int]:
        return {"org_id": self.org_id, "run_id": self.run_id, "attempt": self.attempt}


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended. `charged` in micro-credits."""

    charged: int = 0
    receipt: int | None = None
    error: str | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A report of the run. `facts` are there where an earlier attempt has computed them."""

    report_id: int
    kind: Kind
    done: bool
    facts: Facts | None


async def run_reports(org_id: int, run_id: int, meter: "Meter", database: Database) -> None:
    """Make the reports of a queued or interrupted run; nothing to do when it is finished.

    Raises one of AGAIN when the ledger or the database cannot be asked: run the job again.
    """
    begun = await database.run(_begin(org_id, run_id), org_id=org_id)
    if begun is None:
        return
    run, earlier_hold = begun
    try:
        earlier = await _earlier_ending(run, earlier_hold, meter, database)
        ending = earlier if earlier.charged else await _work(run, earlier, meter, database)
    except Superseded:
        log.info("run %s of organization %s goes on in another attempt", run_id, org_id)
        return
    except AGAIN:
        raise
    except AiDisabled:
        ending = Ending(error=SWITCHED_OFF)
    except Problem as problem:
        ending = Ending(error=problem.detail)
    except Exception as error:
        # PostgreSQL quotes the row it refuses, and that holds facts and texts: of its errors only the name is logged.
        quoting, what = isinstance(error, psycopg.Error), type(error).__name__
        log.exception("run %s of organization %s: %s", run_id, org_id, what, exc_info=not quoting)
        ending = Ending(error=OUR_FAULT)
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


async def _work(run: Run, earlier: Ending, meter: "Meter", database: Database) -> Ending:
    """Facts first, all of them, then the hold, then the texts."""
    waiting = await database.run(_waiting(run), org_id=run.org_id)
    done = sum(1 for one in waiting if one.done)
    journal = Journal(database, run.org_id, run.run_id, run.attempt, Progress(done=done, total=len(waiting)))
    todo = await _found(run, [one for one in waiting if not one.done], database, journal)
    if not todo:
        return earlier
    entry = meter.catalog.find(run.options.model)
    size = size_of([facts for _, facts in todo], entry, run.org_id)
    await database.run(_name_hold(run), org_id=run.org_id)
    interaction = await meter.open(
        run.org_id,
        run.subject,
        model=run.options.model,
        input_tokens=size.input,
        output_tokens=size.output,
        hold_id=run.hold_id,
    )
    error: str | None = None
    async with interaction:
        try:
            error = await write_texts(run.org_id, todo, entry, interaction=interaction, journal=journal)
        except BaseException:
            # Killed, superseded or our own mistake: whoever goes on will charge, this attempt must not.
            await _give_up(run, interaction, meter)
            raise
        if not journal.texts:
            interaction.fail()
    settlement = await interaction.close()
    return Ending(charged=settlement.charged, receipt=settlement.receipt, error=error)


async def _give_up(run: Run, interaction: "Interaction", meter: "Meter") -> None:
    """Cut the model off and release the hold, so that this attempt leaves no row of usage."""
    interaction.fail()
    interaction.abort(CutOff("The run goes on in another attempt."))
    with suppress(Problem):
        await meter.engine.submit(VoidHold(org_id=run.org_id, hold_id=run.hold_id))


async def _found(run: Run, waiting: list[Waiting], database: Database, journal: Journal) -> Todo:
    """The facts of every report to be written, each kept as soon as it is computed."""
    missing = [one for one in waiting if one.facts is None]
    facts = {one.report_id: one.facts for one in waiting if one.facts is not None}
    if missing:
        texts = any(one.kind == "optimisation" for one in missing)
        reading = read_history(
            run.org_id, run.project_id, cycles=run.options.cycles, cycle_id=run.options.cycle_id, texts=texts
        )
        history = await database.run(reading, org_id=run.org_id)
        if history.target is None:  # deleted since it was asked for
            raise Unreadable(NO_CYCLE)
        for one in missing:
            facts[one.report_id] = compute(one.kind, history)
            await journal.facts(one.report_id, facts[one.report_id])
    return [(one.report_id, facts[one.report_id]) for one in waiting]


class Unreadable(Problem):
    """There is nothing left to report on."""

    code = "nothing_to_report"
    title = "Nothing to report on"


def _begin(org_id: int, run_id: int) -> Operation[tuple[Run, str | None] | None]:
    rows = yield Statement(SQL["begin_attempt"], {"org_id": org_id, "run_id": run_id})
    if not rows:
        return None
    row = rows[0]
    run = Run(
        org_id=org_id,
        run_id=run_id,
        attempt=row["attempt"],
        project_id=row["project_id"],
        options=msgspec.json.decode(row["options"], type=Options),
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
    )
    return run, row["earlier_hold"]


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


def _name_hold(run: Run) -> Operation[None]:
    rows = yield Statement(SQL["name_hold"], {**run.key, "hold_id": run.hold_id})
    if not rows:
        raise Superseded


def _finish(run: Run, ending: Ending) -> Operation[None]:
    params = {**run.key, "charged": ending.charged, "receipt": ending.receipt, "error": ending.error}
    if (yield Statement(SQL["finish"], params)):
        left = {"org_id": run.org_id, "run_id": run.run_id, "error": ending.error or OUR_FAULT}
        yield Statement(SQL["finish_reports"], left)
