"""The nouns: Scope, Budget, Pause. Amounts are micro-credits and instants microseconds UTC, as all over the ledger."""

from typing import Literal

import msgspec

from testkase.core.ledger.model import Subject
from testkase.foundation.text import sentence

Period = Literal["day", "week", "month"]
"""A calendar day, a week from Monday, or the billing month: each in the billing zone."""

PauseKind = Literal["user", "use_case"]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls count: those that have every part that is given. None given: every call of the organization."""

    project: str | None = None
    user: str | None = None
    use_case: str | None = None

    def covers(self, subject: Subject) -> bool:
        return (
            (self.user is None or self.user == subject.user)
            and (self.use_case is None or self.use_case == subject.use_case)
            and (self.project is None or self.project == subject.project)
        )


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on what its scope may use in a period, and how much of the period's limit is gone.

    `held` is the sum of the open holds in its scope, `used` what was charged there since `period_start`. A budget that
    nobody touched since its period ended still shows that period: `periods.at` tells how it stands at an instant.
    """

    org_id: int
    budget_id: str
    name: str
    scope: Scope
    period: Period
    limit: int
    extra: int = 0
    """What was added to the limit for this period only."""
    period_start: int
    period_end: int
    used: int = 0
    held: int = 0

    @property
    def allowed(self) -> int:
        """The limit of this period."""
        return self.limit + self.extra

    @property
    def left(self) -> int:
        """What can still be held. Below zero where a call overran its hold, or the limit was lowered."""
        return self.allowed - self.used - self.held

    @property
    def shown_left(self) -> int:
        """The same for people, to whom less than nothing is nothing."""
        return max(0, self.left)


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """New calls of one user or one use case are refused until somebody resumes them.

    `burned` is what went through in the minutes before, `usual` what the busiest such minutes were until then; both 0
    where a person paused.
    """

    org_id: int
    kind: PauseKind
    ref: str
    reason: str
    burned: int = 0
    usual: int = 0
    paused_at: int
    resumed_at: int | None = None

    @property
    def because(self) -> str:
        """The reason as a sentence, since others follow it: programs end theirs as they like."""
        return sentence(self.reason)
