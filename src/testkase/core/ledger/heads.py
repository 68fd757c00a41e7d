"""What this process knows of the organizations it wrote last: their books, as its own commits have left them.

Nothing is believed on the strength of this memory alone. What is decided from it is written only where the journals
still end as they are known to; what would write nothing, or what memory cannot know, is not decided from it
(docs/decisions/0016). A memory that is wrong costs one round trip.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command, ExtendHold, OpenHold, RecordUsage, SettleHold, VoidHold
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import Account, Hold, Lot
from testkase.core.ledger.operations import Outcome, decide_in
from testkase.foundation.problems import Problem

MAX_ROWS = 100_000
"""Accounts, lots and open holds remembered in all."""

MAX_ROWS_OF_ONE = 2_000
"""Of one organization; with more it is not remembered."""

MAX_IDS = 20_000
"""Ids of entries seen lately, so that most repetitions are known before they are tried; up to twice as many."""

DOUBT_SECONDS = 1.0
"""How long an organization is loaded after memory was wrong about it: somebody else writes to it."""

SHARED_SECONDS = 300.0
"""How long an organization is taken for one that others write to as well, after one of them did."""

WORTH_APART = 64
"""So many commands decided from memory are written by themselves, when others of their batch must be loaded."""

CLOCKS_APART = 2_000_000
"""Microseconds that what is taken for the database's clock may be off: it writes nothing from a memory that is further
off."""

_SPENDING = frozenset({OpenHold, ExtendHold, SettleHold, VoidHold, RecordUsage})
"""Commands whose answers follow from the account, its lots, and the hold they name."""


class Known(msgspec.Struct, frozen=True, gc=False):
    """An organization as the last commit left it: its account, its live lots, its limits, and of its open holds those
    that were met."""

    account: Account
    lots: dict[int, Lot]
    holds: dict[str, Hold]
    limits: Limits | None
    rows: int
    """How many they are."""


class Decided(NamedTuple):
    """What a batch comes to by memory. None: the command must be loaded, with all others of its organization."""

    books: dict[int, Book]
    outcomes: list[Outcome | None]
    at: int


class Heads:
    """The memory of one engine, all lanes together. An organization is in one batch at a time."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Known] = OrderedDict()
        self._rows = 0
        self._ids: set[int] = set()
        self._older_ids: set[int] = set()
        self._doubted: dict[int, float] = {}
        self._shared: OrderedDict[int, float] = OrderedDict()
        """Organizations others write to, and until when that is believed; in this order."""
        self._ahead: int | None = None
        """The database's clock less our own, microseconds."""
        self.doubt_seconds = DOUBT_SECONDS
        self.worth_apart = WORTH_APART
        self.confirmed = self.refuted = 0
        """Batches that were written from memory, and that memory was wrong about."""

    def hear(self, now: int) -> None:
        """What the database's clock said a moment ago."""
        self._ahead = now - _ours()

    def at(self, instant: float) -> int | None:
        """What the database's clock said at an instant of time.monotonic(), as far as is known."""
        return None if self._ahead is None else int(instant * 1_000_000) + self._ahead

    def decide(self, commands: Sequence[Command], clock: int | None) -> Decided | None:
        """Decide from memory what can be; None where all of it had better be loaded. `clock`: in place of the
        database's."""
        if clock is None and self._ahead is None:
            return None
        now = clock if clock is not None else _ours() + (self._ahead or 0)
        books: dict[int, Book] = {}
        outcomes: list[Outcome | None] = []
        loaded: set[int] = set()
        for command in commands:
            outcome = self._decided(books, command, now) if command.org_id not in loaded else None
            if outcome is None:
                loaded.add(command.org_id)
                if len(commands) <= self.worth_apart:
                    return None
            outcomes.append(outcome)
        if not loaded:
            return Decided(books, outcomes, now)
        outcomes = [None if one.org_id in loaded else told for one, told in zip(commands, outcomes, strict=True)]
        known = {org_id: book for org_id, book in books.items() if org_id not in loaded}
        enough = len(outcomes) - outcomes.count(None) >= self.worth_apart
        return Decided(known, outcomes, now) if enough else None

    def _decided(self, books: dict[int, Book], command: Command, now: int) -> Outcome | None:
        """None: not by memory."""
        org_id = command.org_id
        book = books.get(org_id) or self._book(org_id)
        if book is None or not self._may(book, command, now):
            return None
        books[org_id] = book
        outcome = decide_in(book, command, now)
        if isinstance(outcome, Problem):  # it writes nothing, so nothing would tell whether it is still right
            self.doubt([org_id])
            return None
        return outcome

    def _book(self, org_id: int) -> Book | None:
        known = self._known.get(org_id)
        if known is None or self._is_doubted(org_id):
            return None
        return Book.known(known.account, known.lots, known.holds, known.limits)

    def _may(self, book: Book, command: Command, now: int) -> bool:
        """Whether memory has all that the command's answer follows from."""
        account = book.account
        assert account is not None
        if type(command) not in _SPENDING or now >= account.due_at or account.last_at >= account.due_at:
            return False
        if (operation_id := command.operation_id) in book.entries:
            return True
        if (hold_id := command.hold_id_needed) is not None and hold_id not in book.holds:
            return False
        seen = _mark(command.org_id, operation_id)
        return seen not in self._ids and seen not in self._older_ids

    def recall(self, books: dict[int, Book]) -> None:
        """Open holds that need not be loaded, for books that just were. What was known of them is forgotten until they
        are written."""
        for org_id, book in books.items():
            known = self._known.get(org_id)
            if known is None:
                continue
            self.forget([org_id])
            if book.account is not None and known.account.last_hash == book.account.last_hash:
                book.holds = known.holds | book.holds
                book.loaded_holds = frozenset(book.holds)

    def keep(self, books: dict[int, Book]) -> dict[int, Known]:
        """These books are committed, or on their way to be. Answers what was known before."""
        replaced: dict[int, Known] = {}
        for org_id, book in books.items():
            for operation_id in book.entries:
                self._ids.add(_mark(org_id, operation_id))
            before = self._known.pop(org_id, None)
            if before is not None:
                replaced[org_id] = before
                self._rows -= before.rows
            if book.account is not None:
                known = _known(book.account, book)
                if known.rows <= MAX_ROWS_OF_ONE:
                    self._known[org_id] = known
                    self._rows += known.rows
        while self._rows > MAX_ROWS:
            self._rows -= self._known.popitem(last=False)[1].rows
        if len(self._ids) > MAX_IDS:
            self._older_ids, self._ids = self._ids, set()
        return replaced

    def take_back(self, books: dict[int, Book], before: dict[int, Known]) -> None:
        """They were not written. What was decided on top of them was not either."""
        for org_id, book in books.items():
            known = self._known.get(org_id)
            self.forget([org_id])
            if known is not None and known.account is book.account and org_id in before:
                self._known[org_id] = before[org_id]
                self._rows += before[org_id].rows

    def knows(self, org_id: int) -> bool:
        """Whether what it asks for may be decided from memory."""
        return org_id in self._known and not self._is_doubted(org_id)

    def forget(self, org_ids: Iterable[int]) -> None:
        """They were not written, or nobody knows whether they were."""
        for org_id in org_ids:
            if (known := self._known.pop(org_id, None)) is not None:
                self._rows -= known.rows

    def doubt(self, org_ids: Iterable[int]) -> None:
        """Load these for a while."""
        now = time.monotonic()
        if len(self._doubted) > MAX_IDS:
            self._doubted = {org_id: until for org_id, until in self._doubted.items() if until > now}
        self._doubted |= dict.fromkeys(org_ids, now + self.doubt_seconds)

    def share(self, org_ids: Iterable[int]) -> None:
        """Somebody else has written to these."""
        now = time.monotonic()
        while self._shared and next(iter(self._shared.values())) <= now:
            self._shared.popitem(last=False)
        for org_id in org_ids:
            self._shared[org_id] = now + SHARED_SECONDS
            self._shared.move_to_end(org_id)

    def is_shared(self, org_id: int) -> bool:
        """Whether somebody else has written to it lately. What is asked for at once is told the same."""
        return org_id in self._shared

    def _is_doubted(self, org_id: int) -> bool:
        until = self._doubted.get(org_id)
        if until is None:
            return False
        if until > time.monotonic():
            return True
        del self._doubted[org_id]
        return False


def _known(account: Account, book: Book) -> Known:
    lots, limits = book.lots, book.limits if account.limited else None
    for lot_id in book.changed_lots | book.new_lots if book.new_lots else book.changed_lots:
        lot = lots[lot_id]
        if not lot.available and not lot.held:
            del lots[lot_id]
    rows = 1 + len(lots) + len(book.holds)
    if limits is not None:
        rows += len(limits.budgets) + len(limits.pauses)
    return Known(account, lots, book.holds, limits, rows)


def _mark(org_id: int, operation_id: str) -> int:
    """Two ids in two billion billions have the same: then one more is loaded."""
    return hash(operation_id) ^ org_id


def _ours() -> int:
    return time.monotonic_ns() // 1000
