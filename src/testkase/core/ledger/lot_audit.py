"""The auditor's pencil for what a lot says of its coming: how much came, when, until when, from where."""

from testkase.core.ledger.commands import Grant
from testkase.core.ledger.model import OVERAGE, Entry, Lot

Found = tuple[str, int | None, str]
Born = tuple[str, int, int, int | None, str]
"""Source, credits granted, when, until when, and the reference."""

_KEPT = ("allowance", "grant", "adjust")
_FREE = ("allowance", "adjustment")


class LotAudit:
    """Feed it every entry, in order. A lot is named after the entry that issued it."""

    def __init__(self, lots: dict[int, Lot]) -> None:
        self._lots = lots
        self._came: dict[int, Entry] = {}
        self._moved: set[int] = set()

    def read(self, entry: Entry) -> None:
        self._moved.update(line[0] for line in entry.lots)
        if entry.seq in self._lots:
            self._came[entry.seq] = entry

    def compare(self) -> list[Found]:
        """Against the lots as they stand."""
        found: list[Found] = [
            ("I2", lot_id, f"lot {lot_id} is missing") for lot_id in sorted(self._moved - self._lots.keys())
        ]
        for lot_id, lot in self._lots.items():
            entry = self._came.get(lot_id)
            if entry is None:
                found.append(("I2", None, f"lot {lot_id} was issued by no entry"))
            elif (said := _says(lot)) != (should := _born(entry, lot)):
                found.append(("I2", lot_id, f"lot {lot_id} says {said} of its coming, its entry {should}"))
            elif lot.source == "adjustment" and lot.reference not in self._references(entry):
                found.append(
                    ("I2", lot_id, f"lot {lot_id} refers to {lot.reference!r}, of which its entry knows nothing")
                )
            elif not _is_ranked(entry, lot):
                found.append(("I2", lot_id, f"lot {lot_id} stands elsewhere in the burn order than it came"))
        return found

    def _references(self, entry: Entry) -> set[str]:
        """What came back of a debt that was covered refers to what the lot refers to that is owed less for."""
        others = [self._lots[line[0]] for line in entry.lots if line[0] != entry.seq and line[0] in self._lots]
        return {lot.reference for lot in others} if entry.kind != "adjust" else {""}


def _says(lot: Lot) -> Born:
    return lot.source, lot.granted, lot.granted_at, lot.expires_at, lot.reference


def _born(entry: Entry, lot: Lot) -> Born:
    own = sum(available for lot_id, available, _ in entry.lots if lot_id == entry.seq)
    if entry.kind == "grant":
        source = lot.source if lot.source in ("grant", "purchase") else "grant"
        return source, -entry.deltas.issued, entry.at, entry.expires_at, entry.note
    if entry.kind == "allowance":
        return "allowance", -entry.deltas.issued, entry.at, entry.expires_at, ""
    if entry.deltas.overage < 0 and not own:
        return OVERAGE, -entry.deltas.overage, entry.at, None, ""
    granted, reference = (-entry.deltas.issued, "") if entry.kind in _KEPT else (own, lot.reference)
    return "adjustment", granted, entry.at, None, reference


def _is_ranked(entry: Entry, lot: Lot) -> bool:
    """Priority, and whether it was paid for. A grant whose input was looked up is a purchase's (its fingerprint is of
    what was asked, not of these)."""
    if entry.kind != "grant":
        return (lot.priority, lot.paid) == (0, lot.source not in _FREE)
    given = Grant(
        org_id=entry.org_id, grant_id=entry.operation_id.removeprefix("grant:"), amount=lot.granted, source=lot.source,
        paid=lot.paid, priority=lot.priority, expires_at=lot.expires_at, reference=lot.reference,
    )  # fmt: skip
    return given.fingerprint() == entry.fingerprint or (lot.source, lot.paid, lot.priority) == ("purchase", True, 0)
