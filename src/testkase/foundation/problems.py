"""Errors a caller can act on.

    Problem
    ├── InvalidInput        a field is missing, malformed or out of range
    ├── NotFound            nothing there, or nothing of yours there: the two answer alike
    ├── Forbidden           known, but not allowed
    ├── Conflict            the id was used before with another input, or the thing is in another state
    └── Unavailable         try again with the same id; it may or may not have happened

A problem carries a stable `code`, a sentence for people and the facts as fields. It knows nothing of HTTP: each
entrypoint chooses the status in one table of its own.
"""

from typing import Any, ClassVar


class Problem(Exception):  # noqa: N818 - the name RFC 9457 gives it
    """Something the caller can understand and act on."""

    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "The request could not be carried out"

    def __init__(self, detail: str, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts = facts


class InvalidInput(Problem):
    """A field is missing, malformed or out of range."""

    code = "invalid_input"
    title = "The request is not valid"


class NotFound(Problem):
    """Nothing of that name is visible to the caller."""

    code = "not_found"
    title = "Not found"


class Forbidden(Problem):
    """The caller is known but may not do this."""

    code = "forbidden"
    title = "Not allowed"


class Conflict(Problem):
    """The request contradicts what has already happened."""

    code = "conflict"
    title = "Conflict with what already happened"


class Unavailable(Problem):
    """The outcome is unknown or the service is busy: repeat the call with the same id."""

    code = "unavailable"
    title = "Try again with the same id"
