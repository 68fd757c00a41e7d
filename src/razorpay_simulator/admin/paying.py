"""Paying without a browser, and what happens to payments, refunds and disputes outside the API."""

from collections.abc import Mapping
from typing import Any

import msgspec

from razorpay_simulator.admin.desk import Desk, DeskRoute, whole
from razorpay_simulator.api.call import Call, flag, found, notes, text
from razorpay_simulator.errors import Refusal
from razorpay_simulator.faults import Fault, checked
from razorpay_simulator.model import Dispute, Failure, Order, Payment, PaymentLink, Refund
from razorpay_simulator.rules import disputes, links, money, outcomes, payments, refunds
from razorpay_simulator.rules.instruments import METHODS, Instrument, failure, read, reasons
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox

_USUAL: dict[str, dict[str, str]] = {
    "upi": {"vpa": "success@razorpay"},
    "card": {"number": "4100 2800 0000 1007", "expiry": "12/34", "cvv": "123"},
    "international": {"number": "4012 8888 8888 1881", "expiry": "12/34", "cvv": "123"},
    "netbanking": {"bank": "HDFC"},
    "wallet": {"wallet": "mobikwik"},
}
"""What is paid with when nothing else is said."""


async def pay(desk: Desk, call: Call) -> dict[str, Any]:
    """The three fields of the handler and the payment; for a failure `error` and the payment. `outcome` is success,
    pending, failed, or the reason of a failure; `faults` strike this payment only."""
    sim = desk.sim
    order = _order(sim, call)
    faults = [_fault(fault, order) for fault in call.body.get("faults") or []]
    instrument = _instrument(call)
    if order is not None and order.status == "paid" and flag(call.body, "force"):
        second = outcomes.pay_again(sim, order)
        return {**outcomes.told(sim, second), "payment": second.entity()}
    wanted = text(call.body, "outcome") or ("failed" if instrument.failure else "success")
    failed = _failure(wanted, instrument)
    payment = _start(sim, call, order, instrument)
    if wanted == "pending":
        return {"payment": payment.entity()}
    for fault in faults:
        sim.faults.add(fault)
    outcome = outcomes.conclude(sim, payment, failed)
    await _overlap(desk, outcome)
    told = {"error": outcome.error} if outcome.error else {} if outcome.silent else dict(outcome.handler or {})
    return {**told, "payment": payment.entity()}


async def _overlap(desk: Desk, outcome: outcomes.Outcome) -> None:
    if outcome.together:
        outbox.release(desk.sim)
        await desk.dispatcher.overlap()


def _fault(value: Any, order: Order | None) -> Fault:
    try:
        fault = msgspec.convert({"fault": value} if isinstance(value, str) else value, Fault)
    except msgspec.ValidationError as error:
        raise Refusal(str(error), field="faults") from None
    fault.order_id = order.id if order else None
    return checked(fault)


def _order(sim: Simulator, call: Call) -> Order | None:
    link_id, order_id = text(call.body, "payment_link_id"), text(call.body, "order_id")
    if link_id is not None:
        return links.order_for(sim, found(sim, PaymentLink, link_id))
    return found(sim, Order, order_id) if order_id is not None else None


def _instrument(call: Call) -> Instrument:
    method = call.body.get("method", "upi")
    if method not in METHODS:
        raise Refusal(f"The methods are {', '.join(METHODS)}.", field="method")
    given = call.body.get("instrument") or {}
    if not isinstance(given, Mapping):
        raise Refusal("The instrument must be an object: fields of the form.", field="instrument")
    return read(method, {**_USUAL[method], **{name: str(value) for name, value in given.items()}})


