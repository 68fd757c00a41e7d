"""The demo organization in every state its AI can be in, and its member in every place of a project.

    organization = StatedOrganization(database)
    with organization.state("a budget at its limit"):
        ...  # the ledger refuses what costs anything

States are made with the ledger's own commands, and undone at the end of the block.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from testkase.core.ledger.commands import Adjust, Grant, RecordUsage, Reverse, SwitchAi
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.limits.commands import Pause, RemoveBudget, Resume, SetBudget
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.queries import Balance, balance
from testkase.core.ledger.refusals import NotPaused
from testkase.foundation.database import Operation, Statement, SyncDatabase
from testkase.foundation.ids import new_id
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.history import History
from testkase.services.features.reports.model import Narrative
from testkase.services.workspace.model import CaseContent, Step

ON = "on"
OFF = "off"
EMPTY = "zero balance"
LIMITED = "a budget at its limit"
PAUSED = "paused"
INDEBTED = "a debt"

FEATURES = ("test_generation", "chat", "report")
BUDGET = "Everybody, monthly"
REASON = "Far more was used in ten minutes than ever in a week."
_PLACE = "UPDATE project_member SET role = %(role)s, may_generate = %(may_generate)s WHERE org_id = %(org_id)s"
_THREAD = """
INSERT INTO chat_thread (org_id, project_id, user_id, user_ref, title)
SELECT p.org_id, p.project_id, u.id, u.ref, %(question)s
FROM project AS p JOIN app_user AS u ON u.email = %(email)s WHERE p.org_id = %(org_id)s AND p.key = 'SHOP'
RETURNING thread_id, project_id, user_id, user_ref
"""
_TURN = """
INSERT INTO chat_turn (org_id, thread_id, project_id, project_ref, user_id, user_ref, question, model, state, answer,
                       charged, finished_at)
VALUES (%(org_id)s, %(thread_id)s, %(project_id)s, 'SHOP', %(user_id)s, %(user_ref)s, %(question)s, 'testkase-demo',
        'answered', %(answer)s, 20000, now())
"""
_GENERATION = """
INSERT INTO generation (org_id, project_id, user_ref, project_ref, requirement, options, state, charged, finished_at)
SELECT org_id, project_id, %(email)s, key, 'Accounts are locked for 30 minutes.', '{"model": "testkase-demo"}',
       'succeeded', 1240000, now()
FROM project WHERE org_id = %(org_id)s AND key = 'SHOP' RETURNING generation_id
"""
_DRAFT = """
INSERT INTO draft_case (org_id, generation_id, position, content)
VALUES (%(org_id)s, %(generation_id)s, 1, %(content)s::jsonb)
"""
_RUN = """
INSERT INTO report_run (org_id, project_id, user_ref, project_ref, options, state, charged, finished_at)
SELECT org_id, project_id, %(email)s, key, '{"model": "testkase-demo", "kinds": ["flaky"]}', 'succeeded', 1240000, now()
FROM project WHERE org_id = %(org_id)s AND key = 'SHOP' RETURNING run_id, project_id
"""
_REPORT = """
INSERT INTO report (org_id, run_id, project_id, kind, model, state, facts, narrative)
VALUES (%(org_id)s, %(run_id)s, %(project_id)s, 'flaky', 'testkase-demo', 'succeeded', %(facts)s::jsonb,
        %(narrative)s::jsonb)
