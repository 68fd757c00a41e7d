"""What a person was told, and what of it they have read. Needs the organization's tenant context."""

from dataclasses import dataclass
from datetime import datetime

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import NotFound

_SQL = named_statements("testkase.services.notifications.sql", "inbox.sql")

MOST_COUNTED = 100
"""A bell shows "99+" from here on."""

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A person's copy of a notification."""

    notification_id: int
    kind: str
    title: str
    body: str
    link: str
    link_label: str
    leads_to_buying: bool
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePage:
    """Newest first. `next_before` continues; None: that was all."""

    notices: list[Notice]
    next_before: int | None


def unread_count(org_id: int, user_id: int) -> Operation[int]:
    """How many are unread, at most MOST_COUNTED."""
    params = {"org_id": org_id, "user_id": user_id, "most": MOST_COUNTED}
    rows = yield Statement(_SQL["unread"], params)
    return int(rows[0]["unread"])


def notices(org_id: int, user_id: int, *, limit: int, before: int | None = None) -> Operation[NoticePage]:
    """A page; the cost does not depend on how many there are."""
    params = {"org_id": org_id, "user_id": user_id, "limit": limit + 1, "before": min(before or _NEWEST, _NEWEST)}
    rows = yield Statement(_SQL["page"], params)
    found = [Notice(**row) for row in rows[:limit]]
    return NoticePage(notices=found, next_before=found[-1].notification_id if len(rows) > limit else None)


def read(org_id: int, user_id: int, notification_id: int) -> Operation[Notice]:
    """Mark one as read. Raises NotFound for one that is not there or another person's."""
    params = {"org_id": org_id, "user_id": user_id, "notification_id": notification_id}
    rows = (yield Statement(_SQL["read"], params)) if notification_id <= _NEWEST else []
    if not rows:
        raise NotFound("There is no such notification.")
    return Notice(**rows[0])


def read_all(org_id: int, user_id: int, *, up_to: int | None = None) -> Operation[None]:
    """Mark everything as read that is not newer than `up_to`, the newest the person has seen."""
    params = {"org_id": org_id, "user_id": user_id, "up_to": min(up_to or _NEWEST, _NEWEST)}
    yield Statement(_SQL["read_all"], params)
