"""An organization's state as one batch sees it: loaded once, advanced event by event, written back once.

`decide` reads a Book and returns events; `apply` advances it. What changed since loading is remembered, so that a batch
of a thousand commands writes each account and lot once.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from testkase.core.ledger.limits.standing import Change, Limits
from testkase.core.ledger.model import Account, Entry, Hold, Lot, Subject

NEVER = 2**62
"""Stands for "no expiry" in comparisons; later than any instant the ledger meets."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decided change: the entry to post and the state after it.

    `entry` is None only where time moved the account's due date without moving any credits.
    """

    account: Account
    entry: Entry | None = None
    lots: tuple[Lot, ...] = ()
    opened: Hold | None = None
    """A hold opened or changed."""
    closed: str | None = None
    """Id of a hold resolved."""
    limit: Change | None = None
    """A budget or pause set or taken away. What budgets count of the entry follows from it and is not repeated here."""


_NONE: frozenset[str] = frozenset()


class Book:
    """One organization's account, live lots, known open holds and the past entries its commands refer to."""

    __slots__ = (
        "account", "before", "changed_lots", "closed_holds", "entries", "holds", "limits", "loaded_holds", "lots",
        "new_lots", "opened_holds", "posted", "touched",
    )  # fmt: skip

    def __init__(
        self,
        account: Account | None = None,
        lots: Iterable[Lot] = (),
        holds: Iterable[Hold] = (),
        entries: Iterable[Entry] = (),
        limits: Limits | None = None,
    ) -> None:
        self.account = self.before = account
        self.limits = limits
        self.lots = {lot.lot_id: lot for lot in lots} if lots else {}
        self.holds = {hold.hold_id: hold for hold in holds} if holds else {}
        self.entries = {entry.operation_id: entry for entry in entries} if entries else {}
        self.loaded_holds: AbstractSet[str] = frozenset(self.holds) if holds else _NONE
        self.touched = False
        self.new_lots: set[int] = set()
        self.changed_lots: set[int] = set()
        self.opened_holds: set[str] = set()
        self.closed_holds: set[str] = set()
        self.posted: list[Entry] = []

    @classmethod
    def known(cls, account: Account, lots: dict[int, Lot], holds: dict[str, Hold], limits: Limits | None) -> "Book":
        """The book of what is known without loading. What is given stays as it is."""
        self = cls(account, limits=limits.copy() if limits is not None else None)
        self.lots = lots.copy()
        self.holds = holds.copy()
        self.loaded_holds = holds.keys()
        return self

    @property
    def is_new(self) -> bool:
        """There was no account before."""
        return self.before is None

    def copy(self) -> "Book":
        """A scratch copy for deciding several events in a row; what it remembers as changed is its own."""
        other = Book(self.account, limits=self.limits.copy() if self.limits is not None else None)
        other.lots = dict(self.lots)
        other.holds = dict(self.holds)
        other.entries = dict(self.entries)
        return other

    def apply(self, event: Event) -> None:
        """Advance to the state after `event` and remember what must be written."""
        self.account = event.account
        self.touched = True
        if self.limits is not None and event.entry is not None and (subject := self._subject(event)) is not None:
            self.limits.count(event.account, subject, event.entry)
        for lot in event.lots:
            (self.changed_lots if lot.lot_id in self.lots else self.new_lots).add(lot.lot_id)
            self.lots[lot.lot_id] = lot
        if event.opened is not None:
            self.holds[event.opened.hold_id] = event.opened
            self.opened_holds.add(event.opened.hold_id)
        if event.closed is not None:
            del self.holds[event.closed]
            self.opened_holds.discard(event.closed)
            self.closed_holds.add(event.closed)
        if event.entry is not None:
            self.posted.append(event.entry)
            self.entries[event.entry.operation_id] = event.entry
        if event.limit is not None:
            self.limits = self.limits or Limits()
            self.limits.change(event.limit)

    def _subject(self, event: Event) -> Subject | None:
        """Whose call the event's entry holds, releases or charges credits for."""
        if event.opened is not None:
            return event.opened.subject
        if event.closed is not None:
            return self.holds[event.closed].subject
        usage = event.entry.usage if event.entry is not None else None
        return usage.subject if usage is not None else None

    def due_at(self) -> int:
        """The next instant at which something falls due. Exact only where every open hold is loaded."""
        account = self.account
        assert account is not None
        lots = min((lot.expires_at or NEVER for lot in self.lots.values() if lot.available), default=NEVER)
        holds = min((hold.expires_at for hold in self.holds.values()), default=NEVER)
        return min(account.period_end, lots, holds)
