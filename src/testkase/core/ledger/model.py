"""The ledger's nouns: Account, Lot, Hold, Entry and the usage an entry records.

Amounts are micro-credits, instants are microseconds since 1970 in UTC: integers both, so that what is hashed, stored
and compared is the same value everywhere. All of them are immutable; `decide` makes new ones, `Book` (book.py) keeps
the latest. msgspec structs rather than dataclasses: making one costs a quarter, and the hot path makes several a
command.
"""

from typing import Literal

import msgspec

from testkase.core.ledger.terms import Terms, Tokens

EntryKind = Literal[
    "open",  # the account is opened
    "grant",  # credits are issued into a new lot
    "allowance",  # the monthly allowance is issued, and with it a new period begins
    "hold",  # available → held
    "extend",  # a hold grows, or lives longer
    "capture",  # part of a hold is charged and the rest stays held
    "settle",  # a hold is charged and the rest released
    "void",  # a hold is released in full
    "lapse",  # a hold nobody resolved in time is released in full
    "usage",  # metered after the fact, straight from available
    "expire",  # what is left of a lot is gone
    "adjust",  # an operator's correction
    "reverse",  # what a refund or dispute has taken back of a lot stands differently
    "cover",  # available credits cover a debt
    "write_off",  # an operator forgives a debt
    "overage",  # what a period used beyond the balance is billed
    "overage_limit",  # how far calls may go beyond the balance is set
    "switch",  # AI is switched on or off
    "budget",  # a budget is set, raised or removed
    "pause",  # new calls of one user or use case are refused
    "resume",  # and allowed again
    "standing",  # how the account stands: the answer to Touch, never posted
]

RESOLVED_AS = {"settle": "settled", "void": "voided", "lapse": "lapsed"}
"""The state of a hold by the kind of the entry that resolved it."""

Outcome = Literal["completed", "cancelled", "failed", "refused"]
"""How a call ended: delivered in full, cut off by the client, failed, or refused by the provider. The last two cost
0."""

Measurement = Literal["exact", "partial", "estimated", "credits"]
"""Where the figures come from: the provider's usage, a cut stream, our own bound, or credits named by the caller."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a call was for. Kept as given by the caller: a member's e-mail or any outside id, a project key or
    outside id."""

    use_case: str
    user: str
    project: str | None = None
    model: str | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """An organization's balance and its place in time. One row, locked for every change.

    `available` and `held` are balances; `due_at` is a lower bound of the next instant at which anything falls due,
    so that the hot path asks one comparison whether time has something to do.
    """

    org_id: int
    available: int = 0
    held: int = 0
    debt: int = 0
    covered: int = 0
    """Of what refunds and disputes left owing, what credits went to cover: the most that can ever come back of it."""
    overage_limit: int = 0
    """How far calls may go beyond the balance in one billing period (P7); 0: not at all."""
    overage: int = 0
    """Credits lent beyond the balance and not billed yet: held or used."""
    period_number: int = 0
    period_start: int = 0
    period_end: int = 0
    period_used: int = 0
    due_at: int = 0
    anchor_day: int = 1
    time_zone: str = "UTC"
    anchor_month: int = 0
    """Months since year 0 of the first period's start in the billing zone: the n-th boundary counts from here, never
    chained."""
    monthly_allowance: int = 0
    ai_enabled: bool = False
    off_seq: int = 0
    """The entry that switched AI off last (0: never): what was opened before it is free (R60)."""
    limited: bool = False
    """Whether there are budgets or pauses to look for."""
    last_seq: int = 0
    last_at: int = 0
    last_hash: bytes = bytes(32)


class ClawBack(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What became of a lot's unspent credits when its payment was taken back (P10), or its time was over."""

    reversed: int = 0
    """Unspent, and out of reach: taken back, or frozen by a dispute."""
    expired: int = 0
    clawed: int = 0
    """The target: credits whose money has gone back. What is no longer there of them is owed."""
    frozen: bool = False


UNTOUCHED = ClawBack()

OVERAGE = "overage"


class Lot(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Credits that came together and expire together. `lot_id` is the sequence number of the entry that issued it."""

    org_id: int
    lot_id: int
    source: str
    """`allowance`, `purchase`, `grant`, `adjustment`, or `overage`: lent to one call, never available to another."""
    paid: bool
    priority: int
    granted: int
    available: int
    held: int
    granted_at: int
    expires_at: int | None
    reference: str = ""
    claw: ClawBack | None = None
    """None: nothing was ever taken back, and nothing has expired."""

    def expired_by(self, instant: int) -> bool:
        return self.expires_at is not None and self.expires_at <= instant


class Hold(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Credits set aside for one call until it is resolved. `lots` says which: pairs of lot id and amount, in burn
    order."""

    org_id: int
    hold_id: str
    amount: int
    lots: tuple[tuple[int, int], ...]
    opened_at: int
    expires_at: int
    subject: Subject
    terms: Terms | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One AI interaction: the row of the usage table and the substance of its receipt (B3). Metadata only (P16)."""

    usage_id: str
    subject: Subject
    tokens: Tokens
    outcome: Outcome
    measurement: Measurement
    cost: int
    """What the usage comes to. More than what the entry charged only where a call overran its hold and the balance."""
    terms: Terms | None


class Deltas(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What one operation moves between the organization's accounts. Sums to zero (I1)."""

    issued: int = 0
    available: int = 0
    held: int = 0
    used: int = 0
    expired: int = 0
    reversed: int = 0
    overage: int = 0
    debt: int = 0

    def total(self) -> int:
        return (
            self.issued + self.available + self.held + self.used
            + self.expired + self.reversed + self.overage + self.debt
        )  # fmt: skip


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One posted operation: immutable, hashed onto its predecessor, and at the same time the stored answer to its id.

    The hash covers the entry's JSON with defaults left out, so that a field added later does not change old hashes.
    """

    org_id: int
    seq: int
    operation_id: str
    kind: EntryKind
    at: int
    deltas: Deltas
    lots: tuple[tuple[int, int, int], ...]
    """(lot id, change of its available, change of its held) for every lot touched (P5)."""
    available_after: int
    held_after: int
    hold_id: str | None = None
    expires_at: int | None = None
    fingerprint: bytes = b""
    """16 bytes of the command that caused it: the same id with another input is refused by this (I5)."""
    usage: Usage | None = None
    note: str = ""
    hash: bytes = b""
