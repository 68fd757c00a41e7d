"""Reports that are made by the clock: schedules that are due are looked at every minute."""

from datetime import UTC, datetime

import structlog
from procrastinate import JobContext
from procrastinate.contrib.django import app

from testkase.entrypoints.worker.resources import Resources, resources
from testkase.services.features.reports.schedules.looking import due_schedules, look_at, look_failed

AT_ONCE = 200
"""Schedules of one minute. More wait for the next one."""

_log = structlog.get_logger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="reports.look", queue="schedule", queueing_lock="reports.look", pass_context=True)
async def look_at_schedules(context: JobContext, timestamp: int) -> None:
    """Begin the reports of schedules that are due. A minute that was missed is made good by the next one."""
    begun = await look_at_due(resources(context))
    if begun:
        _log.info("scheduled reports begun", runs=begun)


async def look_at_due(held: Resources) -> int:
    """Each in a transaction of its own; answers how many runs were begun."""
    due = await held.database.run(due_schedules(AT_ONCE))
    if not due:
        return 0
    book, begun = held.books.at(datetime.now(UTC)), 0
    for org_id, project_id in due:
        looking = look_at(org_id, project_id, book=book, catalog=held.catalog)
        try:
            begun += (await held.database.run(looking, org_id=org_id)) is not None
        except Exception as fault:  # noqa: BLE001 - one in trouble must not keep the others from being looked at
            await _put_off(held, org_id, project_id, fault)
    return begun


async def _put_off(held: Resources, org_id: int, project_id: int, fault: Exception) -> None:
    """Later again, or no more. Where that cannot be written down either, the database is away, and all wait."""
    what = type(fault).__name__
    try:
        stopped = await held.database.run(look_failed(org_id, project_id), org_id=org_id)
    except Exception as second:  # noqa: BLE001 - see above
        _log.warning("a schedule could not be put off", org_id=org_id, fault=what, then=type(second).__name__)
        return
    _log.warning("a schedule could not be looked at", org_id=org_id, project=project_id, fault=what, stopped=stopped)
