"""What a call is charged for, by how it ended. The settlement table, as pure functions.

| How it ended                               | Charged                                   | outcome, measurement |
|---|---|---|
| finished, usage reported                   | the usage                                 | completed, exact     |
| finished, usage absent                     | input bound + tokens of delivered text    | completed, estimated |
| the client left, the provider read to end  | the usage                                 | cancelled, exact     |
| the client left, we cut the provider off   | input + delivered text                    | cancelled, partial   |
| the provider died after output             | input + delivered text, within the bounds | cancelled, partial   |
| the provider refused or died before output | nothing                                   | refused or failed    |
| nothing was received in time               | nothing                                   | failed               |
| finished without a single output token     | nothing                                   | failed               |

Figures that are not the provider's are kept within the bounds of the hold, so that an estimate never overruns it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testkase.core.ledger.model import Measurement, Outcome
from testkase.core.ledger.terms import Tokens
from testkase.services.metering.request import Bounds

if TYPE_CHECKING:
    from testkase.services.inference import CallResult

BYTES_PER_TOKEN = 4
"""Of delivered text, where the provider did not say: the usual figure for English, kind to the customer elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the ledger is told."""

    tokens: Tokens
    outcome: Outcome
    measurement: Measurement


NOTHING = Tokens()


def charge_for_call(
    result: "CallResult", bounds: Bounds, *, reader_left: bool
) -> Charge:
    """The row of the settlement table that this call falls under."""
    tokens = result.tokens
    measured = result.measurement == "exact"
    produced = (
        tokens.output + tokens.reasoning if measured else result.delivered_text_bytes
    )
    ended: Outcome = "cancelled" if reader_left or not result.finished else "completed"
    if result.outcome == "refused":
        return Charge(tokens=NOTHING, outcome="refused", measurement="exact")
    if not produced and not (reader_left and result.outcome == "cancelled"):
        return Charge(tokens=NOTHING, outcome="failed", measurement=result.measurement)
    if measured:
        return Charge(tokens=tokens, outcome=ended, measurement="exact")
    return Charge(
        tokens=_within(tokens, result.delivered_text_bytes, bounds),
        outcome=ended,
        measurement="estimated" if result.finished else "partial",
    )


def charge_for_all(charges: Sequence[Charge]) -> Charge:
    """Several calls under one hold: tokens add up, the least certain measurement counts, and the interaction
    completed if any call did (what failed carries no tokens)."""
    measurements = [charge.measurement for charge in charges]
    outcomes = [charge.outcome for charge in charges]
    return Charge(
        tokens=total(charge.tokens for charge in charges),
        outcome=next(
            (
                o
                for o in ("completed", "cancelled", "failed", "refused")
                if o in outcomes
            ),
            "failed",
        ),
        measurement=next(
            (m for m in ("partial", "estimated") if m in measurements), "exact"
        ),
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


def _within(tokens: Tokens, delivered_text_bytes: int, bounds: Bounds) -> Tokens:
    """Input as far as it is known, output as far as it was delivered; neither beyond what the hold was made for."""
    known_input = tokens.input + tokens.cached_input + tokens.cache_write
    if 0 < known_input <= bounds.input_tokens:
        buckets = (tokens.input, tokens.cached_input, tokens.cache_write)
    else:
        buckets = (bounds.input_tokens, 0, 0)
    output = max(tokens.output, -(-delivered_text_bytes // BYTES_PER_TOKEN))
    reasoning = min(tokens.reasoning, bounds.output_tokens)
    return Tokens(
        input=buckets[0],
        cached_input=buckets[1],
        cache_write=buckets[2],
        output=min(output, bounds.output_tokens - reasoning),
        reasoning=reasoning,
    )
