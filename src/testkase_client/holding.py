"""A hold around a call: opened on entering, settled inside, and given back by leaving where nobody settled it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

import anyio
import httpx

from testkase_client.amounts import Amount, amount_text
from testkase_client.answers.holds import Extension, Measurement, OpenedHold, Outcome, Release, Settlement, Tokens
from testkase_client.captures import Captures
from testkase_client.driving import Async, Connections, Driver, Planned, Sync, bound, method
from testkase_client.exchange import Steps, Wire
from testkase_client.problems import HoldResolved, Problem, is_undecided
from testkase_client.request import Request
from testkase_client.requests import holds

P = ParamSpec("P")
H = TypeVar("H", bound="Holding")

TTL_SECONDS = 300
"""How long a hold lives where nothing else is said."""


class Holding(Driver):
    """What both kinds of hold share. Leaving without `settle` voids. What `used` has told is settled instead, and so is
    what `settle` told without an answer."""

    def __init__(self, wire: Wire, opening: Request[OpenedHold]) -> None:
        self.wire = wire
        self.id: str = opening.body["id"]
        """Made before anything is sent."""
        self.opened: OpenedHold | None = None
        self.settlement: Settlement | None = None
        """Once it is settled in full."""
        self.expires_at: datetime | None = None
        self._opening = opening
        self._resolved = False
        self._told: dict[str, Any] | None = None
        self._captures = Captures()

    @property
    def amount(self) -> Decimal:
        """What was set aside. Raises RuntimeError before it was."""
        if self.opened is None:
            raise RuntimeError("the hold is opened by `with`")
        return self.opened.amount

    @property
    def receipt(self) -> str | None:
        """The number of the charge's receipt: `call_receipt(hold.receipt)`."""
        return self.settlement.receipt if self.settlement else None

    def used(self, *, usage: Tokens | None = None, credits: Amount | None = None) -> None:
        """Tell what was used so far, beside the parts that were settled; nothing is sent. An exception then settles it
        as cancelled, instead of voiding."""
        if (usage is None) == (credits is None):
            raise ValueError("give either usage or credits")
        self._told = {"usage": usage, "credits": None if credits is None else amount_text(credits)}

    def _settle(
        self,
        *,
        usage: Tokens | None = None,
        credits: Amount | None = None,
        outcome: Outcome = "completed",
        measurement: Measurement = "exact",
        final: bool = True,
        capture_id: str | None = None,
    ) -> Steps[Settlement]:
        """Charge what was used and release the rest; `final=False` charges a part and leaves the rest held.

        Every part has a `capture_id`, which is made where none is named. One to which no answer came keeps its id:
        called again with the same input it is the same part, charged once, and leaving the block repeats it. Until then
        another part raises CaptureUnknown, for it could be that one corrected, unless its `capture_id` says that it is
        new.
        """
        settling = holds.settle_hold(
            self.id, usage=usage, credits=credits, outcome=outcome, measurement=measurement, final=final,
            capture_id=capture_id,
        )  # fmt: skip
        if not final:
            part = self._captures.repeated(settling) if capture_id is None else settling
            return (yield from self._captures.send(self.wire, part))
        before = self._told
        self._told = {"usage": usage, "credits": credits, "outcome": outcome, "measurement": measurement}
        try:
            self.settlement = yield from self.wire.exchange(settling)
        except Problem as problem:
            if not is_undecided(problem):  # else nobody may have heard: leaving repeats it
                self._told = before
            raise
        self._resolved = True
        return self.settlement

    def _extend(self, *, ttl_seconds: int = TTL_SECONDS, credits: Amount | None = None) -> Steps[Extension]:
        """Live `ttl_seconds` from now, and grow by `credits`."""
        found = yield from self.wire.exchange(holds.extend_hold(self.id, ttl_seconds=ttl_seconds, credits=credits))
        self.expires_at = found.expires_at
        return found

    def _void(self) -> Steps[Release]:
        """Release everything."""
        found = yield from self.wire.exchange(holds.void_hold(self.id))
        self._resolved = True
        return found

    settle = Planned(_settle)
    extend = Planned(_extend)
    void = Planned(_void)

    def _enter(self) -> Steps[None]:
        self.opened = yield from self.wire.exchange(self._opening)
        self.expires_at = self.opened.expires_at
        if self.opened.replayed:  # that was how it began: since then it may have been resolved
            yield from self._extend(ttl_seconds=self._opening.body.get("ttl_seconds", TTL_SECONDS))

    def _leave(self, fault: BaseException | None) -> Steps[None]:
        """What the block raised is never replaced by trouble in here: a hold nobody resolved lapses by itself."""
        if self._resolved:
            return
        # Whoever is on the way out is not kept for minutes: the hold lapses by itself.
        parts = tuple(self._captures)
        hasty = replace(self.wire, retries=self.wire.retries if fault is None else min(1, self.wire.retries))
        try:
            for part in parts:
                yield from self._captures.send(hasty, part)
            if self._told is None:
                yield from hasty.exchange(holds.void_hold(self.id))
            else:
                ended = {} if fault is None else {"outcome": "cancelled", "measurement": "partial"}
                yield from self._settle(**(ended | self._told))
        except HoldResolved as trouble:
            if parts or self._told is not None:
                if fault is None:
                    raise
                fault.add_note(f"What was used of the hold {self.id} could not be charged: {trouble}")
        except Exception as trouble:
            if fault is None:
                raise
            fault.add_note(f"The hold {self.id} could not be given back and lapses by itself: {trouble}")


class Hold(Holding, Sync):
    """`with client.hold(…) as hold`."""

    def __init__(
        self, wire: Wire, connections: Connections[httpx.Client], opening: Request[OpenedHold]
    ) -> None:  # fmt: skip
        super().__init__(wire, opening)
        self.connections = connections

    def __enter__(self) -> Self:
        self.run(self._enter())
        return self

    def __exit__(self, kind: object, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.run(self._leave(fault))


class AsyncHold(Holding, Async):
    """`async with client.hold(…) as hold`."""

    def __init__(
        self, wire: Wire, connections: Connections[httpx.AsyncClient], opening: Request[OpenedHold]
    ) -> None:  # fmt: skip
        super().__init__(wire, opening)
        self.connections = connections

    async def __aenter__(self) -> Self:
        await self.run(self._enter())
        return self

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: TracebackType | None) -> None:
        # A task is cancelled once; in a cancelled scope of anyio every await is, this one too. So Starlette and
        # FastAPI end streams whose readers hung up, and what those had used was free.
        with anyio.CancelScope(shield=True):
            await self.run(self._leave(fault))


class Around(Generic[P, H]):
    """The method of a client that makes holds: a context manager with the parameters of the request that opens it."""

    def __init__(
        self,
        request: Callable[P, Request[OpenedHold]],
        kind: Callable[[Wire, Connections[Any], Request[OpenedHold]], H],
    ) -> None:
        def hold(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> H:
            return kind(client.wire, client.connections, request(*args, **kwargs))

        self._does = method(request, hold)

    def __get__(self, client: Any, owner: type) -> Callable[P, H]:
        return bound(self._does, client)
