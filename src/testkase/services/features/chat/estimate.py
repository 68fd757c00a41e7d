"""What an answer will cost, before it is asked for (B9): what the latest came to, and the most it can come to (P17)."""

from collections.abc import Sequence
from dataclasses import dataclass

from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.features.chat.model import MAX_QUESTION
from testkase.services.features.chat.operations import SQL
from testkase.services.features.chat.prompting import (
    BESIDE_CALLS,
    MAX_CALLS,
    MAX_ROUNDS,
    OUTPUT_TOKENS,
    SMALL_FACTS,
    SMALL_OUTPUT_TOKENS,
    Said,
    large_messages,
    large_request,
    small_request,
)
from testkase.services.features.chat.tools.calling import RESULT_BYTES
from testkase.services.inference import ModelEntry, input_token_bound, input_token_estimate

ROUND_BYTES = 4 * BESIDE_CALLS + MAX_CALLS * (RESULT_BYTES + 4 * BESIDE_CALLS + 400)
"""The most a round adds to the next request: its results, the calls themselves, and what was said beside them."""

LONGEST_QUESTION = "\U0001f600" * MAX_QUESTION
"""In the letters that take most."""

LIKELY_OUTPUT = 250
LIKELY_RESULTS = 600
"""Tokens of an answer and of what is looked up for it, measured over ordinary questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Tokens of all calls of one answer together."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Both in micro-credits. `from_history`: `likely` is what answers came to of late."""

    likely: int
    most: int
    from_history: bool


def estimate(org_id: int, entry: ModelEntry, book: PriceBook, history: Sequence[Said] = ()) -> Operation[Estimate]:
    """Before anything is written, so for the longest question. Raises UnknownModel."""
    most = most_of(entry, book, history, LONGEST_QUESTION)
    rows = yield Statement(SQL["usual_charge"], {"org_id": org_id, "model": entry.name})
    usual = rows[0]["usual"]
    likely = usual if usual is not None else price(book.terms(entry.name), _likely(entry))
    return Estimate(likely=min(likely, most), most=most, from_history=usual is not None)


def most_of(entry: ModelEntry, book: PriceBook, history: Sequence[Said], question: str) -> int:
    """The most an answer can cost, in micro-credits. Raises UnknownModel."""
    size = size_of(entry, history, question)
    return price_ceiling(book.terms(entry.name), input_tokens=size.input_tokens, output_tokens=size.output_tokens)


def size_of(entry: ModelEntry, history: Sequence[Said], question: str) -> Size:
    """The most tokens the calls of an answer can come to, every round of look-ups included."""
    if entry.small:
        bound = input_token_bound(small_request(2**31, question, LONGEST_QUESTION[:SMALL_FACTS]))
        return Size(input_tokens=min(bound, entry.context_window), output_tokens=SMALL_OUTPUT_TOKENS)
    body = large_request(large_messages("A" * 10, history, question), entry.max_output_tokens, last=False)
    first = input_token_bound(body)
    calls = [min(first + each * ROUND_BYTES, entry.context_window) for each in range(MAX_ROUNDS + 1)]
    output = min(OUTPUT_TOKENS, entry.max_output_tokens)
    return Size(input_tokens=sum(calls), output_tokens=output * len(calls))


def _likely(entry: ModelEntry) -> Tokens:
    if entry.small:
        return Tokens(input=300, output=40)
    first = input_token_estimate(large_request(large_messages("SHOP", (), "What failed?"), OUTPUT_TOKENS, last=False))
    return Tokens(input=2 * first + LIKELY_RESULTS, output=LIKELY_OUTPUT)
