"""Where an organization wants its events sent. Every operation needs the organization's tenant context.

An address belongs to one endpoint of an organization, so that a form sent twice makes one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, NotFound
from testkase.foundation.sealing import Seal
from testkase.services.audit import Activity, Actor, record
from testkase.services.notifications.webhooks.addresses import Network, check_url
from testkase.services.notifications.webhooks.events import EVENTS, chosen_kinds
from testkase.services.notifications.webhooks.secrets import new_secret

_SQL = named_statements("testkase.services.notifications.webhooks.sql", "endpoints.sql")

MOST_ENDPOINTS = 10
SWITCHED_OFF = "The endpoint was switched off."

State = Literal["on", "off", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`kinds` is empty where every event is wanted. `failed`: switched off because it had taken nothing for days.
    `added_by`: the reference of the person who did, where that is known. `left_behind`: they are no member any more."""

    endpoint_id: str
    url: str
    kinds: tuple[str, ...]
    state: State
    failing_since: datetime | None
    last_delivered_at: datetime | None
    created_at: datetime
    added_by: str | None
    left_behind: bool

    @property
    def host(self) -> str:
        """What it is called in letters and in the activity history: the rest of an address may be a secret."""
        return urlsplit(self.url).netloc

    def wants(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


def endpoints(org_id: int) -> Operation[list[Endpoint]]:
    """All of them, the oldest first."""
    return [_endpoint(**row) for row in (yield Statement(_SQL["all"], {"org_id": org_id}))]


def endpoint(org_id: int, endpoint_id: str, *, lock: bool = False) -> Operation[Endpoint]:
    """One of them. Raises NotFound."""
    rows = yield Statement(_SQL["locked" if lock else "one"], {"org_id": org_id, "endpoint_id": endpoint_id})
    if not rows:
        raise NotFound("There is no such endpoint.")
    return _endpoint(**rows[0])


def add_endpoint(
    org_id: int, actor: Actor, *, url: str, kinds: Iterable[str], seal: Seal, networks: Sequence[Network]
) -> Operation[tuple[Endpoint, str]]:
    """A new endpoint and its secret, which exists only in this answer. Raises InvalidInput naming the field, Conflict
    for an address that has one already and where there are too many."""
    url, wanted, endpoint_id = check_url(url, networks=networks), chosen_kinds(kinds), new_id("hook")
    yield Statement(_SQL["lock"], {"org_id": org_id})
    number = yield from _others(org_id, endpoint_id, url)
    if number >= MOST_ENDPOINTS:
        raise Conflict(f"There are {MOST_ENDPOINTS} endpoints, which is the most. Remove one first.", field="url")
    values = {"url": url, "kinds": wanted, "added_by": actor.ref if actor.kind == "person" else None}
    yield Statement(_SQL["add"], {"org_id": org_id, "endpoint_id": endpoint_id, **values})
    secret = yield from new_secret(org_id, endpoint_id, seal)
    made = yield from endpoint(org_id, endpoint_id)
    yield from _record(org_id, "webhook.added", actor, made)
    return made, secret


def change_endpoint(
    org_id: int, actor: Actor, endpoint_id: str, *, url: str, kinds: Iterable[str], networks: Sequence[Network]
) -> Operation[Endpoint]:
    """Where it leads and what it wants. Raises as `add_endpoint` does, and NotFound."""
    url, wanted = check_url(url, networks=networks), tuple(chosen_kinds(kinds))
    yield Statement(_SQL["lock"], {"org_id": org_id})
    before = yield from endpoint(org_id, endpoint_id, lock=True)
    yield from _others(org_id, endpoint_id, url)
    after = replace(before, url=url, kinds=wanted)
    if after != before:
        yield from _keep(org_id, after)
        yield from _record(org_id, "webhook.changed", actor, after, before=before.host)
    return after


def switch_endpoint(org_id: int, actor: Actor, endpoint_id: str, *, on: bool) -> Operation[Endpoint]:
    """On, from the next event; or off: what waits is given up. Raises NotFound."""
    before = yield from endpoint(org_id, endpoint_id, lock=True)
    after = replace(before, state="on" if on else "off")
    if after == before:
        return after
    yield from _keep(org_id, after)
    if not on:
        yield from give_up_waiting(org_id, endpoint_id)
    yield from _record(org_id, "webhook.switched_on" if on else "webhook.switched_off", actor, after)
    return after


def renew_secret(org_id: int, actor: Actor, endpoint_id: str, seal: Seal) -> Operation[str]:
    """A new secret, which exists only in this answer; the one before signs for a day more. Raises NotFound, Conflict
    where too many are in force."""
    found = yield from endpoint(org_id, endpoint_id, lock=True)
    secret = yield from new_secret(org_id, endpoint_id, seal)
    yield from _record(org_id, "webhook.secret_renewed", actor, found)
    return secret


def remove_endpoint(org_id: int, actor: Actor, endpoint_id: str) -> Operation[Endpoint]:
    """With its secrets and what was sent to it. Raises NotFound."""
    found = yield from endpoint(org_id, endpoint_id, lock=True)
    place = {"org_id": org_id, "endpoint_id": endpoint_id}
    yield Statement(_SQL["remove_deliveries"], place)
    yield Statement(_SQL["remove"], place)
    yield from _record(org_id, "webhook.removed", actor, found)
    return found


def give_up_waiting(org_id: int, endpoint_id: str) -> Operation[None]:
    """What waits for an endpoint that is on no more."""
    yield Statement(_SQL["give_up_waiting"], {"org_id": org_id, "endpoint_id": endpoint_id, "fault": SWITCHED_OFF})


def _others(org_id: int, endpoint_id: str, url: str) -> Operation[int]:
    """How many endpoints there are. Raises Conflict where another one has the address."""
    (found,) = yield Statement(_SQL["standing"], {"org_id": org_id, "endpoint_id": endpoint_id, "url": url})
    if found["is_taken"]:
        raise Conflict("There is an endpoint with this address already. Change that one.", field="url")
    return int(found["number"])


def _keep(org_id: int, after: Endpoint) -> Operation[None]:
    values = {"url": after.url, "kinds": list(after.kinds), "state": after.state}
    yield Statement(_SQL["change"], {"org_id": org_id, "endpoint_id": after.endpoint_id, **values})


def _record(org_id: int, action: str, actor: Actor, about: Endpoint, *, before: str = "") -> Operation[None]:
    wanted = "every event" if not about.kinds else f"{len(about.kinds)} of {len(EVENTS)} kinds of events"
    moved = f"; it was {before}" if before and before != about.host else ""
    details = {"wants": wanted, "moved": moved}
    yield from record(org_id, Activity(action=action, actor=actor, target=about.host, details=details))


def _endpoint(*, kinds: list[str], **row: object) -> Endpoint:
    return Endpoint(kinds=tuple(kinds), **row)  # type: ignore[arg-type]
