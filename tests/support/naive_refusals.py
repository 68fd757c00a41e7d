"""When the ledger must say no, and what a call comes to: every rule on its own, so that all true reasons are known.

The real ledger may name any one of them; it may neither invent one nor overlook that there is one.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil
from typing import Any, Protocol

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
    def terms_of(self, hold: str) -> Terms | None: ...


def refusals(state: State, command: c.Command, now: int) -> list[Reason]:
    """Every reason to refuse the command as things stand at `now`."""
    reasons = list(malformed(command, now))
    if isinstance(command, c.OpenAccount):
        return reasons
    if state.opening is None:
        return [*reasons, r.AccountNotFound]
    if isinstance(command, limit.LimitCommand):
        return [*reasons, *state.limits.refusals(command, now)]
    rule = _RULES.get(type(command))
    return reasons if rule is None else [*reasons, *rule(state, command, now)]


def _opening(state: State, command: c.OpenHold, now: int) -> Iterator[Reason]:
    return _admission(state, command, command.amount, now)


def _extension(state: State, command: c.ExtendHold, now: int) -> Iterator[Reason]:
    yield from _must_be_open(state, command)
    yield from _admission(state, command, command.amount, now) if command.amount else ()


def _usage(state: State, command: c.RecordUsage, now: int) -> Iterator[Reason]:
    cost = cost_of(command, command.terms)
    if not priceable(command, command.terms):
        yield r.NoTerms
    yield from _too_much(cost)
    if command.admitted is not None:
        yield from _admitted_before(state, command.admitted)
    else:
        yield from _admission(state, command, cost, now)


def _adjustment(state: State, command: c.Adjust, _: int) -> Iterator[Reason]:
    if -command.amount > state.total("available"):
        yield r.InsufficientCredits


def _claw_back(state: State, command: c.Reverse, _: int) -> Iterator[Reason]:
    granted = state.find(f"grant:{command.grant_id}")
    if granted is None:
        yield r.GrantNotFound
    elif isinstance(granted.command, c.Grant) and not 0 <= command.clawed <= granted.command.amount:
        yield r.InvalidCommand


def _cover(state: State, _command: c.CoverDebt, _: int) -> Iterator[Reason]:
    if not state.debt:
        yield r.NotOwed
    if not state.total("available"):
        yield r.InsufficientCredits


def _forgiveness(state: State, command: c.WriteOff, _: int) -> Iterator[Reason]:
    if state.debt < (command.amount or 1):
        yield r.NotOwed


def malformed(command: c.Command, now: int) -> Iterator[Reason]:
    """Amounts and times no state of the account could accept."""
    wrong = _WRONG.get(type(command))
    if wrong is not None and wrong(command, now):
        yield r.InvalidCommand


def _life(command: c.OpenHold | c.ExtendHold) -> bool:
    return not 1 <= command.ttl_seconds <= LONGEST_HOLD or not 0 <= command.amount <= MOST


_WRONG: dict[type[c.Command], Callable[[Any, int], bool]] = {
    c.OpenAccount: lambda said, _: not 0 <= said.monthly_allowance <= MOST or not 1 <= said.anchor_day <= 31,
    c.OpenHold: lambda said, _: _life(said),
    c.ExtendHold: lambda said, _: _life(said),
    c.SettleHold: lambda said, _: not _measured(said) or not _named(said),
    c.RecordUsage: lambda said, _: not _measured(said),
    c.Adjust: lambda said, _: said.amount == 0 or abs(said.amount) > MOST,
    c.WriteOff: lambda said, _: not said.note or (said.amount is not None and said.amount < 1),
    c.SetOverage: lambda said, _: not 0 <= said.limit <= MOST,
    c.Grant: lambda said, now: not 0 < said.amount <= MOST or (said.expires_at is not None and said.expires_at <= now),
}
"""Of the others nothing is wrong in itself; what is wrong with a limit depends on the one it is about."""


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


def _must_be_open(state: State, command: c.ExtendHold | c.SettleHold | c.VoidHold, _: int = 0) -> Iterator[Reason]:
    if state.find(f"hold:{command.hold_id}") is None:
        yield r.HoldNotFound
    elif command.hold_id not in state.history.open:
        yield r.HoldResolved


def _settlement(state: State, command: c.SettleHold, _: int) -> Iterator[Reason]:
    if command.hold_id not in state.history.open:
        yield from _must_be_open(state, command)
        return
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


_RULES: dict[type[c.Command], Callable[[State, Any, int], Iterator[Reason]]] = {
    c.OpenHold: _opening,
    c.ExtendHold: _extension,
    c.SettleHold: _settlement,
    c.VoidHold: _must_be_open,
    c.RecordUsage: _usage,
    c.Adjust: _adjustment,
    c.Reverse: _claw_back,
    c.CoverDebt: _cover,
    c.WriteOff: _forgiveness,
}
"""Of what depends on how things stand. Grants, switches and touches are never refused for that."""
