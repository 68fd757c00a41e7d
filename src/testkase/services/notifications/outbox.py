"""E-mails on their way: claimed, sent outside any transaction, and marked. At least once, under a stable Message-ID.

    due = run(claim(limit=1))                           committed: a worker that dies leaves them to the next
    letter = run(letter(one))                           in the organization's context
    … hand it to the mail server, no transaction open …
    run(mark_sent(one)) or run(mark_failed(one, fault))

A worker killed between the server's yes and the mark sends the same letter again, under the same Message-ID.
"""

from dataclasses import dataclass
from datetime import datetime

from testkase.core.access import Action, can
from testkase.foundation.database import Operation, Statement, named_statements

_SQL = named_statements("testkase.services.notifications.sql", "outbox.sql")

FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3_600
MOST_ATTEMPTS = 30
"""A mail server that is down for a day loses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A claimed row of the queue."""

    org_id: int
    notification_id: int
    attempts: int

    @property
    def last_attempt(self) -> bool:
        return self.attempts >= MOST_ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What an e-mail is made of."""

    org_id: int
    notification_id: int
    title: str
    body: str
    link: str
    link_label: str
    leads_to_buying: bool
    created_at: datetime
    email: str
    name: str
    role: str
    organization: str
    purchase_roles: str
    is_elsewhere_too: bool
    """Whether they are in other organizations as well."""

    @property
    def may_buy(self) -> bool:
        return can(self.role, Action.BUY_CREDITS, purchase_roles=self.purchase_roles)

    def message_id(self, host: str) -> str:
        """The same at every attempt, so that mail programs show a letter sent twice once."""
        made = int(self.created_at.timestamp() * 1_000_000)
        return f"<notification.{self.org_id}.{self.notification_id}.{made}@{host}>"


def claim(*, limit: int) -> Operation[list[DueMail]]:
    """Take e-mails that are due. Needs no organization's context."""
    rows = yield Statement(_SQL["claim"], {"limit": limit, "first": FIRST_PAUSE_SECONDS, "most": LONGEST_PAUSE_SECONDS})
    return [DueMail(**row) for row in rows]


def letter(mail: DueMail) -> Operation[Letter | None]:
    """What to send, in the organization's context. None: the person is not there any more."""
    rows = yield Statement(_SQL["letter"], {"org_id": mail.org_id, "notification_id": mail.notification_id})
    return Letter(org_id=mail.org_id, **rows[0]) if rows else None


def mark_sent(mail: DueMail) -> Operation[None]:
    """The mail server has taken it."""
    yield Statement(_SQL["sent"], {"org_id": mail.org_id, "notification_id": mail.notification_id})


def mark_failed(mail: DueMail, fault: str, *, give_up: bool) -> Operation[None]:
    """It was not taken. `fault`: what kind of error, never the server's own words, which may quote the letter."""
    params = {"org_id": mail.org_id, "notification_id": mail.notification_id, "fault": fault[:200], "give_up": give_up}
    yield Statement(_SQL["failed"], params)
