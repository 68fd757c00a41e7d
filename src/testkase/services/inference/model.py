"""The nouns of inference: a provider, what it can do, the models it serves, and what a call turned out to be."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import msgspec

from testkase.core.ledger.model import Measurement, Outcome
from testkase.core.ledger.terms import Tokens

Kind = Literal["openai", "anthropic", "gemini", "azure"]
"""What a provider speaks. `openai`: OpenAI itself and every server that is compatible with it."""

Feature = Literal["test_generation", "chat", "report"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
"""The AI features, as their usage is recorded under."""

Level = Literal["fast", "balanced", "best"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Quality levels (B16), from quick to good."""

Quality = dict[tuple[str, Level], str]
"""The models of each feature's levels, as far as the operator named them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider's endpoint understands. The defaults are what OpenAI-compatible servers have in common."""

    max_completion_tokens: bool = False
    """The output limit is called `max_completion_tokens` (OpenAI's reasoning models refuse `max_tokens`)."""
    store: bool = False
    """`store: false` is understood, so it is always said (R71)."""
    stream_options: bool = True
    """`stream_options.include_usage` is understood."""
    continuous_usage: bool = False
    """`stream_options.continuous_usage_stats` is understood (vLLM, SGLang): running usage, exact even when cut."""
    max_choices: int = 1
    """Largest `n`."""
    extra_fields: tuple[str, ...] = ()
    """Request fields beyond the common ones that may be passed on, such as `top_k`."""
    prefix_reuse: bool = False
    """On request, the server reuses what it computed of an earlier prompt for the same beginning of the next."""
    request: tuple[tuple[str, str], ...] = ()
    """Fields added to every request, as JSON text, such as OpenRouter's `provider: {"zdr": true}`."""
    thinking: Literal["budget", "level", "fixed"] = "budget"
    """Anthropic and Gemini: how thinking is set. `budget` in tokens (none unless asked), `level` by words, `fixed` not
    at all."""
    sampling: bool = True
    """Anthropic and Gemini: temperature and the like are understood; some models refuse them."""

    def extra(self) -> dict[str, Any]:
        """The fields of `request`."""
        return {name: msgspec.json.decode(text) for name, text in self.request}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. `read` is the longest silence between two pieces of an answer, the first included."""

    connect: float = 10.0
    read: float = 180.0
    write: float = 60.0
    pool: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An endpoint the operator has named. Its key goes to the host of `base_url` and nowhere else."""

    name: str
    base_url: str
    """Without a trailing slash; the path of the provider's kind is appended."""
    kind: Kind = "openai"
    api_version: str = ""
    """Azure's, such as `2024-10-21`."""
    api_key: str | None = field(default=None, repr=False)
    no_training: bool
    """The operator declares that what is sent is never used for training (R70)."""
    zero_retention: bool
    """The operator declares that the provider keeps nothing of what is sent (R71)."""
    capabilities: Capabilities = Capabilities()
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model as callers name it, and where it is really served."""

    name: str
    provider: str
    upstream_model: str
    context_window: int
    """Tokens of prompt and answer together."""
    max_output_tokens: int
    """No request may ask for more."""
    no_training: bool
    zero_retention: bool
    capabilities: Capabilities = Capabilities()
    small: bool = False
    """Needs its task cut into short, constrained pieces (the embedded model)."""
    kind: Kind = "openai"
    fallback: tuple[str, ...] = ()
    """Models that may answer instead when this one's provider fails, in this order; never at a higher price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a call came to. Final once the call's block has been left."""

    tokens: Tokens
    measurement: Measurement
    """`exact`: finished, with usage; `partial`: cut; `estimated`: finished, but the provider did not say."""
    outcome: Outcome
    finished: bool
    """The provider said that the answer is complete. "No exception" proves nothing."""
    delivered_text_bytes: int
    """UTF-8 bytes of text, reasoning and tool arguments received."""
    flags: tuple[str, ...] = ()
    """Oddities worth a look: `contradictory_usage`, `malformed_usage`, `impossible_usage`, `over_limit`,
    `long_lived_cache`, `provider_cost_unknown`."""
    upstream_id: str | None = None
    """The provider's id of the answer, for asking the provider about it."""
