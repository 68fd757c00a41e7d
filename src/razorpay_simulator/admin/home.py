"""The page at /: what there is, newest first, for somebody who plays with it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import TypeVar

from razorpay_simulator.faults import KINDS
from razorpay_simulator.model import Delivery, Endpoint, Order, Payment, PaymentLink
from razorpay_simulator.rules import money
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.templates import Html, fill

_ROWS = 50
R = TypeVar("R")


def page(sim: Simulator) -> Html:
    """Escaped throughout."""
    return fill(
        "home",
        folder="admin/pages",
        key=sim.config.key_id,
        now=_time(sim.clock.now()),
        frozen="standing still" if sim.clock.frozen_at is not None else "running",
        endpoints=_endpoints(sim),
        orders=_orders(sim),
        payments=_payments(sim),
        links=_links(sim),
        deliveries=_deliveries(sim),
        faults=_faults(sim),
    )


def _orders(sim: Simulator) -> Html:
    rows = [
        (
            _time(order.created_at),
            order.id,
            order.receipt,
            _amount(order),
            order.status,
            order.attempts,
        )
        for order in _newest(sim.store.all(Order))
    ]
    return _table(("Made", "Order", "Receipt", "Amount", "Status", "Attempts"), rows)


def _payments(sim: Simulator) -> Html:
    rows = [
        (
            _time(payment.created_at),
            payment.id,
            payment.order_id,
            payment.method,
            _amount(payment),
            payment.status,
            money.shown(payment.amount_refunded, payment.currency),
            payment.failure.reason if payment.failure else "",
        )
        for payment in _newest(sim.store.all(Payment))
    ]
    return _table(("Made", "Payment", "Order", "Method", "Amount", "Status", "Refunded", "Reason"), rows)


def _links(sim: Simulator) -> Html:
    rows = [
        (
            _time(link.created_at),
            link.short_url,
            link.reference_id,
            _amount(link),
            link.status,
        )
        for link in _newest(sim.store.all(PaymentLink))
    ]
    return _table(("Made", "Address", "Reference", "Amount", "Status"), rows)


def _deliveries(sim: Simulator) -> Html:
    rows = [
        (
            _time(delivery.created_at),
            delivery.event,
            delivery.event_id,
            delivery.state,
            ", ".join(str(attempt.status or attempt.error) for attempt in delivery.attempts[-5:]),
        )
        for delivery in _newest(sim.store.all(Delivery))
    ]
    return _table(("Made", "Event", "Event id", "State", "Latest answers"), rows)


def _endpoints(sim: Simulator) -> Html:
    rows = [
        (
            endpoint.url,
            ", ".join(endpoint.events),
            "enabled" if endpoint.enabled else "disabled",
            " ".join(endpoint.alerts),
        )
        for endpoint in sim.store.all(Endpoint).values()
    ]
    return _table(("Endpoint", "Events", "State", "Letters"), rows)


def _faults(sim: Simulator) -> Html:
    on: dict[str, list[str]] = {}
    for fault in sim.faults.on:
        times = "until cleared" if fault.times is None else f"{fault.times}×"
        on.setdefault(fault.fault, []).append(f"{fault.mode}, {times}")
    rows = [(name, kind.title, ", ".join(kind.modes), "; ".join(on.get(name, []))) for name, kind in KINDS.items()]
    return _table(("Fault", "What happens", "Modes", "On"), rows)


def _newest(known: dict[str, R]) -> list[R]:
    return list(known.values())[::-1][:_ROWS]


def _table(heads: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Html:
    if not rows:
        return Html('<p class="none">None yet.</p>')
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return Html(f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def _amount(record: Order | Payment | PaymentLink) -> str:
    return money.shown(record.amount, record.currency)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _time(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%d %b %H:%M:%S")
