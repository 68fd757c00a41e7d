"""What an answer will cost, before it is asked for (B9): what the latest came to, and the most it can come to (P17)."""

from collections.abc import Sequence
from dataclasses import dataclass

from testkase.core.ledger.terms import price_ceiling
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation
from testkase.services.features.chat.advice import asking as advice
from testkase.services.features.chat.advice.findings import FINDINGS
from testkase.services.features.chat.model import MAX_QUESTION, USE_CASE
from testkase.services.features.chat.prompting import (
    BESIDE_CALLS,
    MAX_CALLS,
    MAX_ROUNDS,
    OUTPUT_TOKENS,
    Said,
    large_messages,
    large_request,
)
from testkase.services.features.chat.tools.calling import RESULT_BYTES
from testkase.services.features.running.job import Most
from testkase.services.inference import ModelEntry, input_token_bound
from testkase.services.metering.quality import expected_cost
from testkase.services.metering.quality import history_of as past_use

ROUND_BYTES = 4 * BESIDE_CALLS + MAX_CALLS * (RESULT_BYTES + 4 * BESIDE_CALLS + 400)
"""The most a round adds to the next request: its results, the calls themselves, and what was said beside them."""

LONGEST_QUESTION = "\U0001f600" * MAX_QUESTION
"""In the letters that take most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """In micro-credits. `likely` rests on `interactions` of the organization's own, 0 for a typical question; with less
    than `least` no question is admitted, not even the shortest."""

    likely: int
    least: int
    most: int
    interactions: int


def estimate(org_id: int, entry: ModelEntry, book: PriceBook, history: Sequence[Said] = ()) -> Operation[Estimate]:
    """Before anything is written, so `most` is that of the longest question. Raises UnknownModel."""
    most = most_of(entry, book, history, LONGEST_QUESTION)
    expected = expected_cost(USE_CASE, entry, (yield from past_use(org_id)), book)
    least = most_of(entry, book, history, "")
    return Estimate(likely=min(expected.cost, most), least=least, most=most, interactions=expected.interactions)


def most_of(entry: ModelEntry, book: PriceBook, history: Sequence[Said], question: str) -> int:
    """The most an answer can cost, in micro-credits. Raises UnknownModel."""
    size = size_of(entry, history, question)
    return price_ceiling(book.terms(entry.name), input_tokens=size.input_tokens, output_tokens=size.output_tokens)


def size_of(entry: ModelEntry, history: Sequence[Said], question: str) -> Most:
    """The most tokens the calls of an answer can come to, every round of look-ups included."""
    if entry.small:
        tries = len(advice.TEMPERATURES)
        bound = max(input_token_bound(advice.small_request(2**31, finding, 0)) for finding in FINDINGS)
        return Most(input_tokens=min(bound, entry.context_window) * tries, output_tokens=advice.OUTPUT_TOKENS * tries)
    body = large_request(large_messages("A" * 10, history, question), entry.max_output_tokens, last=False)
    first = input_token_bound(body)
    calls = [min(first + each * ROUND_BYTES, entry.context_window) for each in range(MAX_ROUNDS + 1)]
    output = min(OUTPUT_TOKENS, entry.max_output_tokens)
    return Most(input_tokens=sum(calls), output_tokens=output * len(calls))
