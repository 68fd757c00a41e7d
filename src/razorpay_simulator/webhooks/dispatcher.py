"""Sends what is due, again and again until it is taken or given up; an endpoint that takes nothing for a day is
switched off. All of it on the simulated clock."""

import asyncio
from contextlib import suppress

import httpx

from razorpay_simulator.model import Attempt, Delivery, Endpoint
from razorpay_simulator.rules import timers
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks.schedule import given_up, retry_after
from razorpay_simulator.webhooks.sending import send

_LONGEST_NAP_SECONDS = 30.0


class Dispatcher:
    """One per simulator: in the background (`run`), or step by step when the clock is moved (`advance`)."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self._awake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._on_the_wire = asyncio.Event()
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something may be due."""
        self._awake.set()

    async def run(self) -> None:
        """Until cancelled: whatever is due, when it is due."""
        while True:
            self._awake.clear()
            await self.step()
            # Not wait_for: woken and cancelled at once, it forgets that it was cancelled.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._nap()):
                    await self._awake.wait()

    async def step(self) -> None:
        """Everything due by now: what happens by itself, and messages."""
        async with self._lock:
            timers.run_due(self.sim)
            while due := self._due():
                for delivery in due:
                    await self._attempt(delivery)
            self.sim.keep()

    async def advance(self, seconds: float) -> None:
        """Move the clock, stopping wherever something is due on the way."""
        end = self.sim.clock.exact() + seconds
        while (at := self._next_at()) is not None and at <= end:
            self.sim.clock.move_to(at)
            await self.step()
        self.sim.clock.move_to(end)
        await self.step()

    async def reset(self) -> None:
        """Forget everything, between two messages: one on the wire would be remembered again by its answer."""
        async with self._lock:
            self.sim.reset()

    async def overlap(self) -> None:
        """Begin to send, and return once a message is on the wire, without its answer (fault F6)."""
        self._on_the_wire.clear()
        if self._due():
            task = asyncio.create_task(self.step())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._on_the_wire.wait()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _nap(self) -> float:
        at = self._next_at()
        if at is None or self.sim.clock.frozen_at is not None:
            return _LONGEST_NAP_SECONDS
        return max(0.0, min(at - self.sim.clock.exact(), _LONGEST_NAP_SECONDS))

    def _next_at(self) -> float | None:
        times = [delivery.next_at for delivery in self.sim.store.pending.values()]
        timer = timers.next_at(self.sim)
        return min(times if timer is None else [*times, timer], default=None)

    def _due(self) -> list[Delivery]:
        now = self.sim.clock.exact()
        waiting = self.sim.store.pending.values()
        return sorted((one for one in waiting if one.next_at <= now), key=lambda one: one.next_at)

    async def _attempt(self, delivery: Delivery) -> None:
        sim = self.sim
        endpoint = sim.store.get(Endpoint, delivery.endpoint_id)
        if endpoint is None or not endpoint.enabled:
            delivery.state = "failed"
            sim.store.save(delivery)
            return
        status: int | None = None
        error: str | None = None
        if sim.faults.take("F16"):
            error = "no connection: the endpoint is down (fault F16)"
        else:
            self._on_the_wire.set()
            status, error = await send(self._http(), endpoint.url, delivery)
        delivery.attempts.append(Attempt(at=sim.clock.now(), status=status, error=error))
        if status is not None and 200 <= status < 300:
            delivery.state = "delivered"
        else:
            self._try_again(delivery, endpoint)
        sim.store.save(delivery)

    def _try_again(self, delivery: Delivery, endpoint: Endpoint) -> None:
        sim = self.sim
        attempts = len(delivery.attempts)
        delivery.next_at = sim.clock.exact() + retry_after(sim.config, attempts)
        if not given_up(sim.config, attempts):
            return
        delivery.state, endpoint.enabled, endpoint.disabled_at = "failed", False, sim.clock.now()
        endpoint.alerts.append(f"Your webhook {endpoint.url} took nothing for a day and has been disabled.")
        sim.store.save(endpoint)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self.sim.config.webhook_timeout_seconds, trust_env=False)
        return self._client
