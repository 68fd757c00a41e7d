"""Who is calling: API keys, looked up by their hash and remembered for less than a second.

A revoked key stops working within that second. However many keys are used however often, they are asked for together,
about once a second: a query for each would cost more than many a request. When a key was last used is written in one
statement every half minute, off the path of requests.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
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
    "SELECT hash, org_id, key_id, name, scopes FROM api_key"
    " WHERE hash = ANY (%(hashes)s::bytea[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
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
        self._in_use: set[bytes] = set()
        """Keys used since the directory was last asked: they are asked for along with the next."""
        self._waiting: dict[bytes, asyncio.Future[Caller | None]] = {}
        self._asker: asyncio.Task[None] | None = None
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
            self._in_use.add(digest)
            return known.caller
        if not looks_like_key(text):
            raise InvalidApiKey(_SEND_A_KEY)
        caller = await self._find(digest)
        if caller is None:
            raise InvalidApiKey("This API key does not exist, has expired or was revoked.")
        self._used[digest] = time.time()
        return caller

    async def _find(self, digest: bytes) -> Caller | None:
        """One query for however many requests and keys ask at once; nobody can cancel it for the others."""
        waiting = self._waiting.get(digest)
        if waiting is None:
            waiting = self._waiting[digest] = asyncio.get_running_loop().create_future()
            if self._asker is None or self._asker.done():
                self._asker = asyncio.create_task(self._ask(), name="api-keys")
        return await asyncio.shield(waiting)

    async def _ask(self) -> None:
        """Who asks during a query is in the next."""
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            wanted = asked.keys() | self._in_use
            self._in_use.clear()
            asked_at = time.monotonic()
            try:
                found = await self._database.run(find_callers(wanted))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked to hear
                for waiting in asked.values():
                    waiting.set_exception(error)
                continue
            self._remember(wanted, found, asked_at + FRESH_SECONDS)
            for digest, waiting in asked.items():
                waiting.set_result(found.get(digest))

    def _remember(self, wanted: Iterable[bytes], found: Mapping[bytes, Caller], until: float) -> None:
        if len(self._known) + len(found) > MOST_REMEMBERED:
            self._known.clear()
        for digest in wanted:
            if digest in found:
                self._known[digest] = _Known(found[digest], until)
            else:
                self._known.pop(digest, None)  # keys that do not exist must not crowd out those that do

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


def find_callers(digests: Iterable[bytes]) -> Operation[dict[bytes, Caller]]:
    """The callers whose keys have these hashes, without those that were revoked or whose end has come."""
    rows = yield Statement(_FIND, {"hashes": list(digests)})
    return {
        bytes(row["hash"]): Caller(row["org_id"], row["key_id"], row["name"], frozenset(row["scopes"])) for row in rows
    }


def touch_keys(used: Iterable[tuple[bytes, float]]) -> Operation[None]:
    """Note when keys were last used."""
    pairs = list(used)
    times = [datetime.fromtimestamp(at, UTC) for _, at in pairs]
    yield Statement(_TOUCH, {"hashes": [digest for digest, _ in pairs], "times": times})
