"""Cancel: a person has what a worker does ended, wherever that runs. What was used until then is charged (P17)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from testkase.foundation.database import Database, Operation, Statement
from testkase.services.features.running.carrying_out import AGAIN
from testkase.services.features.running.job import EVERY_SECONDS
from testkase.services.metering.problems import CutOff

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction


class Cancelled(CutOff):
    """Somebody pressed Cancel."""


@asynccontextmanager
async def cut_off_on_cancel(
    interaction: "Interaction", database: Database, org_id: int, asked: Statement
) -> AsyncIterator[None]:
    """Cuts the model off once somebody presses Cancel: whoever reads its answer meets Cancelled. Nobody leaves: what
    had not begun is free. It looks by itself: a model that thinks for long reports nothing.

    `asked`: the row of the job as long as this run of it is the current one, with `stop_asked`. The task is asked to
    end, not cancelled: a cancellation that meets a connection on its way can get lost.
    """
    over = asyncio.Event()
    watch = _watch(interaction, database, org_id, asked, over)
    task = asyncio.get_running_loop().create_task(watch, name="cancel-watch")
    try:
        yield
    finally:
        over.set()
        await asyncio.wait([task])


async def _watch(
    interaction: "Interaction", database: Database, org_id: int, asked: Statement, over: asyncio.Event
) -> None:
    while not over.is_set():
        with suppress(*AGAIN):  # the next look may find the database there again
            if await database.run(_is_to_stop(asked), org_id=org_id):
                interaction.abort(Cancelled("It was cancelled."))
                return
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY_SECONDS):
                await over.wait()


def _is_to_stop(asked: Statement) -> Operation[bool]:
    rows = yield asked
    return bool(rows) and bool(rows[0]["stop_asked"])
