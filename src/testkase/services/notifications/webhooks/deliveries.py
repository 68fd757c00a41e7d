"""Events on their way: claimed, sent outside any transaction, and marked. At least once, under a stable id.

due = run(claim(busy=[…]))                          committed: a worker that dies leaves it to the next
parcel = run(parcel_of(due, seal))                  in the organization's context
… send it, no transaction open …
run(mark_delivered(due)) or run(mark_failed(due, fault))
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, NotFound
from testkase.foundation.sealing import Seal
from testkase.services.audit import Activity, Actor, record
from testkase.services.notifications.telling import Notification, notify
from testkase.services.notifications.webhooks.endpoints import SWITCHED_OFF, endpoint, give_up_waiting
from testkase.services.notifications.webhooks.events import TEST, Message
from testkase.services.notifications.webhooks.secrets import secrets_in_force

_SQL = named_statements("testkase.services.notifications.webhooks.sql", "deliveries.sql")

PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After each attempt that failed: the schedule that Standard Webhooks recommends, over more than three days."""
MOST_ATTEMPTS = len(PAUSES_SECONDS) + 1
LEASE_SECONDS = 60
"""How long a worker has for an attempt before another takes it over. Longer than an attempt may take."""
PATIENCE_SECONDS = 5 * 86_400
"""An endpoint that has taken nothing for so long is switched off when the next delivery is given up."""

