"""The auditor's pencil: reads entries in order, keeps its own sums, and notes what does not agree."""

from collections import defaultdict
from typing import Any

import msgspec

from testkase.core.ledger.account_audit import AccountAudit
from testkase.core.ledger.claw_audit import ClawAudit
from testkase.core.ledger.hold_audit import HoldAudit
from testkase.core.ledger.limits.auditing import LimitsAudit
from testkase.core.ledger.lot_audit import LotAudit
from testkase.core.ledger.model import Entry, Lot
from testkase.core.ledger.posting import GENESIS, entry_hash
from testkase.core.ledger.usage_audit import UsageAudit

_SPENDING = frozenset({"hold", "extend", "usage", "cover"})
"""Kinds that take credits from available: never from a lot that has expired (I4)."""

_RESOLVING = frozenset({"settle", "void", "lapse"})


class Audit:
    """Feed it entries with `read`, finish with `close`; `found` lists (invariant, sequence number, what was found)."""

    def __init__(self, lots: dict[int, Lot], time_zone: str) -> None:
        self.found: list[tuple[str, int | None, str]] = []
        self.lots = lots
        self._seq = self._at = 0
        self._hash = GENESIS
        self._available = self._held = self._debt = self._used = 0
        self._in_lots: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._holds: dict[str, int] = {}
        self._operations: set[str] = set()
        self._period = -1
        self.periods: list[tuple[int, int, int]] = []
        """What each period opened with, what was used in it and what expired, in micro-credits."""
        self.limits = LimitsAudit()
        self.account = AccountAudit()
        self.claws = ClawAudit(lots)
        self.births = LotAudit(lots)
        self.opened = HoldAudit()
        self.usage = UsageAudit(time_zone)

    def read(self, entry: Entry, row: dict[str, Any]) -> None:
        """One entry, in order, with the row it was read from: the hash that stands beside it, and its usage's."""
        self._check_chain(entry, bytes(row["hash"]))
        self._check_sums(entry)
        self._check_lots(entry)
        self._check_hold(entry)
        self._check_period(entry)
        self.limits.read(entry)
        self.account.read(entry)
        self.claws.read(entry)
        self.births.read(entry)
        self.opened.read(entry)
        self.usage.read(entry, row)

    def close(self, account: dict[str, Any], open_holds: dict[str, int], orphans: list[int]) -> None:
        """Compare the sums with what the account, the lots and the open holds say of themselves."""
        said = {name: account[name] for name in ("available", "held", "debt", "last_seq", "last_at", "period_used")}
        summed = {"available": self._available, "held": self._held, "debt": self._debt, "last_seq": self._seq,
                  "last_at": self._at, "period_used": self._used}  # fmt: skip
        for name, value in said.items():
            if value != summed[name]:
                self._note("I2", None, f"the account says {name} = {value}, its entries {summed[name]}")
        if msgspec.convert(account["last_hash"], bytes) != self._hash:
            self._note("I12", None, "the account's hash is not its last entry's: entries are missing")
        for lot_id in self.lots.keys() | self._in_lots.keys():
            lot, summed_lot = self.lots.get(lot_id), tuple(self._in_lots[lot_id])
            if (recorded := (lot.available, lot.held) if lot else (0, 0)) != summed_lot:
                self._note("I2", None, f"lot {lot_id} says {recorded}, its entries {summed_lot}")
        if open_holds != self._holds:
            wrong = sorted(k for k in open_holds.keys() | self._holds.keys() if open_holds.get(k) != self._holds.get(k))
            self._note("I3", None, f"open holds differ from the journal: {', '.join(wrong[:5])}")
        for seq in orphans:
            self._note("I11", None, f"usage {seq} has no entry")

    def _note(self, invariant: str, entry: Entry | None, found: str) -> None:
        self.found.append((invariant, entry.seq if entry else None, found))

    def _check_chain(self, entry: Entry, recorded_hash: bytes) -> None:
        if entry.seq != self._seq + 1:
            self._note("I12", entry, f"follows {self._seq}: entries are missing")
        if entry_hash(self._hash, entry) != recorded_hash:
            self._note("I12", entry, "the hash does not follow from the entry and its predecessor")
        if entry.operation_id in self._operations:
            self._note("I5", entry, f"{entry.operation_id} was posted before")
        self._operations.add(entry.operation_id)
        self._seq, self._at, self._hash = entry.seq, entry.at, recorded_hash

    def _check_sums(self, entry: Entry) -> None:
        deltas = entry.deltas
        if deltas.total():
            self._note("I1", entry, f"lines sum to {deltas.total()}")
        self._available += deltas.available
        self._held += deltas.held
        self._debt -= deltas.debt
        if (self._available, self._held) != (entry.available_after, entry.held_after):
            self._note("I2", entry, f"says {entry.available_after} + {entry.held_after} after it")
        if self._available < 0 or self._held < 0:
            self._note("I10", entry, f"leaves {self._available} available, {self._held} held")
        if deltas.used < 0 or deltas.expired < 0:
            self._note("I7", entry, "gives back what was used or expired")

    def _check_lots(self, entry: Entry) -> None:
        moved_available = moved_held = 0
        for lot_id, available, held in entry.lots:
            moved_available += available
            moved_held += held
            sums = self._in_lots[lot_id]
            sums[0] += available
            sums[1] += held
            if sums[0] < 0 or sums[1] < 0:
                self._note("I2", entry, f"leaves lot {lot_id} at {sums}")
            lot = self.lots.get(lot_id)
            if available < 0 and lot is not None and entry.kind in _SPENDING and lot.expired_by(entry.at):
                self._note("I4", entry, f"spends lot {lot_id}, which had expired")
        if (moved_available, moved_held) != (entry.deltas.available, entry.deltas.held):
            self._note("I2", entry, f"moves {moved_available}, {moved_held} in its lots")

    def _check_hold(self, entry: Entry) -> None:
        if entry.hold_id is None:
            return
        if entry.kind == "hold":
            self._holds[entry.hold_id] = entry.deltas.held
        elif entry.hold_id not in self._holds:
            self._note("I7", entry, f"acts on hold {entry.hold_id}, which is not open")
        elif entry.kind in _RESOLVING:
            amount = self._holds.pop(entry.hold_id)
            if -entry.deltas.held != amount:
                self._note("I7", entry, f"resolves {-entry.deltas.held} of a hold of {amount}")
        else:
            self._holds[entry.hold_id] += entry.deltas.held

    def _check_period(self, entry: Entry) -> None:
        self._used += entry.deltas.used
        if entry.kind == "allowance":
            self._period += 1
            self._used = 0
            if entry.operation_id != f"allowance:{self._period}":
                self._note("I9", entry, f"is {entry.operation_id}, expected period {self._period}")
            moved = entry.deltas.available + entry.deltas.held
            self.periods.append((self._available + self._held - moved, 0, 0))
        if self.periods:
            opening, used, expired = self.periods[-1]
            self.periods[-1] = (opening, used + entry.deltas.used, expired + entry.deltas.expired)
