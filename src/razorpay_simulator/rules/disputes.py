"""Disputes: opened by a customer's bank, answered by the merchant, decided by the bank."""

from typing import Any

from razorpay_simulator.clock import DAY
from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import Dispute, Payment
from razorpay_simulator.model.dispute import RESOLVED
from razorpay_simulator.simulator import Simulator

PHASES = ("fraud", "retrieval", "chargeback", "pre_arbitration", "arbitration")
STATUSES = ("under_review", "action_required", "won", "lost", "closed")
_RESPOND_WITHIN = 10 * DAY


def open_for(
    sim: Simulator, payment: Payment, *, amount: int | None = None, phase: str = "chargeback", reason: str | None = None
) -> Dispute:
    """Raises Refusal when nothing was captured that could be disputed."""
    if not payment.captured:
        raise Refusal("Only a captured payment can be disputed.", field="payment_id")
    if phase not in PHASES:
        raise Refusal(f"The phases are {', '.join(PHASES)}.", field="phase")
    now = sim.clock.now()
    dispute = Dispute(
        id=sim.ids.new("disp"),
        payment_id=payment.id,
        amount=payment.amount if amount is None else amount,
        currency=payment.currency,
        created_at=now,
        respond_by=now + _RESPOND_WITHIN,
        phase=phase,
    )
    dispute.reason_code = reason or dispute.reason_code
    sim.store.save(dispute)
    sim.announce("payment.dispute.created", payment=payment, dispute=dispute)
    return dispute


def move(sim: Simulator, dispute: Dispute, status: str) -> None:
    """To one of STATUSES; a lost dispute costs its amount. Raises Refusal for one that is decided."""
    if status not in STATUSES:
        raise Refusal(f"A dispute becomes {', '.join(STATUSES)}.", field="status")
    if dispute.status in RESOLVED:
        raise Refusal(f"The dispute is already {dispute.status}.")
    # An event may ask for action; the dispute itself is then open again.
    dispute.status = "open" if status == "action_required" else status
    dispute.amount_deducted = dispute.amount if status == "lost" else 0
    sim.store.save(dispute)
    payment = sim.store.all(Payment)[dispute.payment_id]
    sim.announce(f"payment.dispute.{status}", payment=payment, dispute=dispute)


def contest(sim: Simulator, dispute: Dispute, evidence: dict[str, Any], *, submit: bool) -> None:
    """Keep the evidence; once submitted, the bank has it."""
    if dispute.status != "open":
        raise Refusal(f"The dispute cannot be contested: it is {dispute.status}.")
    dispute.evidence = {**dispute.evidence, **evidence}
    if submit:
        dispute.evidence["submitted_at"] = sim.clock.now()
        move(sim, dispute, "under_review")
    else:
        sim.store.save(dispute)
