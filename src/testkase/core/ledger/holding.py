"""Holds: set credits aside, keep them, charge them, give them back — and usage metered after the fact."""

from msgspec.structs import astuple, replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.credits import MAX_MICROCREDITS, grouped_credits, round_up
from testkase.core.ledger.lending import lendable, own_first
from testkase.core.ledger.limits.admission import check_budgets, check_pauses
from testkase.core.ledger.model import RESOLVED_AS, Entry, EntryKind, Hold, Measurement, Subject, Usage
from testkase.core.ledger.movement import Movement
from testkase.core.ledger.posting import account_of, hold_digest, post_movement
from testkase.core.ledger.refusals import (
    AiDisabled,
    HoldNotFound,
    HoldResolved,
    Indebted,
    InsufficientCredits,
    InvalidCommand,
    NoTerms,
)  # fmt: skip
from testkase.core.ledger.rules import burn
from testkase.core.ledger.terms import Terms, Tokens, price

MAX_TTL_SECONDS = 86_400
"""A hold lives at most a day from its opening or its last extension."""

CHARGE_INCREMENT = 10_000
"""0.01 credit: what a charge named in credits is rounded up to; a charge in tokens follows its terms (P1)."""

MAX_TOKENS = 10**12
"""Tokens of one kind in one interaction; far more than any model takes."""

FREE_OUTCOMES = frozenset({"failed", "refused"})
"""Outcomes that cost nothing whatever the provider used (P17)."""


def open_hold(book: Book, command: ask.OpenHold, now: int) -> tuple[Event, ...]:
    """available → held, in burn order, and beyond the balance as far as the Owner allows (P7). Admission never goes
    below zero (I10)."""
    _check_admission(book, command.subject)
    if not 0 <= command.amount <= MAX_MICROCREDITS:
        raise InvalidCommand("A hold is at least zero and at most a billion credits.", field="amount")
    expires_at = now + _ttl(command.ttl_seconds)
    _check_covered(book, command.subject, command.amount, now)
    movement = Movement()
    taken = _set_aside(book, movement, command.amount, now)
    hold = Hold(
        org_id=command.org_id, hold_id=command.hold_id, amount=command.amount, lots=taken, opened_at=now,
        expires_at=expires_at, subject=command.subject, terms=command.terms,
    )  # fmt: skip
    event = post_movement(
        book, movement, kind="hold", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        opened=hold, hold_id=hold.hold_id, expires_at=expires_at, note=hold_digest(command.subject, command.terms),
    )  # fmt: skip
    return (event,)


def extend_hold(book: Book, command: ask.ExtendHold, now: int) -> tuple[Event, ...]:
    """A longer life, and more credits if asked for; the credits are admitted like a new hold's."""
    hold = _open_hold(book, command.hold_id)
    if not 0 <= command.amount <= MAX_MICROCREDITS:
        raise InvalidCommand("An extension is at least zero and at most a billion credits.", field="amount")
    expires_at = max(hold.expires_at, now + _ttl(command.ttl_seconds))
    if command.amount:
        _check_admission(book, hold.subject)
        _check_covered(book, hold.subject, command.amount, now)
    movement = Movement()
    lots = hold.lots + _set_aside(book, movement, command.amount, now)
    if account_of(book).overage:
        lots = own_first(lots, book.lots)
    hold = replace(hold, amount=hold.amount + command.amount, lots=lots, expires_at=expires_at)
    event = post_movement(
        book, movement, kind="extend", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        opened=hold, hold_id=hold.hold_id, expires_at=expires_at,
    )  # fmt: skip
    return (event,)


def _set_aside(book: Book, movement: Movement, amount: int, now: int) -> tuple[tuple[int, int], ...]:
    """available → held, and what is beyond the balance overage → held: admitted before."""
    account = account_of(book)
    taken = burn(book.lots.values(), amount)
    movement.hold(taken)
    if amount > account.available:
        taken += movement.lend(account, amount - account.available, now, held=True)
    return taken


