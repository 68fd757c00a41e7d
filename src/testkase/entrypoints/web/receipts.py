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
    """Tokens of one kind. Amounts are micro-credits; `amount` is what the kind adds to the sum of those above it."""

    kind: str
    tokens: int
    rate_per_million: int
    amount: int


def receipt_lines(receipt: Receipt) -> list[TokenLine]:
    """A line for each kind of token that was used; none where the caller named credits instead of tokens.

    They add up to what is then rounded up: each cut by itself, they could come to 0.01 where 0.02 was charged.
    """
    if receipt.rates is None:
        return []
    lines, per_million, so_far = [], 0, 0
    for name, label in _KINDS:
        tokens = getattr(receipt.usage.tokens, name)
        rate = getattr(receipt.rates, name)
        if tokens:
            per_million += tokens * rate
            amount = -(-per_million // 1_000_000) - so_far
            so_far += amount
            lines.append(TokenLine(kind=label, tokens=tokens, rate_per_million=rate, amount=amount))
    return lines
