"""Retention: how long content that nobody accepted is kept. The Owner chooses; the worker acts on it every day."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor, record
from testkase.services.privacy.model import ContentTable
from testkase.services.privacy.registry import CONTENT
from testkase.services.privacy.steps import take

CHOICES: tuple[int | None, ...] = (None, 30, 90, 365)
"""Days; None: for ever."""

RETENTION = Actor(kind="system", ref="retention", name="Retention")

_READ = "SELECT keep_days FROM retention WHERE org_id = %(org_id)s"
_WRITE = """
INSERT INTO retention (org_id, keep_days) VALUES (%(org_id)s, %(days)s)
ON CONFLICT (org_id) DO UPDATE SET keep_days = excluded.keep_days, changed_at = now()
"""
_ORGANIZATIONS = "SELECT id FROM organization WHERE id > %(after)s ORDER BY id LIMIT 500"


def keep_days(org_id: int) -> Operation[int | None]:
    """What the Owner chose; None: for ever."""
    rows = yield Statement(_READ, {"org_id": org_id})
    return rows[0]["keep_days"] if rows else None


def choose_keep_days(org_id: int, days: int | None, *, actor: Actor) -> Operation[bool]:
    """Keep what nobody accepted for so many days; answers whether that is new. Raises InvalidInput for others."""
    if days not in CHOICES:
        raise InvalidInput("Choose 30, 90 or 365 days, or for ever.", field="keep_days")
    before = yield from keep_days(org_id)
    if days == before:
        return False
    yield Statement(_WRITE, {"org_id": org_id, "days": days})
    details = {"from": in_words(before), "to": in_words(days)}
    yield from record(org_id, Activity(action="retention.changed", actor=actor, details=details))
    return True


def in_words(days: int | None) -> str:
    """For people: "90 days", "for ever"."""
    return "for ever" if days is None else f"{days} days"


def organizations(after: int) -> Operation[list[int]]:
    """The next organizations to look after, by id."""
    rows = yield Statement(_ORGANIZATIONS, {"after": after})
    return [row["id"] for row in rows]


def due(days: int | None, now: datetime | None = None) -> Iterator[tuple[str, ContentTable, datetime]]:
    """The tables in which something may be too old, each with the content's slug and the instant before which it is."""
    now = now or utc_now()
    for content in CONTENT:
        for table in content.tables:
            age = table.default_days if table.default_days is not None else days
            if table.expired is not None and age is not None:
                yield content.slug, table, now - timedelta(days=age)


def expire(org_id: int, table: ContentTable, before: datetime) -> Operation[int]:
    """One step; answers how many rows went. Repeat it until that is 0."""
    assert table.expired is not None
    return (yield from take(org_id, table, table.expired, {"before": before}, skip=True))


def record_expired(org_id: int, rows: int, days: int | None) -> Operation[None]:
    """That content went by the organization's own choice."""
    details = {"rows": str(rows), "days": in_words(days)}
    yield from record(org_id, Activity(action="content.expired", actor=RETENTION, details=details))
