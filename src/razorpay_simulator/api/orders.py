"""/v1/orders."""

from collections.abc import Mapping
from typing import Any

from razorpay_simulator.api.call import Call, Route, choice, collection, flag, found, listed, notes, text
from razorpay_simulator.api.payments import expanded
from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import CaptureOptions, Order
from razorpay_simulator.rules import money, outcomes, payments
from razorpay_simulator.simulator import Simulator

_LONGEST_RECEIPT = 40
_SHORTEST_AUTOMATIC, _LONGEST_MANUAL = 12, 7200
_FIELDS = ("amount", "currency", "receipt", "notes", "payment", "payment_capture", "unique_receipt", "partial_payment",
           "first_payment_min_amount")  # fmt: skip


def create(sim: Simulator, call: Call) -> dict[str, Any]:
    """With `unique_receipt` a receipt that is already known answers with its order."""
    call.only(*_FIELDS)
    currency = money.check_currency(call.body.get("currency"))
    amount = money.check_amount(call.body.get("amount"), currency)
    receipt = text(call.body, "receipt", longest=_LONGEST_RECEIPT)
    if flag(call.body, "partial_payment"):
        raise Refusal("Partial payments are not simulated.", field="partial_payment")
    unique = flag(call.body, "unique_receipt")
    if (known := _same_receipt(sim, receipt, unique=unique)) is not None:
        return known.entity()
    order = Order(
        id=sim.ids.new("order"),
        amount=amount,
        currency=currency,
        created_at=sim.clock.now(),
        receipt=receipt,
        notes=notes(call.body),
        unique_receipt=unique,
        capture=_capture(sim, call.body),
    )
    sim.store.save(order)
    answer = order.entity()
    if sim.faults.take("F3", receipt=receipt):
        outcomes.pay_at_once(sim, order)
    return answer


def _same_receipt(sim: Simulator, receipt: str | None, *, unique: bool) -> Order | None:
    if not receipt:
        return None
    known = next((order for order in sim.store.all(Order).values() if order.receipt == receipt), None)
    if known is None or unique:
        return known
    if sim.config.receipts == "strict-unique" or known.unique_receipt:
        raise Refusal("Order receipt should be unique.", field="receipt")
    return None


def _capture(sim: Simulator, body: Mapping[str, Any]) -> CaptureOptions:
    """The order's own wish, else the account's."""
    options = CaptureOptions(mode=sim.config.capture)
    if "payment_capture" in body:
        options.mode = "automatic" if flag(body, "payment_capture") else "manual"
    wish = body.get("payment")
    if wish is None:
        return options
    if not isinstance(wish, Mapping):
        raise Refusal("The payment must be an object.", field="payment")
    options.mode = choice(wish, "capture", ("automatic", "manual"), options.mode)
    more = wish.get("capture_options") or {}
    options.automatic_expiry_minutes = _minutes(more, "automatic_expiry_period", options.automatic_expiry_minutes)
    options.manual_expiry_minutes = _minutes(more, "manual_expiry_period", options.manual_expiry_minutes)
    options.refund_speed = choice(more, "refund_speed", ("normal", "optimum"), "normal")
    # What is not captured automatically waits at least as long as it might have been.
    options.manual_expiry_minutes = max(options.manual_expiry_minutes, options.automatic_expiry_minutes)
    return options


def _minutes(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or not _SHORTEST_AUTOMATIC <= value <= _LONGEST_MANUAL:
        raise Refusal(f"The {name} must be between {_SHORTEST_AUTOMATIC} and {_LONGEST_MANUAL} minutes.", field=name)
    return value


def listing(sim: Simulator, call: Call) -> dict[str, Any]:
    receipt = call.query.get("receipt")
    orders = sim.store.all(Order).values()
    return collection((order for order in orders if receipt in {None, order.receipt}), call.query)


def fetch(sim: Simulator, call: Call) -> dict[str, Any]:
    return found(sim, Order, call.ids[0]).entity()


def edit(sim: Simulator, call: Call) -> dict[str, Any]:
    """Nothing but the notes can be changed."""
    order = found(sim, Order, call.ids[0])
    call.only("notes")
    order.notes = notes(call.body)
    sim.store.save(order)
    return order.entity()


def payments_of(sim: Simulator, call: Call) -> dict[str, Any]:
    order = found(sim, Order, call.ids[0])
    page = listed(payments.payments_of(sim, order))
    return {**page, "items": [expanded(entity, call) for entity in page["items"]]}


ROUTES = (
    Route("POST", "/v1/orders", create),
    Route("GET", "/v1/orders", listing),
    Route("GET", "/v1/orders/{id}", fetch),
    Route("PATCH", "/v1/orders/{id}", edit),
    Route("GET", "/v1/orders/{id}/payments", payments_of),
)
