"""What a call is charged for, by how it ended. The settlement table, as pure functions.

| How it ended                               | Charged                                | outcome, measurement |
|---|---|---|
| finished, usage reported                   | the usage                              | completed, exact     |
| finished, usage absent                     | estimate of input and delivered text   | completed, estimated |
| the client left, the provider read to end  | the usage                              | cancelled, exact     |
| the client left, we cut the provider off   | input + what was delivered             | cancelled, partial   |
| the provider died after output             | input + what was delivered             | cancelled, partial   |
| our process was killed (logbook/)          | input + what was delivered             | cancelled, partial   |
| the provider refused, or died before output| nothing                                | refused or failed    |
| nothing was received in time               | nothing                                | failed               |
| finished without anything in it            | nothing                                | failed               |

Figures that are not the provider's final ones are kept within the bounds the hold was made for, so that an estimate
never overruns it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from testkase.core.ledger.model import Measurement, Outcome
from testkase.core.ledger.terms import Terms, Tokens
from testkase.services.inference.model import CallResult
from testkase.services.metering.request import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the ledger is told."""

    tokens: Tokens
    outcome: Outcome
    measurement: Measurement
    terms: Terms | None = None
    """Of another model than the hold was opened for, where that one answered."""


NOTHING = Tokens()
FREE: tuple[Outcome, ...] = ("failed", "refused")
_BEST_FIRST: tuple[Outcome, ...] = ("completed", "cancelled", "failed", "refused")
_WORST_FIRST: tuple[Measurement, ...] = ("partial", "estimated", "exact")


def charge_for_call(result: CallResult, bounds: Bounds, *, reader_left: bool) -> Charge:
    """The row of the settlement table that this call falls under."""
    outcome = result.outcome
    if outcome == "cancelled" and not result.delivered_text_bytes and not reader_left:
        outcome = "failed"  # we gave up waiting, and nothing had come
    if outcome in FREE:
        return Charge(tokens=NOTHING, outcome=outcome, measurement=result.measurement)
    if reader_left:
        outcome = "cancelled"
    exact = result.measurement == "exact"
    return Charge(
        tokens=result.tokens if exact else within(result.tokens, bounds),
        outcome=outcome,
        measurement=result.measurement,
    )


def charge_for_all(charges: Sequence[Charge]) -> Charge:
    """Several calls under one hold: tokens add up, the least certain measurement counts, and the interaction completed
    if any call did (what failed carries no tokens). The sum is priced as one prompt: where rates have tiers, calls that
    are to be priced apart need interactions of their own. Where different models answered, the sum is priced at the
    hold's terms, which are the dearest."""
    if len(charges) == 1:
        return charges[0]
    charged = [charge for charge in charges if charge.outcome not in FREE] or charges
    terms = charged[0].terms
    return Charge(
        tokens=total(charge.tokens for charge in charged),
        outcome=min((charge.outcome for charge in charged), key=_BEST_FIRST.index),
        measurement=min((charge.measurement for charge in charged), key=_WORST_FIRST.index),
        terms=terms if all(charge.terms == terms for charge in charged) else None,
    )


def total(parts: Iterable[Tokens]) -> Tokens:
    """Bucket by bucket."""
    sums = [0, 0, 0, 0, 0]
    for part in parts:
        for index, value in enumerate(
            (
                part.input,
                part.cached_input,
                part.cache_write,
                part.output,
                part.reasoning,
            )
        ):
            sums[index] += value
    return Tokens(
        input=sums[0],
        cached_input=sums[1],
        cache_write=sums[2],
        output=sums[3],
        reasoning=sums[4],
    )


def within(tokens: Tokens, bounds: Bounds) -> Tokens:
    """Each side cut to its bound, at the expense of the plain bucket: what was cached stays cached."""
    cached = min(tokens.cached_input, bounds.input_tokens)
    written = min(tokens.cache_write, bounds.input_tokens - cached)
    reasoning = min(tokens.reasoning, bounds.output_tokens)
    return Tokens(
        input=min(tokens.input, bounds.input_tokens - cached - written),
        cached_input=cached,
        cache_write=written,
        output=min(tokens.output, bounds.output_tokens - reasoning),
        reasoning=reasoning,
    )
