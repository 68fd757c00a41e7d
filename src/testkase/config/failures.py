"""Why the product cannot start, in one sentence a person can act on."""

from testkase.foundation.problems import Problem


class CannotStart(Problem):
    """Something outside the program must be changed first; the detail says what."""

    code = "cannot_start"
    title = "TestKase cannot start"
