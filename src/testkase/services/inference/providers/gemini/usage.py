"""Gemini's `usageMetadata` → disjoint buckets.

`promptTokenCount` includes what came from the cache and leaves out the prompts of built-in tools; the answer is
`candidatesTokenCount` and, beside it, `thoughtsTokenCount`, which are billed alike. Every chunk carries totals so far:
the last one counts.
"""

from collections.abc import Mapping
from typing import Any

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.calling.counting import Counted, count, plausible


def normalise(usage: Any) -> Counted:
    """The buckets. A figure that is left out is zero, but for the answer's, which is what the total leaves."""
    if usage is None:
        return None, ()
    prompt = usage.get("promptTokenCount") if isinstance(usage, Mapping) else None
    if not plausible(prompt):
        return None, ("malformed_usage",)
    tools, thoughts = count(usage, "toolUsePromptTokenCount"), count(usage, "thoughtsTokenCount")
    cached = count(usage, "cachedContentTokenCount")
    counted, total = usage.get("candidatesTokenCount"), usage.get("totalTokenCount")
    rest = max(0, total - prompt - tools - thoughts) if plausible(total) else 0
    answer = counted if plausible(counted) else rest
    flags = set()
    if cached > prompt:
        cached = 0
        flags.add("contradictory_usage")
    if plausible(total) and total != prompt + tools + thoughts + answer:
        flags.add("contradictory_usage")
    tokens = Tokens(input=prompt - cached + tools, cached_input=cached, output=answer, reasoning=thoughts)
    return tokens, tuple(flags)
