"""Pure rules on lots: in which order credits are spent, and what a refund or dispute leaves of one."""

from collections.abc import Iterable

from msgspec.structs import replace

from testkase.core.ledger.book import NEVER
from testkase.core.ledger.model import UNTOUCHED, ClawBack, Lot


def burn_order(lot: Lot) -> tuple[int, int, bool, int]:
    """Soonest to expire, then priority, then free before paid, then oldest (P5)."""
    return (NEVER if lot.expires_at is None else lot.expires_at, lot.priority, lot.paid, lot.lot_id)


def burn(lots: Iterable[Lot], amount: int) -> tuple[tuple[int, int], ...]:
    """Pairs of lot id and amount that cover `amount` in burn order; what the lots do not cover is left out."""
    taken: list[tuple[int, int]] = []
    with_credits = [lot for lot in lots if lot.available]
    if len(with_credits) > 1:
        with_credits.sort(key=burn_order)
    for lot in with_credits:
        if amount <= 0:
            break
        part = min(lot.available, amount)
        taken.append((lot.lot_id, part))
        amount -= part
    return tuple(taken)


def owed(lot: Lot) -> int:
    """Credits of the lot whose money has gone back though they are spent (P10). What a call holds counts as spent until
    it is given back; what expired was taken from nobody."""
    claw = lot.claw
    return max(0, claw.clawed - lot.available - claw.reversed - claw.expired) if claw is not None else 0


def come_back(lot: Lot, amount: int, now: int) -> Lot:
    """The lot once `amount` credits have come back to it unspent; with 0, once its target has changed.

    A pure function of what is unspent and of the target: so reports of one refund may come twice, late and in any
    order. Frozen: all that is unspent is out of reach. Else as much of it as was taken back, and the rest is available.
    In a lot whose time is over, what comes back and what is within reach again has expired (I4); what is still
    available there is about to.
    """
    claw = lot.claw or UNTOUCHED
    over = lot.expired_by(now)
    unspent = claw.reversed if over else lot.available + claw.reversed + amount
    reversed_ = unspent if claw.frozen else min(claw.clawed, unspent)
    free = unspent - reversed_
    expired = claw.expired + amount + free if over else claw.expired
    after = ClawBack(reversed=reversed_, expired=expired, clawed=claw.clawed, frozen=claw.frozen)
    return replace(lot, available=lot.available if over else free, claw=None if after == UNTOUCHED else after)
