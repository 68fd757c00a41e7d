"""Money going back: by the API, from the dashboard, or by Razorpay itself."""

from razorpay_simulator.model import Payment, Refund
from razorpay_simulator.simulator import Simulator

FALLS_BACK = 2468
"""The documented test amount, in minor units, whose instant refund becomes a normal one."""


def refund(
    sim: Simulator,
    payment: Payment,
    amount: int,
    *,
    speed: str = "normal",
    notes: dict[str, str] | None = None,
    receipt: str | None = None,
    outcome: str | None = None,
) -> Refund:
    """Start a refund and let it come to its outcome: processed, failed, or still pending. Fault F14 may choose."""
    fault = sim.faults.take("F14", "failed", "pending", order_id=payment.order_id) if outcome is None else None
    outcome = outcome or (fault.mode if fault else "processed")
    instant = speed == "optimum" and amount != FALLS_BACK
    made = Refund(
        id=sim.ids.new("rfnd"),
        payment_id=payment.id,
        amount=amount,
        currency=payment.currency,
        created_at=sim.clock.now(),
        receipt=receipt,
        notes=notes or {},
        speed_requested=speed,
        speed_processed="instant" if instant else "normal",
        of_captured=payment.captured,
    )
    payment.refund_ids.append(made.id)
    _count(sim, payment, amount)
    sim.store.save(made)
    sim.announce("refund.created", refund=made, payment=payment)
    if speed == "optimum" and not instant:
        sim.announce("refund.speed_changed", refund=made, payment=payment)
    if outcome != "pending":
        conclude(sim, made, payment, failed=outcome == "failed")
    return made


def conclude(sim: Simulator, made: Refund, payment: Payment, *, failed: bool = False) -> None:
    """The bank has taken it, or refused: then the money is the merchant's again."""
    if failed:
        made.status = "failed"
        _count(sim, payment, -made.amount)
    else:
        made.status, made.arn = "processed", sim.ids.number("arn", 14)
    sim.store.save(made)
    sim.announce("refund.failed" if failed else "refund.processed", refund=made, payment=payment)


def give_back(sim: Simulator, payment: Payment) -> Refund:
    """Razorpay returns all of a payment by itself."""
    left = payment.amount - payment.amount_refunded
    return refund(sim, payment, left, notes={"comment": "Returned by Razorpay"}, outcome="processed")


def _count(sim: Simulator, payment: Payment, amount: int) -> None:
    payment.amount_refunded += amount
    whole = payment.amount_refunded >= payment.amount
    payment.status = "refunded" if whole else "captured" if payment.captured else "authorized"
    sim.store.save(payment)
