"""Retention, erasure and exports: what is too old or was asked to go, in small steps; and everything as one file."""

from typing import LiteralString

import psycopg
import structlog
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from testkase.entrypoints.worker.resources import resources
from testkase.foundation.clock import utc_now
from testkase.foundation.database import SET_TENANT, Database
from testkase.services.privacy.erasing import PERSON, Erasure, erase, erasure, finish_erasure, steps_of
from testkase.services.privacy.export.asking import (
    Superseded,
    begin_export,
    end_export,
    forget_export,
    forget_exports,
    keep_part,
)
from testkase.services.privacy.export.packing import organization_name, packed
from testkase.services.privacy.keeping import due, expire, keep_days, organizations, record_expired
from testkase.services.privacy.model import ContentTable
from testkase.services.privacy.people import erase_name

_AGAIN = RetryStrategy(max_attempts=10, exponential_wait=2)
"""Erasing goes on where it stopped."""

_AGAIN_LATER = RetryStrategy(max_attempts=5, exponential_wait=2, retry_exceptions={psycopg.OperationalError})
_LIFE = {"hours": 24}
"""As long as an export can be downloaded (services/privacy/export/asking.py)."""

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
    await database.run(forget_exports(org_id), org_id=org_id)
    await database.run(finish_erasure(org_id, wanted), org_id=org_id)
    return total


async def _take_all(
    database: Database, org_id: int, wanted: Erasure, table: ContentTable, condition: LiteralString
) -> int:
    total = 0
    while rows := await database.run(erase(org_id, wanted, table, condition), org_id=org_id):
        total += rows
    return total


@app.task(name="privacy.export", queue="schedule", pass_context=True, retry=_AGAIN_LATER)
async def export_content(context: JobContext, *, org_id: int, export_id: str) -> None:
    """Everything an organization holds, packed into one file that can be downloaded for a day."""
    size = await pack(resources(context).database, org_id, export_id)
    forget = context.app.configure_task("privacy.forget_export", queue="schedule", schedule_in=_LIFE)
    await forget.defer_async(org_id=org_id, export_id=export_id)
    _log.info("exported", org_id=org_id, export=export_id, bytes=size)


@app.task(name="privacy.forget_export", queue="schedule", pass_context=True, retry=_AGAIN)
async def forget_export_file(context: JobContext, *, org_id: int, export_id: str) -> None:
    """An export's day is over."""
    await resources(context).database.run(forget_export(org_id, export_id), org_id=org_id)


async def pack(database: Database, org_id: int, export_id: str) -> int:
    """One run of an export's job; answers the file's size, 0 where there was nothing to do."""
    attempt = await database.run(begin_export(org_id, export_id), org_id=org_id)
    if not attempt:
        return 0
    try:
        size = await _pack(database, org_id, export_id, attempt)
    except Superseded:
        return 0
    except psycopg.OperationalError:
        raise  # the database is away: the job is run again
    except Exception as fault:  # noqa: BLE001 - whoever waits for the file must be told
        _log.error("an export failed", org_id=org_id, export=export_id, fault=type(fault).__name__)
        await database.run(end_export(org_id, export_id, attempt, state="failed"), org_id=org_id)
        return 0
    await database.run(end_export(org_id, export_id, attempt, state="ready", size=size), org_id=org_id)
    return size


async def _pack(database: Database, org_id: int, export_id: str, attempt: int) -> int:
    """Read from one snapshot, write each part in a transaction of its own."""
    size = position = 0
    async with database.pool.connection() as reading, reading.transaction():
        await reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await reading.execute(SET_TENANT.sql, {"org_id": str(org_id)})
        await reading.execute("SET LOCAL timezone = 'UTC'")
        name = await organization_name(reading, org_id)
        async for part in packed(reading, org_id, organization=name, day=utc_now().date().isoformat()):
            await database.run(keep_part(org_id, export_id, attempt, position, part), org_id=org_id)
            size, position = size + len(part), position + 1
    return size
