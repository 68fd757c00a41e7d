"""Why the ledger says no. A refusal changes nothing (I6) and says what would help.

Problem
├── InsufficientCredits   what is available does not cover the amount
├── AiDisabled            the Owner has switched AI off
├── Indebted              a claw-back left a debt that must be covered first
├── HoldNotFound          no such hold in this organization
├── HoldResolved          the hold was already settled, voided or lapsed
├── IdReused              the id was used before with another input
├── NoTerms               tokens cannot be priced: the hold was opened without a model
├── AccountNotFound       the organization has no account
└── InvalidCommand        an amount or time outside what the ledger accepts
"""

from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem


class InsufficientCredits(Problem):
    """Facts: `available` and `needed`, micro-credits."""

    code = "insufficient_credits"
    title = "Not enough credits"


class Indebted(InsufficientCredits):
    """Facts: `debt`, micro-credits."""

    code = "debt_outstanding"
    title = "A debt must be covered first"


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
