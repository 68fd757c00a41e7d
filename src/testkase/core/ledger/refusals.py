"""Why the ledger says no. A refusal changes nothing (I6) and says what would help.

Problem
├── InsufficientCredits   what is available does not cover the amount
├── BudgetExceeded        a budget that covers the call leaves less than the amount
├── AiDisabled            the Owner has switched AI off
├── Paused                new calls of this user or use case are paused
├── Indebted              a claw-back left a debt that must be covered first
├── HoldNotFound          no such hold in this organization
├── GrantNotFound         no such grant in this organization
├── BudgetNotFound        no such budget in this organization
├── NotPaused             nothing of that name is paused
├── TooManyPauses         as many users and use cases are paused as can be
├── NotOwed               there is no debt, or not so much
├── HoldResolved          the hold was already settled, voided or lapsed
├── IdReused              the id was used before with another input
├── NoTerms               tokens cannot be priced: the hold was opened without a model
├── AccountNotFound       the organization has no account
└── InvalidCommand        an amount or time outside what the ledger accepts
"""

from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem


class InsufficientCredits(Problem):
    """Facts: `available` and `needed`, micro-credits; `org_id`, for which credits are to be bought."""

    code = "insufficient_credits"
    title = "Not enough credits"


class Indebted(InsufficientCredits):
    """Facts: `debt`, micro-credits; `org_id`."""

    code = "debt_outstanding"
    title = "A debt must be covered first"


class BudgetExceeded(Problem):
    """Facts of the tightest budget, micro-credits and microseconds UTC: `budget_id`, `budget` (its name), `project`,
    `user`, `use_case` (its scope), `period`, `limit`, `used`, `held`, `resets_at`; and `needed`."""

    code = "budget_exceeded"
    title = "A budget is used up"


class Paused(Forbidden):
    """Facts: `kind` (user or use_case), `ref`, `reason`, `paused_at`."""

    code = "paused"
    title = "Paused"


class AiDisabled(Forbidden):
    """AI is switched off for the organization."""

    code = "ai_disabled"
    title = "AI is switched off"


class AccountNotFound(NotFound):
    """The organization has no account."""

    code = "account_not_found"


class HoldNotFound(NotFound):
    """No such hold in this organization."""

    code = "hold_not_found"


class GrantNotFound(NotFound):
    """No such grant in this organization."""

    code = "grant_not_found"


class BudgetNotFound(NotFound):
    """No such budget in this organization."""

    code = "budget_not_found"


class NotPaused(NotFound):
    """Nothing of that name is paused in this organization."""

    code = "not_paused"


class TooManyPauses(Conflict):
    """As many users and use cases are paused in this organization as can be at once."""

    code = "too_many_pauses"
    title = "Too much is paused"


class NotOwed(Conflict):
    """Facts: `debt`, micro-credits."""

    code = "not_owed"
    title = "So much is not owed"


class HoldResolved(Conflict):
    """Facts: `state` (settled, voided or lapsed)."""

    code = "hold_resolved"
    title = "The hold is already resolved"


class IdReused(Conflict):
    """The same id came before with another input."""

    code = "id_reused"
    title = "The id was already used with another input"


class NoTerms(InvalidInput):
    """Tokens cannot be priced because the hold names no model."""

    code = "no_rate"


class InvalidCommand(InvalidInput):
    """An amount or a time outside what the ledger accepts."""

    code = "invalid_command"
