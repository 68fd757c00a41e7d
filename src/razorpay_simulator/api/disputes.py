"""/v1/disputes, and the list of /v1/webhooks."""

from typing import Any

from razorpay_simulator.api.call import Call, Route, choice, collection, found
from razorpay_simulator.model import Dispute, Endpoint
from razorpay_simulator.rules import disputes
from razorpay_simulator.simulator import Simulator

_EVIDENCE = ("amount", "summary", "shipping_proof", "billing_proof", "cancellation_proof", "customer_communication",
             "proof_of_service", "explanation_letter", "refund_confirmation", "access_activity_log",
             "refund_cancellation_policy", "term_and_conditions", "others")  # fmt: skip


def listing(sim: Simulator, call: Call) -> dict[str, Any]:
    return collection(sim.store.all(Dispute).values(), call.query)


def fetch(sim: Simulator, call: Call) -> dict[str, Any]:
    return found(sim, Dispute, call.ids[0]).entity()


def accept(sim: Simulator, call: Call) -> dict[str, Any]:
    """The merchant gives in."""
    dispute = found(sim, Dispute, call.ids[0])
    disputes.move(sim, dispute, "lost")
    return dispute.entity()


def contest(sim: Simulator, call: Call) -> dict[str, Any]:
    """`action` is draft or submit."""
    dispute = found(sim, Dispute, call.ids[0])
    call.only("action", *_EVIDENCE)
    action = choice(call.body, "action", ("draft", "submit"), "draft")
    evidence = {name: value for name, value in call.body.items() if name != "action"}
    disputes.contest(sim, dispute, evidence, submit=action == "submit")
    return dispute.entity()


def webhooks(sim: Simulator, call: Call) -> dict[str, Any]:
    return collection(sim.store.all(Endpoint).values(), call.query)


ROUTES = (
    Route("GET", "/v1/disputes", listing),
    Route("GET", "/v1/disputes/{id}", fetch),
    Route("POST", "/v1/disputes/{id}/accept", accept),
    Route("PATCH", "/v1/disputes/{id}/contest", contest),
    Route("GET", "/v1/webhooks", webhooks),
)
