"""Telling people something: a row for each, in the transaction of what it is about, and an e-mail to be sent later.

What the Owner and the Admins are told goes to the organization's webhook endpoints too, where one wants it (ADR 21).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import LiteralString

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.notifications.webhooks.events import EVENTS

_SQL: dict[str, LiteralString] = named_statements("testkase.services.notifications.sql", "telling.sql")

OWNER_AND_ADMINS = ("owner", "admin")

_LONGEST_TITLE, _LONGEST_BODY, _LONGEST_LABEL = 200, 2_000, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What happened, in words for people.

    `roles` and `people` (user ids) together say who is told; only members of the organization ever are. `event_key`
    names the event: the same key tells each person once, for ever, however often it is repeated.
    """

    kind: str
    """`noun.verb`, such as `credits.low` or `guard.paused`."""
    event_key: str
    title: str
    body: str = ""
    link: str = ""
    """A path of this product, such as `/settings/ai-credits`; empty: none."""
    link_label: str = "Open"
    leads_to_buying: bool = False
    """Adds the link to buy for those who may, and "ask your Owner" for the others: by their role when they read it."""
    roles: tuple[str, ...] = OWNER_AND_ADMINS
    people: tuple[int, ...] = ()
    email: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    """Ids and figures for programs, by name, as the API writes them. People read them in the sentences."""


def notify(org_id: int, notification: Notification) -> Operation[int]:
    """Tell everyone it is for; answers how many had not been told before. Needs the organization's tenant context.

    Programs are told what those in charge are, once for its key, of the kinds in `webhooks/events.py`.

    Titles and texts that are too long are cut, not refused: what they are about has happened and must not be undone by
    its announcement.
    """
    rows = yield Statement(
        _SQL["tell"],
        {
            "org_id": org_id,
            "kind": notification.kind,
            "event_key": notification.event_key,
            "title": _cut(notification.title, _LONGEST_TITLE),
            "body": _cut(notification.body, _LONGEST_BODY),
            "link": notification.link,
            "link_label": _cut(notification.link_label, _LONGEST_LABEL),
            "leads_to_buying": notification.leads_to_buying,
            "roles": list(notification.roles),
            "people": list(notification.people),
            "email": notification.email,
            "to_endpoints": bool(notification.roles) and notification.kind in EVENTS,
            "facts": msgspec.json.encode(notification.facts).decode(),
        },
    )
    return int(rows[0]["told"])


def _cut(text: str, longest: int) -> str:
    text = text.replace("\x00", "")
    return text if len(text) <= longest else text[: longest - 1] + "…"
