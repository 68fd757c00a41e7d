"""Why metering says no before the ledger is asked, or ends a call early.

Problem
├── TooManyOpenCalls   one user has too many calls in flight (facts: `limit`)
├── AlreadyCalled      the id was used for an earlier call; the model is not called twice (fact: `hold_id`)
└── CutOff             the call took too long or the server stopped, while the model was answering
"""

from testkase.core.ledger.refusals import AiDisabled
from testkase.foundation.problems import Conflict, Problem

SWITCHED_OFF = "AI was switched off before the model had finished. Nothing was charged."


class TooManyOpenCalls(Problem):
    """Facts: `limit`, calls one user may have open at once."""

    code = "too_many_open_calls"
    title = "Too many calls at once"


class AlreadyCalled(Conflict):
    """Facts: `hold_id`, the hold of the first call, where its charge can be read."""

    code = "already_called"
    title = "This call was already made"


class CutOff(Problem):
    """The answer was ended before the model had finished."""

    code = "cut_off"
    title = "The answer was cut off"


def switched_off() -> AiDisabled:
    """Why a running call ends when the Owner switches AI off (R60): its hold is void, so it costs nothing."""
    return AiDisabled(SWITCHED_OFF)
