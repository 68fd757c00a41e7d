"""The most a chat completion can use, and the request clamped to exactly that (P17, trust.md: "hold smaller than
what the call may use")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testkase.foundation.problems import InvalidInput
from testkase.services.metering.policy import Policy

if TYPE_CHECKING:
    from testkase.services.inference import ModelEntry

_OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """No call made under these bounds can use more. `output_tokens` counts all choices together."""

    input_tokens: int
    output_tokens: int


def clamp(
    body: Mapping[str, Any], model: "ModelEntry", *, input_bound: int, policy: Policy
) -> tuple[dict[str, Any], Bounds]:
    """The body with its maximum of output tokens always present and within the model's, and the bounds it obeys.

    Raises InvalidInput for a maximum or a number of choices that is no positive integer, or for too many choices.
    """
    choices = _positive(body, "n", 1)
    if choices > policy.max_choices:
        raise InvalidInput(
            f"n may be at most {policy.max_choices}; ask again for more choices.",
            field="n",
        )
    field = next(
        (name for name in _OUTPUT_FIELDS if body.get(name) is not None), "max_tokens"
    )
    wanted = _positive(body, field, policy.default_output_tokens)
    per_choice = max(1, min(wanted, model.max_output_tokens // choices))
    clamped = {key: value for key, value in body.items() if key not in _OUTPUT_FIELDS}
    clamped[field] = per_choice
    return clamped, Bounds(
        input_tokens=min(input_bound, model.context_window),
        output_tokens=per_choice * choices,
    )


def _positive(body: Mapping[str, Any], field: str, default: int) -> int:
    value = body.get(field)
    if value is None:
        return default
    if type(value) is not int or value < 1:
        raise InvalidInput(
            f"{field} must be a whole number of at least 1.", field=field
        )
    return value
