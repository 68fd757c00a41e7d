"""The real ledger and the naive one, given the same commands: answers, journals, balances, lots and holds must agree.

After every step the invariants of the product are checked on the real one's own figures as well, so that a mistake that
both share would still have to respect them. What is compared after a step is what the step touched, and every total;
after a restart, at the end, and where it is asked for after every step, it is everything (whole_state.py).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import msgspec

from testkase.core.ledger import commands as c
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.decide import Decision, decide
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import Account, Entry, Hold, Lot
from testkase.foundation.problems import Problem
from tests.support.naive_facts import Answer
from tests.support.naive_ledger import NaiveLedger
from tests.support.same_entry import same_entry
from tests.support.walked_journal import WalkedJournal
from tests.support.whole_state import Sums, same_touched, same_whole

Row = TypeVar("Row")
_NONE: dict[Any, Any] = {}
_encode = msgspec.json.Encoder().encode


def stored(kind: type[Row], rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows that are read back as they were written: as text."""
    return tuple(msgspec.json.decode(_encode(list(rows)), type=list[kind]))  # type: ignore[valid-type]


@dataclass
class SideBySide:
    """One organization in both ledgers."""

    thorough: bool = True
    """Whether everything is compared after every step."""
    book: Book = field(default_factory=Book)
    naive: NaiveLedger = field(default_factory=NaiveLedger)
    walked: WalkedJournal = field(default_factory=WalkedJournal)
    answers: dict[str, Entry] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    """Every lot there ever was, as the table has it."""
    live: dict[int, Lot] = field(default_factory=dict)
    """Those of which something is left."""
    sums: Sums = field(default_factory=Sums)
    told: Counter[str] = field(default_factory=Counter)
    """How often each kind of command was accepted, repeated or refused."""
    step: int = 0
    read_back: list[Entry] = field(default_factory=list)
    """The journal as far as it was read from its stored form."""

    @property
    def journal(self) -> list[Entry]:
        return self.walked.entries

    def submit(self, command: c.Command, now: int) -> Decision | Problem:
        """Give both ledgers the command and compare."""
        if isinstance(command, c.Reverse):
            self.book.lots |= self._lot_of(command)
        before = self._as_it_is()
        known = len(self.naive.history)
        expected = self.naive.execute(command, now)
        outcome = self._decide(command, now)
        assert self._stands(before), "I6: a refusal changes nothing, nor does decide itself"
        if isinstance(outcome, Problem):
            assert type(outcome) in expected.refusals, f"refused with {outcome!r}, expected {expected}"
            self.told[f"{type(command).__name__} refused"] += 1
            return outcome
        assert not expected.refusals, f"accepted {outcome}, expected one of {expected.refusals}"
        self.told[f"{type(command).__name__} {'repeated' if outcome.replayed else 'accepted'}"] += 1
        due_before = self.book.account.due_at if self.book.account else 0
        fresh = self._post(outcome.events)
        for entry, fact in zip(fresh, islice(self.naive.history, known, None), strict=True):
            same_entry(entry, fact, self.naive)
        self._same_answer(command, outcome, expected)
        if outcome.events:
            self.walked.walk(fresh, self.account())
            same_touched(self, command, outcome.events, known, due_before)
        if self.thorough:
            same_whole(self)
        return outcome

    def restart(self) -> None:
        """Forget everything that is not in a row of a table, and read the rows as they are stored."""
        limits = self.book.limits
        account = stored(Account, [self.book.account]) if self.book.account is not None else (None,)
        self.read_back += stored(Entry, self.journal[len(self.read_back) :])
        self.book = Book(
            account[0], stored(Lot, reversed(self.live.values())), stored(Hold, reversed(self.book.holds.values())),
            self.read_back, self._read_limits(limits) if limits is not None and limits.any else None,
        )  # fmt: skip
        same_whole(self)

    def close(self) -> None:
        """Everything compared and added up again, at the end of a story."""
        if self.book.account is not None:
            same_whole(self)
        assert self.naive.history.same_sums(self.naive.history.recount())
        self.walked.check_chain()

    def account(self) -> Account:
        assert self.book.account is not None
        return self.book.account

    def _as_it_is(self) -> tuple[Any, ...]:
        """The rows of the state, to compare."""
        book, limits = self.book, self.book.limits
        budgets, pauses = (limits.budgets.copy(), limits.pauses.copy()) if limits is not None else (_NONE, _NONE)
        rows = (book.account, book.lots.copy(), book.holds.copy(), budgets, pauses)
        return (*rows, _bytes(rows)) if self.thorough else rows

    def _stands(self, before: tuple[Any, ...]) -> bool:
        """Whether the rows are the same still; where it is thorough, also byte by byte."""
        book, limits = self.book, self.book.limits
        budgets, pauses = (limits.budgets, limits.pauses) if limits is not None else (_NONE, _NONE)
        account, lots, holds = before[:3]
        return (
            book.account is account and book.lots == lots and book.holds == holds
            and budgets == before[3] and pauses == before[4] and (not self.thorough or _bytes(before[:5]) == before[5])
        )  # fmt: skip

    def _lot_of(self, command: c.Command) -> dict[int, Lot]:
        """The lot a reversal is about, spent or not."""
        granted = self.answers.get(f"grant:{command.grant_id}") if isinstance(command, c.Reverse) else None
        return {granted.seq: self.lots[granted.seq]} if granted is not None else {}

    def _loaded(self, command: c.Command) -> Book:
        """A book of rows as they might come from a table: in another order than they were made, and only those that
        the command needs."""
        lots = [*self.live.values(), *self._lot_of(command).values()] if isinstance(command, c.Reverse) else None
        answers = self.answers
        return Book(
            self.book.account, reversed(self.live.values() if lots is None else lots),
            reversed(self.book.holds.values()),
            [answers[name] for name in command.entries_needed if name in answers],
            self._loaded_limits(command) if self.book.limits is not None else None,
        )  # fmt: skip

    def _loaded_limits(self, command: c.Command) -> Limits | None:
        """As rows would say it: none where nothing is limited; `spent` only for the scopes asked for."""
        limits = self.book.limits
        assert limits is not None
        spent = {command.scope: self._spent(command.scope)} if isinstance(command, SetBudget) else {}
        if not limits.any and not spent:
            return None
        return Limits(reversed(limits.budgets.values()), limits.pauses.values(), spent)

    @staticmethod
    def _read_limits(limits: Limits) -> Limits:
        return Limits(stored(Budget, reversed(limits.budgets.values())), stored(Pause, limits.pauses.values()))

    def _spent(self, scope: Scope) -> dict[str, int]:
        days: dict[str, int] = defaultdict(int)
        for entry in self.journal:
            if entry.usage is not None and scope.covers(entry.usage.subject):
                days[local_day(self.account().time_zone, entry.at)] += entry.deltas.used
        return dict(days)

    def _decide(self, command: c.Command, now: int) -> Decision | Problem:
        """Decide on the book that has lived through everything, and on one just loaded with only what is needed: on
        both where it is thorough and at every sixteenth step, on one of the two otherwise."""
        if isinstance(command, SetBudget) and self.book.account is not None:
            self.book.limits = self.book.limits or Limits()
            self.book.limits.spent = {command.scope: self._spent(command.scope)}
        self.step += 1
        turn = 0 if self.thorough else self.step % 16
        lived = _decided(self.book, command, now) if turn % 4 != 2 else None
        loaded = _decided(self._loaded(command), command, now) if turn == 0 or turn % 4 == 2 else None
        if lived is None or loaded is None:
            said = lived or loaded
            assert said is not None
            return said
        if isinstance(lived, Problem) or isinstance(loaded, Problem):
            assert (type(lived), str(lived)) == (type(loaded), str(loaded))
            assert not isinstance(lived, Problem) or lived.facts == getattr(loaded, "facts", None)
        else:
            assert lived == loaded, "what was decided depends on something that is not in a row"
        return lived

    def _post(self, events: tuple[Event, ...]) -> list[Entry]:
        fresh = []
        for event in events:
            self.sums.count(event, self.lots, self.book.holds)
            self.book.apply(event)
            for lot in event.lots:
                self.lots[lot.lot_id] = lot
                if lot.available or lot.held:
                    self.live[lot.lot_id] = lot
                else:
                    self.live.pop(lot.lot_id, None)
            if event.entry is not None:
                fresh.append(event.entry)
                assert event.entry.operation_id not in self.answers, "I5: one id, one effect"
                self.answers[event.entry.operation_id] = event.entry
        return fresh

    def _same_answer(self, command: c.Command, decision: Decision, expected: Answer) -> None:
        assert decision.replayed is expected.replayed
        if isinstance(command, c.Touch):
            assert decision.entry.kind == "standing"
            return
        assert expected.fact is not None
        if not decision.replayed:  # it is the last of the entries that were compared with the facts
            assert decision.entry is self.answers[command.operation_id]
            assert expected.fact is self.naive.history[-1]
            return
        same_entry(decision.entry, expected.fact, self.naive)
        assert not decision.events
        assert decision.entry == self.answers[command.operation_id], "I5: the stored answer"


def _bytes(rows: tuple[Any, ...]) -> bytes:
    return msgspec.msgpack.encode([list(each.items()) if isinstance(each, dict) else each for each in rows])


def _decided(book: Book, command: c.Command, now: int) -> Decision | Problem:
    try:
        return decide(book, command, now)
    except Problem as problem:
        return problem.with_traceback(None)
