"""The request that really goes to the provider: renamed, clamped, private, and nothing in it that cannot be priced.

Fields are passed on from a list rather than struck from one. Servers have synonyms for the output limit (`n_predict`),
ways to reach dearer models (`models`), tiers with other prices (`service_tier`) and services billed apart
(`web_search_options`); each of them would walk around the hold.
"""

from collections.abc import Mapping
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.services.inference.model import Capabilities, ModelEntry
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.shapes import check_shapes

DEFAULT_OUTPUT_TOKENS = 4_096
"""Enforced where the caller names no limit."""

PASSED_ON = frozenset({
    "messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format",
    "temperature", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs",
    "top_logprobs", "reasoning_effort", "verbosity",
})  # fmt: skip
"""Fields that change what is said, not what a token costs. Anything else, `user` and `metadata` too, stays here."""

REFUSED = ("web_search_options", "audio", "prediction", "models", "plugins")
"""Fields a caller must not believe to be in force: they are billed apart or lead to another model."""


TRANSLATED = ("anthropic", "gemini")
"""Kinds of providers that speak otherwise; the prepared body is what their translators are given."""


class PrefixReuse:
    """Asks a server that can (llama.cpp) to reuse the computed beginning of an earlier prompt.

    The cache is one for all organizations, so a caller from outside could find out by its figures what others had sent.
    Only a feature that begins its prompts with text of its own may ask, and it asks with an object that no JSON holds.
    """


PREFIX_REUSE = PrefixReuse()


def prepare_body(
    entry: ModelEntry, body: Mapping[str, Any], max_output_tokens: int | None = None, *, stream: bool = False
) -> dict[str, Any]:
    """The body sent upstream: model renamed, output limit enforced, `store: false`, usage asked for, `n` within limits.

    `max_output_tokens` bounds each choice; without it the caller's own limit counts, and never more than the model's.
    Raises UnsupportedParameter for what cannot be bounded, InvalidInput for what is no such value.
    """
    _check(entry.capabilities, body)
    allowed = PASSED_ON.union(entry.capabilities.extra_fields)
    sent = {name: value for name, value in body.items() if name in allowed and value is not None}
    if "messages" in sent:
        sent["messages"] = [_without_nulls(message) for message in sent["messages"]]
    sent["model"] = entry.upstream_model
    if entry.capabilities.max_choices > 1 and body.get("n") is not None:
        sent["n"] = body["n"]
    limit = output_limit(entry, body) if max_output_tokens is None else max_output_tokens
    sent[_limit_field(entry.capabilities)] = max(1, min(limit, entry.max_output_tokens))
    if entry.capabilities.prefix_reuse:
        sent["cache_prompt"] = body.get("cache_prompt") is PREFIX_REUSE
    if entry.capabilities.store:
        sent["store"] = False
    if entry.kind in TRANSLATED:
        return sent  # what is said beyond this, the translator says
    sent |= entry.capabilities.extra()
    if stream:
        sent["stream"] = True
        if entry.capabilities.stream_options:
            sent["stream_options"] = {"include_usage": True}
            if entry.capabilities.continuous_usage:
                sent["stream_options"]["continuous_usage_stats"] = True
    return sent


def output_limit(entry: ModelEntry, body: Mapping[str, Any]) -> int:
    """Output tokens per choice: what the caller asked for, or a default, and never more than the model's maximum."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if type(value) is not int or value < 1:
            raise InvalidInput(f"{name} must be a whole number of at least 1.", field=name)
        return min(value, entry.max_output_tokens)
    return min(DEFAULT_OUTPUT_TOKENS, entry.max_output_tokens)


def output_token_bound(body: Mapping[str, Any]) -> int:
    """The most output tokens a prepared body can come to, all choices together."""
    per_choice = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return int(per_choice) * int(body.get("n") or 1)


def _without_nulls(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field that is null is one that is not given, which not every server knows. That nothing is said is said so."""
    if None not in message.values():
        return message
    return {name: value for name, value in message.items() if value is not None or name == "content"}


def _limit_field(capabilities: Capabilities) -> str:
    return "max_completion_tokens" if capabilities.max_completion_tokens else "max_tokens"


def _check(capabilities: Capabilities, body: Mapping[str, Any]) -> None:
    for name in REFUSED:
        if body.get(name) is not None:
            raise UnsupportedParameter(f"{name} is not offered: its cost cannot be bounded beforehand.", field=name)
    if body.get("modalities") not in (None, ["text"]):
        raise UnsupportedParameter("Only text can be asked for.", field="modalities")
    choices = body.get("n")
    if choices is not None and (type(choices) is not int or choices < 1):
        raise InvalidInput("n must be a whole number of at least 1.", field="n")
    if choices is not None and choices > capabilities.max_choices:
        most = f"from 1 to {capabilities.max_choices}" if capabilities.max_choices > 1 else "1"
        raise UnsupportedParameter(f"n must be {most} for this model.", field="n")
    check_shapes(body)
