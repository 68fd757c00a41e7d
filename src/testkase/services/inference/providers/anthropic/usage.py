"""Anthropic's usage → disjoint buckets.

`input_tokens` leaves out what was read from and written to the cache, so these three are disjoint already;
`output_tokens` includes thinking, at the same rate. In a stream the figures come several times, and each is a total so
far: a later one replaces the earlier, and nothing is ever added. Compatible servers say `input_tokens: 0` at the start
and the true figure at the end, which works out by the same rule; others say `input_tokens: 0` at the end, for they mean
the answer's alone. A zero after a figure says nothing.
"""

from collections.abc import Mapping
from typing import Any

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.calling.counting import Counted, count, plausible

LATER = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "output_tokens")


class Usage:
    """The latest of every figure."""

    def __init__(self) -> None:
        self._figures: dict[str, Any] = {}
        self._malformed = False

    def take(self, usage: Any) -> None:
        """A usage object of the stream, or the only one. Null figures say nothing."""
        if usage is None:
            return
        if not isinstance(usage, Mapping):
            self._malformed = True
            return
        said = {name: usage[name] for name in LATER if usage.get(name) is not None}
        self._figures |= {name: value for name, value in said.items() if value or not self._figures.get(name)}

    def normalised(self) -> Counted:
        """The buckets. Long-lived cache writes are priced like others, and flagged: their provider's price differs."""
        figures = self._figures
        if not plausible(figures.get("input_tokens")) or not plausible(figures.get("output_tokens")):
            return None, ("malformed_usage",) if figures or self._malformed else ()
        split = figures.get("cache_creation")
        long_lived = count(split, "ephemeral_1h_input_tokens")
        parts = count(split, "ephemeral_5m_input_tokens") + long_lived
        written = count(figures, "cache_creation_input_tokens")
        flags = {"long_lived_cache"} if long_lived else set()
        if parts and "cache_creation_input_tokens" in figures and parts != written:
            flags.add("contradictory_usage")
        tokens = Tokens(
            input=figures["input_tokens"],
            cached_input=count(figures, "cache_read_input_tokens"),
            cache_write=max(written, parts),
            output=figures["output_tokens"],
        )
        return tokens, tuple(sorted(flags))
