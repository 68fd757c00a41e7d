"""When the ledger must say no, and what a call comes to: every rule on its own, so that all true reasons are known.

The real ledger may name any one of them; it may neither invent one nor overlook that there is one.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import Protocol

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.terms import Terms
from tests.support.naive_facts import Fact
from tests.support.naive_history import History
from tests.support.naive_limits import NaiveLimits

CENT = 10_000
"""Charges are rounded up to a hundredth of a credit (P1) where no price book says otherwise."""
MOST = 10**15
LONGEST_HOLD = 86_400
ABSURD_TOKENS = 10**12

Reason = type[Exception]


class State(Protocol):
    """What a refusal can depend on."""

    opening: c.OpenAccount | None
    history: History

    @property
    def ai_enabled(self) -> bool: ...
    @property
    def debt(self) -> int: ...
    @property
    def lendable(self) -> int: ...
    @property
    def limits(self) -> NaiveLimits: ...
    def total(self, place: str, lot: int | None = None) -> int: ...
    def find(self, operation: str) -> Fact | None: ...
    def open_holds(self) -> list[str]: ...
    def terms_of(self, hold: str) -> Terms | None: ...


def refusals(state: State, command: c.Command, now: int) -> Iterator[Reason]:
    """Every reason to refuse the command as things stand at `now`."""
    yield from malformed(command, now)
    if isinstance(command, c.OpenAccount):
        return
    if state.opening is None:
        yield r.AccountNotFound
    elif isinstance(command, limit.LimitCommand):
        yield from state.limits.refusals(command, now)
    else:
        yield from _as_things_stand(state, command, now)


def _as_things_stand(state: State, command: c.Command, now: int) -> Iterator[Reason]:
    match command:
        case c.OpenHold(amount=amount):
            yield from _admission(state, command, amount, now)
        case c.ExtendHold(hold_id=hold, amount=amount):
            yield from _must_be_open(state, hold)
            yield from _admission(state, command, amount, now) if amount else ()
        case c.SettleHold(hold_id=hold):
            yield from _must_be_open(state, hold)
            yield from _settlement(state, command) if hold in state.open_holds() else ()
        case c.VoidHold(hold_id=hold):
            yield from _must_be_open(state, hold)
        case c.RecordUsage(terms=terms):
            if not priceable(command, terms):
                yield r.NoTerms
            yield from _too_much(cost_of(command, terms))
            if command.admitted is not None:
                yield from _admitted_before(state, command.admitted)
            else:
                yield from _admission(state, command, cost_of(command, terms), now)
        case c.Adjust(amount=amount) if -amount > state.total("available"):
            yield r.InsufficientCredits
        case c.Reverse() | c.CoverDebt() | c.WriteOff():
            yield from _claw_back(state, command)


def _claw_back(state: State, command: c.Reverse | c.CoverDebt | c.WriteOff) -> Iterator[Reason]:
    if isinstance(command, c.Reverse):
        granted = state.find(f"grant:{command.grant_id}")
        if granted is None:
            yield r.GrantNotFound
        elif isinstance(granted.command, c.Grant) and not 0 <= command.clawed <= granted.command.amount:
            yield r.InvalidCommand
    else:
        amount = command.amount if isinstance(command, c.WriteOff) else None
        if state.debt < (amount or 1):
            yield r.NotOwed
        if isinstance(command, c.CoverDebt) and not state.total("available"):
            yield r.InsufficientCredits


def malformed(command: c.Command, now: int) -> Iterator[Reason]:
    """Amounts and times no state of the account could accept."""
    amount = getattr(command, "amount", 0) or 0
    wrong = not 1 <= getattr(command, "ttl_seconds", 1) <= LONGEST_HOLD or abs(amount) > MOST
    match command:
        case c.OpenAccount():
            wrong = not 0 <= command.monthly_allowance <= MOST or not 1 <= command.anchor_day <= 31
        case c.Adjust():
            wrong = wrong or amount == 0
        case c.WriteOff():
            wrong = not command.note or (command.amount is not None and amount < 1)
        case c.SetOverage():
            wrong = not 0 <= command.limit <= MOST
        case limit.LimitCommand():
            return  # what is wrong with one depends on the limit it is about
        case c.Grant(expires_at=expires_at):
            wrong = wrong or amount <= 0 or (expires_at is not None and expires_at <= now)
        case c.SettleHold() | c.RecordUsage():
            wrong = not _measured(command) or (isinstance(command, c.SettleHold) and not _named(command))
        case _:
            wrong = wrong or amount < 0
    if wrong:
        yield r.InvalidCommand


def _measured(command: c.SettleHold | c.RecordUsage) -> bool:
    """Exactly one of tokens and credits, neither negative nor absurd."""
    if command.tokens is None:
        return command.credits is not None and 0 <= command.credits <= MOST
    return command.credits is None and all(0 <= count <= ABSURD_TOKENS for count in buckets(command))


def _named(command: c.SettleHold) -> bool:
    """A partial settlement needs an id of its own."""
    return command.final or bool(command.capture_id)


def _admission(state: State, command: c.Command, amount: int, now: int) -> Iterator[Reason]:
    if not state.ai_enabled:
        yield r.AiDisabled
    if state.debt:
        yield r.Indebted
    if amount > state.total("available") + state.lendable:
        yield r.InsufficientCredits
    subject = state.limits.subject_of(command)
    if subject is not None:
        yield from state.limits.admission(subject, amount, now)


def _admitted_before(state: State, entry: int) -> Iterator[Reason]:
    """A call whose hold is gone: limits and the balance were asked when it began. AI that went off since makes it
    free."""
    off_since = any(isinstance(fact.command, c.SwitchAi) and not fact.command.enabled for fact in state.history[entry:])
    if off_since or not state.ai_enabled:
        yield r.AiDisabled
    if state.debt:
        yield r.Indebted


def _too_much(cost: int) -> Iterator[Reason]:
    if cost > MOST:
        yield r.InvalidCommand


def _must_be_open(state: State, hold: str) -> Iterator[Reason]:
    if state.find(f"hold:{hold}") is None:
        yield r.HoldNotFound
    elif hold not in state.open_holds():
        yield r.HoldResolved


def _settlement(state: State, command: c.SettleHold) -> Iterator[Reason]:
    terms = state.terms_of(command.hold_id)
    if not priceable(command, terms):
        yield r.NoTerms
        return
    cost = settled_cost(command, terms)
    yield from _too_much(cost)
    if not command.final and cost > state.total(f"held:{command.hold_id}"):
        yield r.InvalidCommand


def buckets(command: c.SettleHold | c.RecordUsage) -> tuple[int, ...]:
    tokens = command.tokens
    assert tokens is not None
    return (tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning)


def priceable(command: c.SettleHold | c.RecordUsage, terms: Terms | None) -> bool:
    """Tokens need terms, unless nothing is charged for them anyway."""
    return command.tokens is None or terms is not None or command.outcome in ("failed", "refused")


def settled_cost(command: c.SettleHold, terms: Terms | None) -> int:
    """What a settlement comes to: where another model answered, what it asks, but never more than the hold's terms."""
    own = cost_of(command, terms)
    if command.terms is None or terms is None or command.tokens is None or not command.final:
        return own
    return min(own, cost_of(command, command.terms))


def cost_of(command: c.SettleHold | c.RecordUsage, terms: Terms | None) -> int:
    """What the usage comes to, rounded once, up; nothing for a call that failed or was refused (P17)."""
    step = terms.charge_increment if terms else CENT
    if command.outcome in ("failed", "refused") or (command.tokens is not None and terms is None):
        return 0
    if command.tokens is None or terms is None:
        return ceil(Fraction(command.credits or 0, step)) * step
    counts = buckets(command)
    tier = [tier for tier in terms.tiers if tier is terms.tiers[0] or tier.above_input_tokens < sum(counts[:3])][-1]
    rates = (tier.input, tier.cached_input, tier.cache_write, tier.output, tier.reasoning)
    exact = sum((Fraction(count * rate, 1_000_000) for count, rate in zip(counts, rates, strict=True)), Fraction(0))
    return ceil(exact / step) * step
