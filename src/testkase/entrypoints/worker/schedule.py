"""What happens by the clock. Nothing here is needed for correctness: a missed minute is made good by the next one."""

from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from testkase.core.ledger.closing import MOST_DAYS, close_days, open_days
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.months import prepare_months
from testkase.core.ledger.queries import due_accounts
from testkase.entrypoints.worker.resources import resources
from testkase.foundation.database import Database
from testkase.foundation.problems import Problem
from testkase.services.billing.errand import run_errand_async
from testkase.services.billing.provider import ProviderSilent
from testkase.services.billing.reports.inbox import forget_old_reports
from testkase.services.billing.reports.matching import match_day, unmatched_days
from testkase.services.billing.reports.reconciling import look_at_disputes, look_at_refunds

SWEPT_AT_ONCE = 500
"""Accounts of one batch: as many as the ledger's writer takes into one transaction."""

STALLED_SECONDS = 30.0
"""A worker silent for so long is dead, and its jobs are begun again."""

_LATER = RetryStrategy(max_attempts=6, wait=900, retry_exceptions={ProviderSilent})

_log = structlog.get_logger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="ledger.sweep", queue="schedule", queueing_lock="ledger.sweep", pass_context=True)
async def sweep_due_accounts(context: JobContext, timestamp: int) -> None:
    """Let time pass for organizations nobody touches: expire their lots, lapse their holds, roll their periods."""
    held = resources(context)
    while due := await held.database.run(due_accounts(SWEPT_AT_ONCE)):
        outcomes = await held.engine.submit_many([Touch(org_id=org_id) for org_id in due])
        refused = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
        _log.info("swept", accounts=len(due), refused=len(refused))
        if refused or len(due) < SWEPT_AT_ONCE:
            return


@app.periodic(cron="7 * * * *")
@app.task(name="ledger.months", queue="schedule", queueing_lock="ledger.months", pass_context=True)
async def prepare_next_months(context: JobContext, timestamp: int) -> None:
    """Make the next months' partitions long before they are needed. Nearly every hour finds them there."""
    if made := await resources(context).database.run(prepare_months()):
        _log.info("months prepared", made=made)


@app.periodic(cron="11 * * * *")
@app.task(name="ledger.days", queue="schedule", queueing_lock="ledger.days", pass_context=True)
async def sum_up_days(context: JobContext, timestamp: int) -> None:
    """Sum up the days that are over. Pages are exact without it, and quick with it."""
    held, after = resources(context), 0
    while found := await held.database.run(open_days(after)):
        for org_id in found:
            await _sum_up(held.database, org_id)
        after = found[-1]


async def _sum_up(database: Database, org_id: int) -> None:
    """Sums that somebody broke, which the audit finds, keep nobody else's days from being summed up."""
    try:
        while await database.run(close_days(org_id)) == MOST_DAYS:
            pass
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        _log.error("days not summed up", org_id=org_id, error=type(error).__name__)


@app.periodic(cron="* * * * *")
@app.task(name="jobs.retry_stalled", queue="schedule", queueing_lock="jobs.retry_stalled", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Begin again the jobs of workers that were killed. Jobs are written so that a second run continues the first."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        _log.warning("job begun again", job=job.id, task=job.task_name)
        await manager.retry_job(job)


@app.periodic(cron="17 3 * * *")
@app.task(name="jobs.remove_old", queue="schedule", queueing_lock="jobs.remove_old", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Forget finished jobs after a week."""
    await context.app.job_manager.delete_old_jobs(nb_hours=24 * 7, include_failed=True, include_cancelled=True)


@app.periodic(cron="23 1-23 * * *")
@app.task(name="payments.match", queue="schedule", queueing_lock="payments.match", pass_context=True)
async def match_payments(context: JobContext, timestamp: int) -> None:
    """The match report of yesterday, and of days before it that have none. Most hours find nothing to do."""
    held = resources(context)
    if held.provider is None:
        return
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for day in await held.database.run(unmatched_days(yesterday)):
        report = await run_errand_async(match_day(day, held.seller, held.books), held.provider, held.database)
        say = _log.warning if report.faults else _log.info
        say("payments matched", day=day.isoformat(), captured=report.captured, faults=len(report.faults))


@app.periodic(cron="41 2 * * *")
@app.task(
    name="payments.disputes", queue="schedule", queueing_lock="payments.disputes", pass_context=True, retry=_LATER
)
async def look_at_all_disputes(context: JobContext, timestamp: int) -> None:
    """Every dispute the provider lists, so that none is missed with its report."""
    held = resources(context)
    if held.provider is not None:
        found = await run_errand_async(look_at_disputes(held.seller), held.provider, held.database)
        _log.info("disputes looked at", ours=found)


@app.periodic(cron="47 2 * * *")
@app.task(name="payments.refunds", queue="schedule", queueing_lock="payments.refunds", pass_context=True, retry=_LATER)
async def look_at_late_refunds(context: JobContext, timestamp: int) -> None:
    """Every refund made of late, on the provider's pages too, so that none is missed with its report."""
    held = resources(context)
    if held.provider is not None:
        looking = look_at_refunds(held.seller, now=int(datetime.now(UTC).timestamp()))
        found = await run_errand_async(looking, held.provider, held.database)
        _log.info("refunds looked at", ours=found)


@app.periodic(cron="53 3 * * *")
@app.task(name="payments.forget", queue="schedule", queueing_lock="payments.forget", pass_context=True)
async def forget_reports(context: JobContext, timestamp: int) -> None:
    """Forget the provider's reports that were handled three months ago."""
    await resources(context).database.run(forget_old_reports())