RETURNING report_id
"""
DRAFT = CaseContent(
    title="The account opens again after 30 minutes", steps=(Step(action="Wait.", expected="One can sign in."),)
)
SUMMARY = "Two cases alternate for no reason."
QUESTION = "Which test cases failed in the last cycle?"
ANSWER = "Two failed, both at the checkout."


class StatedOrganization:
    """The demo organization behind a running product."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database
        with database.transaction() as connection:
            row = connection.execute("SELECT id FROM organization").fetchone()
        assert row is not None
        self.org_id = int(row[0])
        self._ids = (f"state-{number}" for number in itertools.count(1))

    def run(self, operation: Operation[Any]) -> Any:
        """One operation in a transaction of its own."""
        return self._database.run(operation, org_id=self.org_id)

    @property
    def balance(self) -> Balance:
        found: Balance = self.run(balance(self.org_id))
        return found

    def place(self, role: str, *, may_generate: bool = False) -> None:
        """Give the demo member another role in the project."""
        facts = {"org_id": self.org_id, "role": role, "may_generate": may_generate}
        self.run(_executed(Statement(_PLACE, facts)))

    def chat_of(self, email: str) -> int:
        """A chat with one answered question."""
        return int(self.run(self._chat(email)))

    def results_of(self, email: str) -> tuple[int, int]:
        """A generation with one undecided draft, and a report."""
        generation, report = self.run(self._results(email))
        return int(generation), int(report)

    @contextmanager
    def state(self, name: str) -> Iterator[None]:
        """The organization in this state."""
        undo = _STATES[name](self)
        try:
            yield
        finally:
            for command in undo:
                with suppress(NotPaused):  # somebody resumed it meanwhile
                    self._do(command)

    def off(self) -> list[Any]:
        self._do(SwitchAi(org_id=self.org_id, switch_id=self._id(), enabled=False))
        return [SwitchAi(org_id=self.org_id, switch_id=self._id(), enabled=True)]

    def empty(self) -> list[Any]:
        available = self._taken()
        return [Grant(org_id=self.org_id, grant_id=self._id(), amount=available)]

    def limited(self) -> list[Any]:
        """What the budget allows is used to the last hundredth."""
        name = new_id("budget")
        limit = SetBudget(
            org_id=self.org_id,
            change_id=name,
            budget_id=name,
            name=BUDGET,
            limit=self.balance.period_used + MICRO,
            period="month",
        )
        self._do(limit)
        self._do(self._use(MICRO))
        return [RemoveBudget(org_id=self.org_id, change_id=f"{name}-gone", budget_id=name)]

    def paused(self) -> list[Any]:
        for feature in FEATURES:
            about = {"kind": "use_case", "ref": feature, "reason": REASON}
            self._do(Pause(org_id=self.org_id, change_id=self._id(), **about))  # type: ignore[arg-type]
        return [Resume(org_id=self.org_id, change_id=self._id(), kind="use_case", ref=name) for name in FEATURES]

    def indebted(self) -> list[Any]:
        """A purchase was spent and its money then taken back."""
        before, grant = self._taken(), self._id()
        self._do(Grant(org_id=self.org_id, grant_id=grant, amount=MICRO, paid=True))
        self._do(self._use(MICRO))
        self._do(Reverse(org_id=self.org_id, reversal_id=self._id(), grant_id=grant, clawed=MICRO))
        return [Grant(org_id=self.org_id, grant_id=self._id(), amount=before + MICRO)]  # covers the debt first

    def _taken(self) -> int:
        """All that is available, taken back. Nobody has used it, so nobody runs away with it."""
        available = self.balance.available
        self._do(Adjust(org_id=self.org_id, adjustment_id=self._id(), amount=-available, note="A state of tests"))
        return available

    def _use(self, amount: int) -> RecordUsage:
        subject = Subject(use_case="nightly", user="bot@example.com")
        return RecordUsage(org_id=self.org_id, usage_id=self._id(), subject=subject, credits=amount)

    def _do(self, command: Any) -> None:
        self.run(execute_one(command))

    def _id(self) -> str:
        return next(self._ids)

    def _chat(self, email: str) -> Operation[int]:
        facts = {"org_id": self.org_id, "email": email, "question": QUESTION, "answer": ANSWER}
        (thread,) = yield Statement(_THREAD, facts)
        yield Statement(_TURN, {**facts, **thread})
        return int(thread["thread_id"])

    def _results(self, email: str) -> Operation[tuple[int, int]]:
        facts = {"org_id": self.org_id, "email": email}
        (generation,) = yield Statement(_GENERATION, facts)
        yield Statement(_DRAFT, {**facts, **generation, "content": msgspec.json.encode(DRAFT).decode()})
        (run,) = yield Statement(_RUN, facts)
        empty = compute("flaky", History(cycles=(), target=None, cases=()))
        written = {
            "facts": msgspec.json.encode(empty).decode(),
            "narrative": msgspec.json.encode(Narrative(summary=SUMMARY, recommendations=())).decode(),
        }
        (report,) = yield Statement(_REPORT, {**facts, **run, **written})
        return generation["generation_id"], report["report_id"]


_STATES: dict[str, Any] = {
    ON: lambda _: [],
    OFF: StatedOrganization.off,
    EMPTY: StatedOrganization.empty,
    LIMITED: StatedOrganization.limited,
    PAUSED: StatedOrganization.paused,
    INDEBTED: StatedOrganization.indebted,
}


def _executed(statement: Statement) -> Operation[None]:
    yield statement
