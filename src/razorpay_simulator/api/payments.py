"""/v1/payments, with their refunds under /v1/refunds in refunds.py."""

from typing import Any

from razorpay_simulator.api.call import Call, Route, collection, found, notes
from razorpay_simulator.errors import Refusal, unknown_id
from razorpay_simulator.model import Payment
from razorpay_simulator.rules import payments
from razorpay_simulator.simulator import Simulator


def listing(sim: Simulator, call: Call) -> dict[str, Any]:
    page = collection(sim.store.all(Payment).values(), call.query)
    return {**page, "items": [expanded(entity, call) for entity in page["items"]]}


def fetch(sim: Simulator, call: Call) -> dict[str, Any]:
    return expanded(found(sim, Payment, call.ids[0]).entity(), call)


def expanded(entity: dict[str, Any], call: Call) -> dict[str, Any]:
    """A card is only its id, unless `expand[]=card` asks for all of it; webhooks always carry all of it."""
    if call.query.get("expand[]") == "card":
        return entity
    return {name: value for name, value in entity.items() if name != "card"}


def edit(sim: Simulator, call: Call) -> dict[str, Any]:
    payment = found(sim, Payment, call.ids[0])
    call.only("notes")
    payment.notes = notes(call.body)
    sim.store.save(payment)
    return expanded(payment.entity(), call)


def capture(sim: Simulator, call: Call) -> dict[str, Any]:
    """All of it, in its own currency, once."""
    payment = found(sim, Payment, call.ids[0])
    call.only("amount", "currency")
    _check_capturable(sim, payment)
    amount, currency = call.body.get("amount"), call.body.get("currency", "INR")
    if str(amount) != str(payment.amount):
        raise Refusal("Capture amount must be equal to the amount authorized.", field="amount")
    if currency != payment.currency:
        raise Refusal("Capture currency must be equal to the currency authorized.", field="currency")
    payments.capture(sim, payment)
    return expanded(payment.entity(), call)


def _check_capturable(sim: Simulator, payment: Payment) -> None:
    if payment.captured:
        raise Refusal("This payment has already been captured")
    if payment.order_id is None:
        raise Refusal("A payment without an order cannot be captured; it is refunded.")
    order = payments.order_of(sim, payment)
    if order is not None and order.status == "paid":
        raise Refusal(payments.ALREADY_PAID)
    if payment.status != "authorized":
        raise Refusal(f"Only payments which have been authorized can be captured; this one is {payment.status}.")


def card(sim: Simulator, call: Call) -> dict[str, Any]:
    payment = found(sim, Payment, call.ids[0])
    if payment.card is None:
        raise unknown_id()
    return payment.card.entity()


ROUTES = (
    Route("GET", "/v1/payments", listing),
    Route("GET", "/v1/payments/{id}", fetch),
    Route("PATCH", "/v1/payments/{id}", edit),
    Route("POST", "/v1/payments/{id}/capture", capture),
    Route("GET", "/v1/payments/{id}/card", card),
)
