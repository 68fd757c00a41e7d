"""Retention and erasure: what is too old or was asked to go, in small steps with a transaction each."""

from typing import LiteralString

import structlog
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from testkase.entrypoints.worker.resources import resources
from testkase.foundation.database import Database
from testkase.services.privacy.erasing import PERSON, Erasure, erase, erasure, finish_erasure, steps_of
from testkase.services.privacy.keeping import due, expire, keep_days, organizations, record_expired
from testkase.services.privacy.model import ContentTable
from testkase.services.privacy.people import erase_name

_AGAIN = RetryStrategy(max_attempts=10, exponential_wait=2)
"""Erasing goes on where it stopped."""

_log = structlog.get_logger(__name__)


@app.periodic(cron="29 2 * * *")
@app.task(name="privacy.expire", queue="schedule", queueing_lock="privacy.expire", pass_context=True)
async def expire_content(context: JobContext, timestamp: int) -> None:
    """What is older than the organizations keep it."""
    database = resources(context).database
    after = 0
    while found := await database.run(organizations(after)):
        for org_id in found:
            await expire_organization(database, org_id)
        after = found[-1]


async def expire_organization(database: Database, org_id: int) -> int:
    """One organization; answers how many rows went. What its Owner's choice took away is recorded."""
    days = await database.run(keep_days(org_id), org_id=org_id)
    total = chosen = 0
    for _, table, before in due(days):
        while rows := await database.run(expire(org_id, table, before), org_id=org_id):
            total += rows
            chosen += rows if table.default_days is None else 0
    if chosen:
        await database.run(record_expired(org_id, chosen, days), org_id=org_id)
    return total


@app.task(name="privacy.erase", queue="schedule", pass_context=True, retry=_AGAIN)
async def erase_content(context: JobContext, *, org_id: int, erasure_id: str) -> None:
    """What somebody asked to be erased."""
    rows = await carry_out(resources(context).database, org_id, erasure_id)
    _log.info("erased", org_id=org_id, erasure=erasure_id, rows=rows)


async def carry_out(database: Database, org_id: int, erasure_id: str) -> int:
    """All of it; answers how many rows went this time."""
    wanted = await database.run(erasure(org_id, erasure_id), org_id=org_id)
    total = 0
    for table, condition in steps_of(wanted.scope):
        total += await _take_all(database, org_id, wanted, table, condition)
    if wanted.scope == PERSON:
        await database.run(erase_name(org_id, wanted.target), org_id=org_id)
    await database.run(finish_erasure(org_id, wanted), org_id=org_id)
    return total


async def _take_all(
    database: Database, org_id: int, wanted: Erasure, table: ContentTable, condition: LiteralString
) -> int:
    total = 0
    while rows := await database.run(erase(org_id, wanted, table, condition), org_id=org_id):
        total += rows
    return total
