"""One look a second at all organizations that anybody in this process watches; none while nobody does.

    unwatch = watcher.watch(org_id, lambda pulse: …)

Open pages and running calls share it, so that a thousand of them cost the database what one does. Whoever watches is
told how things stand, not what changed: a look that is missed, or one too many, does no harm.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg_pool import PoolTimeout

from testkase.foundation.database import Database
from testkase.services.live.pulse import Pulse, pulses

log = logging.getLogger(__name__)

EVERY_SECONDS = 0.8
"""Less than the second within which the switch must act, so that the look and the cut fit in."""

PATIENCE_SECONDS = 5.0
"""A look takes a millisecond; one without an answer for so long has lost its connection."""

Tell = Callable[[Pulse], None]


@dataclass(slots=True)
class _Watched:
    """An organization somebody watches."""

    pulse: Pulse | None = None
    listeners: dict[object, Tell] = field(default_factory=dict)


class Watcher:
    """Belongs to one event loop. `tell` must neither wait nor raise."""

    def __init__(self, database: Database, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._database = database
        self._every_seconds = every_seconds
        self._watched: dict[int, _Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_look = 0.0
        self.looks = 0
        """How many times the database was asked."""

    def watch(self, org_id: int, tell: Tell) -> Callable[[], None]:
        """Tell now (if it is known) and at every change how the organization stands, until the answer is called."""
        watched = self._watched.setdefault(org_id, _Watched())
        key = object()
        watched.listeners[key] = tell
        loop = asyncio.get_running_loop()
        if watched.pulse is not None:
            loop.call_soon(self._tell, watched, key, watched.pulse)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._look_on(), name="live-watcher")

        def unwatch() -> None:
            watched.listeners.pop(key, None)
            if not watched.listeners and self._watched.get(org_id) is watched:
                del self._watched[org_id]

        return unwatch

    async def close(self) -> None:
        """Look no more."""
        self._watched.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched:
            await asyncio.sleep(self._next_look - loop.time())
            if self._watched:  # somebody who stayed for less than that needed no look
                self._next_look = loop.time() + self._every_seconds
                await self._look()

    async def _look(self) -> None:
        seen = {org_id: watched.pulse for org_id, watched in self._watched.items()}
        self.looks += 1
        try:
            # A connection that died silently answers nothing for many minutes: the next look has another one.
            async with asyncio.timeout(PATIENCE_SECONDS):
                changed = await self._database.run(pulses(seen))
        except (psycopg.Error, PoolTimeout, OSError) as error:
            log.warning("live pages and the switch wait for the database: %s", type(error).__name__)
            return
        except Exception:
            log.exception("a look failed; the next one follows")
            return
        for pulse in changed:
            watched = self._watched.get(pulse.org_id)
            if watched is not None:
                watched.pulse = pulse
                for key in list(watched.listeners):
                    self._tell(watched, key, pulse)

    def _tell(self, watched: _Watched, key: object, pulse: Pulse) -> None:
        tell = watched.listeners.get(key)
        if tell is None:
            return
        try:
            tell(pulse)
        except Exception:
            log.exception("a listener failed; the others are told all the same")
