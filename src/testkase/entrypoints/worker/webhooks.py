"""Sending events to organizations' endpoints. No transaction is open while somebody else's server is spoken to."""

import asyncio
from collections import Counter
from contextlib import suppress

import psycopg
import structlog

from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.database import Database
from testkase.foundation.sealing import CannotOpen, Seal
from testkase.services.notifications.webhooks.deliveries import (
    Due,
    claim,
    mark_delivered,
    mark_dropped,
    mark_failed,
    parcel_of,
    put_off,
)
from testkase.services.notifications.webhooks.metrics import ATTEMPTS
from testkase.services.notifications.webhooks.sending import AT_ONCE, Outcome, Sender

EVERY_SECONDS = 1.0
AFTER_FAULT_SECONDS = 5.0
OF_ONE_ORGANIZATION = 3
"""Attempts of an organization at the same time: it may have more slow endpoints than there are attempts in all."""
OURS = "Something went wrong on our side."
UNREADABLE = "Its secret cannot be read: the server's secret key has changed. Make a new secret."

_log = structlog.get_logger(__name__)


class Webhooks:
    """One a worker process; several never send one delivery at the same time, unless one of them stood still."""

    def __init__(self, database: Database, sender: Sender, seal: Seal) -> None:
        self._database = database
        self._sender = sender
        self._seal = seal
        self._under_way: dict[Due, asyncio.Task[None]] = {}
        """An endpoint has one at a time."""

    async def run(self) -> None:
        """Send until cancelled; what is under way then is sent again by the next worker."""
        try:
            await keep_at(self._step, complaint="webhooks could not be sent", after_fault=AFTER_FAULT_SECONDS)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)
            self._sender.close()

    async def _step(self) -> float:
        while len(self._under_way) < AT_ONCE and await self._begin():
            continue
        if not self._under_way:
            return EVERY_SECONDS
        await asyncio.wait(self._under_way.values(), timeout=EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return 0

    async def send_due(self) -> None:
        """Send until nothing is due."""
        while await self._begin() or self._under_way:
            await asyncio.gather(*self._under_way.values())

    async def _begin(self) -> bool:
        busy = [one.endpoint_id for one in self._under_way]
        of_each = Counter(one.org_id for one in self._under_way)
        full = [org_id for org_id, number in of_each.items() if number >= OF_ONE_ORGANIZATION]
        due = await self._database.run(claim(busy=busy, full=full))
        if due is None:
            return False
        task = asyncio.create_task(self._deliver(due), name=f"webhook {due.delivery_id}")
        self._under_way[due] = task
        task.add_done_callback(lambda _: self._under_way.pop(due))
        return True

    async def _deliver(self, due: Due) -> None:
        place = {"org_id": due.org_id, "endpoint": due.endpoint_id, "event_id": due.event_id}
        try:
            await self._send(due)
        except psycopg.Error as error:  # it stays claimed, and is sent again when its lease has ended
            _log.warning("a webhook could not be marked", fault=type(error).__name__, **place)
        except Exception:  # noqa: BLE001 - nor may one delivery keep the others
            _log.exception("a webhook could not be sent", **place)
            with suppress(psycopg.Error):
                await self._database.run(put_off(due, OURS), org_id=due.org_id)

    async def _send(self, due: Due) -> None:
        try:
            parcel = await self._database.run(parcel_of(due, self._seal), org_id=due.org_id)
        except CannotOpen:
            await self._failed(due, Outcome(fault=UNREADABLE))
            return
        if parcel is None:
            ATTEMPTS.labels("dropped").inc()
            await self._database.run(mark_dropped(due), org_id=due.org_id)
            return
        outcome = await self._sender.send(parcel)
        if outcome.fault:
            await self._failed(due, outcome)
        else:
            ATTEMPTS.labels("delivered").inc()
            await self._database.run(mark_delivered(due), org_id=due.org_id)

    async def _failed(self, due: Due, outcome: Outcome) -> None:
        ATTEMPTS.labels("failed").inc()
        ended = await self._database.run(mark_failed(due, outcome.fault, gone=outcome.gone), org_id=due.org_id)
        _log.info(
            "a webhook was not taken", org_id=due.org_id, endpoint=due.endpoint_id, fault=outcome.fault,
            attempts=due.attempts, switched_off=ended,
        )  # fmt: skip
