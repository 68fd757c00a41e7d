"""The most a chat completion can use, and the request clamped to exactly that (P17, trust.md: "hold smaller than
what the call may use")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testkase.services.inference.bounds import input_token_bound
from testkase.services.inference.model import ModelEntry
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.request import (
    output_limit,
    output_token_bound,
    prepare_body,
)

LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """No call made under these bounds can use more. `output_tokens` counts all choices together."""

    input_tokens: int
    output_tokens: int


def clamp(body: Mapping[str, Any], model: ModelEntry) -> tuple[dict[str, Any], Bounds]:
    """The body with its output limit always present, and the bounds that the request made of it obeys.

    All choices share the model's maximum, so that neither `max_tokens=10**9` nor `n` can park a whole balance.
    Raises UnsupportedParameter for what cannot be bounded.
    """
    messages = body.get("messages")
    if isinstance(messages, list) and len(messages) > model.context_window:  # each is a token at the very least
        raise UnsupportedParameter(f"{model.name} takes {model.context_window:,} tokens at most.", field="messages")
    wanted = body.get("n")
    choices = wanted if type(wanted) is int and wanted > 0 else 1  # a wrong n is refused below
    limit = max(1, min(output_limit(model, body), model.max_output_tokens // choices))
    clamped = {name: value for name, value in body.items() if name not in LIMIT_FIELDS} | {"max_tokens": limit}
    return clamped, Bounds(
        input_tokens=min(input_token_bound(body), model.context_window),
        output_tokens=output_token_bound(prepare_body(model, clamped)),
    )
