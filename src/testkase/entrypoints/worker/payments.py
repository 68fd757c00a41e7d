"""Payments, beside the jobs: the provider's reports as they come, and what must be looked at without a report.

Two loops, so that looking around never keeps a report waiting: behind a report somebody may be watching for credits.
Any number of workers may run them; whatever two of them look at twice is credited once.
"""

import asyncio

import structlog

from testkase.core.pricing import PriceBooks
from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.database import Database
from testkase.foundation.problems import Problem
from testkase.services.billing.errand import Errand, run_errand_async
from testkase.services.billing.model import MoneyBackUndecided
from testkase.services.billing.provider import Provider
from testkase.services.billing.reports.inbox import Report, claim_reports, handled, waits
from testkase.services.billing.reports.reconciling import Watched, claim_watched, look_again
from testkase.services.billing.reports.working import work_on
from testkase.services.billing.seller import Seller

EVERY_SECONDS = 1.0
REPORTS_AT_ONCE = 4
WATCHED_AT_ONCE = 2
AFTER_FAULT_SECONDS = 5.0
MOST_ATTEMPTS = 40
"""Over more than a day: as long as the provider itself repeats a report. What it is about is watched beside."""

_log = structlog.get_logger(__name__)


class Payments:
    """One a worker process, where there is a provider."""

    def __init__(
        self, database: Database, provider: Provider, *, seller: Seller, books: PriceBooks, public_url: str
    ) -> None:
        self._database = database
        self._provider = provider
        self._seller = seller
        self._books = books
        self._public_url = public_url

    async def run(self) -> None:
        """Work until cancelled."""
        reports = keep_at(self._reports, complaint="reports could not be taken", after_fault=AFTER_FAULT_SECONDS)
        watched = keep_at(self._watched, complaint="payments could not be watched", after_fault=AFTER_FAULT_SECONDS)
        await asyncio.gather(reports, watched)

    async def _reports(self) -> float:
        return 0 if await self.work_on_reports() == REPORTS_AT_ONCE else EVERY_SECONDS

    async def _watched(self) -> float:
        return 0 if await self.look_around() == WATCHED_AT_ONCE else EVERY_SECONDS

    async def work_on_reports(self) -> int:
        """Work on some that are due, side by side; answers how many were taken."""
        found = await self._database.run(claim_reports(limit=REPORTS_AT_ONCE))
        await asyncio.gather(*map(self._work_on, found))
        return len(found)

    async def look_around(self) -> int:
        """Look at some of what is watched and due; answers how many."""
        found = await self._database.run(claim_watched(limit=WATCHED_AT_ONCE))
        await asyncio.gather(*map(self._look_at, found))
        return len(found)

    async def _work_on(self, report: Report) -> None:
        fault, undecided = "", False
        try:
            outcome = await self._carry_out(work_on(report, self._seller, self._books))
        except Problem as problem:
            undecided = isinstance(problem, MoneyBackUndecided)
            fault = problem.detail if undecided else problem.code
        except Exception as error:  # noqa: BLE001 - one report must never keep the others
            fault = type(error).__name__
            _log.error("a report could not be worked on", report=report.name, attempts=report.attempts, exc_info=True)
        if fault and (undecided or report.attempts < MOST_ATTEMPTS):  # what staff decide may take its time
            _log.info("a report stays for later", report=report.name, fault=fault, attempts=report.attempts)
            await self._database.run(waits(report.digest, fault))
            return
        if fault:
            outcome = f"given up: {fault}"
            _log.warning("a report was given up", report=report.name, order=report.order_id, fault=fault)
        await self._database.run(handled([report.digest], outcome))

    async def _look_at(self, due: Watched) -> None:
        place = {"org_id": due.org_id, "kind": due.kind, "target": due.target_id}
        try:
            await self._carry_out(look_again(due, self._seller, self._books, public_url=self._public_url))
        except Problem as problem:
            _log.info("looked in vain, again later", fault=problem.code, **place)
        except Exception:  # noqa: BLE001 - nor may one purchase keep the others
            _log.error("what is watched could not be looked at", exc_info=True, **place)

    async def _carry_out(self, errand: Errand[str]) -> str:
        return await run_errand_async(errand, self._provider, self._database)
