"""The chain of an organization's records, and what is wrong with it (I12).

Each record's hash covers its predecessor's and every one of its own fields, so that a row that was edited, taken out or
swapped with another breaks the chain there. What was cut off at the end is found by the head, which stands in a row of
its own.
"""

import hashlib

import msgspec

from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.services.audit.model import Record

GENESIS = bytes(32)
"""The hash before an organization's first record."""

_SQL = named_statements("testkase.services.audit.sql", "activity.sql")
_PAGE = 5_000
# Keys in order: the database keeps those of `details` in an order of its own.
_encode = msgspec.json.Encoder(order="deterministic").encode


class BrokenLink(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with a chain; `seq` is the record at which it shows, None: the chain as a whole."""

    org_id: int
    seq: int | None
    found: str


def record_hash(previous: bytes, record: Record) -> bytes:
    """SHA-256 over the predecessor's hash and the record."""
    return hashlib.sha256(previous + _encode(record)).digest()


def verify_activity(org_id: int) -> Operation[list[BrokenLink]]:
    """Everything that is wrong with one organization's chain; empty when nothing is. Needs the organization's context,
    in a transaction that sees one consistent state."""
    heads = yield Statement(_SQL["head"], {"org_id": org_id})
    found: list[BrokenLink] = []
    seq, at, digest = 0, 0, GENESIS
    while True:
        rows = yield Statement(_SQL["chain"], {"org_id": org_id, "after": seq, "limit": _PAGE})
        for row in rows:
            record, hashed = record_of(row), bytes(row["hash"])
            if record.seq != seq + 1:
                found.append(BrokenLink(org_id=org_id, seq=record.seq, found=f"follows {seq}: records are missing"))
            if record_hash(digest, record) != hashed:
                words = "the hash does not follow from the record and its predecessor"
                found.append(BrokenLink(org_id=org_id, seq=record.seq, found=words))
            if record.at < at:
                found.append(BrokenLink(org_id=org_id, seq=record.seq, found="is older than its predecessor"))
            seq, at, digest = record.seq, record.at, hashed
        if len(rows) < _PAGE:
            break
    if _end(heads) != (seq, at, digest):
        words = f"the chain ends with {seq}, its head says {_end(heads)[0]}: records are missing at the end"
        found.append(BrokenLink(org_id=org_id, seq=None, found=words))
    return found


def _end(heads: list[Row]) -> tuple[int, int, bytes]:
    return (heads[0]["seq"], heads[0]["at"], bytes(heads[0]["hash"])) if heads else (0, 0, GENESIS)


def record_of(row: Row) -> Record:
    """The record in a row, without its hash."""
    values = {name: row[name] for name in Record.__struct_fields__}
    return Record(**{**values, "details": msgspec.json.decode(row["details"], type=dict[str, str])})
