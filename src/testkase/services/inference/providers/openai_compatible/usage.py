"""OpenAI's usage object → disjoint buckets.

On the wire the parents include their children: `prompt_tokens` contains cached reads and cache writes,
`completion_tokens` contains reasoning. Pricing wants every token in exactly one bucket. A record that contradicts
itself (more cached than there were) loses its split and is priced as fresh, and is flagged.

xAI counts reasoning beside `completion_tokens`, and says so by its total alone: prompt, answer and reasoning.
"""

from typing import Any

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.calling.counting import Counted, count, plausible


def normalise(usage: Any) -> Counted:
    """Tokens of a usage object. An absent object and one of zeros are different things: the second is an answer."""
    if usage is None:
        return None, ()
    if not isinstance(usage, dict):
        return None, ("malformed_usage",)
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    inputs, outputs = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = count(inputs, "cached_tokens")
    written = count(inputs, "cache_write_tokens")
    reasoning = count(outputs, "reasoning_tokens")
    if not plausible(prompt) or not plausible(completion):
        return None, ("malformed_usage",)
    flags: tuple[str, ...] = ()
    total = usage.get("total_tokens")
    beside = total - prompt - completion if plausible(total) else 0
    if beside and beside == reasoning:
        completion += reasoning
    elif beside:
        flags = ("contradictory_usage",)
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