SENDER = Actor(kind="system", ref="webhooks", name="Webhooks")
WEBHOOKS_PAGE = "/settings/webhooks"

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A claimed row of the queue."""

    org_id: int
    delivery_id: int
    endpoint_id: str
    event_id: int
    attempts: int

    @property
    def last_attempt(self) -> bool:
        return self.attempts >= MOST_ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What to send, where to, and what to sign it with; the secrets stay out of `repr`."""

    url: str
    message: Message
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Parcel({self.message.message_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event and how it went, for people."""

    delivery_id: int
    event_id: int
    kind: str
    title: str
    created_at: datetime
    attempts: int
    due_at: datetime
    tried_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Newest first. `next_before` continues; None: that was all."""

    deliveries: list[Delivery]
    next_before: int | None


def claim(*, busy: Collection[str] = (), full: Collection[int] = ()) -> Operation[Due | None]:
    """Take a delivery that is due, of an endpoint that is not `busy` and an organization that is not `full`. Needs no
    organization's context."""
    rows = yield Statement(_SQL["claim"], {"busy": list(busy), "full": list(full), "lease": LEASE_SECONDS})
    return Due(**rows[0]) if rows else None


def parcel_of(due: Due, seal: Seal) -> Operation[Parcel | None]:
    """What to send, in the organization's context. None: the endpoint is gone or not on, and nothing will be sent.
    Raises CannotOpen where the installation's key has changed."""
    place = {"org_id": due.org_id, "endpoint_id": due.endpoint_id, "event_id": due.event_id}
    rows = yield Statement(_SQL["parcel"], place)
    if not rows or rows[0]["state"] != "on":
        return None
    row = rows[0]
    message = Message(
        org_id=due.org_id, event_id=due.event_id, kind=row["kind"], title=row["title"], body=row["body"],
        link=row["link"], facts=msgspec.json.decode(row["facts"]), created_at=row["created_at"],
    )  # fmt: skip
    secrets = yield from secrets_in_force(due.org_id, due.endpoint_id, seal)
    return Parcel(url=row["url"], message=message, secrets=tuple(secrets))


def mark_delivered(due: Due) -> Operation[None]:
    """It was taken."""
    yield Statement(_SQL["well"], _place(due))
    yield Statement(_SQL["delivered"], _place(due))


def mark_dropped(due: Due) -> Operation[None]:
    """It will not be sent, as its endpoint is gone or not on."""
    yield Statement(_SQL["dropped"], {**_place(due), "fault": SWITCHED_OFF})


def mark_failed(due: Due, fault: str, *, gone: bool = False) -> Operation[bool]:
    """It was not taken; whether its endpoint was switched off for that. `gone`: the endpoint said that it wants nothing
    any more. `fault`: one of our own sentences, never what the other side said."""
    rows = yield Statement(_SQL["unwell"], {**_place(due), "patience": PATIENCE_SECONDS})
    yield from put_off(due, fault, give_up=gone)
    # Not before something was tried to the end: one that failed a month ago, and has had nothing to take since, may
    # have been mended meanwhile and be down for a minute now.
    if not rows or not (gone or (due.last_attempt and rows[0]["is_dead"])):
        return False
    why = "It answered that it is gone." if gone else "It had taken nothing for five days or more."
    return (yield from _switch_off(due, why))


def put_off(due: Due, fault: str, *, give_up: bool = False) -> Operation[None]:
    """Try it again after a pause, or after the last attempt no more. Says nothing of its endpoint."""
    values = {"fault": fault[:100], "pause": pause_seconds(due.attempts), "give_up": give_up or due.last_attempt}
    yield Statement(_SQL["failed"], {**_place(due), **values, "attempts": due.attempts})


def pause_seconds(attempts: int) -> float:
    """Until the next attempt, a tenth more or less: endpoints that come back are not asked by all at once."""
    usual = PAUSES_SECONDS[min(attempts, len(PAUSES_SECONDS)) - 1]
    return usual * random.uniform(0.9, 1.1)  # noqa: S311 - nothing secret


def _switch_off(due: Due, why: str) -> Operation[bool]:
    org_id, endpoint_id = due.org_id, due.endpoint_id
    if not (yield Statement(_SQL["dead"], {"org_id": org_id, "endpoint_id": endpoint_id})):
        return False
    found = yield from endpoint(org_id, endpoint_id)
    yield from give_up_waiting(org_id, endpoint_id)
    told = Notification(
        kind="webhook.failed", event_key=f"webhook.failed:{endpoint_id}.{new_id('off')}",
        title=f"Webhooks to {found.host[:120]} were switched off",
        body=f"{why} What it was sent is listed with it and can be sent again once it is switched on. What happens"
        " until then is not kept for it.",
        link=f"{WEBHOOKS_PAGE}/{endpoint_id}", link_label="Open the endpoint",
    )  # fmt: skip
    yield from notify(org_id, told)
    details = {"because": why}
    yield from record(org_id, Activity(action="webhook.failed", actor=SENDER, target=found.host, details=details))
    return True


def deliveries(org_id: int, endpoint_id: str, *, limit: int, before: int | None = None) -> Operation[DeliveryPage]:
    """An endpoint's deliveries; the cost does not depend on how many there are."""
    place = {
        "org_id": org_id,
        "endpoint_id": endpoint_id,
        "limit": limit + 1,
        "before": min(before or _NEWEST, _NEWEST),
    }
    rows = yield Statement(_SQL["page"], place)
    found = [Delivery(**row) for row in rows[:limit]]
    return DeliveryPage(deliveries=found, next_before=found[-1].delivery_id if len(rows) > limit else None)


def send_again(org_id: int, endpoint_id: str, delivery_id: int) -> Operation[None]:
    """From the beginning, at once; nothing more where it is under way. Raises NotFound, Conflict for an endpoint that
    is not on."""
    yield from _on(org_id, endpoint_id)
    place = {"org_id": org_id, "endpoint_id": endpoint_id, "delivery_id": min(delivery_id, _NEWEST)}
    if not (yield Statement(_SQL["again"], {**place, "lease": LEASE_SECONDS})) and not (
        yield Statement(_SQL["there"], place)
    ):
        raise NotFound("There is no such delivery.")


def send_test(org_id: int, endpoint_id: str, *, request_id: str) -> Operation[None]:
    """Send a test to one endpoint; the same `request_id` sends one. Raises NotFound, Conflict for an endpoint that is
    not on."""
    yield from _on(org_id, endpoint_id)
    values = {
        "kind": TEST, "event_key": f"{TEST}:{endpoint_id}:{request_id}"[:200], "title": "A test of this endpoint",
        "body": "Nothing has happened. Somebody asked for this message under Settings, Webhooks.",
    }  # fmt: skip
    yield Statement(_SQL["try_out"], {"org_id": org_id, "endpoint_id": endpoint_id, **values})


def _on(org_id: int, endpoint_id: str) -> Operation[None]:
    if (yield from endpoint(org_id, endpoint_id)).state != "on":
        raise Conflict("The endpoint is switched off. Switch it on first.")


def _place(due: Due) -> dict[str, object]:
    return {"org_id": due.org_id, "delivery_id": due.delivery_id, "endpoint_id": due.endpoint_id}
