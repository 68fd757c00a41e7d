"""Refunds, of a payment and by themselves; a repeated X-Refund-Idempotency answers as the first time."""

import hashlib
import re
from typing import Any

import msgspec

from razorpay_simulator.api.call import Call, Route, choice, collection, found, notes, text
from razorpay_simulator.clock import DAY
from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import Payment, Refund, RefundKey
from razorpay_simulator.rules import refunds
from razorpay_simulator.simulator import Simulator

_HEADER = "x-refund-idempotency"
_KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
_REFUNDABLE_FOR = 180 * DAY
_SMALLEST = 100


def refund(sim: Simulator, call: Call) -> dict[str, Any]:
    payment = found(sim, Payment, call.ids[0])
    call.only("amount", "speed", "notes", "receipt")
    key = call.headers.get(_HEADER)
    return _once(sim, key, payment, call) if key is not None else _refund(sim, payment, call)


def create(sim: Simulator, call: Call) -> dict[str, Any]:
    """POST /v1/refunds, with the payment in the body."""
    payment_id = call.body.get("payment_id")
    if not isinstance(payment_id, str):
        raise Refusal("The payment id field is required.", field="payment_id")
    body = {name: value for name, value in call.body.items() if name != "payment_id"}
    return refund(sim, Call(ids=(payment_id,), body=body, headers=call.headers))


def _once(sim: Simulator, key: str, payment: Payment, call: Call) -> dict[str, Any]:
    if not _KEY.fullmatch(key):
        raise Refusal("The idempotency key has at least 10 characters: letters, digits, - and _.")
    said = payment.id.encode() + msgspec.json.encode(dict(call.body), order="sorted")
    digest = hashlib.sha256(said).hexdigest()
    known = sim.store.get(RefundKey, key)
    if sim.faults.take("F14", "in-progress", order_id=payment.order_id):
        raise Refusal("A request with the same idempotency key is still in progress.", status=409)
    if known is None:
        answer = _refund(sim, payment, call)
        sim.store.save(RefundKey(id=key, input=digest, answer=answer))
        return answer
    if known.input != digest:
        raise Refusal("Different request with the same idempotency key has already been processed.", status=409)
    return known.answer


def _refund(sim: Simulator, payment: Payment, call: Call) -> dict[str, Any]:
    left = payment.amount - payment.amount_refunded
    if not payment.captured:
        raise Refusal("The payment status should be captured for action to be taken")
    if left == 0:
        raise Refusal("The payment has been fully refunded already")
    if sim.clock.now() - payment.created_at > _REFUNDABLE_FOR:
        raise Refusal("The payment is more than six months old and cannot be refunded")
    amount = _amount(call.body.get("amount", left))
    if amount > left:
        raise Refusal("The total refund amount is greater than the refund payment amount", field="amount")
    speed = choice(call.body, "speed", ("normal", "optimum"), "normal")
    receipt = text(call.body, "receipt", longest=40)
    return refunds.refund(sim, payment, amount, speed=speed, notes=notes(call.body), receipt=receipt).entity()


def _amount(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal("The amount must be an integer.", field="amount")
    if value < _SMALLEST:
        raise Refusal(f"The amount must be at least {_SMALLEST}.", field="amount")
    return value


def of_payment(sim: Simulator, call: Call) -> dict[str, Any]:
    payment = found(sim, Payment, call.ids[0])
    return collection([sim.store.all(Refund)[made] for made in payment.refund_ids], call.query)


def of_payment_one(sim: Simulator, call: Call) -> dict[str, Any]:
    payment, made = found(sim, Payment, call.ids[0]), found(sim, Refund, call.ids[1])
    if made.payment_id != payment.id:
        raise Refusal("The refund id provided does not belong to the payment", field="id")
    return made.entity()


def listing(sim: Simulator, call: Call) -> dict[str, Any]:
    return collection(sim.store.all(Refund).values(), call.query)


def fetch(sim: Simulator, call: Call) -> dict[str, Any]:
    return found(sim, Refund, call.ids[0]).entity()


def edit(sim: Simulator, call: Call) -> dict[str, Any]:
    made = found(sim, Refund, call.ids[0])
    call.only("notes")
    made.notes = notes(call.body)
    sim.store.save(made)
    return made.entity()


ROUTES = (
    Route("POST", "/v1/payments/{id}/refund", refund),
    Route("GET", "/v1/payments/{id}/refunds", of_payment),
    Route("GET", "/v1/payments/{id}/refunds/{id}", of_payment_one),
    Route("POST", "/v1/refunds", create),
    Route("GET", "/v1/refunds", listing),
    Route("GET", "/v1/refunds/{id}", fetch),
    Route("PATCH", "/v1/refunds/{id}", edit),
)
