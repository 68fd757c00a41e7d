"""What two engines of one machine say to each other: commands one way, their outcomes the other.

A message is a list in JSON, which has integers of any size, with its length before it. Both sides run the same code
(neighbours.py sees to it): there are no versions. A message without commands asks whether somebody is there, and is
answered in kind.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Union

import msgspec

from testkase.core.ledger import commands as ask
from testkase.core.ledger import refusals
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.model import Entry
from testkase.core.ledger.operations import Answer, Outcome
from testkase.foundation import problems
from testkase.foundation.problems import Problem

LARGEST = 64 * 1024 * 1024
"""Bytes of one message. Nobody of ours sends as much."""

COMMANDS = tuple(
    kind
    for module in (ask, limit)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, ask.Command) and not kind.__subclasses__()
)
"""All that can be asked of the ledger."""

_PROBLEMS = {
    kind.__name__: kind
    for module in (problems, refusals)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Problem)
}


class _Refused(msgspec.Struct, frozen=True, array_like=True, gc=False):
    kind: str
    detail: str
    field: str | None
    facts: dict[str, Any]


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The outcome of one command, by the number under which it was asked. Of neither an entry nor a refusal: it was not
    taken, and nothing of it has happened."""

    number: int
    entry: Entry | None = None
    replayed: bool = False
    refused: _Refused | None = None

    @classmethod
    def of(cls, number: int, outcome: Outcome) -> "Told":
        if isinstance(outcome, Answer):
            return cls(number, outcome.entry, outcome.replayed)
        refused = _Refused(type(outcome).__name__, outcome.detail, outcome.field, outcome.facts)
        return cls(number, refused=refused)

    @property
    def outcome(self) -> Outcome | None:
        """None: it was not taken."""
        if self.entry is not None:
            return Answer(entry=self.entry, replayed=self.replayed)
        if (no := self.refused) is not None and no.kind in _PROBLEMS:
            return _PROBLEMS[no.kind](no.detail, field=no.field, **no.facts)
        return None


Asked = tuple[int, float, ask.Command]
"""A command, the number under which its outcome is wanted, and since when (time.monotonic, which is the machine's)."""

_encode = msgspec.json.Encoder().encode
_asked = msgspec.json.Decoder(list[tuple[int, float, Union[COMMANDS]]])  # type: ignore[valid-type]  # noqa: UP007
_told = msgspec.json.Decoder(list[Told])


def encoded(one: Asked | Told) -> msgspec.Raw:
    """For `message`. Raises TypeError or ValueError for what cannot be said."""
    return msgspec.Raw(_encode(one))


def message(parts: Sequence[msgspec.Raw]) -> bytes:
    content = _encode(parts)
    return len(content).to_bytes(4, "big") + content


def asked_in(content: bytes) -> list[Asked]:
    """Raises msgspec.MsgspecError."""
    found: list[Asked] = _asked.decode(content)
    return found


def told_in(content: bytes) -> list[Told]:
    """Raises msgspec.MsgspecError."""
    return _told.decode(content)


class Messages:
    """Cuts what a connection brings into messages."""

    def __init__(self) -> None:
        self._come = bytearray()

    def of(self, data: bytes) -> Iterator[bytes]:
        """The contents of those that are complete now. Raises msgspec.MsgspecError for one that is too large."""
        come = self._come
        come += data
        begin = 0
        while len(come) - begin >= 4:
            end = begin + 4 + int.from_bytes(come[begin : begin + 4], "big")
            if end - begin > LARGEST:
                raise msgspec.DecodeError("a message is too large")
            if len(come) < end:
                break
            yield bytes(come[begin + 4 : end])
            begin = end
        del come[:begin]
