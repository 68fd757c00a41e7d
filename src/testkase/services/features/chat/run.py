"""The job: one question from asking to answer, under one hold, with one row of usage (features/running).

A run after one that was killed begins the answer anew.
"""

from typing import TYPE_CHECKING

import msgspec

from testkase.core.ledger.model import Subject
from testkase.core.ledger.refusals import AiDisabled
from testkase.foundation.database import Database, Operation, Statement
from testkase.foundation.problems import Problem
from testkase.services.features.chat.answering import answer_large, answer_small
from testkase.services.features.chat.estimate import size_of
from testkase.services.features.chat.model import USE_CASE, Ending
from testkase.services.features.chat.operations import SOURCES, SQL, said_before
from testkase.services.features.chat.progress import Answered, Cue, Reporter, columns
from testkase.services.features.chat.prompting import Said
from testkase.services.features.chat.tools.access import must_be_allowed
from testkase.services.features.chat.tools.calling import Desk
from testkase.services.features.chat.tools.model import Place
from testkase.services.features.running import job
from testkase.services.features.running.carrying_out import carry_out
from testkase.services.features.running.job import Attempt, Most, Superseded, Worked
from testkase.services.inference import Catalog, ModelEntry
from testkase.services.metering.problems import CutOff

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

NO_ANSWER = "The model did not answer. Nothing was charged; please ask again."


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one answer."""

    attempt: Attempt
    thread_id: int
    turn_id: int
    question: str
    place: Place
    history: tuple[Said, ...]
    stop_asked: bool
    kept: Answered
    """What an earlier attempt had written down."""

    @property
    def org_id(self) -> int:
        return self.attempt.org_id

    @property
    def key(self) -> dict[str, int]:
        return {
            "org_id": self.org_id, "thread_id": self.thread_id, "turn_id": self.turn_id,
            "attempt": self.attempt.number,
        }  # fmt: skip


async def run_turn(org_id: int, thread_id: int, turn_id: int, meter: "Meter", database: Database) -> None:
    """Answer a queued or interrupted question; nothing to do when it has its answer or is gone. Raises as `carry_out`
    does."""
    run = await database.run(_begin(org_id, thread_id, turn_id), org_id=org_id)
    if run is not None:
        await carry_out(_Answering(run, meter.catalog, database), meter, database)


class _Answering:
    """A turn as a job: the model at work, and what may end it early."""

    def __init__(self, run: Run, catalog: Catalog, database: Database) -> None:
        self.attempt = run.attempt
        self._run, self._catalog = run, catalog
        self._entry: ModelEntry
        self._interaction: Interaction
        self._desk = Desk(database, run.place)
        self._report = Reporter(database, run.key, self._cued, written=run.kept)
        self._cue: Cue | None = None
        self._ending: Ending = ""
        self._answered = run.kept
        """What the turn ends with: of an earlier run that was charged, what that one had written."""

    def allowed(self) -> Operation[None]:
        self._answered = Answered()
        return must_be_allowed(self._run.place)

    async def prepare(self) -> Most | None:
        if self._run.stop_asked:
            self._ending = "stopped"
            return None
        self._entry = self._catalog.find(self.attempt.model)
        return size_of(self._entry, self._run.history, self._run.question)

    def name_hold(self) -> Operation[bool]:
        return bool((yield Statement(SQL["name_hold"], {**self._run.key, "hold_id": self.attempt.hold_id})))

    async def work(self, interaction: "Interaction") -> Worked:
        """What was written until it ended stays, and is charged as the settlement says."""
        self._interaction = interaction
        self._report.begin()
        error: str | None = None
        try:
            error = await self._call_model() or None
            self._ending = "facts_only" if error else ""
        except AiDisabled as refusal:
            error, self._ending = refusal.detail, "switched_off"
        except Problem as problem:
            error = problem.detail
        finally:
            stopped = self._cue  # a Stop that comes once the answer is complete changes nothing
            await self._report.end()
        if self._cue == "superseded":
            raise Superseded
        if stopped and not self._ending:
            error, self._ending = None, "stopped"
        self._answered = msgspec.structs.replace(self._report.now, doing="")
        useless = not self._answered.answer.strip() and self._ending not in ("stopped", "facts_only")
        return Worked(error=error or (NO_ANSWER if useless else None), useless=useless)

    def finish(self, ending: job.Ending) -> Operation[None]:
        """A turn that was deleted meanwhile is not there to be finished, and that is all right."""
        how: Ending = "switched_off" if ending.switched_off else self._ending
        spoken = bool(self._answered.answer.strip()) and how != "switched_off"
        values = {
            "state": "answered" if spoken or how in ("stopped", "facts_only") else "failed",
            "charged": ending.charged,
            "receipt": ending.receipt,
            "ending": how,
            "error": ending.error,
        }
        yield Statement(SQL["finish"], {**self._run.key, **columns(self._answered), **values})

    async def _call_model(self) -> str:
        """Why the answer is what was looked up and nothing else; "" where the model has answered."""
        run = self._run
        if self._entry.small:
            return await answer_small(
                run.org_id, run.question, desk=self._desk, interaction=self._interaction, report=self._report
            )
        await answer_large(
            self._entry, self.attempt.subject.project or "", run.history, run.question, desk=self._desk,
            interaction=self._interaction, report=self._report,
        )  # fmt: skip
        return ""

    def _cued(self, cue: Cue) -> None:
        """Somebody pressed Stop, deleted the chat, or another run has begun: cut the model off, which ends the reading
        of its answer. Nobody leaves, so that an answer of which nothing had come is free."""
        self._cue = cue
        self._interaction.abort(CutOff("The answer was stopped."))


def _begin(org_id: int, thread_id: int, turn_id: int) -> Operation[Run | None]:
    key = {"org_id": org_id, "thread_id": thread_id, "turn_id": turn_id}
    rows = yield Statement(SQL["begin_attempt"], key)
    if not rows:
        return None
    row = rows[0]
    attempt = Attempt(
        org_id=org_id,
        name=f"chat-{turn_id}",
        number=row["attempt"],
        earlier_hold=row["earlier_hold"],
        subject=Subject(use_case=USE_CASE, user=row["user_ref"], project=row["project_ref"]),
        model=row["model"],
    )
    return Run(
        attempt=attempt,
        thread_id=thread_id,
        turn_id=turn_id,
        question=row["question"],
        place=Place(org_id=org_id, project_id=row["project_id"], user_id=row["user_id"] or 0),
        history=(yield from said_before(org_id, thread_id, turn_id)),
        stop_asked=row["stop_asked"],
        kept=Answered(answer=row["answer"], facts=row["facts"], sources=SOURCES.decode(row["sources"])),
    )
