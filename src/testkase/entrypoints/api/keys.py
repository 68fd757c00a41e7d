"""Who is calling: API keys, looked up by their hash and remembered for less than a second.

A revoked key stops working within that second, and a key used a thousand times a second costs one query a second. When
a key was last used is written in one statement every half minute, off the path of requests.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

from testkase.core.access import hash_key, looks_like_key
from testkase.foundation.database import Database, Operation, Statement
from testkase.foundation.problems import Forbidden, Problem

log = logging.getLogger(__name__)

FRESH_SECONDS = 0.8
"""How long an answer of the directory is trusted; with the query's own time a revocation acts within a second."""
MOST_REMEMBERED = 10_000
FLUSH_SECONDS = 30.0

_FIND: LiteralString = (
    "SELECT org_id, key_id, name, scopes FROM api_key"
    " WHERE hash = %(hash)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
)
_TOUCH: LiteralString = (
    "UPDATE api_key SET last_used_at = greatest(last_used_at, used.at)"
    " FROM unnest(%(hashes)s::bytea[], %(times)s::timestamptz[]) AS used (hash, at) WHERE api_key.hash = used.hash"
)

_SEND_A_KEY = "Send an API key: Authorization: Bearer tk_live_…"


class InvalidApiKey(Problem):
    """The key is missing, malformed, unknown, expired or revoked: the five answer alike."""

    code = "invalid_api_key"
    title = "No valid API key"


class MissingScope(Forbidden):
    """Facts: `scope`, the one needed."""

    code = "missing_scope"
    title = "The API key may not do this"


@dataclass(frozen=True, slots=True)
class Caller:
    """An organization's program, known by its key."""

    org_id: int
    key_id: str
    key_name: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises MissingScope."""
        if scope not in self.scopes:
            raise MissingScope(f"This API key does not have the scope {scope}.", scope=scope)


@dataclass(slots=True)
class _Known:
    caller: Caller
    until: float


class KeyRing:
    """Callers by key. One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, _Known] = {}
        self._asking: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._used: dict[bytes, float] = {}
        self._flusher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._flusher = asyncio.create_task(self._flush_for_ever(), name="api-key-use")

    async def close(self) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher
        await self._flush()

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header. Raises InvalidApiKey."""
        scheme, _, text = (authorization or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer":
            raise InvalidApiKey(_SEND_A_KEY)
        digest = hash_key(text)
        known = self._known.get(digest)
        if known is not None and known.until > time.monotonic():
            self._used[digest] = time.time()
            return known.caller
        if not looks_like_key(text):
            raise InvalidApiKey(_SEND_A_KEY)
        caller = await self._find(digest)
        if caller is None:
            raise InvalidApiKey("This API key does not exist, has expired or was revoked.")
        self._used[digest] = time.time()
        return caller

    async def _find(self, digest: bytes) -> Caller | None:
        """One query for however many requests ask at once; none of them can cancel it for the others."""
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest))
            self._asking[digest] = task
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes) -> Caller | None:
        asked_at = time.monotonic()
        caller = await self._database.run(find_caller(digest))
        if caller is None:
            self._known.pop(digest, None)  # keys that do not exist must not crowd out those that do
            return None
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = _Known(caller, asked_at + FRESH_SECONDS)
        return caller

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._database.run(touch_keys(used.items()))
        except Exception:
            log.warning("when API keys were last used could not be written", exc_info=True)


def find_caller(digest: bytes) -> Operation[Caller | None]:
    """The caller whose key has this hash, unless it was revoked or its end has come."""
    rows = yield Statement(_FIND, {"hash": digest})
    if not rows:
        return None
    row = rows[0]
    return Caller(row["org_id"], row["key_id"], row["name"], frozenset(row["scopes"]))


def touch_keys(used: Iterable[tuple[bytes, float]]) -> Operation[None]:
    """Note when keys were last used."""
    pairs = list(used)
    times = [datetime.fromtimestamp(at, UTC) for _, at in pairs]
    yield Statement(_TOUCH, {"hashes": [digest for digest, _ in pairs], "times": times})
