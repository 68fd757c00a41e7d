"""From what happened to messages on their way, one for each endpoint that wants the event.

Faults F1, F2, F5, F7 and F17 strike here."""

import random
from collections.abc import Iterable

from razorpay_simulator.clock import DAY
from razorpay_simulator.faults import Fault
from razorpay_simulator.model import Delivery, Endpoint, Event
from razorpay_simulator.simulator import Simulator

_MONTH = 30 * DAY
_UNKNOWN = "payment.something_new"


def release(sim: Simulator) -> list[Delivery]:
    """Put the events of the action that just ended on their way, and end it."""
    happened, sim.happened = sim.happened, []
    if not happened:
        return []
    order_id = next((event.order_id for event in happened if event.order_id), None)
    events = _arranged(sim, happened, sim.faults.take("F2", order_id=order_id))
    repeated = sim.faults.take("F1", order_id=order_id)
    muted = sim.faults.take("F5", order_id=order_id)
    odd = sim.faults.take("F7", *_MESSAGES, order_id=order_id)
    again = sim.faults.take("F17", "replayed", order_id=order_id)
    made: list[Delivery] = []
    for event in events:
        copies = repeated.count if repeated and repeated.concerns(event.name) else 1
        silent = muted is not None and muted.concerns(event.name)
        for _ in range(copies):
            made += deliver(sim, event, sim.store.all(Endpoint).values(), odd=odd, silent=silent)
        if again is not None and again.concerns(event.name):
            sim.later(again.seconds or _MONTH, "replay", event.id)
    return made


_MESSAGES = ("wrong-signature", "no-signature", "wrong-secret", "tampered-body", "unknown-event", "huge-body")


def deliver(
    sim: Simulator,
    event: Event,
    endpoints: Iterable[Endpoint],
    *,
    odd: Fault | None = None,
    silent: bool = False,
) -> list[Delivery]:
    """One message to each endpoint that wants the event, due now."""
    tamper = odd.mode if odd is not None and odd.concerns(event.name) else None
    made = []
    for endpoint in endpoints:
        if not endpoint.wants(event.name):
            continue
        delivery = Delivery(
            id=sim.ids.new("whd"),
            event_id=event.id,
            event=event.name,
            endpoint_id=endpoint.id,
            body=_odd_body(event.body, event.name, tamper, odd.size_bytes if odd else 0),
            secret=endpoint.secret,
            created_at=sim.clock.now(),
            next_at=sim.clock.exact(),
            state="suppressed" if silent else "pending",
            tamper=tamper,
        )
        sim.store.save(delivery)
        made.append(delivery)
    return made


def _arranged(sim: Simulator, events: list[Event], fault: Fault | None) -> list[Event]:
    if fault is None:
        return events
    if fault.mode == "reversed":
        return events[::-1]
    order = random.Random(f"{sim.config.seed}:{events[0].id}")  # noqa: S311 - a shuffle that must repeat
    return order.sample(events, len(events))


def _odd_body(body: str, name: str, tamper: str | None, size_bytes: int) -> str:
    """Bodies that are odd but properly signed; a tampered body is changed only after signing."""
    if tamper == "unknown-event":
        return body.replace(f'"event":"{name}"', f'"event":"{_UNKNOWN}"', 1)
    if tamper == "huge-body":
        return body[:-1] + ',"padding":"' + "x" * size_bytes + '"}'
    return body
