"""Faults, time, and what the simulator knows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from razorpay_simulator.admin.desk import Desk, DeskRoute
from razorpay_simulator.admin.webhooks import rotate
from razorpay_simulator.api.call import Call, found
from razorpay_simulator.errors import Refusal
from razorpay_simulator.faults import KINDS, Fault
from razorpay_simulator.model import Dispute, Endpoint, Order, PaymentLink, Refund
from razorpay_simulator.rules import links, payments
from razorpay_simulator.simulator import Simulator

_ZONE = ZoneInfo("Europe/Berlin")


def faults(desk: Desk, _: Call) -> dict[str, Any]:
    known = {name: {"title": kind.title, "modes": kind.modes} for name, kind in KINDS.items()}
    return {"on": [msgspec.to_builtins(fault) for fault in desk.sim.faults.on], "known": known}


async def switch_on(desk: Desk, call: Call) -> dict[str, Any]:
    """One fault, or several as {"faults": […]}. F20 and the calendar's modes of F18 happen at once."""
    values = call.body.get("faults", [call.body])
    try:
        wanted = msgspec.convert(values, list[Fault])
    except msgspec.ValidationError as error:
        raise Refusal(str(error), field="fault") from None
    for fault in wanted:
        desk.sim.faults.add(fault)
        await _at_once(desk, fault)
    return {"on": [msgspec.to_builtins(fault) for fault in desk.sim.faults.on]}


async def _at_once(desk: Desk, fault: Fault) -> None:
    sim = desk.sim
    if fault.fault == "F20":
        sim.faults.on.remove(fault)
        for endpoint in sim.store.all(Endpoint).values():
            rotate(sim, endpoint, fault.secret)
    elif fault.fault == "F18" and fault.mode != "skew":
        sim.faults.on.remove(fault)
        now = sim.clock.exact()
        boundary = _month_ends(now) if fault.mode == "month-boundary" else _clocks_change(now)
        await desk.dispatcher.advance(max(0.0, boundary - 1 - now))


def _month_ends(now: float) -> float:
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1).timestamp()


def _clocks_change(now: float) -> float:
    """The next change to or from summer time in Berlin, at a full hour."""
    hour = int(now) // 3600 * 3600 + 3600
    before = datetime.fromtimestamp(hour, _ZONE).utcoffset()
    while datetime.fromtimestamp(hour, _ZONE).utcoffset() == before:
        hour += 3600
    return float(hour)


def switch_off(desk: Desk, call: Call) -> dict[str, Any]:
    desk.sim.faults.clear(call.query.get("fault"))
    return {"on": [msgspec.to_builtins(fault) for fault in desk.sim.faults.on]}


def clock(desk: Desk, _: Call) -> dict[str, Any]:
    sim = desk.sim
    return {"now": sim.clock.now(), "frozen": sim.clock.frozen_at is not None, "offset_seconds": sim.clock.offset}


async def set_clock(desk: Desk, call: Call) -> dict[str, Any]:
    """`advance_seconds` or `advance_to`, and `frozen`. Whatever is due on the way happens, and is sent, before the
    answer. The clock never goes back."""
    sim = desk.sim
    call.only("advance_seconds", "advance_to", "frozen")
    seconds = _number(call, "advance_seconds")
    if "advance_to" in call.body:
        seconds = _number(call, "advance_to") - sim.clock.exact()
    if seconds < 0:
        raise Refusal("The clock only goes forward.", field="advance_seconds")
    if "frozen" in call.body:
        sim.clock.freeze() if call.body["frozen"] else sim.clock.thaw()
    await desk.dispatcher.advance(seconds)
    return clock(desk, call)


def _number(call: Call, name: str) -> float:
    value = call.body.get(name, 0)
    if not isinstance(value, int | float):
        raise Refusal(f"The {name} must be a number.", field=name)
    return value


async def reset(desk: Desk, _: Call) -> dict[str, Any]:
    await desk.dispatcher.reset()
    return {}


def state(desk: Desk, _: Call) -> dict[str, Any]:
    """Everything, with what only the simulator knows."""
    return {"account_id": desk.sim.account_id, "clock": clock(desk, _), "faults": faults(desk, _)["on"],
            "records": desk.sim.store.dump()}  # fmt: skip


def link(desk: Desk, call: Call) -> dict[str, Any]:
    """A payment link by `id`, with the address its browser goes back to once it is paid."""
    found_link = found(desk.sim, PaymentLink, call.query.get("id", ""))
    paid = found_link.payments
    back = links.callback(desk.sim, found_link, paid[-1]["payment_id"]) if paid else None
    return {"link": found_link.entity(), "callback": back}


def totals(desk: Desk, call: Call) -> dict[str, Any]:
    """What a shop's books must agree with: captured, refunded and lost in disputes, by order and by currency.
    `net` is captured less refunded; of a refund that failed nothing counts, nor of one of money that had only been
    authorised. The sums over all are of use where there is one currency."""
    wanted = call.query.get("order_id")
    orders = [_total(desk.sim, order) for order in desk.sim.store.all(Order).values() if wanted in {None, order.id}]
    currencies = {
        code: _sums([order for order in orders if order["currency"] == code])
        for code in sorted({order["currency"] for order in orders})
    }
    return {**_sums(orders), "currencies": currencies, "orders": orders}


def _sums(orders: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(order[name] for order in orders) for name in ("captured", "refunded", "disputed", "net")}


def _total(sim: Simulator, order: Order) -> dict[str, Any]:
    made = payments.payments_of(sim, order)
    captured = sum(payment.amount for payment in made if payment.captured)
    refunded = sum(
        refund.amount
        for payment in made
        for refund in (sim.store.all(Refund)[refund_id] for refund_id in payment.refund_ids)
        if refund.of_captured and refund.status != "failed"
    )
    ids = {payment.id for payment in made}
    disputed = sum(one.amount_deducted for one in sim.store.all(Dispute).values() if one.payment_id in ids)
    return {"order_id": order.id, "receipt": order.receipt, "currency": order.currency, "status": order.status,
            "payments": [payment.id for payment in made], "captured": captured,
            "refunded": refunded, "disputed": disputed, "net": captured - refunded}  # fmt: skip


ROUTES = (
    DeskRoute("GET", "/_sim/faults", faults),
    DeskRoute("POST", "/_sim/faults", switch_on),
    DeskRoute("DELETE", "/_sim/faults", switch_off),
    DeskRoute("GET", "/_sim/clock", clock),
    DeskRoute("POST", "/_sim/clock", set_clock),
    DeskRoute("POST", "/_sim/reset", reset),
    DeskRoute("GET", "/_sim/state", state),
    DeskRoute("GET", "/_sim/links", link),
    DeskRoute("GET", "/_sim/totals", totals),
)
