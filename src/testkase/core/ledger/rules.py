"""Pure rules on lots: in which order credits are spent, and how a movement is split over the lots it touches."""

from collections.abc import Iterable

from msgspec.structs import replace

from testkase.core.ledger.book import NEVER
from testkase.core.ledger.model import Deltas, Hold, Lot


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


class Movement:
    """Changes to lots, gathered until they are posted as one entry."""

    __slots__ = ("expired", "held", "lines", "released", "used")

    def __init__(self) -> None:
        self.lines: dict[int, tuple[int, int]] = {}
        """Lot id → (change of available, change of held)."""
        self.held = 0
        self.used = 0
        self.released = 0
        self.expired = 0

    def move(self, lot_id: int, available: int, held: int) -> None:
        before = self.lines.get(lot_id)
        self.lines[lot_id] = (available, held) if before is None else (before[0] + available, before[1] + held)
        self.held += held

    def hold(self, taken: tuple[tuple[int, int], ...]) -> None:
        """available → held."""
        for lot_id, amount in taken:
            self.move(lot_id, -amount, amount)
            self.released -= amount

    def spend_available(self, taken: tuple[tuple[int, int], ...]) -> None:
        """available → used."""
        for lot_id, amount in taken:
            self.move(lot_id, -amount, 0)
            self.used += amount
            self.released -= amount

    def resolve(self, hold: Hold, charge: int, lots: dict[int, Lot], now: int) -> tuple[tuple[int, int], ...]:
        """held → used up to `charge`, in the order held; the rest back to available, or gone where its lot has expired
        meanwhile: an open hold protects credits only until it is resolved (I4). Answers what was not charged, by
        lot."""
        rest: list[tuple[int, int]] = []
        for lot_id, amount in hold.lots:
            used = min(amount, charge)
            charge -= used
            self.used += used
            back = amount - used
            if back:
                rest.append((lot_id, back))
            expires_at = lots[lot_id].expires_at
            if expires_at is not None and expires_at <= now:
                self.move(lot_id, 0, -amount)
                self.expired += back
            else:
                self.move(lot_id, back, -amount)
                self.released += back
        return tuple(rest)

    def capture(self, hold: Hold, charge: int) -> tuple[tuple[int, int], ...]:
        """held → used for exactly `charge`; answers what the hold still has, by lot."""
        rest: list[tuple[int, int]] = []
        for lot_id, amount in hold.lots:
            used = min(amount, charge)
            charge -= used
            self.used += used
            if used:
                self.move(lot_id, 0, -used)
            if amount > used:
                rest.append((lot_id, amount - used))
        return tuple(rest)

    def deltas(self) -> Deltas:
        """The movement as changes of the organization's accounts; what is neither used, released nor expired was
        held."""
        return Deltas(available=self.released, held=self.held, used=self.used, expired=self.expired)

    def entry_lots(self) -> tuple[tuple[int, int, int], ...]:
        return tuple([(lot_id, available, held) for lot_id, (available, held) in self.lines.items()])

    def moved(self, lots: dict[int, Lot]) -> tuple[Lot, ...]:
        """The lots after the movement."""
        moved = []
        for lot_id, (available, held) in self.lines.items():
            lot = lots[lot_id]
            moved.append(replace(lot, available=lot.available + available, held=lot.held + held))
        return tuple(moved)
