"""What a generation will cost, before it runs (B9): what it likely comes to, and the most it can come to (P17)."""

from dataclasses import dataclass

from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import PriceBook
from testkase.services.features.generation.model import Options

_INSTRUCTION_TOKENS = 500
"""Instructions, examples and schema that go with every call."""
_LIKELY_CHARACTERS_A_TOKEN = 4
_LIKELY_OUTPUT = 140
"""Tokens of one test case as models usually write it."""
_MOST_OUTPUT = 260
"""Tokens a call may write for one test case: the limit sent with it."""
_MOST_ATTEMPTS = 2
"""A draft that is not usable is asked for once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Both in micro-credits."""

    likely: int
    most: int


def estimate(requirement: str, options: Options, book: PriceBook) -> Estimate:
    """One call per case. The most counts a token for every byte and every attempt in full. Raises UnknownModel."""
    terms = book.terms(options.model)
    prompt = _INSTRUCTION_TOKENS + len(requirement) // _LIKELY_CHARACTERS_A_TOKEN
    likely = price(
        terms,
        Tokens(
            input=prompt + (options.cases - 1) * len(requirement) // _LIKELY_CHARACTERS_A_TOKEN,
            cached_input=(options.cases - 1) * _INSTRUCTION_TOKENS,
            output=options.cases * _LIKELY_OUTPUT,
        ),
    )
    most = price_ceiling(
        terms,
        input_tokens=options.cases * _MOST_ATTEMPTS * (_INSTRUCTION_TOKENS + len(requirement.encode())),
        output_tokens=options.cases * _MOST_ATTEMPTS * _MOST_OUTPUT,
    )
    return Estimate(likely=likely, most=most)
