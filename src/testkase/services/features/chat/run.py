"""The job: one question from asking to answer, under one hold, with one row of usage.

It may be run again at any time. A run that was killed leaves a hold that is released without a charge, and the next run
begins the answer anew; so whatever happens, at most the run that finishes is paid for, and only once.
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
from testkase.services.features.chat.answering import answer_large, answer_small
from testkase.services.features.chat.estimate import size_of
from testkase.services.features.chat.model import USE_CASE, Ending
from testkase.services.features.chat.operations import SOURCES, SQL, said_before
from testkase.services.features.chat.progress import Answered, Cue, Reporter, columns
from testkase.services.features.chat.prompting import Said
from testkase.services.features.chat.tools.calling import Desk
from testkase.services.features.chat.tools.model import Place
from testkase.services.metering.problems import CutOff
from testkase.services.metering.settle import metered_id

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

log = logging.getLogger(__name__)

AGAIN = (Unavailable, psycopg.OperationalError, PoolTimeout)
"""The outcome is unknown or the database is away: run the job again."""

NO_ANSWER = "The model did not answer. Nothing was charged; please ask again."
OUR_FAULT = "Something went wrong on our side. Nothing was charged; please ask again."


class Superseded(Exception):  # noqa: N818 - an event, not an error
    """Another run of the same turn has begun; this one must write no more and charge nothing."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one answer."""

    org_id: int
    thread_id: int
    turn_id: int
    attempt: int
    earlier_hold: str | None
    question: str
    model: str
    place: Place
    subject: Subject
    history: tuple[Said, ...]
    stop_asked: bool
    kept: Answered
    """What an earlier attempt had written down."""

    @property
    def hold_id(self) -> str:
        return metered_id(f"chat-{self.turn_id}-{self.attempt}")

    @property
    def key(self) -> dict[str, int]:
        return {
            "org_id": self.org_id, "thread_id": self.thread_id, "turn_id": self.turn_id, "attempt": self.attempt,
        }  # fmt: skip


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended. `charged` in micro-credits."""

    answered: Answered = Answered()
    charged: int = 0
    receipt: int | None = None
    ending: Ending = ""
    error: str | None = None


async def run_turn(org_id: int, thread_id: int, turn_id: int, meter: "Meter", database: Database) -> None:
    """Answer a queued or interrupted question; nothing to do when it has its answer or is gone.

    Raises one of AGAIN when the ledger or the database cannot be asked.
    """
    run = await database.run(_begin(org_id, thread_id, turn_id), org_id=org_id)
    if run is None:
        return
    try:
        end = await _earlier_end(run, meter, database) or await _answer(run, meter, database)
    except Superseded:
        log.info("turn %s of organization %s goes on in another run", turn_id, org_id)
        return
    except AGAIN:
        raise
    except AiDisabled as refusal:
        end = End(ending="switched_off", error=refusal.detail)
    except Problem as problem:
        end = End(error=problem.detail)
    except Exception as error:
        # PostgreSQL quotes the row it refuses, and that holds the question: of its errors only the name is logged.
        quoting = isinstance(error, psycopg.Error | msgspec.MsgspecError)
        what = type(error).__name__
        log.exception("turn %s of organization %s: %s", turn_id, org_id, what, exc_info=not quoting)
        end = End(error=OUR_FAULT)
    await database.run(_finish(run, end), org_id=org_id)


async def _earlier_end(run: Run, meter: "Meter", database: Database) -> End | None:
    """Clear up after a run that was killed: release its hold; if it had got as far as being charged, that was it."""
    if run.earlier_hold is None:
        return None
    with suppress(HoldResolved, HoldNotFound):
        await meter.engine.submit(VoidHold(org_id=run.org_id, hold_id=run.earlier_hold))
    with suppress(HoldNotFound):
        state = await database.run(hold(run.org_id, run.earlier_hold), org_id=run.org_id)
        if state.charged:
            return End(answered=run.kept, charged=state.charged, receipt=state.receipt)
    return None


async def _answer(run: Run, meter: "Meter", database: Database) -> End:
    desk = Desk(database, run.place)
    await desk.allowed()
    if run.stop_asked:
        return End(ending="stopped")
    entry = meter.catalog.find(run.model)
    size = size_of(entry, run.history, run.question)
    await database.run(_name_hold(run), org_id=run.org_id)
    interaction = await meter.open(
        run.org_id,
        run.subject,
        model=run.model,
        input_tokens=size.input_tokens,
        output_tokens=size.output_tokens,
        hold_id=run.hold_id,
    )
    return await _Answering(run, desk=desk, interaction=interaction, meter=meter, database=database).carry_out()


class _Answering:
    """A run whose hold is open: the model at work, and what may end it early."""

    def __init__(self, run: Run, *, desk: Desk, interaction: "Interaction", meter: "Meter", database: Database) -> None:
        self.run, self.desk, self.interaction, self.meter = run, desk, interaction, meter
        self.report = Reporter(database, run.key, self._cued, written=run.kept)
        self._cue: Cue | None = None

    async def carry_out(self) -> End:
        async with self.interaction:
            try:
                error, ending = await self._worked()
            except BaseException:
                # Killed, superseded or our own mistake: whoever goes on will charge, this run must not.
                await self._give_up()
                raise
            answered = msgspec.structs.replace(self.report.now, doing="")
            if not answered.answer.strip() and ending not in ("stopped", "facts_only"):
                self.interaction.fail()
                error = error or NO_ANSWER
        settlement = await self.interaction.close()
        return End(
            answered=answered, charged=settlement.charged, receipt=settlement.receipt, ending=ending, error=error
        )

    async def _worked(self) -> tuple[str | None, Ending]:
        """Why it ended early, if it did. What was written until then stays and is charged as the settlement says."""
        error: str | None = None
        ending: Ending = ""
        self.report.begin()
        try:
            if without := await self._call_model():
                error, ending = without, "facts_only"
        except AiDisabled as refusal:
            error, ending = refusal.detail, "switched_off"
        except Problem as problem:
            error = problem.detail
        finally:
            stopped = self._cue  # a Stop that comes once the answer is complete changes nothing
            await self.report.end()
        if self._cue == "superseded":
            raise Superseded
        return (None, "stopped") if stopped and not ending else (error, ending)

    async def _call_model(self) -> str:
        """Why the answer is what was looked up and nothing else; "" where the model has answered."""
        run = self.run
        entry = self.meter.catalog.find(run.model)
        if entry.small:
            return await answer_small(
                run.org_id, run.question, desk=self.desk, interaction=self.interaction, report=self.report
            )
        await answer_large(
            entry, run.subject.project or "", run.history, run.question, desk=self.desk,
            interaction=self.interaction, report=self.report,
        )  # fmt: skip
        return ""

    def _cued(self, cue: Cue) -> None:
        """Somebody pressed Stop, deleted the chat, or another run has begun: cut the model off, which ends the reading
        of its answer. Nobody leaves, so that an answer of which nothing had come is free."""
        self._cue = cue
        self.interaction.abort(CutOff("The answer was stopped."))

    async def _give_up(self) -> None:
        """Release the hold, so that this run leaves no row of usage."""
        self.interaction.fail()
        self.interaction.abort(CutOff("The answer goes on in another run."))
        with suppress(Problem):
            await self.meter.engine.submit(VoidHold(org_id=self.run.org_id, hold_id=self.run.hold_id))


def _begin(org_id: int, thread_id: int, turn_id: int) -> Operation[Run | None]:
    key = {"org_id": org_id, "thread_id": thread_id, "turn_id": turn_id}
    rows = yield Statement(SQL["begin_attempt"], key)
    if not rows:
        return None
    row = rows[0]
    return Run(
        **key,
        attempt=row["attempt"],
        earlier_hold=row["earlier_hold"],
        question=row["question"],
        model=row["model"],
        place=Place(org_id=org_id, project_id=row["project_id"], user_id=row["user_id"] or 0),
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
        history=(yield from said_before(org_id, thread_id, turn_id)),
        stop_asked=row["stop_asked"],
        kept=Answered(answer=row["answer"], facts=row["facts"], sources=SOURCES.decode(row["sources"])),
    )


def _name_hold(run: Run) -> Operation[None]:
    if not (yield Statement(SQL["name_hold"], {**run.key, "hold_id": run.hold_id})):
        raise Superseded


def _finish(run: Run, end: End) -> Operation[None]:
    """A turn that was deleted meanwhile is not there to be finished, and that is all right."""
    answered = bool(end.answered.answer.strip()) and end.ending != "switched_off"
    answered = answered or end.ending in ("stopped", "facts_only")
    yield Statement(
        SQL["finish"],
        {
            **run.key,
            **columns(end.answered),
            "state": "answered" if answered else "failed",
            "charged": end.charged,
            "receipt": end.receipt,
            "ending": end.ending,
            "error": end.error,
        },
    )
