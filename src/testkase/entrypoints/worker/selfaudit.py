"""The self-audit, beside the jobs: organizations are verified one after the other, and staff are told of deviations.

It reads in a thread with a connection of its own, and rests nine times as long as it worked: a tenth of one core at
most.
"""

import asyncio
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TypeVar

import psycopg
import structlog
from django.core.mail import EmailMessage

from testkase.core.ledger.verify import account_ids
from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, SyncDatabase
from testkase.services.metering.limits.watching import active_accounts, now_there
from testkase.services.selfaudit import standing
from testkase.services.selfaudit.checking import SHORT_ENTRIES, check, check_common
from testkase.services.selfaudit.heads import Head, file_of, head_of, publish
from testkase.services.selfaudit.model import EVERYBODY, Deviating, Outcome

T = TypeVar("T")

REST = 9.0
"""Times as long as was worked."""
EVERY_SECONDS = 30.0
"""Between looks when nothing is due."""
ENROL_SECONDS = 300.0
AFTER_FAULT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 0.5
_OVERLAP = 30 * 1_000_000

_log = structlog.get_logger(__name__)


class Stopped(Exception):
    """The worker ends; what was half checked is checked by the next one."""


class SelfAudit:
    """One a worker process; no two check one organization at the same time."""

    def __init__(self, database_url: str, data: Path, public_url: str, *, short: int = SHORT_ENTRIES) -> None:
        self._books = SyncDatabase(database_url, max_size=1)
        self._heads = data / "heads"
        self._public_url = public_url
        self._short = short
        self._enrolled_at = float("-inf")
        self._looked_at = 0
        self._stopping = Event()

    async def run(self) -> None:
        """Check until cancelled."""
        try:
            await keep_at(self._step, complaint="the books could not be checked", after_fault=AFTER_FAULT_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """What is being read ends with its page."""
        self._stopping.set()
        self._books.close()

    async def _step(self) -> float:
        began = time.monotonic()
        worked = await asyncio.to_thread(self.turn)
        return (time.monotonic() - began) * REST if worked else EVERY_SECONDS

    def turn(self) -> bool:
        """Check whoever's turn it is; whether it was anybody's."""
        if time.monotonic() - self._enrolled_at > ENROL_SECONDS:
            self._enrol()
            self._publish()
            self._enrolled_at = time.monotonic()
        self._tell()
        org_id = self._books.run(standing.claim())
        if org_id is None:
            return False
        try:
            self._check(org_id)
        except psycopg.OperationalError:
            raise  # the database is away: for all of them
        except Stopped:
            return False
        except Exception as fault:  # noqa: BLE001 - one organization in trouble must not leave the others unchecked
            _log.error("an organization could not be checked", org_id=org_id, fault=type(fault).__name__)
        return True

    def _check(self, org_id: int) -> None:
        checking = check_common() if org_id == EVERYBODY else check(org_id, short=self._short)
        outcome: Outcome = self._books.read(self._gently(checking), org_id=org_id)
        for invariant, seq in self._books.run(standing.keep(outcome)):
            _log.error("the books deviate", org_id=org_id, invariant=invariant, seq=seq)
        self._tell()

    def _gently(self, operation: Operation[T]) -> Operation[T]:
        """Rest between pages for as long as they took, and stop there when the worker does."""
        rows = None
        while True:
            if self._stopping.is_set():
                operation.close()
                raise Stopped
            began = time.monotonic()
            try:
                statement = operation.send(rows)  # type: ignore[arg-type]
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            rows = yield statement
            self._stopping.wait(min(time.monotonic() - began, LONGEST_PAUSE_SECONDS))

    def _enrol(self) -> None:
        """Whoever is new, and whoever posted something since the last look."""
        now = self._books.run(now_there())
        self._books.run(standing.enrol([EVERYBODY]))
        after = 0
        while found := self._books.run(account_ids(after)):
            self._books.run(standing.enrol(found))
            after = found[-1]
        after = 0
        while self._looked_at and (found := self._books.run(active_accounts(self._looked_at - _OVERLAP, after=after))):
            self._books.run(standing.hasten([EVERYBODY, *found]))
            after = found[-1]
        self._looked_at = now

    def _publish(self) -> None:
        """The heads of today, as soon as there are none yet."""
        today = utc_now().date()
        if file_of(self._heads, today).exists():
            return
        try:
            done = publish(self._heads, today, self._all_heads())
        except OSError as fault:  # the checks go on without them
            _log.error("heads could not be published", day=today.isoformat(), fault=type(fault).__name__)
            return
        if done is not None:
            count, digest = done
            self._books.run(standing.keep_published(today, count, digest))
            _log.info("heads published", day=today.isoformat(), organizations=count, sha256=digest.hex())

    def _all_heads(self) -> Iterator[Head]:
        after = 0
        while found := self._books.run(account_ids(after)):
            for org_id in found:
                head = self._books.read(self._gently(head_of(org_id)), org_id=org_id)
                if head is not None:
                    yield head
            after = found[-1]

    def _tell(self) -> None:
        """Write to staff, once for each deviation."""
        deviations = self._books.run(standing.untold())
        addresses = self._books.run(standing.staff_addresses()) if deviations else []
        if not addresses:
            return
        text = _letter(deviations, self._public_url)
        subject = f"The books deviate: {len(deviations)} to look at"
        try:
            EmailMessage(subject, text, to=addresses, headers={"Auto-Submitted": "auto-generated"}).send()
        except (OSError, smtplib.SMTPException) as fault:  # tried again at the next turn; the checks go on
            _log.warning("staff could not be told", fault=type(fault).__name__)
            return
        self._books.run(standing.told(deviations))


def _letter(deviations: list[Deviating], public_url: str) -> str:
    lines = [
        f"{'All organizations' if one.org_id == EVERYBODY else f'Organization {one.org_id}'}: {one.invariant}"
        f"{f', entry {one.seq}' if one.seq else ''}"
        for one in deviations
    ]
    return "\n".join((
        "The product checks its own books, and these invariants do not hold:", "", *lines, "",
        f"What they mean: {public_url}/staff/invariants",
        "What was found: testkase verify --organization NUMBER, on the server.", "",
    ))  # fmt: skip
