"""Why metering says no before the ledger is asked, or ends a call early.

Problem
├── TooManyOpenCalls   one user has too many calls in flight (facts: `limit`)
├── AlreadyCalled      the id was used for an earlier call; the model is not called twice (fact: `hold_id`)
└── CutOff             AI was switched off, or the call took too long, while the model was answering
"""

from testkase.foundation.problems import Conflict, Problem


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
