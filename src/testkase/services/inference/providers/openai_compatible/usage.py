"""OpenAI's usage object → disjoint buckets.

On the wire the parents include their children: `prompt_tokens` contains cached reads and cache writes,
`completion_tokens` contains reasoning. Pricing wants every token in exactly one bucket. A record that contradicts
itself (more cached than there were) loses its split and is priced as fresh, and is flagged.
"""

from typing import Any, TypeGuard

from testkase.core.ledger.terms import Tokens

MOST_TOKENS = 10**9
"""No call comes near a billion tokens: a larger figure is a fault of the provider, not a bill."""

Reading = tuple[Tokens | None, tuple[str, ...]]
"""What was read, None when there is nothing usable, and flags."""


def normalise(usage: Any) -> Reading:
    """Tokens of a usage object. An absent object and one of zeros are different things: the second is an answer."""
    if usage is None:
        return None, ()
    if not isinstance(usage, dict):
        return None, ("malformed_usage",)
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    inputs, outputs = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = _child(inputs, "cached_tokens")
    written = _child(inputs, "cache_write_tokens")
    reasoning = _child(outputs, "reasoning_tokens")
    if not _plausible(prompt) or not _plausible(completion):
        return None, ("malformed_usage",)
    flags: tuple[str, ...] = ()
    if cached + written > prompt:
        cached = written = 0
        flags = ("contradictory_usage",)
    if reasoning > completion:
        reasoning = 0
        flags = ("contradictory_usage",)
    tokens = Tokens(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=completion - reasoning,
        reasoning=reasoning,
    )
    return tokens, flags


def _child(details: Any, name: str) -> int:
    """A detail's count; servers leave details out, or set them to null, where they have none."""
    value = details.get(name) if isinstance(details, dict) else None
    return value if _plausible(value) else 0


def _plausible(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MOST_TOKENS