def _start(sim: Simulator, call: Call, order: Order | None, instrument: Instrument) -> Payment:
    if order is not None:
        payments.check_payable(sim, order)
        amount, currency = order.amount, order.currency
    else:
        currency = money.check_currency(call.body.get("currency", "INR"))
        amount = money.check_amount(call.body.get("amount"), currency)
    if call.body.get("method", "upi") not in payments.offered(sim, currency):
        raise Refusal(f"This is not a way to pay {currency}.", field="method")
    return payments.start(
        sim,
        instrument,
        order=order,
        amount=amount,
        currency=currency,
        email=text(call.body, "email") or "",
        contact=text(call.body, "contact") or "",
        notes=notes(call.body),
    )


def _failure(outcome: str, instrument: Instrument) -> Failure | None:
    if outcome in {"success", "pending"}:
        return None
    if outcome == "failed":
        return instrument.failure or failure("payment_failed")
    if outcome not in reasons():
        raise Refusal(f"An outcome is success, pending, failed, or one of {', '.join(reasons())}.", field="outcome")
    return failure(outcome)


def authorize(desk: Desk, call: Call) -> dict[str, Any]:
    """Late authorisation: the bank says yes after all."""
    payment = found(desk.sim, Payment, call.ids[0])
    if payment.status not in {"created", "failed"}:
        raise Refusal(f"The payment is already {payment.status}.")
    payments.authorize(desk.sim, payment)
    return payment.entity()


def fail(desk: Desk, call: Call) -> dict[str, Any]:
    payment = found(desk.sim, Payment, call.ids[0])
    if payment.status != "created":
        raise Refusal(f"The payment is already {payment.status}.")
    payments.fail(desk.sim, payment, failure(text(call.body, "reason") or "payment_failed"))
    return payment.entity()


def refund(desk: Desk, call: Call) -> dict[str, Any]:
    """Made in the dashboard. `status` is processed, pending or failed."""
    payment = found(desk.sim, Payment, text(call.body, "payment_id") or "")
    left = payment.amount - payment.amount_refunded
    amount = whole(call, "amount") or left
    if not payment.captured or not 0 < amount <= left:
        raise Refusal("There is not that much of a captured payment left to refund.", field="amount")
    status = text(call.body, "status") or "processed"
    if status not in {"processed", "pending", "failed"}:
        raise Refusal("The status is processed, pending or failed.", field="status")
    return refunds.refund(desk.sim, payment, amount, notes=notes(call.body), outcome=status).entity()


def conclude_refund(desk: Desk, call: Call) -> dict[str, Any]:
    """A pending refund ends: `process` or `fail`."""
    made = found(desk.sim, Refund, call.ids[0])
    if made.status != "pending" or call.ids[1] not in {"process", "fail"}:
        raise Refusal(f"The refund is {made.status}; a pending one can process or fail.")
    payment = desk.sim.store.all(Payment)[made.payment_id]
    refunds.conclude(desk.sim, made, payment, failed=call.ids[1] == "fail")
    return made.entity()


def dispute(desk: Desk, call: Call) -> dict[str, Any]:
    payment = found(desk.sim, Payment, text(call.body, "payment_id") or "")
    phase, reason = text(call.body, "phase") or "chargeback", text(call.body, "reason_code")
    return disputes.open_for(desk.sim, payment, amount=whole(call, "amount"), phase=phase, reason=reason).entity()


def move_dispute(desk: Desk, call: Call) -> dict[str, Any]:
    """The bank decides, or asks: won, lost, closed, under_review, action_required."""
    made = found(desk.sim, Dispute, call.ids[0])
    disputes.move(desk.sim, made, call.ids[1])
    return made.entity()


ROUTES = (
    DeskRoute("POST", "/_sim/payments", pay),
    DeskRoute("POST", "/_sim/payments/{id}/authorize", authorize),
    DeskRoute("POST", "/_sim/payments/{id}/fail", fail),
    DeskRoute("POST", "/_sim/refunds", refund),
    DeskRoute("POST", "/_sim/refunds/{id}/{outcome}", conclude_refund),
    DeskRoute("POST", "/_sim/disputes", dispute),
    DeskRoute("POST", "/_sim/disputes/{id}/{status}", move_dispute),
)
