"""What the handlers of /_sim work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from razorpay_simulator.api.call import Call, Route
from razorpay_simulator.errors import Refusal
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True)
class Desk:
    """The simulator and its sender of webhooks."""

    sim: Simulator
    dispatcher: Dispatcher


Answer = Callable[[Desk, Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class DeskRoute:
    """An address under /_sim."""

    method: str
    path: str
    answer: Answer

    def ids(self, method: str, path: str) -> tuple[str, ...] | None:
        """The ids in a path that is this one; None when it is another."""
        if method != self.method:
            return None
        match = Route(self.method, self.path, lambda sim, call: None).pattern.fullmatch(path)
        return match.groups() if match else None


def whole(call: Call, name: str) -> int | None:
    """Raises Refusal for what is no whole number."""
    value = call.body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Refusal(f"The {name} must be an integer.", field=name)
    return value
