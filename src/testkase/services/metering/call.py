"""One call of a model, read by a task of its own.

The task belongs to nobody who could be disconnected: a client that goes away (CancelledError or GeneratorExit) leaves
it reading, within limits, until the provider has said what the call used. Only then is the call `finished`, and only
then does the interaction settle.
"""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Self

from testkase.foundation.problems import Problem
from testkase.foundation.tracing import span
from testkase.services.inference import Call, CallResult, ModelEntry, ProviderError
from testkase.services.metering.attempts import Attempt, Failed, failed, may_ask_another
from testkase.services.metering.channel import Channel
from testkase.services.metering.charge import FREE, NOTHING, Charge, charge_for_call
from testkase.services.metering.logbook import Page
from testkase.services.metering.metrics import DRAINS, ODD_USAGE
from testkase.services.metering.policy import Policy
from testkase.services.metering.problems import CutOff

log = logging.getLogger(__name__)


class Drains:
    """How many calls are being read on for clients that left, in this process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.active = 0

    def enter(self) -> bool:
        if self.active >= self.limit:
            return False
        self.active += 1
        DRAINS.inc()
        return True

    def leave(self) -> None:
        self.active -= 1
        DRAINS.dec()


class MeteredCall:
    """Opened by `Interaction.call`; `async with` it, then `read()` or iterate `events()`."""

    def __init__(
        self,
        attempts: Sequence[Attempt],
        *,
        stream: bool,
        policy: Policy,
        drains: Drains,
        page: Page | None = None,
    ) -> None:
        """`page`: where what it delivers is written down, should the process be killed."""
        self._attempts = attempts
        self._page = page
        self.answering = attempts[0]
        """The model that is being asked, and in the end the one that answered."""
        self.failed: list[Failed] = []
        """Models that were asked before it and failed."""
        self._stream = stream
        self._policy = policy
        self._drains = drains
        self._channel = Channel(policy.buffered_events)
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: BaseException | None = None
        self._complete = False
        self._reader_left = False
        self._draining: asyncio.TimerHandle | None = None
        self._drained_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._forgiven = False
        self.charge = Charge(tokens=NOTHING, outcome="failed", measurement="exact")

    @property
    def due(self) -> Charge:
        """What is charged for it: `charge`, unless it was forgiven."""
        return dataclasses.replace(self.charge, tokens=NOTHING, outcome="failed") if self._forgiven else self.charge

    def forgive(self) -> None:
        """What it brought is of no use: it costs nothing, whatever else the interaction is charged for (B10)."""
        self._forgiven = True

    @property
    def status(self) -> int:
        """The provider's HTTP status."""
        return self.answering.upstream.status

    async def __aenter__(self) -> Self:
        """Send the request and wait for the provider's first answer. Raises its Problem when there is none."""
        self._task = asyncio.get_running_loop().create_task(self._read(), name="metering-read")
        self._task.add_done_callback(self._close)
        try:
            await self._opened
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._leave()

    async def read(self) -> bytes:
        """The whole answer of a call that does not stream."""
        body = await self._channel.get()
        if self._error is not None or body is None:
            raise self._failure()
        return body

    async def events(self) -> AsyncIterator[bytes]:
        """The payloads of the stream's events, unchanged. Raises when the stream broke before its end."""
        try:
            while (event := await self._channel.get()) is not None:
                yield event
            if self._error is not None:
                raise self._failure()
        finally:
            self._leave()

    async def finished(self) -> None:
        """Wait until nothing more can be read; `charge` is final then."""
        if self._task is not None and not self._closed:
            await asyncio.wait([self._task])

    def abort(self, reason: Problem) -> None:
        """Cut the provider off now; the reader gets the reason."""
        if self._task is not None and not self._task.done():
            self._error = reason
            self._task.cancel()

    async def _read(self) -> None:
        """Read the provider to its end. Ends by itself, by a limit or by `abort`; never by a disconnect."""
        too_long = CutOff("The model was answering for too long.")
        limit = asyncio.get_running_loop().call_later(self._policy.longest_call_seconds, self.abort, too_long)
        try:
            await self._transfer()
        except asyncio.CancelledError:
            self._error = self._error or CutOff("The answer was cut off.")
        except Exception as error:  # noqa: BLE001 - the reader gets it; a bug in a provider must not cost the settlement
            self._error = error
        finally:
            limit.cancel()

    async def _transfer(self) -> None:
        """Ask one model after another until one delivers something."""
        for attempt, more in zip(self._attempts, range(len(self._attempts) - 1, -1, -1), strict=True):
            self.answering = attempt
            self._describe(attempt)
            try:
                with span("call", model=attempt.entry.name, stream=self._stream) as told:
                    await self._ask(attempt.upstream, last=not more)
                    told.tell(status=attempt.upstream.status)
                return
            except ProviderError as error:
                if not more or self._reader_left or attempt.upstream.has_output or not may_ask_another(error):
                    raise
                self.failed.append(failed(attempt.entry, error))

    async def _ask(self, upstream: Call, *, last: bool) -> None:
        body: bytes | None = None
        async with upstream:
            if last:
                self._has_begun()
            if self._stream:
                await self._pass_on(upstream, last=last)
            else:
                body = await upstream.read()
            self._has_begun()
            self._complete = True
        if body is not None:
            self._channel.put(body)

    def _describe(self, attempt: Attempt) -> None:
        if self._page is not None and not self._page.describe(attempt.bounds, attempt.terms):
            self._page = None

    def _has_begun(self) -> None:
        """The reader has an answer to wait for: no other model is asked any more."""
        if not self._opened.done():
            self._opened.set_result(None)

    async def _pass_on(self, upstream: Call, *, last: bool) -> None:
        """`last`: there is no other model to ask. Else events without output wait for the first that has some, so that
        the reader sees nothing of an answer that never comes."""
        waiting: list[bytes] = []
        async for event in upstream.events():
            waiting.append(event)
            if self._page is not None:
                self._page.note(*upstream.so_far())
            if last or upstream.has_output:
                self._has_begun()
                await self._hand_over(waiting)
        await self._hand_over(waiting)

    async def _hand_over(self, events: list[bytes]) -> None:
        for event in events:
            if self._channel.full:
                await self._wait_for_reader()
            if not self._reader_left:
                self._channel.put(event)
            elif self._drained_enough(event):
                raise asyncio.CancelledError
        events.clear()

    async def _wait_for_reader(self) -> None:
        try:
            async with asyncio.timeout(self._policy.stalled_reader_seconds):
                await self._channel.room()
        except TimeoutError:
            self._error = CutOff("The answer was not read for too long.")
            self._leave()

    def _drained_enough(self, event: bytes) -> bool:
        self._drained_bytes += len(event)
        return self._drained_bytes > self._policy.drain_bytes

    def _leave(self) -> None:
        """The reader takes no more. Read on within limits, so that the charge is exact; else cut the provider off."""
        if self._reader_left or self._complete or self._task is None or self._task.done():
            return
        self._reader_left = True
        self._channel.abandon()
        if self._drains.enter():
            self._draining = asyncio.get_running_loop().call_later(self._policy.drain_seconds, self._task.cancel)
        else:
            self._task.cancel()

    def _close(self, _task: "asyncio.Task[None]") -> None:
        """The reading task has ended: fix the charge, tell whoever waits. A callback, because a task that is
        cancelled before its first step runs no `finally`."""
        if self._draining is not None:
            self._draining.cancel()
            self._drains.leave()
        try:
            result, attempt = self.answering.upstream.result(), self.answering
            charge = charge_for_call(result, attempt.bounds, reader_left=self._reader_left)
            self.charge = charge if charge.outcome in FREE else replace(charge, terms=attempt.terms)
            _point_out(attempt.entry, result)
        except Exception:
            log.exception("the provider's adapter could not say what a call used; nothing is charged for it")
        if not self._opened.done():
            self._opened.set_exception(self._failure())
            self._opened.exception()  # the reader may have left: nobody else will look at it
        self._closed = True
        self._channel.end()

    def _failure(self) -> BaseException:
        return self._error or CutOff("The answer ended early.")


def _point_out(entry: ModelEntry, result: CallResult) -> None:
    """What a provider reported that its operator should look into, such as usage that contradicts itself."""
    if result.flags:
        ODD_USAGE.labels(entry.name).inc()
        odd = (entry.name, entry.provider, ", ".join(result.flags), result.upstream_id)
        log.warning("the figures of model %s at provider %s are odd (%s): answer %r", *odd)
