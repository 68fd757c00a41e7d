"""What happens by itself when its time has come."""

from collections.abc import Callable

from razorpay_simulator.model import Endpoint, Event, Payment, PaymentLink, Timer
from razorpay_simulator.rules import links, payments, refunds
from razorpay_simulator.rules.instruments import failure
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox


def run_due(sim: Simulator) -> None:
    """Everything due by now, in order of time."""
    now = sim.clock.exact()
    due = [timer for timer in sim.store.all(Timer).values() if timer.at <= now]
    for timer in sorted(due, key=lambda one: one.at):
        sim.store.forget(timer)
        _ACTIONS[timer.action](sim, timer.target)
        outbox.release(sim)


def next_at(sim: Simulator) -> float | None:
    """When the next thing happens by itself."""
    return min((timer.at for timer in sim.store.all(Timer).values()), default=None)


def _fail_unanswered(sim: Simulator, payment_id: str) -> None:
    payment = sim.store.get(Payment, payment_id)
    if payment is not None and payment.status == "created":
        payments.fail(sim, payment, failure("payment_timed_out"))


def _authorize_late(sim: Simulator, payment_id: str) -> None:
    payment = sim.store.get(Payment, payment_id)
    if payment is not None and payment.status in {"created", "failed"}:
        payments.authorize(sim, payment)


def _refund_uncaptured(sim: Simulator, payment_id: str) -> None:
    payment = sim.store.get(Payment, payment_id)
    if payment is not None and payment.status == "authorized":
        refunds.give_back(sim, payment)


def _expire_link(sim: Simulator, link_id: str) -> None:
    link = sim.store.get(PaymentLink, link_id)
    if link is not None:
        links.expire(sim, link)


def _replay(sim: Simulator, event_id: str) -> None:
    event = sim.store.get(Event, event_id)
    if event is not None:
        outbox.deliver(sim, event, list(sim.store.all(Endpoint).values()))


_ACTIONS: dict[str, Callable[[Simulator, str], None]] = {
    "fail_unanswered": _fail_unanswered,
    "authorize_late": _authorize_late,
    "refund_uncaptured": _refund_uncaptured,
    "expire_link": _expire_link,
    "replay": _replay,
}
