"""The auditor's pencil for what an open hold says of itself: since when, until when, of which lots, for whom, at what
rates. A hold that nobody has resolved yet is the one row from which a charge is still to be made."""

from typing import Any

import msgspec

from testkase.core.ledger.model import Entry, Subject
from testkase.core.ledger.posting import hold_digest
from testkase.core.ledger.terms import Terms

Found = tuple[str, int | None, str]
Row = dict[str, Any]

_ENDING = frozenset({"settle", "void", "lapse"})


class HoldAudit:
    """Feed it every entry, in order."""

    def __init__(self) -> None:
        self._opened: dict[str, Entry] = {}
        self._until: dict[str, int | None] = {}

    def read(self, entry: Entry) -> None:
        if entry.hold_id is None:
            return
        if entry.kind == "hold":
            self._opened[entry.hold_id] = entry
        if entry.kind in ("hold", "extend"):
            self._until[entry.hold_id] = entry.expires_at
        elif entry.kind in _ENDING:
            self._opened.pop(entry.hold_id, None)
            self._until.pop(entry.hold_id, None)

    def compare(self, rows: list[Row], taken: dict[str, list[list[int]]]) -> list[Found]:
        """Against the holds as they stand. `taken`: what the entries say each has of which lot, in order. A hold that
        no entry opened, and one that is missing, are found by its amount (I3)."""
        return [
            ("I3", self._opened[row["hold_id"]].seq, f"hold {row['hold_id']} says otherwise than its entries: {fault}")
            for row in rows
            if row["hold_id"] in self._opened and (fault := self._fault(row, taken.get(row["hold_id"], [])))
        ]

    def _fault(self, row: Row, taken: list[list[int]]) -> str:
        opened = self._opened[row["hold_id"]]
        if (row["opened_at"], row["expires_at"]) != (opened.at, self._until[row["hold_id"]]):
            return "from when to when it is open"
        lots = [lot for lot in msgspec.json.decode(row["lots"]) if lot[1]]
        if lots != [part for part in taken if part[1]]:
            return "which lots it has credits of"
        # Holds of before there was a digest have none.
        if opened.note and opened.note != hold_digest(_subject(row), _terms(row)):
            return "whom it is for, or its rates"
        return ""


def _subject(row: Row) -> Subject:
    return Subject(use_case=row["use_case"], user=row["user_ref"], project=row["project_ref"], model=row["model"])


def _terms(row: Row) -> Terms | None:
    return msgspec.json.decode(row["terms"], type=Terms) if row["terms"] else None
