"""Cancel: a person has what a worker does ended, wherever that runs. What was used until then is charged (P17)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from testkase.foundation.database import Database, Operation
from testkase.services.features.running.carrying_out import AGAIN
from testkase.services.metering.problems import CutOff

EVERY_SECONDS = 0.4
"""The page asks about as often."""


class Cancelled(CutOff):
    """Somebody pressed Cancel."""


@asynccontextmanager
async def watching_for_cancel(
    database: Database, org_id: int, asked: Callable[[], Operation[bool]], cue: Callable[[], None]
) -> AsyncIterator[None]:
    """Calls `cue` once when it was `asked` for. It looks by itself: a model that thinks for long reports nothing.

    The task is asked to end, not cancelled: a cancellation that meets a connection on its way can get lost.
    """
    over = asyncio.Event()
    watch = _watch(database, org_id, asked, cue, over)
    task = asyncio.get_running_loop().create_task(watch, name="cancel-watch")
    try:
        yield
    finally:
        over.set()
        await asyncio.wait([task])


async def _watch(
    database: Database, org_id: int, asked: Callable[[], Operation[bool]], cue: Callable[[], None], over: asyncio.Event
) -> None:
    while not over.is_set():
        with suppress(*AGAIN):  # the next look may find the database there again
            if await database.run(asked(), org_id=org_id):
                cue()
                return
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY_SECONDS):
                await over.wait()
