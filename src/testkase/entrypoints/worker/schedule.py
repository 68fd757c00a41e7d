"""What happens by the clock. Nothing here is needed for correctness: a missed minute is made good by the next one."""

import structlog
from procrastinate import JobContext
from procrastinate.contrib.django import app

from testkase.core.ledger.commands import Touch
from testkase.core.ledger.queries import due_accounts
from testkase.entrypoints.worker.resources import resources
from testkase.foundation.problems import Problem

SWEPT_AT_ONCE = 500
"""Accounts of one batch: as many as the ledger's writer takes into one transaction."""

STALLED_SECONDS = 30.0
"""A worker silent for so long is dead, and its jobs are begun again."""

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
