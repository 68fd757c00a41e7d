"""Work that is done again and again beside the jobs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

_log = structlog.get_logger(__name__)


async def keep_at(work: Callable[[], Awaitable[float]], *, complaint: str, after_fault: float) -> NoReturn:
    """Do `work` until cancelled; it answers how many seconds to wait before the next time.

    Whatever goes wrong is logged as `complaint` and tried again `after_fault` seconds later: nobody else does the work,
    and a database that is away for a while costs nothing but time.
    """
    while True:
        try:
            await asyncio.sleep(await work())
        except Exception:  # noqa: BLE001 - whatever it was, the next time may succeed
            _log.warning(complaint, exc_info=True)
            await asyncio.sleep(after_fault)
