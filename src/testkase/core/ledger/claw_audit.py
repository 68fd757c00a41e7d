"""The auditor's pencil for refunds, disputes, debt and overage: what lots and account should say by the journal.

Works from the lines of the entries and from the order in which holds took their credits, and shares nothing with the
rules that moved them.
"""

from collections import defaultdict
from typing import Any

import msgspec

from testkase.core.ledger.model import UNTOUCHED, ClawBack, Entry, Lot

Found = tuple[str, int | None, str]

_ISSUING = frozenset({"grant", "allowance", "adjust"})
_ENDING = frozenset({"settle", "void", "lapse"})


class ClawAudit:
    """Feed it every entry, in order. `lots`: for when each of them expires."""

    def __init__(self, lots: dict[int, Lot]) -> None:
        self.found: list[Found] = []
        self._lots = lots
        self._left: dict[int, int] = defaultdict(int)
        self._reversed: dict[int, int] = defaultdict(int)
        self._expired: dict[int, int] = defaultdict(int)
        self._targets: dict[int, tuple[int, bool]] = {}
        self.holds: dict[str, list[list[int]]] = {}
        """Hold → [lot, credits], in the order in which they are charged."""
        self._lent: set[int] = set()
        """Lots that were issued to lend credits beyond the balance."""
        self.debt = self.covered = self.forgiven = self.overage = self.limit = 0

    def read(self, entry: Entry) -> None:
        self._check_admission(entry)
        for lot, available, _ in entry.lots:
            self._left[lot] += available
        if entry.deltas.overage < 0:
            self._lent.add(entry.seq)
        self._read_hold(entry)
        if entry.kind == "expire":
            self._expired[entry.lots[0][0]] += entry.deltas.expired
        elif entry.kind == "reverse":
            self._read_reversal(entry)
        self._read_debt(entry)
        self._read_overage(entry)

    def compare(self, account: dict[str, Any]) -> list[Found]:
        """Against the lots and the account as they stand."""
        for lot_id, lot in self._lots.items():
            clawed, frozen = self._targets.get(lot_id, (0, False))
            should = ClawBack(
                reversed=self._reversed[lot_id], expired=self._expired[lot_id], clawed=clawed, frozen=frozen
            )
            if (lot.claw or UNTOUCHED) != should:
                self._note("P10", None, f"lot {lot_id} says {lot.claw}, its entries {should}")
        stands = {"covered": self.covered, "overage": self.overage, "overage_limit": self.limit}
        for name, summed in stands.items():
            if account[name] != summed:
                self._note("I2", None, f"the account says {name} = {account[name]}, its entries {summed}")
        owed = sum(self._owed(lot_id) for lot_id in self._targets)
        if owed != self.debt + self.covered + self.forgiven:
            self._note("P10", None, f"{owed} is owed, {self.debt} + {self.covered} covered + {self.forgiven} forgiven")
        return self.found

    def _note(self, invariant: str, entry: Entry | None, found: str) -> None:
        self.found.append((invariant, entry.seq if entry else None, found))

    def _owed(self, lot_id: int) -> int:
        there = self._left[lot_id] + self._reversed[lot_id] + self._expired[lot_id]
        return max(self._targets[lot_id][0] - there, 0)

    def _check_admission(self, entry: Entry) -> None:
        if self.debt and (entry.kind in ("hold", "usage") or (entry.kind == "extend" and entry.deltas.held)):
            self._note("I10", entry, f"was admitted though {self.debt} was owed")

    def _read_hold(self, entry: Entry) -> None:
        """What a hold took, in order; what it was charged; and where the rest went when it ended."""
        if entry.hold_id is None:
            return
        pile = self.holds.setdefault(entry.hold_id, [])
        if entry.kind in ("hold", "extend"):
            pile += [[lot, held] for lot, _, held in entry.lots if held]
            if self._lent:
                pile.sort(key=lambda part: part[0] in self._lent)
            return
        charge = entry.deltas.used
        for part in pile:
            charged = min(part[1], charge)
            part[1] -= charged
            charge -= charged
        if entry.kind in _ENDING:
            self._read_rest(entry, self.holds.pop(entry.hold_id))

    def _read_rest(self, entry: Entry, rest: list[list[int]]) -> None:
        given: dict[int, int] = defaultdict(int)
        for lot, amount in rest:
            given[lot] += amount
        again = {lot: available for lot, available, _ in entry.lots}
        for lot, amount in given.items():
            if lot in self._lent:
                continue
            if self._over(lot, entry.at):
                self._expired[lot] += amount
            elif amount:
                self._reversed[lot] += amount - again[lot]

    def _over(self, lot_id: int, at: int) -> bool:
        lot = self._lots.get(lot_id)
        return lot is not None and lot.expires_at is not None and lot.expires_at <= at

    def _read_reversal(self, entry: Entry) -> None:
        noted = msgspec.json.decode(entry.note)
        lot = noted["lot"]
        self._targets[lot] = (noted["clawed"], noted["frozen"])
        self._reversed[lot] -= entry.deltas.expired + sum(line[1] for line in entry.lots if line[0] == lot)
        self._expired[lot] += entry.deltas.expired

    def _read_debt(self, entry: Entry) -> None:
        deltas = entry.deltas
        self.debt -= deltas.debt
        if entry.kind in _ISSUING or entry.kind == "cover":
            self.covered += deltas.debt
        elif entry.kind == "write_off":
            self.forgiven += deltas.debt
        else:
            for lot, available, _ in entry.lots:
                if lot == entry.seq:  # came of what had been covered
                    self.covered -= available
            self.forgiven -= max(deltas.issued, 0)
        if self.debt < 0 or self.covered < 0 or self.forgiven < 0:
            self._note("P10", entry, f"leaves {self.debt} owed, {self.covered} covered, {self.forgiven} forgiven")

    def _read_overage(self, entry: Entry) -> None:
        self.overage -= entry.deltas.overage
        if entry.kind == "overage_limit":
            self.limit = int(entry.note)
        elif entry.deltas.overage < 0 and self.overage > self.limit:
            self._note("P7", entry, f"leaves {self.overage} lent, of at most {self.limit}")
        elif entry.kind == "allowance" and self.overage != (held := self._lent_to_calls()):
            self._note(
                "P7", entry, f"begins a period with {self.overage} lent, {held} to open calls: not all was billed"
            )

    def _lent_to_calls(self) -> int:
        return sum(amount for pile in self.holds.values() for lot, amount in pile if lot in self._lent)
