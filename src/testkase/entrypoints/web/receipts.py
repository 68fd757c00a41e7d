"""A receipt's arithmetic, line by line: tokens of a kind × their rate."""

from dataclasses import dataclass

from testkase.core.ledger.queries import Receipt

_KINDS = (
    ("input", "Input"),
    ("cached_input", "Input from the cache"),
    ("cache_write", "Written to the cache"),
    ("output", "Output"),
    ("reasoning", "Reasoning"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLine:
    """Tokens of one kind. Amounts are micro-credits; `amount` is cut, not rounded: only the sum is rounded, once."""

    kind: str
    tokens: int
    rate_per_million: int
    amount: int


def receipt_lines(receipt: Receipt) -> list[TokenLine]:
    """A line for each kind of token that was used; none where the caller named credits instead of tokens."""
    if receipt.rates is None:
        return []
    lines = []
    for name, label in _KINDS:
        tokens = getattr(receipt.usage.tokens, name)
        rate = getattr(receipt.rates, name)
        if tokens:
            amount = tokens * rate // 1_000_000
            lines.append(TokenLine(kind=label, tokens=tokens, rate_per_million=rate, amount=amount))
    return lines
