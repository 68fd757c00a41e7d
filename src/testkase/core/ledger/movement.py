"""A movement: changes to lots and to the organization's accounts, gathered until they are posted as one entry."""

from collections.abc import Iterator

from msgspec.structs import replace

from testkase.core.ledger.model import OVERAGE, UNTOUCHED, Account, Deltas, Hold, Lot
from testkase.core.ledger.rules import come_back, owed


class Movement:
    """Changes to lots, gathered until they are posted as one entry."""

    __slots__ = ("beside", "expired", "held", "lines", "released", "used")

    def __init__(self) -> None:
        self.lines: dict[int, tuple[int, int]] = {}
        """Lot id → (change of available, change of held)."""
        self.held = 0
        self.used = 0
        self.released = 0
        self.expired = 0
        self.beside: Beside | None = None

    def move(self, lot_id: int, available: int, held: int) -> None:
        lines = self.lines
        before = lines.get(lot_id)
        lines[lot_id] = (available, held) if before is None else (before[0] + available, before[1] + held)
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

    def resolve(self, hold: Hold, charge: int, lots: dict[int, Lot], now: int) -> None:
        """held → used up to `charge`, in the order held; the rest back to available, or where else it belongs: gone
        where its lot has expired meanwhile (an open hold protects credits only until it is resolved, I4), out of reach
        where the lot was reversed."""
        for lot_id, amount in hold.lots:
            used = min(amount, charge)
            charge -= used
            self.used += used
            back = amount - used
            lot = lots[lot_id]
            if lot.claw is None and lot.source != OVERAGE and (lot.expires_at is None or lot.expires_at > now):
                self.move(lot_id, back, -amount)
                self.released += back
            else:
                self._come_back(lot, amount, back, now)

    def _come_back(self, lot: Lot, held: int, back: int, now: int) -> None:
        if lot.source == OVERAGE:
            self.move(lot.lot_id, 0, -held)
            self._beside().overage += back
            return
        before = self._beside().became.get(lot.lot_id, lot)
        self.become(before, come_back(before, back, now), held=-held)

    def become(self, before: Lot, after: Lot, *, held: int = 0) -> None:
        """The lot stands differently towards refunds and disputes, or has expired; what was held of it is given."""
        beside, was, claw = self._beside(), before.claw or UNTOUCHED, after.claw or UNTOUCHED
        beside.became[after.lot_id] = after
        beside.reversed += claw.reversed - was.reversed
        self.expired += claw.expired - was.expired
        self.released += after.available - before.available
        self.move(after.lot_id, after.available - before.available, held)
        if (change := owed(after) - owed(before)) != 0:
            beside.owed += change
            beside.reference = beside.reference or after.reference

    def lend(self, account: Account, amount: int, now: int, *, held: bool) -> tuple[tuple[int, int], ...]:
        """overage → held or used, through a lot of its own that is never available to another call (P7)."""
        lot_id, set_aside = account.last_seq + 1, amount if held else 0
        beside = self._beside()
        beside.fresh = Lot(
            org_id=account.org_id, lot_id=lot_id, source=OVERAGE, paid=True, priority=0, granted=amount, available=0,
            held=set_aside, granted_at=now, expires_at=None,
        )  # fmt: skip
        beside.overage -= amount
        self.used += amount - set_aside
        self.move(lot_id, 0, set_aside)
        return ((lot_id, amount),)

    def square(self, account: Account, now: int) -> dict[str, int] | None:
        """The debt follows what is owed, once, before the movement is posted. Answers what else changes of the account.

        What is owed less cancels debt first. What credits went to cover comes back, as a lot that does not expire; what
        neither is there nor was covered had been forgiven, and gives back nothing.
        """
        beside = self.beside
        if beside is None or not beside.owed:
            return None
        beside.reversed += beside.owed
        if beside.owed > 0:
            beside.debt -= beside.owed
            return None
        less = -beside.owed
        cancelled = min(less, account.debt)
        covered = min(less - cancelled, account.covered)
        beside.debt += cancelled
        beside.issued += less - cancelled - covered
        if covered:
            lot_id = account.last_seq + 1
            beside.fresh = Lot(
                org_id=account.org_id, lot_id=lot_id, source="adjustment", paid=False, priority=0, granted=covered,
                available=covered, held=0, granted_at=now, expires_at=None, reference=beside.reference,
            )  # fmt: skip
            self.move(lot_id, covered, 0)
            self.released += covered
        return {"covered": account.covered - covered}

    def _beside(self) -> "Beside":
        if self.beside is None:
            self.beside = Beside()
        return self.beside

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
        beside = self.beside
        if beside is None:
            return Deltas(available=self.released, held=self.held, used=self.used, expired=self.expired)
        return Deltas(
            available=self.released, held=self.held, used=self.used, expired=self.expired, reversed=beside.reversed,
            overage=beside.overage, debt=beside.debt, issued=beside.issued,
        )  # fmt: skip

    def outcome(self, lots: dict[int, Lot]) -> tuple[tuple[tuple[int, int, int], ...], tuple[Lot, ...]]:
        """The lines of the entry, and the lots after the movement."""
        lines, moved = [], []
        for lot_id, (available, held) in self.lines.items():
            lines.append((lot_id, available, held))
            if self.beside is None:
                lot = lots[lot_id]
                moved.append(replace(lot, available=lot.available + available, held=lot.held + held))
        return tuple(lines), tuple(moved if self.beside is None else self._moved_beside(lots, self.beside))

    def _moved_beside(self, lots: dict[int, Lot], beside: "Beside") -> Iterator[Lot]:
        for lot_id, (available, held) in self.lines.items():
            if beside.fresh is not None and beside.fresh.lot_id == lot_id:
                yield beside.fresh
                continue
            lot = lots[lot_id]
            claw = beside.became.get(lot_id, lot).claw
            yield replace(lot, available=lot.available + available, held=lot.held + held, claw=claw)


class Beside:
    """What most movements do not have: lots that were reversed or have expired, and credits lent beyond the balance."""

    __slots__ = ("became", "debt", "fresh", "issued", "overage", "owed", "reference", "reversed")

    def __init__(self) -> None:
        self.became: dict[int, Lot] = {}
        self.fresh: Lot | None = None
        """The lot this movement issues, named after its entry: at most one."""
        self.reversed = self.overage = self.issued = self.debt = 0
        self.owed = 0
        self.reference = ""
