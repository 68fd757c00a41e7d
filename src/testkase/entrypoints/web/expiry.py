"""What expires when: the credits an organization still has, in the order in which they are spent (P3, P5)."""

from dataclasses import dataclass

from testkase.core.ledger.model import Lot


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """Available credits of one source that end at one instant. Micro-credits; None: they never expire."""

    source: str
    available: int
    expires_at: int | None


def expiring(having: list[Lot]) -> list[Expiring]:
    """Credits by source and expiry, soonest first. Their sum is the balance; what calls have set aside is not in it."""
    sums: dict[tuple[str, int | None], int] = {}
    for lot in having:
        if lot.available:
            sums[lot.source, lot.expires_at] = sums.get((lot.source, lot.expires_at), 0) + lot.available
    return [Expiring(source=source, available=available, expires_at=at) for (source, at), available in sums.items()]


def set_aside(having: list[Lot]) -> int:
    """Unspent micro-credits that nobody can use while their payment is disputed."""
    frozen = [lot.claw for lot in having if lot.claw is not None and lot.claw.frozen]
    return sum(max(0, claw.reversed - claw.clawed) for claw in frozen)
