"""What holds whatever happens: random shops, customers, banks and calendars, on the rules alone."""

import random
from contextlib import suppress

import pytest

from razorpay_simulator.config import Config
from razorpay_simulator.errors import Refusal
from razorpay_simulator.faults import Fault
from razorpay_simulator.model import Event, Order, Payment, Refund
from razorpay_simulator.rules import outcomes, payments, refunds, timers
from razorpay_simulator.rules.instruments import failure, read
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox

STEPS = 400


def step(sim: Simulator, chance: random.Random) -> None:
    """One thing that may happen."""
    known = list(sim.store.all(Order).values())
    what = chance.choice(("order", "pay", "pay", "pay", "fault", "refund", "wait", "capture", "late"))
    if what == "order" or not known:
        amount = chance.randint(100, 100_000)
        sim.store.save(Order(id=sim.ids.new("order"), amount=amount, currency="INR", created_at=sim.clock.now()))
    elif what == "fault":
        sim.faults.add(Fault(fault=chance.choice(("F8", "F9", "F10", "F11", "F14", "F15"))))
    elif what == "wait":
        sim.clock.move_to(sim.clock.exact() + chance.choice((1, 700, 86_400)))
        timers.run_due(sim)
    elif what == "pay":
        order = chance.choice(known)
        payments.check_payable(sim, order)
        instrument = read("upi", {"vpa": "success@razorpay"})
        payment = payments.start(sim, instrument, order=order, amount=order.amount, currency="INR")
        outcomes.conclude(sim, payment, chance.choice((None, None, failure("payment_failed"))))
    elif made := list(sim.store.all(Payment).values()):
        change(sim, chance, what, chance.choice(made))


def change(sim: Simulator, chance: random.Random, what: str, payment: Payment) -> None:
    left = payment.amount - payment.amount_refunded
    order = payments.order_of(sim, payment)
    if what == "refund" and payment.captured and left:
        refunds.refund(sim, payment, chance.randint(1, left))
    elif what == "capture" and payment.status == "authorized" and order is not None and order.status != "paid":
        payments.capture(sim, payment)
    elif what == "late" and payment.status in {"created", "failed"}:
        payments.authorize(sim, payment)


def check(sim: Simulator) -> None:
    for payment in sim.store.all(Payment).values():
        back = [sim.store.all(Refund)[made] for made in payment.refund_ids]
        assert payment.amount_refunded == sum(one.amount for one in back if one.status != "failed")
        assert 0 <= payment.amount_refunded <= payment.amount
        assert (payment.status == "refunded") == (payment.amount_refunded == payment.amount)
        assert (payment.fee is not None) == payment.captured
    for order in sim.store.all(Order).values():
        captured = [one for one in payments.payments_of(sim, order) if one.captured]
        assert (order.status == "paid") == bool(captured)
        assert order.amount_paid == (order.amount if captured else 0)
        # However many succeed, all but one go back.
        returned = [one for one in captured if any(is_return(sim, made) for made in one.refund_ids)]
        assert len(captured) - len(returned) <= 1
        assert order.attempts == len(order.payment_ids)


def is_return(sim: Simulator, refund_id: str) -> bool:
    return "comment" in sim.store.all(Refund)[refund_id].notes


@pytest.mark.parametrize("seed", range(8))
def test_money_adds_up(seed: int) -> None:
    chance = random.Random(seed)
    sim = Simulator(Config(seed=seed))
    for _ in range(STEPS):
        with suppress(Refusal):  # a paid order takes no more
            step(sim, chance)
        outbox.release(sim)
        check(sim)
    told = [event.name for event in sim.store.all(Event).values()]
    paid = [order for order in sim.store.all(Order).values() if order.status == "paid"]
    assert told.count("order.paid") == len(paid) > 10
    assert told.count("payment.captured") == sum(one.captured for one in sim.store.all(Payment).values())
    assert told.count("refund.created") == len(sim.store.all(Refund))
