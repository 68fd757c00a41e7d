"""Parts of a hold that were told and to which no answer came: charged or not, nobody here knows yet."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from testkase_client.answers.holds import Settlement
from testkase_client.exchange import Steps, Wire
from testkase_client.problems import CaptureUnknown, Problem, is_undecided
from testkase_client.request import Request


class Captures:
    """Remembers each part until its outcome is known, so that repeating it is the same request and charged once."""

    def __init__(self) -> None:
        self._unknown: dict[str, Request[Settlement]] = {}
        self._on_the_way: dict[str, Request[Settlement]] = {}

    def __iter__(self) -> Iterator[Request[Settlement]]:
        return iter((*self._unknown.values(), *self._on_the_way.values()))

    def repeated(self, asked: Request[Settlement]) -> Request[Settlement]:
        """The request to send where the caller named no id: the part that was told before, if it is the same. One that
        is still on its way is another's, told beside this one.

        Another amount raises CaptureUnknown. It may be a new part, or the same one corrected, and only the caller
        knows: as a new part it could charge twice, under the old id it would be refused if the first was charged.
        """
        for before in tuple(self._unknown.values()):
            if _what(before) == _what(asked):
                return before
        if self._unknown:
            raise _unknown(next(iter(self._unknown)))
        return asked

    def send(self, wire: Wire, request: Request[Settlement]) -> Steps[Settlement]:
        """The part's answer. Raises Problem."""
        capture_id = request.body["capture_id"]
        self._unknown.pop(capture_id, None)
        self._on_the_way[capture_id] = request
        try:
            return (yield from wire.exchange(request))
        except BaseException as fault:  # GeneratorExit too: whoever is cancelled meanwhile knows nothing either
            if not isinstance(fault, Problem) or is_undecided(fault):
                self._unknown[capture_id] = request
            raise
        finally:
            self._on_the_way.pop(capture_id, None)


def _what(request: Request[Settlement]) -> dict[str, Any]:
    """What makes two parts the same: all but the id. Equal amounts are, however they are written."""
    told = {name: value for name, value in request.body.items() if name != "capture_id"}
    try:
        return told | ({"credits": Decimal(told["credits"])} if "credits" in told else {})
    except InvalidOperation:
        return told


def _unknown(capture_id: str) -> CaptureUnknown:
    return CaptureUnknown(
        "A part of this hold was told and no answer came: whether it was charged is unknown.",
        code="capture_unknown", status=0, facts={"capture_id": capture_id},
        next="Repeat that part with the same amount, or name a capture_id for one that is charged beside it.",
    )  # fmt: skip
