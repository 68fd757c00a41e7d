"""Endpoints, what was sent to them, and sending again."""

from typing import Any

import msgspec

from razorpay_simulator.admin.desk import Desk, DeskRoute
from razorpay_simulator.api.call import Call, found, text
from razorpay_simulator.clock import DAY
from razorpay_simulator.config import is_loopback
from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import Delivery, Endpoint, Event
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox

REPLAY_WITHIN_DAYS = 15


def rotate(sim: Simulator, endpoint: Endpoint, secret: str | None) -> None:
    """What happens from now on is signed anew; what is on its way keeps its secret."""
    endpoint.secret = secret or f"rotated-{sim.ids.new('')}"
    sim.store.save(endpoint)


def endpoints(desk: Desk, _: Call) -> dict[str, Any]:
    """With their secrets: nothing is hidden from an administrator."""
    known = desk.sim.store.all(Endpoint).values()
    return {"items": [msgspec.to_builtins(endpoint) for endpoint in known]}


def add(desk: Desk, call: Call) -> dict[str, Any]:
    sim = desk.sim
    endpoint = Endpoint(
        id=sim.ids.new("wh"),
        url=_url(call),
        created_at=sim.clock.now(),
        secret=text(call.body, "secret"),
        events=_events(call),
    )
    sim.store.save(endpoint)
    return _shown(endpoint)


def change(desk: Desk, call: Call) -> dict[str, Any]:
    """`url`, `events`, `enabled`: one that was disabled takes new events again."""
    endpoint = found(desk.sim, Endpoint, call.ids[0])
    call.only("url", "events", "enabled")
    if "url" in call.body:
        endpoint.url = _url(call)
    if "events" in call.body:
        endpoint.events = _events(call)
    if "enabled" in call.body:
        endpoint.enabled = bool(call.body["enabled"])
        endpoint.disabled_at = None if endpoint.enabled else desk.sim.clock.now()
    desk.sim.store.save(endpoint)
    return _shown(endpoint)


def remove(desk: Desk, call: Call) -> dict[str, Any]:
    desk.sim.store.forget(found(desk.sim, Endpoint, call.ids[0]))
    return {}


def replace_secret(desk: Desk, call: Call) -> dict[str, Any]:
    endpoint = found(desk.sim, Endpoint, call.ids[0])
    rotate(desk.sim, endpoint, text(call.body, "secret"))
    return _shown(endpoint)


def deliveries(desk: Desk, call: Call) -> dict[str, Any]:
    """Filtered by `order_id`, `event`, `state` or `event_id`."""
    store = desk.sim.store
    wanted = {name: call.query[name] for name in ("event", "state", "event_id") if name in call.query}
    order_id = call.query.get("order_id")
    items = []
    for delivery in store.all(Delivery).values():
        event = store.get(Event, delivery.event_id)
        if order_id is not None and (event is None or event.order_id != order_id):
            continue
        if all(getattr(delivery, name) == value for name, value in wanted.items()):
            items.append(msgspec.to_builtins(delivery))
    return {"items": items}


def events(desk: Desk, call: Call) -> dict[str, Any]:
    order_id = call.query.get("order_id")
    known = desk.sim.store.all(Event).values()
    return {"items": [msgspec.to_builtins(event) for event in known if order_id in {None, event.order_id}]}


def replay(desk: Desk, call: Call) -> dict[str, Any]:
    """Send an event again, as the dashboard can for 15 days; `force` does so at any age (fault F17)."""
    sim, event = desk.sim, found(desk.sim, Event, call.ids[0])
    if sim.clock.now() - event.created_at > REPLAY_WITHIN_DAYS * DAY and not call.body.get("force"):
        raise Refusal(f"Events are replayed for {REPLAY_WITHIN_DAYS} days.")
    made = outbox.deliver(sim, event, sim.store.all(Endpoint).values())
    return {"items": [msgspec.to_builtins(delivery) for delivery in made]}


async def deliver(desk: Desk, _: Call) -> dict[str, Any]:
    """Send everything due, and answer when it has been tried."""
    outbox.release(desk.sim)
    await desk.dispatcher.step()
    return {"pending": len(desk.sim.store.pending)}


def _url(call: Call) -> str:
    url = text(call.body, "url") or ""
    if not is_loopback(url):
        raise Refusal("The simulator sends webhooks to this machine only: 127.0.0.1, ::1 or localhost.", field="url")
    return url


def _events(call: Call) -> list[str]:
    value = call.body.get("events", ["*"])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise Refusal("The events are a list of names.", field="events")
    return value


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(endpoint)
    return shown


ROUTES = (
    DeskRoute("GET", "/_sim/webhooks", endpoints),
    DeskRoute("POST", "/_sim/webhooks", add),
    DeskRoute("PATCH", "/_sim/webhooks/{id}", change),
    DeskRoute("DELETE", "/_sim/webhooks/{id}", remove),
    DeskRoute("POST", "/_sim/webhooks/{id}/rotate", replace_secret),
    DeskRoute("GET", "/_sim/deliveries", deliveries),
    DeskRoute("GET", "/_sim/events", events),
    DeskRoute("POST", "/_sim/events/{id}/replay", replay),
    DeskRoute("POST", "/_sim/deliver", deliver),
)
