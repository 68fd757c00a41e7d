"""The real ledger and the naive one, given the same commands: answers, journals, balances, lots and holds must agree.

After every step the invariants of the product are checked on the real one's own figures as well, so that a mistake that
both share would still have to respect them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from testkase.core.ledger import commands as c
from testkase.core.ledger.book import Book
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.decide import Decision, decide
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.limits.periods import at
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import UNTOUCHED, Account, Entry, Hold, Lot, Usage
from testkase.core.ledger.terms import Tokens
from testkase.foundation.problems import Problem
from tests.support.naive_facts import Answer, Fact
from tests.support.naive_ledger import NaiveLedger
from tests.support.walked_journal import WalkedJournal

FAR = 2**62
Row = TypeVar("Row")
_encode = msgspec.json.Encoder().encode


def stored(book: Book) -> Book:
    """The book of the rows that are read back as they were written: as text."""

    def read(kind: type[Row], rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(msgspec.json.decode(_encode(list(rows)), type=list[kind]))  # type: ignore[valid-type]

    limits = book.limits
    account = read(Account, [book.account]) if book.account is not None else (None,)
    return Book(
        account[0], read(Lot, book.lots.values()), read(Hold, book.holds.values()), read(Entry, book.entries.values()),
        Limits(read(Budget, limits.budgets.values()), read(Pause, limits.pauses.values())) if limits else None,
    )  # fmt: skip


@dataclass
class SideBySide:
    """One organization in both ledgers."""

    book: Book = field(default_factory=Book)
    naive: NaiveLedger = field(default_factory=NaiveLedger)
    walked: WalkedJournal = field(default_factory=WalkedJournal)
    answers: dict[str, Entry] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    """Every lot there ever was, as the table has it."""
    told: Counter[str] = field(default_factory=Counter)
    """How often each kind of command was accepted, repeated or refused."""

    @property
    def journal(self) -> list[Entry]:
        return self.walked.entries

    def submit(self, command: c.Command, now: int) -> Decision | Problem:
        """Give both ledgers the command and compare everything."""
        if isinstance(command, c.Reverse):
            self.book.lots |= self._lot_of(command)
        before = self.snapshot()
        known = len(self.naive.history)
        expected = self.naive.execute(command, now)
        outcome = self._decide(command, now)
        if isinstance(outcome, Problem):
            assert type(outcome) in expected.refusals, f"refused with {outcome!r}, expected {expected}"
            assert self.snapshot() == before, "I6: a refusal changes nothing"
            self.told[f"{type(command).__name__} refused"] += 1
            return outcome
        assert not expected.refusals, f"accepted {outcome}, expected one of {expected.refusals}"
        assert self.snapshot() == before, "decide itself changes nothing"
        self._same_answer(command, outcome, expected)
        self.told[f"{type(command).__name__} {'repeated' if outcome.replayed else 'accepted'}"] += 1
        fresh = self._post(outcome)
        for entry, fact in zip(fresh, self.naive.history[known:], strict=True):
            self._same_entry(entry, fact)
        self._same_state()
        self._invariants(fresh)
        return outcome

    def restart(self) -> None:
        """Forget everything that is not in a row of a table, and read the rows as they are stored."""
        self.book = stored(self._loaded(tuple(self.journal)))

    def close(self) -> None:
        """Everything added up again, at the end of a story."""
        assert self.naive.history.same_sums(self.naive.history.recount())
        self.walked.check_chain()

    def snapshot(self) -> bytes:
        """The state as bytes, to compare."""
        lots = sorted(self.book.lots.values(), key=lambda lot: lot.lot_id)
        holds = sorted(self.book.holds.values(), key=lambda hold: hold.hold_id)
        limits = self.book.limits or Limits()
        budgets = sorted(limits.budgets.values(), key=lambda budget: budget.budget_id)
        return msgspec.msgpack.encode((self.book.account, lots, holds, budgets, sorted(limits.pauses)))

    def account(self) -> Account:
        assert self.book.account is not None
        return self.book.account

    def _lot_of(self, command: c.Command) -> dict[int, Lot]:
        """The lot a reversal is about, spent or not."""
        granted = self.answers.get(f"grant:{command.grant_id}") if isinstance(command, c.Reverse) else None
        return {granted.seq: self.lots[granted.seq]} if granted is not None else {}

    def _loaded(self, entries: tuple[Entry, ...], command: c.Command | None = None) -> Book:
        """A book of rows as they might come from a table: in another order than they were made."""
        asked = self._lot_of(command) if command is not None else {}
        lots = [lot for lot in self.lots.values() if lot.available or lot.held or lot.lot_id in asked]
        return Book(
            self.book.account, tuple(lots[::-1]), tuple(self.book.holds.values())[::-1], entries, self._loaded_limits()
        )

    def _loaded_limits(self, *scopes: Scope) -> Limits | None:
        """As rows would say it: none where nothing is limited; `spent` only for the scopes asked for."""
        limits = self.book.limits or Limits()
        spent = {scope: self._spent(scope) for scope in scopes}
        if not limits.any and not spent:
            return None
        return Limits(list(limits.budgets.values())[::-1], limits.pauses.values(), spent)

    def _spent(self, scope: Scope) -> dict[str, int]:
        days: dict[str, int] = defaultdict(int)
        for entry in self.journal:
            if entry.usage is not None and scope.covers(entry.usage.subject):
                days[local_day(self.account().time_zone, entry.at)] += entry.deltas.used
        return dict(days)

    def _decide(self, command: c.Command, now: int) -> Decision | Problem:
        """Decide on the book that has lived through everything, and on one just loaded with only what is needed."""
        needed = tuple(self.answers[name] for name in command.entries_needed if name in self.answers)
        loaded_book = self._loaded(needed, command)
        if isinstance(command, SetBudget) and self.book.account is not None:
            self.book.limits = self.book.limits or Limits()
            self.book.limits.spent = {command.scope: self._spent(command.scope)}
            loaded_book.limits = self._loaded_limits(command.scope)
        outcomes: list[Decision | Problem] = []
        for book in (self.book, loaded_book):
            try:
                outcomes.append(decide(book, command, now))
            except Problem as problem:
                outcomes.append(problem)
        lived, loaded = outcomes
        if isinstance(lived, Problem) or isinstance(loaded, Problem):
            assert (type(lived), str(lived)) == (type(loaded), str(loaded))
            assert not isinstance(lived, Problem) or lived.facts == getattr(loaded, "facts", None)
        else:
            assert lived == loaded, "what was decided depends on something that is not in a row"
        return lived

    def _post(self, decision: Decision) -> list[Entry]:
        fresh = []
        for event in decision.events:
            self.book.apply(event)
            self.lots |= {lot.lot_id: lot for lot in event.lots}
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
        self._same_entry(decision.entry, expected.fact)
        if decision.replayed:
            assert not decision.events
            assert decision.entry == self.answers[command.operation_id], "I5: the stored answer"

    def _same_entry(self, entry: Entry, fact: Fact) -> None:
        assert (entry.operation_id, entry.kind, entry.at) == (fact.operation, fact.kind, fact.at)
        moved: dict[str, int] = defaultdict(int)
        lots: dict[tuple[int, str], int] = defaultdict(int)
        for move in fact.moves:
            for place, sign in ((move.source, -1), (move.target, 1)):
                moved[place.split(":")[0]] += sign * move.amount
                lots[move.lot, place.split(":")[0]] += sign * move.amount
        deltas = msgspec.structs.asdict(entry.deltas)
        assert {name: amount for name, amount in deltas.items() if amount} == {k: v for k, v in moved.items() if v}
        assert deltas == defaultdict(int, moved) | {name: moved[name] for name in deltas}
        said: dict[tuple[int, str], int] = defaultdict(int)
        for lot, available, held in entry.lots:
            said[lot, "available"] += available
            said[lot, "held"] += held
        wanted = {key: amount for key, amount in lots.items() if amount and key[1] in ("available", "held")}
        assert {key: amount for key, amount in said.items() if amount} == wanted
        if fact.kind in ("hold", "extend"):
            assert entry.expires_at == fact.expires_at
        assert (entry.usage.cost if entry.usage else None) == fact.cost
        if entry.usage is not None:
            self._same_usage(entry.usage, fact)
        assert entry.hold_id == fact.hold

    def _same_usage(self, usage: Usage, fact: Fact) -> None:
        """The record says what the caller said, of whom the call was for."""
        command = fact.command
        assert isinstance(command, c.SettleHold | c.RecordUsage)
        measured = "credits" if command.credits is not None else command.measurement
        assert (usage.tokens, usage.outcome, usage.measurement) == (
            command.tokens or Tokens(), command.outcome, measured
        )  # fmt: skip
        subject = self.naive.limits.subject_of(command)
        assert subject is not None
        other = isinstance(command, c.SettleHold) and command.terms == usage.terms and command.terms is not None
        model = usage.terms.model if other and usage.terms else subject.model
        assert usage.subject == msgspec.structs.replace(subject, model=model)

    def _same_state(self) -> None:
        account, naive = self.account(), self.naive
        assert account.available == naive.total("available")
        assert account.held == naive.total("held")
        assert account.debt == naive.debt
        assert account.covered == naive.reversals.covered()
        assert account.overage == -naive.total("overage")
        assert max(0, account.overage_limit - account.overage) == naive.lendable
        assert account.ai_enabled is naive.ai_enabled
        assert account.period_used == naive.used_in_period()
        assert account.period_end == naive.periods[-1][1]
        if len(naive.periods) > 1:
            assert account.period_start == naive.periods[-1][0]
        assert {hold.hold_id for hold in self.book.holds.values()} == set(naive.open_holds())
        for hold in self.book.holds.values():
            assert hold.expires_at == naive.lapses_at(hold.hold_id)
            assert [part for part in hold.lots if part[1]] == naive.pile(hold.hold_id)
        self._same_lots()
        self._same_limits()

    def _same_lots(self) -> None:
        naive = self.naive
        live = {lot.lot_id: lot for lot in self.book.lots.values() if lot.available or lot.held}
        assert self.lots.keys() == {each.lot for each in naive.lots}
        for each in naive.lots:
            claw = self.lots[each.lot].claw or UNTOUCHED
            assert (claw.reversed, claw.expired) == (
                naive.total("reversed:unspent", each.lot), naive.total("expired", each.lot)
            )  # fmt: skip
            assert (claw.clawed, claw.frozen) == naive.reversals.target(each.lot)
            left = naive.total("available", each.lot), naive.total("held", each.lot)
            if not any(left):
                assert each.lot not in live
                continue
            lot = live.pop(each.lot)
            assert (lot.available, lot.held) == left
            assert (lot.source, lot.paid, lot.priority, lot.expires_at, lot.granted_at) == (
                each.source, each.paid, each.priority, each.expires_at, each.at
            )  # fmt: skip
        assert not live

    def _same_limits(self) -> None:
        account, naive = self.account(), self.naive.limits
        limits = self.book.limits or Limits()
        assert account.limited is limits.any
        assert {whom: pause.paused_at for whom, pause in limits.pauses.items()} == naive.paused()
        assert limits.budgets.keys() == naive.budgets().keys()
        for budget_id, said in naive.budgets().items():
            budget: Budget = at(limits.budgets[budget_id], account, account.last_at)
            assert (budget.name, budget.period, budget.scope) == (said.name, said.period, said.scope)
            assert budget.allowed == naive.allowed(said, account.last_at)
            assert budget.used == naive.used(said, account.last_at)
            assert budget.held == naive.held(said)

    def _invariants(self, fresh: list[Entry]) -> None:
        account, lots, holds = self.account(), list(self.book.lots.values()), list(self.book.holds.values())
        self.walked.walk(fresh, account)
        assert account.available == sum(lot.available for lot in lots), "I2"
        assert account.held == sum(lot.held for lot in lots), "I2"
        assert account.held == sum(hold.amount for hold in holds), "I3"
        assert min(account.available, account.held, account.debt, account.covered, account.overage) >= 0, "I10"
        self._lots_and_holds(lots, holds)
        due = [hold.expires_at for hold in holds] + [account.period_end]
        due += [lot.expires_at for lot in lots if lot.available and lot.expires_at is not None]
        assert account.due_at <= min(due), "what falls due is never overlooked"
        held = {hold.hold_id: hold.amount for hold in holds if hold.amount}
        assert held == {hold_id: amount for hold_id, amount in self.walked.held_by.items() if amount}, "I7"

    def _lots_and_holds(self, lots: list[Lot], holds: list[Hold]) -> None:
        on_hold: Counter[int] = Counter()
        for hold in holds:
            assert hold.amount == sum(amount for _, amount in hold.lots)
            for lot_id, amount in hold.lots:
                on_hold[lot_id] += amount
        for lot in lots:
            assert lot.available >= 0
            assert lot.held >= 0
            claw = lot.claw or UNTOUCHED
            assert lot.available + lot.held + claw.reversed + claw.expired <= lot.granted
            assert lot.claw != UNTOUCHED, "what is usual is left out"
            assert lot.held == on_hold[lot.lot_id], "I3 lot by lot"
            assert not lot.available or (lot.expires_at or FAR) > self.account().last_at, "I4"
