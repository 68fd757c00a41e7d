"""A request as the handlers read it: its fields checked one by one, refused in Razorpay's words."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from razorpay_simulator.errors import Refusal, unknown_id
from razorpay_simulator.simulator import Simulator

_MOST_NOTES, _LONGEST_NOTE, _MOST_ON_A_PAGE, _ON_A_PAGE = 15, 256, 100, 10
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
R = TypeVar("R")


class Listed(Protocol):
    """What a list can hold: the time of making and the shape to show."""

    created_at: int

    def entity(self) -> dict[str, Any]: ...


L = TypeVar("L", bound=Listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`ids` are the parts of the path, in order."""

    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def only(self, *known: str) -> None:
        """Raises Refusal for a field that does not belong here."""
        extra = [name for name in self.body if name not in known]
        if extra:
            names = ", ".join(extra)
            raise Refusal(f"{names} is/are not required and should not be sent", reason="extra_field_sent")


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the API and what answers it."""

    method: str
    path: str
    answer: Callable[[Simulator, Call], Any]

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(_PLACEHOLDER.sub("([^/]+)", self.path))


def found(sim: Simulator, kind: type[R], record_id: str) -> R:
    """Raises Refusal: the id provided does not exist."""
    record = sim.store.get(kind, record_id)
    if record is None:
        raise unknown_id()
    return record


def text(body: Mapping[str, Any], name: str, *, longest: int = 2048) -> str | None:
    """Raises Refusal for what is no text, or too long."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(f"The {name} must be a string.", field=name)
    if len(value) > longest:
        raise Refusal(f"The {name} may not be greater than {longest} characters.", field=name)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """True for true, 1 and their texts."""
    return body.get(name) in (True, 1, "1", "true")


def choice(body: Mapping[str, Any], name: str, known: Collection[str], default: str) -> str:
    value = body.get(name, default)
    if value not in known:
        raise Refusal(f"The selected {name} is invalid.", field=name)
    return str(value)


def notes(body: Mapping[str, Any]) -> dict[str, str]:
    """At most 15, of at most 256 characters; an empty list means none, as it does in answers."""
    value = body.get("notes") or {}
    if not isinstance(value, Mapping):
        raise Refusal("The notes must be an object.", field="notes")
    if len(value) > _MOST_NOTES:
        raise Refusal(f"Number of fields in notes should be less than or equal to {_MOST_NOTES}", field="notes")
    for key, note in value.items():
        if isinstance(note, list | dict) or len(str(note)) > _LONGEST_NOTE or len(key) > _LONGEST_NOTE:
            raise Refusal(f"A note is a text of at most {_LONGEST_NOTE} characters.", field="notes")
    return {key: str(note) for key, note in value.items()}


def collection(items: Iterable[L], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of a list, newest first: `from`, `to`, `count` and `skip`."""
    since, until = _number(query, "from", 0), _number(query, "to", 2**62)
    count, skip = _number(query, "count", _ON_A_PAGE), _number(query, "skip", 0)
    if not 1 <= count <= _MOST_ON_A_PAGE:
        raise Refusal(f"The count must be between 1 and {_MOST_ON_A_PAGE}.", field="count")
    within = [item for item in items if since <= item.created_at <= until]
    within.reverse()
    return listed(within[skip : skip + count])


def listed(items: Iterable[Listed]) -> dict[str, Any]:
    """All of them, unpaged."""
    shown = [item.entity() for item in items]
    return {"entity": "collection", "count": len(shown), "items": shown}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name)
    if value is None or value == "":
        return default
    if not (value.isascii() and value.isdigit()):
        raise Refusal(f"The {name} must be an integer.", field=name)
    return int(value)
