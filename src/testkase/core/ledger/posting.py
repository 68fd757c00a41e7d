"""Posting: an entry with its place in the journal, its hash, and the account after it."""

import hashlib
from binascii import b2a_base64
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import force_setattr, replace

from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.model import Account, Deltas, Entry, EntryKind, Hold, Lot, Subject, Usage
from testkase.core.ledger.movement import Movement
from testkase.core.ledger.terms import Terms

_encode = msgspec.json.Encoder().encode
GENESIS = bytes(32)
"""The hash before an organization's first entry."""


@lru_cache(maxsize=4096)
def hold_digest(subject: Subject, terms: Terms | None) -> str:
    """What a hold's entry notes of whom the hold is for and at what rates: its row is not hashed, but must not be
    changed either before it is settled."""
    return b2a_base64(blake2b(_encode((subject, terms)), digest_size=12).digest(), newline=False).decode()


def entry_hash(previous: bytes, entry: Entry) -> bytes:
    """SHA-256 over the predecessor's hash and the entry's own fields, its usage included (I12)."""
    return hashlib.sha256(previous + _encode(entry)).digest()


def post(
    account: Account,
    *,
    kind: EntryKind,
    operation_id: str,
    at: int,
    deltas: Deltas,
    lines: tuple[tuple[int, int, int], ...] = (),
    lots: tuple[Lot, ...] = (),
    opened: Hold | None = None,
    closed: str | None = None,
    fingerprint: bytes = b"",
    hold_id: str | None = None,
    expires_at: int | None = None,
    usage: Usage | None = None,
    note: str = "",
    account_changes: dict[str, Any] | None = None,
) -> Event:
    """The event that posts one entry. `account_changes` are fields of the account that do not follow from the
    deltas."""
    available, held = account.available + deltas.available, account.held + deltas.held
    entry = Entry(
        org_id=account.org_id, seq=account.last_seq + 1, operation_id=operation_id, kind=kind, at=at, deltas=deltas,
        lots=lines, available_after=available, held_after=held, hold_id=hold_id, expires_at=expires_at,
        fingerprint=fingerprint, usage=usage, note=note,
    )  # fmt: skip
    digest = entry_hash(account.last_hash, entry)
    force_setattr(entry, "hash", digest)  # nobody has seen the entry yet; a copy would cost as much as making it
    after = replace(
        account, available=available, held=held, debt=account.debt - deltas.debt,
        period_used=account.period_used + deltas.used, last_seq=entry.seq, last_at=at, last_hash=digest,
        due_at=_due_at(account, lots, opened),
    )  # fmt: skip
    if deltas.overage:
        after = replace(after, overage=account.overage - deltas.overage)
    if account_changes:
        after = replace(after, **account_changes)
    return Event(entry=entry, account=after, lots=lots, opened=opened, closed=closed)


def post_movement(
    book: Book,
    movement: Movement,
    *,
    kind: EntryKind,
    operation_id: str,
    at: int,
    opened: Hold | None = None,
    closed: str | None = None,
    fingerprint: bytes = b"",
    hold_id: str | None = None,
    expires_at: int | None = None,
    usage: Usage | None = None,
    note: str = "",
) -> Event:
    """The event that posts a movement of the book's lots."""
    account = account_of(book)
    changes = None if movement.beside is None else movement.square(account, at)
    lines, lots = movement.outcome(book.lots)
    return post(
        account, kind=kind, operation_id=operation_id, at=at, deltas=movement.deltas(), lines=lines, lots=lots,
        opened=opened, closed=closed, fingerprint=fingerprint, hold_id=hold_id, expires_at=expires_at, usage=usage,
        note=note, account_changes=changes,
    )  # fmt: skip


def _due_at(account: Account, lots: tuple[Lot, ...], opened: Hold | None) -> int:
    """No later than what this entry makes due: a hold that opens, credits that come (back) into a lot that expires."""
    due_at = account.due_at
    for lot in lots:
        if lot.expires_at is not None and lot.expires_at < due_at and lot.available:
            due_at = lot.expires_at
    return opened.expires_at if opened is not None and opened.expires_at < due_at else due_at


def account_of(book: Book) -> Account:
    """The account of a book that is known to have one."""
    assert book.account is not None
    return book.account
