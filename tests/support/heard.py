"""What can be heard of one payment, and what it comes to: facts by name, what is kept of them, and an oracle.

The oracle is written from the rules alone (P9, P10): it sees which reports there were, never their order.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.services.billing.provider import Dispute, Payment, Refund
from testkase.services.billing.purchasing import lifecycle
from testkase.services.billing.purchasing.fulfilment import Facts

AMOUNT, CREDITS = 5_000, 5_500 * MICRO
Thing = Payment | Refund | Dispute


def heard(order_id: str, payment_id: str) -> dict[str, Facts]:
    """Every report there can be of a payment of an order. Reports of money going back carry the payment too."""
    payment = Payment(
        payment_id=payment_id, order_id=order_id, amount=AMOUNT, currency="USD", status="captured", captured=True,
        amount_refunded=0, created_at=1,
    )  # fmt: skip
    dispute = Dispute(
        dispute_id=f"disp_{payment_id}", payment_id=payment_id, amount=AMOUNT, currency="USD", amount_deducted=0,
        status="open", phase="chargeback", created_at=1,
    )  # fmt: skip
    lost = replace(dispute, status="lost", amount_deducted=AMOUNT)
    taken = (payment,)
    return {
        "authorized": Facts(payments=(replace(payment, status="authorized", captured=False),)),
        "failed": Facts(payments=(replace(payment, status="failed", captured=False, failure="declined"),)),
        "captured": Facts(payments=taken),
        "order.paid": Facts(payments=taken),
        "refund of 1,250": Facts(payments=taken, refunds=(_refund(payment_id, 1, 1_250),)),
        "refund of 2,000": Facts(payments=taken, refunds=(_refund(payment_id, 2, 2_000),)),
        "dispute created": Facts(payments=taken, disputes=(dispute,)),
        "dispute won": Facts(payments=taken, disputes=(replace(dispute, status="won"),)),
        "dispute lost": Facts(payments=taken, disputes=(lost,)),
    }


def _refund(payment_id: str, number: int, amount: int) -> Refund:
    return Refund(
        refund_id=f"rfnd_{number}_{payment_id}", payment_id=payment_id, amount=amount, currency="USD",
        status="processed", created_at=1,
    )  # fmt: skip


HEARD = heard("order_1", "pay_1")


@dataclass(frozen=True)
class Known:
    """What is kept of everything heard, as the rows keep it."""

    things: dict[str, Thing] = field(default_factory=dict)

    def hear(self, name: str) -> "Known":
        """After one more report."""
        things = dict(self.things)
        new: list[Thing] = [*HEARD[name].payments, *HEARD[name].refunds, *HEARD[name].disputes]
        for thing in new:
            things[_key(thing)] = lifecycle.later(things.get(_key(thing)), thing)  # type: ignore[type-var]
        return Known(things)

    def standing(self) -> tuple[bool, int, bool]:
        """Whether it is paid, the micro-credits taken back, and whether the rest is frozen."""
        payment = self.things.get("pay_1")
        refunds = [thing for thing in self.things.values() if isinstance(thing, Refund)]
        disputes = [thing for thing in self.things.values() if isinstance(thing, Dispute)]
        money = lifecycle.returned(AMOUNT, refunds, disputes)
        paid = isinstance(payment, Payment) and payment.captured
        return paid, lifecycle.clawed(CREDITS, AMOUNT, money), lifecycle.is_contested(disputes)


def oracle(names: frozenset[str]) -> tuple[bool, int, bool]:
    """What a set of reports comes to: paid, micro-credits taken back, frozen."""
    paid = bool(names - {"authorized", "failed"})
    cents = 1_250 * ("refund of 1,250" in names) + 2_000 * ("refund of 2,000" in names)
    cents = AMOUNT if "dispute lost" in names else cents
    frozen = "dispute created" in names and not names & {"dispute won", "dispute lost"}
    return paid, CREDITS // AMOUNT * cents, frozen


def balance_after(names: frozenset[str], spent: int) -> tuple[int, int]:
    """Available and debt of an organization with nothing else, which spent so much of the purchase on the way."""
    paid, back, frozen = oracle(names)
    if not paid:
        return 0, 0
    left = CREDITS - spent - back
    return (0 if frozen else max(0, left)), max(0, -left)


def _key(thing: Thing) -> str:
    if isinstance(thing, Payment):
        return thing.payment_id
    return thing.refund_id if isinstance(thing, Refund) else thing.dispute_id
