"""A naive model of the credit ledger, written from the product's rules alone, to hold the real one against.

It knows one thing: the history of facts, each a list of moves of credits from one place to another. Every question
(balance, lots, holds, what falls due next) is answered by what the history adds up to (naive_history.py), and there is
no other state that could be wrong. Of the ledger it imports the words alone: commands, refusals, terms, never a rule.
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.terms import Terms
from tests.support.naive_calendar import SECOND, next_boundary
from tests.support.naive_facts import Answer, Fact, Move, NaiveLot
from tests.support.naive_history import COVERED, History
from tests.support.naive_limits import NaiveLimits
from tests.support.naive_names import operation_of
from tests.support.naive_refusals import cost_of, malformed, refusals, settled_cost
from tests.support.naive_reversals import NaiveReversals

ENDLESS = float("inf")
_AT_AND_WHAT = itemgetter(0, 1)
_OF_MONEY = c.Grant | c.Adjust | c.Reverse | c.CoverDebt | c.WriteOff | c.SetOverage
_KINDS: dict[type[c.Command], str] = {limit.Pause: "pause", limit.Resume: "resume"}


@dataclass
class NaiveLedger:
    """One organization."""

    history: History = field(default_factory=History)
    lots: list[NaiveLot] = field(default_factory=list)
    periods: list[tuple[int, int]] = field(default_factory=list)
    opening: c.OpenAccount | None = None
    lent: set[int] = field(default_factory=set)
    """Lots that are lent (P7)."""

    nothing_before: int = 0
    """Until then nothing falls due. Never too late; earlier than it need be where holds were resolved or lots spent."""

    def __post_init__(self) -> None:
        self.limits = NaiveLimits(self)
        self.reversals = NaiveReversals(self)

    # What the history adds up to.

    def total(self, place: str, lot: int | None = None) -> int:
        """What lies in a place: all that came less all that went. "held" is every hold together."""
        return self.history.totals.get((place, lot), 0)

    def find(self, operation: str) -> Fact | None:
        return self.history.named(operation)

    @property
    def last_at(self) -> int:
        return self.history[-1].at if self.history else 0

    @property
    def ai_enabled(self) -> bool:
        switched = self.history.last(c.SwitchAi) or self.opening
        if isinstance(switched, c.SwitchAi):
            return switched.enabled
        return isinstance(switched, c.OpenAccount) and switched.ai_enabled

    @property
    def debt(self) -> int:
        return -self.total("debt")

    @property
    def lendable(self) -> int:
        """How far a call may go beyond the balance (P7): the cap less all that is lent and not yet billed."""
        said = self.history.last(c.SetOverage)
        return max((said.limit if isinstance(said, c.SetOverage) else 0) + self.total("overage"), 0)

    def is_lent(self, lot: int) -> bool:
        return lot in self.lent

    def open_holds(self) -> list[str]:
        """Holds nobody has resolved, by id."""
        return sorted(self.history.open)

    def lot(self, number: int) -> NaiveLot:
        """Lots are in the order in which they came."""
        return self.lots[bisect_left(self.lots, number, key=lambda each: each.lot)]

    def ends_at(self, lot: int) -> int | None:
        return self.lot(lot).expires_at

    def lapses_at(self, hold: str) -> int:
        return max([fact.expires_at or 0 for fact in self.history.of_hold[hold] if fact.hold == hold])

    def terms_of(self, hold: str) -> Terms | None:
        opened = self.find(f"hold:{hold}")
        return opened.command.terms if opened and isinstance(opened.command, c.OpenHold) else None

    def pile(self, hold: str) -> list[tuple[int, int]]:
        """What a hold still holds, lot by lot, in the order in which it was held, what is lent after all the rest."""
        pile: list[list[int]] = []
        here = f"held:{hold}"
        for fact in self.history.of_hold[hold]:
            for move in fact.moves:
                if move.target == here:
                    pile.append([move.lot, move.amount])
                elif move.source == here:
                    left = move.amount
                    for part in pile:
                        if part[0] == move.lot:
                            taken = min(part[1], left)
                            part[1], left = part[1] - taken, left - taken
        there = [(lot, amount) for lot, amount in pile if amount]
        return sorted(there, key=lambda part: self.is_lent(part[0])) if self.lent else there

    def used_in_period(self) -> int:
        """This month's usage: everything charged since the latest period began."""
        return self.total("used") - self.history.used_before[-1]

    def standing(self) -> tuple[object, ...]:
        """How the account stands: available, held, debt, covered, lent, lendable, AI, used this month and its end."""
        total = self.history.totals.get
        return (
            total(("available", None), 0), total(("held", None), 0), -total(("debt", None), 0),
            total((COVERED, None), 0), -total(("overage", None), 0), self.lendable, self.ai_enabled,
            self.used_in_period(), self.periods[-1][1],
        )  # fmt: skip

    def burn_order(self, lots: list[NaiveLot] | None = None) -> list[NaiveLot]:
        """Soonest to expire, then priority, then free before paid, then oldest (P5)."""
        there = self.history.totals.get
        with_credits = [lot for lot in (self.lots if lots is None else lots) if there(("available", lot.lot))]
        if len(with_credits) > 1:
            with_credits.sort(key=lambda each: (
                ENDLESS if each.expires_at is None else each.expires_at, each.priority, each.paid, each.at, each.lot
            ))  # fmt: skip
        return with_credits

    # Time.

    def due(self, now: int) -> tuple[int, int, str, int] | None:
        """The first thing due by `now`: (instant, 0 lapse | 1 expiry | 2 bill of the period | 3 new period, hold, lot).

        At one instant holds lapse first, by id, then lots expire in burn order, then what the old period used beyond
        its balance is billed, then the new one begins."""
        things = [(at, 0, hold, 0) for hold in self.open_holds() if (at := self.lapses_at(hold)) <= now]
        over = [lot for lot in self.lots if lot.expires_at is not None and lot.expires_at <= now]
        things += [(lot.expires_at or 0, 1, "", lot.lot) for lot in self.burn_order(over)] if over else ()
        if self.periods and self.periods[-1][1] <= now:
            unbilled = self.used_beyond() and not self.find(f"overage:{len(self.periods) - 1}")
            things.append((self.periods[-1][1], 2 if unbilled else 3, "", 0))
        return min(things, key=_AT_AND_WHAT) if things else None

    def let_time_pass(self, now: int) -> None:
        if now < self.nothing_before:
            return
        while (thing := self.due(now)) is not None:
            at, what, hold, lot = thing
            if what == 0:
                moves = self.reversals.follow(self._release(hold, at), at)
                self._record(f"resolution:{hold}", "lapse", at, moves, hold=hold)
            elif what == 1:
                move = Move(lot, "available", "expired", self.total("available", lot))
                self._record(f"expiry:{lot}", "expire", at, [move])
            elif what == 2:
                move = Move(0, "issued", "overage", self.used_beyond())
                self._record(f"overage:{len(self.periods) - 1}", "overage", at, [move])
            else:
                self._new_period(at)
        things = [self.lapses_at(hold) for hold in self.history.open]
        # Where time found nothing to do, a clock that goes back finds lots again that were over.
        since = self.last_at
        things += [lot.expires_at for lot in self.lots if lot.expires_at is not None and lot.expires_at > since]
        self.nothing_before = min(things + [end for _, end in self.periods[-1:]], default=now)

    def used_beyond(self) -> int:
        """What is lent, not billed, and not set aside for a call under way."""
        return -self.total("overage") - sum(self.total("held", lot) for lot in self.lent)

    def _new_period(self, at: int) -> None:
        assert self.opening is not None
        end = next_boundary(at, self.opening.anchor_day, self.opening.time_zone)
        self.periods.append((at, end))
        self.nothing_before = min(self.nothing_before, end)
        moves = self._issue(self.opening.monthly_allowance, at, source="allowance", expires_at=end)
        self._record(f"allowance:{len(self.periods) - 1}", "allowance", at, moves)

    # The ways credits move.

    def _record(self, operation: str, kind: str, at: int, moves: list[Move] | None = None, *,
                command: c.Command | None = None, hold: str | None = None, expires_at: int | None = None,
                cost: int | None = None) -> Fact:  # fmt: skip
        real = tuple([move for move in moves if move.amount]) if moves else ()
        if expires_at is not None:
            self.nothing_before = min(self.nothing_before, expires_at)
        fact = Fact(operation, kind, at, real, command, hold, expires_at, cost)
        self.history.append(fact)
        return fact

    def _issue(self, amount: int, at: int, *, source: str, expires_at: int | None = None, paid: bool = False,
               priority: int = 0) -> list[Move]:  # fmt: skip
        """A new lot, named after the fact it comes with; what the organization owes is covered first."""
        lot = len(self.history) + 1
        covered = min(self.debt, amount)
        if amount:
            self.lots.append(NaiveLot(lot, source, paid, priority, expires_at, at))
            self.nothing_before = min(self.nothing_before, expires_at or self.nothing_before)
        return [Move(lot, "issued", "debt", covered), Move(lot, "issued", "available", amount - covered)]

    def _burn(self, amount: int, target: str, at: int) -> list[Move]:
        """As much of the amount as is available, in burn order, then as much as calls may go beyond it."""
        moves = []
        for lot in self.burn_order() if amount else ():
            taken = min(amount, self.total("available", lot.lot))
            moves.append(Move(lot.lot, "available", target, taken))
            amount -= taken
        if target != "reversed" and (lent := min(amount, self.lendable)) > 0:
            self.lots.append(NaiveLot(len(self.history) + 1, "overage", True, 0, None, at))
            self.lent.add(len(self.history) + 1)
            moves.append(Move(len(self.history) + 1, "overage", target, lent))
        return moves

    def _consume(self, hold: str, amount: int) -> list[Move]:
        """As much of the amount as the hold holds, in the order it was held."""
        moves = []
        for lot, there in self.pile(hold):
            taken = min(amount, there)
            moves.append(Move(lot, f"held:{hold}", "used", taken))
            amount -= taken
        return moves

    def _release(self, hold: str, at: int, after: list[Move] | None = None) -> list[Move]:
        """What the hold holds beyond `after` goes back, or is gone where its lot has expired meanwhile."""
        taken: dict[int, int] = defaultdict(int)
        for move in after or ():
            taken[move.lot] += move.amount
        moves = []
        for lot, there in self.pile(hold):
            spent = min(taken[lot], there)
            taken[lot] -= spent
            expires_at = self.ends_at(lot)
            gone = expires_at is not None and expires_at <= at
            where = "overage" if self.is_lent(lot) else "expired" if gone else "available"
            moves.append(Move(lot, f"held:{hold}", where, there - spent))
        return moves

    # Commands.

    def execute(self, command: c.Command, now: int) -> Answer:
        """Carry out a command, or say every true reason to refuse it. A refusal leaves the history as it was (I6)."""
        past = self.find(operation_of(command))
        if past is not None and past.command == command:
            return Answer(fact=past, replayed=True)
        if past is not None and (type(past.command) is type(command) or isinstance(command, limit.LimitCommand)):
            resolved = (r.HoldResolved,) if isinstance(command, c.SettleHold) and command.final else ()
            return Answer(refusals=(r.IdReused, *resolved, *malformed(command, now)))
        before = (len(self.history), len(self.lots), len(self.periods), self.nothing_before)
        now = max(now, self.last_at)
        if self.opening is not None:
            self.let_time_pass(now)
        reasons = refusals(self, command, now)
        if reasons:
            self._back_to(*before)
            return Answer(refusals=tuple(reasons))
        if isinstance(command, limit.LimitCommand):
            kind = _KINDS.get(type(command), "budget")
            return Answer(fact=self._record(operation_of(command), kind, now, command=command))
        return Answer(fact=self._carry_out(command, now))

    def _back_to(self, facts: int, lots: int, periods: int, nothing_before: int) -> None:
        """As things were before the command: `_carry_out` has not begun, only time may have passed."""
        self.nothing_before = nothing_before
        self.history.cut(facts)
        del self.periods[periods:]
        if len(self.lots) > lots:
            del self.lots[lots:]
            self.lent = {each.lot for each in self.lots if each.source == "overage"}

    def _carry_out(self, command: c.Command, now: int) -> Fact | None:
        if isinstance(command, _OF_MONEY):
            return self._set_right(command, now)
        operation = operation_of(command)
        amount = getattr(command, "amount", 0)
        match command:
            case c.OpenAccount():
                self.opening = command
                self._new_period(now)
                return self._record(operation, "open", now, command=command)
            case c.OpenHold(hold_id=hold) | c.ExtendHold(hold_id=hold):
                kind = "hold" if isinstance(command, c.OpenHold) else "extend"
                until = now + command.ttl_seconds * SECOND
                if kind == "extend":
                    until = max(until, self.lapses_at(hold))
                moves = self._burn(amount, f"held:{hold}", now)
                return self._record(operation, kind, now, moves, command=command, hold=hold, expires_at=until)
            case c.SettleHold(hold_id=hold):
                return self._settle(command, now)
            case c.VoidHold(hold_id=hold):
                moves = self.reversals.follow(self._release(hold, now), now)
                return self._record(operation, "void", now, moves, command=command, hold=hold)
            case c.RecordUsage():
                cost = cost_of(command, command.terms)
                return self._record(operation, "usage", now, self._burn(cost, "used", now), command=command, cost=cost)
            case c.SwitchAi(enabled=enabled):
                self._void_all(now, [] if enabled else self.open_holds())
                return self._record(operation, "switch", now, command=command)
        return None

    def _set_right(self, command: c.Command, now: int) -> Fact:
        """What operators and payments do: no call is involved."""
        moves, kind = list[Move](), type(command).__name__.lower()
        match command:
            case c.Grant():
                moves = self._issue(command.amount, now, source=command.source, expires_at=command.expires_at,
                                    paid=command.paid, priority=command.priority)  # fmt: skip
            case c.Adjust(amount=amount) if amount > 0:
                moves = self._issue(amount, now, source="adjustment")
            case c.Adjust(amount=amount):
                moves = self._burn(-amount, "reversed", now)
            case c.Reverse():
                moves = self.reversals.follow([], now, command)
            case c.CoverDebt():
                kind, moves = "cover", self._burn(min(self.debt, self.total("available")), "debt", now)
            case c.WriteOff(amount=amount):
                kind, moves = "write_off", [Move(0, "issued", "debt", self.debt if amount is None else amount)]
            case c.SetOverage():
                kind = "overage_limit"
        return self._record(operation_of(command), kind, now, moves, command=command)

    def _void_all(self, now: int, holds: list[str]) -> None:
        for hold in holds:
            moves = self.reversals.follow(self._release(hold, now), now)
            self._record(f"resolution:{hold}", "void", now, moves, hold=hold)

    def _settle(self, command: c.SettleHold, now: int) -> Fact:
        hold = command.hold_id
        cost = settled_cost(command, self.terms_of(hold))
        moves = self._consume(hold, cost)
        if command.final:
            beyond = cost - sum(move.amount for move in moves)
            moves = [*moves, *self._burn(beyond, "used", now), *self._release(hold, now, after=moves)]
            moves = self.reversals.follow(moves, now)
        kind = "settle" if command.final else "capture"
        return self._record(operation_of(command), kind, now, moves, command=command, hold=hold, cost=cost)