def _spend(book: Book, movement: Movement, amount: int, now: int) -> None:
    """available → used, then overage → used, as far as they go."""
    account = account_of(book)
    movement.spend_available(burn(book.lots.values(), amount))
    if amount > account.available and (lent := min(amount - account.available, lendable(account))) > 0:
        movement.lend(account, lent, now, held=False)


def settle_hold(book: Book, command: ask.SettleHold, now: int) -> tuple[Event, ...]:
    """held → used for what the call came to, the rest released. A call that overran its hold takes the excess from
    available and from overage as far as they go, never from another hold; what is left over is recorded as cost but not
    charged."""
    hold = _open_hold(book, command.hold_id)
    terms, subject = _answered_under(hold, command)
    cost = _cost(command.tokens, command.credits, terms, command.outcome)
    movement = Movement()
    movement.resolve(hold, min(cost, hold.amount), book.lots, now)
    if cost > hold.amount:
        _spend(book, movement, cost - hold.amount, now)
    usage = Usage(
        usage_id=hold.hold_id, subject=subject, tokens=command.tokens or Tokens(), outcome=command.outcome,
        measurement=_measurement(command), cost=cost, terms=terms,
    )  # fmt: skip
    event = post_movement(
        book, movement, kind="settle", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        closed=hold.hold_id, hold_id=hold.hold_id, usage=usage,
    )  # fmt: skip
    return (event,)


def capture_hold(book: Book, command: ask.SettleHold, now: int) -> tuple[Event, ...]:
    """Charge a part of a hold and keep the rest held (B1). A capture cannot exceed what is held."""
    hold = _open_hold(book, command.hold_id)
    if not command.capture_id:
        raise InvalidCommand("A partial settlement needs an id of its own.", field="capture_id")
    cost = _cost(command.tokens, command.credits, hold.terms, command.outcome)
    if cost > hold.amount:
        given = "usage" if command.credits is None else "credits"
        raise InvalidCommand("A partial settlement cannot exceed the hold; extend the hold first.", field=given)
    movement = Movement()
    rest = movement.capture(hold, cost)
    usage = Usage(
        usage_id=f"{hold.hold_id}:{command.capture_id}", subject=hold.subject, tokens=command.tokens or Tokens(),
        outcome=command.outcome, measurement=_measurement(command), cost=cost, terms=hold.terms,
    )  # fmt: skip
    hold = replace(hold, amount=hold.amount - cost, lots=rest)
    event = post_movement(
        book, movement, kind="capture", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        opened=hold, hold_id=hold.hold_id, usage=usage,
    )  # fmt: skip
    return (event,)


def void_hold(book: Book, command: ask.VoidHold, now: int) -> tuple[Event, ...]:
    """Release a hold in full."""
    return (release(book, _open_hold(book, command.hold_id), now, "void", command.fingerprint()),)


def release(book: Book, hold: Hold, at: int, kind: EntryKind, fingerprint: bytes = b"") -> Event:
    """The event that releases `hold` in full: `void` or `lapse`."""
    movement = Movement()
    movement.resolve(hold, 0, book.lots, at)
    return post_movement(
        book, movement, kind=kind, operation_id=f"resolution:{hold.hold_id}", at=at, closed=hold.hold_id,
        hold_id=hold.hold_id, fingerprint=fingerprint,
    )  # fmt: skip


def record_usage(book: Book, command: ask.RecordUsage, now: int) -> tuple[Event, ...]:
    """available → used, then overage → used: all or nothing, unless the call was admitted before."""
    _check_admission(book, command.subject if command.admitted is None else None)
    if command.admitted is not None and account_of(book).off_seq > command.admitted:
        raise AiDisabled("AI was switched off after this call had begun. Nothing is charged for it.")
    cost = _cost(command.tokens, command.credits, command.terms, command.outcome)
    if command.admitted is None:
        _check_covered(book, command.subject, cost, now)
    movement = Movement()
    _spend(book, movement, cost, now)
    usage = Usage(
        usage_id=command.usage_id, subject=command.subject, tokens=command.tokens or Tokens(), outcome=command.outcome,
        measurement=_measurement(command), cost=cost, terms=command.terms,
    )  # fmt: skip
    event = post_movement(
        book, movement, kind="usage", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        usage=usage,
    )  # fmt: skip
    return (event,)


