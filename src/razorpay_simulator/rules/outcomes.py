"""How an attempt to pay ends, and what Checkout tells the page about it; faults F3 to F12 change either."""

from dataclasses import dataclass
from typing import Any

from razorpay_simulator.clock import DAY
from razorpay_simulator.faults import Fault
from razorpay_simulator.model import Failure, Order, Payment
from razorpay_simulator.rules import disputes, payments, refunds
from razorpay_simulator.rules.instruments import SUCCESS_VPA, failure, read
from razorpay_simulator.rules.payments import UNANSWERED_SECONDS, order_of
from razorpay_simulator.signing import payment_signature
from razorpay_simulator.simulator import Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Either what the handler gets or the error; `silent` when the page hears neither, `together` when the webhook must
    be on its way first."""

    handler: dict[str, str] | None = None
    error: dict[str, Any] | None = None
    silent: bool = False
    together: bool = False


def conclude(sim: Simulator, payment: Payment, failed: Failure | None) -> Outcome:
    """The bank, the OTP or the instrument has decided."""
    if failed is None and (fault := sim.faults.take("F9", order_id=payment.order_id)):
        sim.later(fault.seconds or 0, "authorize_late", payment.id)
        failed = failure("payment_failed")
    if failed is None and (fault := sim.faults.take("F10", order_id=payment.order_id)):
        sim.later(fault.seconds or UNANSWERED_SECONDS + 300, "authorize_late", payment.id, since=payment.created_at)
        return Outcome(error=failure("payment_timed_out").entity(payment.id, payment.order_id))
    if failed is not None:
        payments.fail(sim, payment, failed)
        return Outcome(error=failed.entity(payment.id, payment.order_id))
    return _succeed(sim, payment)


def _succeed(sim: Simulator, payment: Payment) -> Outcome:
    order_id = payment.order_id
    mixed_up = sim.faults.take("F12", order_id=order_id)
    if mixed_up is not None and mixed_up.mode in {"amount", "currency"}:
        _change(payment, mixed_up)
    payments.authorize(sim, payment, may_capture=sim.faults.take("F8", order_id=order_id) is None)
    handler = told(sim, payment)
    if mixed_up is not None and mixed_up.mode not in {"amount", "currency"}:
        handler = _of_somebody_else(sim, payment, mixed_up.mode)
    if (fault := sim.faults.take("F11", order_id=order_id)) and (order := order_of(sim, payment)):
        pay_again(sim, order, captured=fault.mode == "captured")
    _afterwards(sim, payment)
    if sim.faults.take("F7", "checkout-signature", order_id=order_id) and "razorpay_signature" in handler:
        handler["razorpay_signature"] = handler["razorpay_signature"][::-1]
    return Outcome(
        handler=handler,
        silent=sim.faults.take("F4", order_id=order_id) is not None,
        together=sim.faults.take("F6", order_id=order_id) is not None,
    )


def told(sim: Simulator, payment: Payment) -> dict[str, str]:
    """The three fields the page gets; without an order, one."""
    if payment.order_id is None:
        return {"razorpay_payment_id": payment.id}
    return {
        "razorpay_payment_id": payment.id,
        "razorpay_order_id": payment.order_id,
        "razorpay_signature": payment_signature(payment.order_id, payment.id, sim.config.key_secret),
    }


def pay_again(sim: Simulator, order: Order, *, captured: bool = True) -> Payment:
    """A second success on the same order, which Razorpay returns: after capturing it, or before."""
    instrument = read("upi", {"vpa": SUCCESS_VPA})
    second = payments.start(sim, instrument, order=order, amount=order.amount, currency=order.currency)
    if captured and order.status == "paid":
        second.status = "authorized"
        sim.announce("payment.authorized", payment=second)
        payments.capture(sim, second)
        refunds.give_back(sim, second)
    else:
        payments.authorize(sim, second)
    return second


def pay_at_once(sim: Simulator, order: Order) -> Payment:
    """Fault F3: paid by UPI as soon as it exists."""
    instrument = read("upi", {"vpa": SUCCESS_VPA})
    payment = payments.start(sim, instrument, order=order, amount=order.amount, currency=order.currency)
    payments.authorize(sim, payment)
    return payment


def _change(payment: Payment, fault: Fault) -> None:
    """Another amount or currency than the order's arrives; the order is paid all the same."""
    if fault.mode == "amount":
        payment.amount = fault.amount or payment.amount - 100
    else:
        payment.currency = fault.currency or ("INR" if payment.currency != "INR" else "USD")


def _of_somebody_else(sim: Simulator, payment: Payment, mode: str) -> dict[str, str]:
    """A payment that is truly paid and truly signed, but belongs to another order, or to another merchant."""
    if mode == "other-order":
        other = Order(
            id=sim.ids.new("order"), amount=payment.amount, currency=payment.currency, created_at=sim.clock.now()
        )
        sim.store.save(other)
        return told(sim, pay_at_once(sim, other))
    stranger = Payment(
        id=sim.ids.new("pay"),
        amount=payment.amount,
        currency=payment.currency,
        method="upi",
        created_at=sim.clock.now(),
        order_id=sim.ids.new("order"),
        status="captured",
        captured=True,
        notes=payment.notes,
    )
    sim.record(
        "payment.captured",
        {"payment": stranger.entity()},
        order_id=payment.order_id,
        payment_id=stranger.id,
        account_id=f"acc_{sim.ids.new('')}",
    )
    return told(sim, stranger)


def _afterwards(sim: Simulator, payment: Payment) -> None:
    """What the dashboard or the customer's bank does to a payment just captured: faults F14, F15 and F17."""
    if not payment.captured:
        return
    if fault := sim.faults.take("F14", "full", "partial", order_id=payment.order_id):
        part = fault.amount or payment.amount // 2
        refunds.refund(sim, payment, payment.amount if fault.mode == "full" else part, outcome="processed")
    if fault := sim.faults.take("F15", order_id=payment.order_id):
        dispute = disputes.open_for(sim, payment)
        if fault.mode != "created":
            disputes.move(sim, dispute, fault.mode)
    if fault := sim.faults.take("F17", "backdated", order_id=payment.order_id):
        ago = fault.seconds or 30 * DAY
        entity = {**payment.entity(), "created_at": payment.created_at - int(ago)}
        sim.record(
            "payment.captured", {"payment": entity}, order_id=payment.order_id, payment_id=payment.id, seconds_ago=ago
        )
