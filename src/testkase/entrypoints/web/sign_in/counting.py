"""What sign-in counts, in the database: all processes share one budget, and a code of a second step opens one door.

It is Django's cache, which allauth counts in, and which otherwise is each process's own. Values are JSON, so that
whoever could write a row could not have it run; keys are hashes, so that no address is kept.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

_GET = "SELECT value FROM throttle WHERE key = %s AND expires_at > clock_timestamp()"
_SET = """
    INSERT INTO throttle (key, value, expires_at)
    VALUES (%s, %s, coalesce(clock_timestamp() + %s * interval '1 second', 'infinity'))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
"""
_ADD = f"{_SET} WHERE throttle.expires_at <= clock_timestamp() RETURNING key"
_DELETE = "DELETE FROM throttle WHERE key = %s RETURNING key"
_FORGET = """
    DELETE FROM throttle WHERE key IN (
        SELECT key FROM throttle WHERE expires_at <= clock_timestamp() LIMIT 20 FOR UPDATE SKIP LOCKED)
"""
_USED_CODE = "allauth.mfa.totp.used"
_CODE_SECONDS = 120
"""An app's code is taken before and after its own half minute, and allauth would forget within one that it was used."""


class SharedCounts(BaseCache):
    """One table for all processes. Each change takes some of what is over with it, so that nothing else must."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = _run(_GET, [self._hash(key, version)])
        return default if found is None else json.loads(found[0])

    def set(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        _run(_SET, [self._hash(key, version), json.dumps(value), self._seconds(timeout)])
        _run(_FORGET, [])

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Whether it was not there: of several who ask at once, one hears yes."""
        if key.startswith(_USED_CODE):
            timeout = _CODE_SECONDS
        return _run(_ADD, [self._hash(key, version), json.dumps(value), self._seconds(timeout)]) is not None

    def delete(self, key: str, version: int | None = None) -> bool:
        return _run(_DELETE, [self._hash(key, version)]) is not None

    def clear(self) -> None:
        _run("DELETE FROM throttle", [])

    def _hash(self, key: str, version: int | None) -> bytes:
        return hashlib.sha256(self.make_key(key, version=version).encode()).digest()

    def _seconds(self, timeout: float | None) -> float | None:
        """By the database's clock, as they are read: this machine's may be minutes off. None: for ever."""
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout


def _run(sql: str, values: Sequence[bytes | str | float | None]) -> tuple[Any, ...] | None:
    """The first row, where the statement answers any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() if cursor.description is not None else None