def _check_admission(book: Book, subject: Subject | None) -> None:
    """`subject`: whose call is new; None where it was admitted before."""
    account = account_of(book)
    if not account.ai_enabled:
        raise AiDisabled(
            "AI is switched off for this organization. Its Owner can switch it on under Settings → AI Credits."
        )
    if account.debt:
        raise Indebted(
            "A refund or dispute left a debt. Buy credits to cover it.", debt=account.debt, org_id=account.org_id
        )
    if book.limits is not None and subject is not None:
        check_pauses(book.limits, subject)


def _check_covered(book: Book, subject: Subject, amount: int, now: int) -> None:
    account = account_of(book)
    if amount > account.available and amount > (available := account.available + lendable(account)):
        included = ", overage included" if account.overage_limit else ""
        raise InsufficientCredits(
            f"This needs {grouped_credits(amount)} credits; {grouped_credits(available)} are available{included}.",
            available=available,
            needed=amount,
            org_id=account.org_id,
        )
    if book.limits is not None:
        check_budgets(book.limits, account, subject, amount, now)


def _open_hold(book: Book, hold_id: str) -> Hold:
    hold = book.holds.get(hold_id)
    if hold is not None:
        return hold
    past = book.entries.get(f"resolution:{hold_id}")
    if past is None:
        raise HoldNotFound("There is no such hold.", field="id")
    raise already_resolved(past)


def already_resolved(past: Entry) -> HoldResolved:
    """What is said of a hold that ended with this entry."""
    state = RESOLVED_AS[past.kind]
    ended = "has already lapsed" if state == "lapsed" else f"was already {state}"
    return HoldResolved(f"The hold {ended}.", state=state, receipt=past.seq)


def _ttl(ttl_seconds: int) -> int:
    if not 1 <= ttl_seconds <= MAX_TTL_SECONDS:
        raise InvalidCommand("A hold lives between 1 second and a day.", field="ttl_seconds")
    return ttl_seconds * 1_000_000


def _cost(tokens: Tokens | None, credits: int | None, terms: Terms | None, outcome: str) -> int:
    """Micro-credits, rounded once, up. Negative or absurd figures are refused, so that nothing can be minted (I7)."""
    if (tokens is None) == (credits is None):
        raise InvalidCommand("Give either token usage or credits.", field="usage")
    if credits is not None and not 0 <= credits <= MAX_MICROCREDITS:
        raise InvalidCommand("A charge is at least zero and at most a billion credits.", field="credits")
    if tokens is not None and (min(counts := astuple(tokens)) < 0 or max(counts) > MAX_TOKENS):
        raise InvalidCommand("Token counts are zero or more, at most 10^12.", field="usage")
    if outcome in FREE_OUTCOMES:
        return 0
    if credits is not None:
        return round_up(credits, CHARGE_INCREMENT)
    if terms is None or tokens is None:
        raise NoTerms("No model was named, so tokens have no price here: give credits instead.", field="usage")
    cost = price(terms, tokens)
    if cost > MAX_MICROCREDITS:
        raise InvalidCommand("A charge is at most a billion credits.", field="usage")
    return cost


def _answered_under(hold: Hold, command: ask.SettleHold) -> tuple[Terms | None, Subject]:
    """The terms a call is charged under and whom it is recorded for: the hold's, unless another model answered that
    does not come dearer. Nobody pays more than they were admitted for (P17)."""
    other, tokens = command.terms, command.tokens
    if other is None or hold.terms is None or tokens is None or price(other, tokens) > price(hold.terms, tokens):
        return hold.terms, hold.subject
    return other, replace(hold.subject, model=other.model)


def _measurement(command: ask.SettleHold | ask.RecordUsage) -> Measurement:
    return "credits" if command.credits is not None else command.measurement
