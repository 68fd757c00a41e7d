"""One user-triggered request to AI: one hold, any number of model calls, one settlement, one row of the usage table."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from testkase.core.ledger.commands import ExtendHold
from testkase.core.ledger.refusals import HoldNotFound, HoldResolved
from testkase.core.ledger.terms import price_ceiling
from testkase.foundation.problems import Problem
from testkase.foundation.tracing import span
from testkase.services.live import Pulse
from testkase.services.metering.attempts import Attempt, Failed, fallbacks
from testkase.services.metering.background import in_background
from testkase.services.metering.call import MeteredCall
from testkase.services.metering.charge import FREE, NOTHING, Charge, charge_for_all
from testkase.services.metering.problems import switched_off
from testkase.services.metering.request import Bounds
from testkase.services.metering.settle import OpenedHold, Settlement, settle

if TYPE_CHECKING:
    from testkase.services.metering.meter import Meter

log = logging.getLogger(__name__)


class Interaction:
    """Opened by `Meter.open`; settles when its `async with` block is left, however it is left."""

    def __init__(
        self,
        meter: "Meter",
        hold: OpenedHold,
        *,
        opened_seq: int,
        on_settled: Callable[["Interaction"], None],
    ) -> None:
        self.hold = hold
        self.settlement: Settlement | None = None
        """How it ended in the ledger; set once it has."""
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Settlement] = loop.create_future()
        """Resolves when the ledger has been told."""
        self._meter = meter
        self._opened_seq = opened_seq
        self._on_settled = on_settled
        self._calls: list[MeteredCall] = []
        self._page = meter.keeper.take(hold, opened_seq) if meter.keeper is not None else None
        self._answering = ""
        self._held = hold.amount
        self._input_tokens = self._output_tokens = 0
        self._extensions = 0
        self._failed = False
        self._revoked: Problem | None = None
        self._switched_off = False
        self._closing: asyncio.Task[Settlement] | None = None
        self._timer = loop.call_later(meter.policy.renew_every_seconds, self._renew_soon)
        self._unwatch = meter.watcher.watch(hold.org_id, self._look) if meter.watcher else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @asynccontextmanager
    async def call(
        self, body: Mapping[str, Any], *, stream: bool, bounds: Bounds | None = None
    ) -> AsyncIterator[MeteredCall]:
        """Send one request to the model, clamped to the hold, which grows first where it would not cover the request.

        `bounds` says that `Meter.clamp` has clamped `body` already. Raises InsufficientCredits when the balance does
        not allow the growth, and the provider's Problem when it refuses.
        """
        if bounds is None:
            body, bounds = self._meter.clamp(self._model, body)
        await self._cover(bounds)
        if self._revoked is not None:
            raise self._revoked
        metered = MeteredCall(
            self._attempts(body, bounds, stream=stream),
            stream=stream,
            policy=self._meter.policy,
            drains=self._meter.drains,
            page=self._page if not self._calls else None,
        )
        self._calls.append(metered)
        async with metered:
            self._answering = metered.answering.entry.name
            yield metered

    def _attempts(self, body: Mapping[str, Any], bounds: Bounds, *, stream: bool) -> list[Attempt]:
        """The model the hold was opened for and those it may fall back to; the one that answered last comes first, so
        that a provider that is down is not asked again for every call."""
        meter, catalog = self._meter, self._meter.catalog
        upstream = catalog.open(self._model, body, stream=stream)
        first = Attempt(entry=catalog.find(self._model), upstream=upstream, bounds=bounds)
        others = fallbacks(catalog, first, self.hold.terms, meter.terms, body, stream=stream)
        return sorted([first, *others], key=lambda attempt: attempt.entry.name != self._answering)

    @property
    def failures(self) -> list[Failed]:
        """Models that were asked and failed before another answered, or before the last of them failed too."""
        return [failure for call in self._calls for failure in call.failed]

    def fail(self) -> None:
        """What came back was of no use: the interaction is recorded and costs nothing (B10)."""
        self._failed = True

    def abort(self, reason: Problem) -> None:
        """Cut every call in flight off; what was delivered is charged, unless the hold was voided."""
        self._revoked = reason
        for call in self._calls:
            call.abort(reason)

    def settle_soon(self) -> "asyncio.Task[Settlement]":
        """Begin to settle; what can still be read of its calls is read first. Nothing can stop it any more."""
        if self._closing is None:
            self._closing = in_background(self._finish())
        return self._closing

    async def close(self) -> Settlement:
        """Settle, and wait for it. Cancelling the caller does not cancel the settlement."""
        return await asyncio.shield(self.settle_soon())

    async def settled_within(self, seconds: float) -> Settlement | None:
        """Settle, and wait a while for it: None when the ledger has not answered by then; it goes on."""
        closing = self.settle_soon()
        await asyncio.wait([closing], timeout=seconds)
        return closing.result() if closing.done() else None

    async def _finish(self) -> Settlement:
        for call in self._calls:
            await call.finished()
        self._timer.cancel()
        if self._unwatch is not None:
            self._unwatch()
        charge = self._charge()
        self._write_down(charge)
        with span("settle", org_id=self.hold.org_id, hold_id=self.hold.hold_id) as told:
            settlement = await settle(
                self._meter.engine,
                self.hold,
                charge,
                opened_seq=self._opened_seq,
                patience_seconds=self._meter.policy.settle_patience_seconds,
            )
            told.tell(outcome=settlement.outcome, charged_microcredits=settlement.charged)
        self.settlement = settlement
        if self._page is not None and settlement.told:
            self._page.free()
        await self._meter.keep_failures(self)
        self._on_settled(self)
        self.done.set_result(settlement)
        return settlement

    def _charge(self) -> Charge | None:
        if not self._calls or self._switched_off:
            return None
        charge = charge_for_all([call.due for call in self._calls])
        if self._failed:
            return Charge(tokens=charge.tokens, outcome="failed", measurement=charge.measurement)
        return charge

    def _write_down(self, charge: Charge | None) -> None:
        """Should this process end before the ledger has heard, the one after it charges the same."""
        if self._page is None or not self._calls:
            return
        if charge is None or charge.outcome in FREE:
            self._page.conclude(NOTHING, "exact", None)
        else:
            self._page.conclude(charge.tokens, charge.measurement, charge.terms)

    @property
    def _model(self) -> str:
        return self.hold.subject.model or self.hold.terms.model

    async def _cover(self, bounds: Bounds) -> None:
        """Every call is counted at the most it can use, and all of them are priced together, as they will be charged:
        so the charge can never exceed the hold, and no call is rounded up for itself."""
        missing = self._ceiling(bounds, +1) - self._held
        if missing > 0:
            try:
                await self._extend(missing)
            except BaseException as error:
                self._ceiling(bounds, -1)  # a smaller call may still fit
                if isinstance(error, HoldResolved) and error.facts.get("state") == "voided":
                    self._switch_off()
                    raise switched_off() from error
                raise
            self._held += missing

    def _ceiling(self, bounds: Bounds, sign: int) -> int:
        """The most all calls together can cost, with this one more or less."""
        self._input_tokens += sign * bounds.input_tokens
        self._output_tokens += sign * bounds.output_tokens
        return price_ceiling(self.hold.terms, input_tokens=self._input_tokens, output_tokens=self._output_tokens)

    async def _extend(self, amount: int) -> None:
        self._extensions += 1
        await self._meter.engine.submit(
            ExtendHold(
                org_id=self.hold.org_id,
                hold_id=self.hold.hold_id,
                extension_id=str(self._extensions),
                ttl_seconds=self._meter.policy.hold_ttl_seconds,
                amount=amount,
            )
        )

    def _look(self, pulse: Pulse) -> None:
        """AI was switched off after the hold was opened, and may be on again: the hold is void all the same."""
        if pulse.off_seq > self._opened_seq:
            self._switch_off()

    def _switch_off(self) -> None:
        """Nothing of it is charged, also where the hold had lapsed before and would be charged late (I14)."""
        self._switched_off = True
        self.abort(switched_off())

    def _renew_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._meter.policy.renew_every_seconds, self._renew_soon)
        in_background(self._renew())

    async def _renew(self) -> None:
        """Let the hold live on while the answer is being read; end the call when the hold was voided meanwhile."""
        try:
            await self._extend(0)
        except (HoldResolved, HoldNotFound) as gone:
            self._timer.cancel()
            if gone.facts.get("state") == "voided" and self._closing is None:
                self._switch_off()
        except Problem as problem:
            log.warning(
                "hold %s was not renewed and will be tried again: %s",
                self.hold.hold_id,
                problem.detail,
            )
