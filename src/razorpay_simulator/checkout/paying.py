"""What somebody does in Checkout: choose and fill in, give an OTP, answer the bank's page, or give up."""

from collections.abc import Mapping

from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import Checkout, Order, Payment
from razorpay_simulator.rules import payments
from razorpay_simulator.rules.instruments import failure, read
from razorpay_simulator.rules.outcomes import Outcome, conclude
from razorpay_simulator.simulator import Simulator

_SHORTEST_OTP, _LONGEST_OTP = 4, 10


def pay(sim: Simulator, checkout: Checkout, fields: Mapping[str, str]) -> Outcome | None:
    """Start a payment; the outcome when it is decided at once. Raises Refusal for a form filled in wrongly."""
    method = fields.get("method", "")
    if method not in payments.offered(sim, checkout.currency):
        raise Refusal("Choose a way to pay.", field="method")
    checkout.method = method
    instrument = read(method, dict(fields))
    order = sim.store.get(Order, checkout.order_id) if checkout.order_id else None
    if order is not None:
        payments.check_payable(sim, order)
    payment = payments.start(
        sim,
        instrument,
        order=order,
        amount=checkout.amount,
        currency=checkout.currency,
        email=checkout.prefill.get("email", ""),
        contact=checkout.prefill.get("contact", ""),
        description=checkout.description,
        notes=dict(checkout.notes),
    )
    checkout.payment_id, checkout.error, checkout.step = payment.id, None, instrument.next
    sim.store.save(checkout)
    if instrument.next != "done":
        return None
    return _concluded(sim, checkout, conclude(sim, payment, instrument.failure))


def give_otp(sim: Simulator, checkout: Checkout, otp: str) -> Outcome | None:
    """Four to ten digits are right, fewer are wrong. Raises Refusal for what is no number."""
    if checkout.step != "otp":
        return None
    otp = otp.strip()
    if not (otp.isascii() and otp.isdigit()) or len(otp) > _LONGEST_OTP:
        raise Refusal("An OTP has up to 10 digits.", field="otp")
    wrong = failure("invalid_otp") if len(otp) < _SHORTEST_OTP else None
    return _concluded(sim, checkout, conclude(sim, _payment(sim, checkout), wrong))


def answer_bank(sim: Simulator, checkout: Checkout, answer: str) -> Outcome | None:
    """The mock bank's two buttons."""
    if checkout.step != "bank":
        return None
    failed = None if answer == "success" else failure("payment_failed")
    return _concluded(sim, checkout, conclude(sim, _payment(sim, checkout), failed))


def give_up(sim: Simulator, checkout: Checkout) -> Outcome | None:
    """Cancelled on the page of the OTP or of the bank; the order stays open."""
    if checkout.step not in {"otp", "bank"}:
        return None
    return _concluded(sim, checkout, conclude(sim, _payment(sim, checkout), failure("payment_cancelled")))


def _payment(sim: Simulator, checkout: Checkout) -> Payment:
    """Raises Refusal when it has meanwhile ended by itself."""
    payment = sim.store.all(Payment)[checkout.payment_id or ""]
    if payment.status != "created":
        checkout.step = "choose"
        raise Refusal("The payment took too long. Try again.", reason="payment_timed_out")
    return payment


def _concluded(sim: Simulator, checkout: Checkout, outcome: Outcome) -> Outcome:
    checkout.handler, checkout.error, checkout.silent = outcome.handler, outcome.error, outcome.silent
    checkout.step = "done" if outcome.handler else "choose"
    sim.store.save(checkout)
    return outcome
