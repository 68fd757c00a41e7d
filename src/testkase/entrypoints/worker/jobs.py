"""What happens because somebody asked for it. Deferred by name in the transaction that wrote the request down:

    jobs.configure_task("generation.run", queue="ai").defer(org_id=…, generation_id=…)

Arguments are ids only: what was asked for stays in the organization's own tables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from testkase.entrypoints.worker.resources import resources
from testkase.foundation.tracing import span
from testkase.services.features.chat.run import run_turn
from testkase.services.features.generation.run import run_generation
from testkase.services.features.reports.run import run_reports
from testkase.services.features.running.carrying_out import AGAIN
from testkase.services.metering.meter import Meter
from testkase.services.workspace.importing import run as imports
from testkase.services.workspace.importing.requests import TASK as IMPORT

SETTLE_SECONDS = 10.0
"""How long a job that is cut off waits for its calls to be settled."""

_AGAIN = RetryStrategy(max_attempts=10, exponential_wait=2, retry_exceptions=set(AGAIN))
"""Only where the outcome is unknown; a second run goes on, or begins an answer anew, and is never charged twice."""
_IMPORT_TRIES = 10
_IMPORT_AGAIN = RetryStrategy(max_attempts=_IMPORT_TRIES, exponential_wait=2, retry_exceptions=set(imports.AGAIN))
"""A second run goes on behind what is done."""


@app.task(name="generation.run", queue="ai", pass_context=True, retry=_AGAIN)
async def generate_test_cases(context: JobContext, *, org_id: int, generation_id: int) -> None:
    """Write the drafts of a generation."""
    held = resources(context)
    async with _metered(context) as meter:
        await run_generation(org_id, generation_id, meter, held.database)


@app.task(name="report.run", queue="ai", pass_context=True, retry=_AGAIN)
async def make_reports(context: JobContext, *, org_id: int, run_id: int) -> None:
    """Make the reports of a run."""
    held = resources(context)
    async with _metered(context) as meter:
        await run_reports(org_id, run_id, meter, held.database)


@app.task(name="chat.answer", queue="ai", pass_context=True, retry=_AGAIN)
async def answer_question(context: JobContext, *, org_id: int, thread_id: int, turn_id: int) -> None:
    """Answer a question in a chat."""
    held = resources(context)
    async with _metered(context) as meter:
        await run_turn(org_id, thread_id, turn_id, meter, held.database)


@asynccontextmanager
async def _metered(context: JobContext) -> AsyncIterator[Meter]:
    """A meter for one job; what it began is settled when the job ends, however it ends."""
    held = resources(context)
    meter = Meter(held.engine, held.books, held.catalog, watcher=held.watcher, database=held.database)
    with span("job", task=context.job.task_name, job_id=context.job.id or 0):
        try:
            yield meter
        finally:
            await meter.drain(SETTLE_SECONDS)


@app.task(name=IMPORT, queue="imports", pass_context=True, retry=_IMPORT_AGAIN)
async def bring_in(context: JobContext, *, org_id: int, import_id: int) -> None:
    """Work off a file somebody brought in."""
    last = context.job.attempts >= _IMPORT_TRIES
    await imports.run_import(org_id, import_id, resources(context).database, last_try=last)
