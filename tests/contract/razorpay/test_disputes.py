"""Disputes: opened by a bank, answered by the merchant, decided by the bank."""

import pytest
from razorpay.errors import BadRequestError

from tests.support.razorpay import Simulated


@pytest.fixture
def payment_id(sim: Simulated) -> str:
    made: str = sim.pay(sim.order()["id"])["razorpay_payment_id"]
    return made


def test_a_dispute_is_listed_and_fetched(sim: Simulated, payment_id: str) -> None:
    opened = sim.sim("disputes", payment_id=payment_id, amount=700, phase="fraud")
    dispute = sim.client.dispute.fetch(opened["id"])
    assert (dispute["status"], dispute["phase"], dispute["amount"], dispute["amount_deducted"]) == (
        "open",
        "fraud",
        700,
        0,
    )
    assert sim.client.dispute.all()["items"] == [dispute]


def test_accepting_loses_the_amount(sim: Simulated, payment_id: str) -> None:
    opened = sim.sim("disputes", payment_id=payment_id)
    lost = sim.client.dispute.accept(opened["id"])
    assert (lost["status"], lost["amount_deducted"]) == ("lost", 1000)
    assert sim.look("totals")["disputed"] == 1000
    with pytest.raises(BadRequestError, match="already lost"):
        sim.client.dispute.accept(opened["id"])


def test_contesting_with_evidence_is_reviewed_and_won(sim: Simulated, payment_id: str) -> None:
    opened = sim.sim("disputes", payment_id=payment_id)
    draft = sim.client.dispute.contest(opened["id"], {"action": "draft", "summary": "Credits were used."})
    assert (draft["status"], draft["evidence"]["summary"]) == ("open", "Credits were used.")
    assert sim.client.dispute.contest(opened["id"], {"action": "submit"})["status"] == "under_review"
    won = sim.sim(f"disputes/{opened['id']}/won")
    assert (won["status"], won["amount_deducted"]) == ("won", 0)


@pytest.mark.parametrize("status", ["under_review", "action_required", "won", "lost", "closed"])
def test_every_turn_is_told_with_payment_and_dispute(sim: Simulated, payment_id: str, status: str) -> None:
    opened = sim.sim("disputes", payment_id=payment_id)
    sim.sim(f"disputes/{opened['id']}/{status}")
    sim.deliver()
    assert sim.shop.events()[-2:] == ["payment.dispute.created", f"payment.dispute.{status}"]
    assert sim.shop.received[-1].event["contains"] == ["payment", "dispute"]
