"""The logbook of this process, and the looking after those of processes that are gone."""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from testkase.core.ledger.engine import Engine
from testkase.core.ledger.terms import Tokens
from testkase.foundation.problems import Problem
from testkase.services.metering.charge import NOTHING, Charge, within
from testkase.services.metering.logbook.pages import SUFFIX, YOUNG_SUFFIX, Delivered, Page, Pages, read
from testkase.services.metering.metrics import RECOVERED
from testkase.services.metering.request import Bounds
from testkase.services.metering.settle import OpenedHold, resolve

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 15.0
OLD_SECONDS = 600.0
"""A file is made in an instant: one that is not yet done after so long was left by a process that was killed at it."""
PATIENCE_SECONDS = 60.0
"""How long one call of a process that is gone is tried to be settled before the file is left for the next look."""


class Keeper:
    """One per process that serves streams. Without a folder that can be written it keeps nothing, and says so."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._pages: Pages | None = None
        self._looking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin a file, and look for those of the dead, now and from time to time."""
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            self._pages = Pages.create(self._folder)
        except OSError as error:
            log.warning("streams of a killed process will not be charged: %s", error)
            return
        self._looking = asyncio.get_running_loop().create_task(self._keep_looking(), name="logbook")

    async def close(self) -> None:
        """Once everything in flight is settled."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        if self._pages is not None:
            self._pages.close()
            self._pages = None

    def take(self, hold: OpenedHold, opened_seq: int) -> Page | None:
        """A page for a call that begins."""
        return self._pages.take(hold, opened_seq) if self._pages is not None else None

    async def settle_the_dead(self) -> int:
        """Settle what processes that are gone had in flight; how many calls that were."""
        self._sweep()
        settled = 0
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            with _abandoned(path) as descriptor:
                if descriptor is None:
                    continue
                left = list(read(descriptor))
                if all([await self._settle(one) for one in left]):
                    path.unlink(missing_ok=True)
                settled += len(left)
        return settled

    def _sweep(self) -> None:
        """Remove what was never finished. Nothing is in it."""
        for path in self._folder.glob(f"*{YOUNG_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > OLD_SECONDS:
                    path.unlink()

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.settle_the_dead()
            except Exception:
                log.exception("the logbooks of processes that ended could not be read")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _settle(self, left: Delivered) -> bool:
        """Repeating it changes nothing: the hold is resolved once. Never raises."""
        about = left.about
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await resolve(self._engine, about.hold, charge_for(left), about.opened_seq)
        except Problem as problem:  # the organization is gone: nothing will change that
            log.warning("organization %s hold %s: %s", about.hold.org_id, about.hold.hold_id, problem.code)
        except Exception:
            log.exception("organization %s hold %s is left for later", about.hold.org_id, about.hold.hold_id)
            return False
        RECOVERED.inc()
        return True


def charge_for(left: Delivered) -> Charge:
    """As for a call whose client left: the input and what was delivered, and nothing where nothing was (P17)."""
    if left.tokens == Tokens():
        return Charge(tokens=NOTHING, outcome="failed", measurement=left.measurement)
    inputs, outputs = left.about.bounds
    exact = left.measurement == "exact"
    return Charge(
        tokens=left.tokens if exact else within(left.tokens, Bounds(input_tokens=inputs, output_tokens=outputs)),
        outcome="cancelled",
        measurement=left.measurement,
        terms=left.about.terms,
    )


@contextlib.contextmanager
def _abandoned(path: Path) -> Iterator[int | None]:
    """The file under its lock, or None where its process lives or somebody else has taken it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield descriptor
    finally:
        os.close(descriptor)
