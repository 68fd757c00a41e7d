"""Verify a long journal from where it was verified before (B4).

A checkpoint is the last entry that was verified, its hash, and the sums after it. What came since is read entry by
entry against it. What came before is bound by that hash: whoever rewrites an old entry either breaks the chain, which
the next walk over everything finds, or rewrites every hash after it, which no longer agrees with the checkpoint.
"""

import msgspec

from testkase.core.ledger.model import Entry
from testkase.core.ledger.posting import GENESIS, entry_hash
from testkase.core.ledger.verify import UNREADABLE, Deviation, entry_of, journal_page, unreadable
from testkase.foundation.database import Operation, Row, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.sql", "checkpoint.sql")
_PAGE = 5_000


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and the sums after it, in micro-credits."""

    seq: int = 0
    at: int = 0
    hash: bytes = GENESIS
    available: int = 0
    held: int = 0
    debt: int = 0

    def after(self, entry: Entry, digest: bytes) -> "Checkpoint":
        """This, moved onto the next entry."""
        deltas = entry.deltas
        return Checkpoint(
            seq=entry.seq, at=entry.at, hash=digest, available=self.available + deltas.available,
            held=self.held + deltas.held, debt=self.debt - deltas.debt,
        )  # fmt: skip


def where_it_ends(org_id: int) -> Operation[Checkpoint]:
    """What the account says of the end of its journal. To be trusted in the transaction that has verified it."""
    rows = yield Statement(_SQL["account"], {"org_id": org_id})
    return Checkpoint(**{**rows[0], "hash": bytes(rows[0]["hash"])}) if rows else Checkpoint()


def still_stands(org_id: int, known: Checkpoint) -> Operation[list[Deviation]]:
    """Whether the entry of a checkpoint has the hash it had (I12)."""
    if known.seq == 0:
        return []
    rows = yield Statement(_SQL["entry_hash"], {"org_id": org_id, "at": known.at, "seq": known.seq})
    if rows and bytes(rows[0]["hash"]) == known.hash:
        return []
    return [_deviation(org_id, "I12", known.seq, "is not the entry that was verified before")]


def verify_since(org_id: int, known: Checkpoint) -> Operation[tuple[list[Deviation], Checkpoint]]:
    """What is wrong with the entries after a checkpoint (I1–I3, I5, I12), and the checkpoint at the end of them."""
    try:
        return (yield from _verified_since(org_id, known))
    except UNREADABLE as fault:
        return [unreadable(org_id, fault)], known


def _verified_since(org_id: int, known: Checkpoint) -> Operation[tuple[list[Deviation], Checkpoint]]:
    found = yield from still_stands(org_id, known)
    reached = known
    while True:
        rows = yield from journal_page(org_id, after=reached.seq, limit=_PAGE)
        for row in rows:
            entry, digest = entry_of(org_id, row), bytes(row["hash"])
            found += _faults(entry, digest, reached, row["charged"])
            reached = reached.after(entry, digest)
        found += (yield from _misplaced(org_id, rows)) if rows else []
        if len(rows) < _PAGE:
            break
    said = yield from where_it_ends(org_id)
    if said != reached:
        found.append(
            _deviation(org_id, "I2", None, f"the account ends with {said.seq}, its entries with {reached.seq}")
        )
    (sums,) = yield Statement(_SQL["sums"], {"org_id": org_id})
    if (sums["available"], sums["held"]) != (reached.available, reached.held):
        found.append(_deviation(org_id, "I2", None, "the lots do not add up to the balance"))
    if sums["in_holds"] != reached.held:
        found.append(_deviation(org_id, "I3", None, "the open holds do not add up to what is held"))
    return found, reached


def _misplaced(org_id: int, rows: list[Row]) -> Operation[list[Deviation]]:
    """Whether each entry is found by its id (I5)."""
    columns = {"ids": "operation_id", "seqs": "seq", "instants": "at"}
    asked = {name: [row[column] for row in rows] for name, column in columns.items()}
    lost = yield Statement(_SQL["misplaced_ids"], {"org_id": org_id, **asked})
    return [_deviation(org_id, "I5", row["seq"], "its id does not lead to it") for row in lost]


def _faults(entry: Entry, digest: bytes, before: Checkpoint, charged: int | None) -> list[Deviation]:
    after, deltas = before.after(entry, digest), entry.deltas
    moved = (sum(line[1] for line in entry.lots), sum(line[2] for line in entry.lots))
    checks = (
        ("I12", entry.seq == before.seq + 1, "entries are missing before it"),
        ("I12", entry_hash(before.hash, entry) == digest, "the hash does not follow from its predecessor"),
        ("I1", deltas.total() == 0, "its lines do not sum to zero"),
        ("I2", (entry.available_after, entry.held_after) == (after.available, after.held), "says another balance"),
        ("I2", moved == (deltas.available, deltas.held), "moves something else in its lots"),
        ("I10", after.available >= 0 and after.held >= 0, "takes the balance below zero"),
        ("I11", (charged or 0) == deltas.used, "its usage says another charge"),
    )
    return [_deviation(entry.org_id, invariant, entry.seq, words) for invariant, holds, words in checks if not holds]


def _deviation(org_id: int, invariant: str, seq: int | None, found: str) -> Deviation:
    return Deviation(org_id=org_id, invariant=invariant, seq=seq, found=found)
